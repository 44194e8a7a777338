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
from marketo_soap.cli.clients import KEY, USER_ID, check_given, open_client
from marketo_soap.cli.envelopes import print_envelopes, print_outcome
from marketo_soap.cli.help import examples
from marketo_soap.cli.options import signer_options, with_notes
from marketo_soap.cli.output import progress
from marketo_soap.cli.source import (
    LateRedactor,
    Source,
    Sources,
    file_argument,
    files_argument,
    peek,
    redaction_options,
    source_argument,
    sources_argument,
)
from marketo_soap.debug import checks, compare, styles
from marketo_soap.debug.found import is_request
from marketo_soap.errors import MarketoError
from marketo_soap.privacy.redactor import Redactor
from marketo_soap.signature import Credentials, timestamp
from marketo_soap.wire.tree import ignored_elements


@click.command(
    short_help="Print what messages hold, from a file or a log.",
    epilog=examples("parse error.log", "parse --json --visible emails 'logs/*.log'"),
)
@files_argument
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@redaction_options
def parse(sources: Sources, as_json: bool, redactor: LateRedactor) -> None:
    """Print what the messages in FILE hold: an envelope, a HAR file, a log (default: standard input).

    Elements that Marketo ignores are marked. Private values are shown as tokens.
    """
    count, found = peek(sources.messages())
    if count == 1:
        found = iter(alone := list(found))
        redactor.learn_late(alone[0].data)
    else:
        for message in progress(found, "messages looked through"):
            redactor.learn(message.data)
        found = sources.messages()
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
                    raise click.ClickException(with_notes(error, text)) from None
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
    if sources.report_empty() or broken:
        raise SystemExit(1)


@click.command(
    short_help="Check everything that can be wrong with a request.",
    epilog=examples("verify -q error.log", "verify --no-age --user-id u --encryption-key-file key request.xml"),
)
@files_argument
@signer_options
@click.option("--age/--no-age", default=True, help="Check the timestamp's age against the clock of this machine.")
@click.option("-q", "--quiet", is_flag=True, help="Print only warnings and failures.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def verify(
    sources: Sources, user_id: str | None, encryption_key: str | None, age: bool, quiet: bool, as_json: bool
) -> None:
    """Check everything that can be wrong with the request in FILE.

    Given a user id and a key, check the signature too, and say how a wrong one was probably made. Exit code 1 if a
    check fails. No private value is printed.
    """
    credentials = Credentials(user_id, encryption_key) if user_id and encryption_key else None
    count, found = peek(message for message in sources.messages() if is_request(message.data))
    if not count:
        count, found = peek(sources.messages())
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
            output.print_checks("" if count == len(sources) == 1 else where, result, quiet=quiet)
    if sources.report_empty() or failed:
        raise SystemExit(1)


@click.command(
    short_help="Compare messages by meaning.",
    epilog=examples("diff golden.xml request.xml", "diff --bytes golden.xml 'logs/*.xml'"),
)
@source_argument("old")
@sources_argument("new", required=True, metavar="NEW...")
@click.option("--signed", is_flag=True, help="Compare timestamps and signatures too.")
@click.option(
    "--bytes", "exact", is_flag=True, help="Exit code 1 also if the meaning is the same, but the bytes differ."
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@redaction_options
def diff(old: Source, new: Sources, signed: bool, exact: bool, as_json: bool, redactor: Redactor) -> None:
    """Compare the message in OLD with that in each NEW by meaning; `-` is standard input.

    Exit code 0 if they mean the same, 1 if not.
    """
    before, different, shown = old.first_message(envelope.read), False, list[dict[str, Any]]()
    redactor.learn(before)
    for source in new:
        after = source.first_message(envelope.read)
        comparison = compare.compare(before, after, signed=signed)
        redactor.learn(after)
        if as_json:
            shown.append({"new": source.name, **output.comparison_data(comparison, redactor)})
        else:
            if len(new) > 1:
                click.secho(source.name, bold=True)
            output.print_comparison(comparison, redactor, (old.name, source.name))
        different = different or comparison.verdict is compare.Equality.DIFFERENT
        different = different or (exact and comparison.verdict is not compare.Equality.IDENTICAL)
    if as_json:
        output.print_json(shown if len(new) > 1 else shown[0])
    if different:
        raise SystemExit(1)


@click.command(
    short_help="Print a request in the format of another client.", epilog=examples("convert --style php request.xml")
)
@file_argument
@click.option(
    "--style",
    type=click.Choice([style.value for style in styles.Style]),
    required=True,
    help="The client whose format to write.",
)
@click.option("--lenient", is_flag=True, help="Exit code 0 even if elements that Marketo ignores are left out.")
def convert(source: Source, style: str, lenient: bool) -> None:
    """Print the request in FILE as another client writes it, with the same values.

    Elements that Marketo ignores are left out: they are listed, and the exit code is 1.
    """
    opened = envelope.open_request(source.first_message(envelope.open_request))
    click.echo(styles.write(opened.read(), styles.Style(style)), nl=False)
    lost = ignored_elements(opened.operation_type, opened.params)
    for each in lost:
        click.echo(f"! {output.printable(each)}", err=True)
    if lost and not lenient:
        raise SystemExit(1)


@click.command(
    short_help="Sign a stored request again and send it.",
    epilog=examples("send request.xml", "send --dry-run request.xml"),
)
@file_argument
@signer_options
@click.option("--endpoint", envvar="MARKETO_SOAP_ENDPOINT", show_envvar=True, help="The endpoint to send it to.")
@click.option("--sandbox", is_flag=True, help="Send it to an embedded sandbox; the default if no endpoint is set.")
@click.option("--sandbox-db", type=click.Path(dir_okay=False), help="A sandbox that keeps its leads in this file.")
@click.option("--yes", is_flag=True, help="Send it to an endpoint without a question.")
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
    """Sign the request in FILE again, send it with every other byte unchanged, and print the response.

    It goes to an embedded sandbox unless an endpoint is set. Exit code 1 for a fault or no answer.
    """
    request = source.first_message(envelope.open_request)
    envelope.open_request(request)
    local = sandbox or sandbox_db is not None or not endpoint
    if dry_run:
        credentials = _credentials(local, user_id, encryption_key)
        signed = sign_again(request, credentials, timestamp(datetime.now(UTC).astimezone()))
        click.echo(f"# would be sent to {'an embedded sandbox' if local else output.printable(endpoint)}", err=True)
        redactor.learn(signed)
        click.echo(redactor.data(signed), nl=False)
        return
    if not local and not yes:
        _confirm(str(endpoint))
    with open_client(
        sandbox=local, sandbox_db=sandbox_db, endpoint=endpoint, user_id=user_id, encryption_key=encryption_key
    ) as client:
        exchange = client.replay(request)
    print_envelopes(exchange, visible=redactor.visible)
    print_outcome(exchange)
    if exchange.status != 200 or exchange.fault is not None:
        raise SystemExit(1)


def _credentials(local: bool, user_id: str | None, key: str | None) -> Credentials:
    if local:
        from marketo_soap.sandbox import state

        return Credentials(state.USER_ID, state.ENCRYPTION_KEY)
    check_given({USER_ID: user_id, KEY: key})
    return Credentials(str(user_id), str(key))


def _confirm(endpoint: str) -> None:
    """Ask on the terminal; standard input may be the envelope itself."""
    if not sys.stdin.isatty():
        raise click.UsageError("standard input is not a terminal: give --yes to send it without a question")
    click.confirm(f"Send it to {output.printable(endpoint)}?", abort=True, err=True)
