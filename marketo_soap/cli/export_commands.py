"""Commands that write what is in a file for others: redact, export."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO

import click
from attrs import evolve

from marketo_soap import envelope
from marketo_soap.cli.help import examples
from marketo_soap.cli.output import progress
from marketo_soap.cli.source import Source, Sources, files_argument, peek, redaction_options
from marketo_soap.debug import exporting
from marketo_soap.debug.found import is_request
from marketo_soap.debug.importing import exchanges, exchanges_in, messages, messages_of, paired, pieces
from marketo_soap.history import Exchange
from marketo_soap.privacy.redactor import EVERYTHING, Redactor

LOCAL = "http://127.0.0.1:8807/soap/mktows/2_2"  # where `marketo-soap sandbox` listens


@click.command(
    short_help="Print a file without its private values.",
    epilog=examples("redact error.log", "redact --output shared 'logs/*.log'"),
)
@files_argument
@click.option("--best-effort", is_flag=True, help="Exit code 0 even if a part could not be read.")
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a file for each FILE into this directory, instead of printing it.",
)
@redaction_options
def redact(sources: Sources, best_effort: bool, directory: Path | None, redactor: Redactor) -> None:
    """Print FILE (an envelope, a HAR file, a log) with private values replaced by tokens.

    The same value has the same token in all files. Of a HAR file, only SOAP exchanges are kept. Exit code 1 if a part
    could not be read: it may contain private values.
    """
    unread: set[str] = set()
    requests, archives = False, list[Source]()
    for source in sources:
        with source.open() as file:
            for piece in progress(pieces(file), "pieces looked through"):
                if piece.alone and _is_archive(piece.data):
                    archives.append(source)
                    if len(sources) > 1 and directory is None:
                        raise click.UsageError(
                            f"{source.name} is a HAR file: name it alone, or give --output DIRECTORY"
                        )
                    redactor.learn(*(exchange.request for exchange in _kept(piece.data)))
                    requests = True
                    break
                requests = requests or any(is_request(message.data) for message in messages_of(piece))
                redactor.learn(piece.data)
                if not piece.complete:
                    where = sources.place(source, f"line {piece.line}")
                    unread.add(f"{where}: something longer than a message may be begins here")
    for source, write in _each_written(sources, directory):
        for part in _redacted(source, redactor, source in archives):
            write(part)
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


def _redacted(source: Source, redactor: Redactor, is_archive: bool) -> Iterator[bytes]:
    with source.open() as file:
        for piece in progress(pieces(file), "pieces redacted"):
            if is_archive:
                yield from exporting.har_parts(_kept(piece.data), redactor)
            else:
                yield redactor.data(piece.data)


def _each_written(sources: Sources, directory: Path | None) -> Iterator[tuple[Source, Callable[[bytes], object]]]:
    """Yield each source, and the function that writes what became of it: to standard output, or into *directory*."""
    if directory is None:
        for source in sources:
            yield source, lambda part: click.echo(part, nl=False)
        return
    names = [Path(source.name).name for source in sources]
    if len(set(names)) < len(names):
        raise click.UsageError("--output: two of the files have the same name")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for source, name in zip(sources, names, strict=True):
        with _created(directory / name) as file:
            yield source, file.write
        click.echo(directory / name)


def _created(path: Path) -> IO[bytes]:
    """Create a file that its owner alone can read. It must not exist: it may be the one that is read."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _kept(data: bytes) -> list[Exchange]:
    """Return the exchanges of an archive that are SOAP."""
    return [exchange for exchange in exchanges(data, started=datetime.now(UTC)) if exchange.operation]


def _is_archive(data: bytes) -> bool:
    return any(message.where.startswith("entry") for message in messages(data))


_FORMS = {"har": exporting.har_parts, "http": exporting.http_parts, "curl": exporting.curl_parts}


@click.command(
    short_help="Write exchanges as HAR, .http, curl or XML files.",
    epilog=examples("export --as har error.log", "export --as curl request.xml"),
)
@files_argument
@click.option("--as", "form", type=click.Choice([*_FORMS, "xml"]), required=True, help="The format to write.")
@click.option(
    "-o", "--output", "directory", type=click.Path(file_okay=False, path_type=Path), help="The directory for --as xml."
)
@click.option(
    "--endpoint",
    default=LOCAL,
    show_default=True,
    help="The endpoint of requests that are recorded without one.",
)
@redaction_options
def export(sources: Sources, form: str, directory: Path | None, endpoint: str, redactor: Redactor) -> None:
    """Write the exchanges in FILE for other tools: a HAR archive, a .http file, curl commands, XML files.

    Of several files, `x.request.xml` and `x.response.xml` are the two sides of one exchange.
    """

    def found(what: str) -> Iterator[Exchange]:
        every = progress(_exchanges(sources, datetime.now(UTC)), what)
        return (exchange for exchange in every if exchange.operation)

    count, known = peek(found("exchanges looked through"))
    if not count:
        raise click.ClickException(f"no exchange in {', '.join(source.name for source in sources)}")
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


def _exchanges(sources: Sources, started: datetime) -> Iterator[Exchange]:
    """Yield the exchanges in all files."""
    named = {source.name: source for source in sources}
    for source in sources:
        stem = source.name.removesuffix(".response.xml")
        if stem != source.name and f"{stem}.request.xml" in named:
            continue
        stem = source.name.removesuffix(".request.xml")
        response = named.get(f"{stem}.response.xml") if stem != source.name else None
        if response is not None:
            yield from paired(chain(source.messages(), response.messages()), started)
        else:
            with source.open() as file:
                yield from exchanges_in(file, started=started)


def _complete(exchange: Exchange, endpoint: str) -> Exchange:
    """The exchange of a bare envelope, with the address and the headers that it would be sent with."""
    if not exchange.request_headers:
        action = envelope.soap_action(envelope.open_request(exchange.request).operation_type)
        exchange = evolve(
            exchange, request_headers=(("Content-Type", "text/xml; charset=UTF-8"), ("SOAPAction", action))
        )
    return exchange if exchange.endpoint else evolve(exchange, endpoint=endpoint)
