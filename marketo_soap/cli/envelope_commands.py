"""Commands for debugging an envelope: parse, verify, diff, convert, send."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from marketo_soap import envelope
from marketo_soap.calls.sign_again import sign_again
from marketo_soap.cli import output
from marketo_soap.cli.clients import client_of_endpoint, client_of_sandbox
from marketo_soap.cli.options import signer_options
from marketo_soap.cli.output import progress
from marketo_soap.cli.source import Source, file_argument, peek, redaction_options, source_argument
from marketo_soap.debug import checks, compare, styles
from marketo_soap.debug.found import is_request
from marketo_soap.errors import MarketoError
from marketo_soap.privacy.redactor import Redactor
from marketo_soap.signature import Credentials, timestamp
from marketo_soap.wire.tree import ignored_elements


@click.command()
@file_argument
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@redaction_options
def parse(source: Source, as_json: bool, redactor: Redactor) -> None:
    """Print what the messages in FILE hold: an envelope, a HAR file, a log (default: standard input).

    Elements that Marketo ignores are marked. Private values are shown as tokens.
    """
    for message in progress(source.messages(), "messages looked through"):
        redactor.learn(message.data)
    count, found = peek(source.messages())
    broken = False

    def read() -> Iterator[dict[str, Any]]:
        nonlocal broken
        for message in progress(found, "messages read"):
            try:
                data = output.message_data(message.data)
            except MarketoError as error:
                if count == 1:
                    error.hint = "run marketo-soap verify: it lists everything that is wrong with a request"
                    text = redactor.text(output.printable(f"{type(error).__name__}: {error}"))
                    raise click.ClickException(text) from None
                data, broken = {"kind": "unreadable", "message": str(error)}, True
            data = output.hidden_data(data, redactor)
            yield {"where": message.where, **data} if message.where else data

    if as_json and count == 1:
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
@click.option("-q", "--quiet", is_flag=True, help="Print only warnings and failures.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def verify(
    source: Source, user_id: str | None, encryption_key: str | None, age: bool, quiet: bool, as_json: bool
) -> None:
    """Check everything that can be wrong with the request in FILE.

    With a user id and a key (from the environment) the signature too, and what is likely wrong with it. Exit
    code 1 if a check fails. Nothing private is printed.
    """
    credentials = Credentials(user_id, encryption_key) if user_id and encryption_key else None
    count, found = peek(message for message in source.messages() if is_request(message.data))
    if not count:
        count, found = peek(source.messages())
    now = datetime.now(UTC) if age else None
    failed = False

    def checked() -> Iterator[tuple[str, list[checks.Check]]]:
        nonlocal failed
        for message in progress(found, "requests verified"):
            result = checks.check(message.data, credentials=credentials, now=now)
            failed = failed or any(each.verdict is checks.Verdict.FAIL for each in result)
            yield message.where, result

    if as_json:
        output.print_json_items(
            {"where": where, "checks": [output.as_data(each) for each in result]} for where, result in checked()
        )
    else:
        for where, result in checked():
            output.print_checks("" if count == 1 else where, result, quiet=quiet)
    if failed:
        raise SystemExit(1)


@click.command()
@source_argument("old")
@source_argument("new")
@click.option("--signed", is_flag=True, help="Timestamp and signature count too.")
@click.option("--bytes", "exact", is_flag=True, help="Exit code 1 for other bytes of the same meaning too.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@redaction_options
def diff(old: Source, new: Source, signed: bool, exact: bool, as_json: bool, redactor: Redactor) -> None:
    """Compare the messages in OLD and NEW by meaning; `-` is standard input.

    Exit code 0 if they mean the same, 1 if not.
    """
    before, after = (source.first_message(envelope.read) for source in (old, new))
    comparison = compare.compare(before, after, signed=signed)
    redactor.learn(before, after)
    if as_json:
        output.print_json(output.comparison_data(comparison, redactor))
    else:
        output.print_comparison(comparison, redactor, (old.name, new.name))
    different = comparison.verdict is compare.Equality.DIFFERENT
    if different or (exact and comparison.verdict is not compare.Equality.IDENTICAL):
        raise SystemExit(1)


@click.command()
@file_argument
@click.option(
    "--style",
    type=click.Choice([style.value for style in styles.Style]),
    required=True,
    help="The client whose format to write.",
)
@click.option("--lenient", is_flag=True, help="Exit code 0 although elements that Marketo ignores are left out.")
def convert(source: Source, style: str, lenient: bool) -> None:
    """Print the request in FILE in the format of another client, with the same values.

    Elements that Marketo ignores are left out: they are listed, and the exit code is 1.
    """
    opened = envelope.open_request(source.first_message(envelope.open_request))
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
@redaction_options
def send(
    source: Source,
    user_id: str | None,
    encryption_key: str | None,
    endpoint: str | None,
    sandbox: bool,
    sandbox_db: str | None,
    yes: bool,
    dry_run: bool,
    redactor: Redactor,
) -> None:
    """Sign the request in FILE again and send it, otherwise unchanged; print the response.

    It goes to an embedded sandbox unless an endpoint is named. Exit code 1 for a fault or no answer.
    """
    request = source.first_message(envelope.open_request)
    envelope.open_request(request)
    local = sandbox or sandbox_db is not None or not endpoint
    if dry_run:
        credentials = _credentials(local, user_id, encryption_key)
        signed = sign_again(request, credentials, timestamp(datetime.now(UTC).astimezone()))
        click.echo(f"# would go to {'an embedded sandbox' if local else output.printable(endpoint)}", err=True)
        redactor.learn(signed)
        click.echo(redactor.data(signed), nl=False)
        return
    if not local and not yes:
        _confirm(str(endpoint))
    opening = client_of_sandbox(sandbox_db) if local else client_of_endpoint(endpoint, user_id, encryption_key)
    with opening as client:
        exchange = client.replay(request)
    output.print_envelopes(exchange, visible=redactor.visible)
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
