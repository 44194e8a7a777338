"""The commands. What needs an HTTP library or a server is imported where it is used: --help is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click
from attrs import evolve

from marketo_soap import __version__, envelope
from marketo_soap.cli import output
from marketo_soap.cli.bridge_check import bridge_check
from marketo_soap.cli.call import call, connection_options, operations, run_call
from marketo_soap.cli.envelope_commands import convert, diff, parse, send, verify
from marketo_soap.cli.export_commands import export, redact
from marketo_soap.cli.gateway import gateway
from marketo_soap.cli.options import GuardedGroup, lead_options, signer_options
from marketo_soap.cli.sync_leads import sync_leads
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


@cli.command()
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


for command in (
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
    sync_leads,
):
    cli.add_command(command)
