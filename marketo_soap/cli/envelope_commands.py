"""Commands for debugging an envelope: parse, verify, diff, convert, send."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import IO, Any

import click

from marketo_soap import envelope
from marketo_soap.calls.sign_again import sign_again
from marketo_soap.cli import output
from marketo_soap.cli.clients import client_of_endpoint, client_of_sandbox
from marketo_soap.cli.envelope_input import (
    file_argument,
    first_message,
    messages_found,
    name_of,
    only_one,
    policy_options,
    rewindable,
)
from marketo_soap.cli.options import signer_options
from marketo_soap.cli.output import progress
from marketo_soap.debug import checks, compare, styles
from marketo_soap.debug.found import Found, is_request
from marketo_soap.errors import MarketoError
from marketo_soap.privacy.redactor import Redactor, Visible
from marketo_soap.signature import Credentials, timestamp
from marketo_soap.wire.tree import ignored_elements

__all__ = ["convert", "diff", "parse", "send", "verify"]


@click.command()
@file_argument
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@policy_options
def parse(file: IO[bytes], as_json: bool, visible: Visible, secrets: tuple[str, ...]) -> None:
    """Print what the messages in FILE hold: an envelope, a HAR file, a log (default: standard input).

    What Marketo would ignore is pointed at. Private values are shown as tokens.
    """
    name, file = name_of(file), rewindable(file)
    begun = file.tell()
    redactor = Redactor(visible, secrets)
    for message in progress(messages_found(file, name), "messages looked through"):
        redactor.learn(message.data)
    file.seek(begun)
    one, found = only_one(messages_found(file, name))
    broken = False

    def read() -> Iterator[dict[str, Any]]:
        nonlocal broken
        for message in progress(found, "messages read"):
            try:
                data = output.message_data(message.data)
            except MarketoError as error:
                if one:
                    error.hint = "run marketo-soap verify: it lists everything that is wrong with a request"
                    text = redactor.text(output.printable(f"{type(error).__name__}: {error}"))
                    raise click.ClickException(text) from None
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
@file_argument
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
    name, file = name_of(file), rewindable(file)
    begun = file.tell()
    requests: Iterator[Found] = (message for message in messages_found(file, name) if is_request(message.data))
    first = next(requests, None)
    if first is None:
        file.seek(begun)
        requests = messages_found(file, name)
    else:
        requests = chain([first], requests)
    one, requests = only_one(requests)
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


@click.command()
@click.argument("old", type=click.File("rb"))
@click.argument("new", type=click.File("rb"))
@click.option("--signed", is_flag=True, help="Timestamp and signature count too.")
@click.option("--bytes", "exact", is_flag=True, help="Exit code 1 for other bytes of the same meaning too.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@policy_options
def diff(
    old: IO[bytes],
    new: IO[bytes],
    signed: bool,
    exact: bool,
    as_json: bool,
    visible: Visible,
    secrets: tuple[str, ...],
) -> None:
    """Compare the messages in OLD and NEW by meaning; `-` is standard input.

    Exit code 0 if they mean the same, 1 if not.
    """
    before, after = (first_message(file, envelope.read) for file in (old, new))
    comparison = compare.compare(before, after, signed=signed)
    redactor = Redactor(visible, secrets)
    redactor.learn(before, after)
    if as_json:
        output.print_json(output.comparison_data(comparison, redactor))
    else:
        output.print_comparison(comparison, redactor, (name_of(old), name_of(new)))
    different = comparison.verdict is compare.Verdict.DIFFERENT
    if different or (exact and comparison.verdict is not compare.Verdict.IDENTICAL):
        raise SystemExit(1)


@click.command()
@file_argument
@click.option(
    "--style", type=click.Choice([style.value for style in styles.Style]), required=True, help="Whose way of writing."
)
@click.option("--lenient", is_flag=True, help="Exit code 0 though elements that Marketo ignores are left out.")
def convert(file: IO[bytes], style: str, lenient: bool) -> None:
    """Print the request in FILE as another client would put it on the wire: every value as it is.

    Elements that Marketo ignores are lost on the way: they are pointed at, and the exit code is 1.
    """
    opened = envelope.open_request(first_message(file, envelope.open_request))
    click.echo(styles.write(opened.read(), styles.Style(style)), nl=False)
    lost = ignored_elements(opened.operation_type, opened.params)
    for each in lost:
        click.echo(f"! {output.printable(each)}", err=True)
    if lost and not lenient:
        raise SystemExit(1)


@click.command()
@file_argument
@signer_options
@click.option("--endpoint", envvar="MARKETO_SOAP_ENDPOINT", show_envvar=True, help="Where to send it.")
@click.option("--sandbox", is_flag=True, help="Send it to an embedded sandbox; the default if no endpoint is named.")
@click.option("--sandbox-db", type=click.Path(dir_okay=False), help="The sandbox's file; implies --sandbox.")
@click.option("--yes", is_flag=True, help="Do not ask before it is sent to an endpoint.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@policy_options
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
    request = first_message(file, envelope.open_request)
    envelope.open_request(request)
    local = sandbox or sandbox_db is not None or not endpoint
    if dry_run:
        credentials = _credentials(local, user_id, encryption_key)
        signed = sign_again(request, credentials, timestamp(datetime.now(UTC).astimezone()))
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
        raise click.UsageError("stdin is not a terminal: pass --yes to send it")
    click.confirm(f"Send it to {output.printable(endpoint)}?", abort=True, err=True)
