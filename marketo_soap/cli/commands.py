"""The commands. What needs an HTTP library or a server is imported where it is used: --help is quick."""

from __future__ import annotations

import os
from typing import Any

import click

from marketo_soap import __version__, envelope
from marketo_soap.cli import output
from marketo_soap.cli.bridge_check import bridge_check
from marketo_soap.cli.call import call, connection_options, operations, run_call
from marketo_soap.cli.clients import KEY, USER_ID, check_given
from marketo_soap.cli.doctor import doctor
from marketo_soap.cli.envelope_commands import convert, diff, parse, send, verify
from marketo_soap.cli.export_commands import export, redact
from marketo_soap.cli.fetch_leads import fetch_leads
from marketo_soap.cli.gateway import gateway
from marketo_soap.cli.goldens import goldens
from marketo_soap.cli.help import SectionedGroup, examples
from marketo_soap.cli.options import GuardedGroup, lead_options, signer_options
from marketo_soap.cli.sandbox import sandbox
from marketo_soap.cli.sync_leads import sync_leads
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.signature import AuthenticationHeader, Credentials, sign, timestamp


class _Commands(GuardedGroup, SectionedGroup):
    """The commands, in their sections."""


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "color": False if os.environ.get("NO_COLOR") else None},
    epilog=examples("sync-lead --sandbox --show-envelopes --email t@t.com FirstName=George", "parse error.log"),
)
@click.version_option(__version__, package_name="marketo_soap")
def cli() -> None:
    """Make the calls of Marketo's SOAP API, to an endpoint or to an embedded sandbox, and look into its messages.

    `marketo-soap COMMAND --help` explains a command and shows an example.
    """


@click.command(
    "sync-lead",
    short_help="Insert or update one lead.",
    epilog=examples(
        "sync-lead --sandbox --email t@t.com FirstName=George",
        "sync-lead --sandbox --show-envelopes --return-lead --email t@t.com LeadScore=12",
    ),
)
@lead_options
@connection_options
def sync_lead(operation: SyncLead, workspace: str | None, **connection: Any) -> None:
    """Insert or update one lead and print the result.

    Exit code 0: done; 1: refused or failed; 2: wrong use.
    """
    run_call(operation, workspace, lambda result: output.print_result(result, operation.key), **connection)


@click.group("envelope", short_help="Print the exact envelope of a call.", epilog=examples("envelope sync-lead --help"))
def envelope_group() -> None:
    """Print the exact envelope of a call, without sending it."""


@envelope_group.command(
    "sync-lead",
    epilog=examples(
        "envelope sync-lead --user-id u --timestamp 2013-07-31T12:38:47-07:00 --signature s --email t@t.com"
    ),
)
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
    check_given({USER_ID: user_id} if signature else {USER_ID: user_id, KEY: encryption_key})
    if not timestamp_text:
        if signature:
            raise click.UsageError("--signature needs the --timestamp that it was made for")
        from marketo_soap.client.base import local_now

        timestamp_text = timestamp(local_now())
    if signature:
        header = AuthenticationHeader(str(user_id), signature, timestamp_text)
    else:
        header = sign(Credentials(str(user_id), str(encryption_key)), timestamp_text)
    data = envelope.request(operation, header, context=workspace, pretty=not compact)
    click.echo(data, nl=False)


cli.add_section("Calls", (sync_lead, sync_leads, fetch_leads, call, operations))
cli.add_section("Reading and checking envelopes", (parse, verify, diff))
cli.add_section("Writing and sending envelopes", (envelope_group, convert, send, redact, export))
cli.add_section("Servers", (sandbox, gateway))
cli.add_section("Testing", (goldens,))
cli.add_section("Moving to REST", (bridge_check,))
cli.add_section("Environment", (doctor,))
