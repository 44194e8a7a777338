"""How the command shows things: values as data, envelopes as text, colours on a terminal only."""

from __future__ import annotations

import json
import re
import sys
from typing import IO, Any

import attrs
import click

from marketo_soap.envelope import Reply, Request
from marketo_soap.errors import Fault, LeadSyncFailed, MarketoError
from marketo_soap.history import Exchange
from marketo_soap.operations import SyncLeadResult
from marketo_soap.records import LeadRecord
from marketo_soap.redaction import HIDDEN, Redactor
from marketo_soap.signature import AuthenticationHeader

__all__ = ["as_data", "print_envelopes", "print_json", "print_message", "print_result"]


_UNSEEN = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def as_data(value: Any) -> Any:
    """Turn a message into dicts, lists and plain values, fields by their Python names."""
    return attrs.asdict(value) if attrs.has(type(value)) else value


def message_data(message: Request[Any] | Reply[Any] | Fault, *, raw: bool) -> dict[str, Any]:
    """Return what a message holds; the user id and the signature only if *raw*."""
    if isinstance(message, Fault):
        return {"kind": "fault", **error_data(message, raw=True)}
    if isinstance(message, Reply):
        return {"kind": "reply", "operation": message.operation_type.name, "result": as_data(message.result)}
    return {
        "kind": "request",
        "operation": message.operation.name,
        "header": _header_data(message.header, raw),
        "context": as_data(message.context),
        "parameters": as_data(message.operation),
    }


def error_data(error: MarketoError, *, raw: bool = False) -> dict[str, Any]:
    """Return what an error says, for programs; what is private only if *raw*."""
    sent = b"" if error.exchange is None else error.exchange.request
    show = str if raw else Redactor.of_request(sent).text
    data: dict[str, Any] = {"type": type(error).__name__}
    if isinstance(error, Fault):
        data |= {"code": error.code, "message": show(error.message), "name": error.name}
        data |= {"faultcode": error.faultcode, "faultstring": show(error.faultstring)}
    else:
        data["message"] = str(error)
    if isinstance(error, LeadSyncFailed):
        data["result"] = as_data(error.result)
        if not raw:
            data["result"]["sync_status"]["error"] = show(error.result.sync_status.error or "")
            data["result"]["lead_record"] = None
    return data


def _header_data(header: AuthenticationHeader | None, raw: bool) -> Any:
    if header is None or raw:
        return as_data(header)
    return as_data(header) | {"mktows_user_id": HIDDEN, "request_signature": HIDDEN}


def print_json(data: Any) -> None:
    """Print *data* as JSON, one document."""
    text = json.dumps(data, ensure_ascii=False, indent=2)
    click.echo(_UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def print_result(result: SyncLeadResult, key: str | None) -> None:
    """Say at a glance what a sync did."""
    status = str(result.sync_status.status)
    colour = {"CREATED": "green", "UPDATED": "green", "FAILED": "red"}.get(status, "yellow")
    click.echo(f"{click.style(status, fg=colour, bold=True)} lead {result.lead_id} (key: {key})")
    if result.lead_record is not None:
        _print_record(result.lead_record)


def _print_record(record: LeadRecord) -> None:
    rows = [
        ("Id", "", record.id),
        ("Email", "", record.email),
        ("ForeignSysPersonId", record.foreign_sys_type or "", record.foreign_sys_person_id),
        *((attribute.name, attribute.type or "", attribute.value) for attribute in record.attributes),
    ]
    rows = [row for row in rows if row[2] is not None]
    widths = [max((len(printable(row[column])) for row in rows), default=0) for column in (0, 1)]
    for name, kind, value in rows:
        columns = f"  {printable(name):<{widths[0]}}  {printable(kind):<{widths[1]}}"
        click.echo(f"{columns}  {printable(value)}".rstrip())


def printable(value: object) -> str:
    """Return *value* as text that cannot move the cursor or break the line of a terminal."""
    text = str(value)
    return text if text.isprintable() else ascii(text)


def print_message(message: Request[Any] | Reply[Any] | Fault, *, raw: bool) -> None:
    """Print what a message holds as an indented tree."""
    data = message_data(message, raw=raw)
    kind, name = data.pop("kind"), data.pop("operation", None) or data.pop("type", "")
    click.echo(click.style(f"{kind} {name}".strip(), bold=True))
    _print_tree(data, "  ")


def _print_tree(data: Any, indent: str) -> None:
    for name, value in data.items() if isinstance(data, dict) else enumerate(data, start=1):
        if isinstance(value, dict | list | tuple) and value:
            click.echo(f"{indent}{printable(name)}:")
            _print_tree(value, indent + "  ")
        else:
            shown = {None: "-", True: "true", False: "false"}.get(value) if _is_flag(value) else None
            click.echo(f"{indent}{printable(name)}: {shown or printable(value or '(empty)')}")


def _is_flag(value: object) -> bool:
    return value is None or isinstance(value, bool)


def print_envelopes(exchange: Exchange, *, raw: bool, to_stderr: bool = False) -> None:
    """Print both envelopes as they were sent: highlighted on a terminal, plain in a pipe."""
    stream = sys.stderr if to_stderr else sys.stdout
    click.secho(f"--> POST {exchange.endpoint} ({len(exchange.request)} bytes)", bold=True, file=stream)
    _print_xml(exchange.request_text(raw=raw), stream)
    if exchange.response is None:
        click.secho("<-- no answer", bold=True, file=stream)
        return
    size, took = len(exchange.response), exchange.elapsed * 1000
    click.secho(f"<-- HTTP {exchange.status} ({size} bytes, {took:.1f} ms)", bold=True, file=stream)
    _print_xml(exchange.response_text(raw=raw), stream)


def _print_xml(text: str, stream: IO[str]) -> None:
    if stream.isatty():
        from rich.console import Console
        from rich.syntax import Syntax

        Console(file=stream).print(Syntax(text, "xml", word_wrap=True, background_color="default"))
    else:
        click.echo(text.rstrip("\n"), file=stream)
