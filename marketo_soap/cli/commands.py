"""The commands. What needs an HTTP library or a server is imported where it is used: --help is quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import click
from attrs import evolve

from marketo_soap import __version__, envelope
from marketo_soap.cli import output
from marketo_soap.cli.bridge_check import bridge_check
from marketo_soap.cli.call import call, connection_options, operations, run_call
from marketo_soap.cli.clients import KEY, USER_ID, check_given
from marketo_soap.cli.envelope_commands import convert, diff, parse, send, verify
from marketo_soap.cli.export_commands import export, redact
from marketo_soap.cli.gateway import gateway
from marketo_soap.cli.help import examples
from marketo_soap.cli.options import GuardedGroup, lead_options, signer_options
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.signature import AuthenticationHeader, Credentials, sign, timestamp


@click.group(
    cls=GuardedGroup,
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


@click.command(
    short_help="Serve an emulator of Marketo.",
    epilog=examples("sandbox", "sandbox --db leads.db --seed leads.csv --port 8900"),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8807,
    show_default=True,
    help="The port; 0 is any free one.",
)
@click.option("--user-id", help="What callers sign with; default: a made-up one.")
@click.option("--encryption-key", help="The made-up key of the sandbox; never a real one.")
@click.option("--db", type=click.Path(dir_okay=False), default=":memory:", help="A file to keep the leads in.")
@click.option(
    "--durability",
    type=click.Choice(["normal", "full"]),
    help="full: not even a power cut loses a call of --db, each waits for the disk.  [default: normal]",
)
@click.option("--config", type=click.Path(exists=True, dir_okay=False), help="Settings, as TOML.")
@click.option("--seed", type=click.Path(exists=True, dir_okay=False), multiple=True, help="Leads to add: CSV or JSON.")
@click.option(
    "--vendor-limits", is_flag=True, help="Refuse calls as Marketo did: 100 in 20 s, 10 at once, 10,000 a day."
)
@click.option(
    "--allow-host",
    multiple=True,
    help="A further name that callers may ask for, or whose pages may call; '*' is any. IP addresses, localhost and "
    "--host are known.",
)
@click.option(
    "--control-token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the token that opens /_sandbox/ to other machines.",
)
def sandbox(
    host: str,
    port: int,
    user_id: str | None,
    encryption_key: str | None,
    db: str,
    durability: Literal["normal", "full"] | None,
    config: str | None,
    seed: tuple[str, ...],
    vendor_limits: bool,
    allow_host: tuple[str, ...],
    control_token_file: Path | None,
) -> None:
    """Serve an embedded Marketo until Ctrl-C, and print the variables that point a client at it.

    /_sandbox/ is a page to look at in a browser; below it is the control surface: health, leads, journal, reset,
    faults, clock, settings.
    """
    from marketo_soap.sandbox import Sandbox
    from marketo_soap.sandbox.messages import CONTROL, PATH
    from marketo_soap.sandbox.server import bound, serve_forever
    from marketo_soap.sandbox.settings import Settings
    from marketo_soap.sandbox.state import ENCRYPTION_KEY, USER_ID

    settings = Settings.load(config) if config else Settings()
    if durability is not None:
        settings = evolve(settings, durability=durability)
    if config:
        output.warn_if_exposed(config, readable=settings.control_token is not None)
    settings = evolve(settings, allowed_hosts=(*settings.allowed_hosts, *allow_host))
    if control_token_file is not None:
        output.warn_if_exposed(control_token_file)
        settings = evolve(settings, control_token=control_token_file.read_text(encoding="utf-8").strip())
    with Sandbox(
        db,
        user_id=user_id or USER_ID,
        encryption_key=encryption_key or ENCRYPTION_KEY,
        settings=settings,
        limits="vendor" if vendor_limits else None,
    ) as served:
        for path in seed:
            click.echo(f"# {served.seed(path)} leads from {path}", err=True)
        listener, endpoint = bound(host, port)
        click.echo(f"export MARKETO_SOAP_ENDPOINT={endpoint}")
        click.echo(f"export MARKETO_SOAP_USER_ID={served.credentials.user_id}")
        click.echo(f"export MARKETO_SOAP_ENCRYPTION_KEY={served.credentials.encryption_key}")
        click.echo(f"export MARKETO_REST_ENDPOINT={endpoint.removesuffix(PATH)}/rest")
        click.echo(f"export MARKETO_REST_CLIENT_ID={served.rest_credentials.client_id}")
        click.echo(f"export MARKETO_REST_CLIENT_SECRET={served.rest_credentials.client_secret}")
        click.echo(f"# see it in a browser: {endpoint.removesuffix(PATH)}{CONTROL}", err=True)
        click.echo("# serving; Ctrl-C stops", err=True)
        try:
            serve_forever(served, listener, host)
        except KeyboardInterrupt:
            click.echo("# stopped", err=True)


cli.add_section("Calls", (sync_lead, call, operations))
cli.add_section("Reading and checking envelopes", (parse, verify, diff))
cli.add_section("Writing and sending envelopes", (envelope_group, convert, send, redact, export))
cli.add_section("Servers", (sandbox, gateway))
cli.add_section("Moving to REST", (bridge_check,))
