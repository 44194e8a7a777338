"""Commands for a person who holds an envelope: parse, verify, diff, redact, export, convert, send."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import IO, Any, TypeVar

import click
from attrs import evolve

from marketo_soap import checks, compare, envelope, exports, styles
from marketo_soap.cli import output
from marketo_soap.cli.clients import client_of_endpoint, client_of_sandbox
from marketo_soap.cli.options import signer_options
from marketo_soap.cli.progress import progress
from marketo_soap.errors import MarketoError, ProtocolError
from marketo_soap.history import Exchange
from marketo_soap.imports import Found, exchanges, messages
from marketo_soap.redaction import EVERYTHING, Redactor, Visible
from marketo_soap.resign import resign
from marketo_soap.signature import Credentials, timestamp

__all__ = ["convert", "diff", "export", "parse", "redact", "send", "verify"]

F = TypeVar("F", bound=Callable[..., Any])

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


def _found(file: IO[bytes]) -> list[Found]:
    found = messages(file.read())
    if not found:
        raise click.ClickException(f"no SOAP envelope in {_name(file)}")
    return found


def _name(file: IO[bytes]) -> str:
    return output.printable(getattr(file, "name", "<stdin>"))


def _first(file: IO[bytes], read: Callable[[bytes], object]) -> bytes:
    """The first message in *file* that can be read, or else the first."""
    found = _found(file)
    for message in found:
        try:
            read(message.data)
        except ProtocolError:
            continue
        return message.data
    return found[0].data


@click.command()
@_FILE
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@_policy_options
def parse(file: IO[bytes], as_json: bool, visible: Visible, secrets: tuple[str, ...]) -> None:
    """Print what the messages in FILE hold: an envelope, a HAR file, a log (default: standard input).

    What Marketo would ignore is pointed at. Private values are shown as tokens.
    """
    found = _found(file)
    redactor = Redactor(visible, secrets)
    redactor.learn(*(message.data for message in found))
    data, broken = [], False
    for message in progress(found, "messages read"):
        shown = redactor.data(message.data)
        try:
            read = output.message_data(shown)
        except MarketoError as error:
            if len(found) == 1:
                error.hint = "marketo-soap verify tells everything that is wrong with a request"
                raise
            read, broken = {"kind": "unreadable", "message": str(error)}, True
        data.append({"where": message.where, **read} if message.where else read)
    if as_json:
        output.print_json(data if len(data) > 1 else data[0])
    else:
        for read in data:
            output.print_message(read)
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
    found = _found(file)
    requests = [message for message in found if not _is_reply(message.data)] or found
    now = datetime.now(UTC) if age else None
    said = [
        (message.where, checks.check(message.data, credentials=credentials, now=now))
        for message in progress(requests, "requests verified")
    ]
    if as_json:
        output.print_json(
            [{"where": where, "checks": [output.as_data(each) for each in result]} for where, result in said]
        )
    else:
        for where, result in said:
            output.print_checks(where if len(said) > 1 else "", result, quiet=quiet)
    if any(each.verdict is checks.Verdict.FAIL for _, result in said for each in result):
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
@_policy_options
def redact(file: IO[bytes], visible: Visible, secrets: tuple[str, ...]) -> None:
    """Print FILE (an envelope, a HAR file, a log) with what is private replaced by tokens.

    The same value gets the same token. Of a HAR file only what is SOAP is kept.
    """
    data = file.read()
    if _is_archive(data):
        kept = [exchange for exchange in exchanges(data, started=datetime.now(UTC)) if exchange.operation]
        click.echo(exports.har(kept, visible=visible, secrets=secrets), nl=False)
        return
    redactor = Redactor(visible, secrets)
    found = messages(data)
    redactor.learn(*(message.data for message in found))
    click.echo(redactor.data(data), nl=False)
    if not any(not _is_reply(message.data) for message in found):
        click.echo(
            "# no request was found: values that stand in free text are not known, look before you share", err=True
        )


def _is_archive(data: bytes) -> bool:
    return any(message.where.startswith("entry") for message in messages(data))


_FORMS: dict[str, Callable[..., bytes | str]] = {
    "har": exports.har,
    "http": exports.http_file,
    "curl": exports.curl,
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
    given = [_complete(exchange, endpoint) for exchange in exchanges(file.read(), started=datetime.now(UTC))]
    given = [exchange for exchange in given if exchange.operation]
    if not given:
        raise click.ClickException(f"no exchange in {_name(file)}")
    if form != "xml":
        click.echo(_FORMS[form](given, visible=visible, secrets=secrets), nl=False)
        return
    if directory is None:
        raise click.UsageError("--as xml needs a directory: --output DIRECTORY")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, data in exports.xml_files(given, visible=visible, secrets=secrets).items():
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
def convert(file: IO[bytes], style: str) -> None:
    """Print the request in FILE as another client would put it on the wire: every value as it is."""
    request = envelope.read_request(_first(file, envelope.open_request))
    click.echo(styles.write(request, styles.Style(style)), nl=False)


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
        from marketo_soap.sandbox.sandbox import ENCRYPTION_KEY, USER_ID

        return Credentials(USER_ID, ENCRYPTION_KEY)
    if not (user_id and key):
        raise click.UsageError("no key to sign with: set MARKETO_SOAP_USER_ID and MARKETO_SOAP_ENCRYPTION_KEY")
    return Credentials(user_id, key)


def _confirm(endpoint: str) -> None:
    """Ask on the terminal; standard input may be the envelope itself."""
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: say --yes to send it")
    click.confirm(f"Send it to {output.printable(endpoint)}?", abort=True, err=True)
