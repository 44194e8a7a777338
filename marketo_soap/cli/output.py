"""How the command shows things: values as data, envelopes as text, colours on a terminal only."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs
import click

from marketo_soap import envelope
from marketo_soap.config import exposure
from marketo_soap.debug.checks import Check, Verdict
from marketo_soap.debug.compare import Comparison, Difference, describe
from marketo_soap.envelope import Reply
from marketo_soap.errors import Fault, MarketoError
from marketo_soap.operations import Operation
from marketo_soap.operations.sync_lead import LeadSyncFailed, SyncLeadResult
from marketo_soap.privacy.redactor import Redactor
from marketo_soap.records.lead import LeadRecord
from marketo_soap.wire.tree import ignored_elements

T = TypeVar("T")

_UNSEEN = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SILENT = 2.0  # seconds without a message
_PAUSE = 5.0  # seconds between two lines


def warn_if_exposed(path: str | Path, *, readable: bool = True) -> None:
    """Warn on standard error if every user of this machine can change a file, or, where that matters, read it."""
    what = exposure(path)
    if what == "change" or (what == "read" and readable):
        click.echo(f"warning: every user of this machine can {what} {printable(str(path))} (chmod 600)", err=True)


def as_data(value: Any) -> Any:
    """Turn a message into dicts, lists and plain values, fields by their Python names."""
    return attrs.asdict(value) if attrs.has(type(value)) else value


def message_data(data: bytes) -> dict[str, Any]:
    """Return what the bytes of a message hold, and what of it Marketo ignores."""
    message = envelope.read(data)
    if isinstance(message, Fault):
        return {"kind": "fault", **error_data(message, raw=True)}
    if isinstance(message, Reply):
        return {"kind": "reply", "operation": message.operation_type.name, "result": as_data(message.result)}
    opened = envelope.open_request(data)
    read = {
        "kind": "request",
        "operation": message.operation.name,
        "header": as_data(message.header),
        "context": as_data(message.context),
        "parameters": as_data(message.operation),
    }
    ignored = [str(each) for each in ignored_elements(opened.operation_type, opened.params)]
    return {**read, "ignored": ignored} if ignored else read


def hidden_data(data: Any, redactor: Redactor, name: str = "") -> Any:
    """Return the data of a message with private values as tokens; *name* and the keys are those of its fields."""
    if isinstance(data, dict):
        if data.keys() == {"name", "type", "value"}:  # an attribute
            value = data["value"]
            attribute = f"attribute {data['name']}"
            shown = {each: hidden_data(data[each], redactor, each) for each in ("name", "type")}
            return {**shown, "value": redactor.value(value, attribute) if value else value}
        return {each: hidden_data(value, redactor, each) for each, value in data.items()}
    if isinstance(data, list | tuple):
        return [hidden_data(value, redactor, name) for value in data]
    if not isinstance(data, str) or not data:
        return data
    return redactor.field(data, name)


def error_data(error: MarketoError, *, raw: bool = False) -> dict[str, Any]:
    """Return the fields of an error as data; private ones only if *raw*."""
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


def print_json(data: Any) -> None:
    """Print *data* as JSON, one document."""
    click.echo(_json(data))


def print_json_items(items: Iterable[Any]) -> None:
    """Print *items* as one JSON list, each as soon as it is there."""
    before = "["
    for item in items:
        lines = "\n".join(f"  {line}" for line in _json(item).split("\n"))
        click.echo(f"{before}\n{lines}", nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


def _json(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, indent=2, default=str)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_result(result: SyncLeadResult, key: str | None) -> None:
    """Print the result of a sync."""
    status = str(result.sync_status.status)
    colour = {"CREATED": "green", "UPDATED": "green", "FAILED": "red"}.get(status, "yellow")
    click.echo(f"{click.style(status, fg=colour, bold=True)} lead {result.lead_id}{f' (key: {key})' if key else ''}")
    if result.lead_record is not None:
        _print_record(result.lead_record)


def print_call(operation: type[Operation[Any]], result: Any) -> None:
    """Print the result of any call: its summary, then all its fields."""
    click.secho(operation.summary(result), bold=True)
    _print_lines(_tree(as_data(result), "  "))


def _print_record(record: LeadRecord) -> None:
    rows = [
        ("Id", "", record.id),
        ("Email", "", record.email),
        ("ForeignSysPersonId", record.foreign_sys_type or "", record.foreign_sys_person_id),
        *((attribute.name, attribute.type or "", attribute.value) for attribute in record.attributes),
    ]
    print_columns([tuple(map(printable, row)) for row in rows if row[2] is not None])


def counted(number: int, what: str) -> str:
    """Return how many of *what* there are: `1 row`, `2,000 rows`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def print_columns(rows: Sequence[tuple[str, ...]], *, right: int | None = None) -> None:
    """Print *rows* in columns, all aligned left but the one with the number *right*."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if number == right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        click.echo(f"  {'  '.join(cells)}".rstrip())


def printable(value: object) -> str:
    """Return *value* as text without control characters."""
    text = str(value)
    return text if text.isprintable() else ascii(text)


def print_message(data: dict[str, Any]) -> None:
    """Print what a message holds as an indented tree."""
    data = dict(data)
    where, kind = data.pop("where", ""), data.pop("kind")
    name, ignored = data.pop("operation", None) or data.pop("type", ""), data.pop("ignored", [])
    click.echo(click.style(f"{f'{where}: ' if where else ''}{kind} {name}".strip(), bold=True))
    _print_lines(_tree(data, "  "))
    for each in ignored:
        click.echo(f"  {click.style('!', fg='yellow', bold=True)} {printable(each)}")


_COLOURS = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red", Verdict.SKIP: "bright_black"}


def styled(verdict: Verdict) -> str:
    """Return a verdict in its colour, as wide as any other."""
    return click.style(f"{verdict:<4}", fg=_COLOURS[verdict], bold=True)


def print_checks(where: str, checks: list[Check], *, quiet: bool = False) -> None:
    """Print the checks, one a line, and how many there are of each verdict; *quiet*: only warnings and failures."""
    if where:
        click.secho(where, bold=True)
    width = max(len(check.name) for check in checks)
    for check in checks:
        if quiet and check.verdict in (Verdict.PASS, Verdict.SKIP):
            continue
        line = f" (line {check.line})" if check.line else ""
        click.echo(f"{styled(check.verdict)}  {check.name:<{width}}  {printable(check.message)}{line}")
    counts = Counter(check.verdict for check in checks)
    click.echo(", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]))


def comparison_data(comparison: Comparison, redactor: Redactor) -> dict[str, Any]:
    """Return a comparison for programs, private values as tokens."""

    def shown(value: Any, of: Difference) -> Any:
        if isinstance(value, tuple):
            return [shown(each, of) for each in value]
        return redactor.value(value, of.name) if of.private and value is not None else value

    first = comparison.first_byte
    return {
        "verdict": str(comparison.verdict),
        "differences": [
            {"part": d.part, "name": d.name, "old": shown(d.old, d), "new": shown(d.new, d)}
            for d in comparison.differences
        ],
        "remarks": list(comparison.remarks),
        "first_byte": first and {"offset": first.offset, "line": first.line, "column": first.column},
    }


def print_comparison(comparison: Comparison, redactor: Redactor, sides: tuple[str, str]) -> None:
    """Print a comparison: the verdict, the differences, how it is written otherwise, the first differing byte."""
    colour = {"-": "red", "~": "yellow"}
    verdict, *lines = describe(comparison, redactor=redactor, sides=sides)
    click.secho(verdict, bold=True, fg="red" if comparison.differences else "green")
    for line in lines:
        click.secho(line, fg=colour.get(line[:1]))


def _print_lines(lines: Iterator[str]) -> None:
    """Print *lines*, many at a time: a message may have a million."""
    while block := list(islice(lines, 1000)):
        click.echo("\n".join(block))


def _tree(data: Any, indent: str) -> Iterator[str]:
    for name, value in data.items() if isinstance(data, dict) else enumerate(data, start=1):
        if isinstance(value, dict) and value.keys() == {"name", "type", "value"}:
            kind = f" ({printable(value['type'])})" if value["type"] else ""
            yield f"{indent}{printable(value['name'])}{kind}: {printable(value['value']) or '(empty)'}"
        elif isinstance(value, dict | list | tuple) and value:
            yield f"{indent}{printable(name)}:"
            yield from _tree(value, indent + "  ")
        else:
            yield f"{indent}{printable(name)}: {_shown(value)}"


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "(empty)" if isinstance(value, Sized) and not value else printable(value)


def progress(items: Iterable[T], what: str, *, clock: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """Yield *items*, and print how many of *what* are done if it takes longer than two seconds."""
    total = len(items) if isinstance(items, Sized) else None
    if sys.stderr.isatty() and total is not None and total > 1:
        with click.progressbar(items, label=what, file=sys.stderr) as bar:
            yield from bar
        return
    start = clock()
    due = start + _SILENT
    for done, item in enumerate(items):
        if (now := clock()) >= due:
            click.echo(f"{what}: {done}{'' if total is None else f' of {total}'} after {now - start:.0f} s", err=True)
            due = now + _PAUSE
        yield item
    if due > start + _SILENT:
        click.echo(f"{what}: {'all' if total is None else f'{total} of {total}'}", err=True)


class Lines(Generic[T]):
    """Prints to standard error, every few seconds, what *describe* says of the progress that it is called with."""

    def __init__(self, describe: Callable[[T], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._describe, self._clock = describe, clock
        self._due = clock() + _PAUSE

    def __call__(self, done: T) -> None:
        """Show the progress, if a line is due."""
        line, now = self._describe(done), self._clock()
        if now >= self._due:
            self._due = now + _PAUSE
            click.echo(line, err=True)
