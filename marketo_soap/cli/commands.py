"""The commands. What needs an HTTP library or a server is imported where it is used: --help is quick."""

from __future__ import annotations

from typing import Any

import click

from marketo_soap import __version__, envelope
from marketo_soap.cli import output
from marketo_soap.cli.bridge_check import bridge_check
from marketo_soap.cli.call import call, connection_options, operations, run_call
from marketo_soap.cli.envelope_commands import convert, diff, parse, send, verify
from marketo_soap.cli.export_commands import export, redact
from marketo_soap.cli.gateway import gateway
from marketo_soap.cli.goldens import goldens
from marketo_soap.cli.options import GuardedGroup, lead_options, signer_options
from marketo_soap.cli.sandbox import sandbox
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.signature import AuthenticationHeader, Credentials, sign, timestamp


@click.group(cls=GuardedGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="marketo_soap")
def cli() -> None:
    """Speak Marketo's SOAP API, to an endpoint or to an embedded sandbox."""


@cli.command("sync-lead")
@lead_options
@connection_options
def sync_lead(operation: SyncLead, workspace: str | None, **connection: Any) -> None:
    """Insert or update one lead and print the result.

    Exit code 0: done; 1: refused or failed; 2: wrong use.
    """
    run_call(operation, workspace, lambda result: output.print_result(result, operation.key), **connection)


@cli.group("envelope")
def envelope_group() -> None:
    """Print the exact envelope of a call, without sending it."""


@envelope_group.command("sync-lead")
@lead_options
@signer_options
@click.option("--timestamp", "timestamp_text", help="The requestTimestamp; default: now, in the local zone.")
@click.option("--signature", help="The requestSignature; default: signed with the encryption key.")
@click.option("--compact", is_flag=True, help="As it is sent: no white space between elements.")
def envelope_sync_lead(
    operation: SyncLead,
    workspace: str | None,
    user_id: str | None,
    encryption_key: str | None,
    timestamp_text: str | None,
    signature: str | None,
    compact: bool,
) -> None:
    """Print the envelope of a syncLead call, signed."""
    if not user_id:
        raise click.UsageError("--user-id missing: give it, or set MARKETO_SOAP_USER_ID")
    if not timestamp_text:
        if signature:
            raise click.UsageError("--signature needs the --timestamp that it was made for")
        from marketo_soap.client.base import local_now

        timestamp_text = timestamp(local_now())
    if signature:
        header = AuthenticationHeader(user_id, signature, timestamp_text)
    elif encryption_key:
        header = sign(Credentials(user_id, encryption_key), timestamp_text)
    else:
        raise click.UsageError("no key to sign with: set MARKETO_SOAP_ENCRYPTION_KEY, or give --signature")
    data = envelope.request(operation, header, context=workspace, pretty=not compact)
    click.echo(data, nl=False)


for command in (
    sandbox,
    parse,
    verify,
    diff,
    redact,
    export,
    convert,
    send,
    call,
    operations,
    gateway,
    bridge_check,
    goldens,
):
    cli.add_command(command)
