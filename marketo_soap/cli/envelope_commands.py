"""Commands for a person who holds an envelope: parse, verify, diff, redact, export, convert, send."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import wraps
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, TypeVar

import click
from attrs import evolve

from marketo_soap import envelope
from marketo_soap.calls.sign_again import resign
from marketo_soap.cli import output
from marketo_soap.cli.clients import client_of_endpoint, client_of_sandbox
from marketo_soap.cli.options import signer_options
from marketo_soap.cli.progress import progress
from marketo_soap.debug import checks, compare, styles
from marketo_soap.debug import exporting as exports
from marketo_soap.debug.importing import Found, exchanges, exchanges_in, messages, messages_in, messages_of, pieces
from marketo_soap.errors import MarketoError, ProtocolError
from marketo_soap.history import Exchange
from marketo_soap.privacy.redactor import EVERYTHING, Redactor, Visible
from marketo_soap.signature import Credentials, timestamp
from marketo_soap.wire.tree import ignored_elements

__all__ = ["convert", "diff", "export", "parse", "redact", "send", "verify"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

LOCAL = "http://127.0.0.1:8807/soap/mktows/2_2"  # where `marketo-soap sandbox` listens

_FILE = click.argument("file", type=click.File("rb"), default="-")
_POLICY = {"user-id": "user_id", "signature": "signature", "cookie": "cookie", "emails": "emails", "values": "values"}


def _policy_options(command: F) -> F:
    """Give *command* `visible`, made of --raw and --visible, and `secrets`: the key of the environment."""

    @wraps(command)
    def with_policy(raw: bool, visible: tuple[str, ...], **others: Any) -> Any:
        parts = {_POLICY[name]: True for name in visible if name in _POLICY}
        attributes = frozenset(visible) - _POLICY.keys()
        policy = EVERYTHING if raw else Visible(**parts, attributes=attributes)
        key = os.environ.get("MARKETO_SOAP_ENCRYPTION_KEY")
        return command(visible=policy, secrets=(key,) if key else (), **others)

    decorated: Any = click.option("--raw", is_flag=True, help="Hide nothing but the encryption key.")(with_policy)
    names = ", ".join(_POLICY)
    return click.option(  # type: ignore[no-any-return]
        "--visible", multiple=True, metavar="NAME", help=f"What may be seen: {names}, or an attribute's name."
    )(decorated)


def _rewindable(file: IO[bytes]) -> IO[bytes]:
    """Return *file*, or what is in it if it can be read only once: what is private is looked for before it is shown."""
    if file.seekable():
        return file
    kept = click.get_current_context().with_resource(tempfile.TemporaryFile())  # noqa: SIM115
    shutil.copyfileobj(file, kept)
    kept.seek(0)
    return kept


def _found(file: IO[bytes], name: str) -> Iterator[Found]:
    """The messages in *file*; there is one."""
    found = messages_in(file)
    first = next(found, None)
    if first is None:
        raise click.ClickException(f"no SOAP envelope in {name}")
    return chain([first], found)


def _name(file: IO[bytes]) -> str:
    return output.printable(getattr(file, "name", "<stdin>"))


def _first(file: IO[bytes], read: Callable[[bytes], object]) -> bytes:
    """The first message in *file* that can be read, or else the first."""
    first: bytes | None = None
    for message in _found(file, _name(file)):
        first = message.data if first is None else first
        try:
            read(message.data)
        except ProtocolError:
            continue
        return message.data
    assert first is not None
    return first


def _is_one(items: Iterator[T]) -> tuple[bool, Iterator[T]]:
    """Whether there is but one, and all of them."""
    first = list(islice(items, 2))
    return len(first) == 1, chain(first, items)


@click.command()
@_FILE
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@_policy_options
def parse(file: IO[bytes], as_json: bool, visible: Visible, secrets: tuple[str, ...]) -> None:
    """Print what the messages in FILE hold: an envelope, a HAR file, a log (default: standard input).

    What Marketo would ignore is pointed at. Private values are shown as tokens.
    """
    name, file = _name(file), _rewindable(file)
    begun = file.tell()
    redactor = Redactor(visible, secrets)
    for message in progress(_found(file, name), "messages looked through"):
        redactor.learn(message.data)
    file.seek(begun)
    one, found = _is_one(_found(file, name))
    broken = False

    def read() -> Iterator[dict[str, Any]]:
        nonlocal broken
        for message in progress(found, "messages read"):
            try:
                data = output.message_data(message.data)
            except MarketoError as error:
                if one:
                    error.hint = "marketo-soap verify tells everything that is wrong with a request"
                    said = redactor.text(output.printable(f"{type(error).__name__}: {error}"))
                    raise click.ClickException(said) from None
                data, broken = {"kind": "unreadable", "message": str(error)}, True
            data = output.hidden_data(data, redactor)
            yield {"where": message.where, **data} if message.where else data

    if as_json and one:
        output.print_json(next(read()))
    elif as_json:
        output.print_json_items(read())
    else:
        for data in read():
            output.print_message(data)
    if broken:
        raise SystemExit(1)


@click.command()
@_FILE
@signer_options
@click.option("--age/--no-age", default=True, help="Check the timestamp's age against the clock of this machine.")
@click.option("-q", "--quiet", is_flag=True, help="Print only what is not well.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def verify(
    file: IO[bytes], user_id: str | None, encryption_key: str | None, age: bool, quiet: bool, as_json: bool
) -> None:
    """Check everything that can be wrong with the request in FILE.

    With a user id and a key (from the environment) the signature too, and what is likely wrong with it. Exit
    code 1 if a check fails. Nothing private is printed.
    """
    credentials = Credentials(user_id, encryption_key) if user_id and encryption_key else None
    name, file = _name(file), _rewindable(file)
    begun = file.tell()
    requests: Iterator[Found] = (message for message in _found(file, name) if not _is_reply(message.data))
    first = next(requests, None)
    if first is None:
        file.seek(begun)
        requests = _found(file, name)
    else:
        requests = chain([first], requests)
    one, requests = _is_one(requests)
    now = datetime.now(UTC) if age else None
    failed = False

    def checked() -> Iterator[tuple[str, list[checks.Check]]]:
        nonlocal failed
        for message in progress(requests, "requests verified"):
            result = checks.check(message.data, credentials=credentials, now=now)
            failed = failed or any(each.verdict is checks.Verdict.FAIL for each in result)
            yield message.where, result

    if as_json:
        output.print_json_items(
            {"where": where, "checks": [output.as_data(each) for each in result]} for where, result in checked()
        )
    else:
        for where, result in checked():
            output.print_checks("" if one else where, result, quiet=quiet)
    if failed:
        raise SystemExit(1)


def _is_reply(data: bytes) -> bool:
    try:
        return not isinstance(envelope.read(data), envelope.Request)
    except ProtocolError:
        return False


@click.command()
@click.argument("old", type=click.File("rb"))
@click.argument("new", type=click.File("rb"))
@click.option("--signed", is_flag=True, help="Timestamp and signature count too.")
@click.option("--bytes", "exact", is_flag=True, help="Exit code 1 for other bytes of the same meaning too.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@_policy_options
def diff(
    old: IO[bytes],
    new: IO[bytes],
    signed: bool,
    exact: bool,
    as_json: bool,
    visible: Visible,
    secrets: tuple[str, ...],
) -> None:
    """Compare the messages in OLD and NEW as a person thinks of them; `-` is standard input.

    Exit code 0 if they mean the same, 1 if not.
    """
    before, after = (_first(file, envelope.read) for file in (old, new))
    comparison = compare.compare(before, after, signed=signed)
    redactor = Redactor(visible, secrets)
    redactor.learn(before, after)
    if as_json:
        output.print_json(output.comparison_data(comparison, redactor))
    else:
        output.print_comparison(comparison, redactor, (_name(old), _name(new)))
    different = comparison.verdict is compare.Verdict.DIFFERENT
    if different or (exact and comparison.verdict is not compare.Verdict.IDENTICAL):
        raise SystemExit(1)


@click.command()
@_FILE
@click.option("--best-effort", is_flag=True, help="Exit code 0 though not all of it could be looked into.")
@_policy_options
def redact(file: IO[bytes], best_effort: bool, visible: Visible, secrets: tuple[str, ...]) -> None:
    """Print FILE (an envelope, a HAR file, a log) with what is private replaced by tokens.

    The same value gets the same token. Of a HAR file only what is SOAP is kept. Exit code 1 if something could not
    be looked into: it may still be private.
    """
    file = _rewindable(file)
    begun = file.tell()
    redactor = Redactor(visible, secrets)
    unread: set[str] = set()
    requests = False
    for piece in progress(pieces(file), "pieces looked through"):
        if piece.alone and _is_archive(piece.data):
            _print_archive(piece.data, redactor)
            requests = True
            break
        requests = requests or any(not _is_reply(message.data) for message in messages_of(piece))
        redactor.learn(piece.data)
        if not piece.complete:
            unread.add(f"line {piece.line}: something longer than a message may be begins here")
    else:
        file.seek(begun)
        for piece in progress(pieces(file), "pieces redacted"):
            click.echo(redactor.data(piece.data), nl=False)
    if not requests:
        click.echo(
            "# no request was found: values that stand in free text are not known, look before you share", err=True
        )
    unread |= redactor.unread
    for each in sorted(unread) if visible != EVERYTHING else ():
        click.echo(f"# not all of it could be looked into: {each}", err=True)
    if unread and visible != EVERYTHING and not best_effort:
        raise SystemExit(1)


def _print_archive(data: bytes, redactor: Redactor) -> None:
    kept = [exchange for exchange in exchanges(data, started=datetime.now(UTC)) if exchange.operation]
    redactor.learn(*(exchange.request for exchange in kept))
    for part in exports.har_parts(kept, redactor):
        click.echo(part, nl=False)


def _is_archive(data: bytes) -> bool:
    return any(message.where.startswith("entry") for message in messages(data))


def _http_parts(given: Iterable[Exchange], redactor: Redactor) -> Iterator[bytes]:
    for number, part in enumerate(exports.http_parts(given, redactor)):
        yield b"\n" + part if number else part


def _curl_parts(given: Iterable[Exchange], redactor: Redactor) -> Iterator[bytes]:
    return (exports.curl_command(exchange, redactor).encode("utf-8", "surrogateescape") for exchange in given)


_FORMS: dict[str, Callable[[Iterable[Exchange], Redactor], Iterator[bytes]]] = {
    "har": exports.har_parts,
    "http": _http_parts,
    "curl": _curl_parts,
}


@click.command()
@_FILE
@click.option("--as", "form", type=click.Choice([*_FORMS, "xml"]), required=True, help="The form to write.")
@click.option("-o", "--output", "directory", type=click.Path(file_okay=False, path_type=Path), help="Where to (xml).")
@click.option("--endpoint", default=LOCAL, show_default=True, help="The address, where FILE does not say it.")
@_policy_options
def export(
    file: IO[bytes], form: str, directory: Path | None, endpoint: str, visible: Visible, secrets: tuple[str, ...]
) -> None:
    """Write the exchanges in FILE for other tools: a HAR archive, a .http file, curl commands, XML files."""
    name, file = _name(file), _rewindable(file)
    begun = file.tell()
    redactor = Redactor(visible, secrets)
    one_at_least = False
    for exchange in progress(exchanges_in(file, started=datetime.now(UTC)), "exchanges looked through"):
        if exchange.operation:
            redactor.learn(exchange.request)
            one_at_least = True
    if not one_at_least:
        raise click.ClickException(f"no exchange in {name}")
    file.seek(begun)
    every = progress(exchanges_in(file, started=datetime.now(UTC)), "exchanges written")
    given = (_complete(exchange, endpoint) for exchange in every if exchange.operation)
    if form != "xml":
        for part in _FORMS[form](given, redactor):
            click.echo(part, nl=False)
        return
    if directory is None:
        raise click.UsageError("--as xml needs a directory: --output DIRECTORY")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, data in exports.file_parts(given, redactor):
        (directory / name).touch(mode=0o600)
        (directory / name).write_bytes(data)
        click.echo(directory / name)


def _complete(exchange: Exchange, endpoint: str) -> Exchange:
    """The exchange of a bare envelope, with the address and the headers that it would be sent with."""
    if not exchange.request_headers and exchange.operation:
        action = envelope.soap_action(envelope.open_request(exchange.request).operation_type)
        exchange = evolve(
            exchange, request_headers=(("Content-Type", "text/xml; charset=UTF-8"), ("SOAPAction", action))
        )
    return exchange if exchange.endpoint else evolve(exchange, endpoint=endpoint)


@click.command()
@_FILE
@click.option(
    "--style", type=click.Choice([style.value for style in styles.Style]), required=True, help="Whose way of writing."
)
@click.option("--lenient", is_flag=True, help="Exit code 0 though elements that Marketo ignores are left out.")
def convert(file: IO[bytes], style: str, lenient: bool) -> None:
    """Print the request in FILE as another client would put it on the wire: every value as it is.

    Elements that Marketo ignores are lost on the way: they are pointed at, and the exit code is 1.
    """
    opened = envelope.open_request(_first(file, envelope.open_request))
    click.echo(styles.write(opened.read(), styles.Style(style)), nl=False)
    lost = ignored_elements(opened.operation_type, opened.params)
    for each in lost:
        click.echo(f"! {output.printable(each)}", err=True)
    if lost and not lenient:
        raise SystemExit(1)


@click.command()
@_FILE
@signer_options
@click.option("--endpoint", envvar="MARKETO_SOAP_ENDPOINT", show_envvar=True, help="Where to send it.")
@click.option("--sandbox", is_flag=True, help="Send it to an embedded sandbox; the default if no endpoint is named.")
@click.option("--sandbox-db", type=click.Path(dir_okay=False), help="The sandbox's file; implies --sandbox.")
@click.option("--yes", is_flag=True, help="Do not ask before it is sent to an endpoint.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@_policy_options
def send(
    file: IO[bytes],
    user_id: str | None,
    encryption_key: str | None,
    endpoint: str | None,
    sandbox: bool,
    sandbox_db: str | None,
    yes: bool,
    dry_run: bool,
    visible: Visible,
    secrets: tuple[str, ...],
) -> None:
    """Sign the request in FILE anew and send it, every other byte as it is; print what comes back.

    It goes to an embedded sandbox unless an endpoint is named. Exit code 1 for a fault or no answer.
    """
    request = _first(file, envelope.open_request)
    envelope.open_request(request)
    local = sandbox or sandbox_db is not None or not endpoint
    if dry_run:
        credentials = _credentials(local, user_id, encryption_key)
        signed = resign(request, credentials, timestamp(datetime.now(UTC).astimezone()))
        click.echo(f"# would go to {'an embedded sandbox' if local else output.printable(endpoint)}", err=True)
        redactor = Redactor(visible, secrets)
        redactor.learn(signed)
        click.echo(redactor.data(signed), nl=False)
        return
    if not local and not yes:
        _confirm(str(endpoint))
    opening = client_of_sandbox(sandbox_db) if local else client_of_endpoint(endpoint, user_id, encryption_key)
    with opening as client:
        exchange = client.replay(request)
    output.print_envelopes(exchange, visible=visible)
    output.print_outcome(exchange)
    if exchange.status != 200 or exchange.fault is not None:
        raise SystemExit(1)


def _credentials(local: bool, user_id: str | None, key: str | None) -> Credentials:
    if local:
        from marketo_soap.sandbox.state import ENCRYPTION_KEY, USER_ID

        return Credentials(USER_ID, ENCRYPTION_KEY)
    if not (user_id and key):
        raise click.UsageError("no key to sign with: set MARKETO_SOAP_USER_ID and MARKETO_SOAP_ENCRYPTION_KEY")
    return Credentials(user_id, key)


def _confirm(endpoint: str) -> None:
    """Ask on the terminal; standard input may be the envelope itself."""
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: say --yes to send it")
    click.confirm(f"Send it to {output.printable(endpoint)}?", abort=True, err=True)
