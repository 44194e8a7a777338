"""The command that serves a sandbox, and the line that it prints of each call."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from attrs import evolve

from marketo_soap.cli.help import examples
from marketo_soap.cli.output import counted, printable, warn_if_exposed

if TYPE_CHECKING:
    from marketo_soap.sandbox.journal import Entry

_COLOURS = {"good": "green", "changed": "blue", "bad": "red", "waiting": "yellow"}


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
@click.option("--quiet", "-q", is_flag=True, help="Print no line for each call.")
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
    quiet: bool,
) -> None:
    """Serve an embedded Marketo until Ctrl-C, and print the variables that point a client at it.

    Each call prints a line on standard error: HTTP method, operation, verdict, milliseconds. The page is at
    /_sandbox/; below it is the control over HTTP: health, leads, journal, reset, faults, clock, settings.
    """
    from marketo_soap.sandbox import Sandbox
    from marketo_soap.sandbox.environment import as_exports, environment
    from marketo_soap.sandbox.messages import CONTROL, PATH
    from marketo_soap.sandbox.server import bound, serve_forever
    from marketo_soap.sandbox.settings import Settings
    from marketo_soap.sandbox.state import ENCRYPTION_KEY, USER_ID

    settings = Settings.load(config) if config else Settings()
    if durability is not None:
        settings = evolve(settings, durability=durability)
    if config:
        warn_if_exposed(config, readable=settings.control_token is not None)
    settings = evolve(settings, allowed_hosts=(*settings.allowed_hosts, *allow_host))
    if control_token_file is not None:
        warn_if_exposed(control_token_file)
        settings = evolve(settings, control_token=control_token_file.read_text(encoding="utf-8").strip())
    with Sandbox(
        db,
        user_id=user_id or USER_ID,
        encryption_key=encryption_key or ENCRYPTION_KEY,
        settings=settings,
        limits="vendor" if vendor_limits else None,
    ) as served:
        for path in seed:
            try:
                click.echo(f"# {counted(served.seed(path), 'lead')} from {printable(path)}", err=True)
            except ValueError as error:
                raise click.UsageError(printable(f"{path}: {error}")) from None
        try:
            listener, endpoint = bound(host, port)
        except OSError as error:
            error.add_note("Give another --port; 0 is any free one.")
            raise
        for line in as_exports(environment(served, endpoint)):
            click.echo(line)
        click.echo(f"# see it in a browser: {endpoint.removesuffix(PATH)}{CONTROL}", err=True)
        click.echo("# serving; Ctrl-C stops", err=True)
        if not quiet:
            served.journal.watch = _print_call
        try:
            serve_forever(served, listener, host)
        except KeyboardInterrupt:
            click.echo("# stopped", err=True)


def _print_call(entry: Entry) -> None:
    """Print a call. A terminal that is gone does not stop the sandbox."""
    from marketo_soap.sandbox.verdicts import describe

    tone, words = describe(entry)
    verdict = click.style(f"{printable(words):32}", fg=_COLOURS[tone])
    line = f"{entry.method:4} {printable(entry.operation or 'unknown'):24} {verdict}"
    with suppress(OSError):
        click.echo(f"{line} {(entry.seconds or 0) * 1000:8.1f} ms", err=True)
