"""The command that serves a gateway: SOAP to callers, REST to Marketo."""

from __future__ import annotations

import os

import click

from marketo_soap.cli.help import examples
from marketo_soap.cli.output import printable, warn_if_exposed


@click.command(
    short_help="Serve an endpoint: SOAP in, REST out.",
    epilog=examples("gateway --config gateway.toml", "gateway --config gateway.toml --check"),
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False),
    required=True,
    help="The settings, as TOML; they name where secrets are, and hold none.",
)
@click.option("--check", "only_check", is_flag=True, help="Look at credentials, fields and partitions, and stop.")
def gateway(config: str, only_check: bool) -> None:
    """Serve an endpoint that speaks SOAP to callers and REST to Marketo, until SIGTERM or Ctrl-C.

    Exit code 0: stopped, or all is well; 1: cannot listen, calls had not ended at the stop, or --check found
    problems; 2: the settings are wrong.
    """
    from marketo_soap.gateway.access_log import quiet_logging
    from marketo_soap.gateway.secrets import resolve
    from marketo_soap.gateway.server import check_certificate, serve
    from marketo_soap.gateway.settings import GatewaySettings

    quiet_logging()
    settings = GatewaySettings.load(config)
    warn_if_exposed(config)
    secrets = resolve(settings, os.environ)
    check_certificate(settings)
    if not only_check:
        serve(settings, secrets)
        return
    from marketo_soap.gateway.check import check

    problems = 0
    for result in check(settings, secrets):
        problems += not result.ok
        word = click.style("ok     ", fg="green") if result.ok else click.style("problem", fg="red")
        click.echo(f"{word}  {result.where}: {printable(result.message)}")
    if problems:
        raise SystemExit(1)
