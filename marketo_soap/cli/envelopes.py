"""Envelopes as the commands show them: redacted in pipes, indented and in colour on a terminal."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from typing import IO

import click
from lxml import etree

from marketo_soap import envelope
from marketo_soap.cli.output import print_result
from marketo_soap.envelope import Reply
from marketo_soap.errors import Fault, ProtocolError
from marketo_soap.history import Exchange
from marketo_soap.operations.sync_lead import SyncLeadResult
from marketo_soap.privacy.redactor import EVERYTHING, Redactor, Visible
from marketo_soap.wire.xml import parse

__all__ = ["print_envelopes", "print_outcome"]

_DECLARATION = re.compile(r"\s*(<\?xml\b[^<>]*\?>)\s*")
_MOVES_THE_CURSOR = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def print_envelopes(exchange: Exchange, *, visible: Visible, own: bool = False, to_stderr: bool = False) -> None:
    """Print both envelopes. What is not *visible* is hidden, unless they are the user's *own* and on a terminal."""
    stream = sys.stderr if to_stderr else sys.stdout
    redactor = Redactor.of_request(exchange.request, EVERYTHING if own and stream.isatty() else visible)
    click.secho(f"--> POST {exchange.endpoint} ({len(exchange.request)} bytes)", bold=True, file=stream)
    _print_xml(redactor.message(exchange.request), stream)
    if exchange.response is None:
        click.secho("<-- no answer", bold=True, file=stream)
        return
    size, took = len(exchange.response), exchange.elapsed * 1000
    click.secho(f"<-- HTTP {exchange.status} ({size} bytes, {took:.1f} ms)", bold=True, file=stream)
    _print_xml(redactor.message(exchange.response), stream)


def print_outcome(exchange: Exchange) -> None:
    """Print the meaning of an exchange's response in a line."""
    message = envelope.read(exchange.response or b"")
    if isinstance(message, Reply) and isinstance(message.result, SyncLeadResult):
        print_result(message.result, None)
    elif isinstance(message, Fault):
        click.secho(Redactor.of_request(exchange.request).text(str(message)), fg="red", bold=True)


def _print_xml(text: str, stream: IO[str]) -> None:
    if not stream.isatty():
        click.echo(text.rstrip("\n"), file=stream)
        return
    from rich.console import Console
    from rich.syntax import Syntax

    with suppress(ProtocolError):  # a proxy's page
        text = _indented(text)
    text = _MOVES_THE_CURSOR.sub(lambda found: f"&#x{ord(found[0]):x};", text).rstrip("\n")
    Console(file=stream).print(Syntax(text, "xml", theme="ansi_dark", word_wrap=True, background_color="default"))


def _indented(text: str) -> str:
    """Return the text of a document with one element a line; with comments in it, as it is."""
    declaration = _DECLARATION.match(text)
    body = text[declaration.end() :] if declaration else text
    root = parse(body.encode("utf-8", "surrogatepass"))
    if "<!--" in body or "<?" in body:  # the parser drops them
        return text
    etree.indent(root)
    return (f"{declaration[1]}\n" if declaration else "") + etree.tostring(root, encoding="unicode")
