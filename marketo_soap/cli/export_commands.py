"""Commands that write what is in a file for others: redact, export."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from attrs import evolve

from marketo_soap import envelope
from marketo_soap.cli.output import progress
from marketo_soap.cli.source import Source, file_argument, peek, redaction_options
from marketo_soap.debug import exporting
from marketo_soap.debug.found import is_request
from marketo_soap.debug.importing import exchanges, exchanges_in, messages, messages_of, pieces
from marketo_soap.history import Exchange
from marketo_soap.privacy.redactor import EVERYTHING, Redactor

LOCAL = "http://127.0.0.1:8807/soap/mktows/2_2"  # where `marketo-soap sandbox` listens


@click.command()
@file_argument
@click.option("--best-effort", is_flag=True, help="Exit code 0 although parts of it could not be read.")
@redaction_options
def redact(source: Source, best_effort: bool, redactor: Redactor) -> None:
    """Print FILE (an envelope, a HAR file, a log) with what is private replaced by tokens.

    The same value gets the same token. Of a HAR file only what is SOAP is kept. Exit code 1 if something could not
    be read: it may still be private.
    """
    unread: set[str] = set()
    requests = False
    for piece in progress(pieces(source.open()), "pieces looked through"):
        if piece.alone and _is_archive(piece.data):
            _print_archive(piece.data, redactor)
            requests = True
            break
        requests = requests or any(is_request(message.data) for message in messages_of(piece))
        redactor.learn(piece.data)
        if not piece.complete:
            unread.add(f"line {piece.line}: something longer than a message may be begins here")
    else:
        for piece in progress(pieces(source.open()), "pieces redacted"):
            click.echo(redactor.data(piece.data), nl=False)
    if not requests:
        click.echo(
            "# no request was found, so values in free text are not known: check the output before you share it",
            err=True,
        )
    if redactor.visible == EVERYTHING:
        return
    unread |= redactor.unread
    for each in sorted(unread):
        click.echo(f"# not everything could be read: {each}", err=True)
    if unread and not best_effort:
        raise SystemExit(1)


def _print_archive(data: bytes, redactor: Redactor) -> None:
    kept = [exchange for exchange in exchanges(data, started=datetime.now(UTC)) if exchange.operation]
    redactor.learn(*(exchange.request for exchange in kept))
    for part in exporting.har_parts(kept, redactor):
        click.echo(part, nl=False)


def _is_archive(data: bytes) -> bool:
    return any(message.where.startswith("entry") for message in messages(data))


_FORMS = {"har": exporting.har_parts, "http": exporting.http_parts, "curl": exporting.curl_parts}


@click.command()
@file_argument
@click.option("--as", "form", type=click.Choice([*_FORMS, "xml"]), required=True, help="The form to write.")
@click.option(
    "-o", "--output", "directory", type=click.Path(file_okay=False, path_type=Path), help="The directory for --as xml."
)
@click.option(
    "--endpoint",
    default=LOCAL,
    show_default=True,
    help="The endpoint of requests whose endpoint FILE does not contain.",
)
@redaction_options
def export(source: Source, form: str, directory: Path | None, endpoint: str, redactor: Redactor) -> None:
    """Write the exchanges in FILE for other tools: a HAR archive, a .http file, curl commands, XML files."""

    def found(what: str) -> Iterator[Exchange]:
        every = progress(exchanges_in(source.open(), started=datetime.now(UTC)), what)
        return (exchange for exchange in every if exchange.operation)

    count, known = peek(found("exchanges looked through"))
    if not count:
        raise click.ClickException(f"no exchange in {source.name}")
    for exchange in known:
        redactor.learn(exchange.request)
    given = (_complete(exchange, endpoint) for exchange in found("exchanges written"))
    if form != "xml":
        for part in _FORMS[form](given, redactor):
            click.echo(part, nl=False)
        return
    if directory is None:
        raise click.UsageError("--as xml needs a directory: --output DIRECTORY")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, data in exporting.file_parts(given, redactor):
        (directory / name).touch(mode=0o600)
        (directory / name).write_bytes(data)
        click.echo(directory / name)


def _complete(exchange: Exchange, endpoint: str) -> Exchange:
    """The exchange of a bare envelope, with the address and the headers that it would be sent with."""
    if not exchange.request_headers:
        action = envelope.soap_action(envelope.open_request(exchange.request).operation_type)
        exchange = evolve(
            exchange, request_headers=(("Content-Type", "text/xml; charset=UTF-8"), ("SOAPAction", action))
        )
    return exchange if exchange.endpoint else evolve(exchange, endpoint=endpoint)
