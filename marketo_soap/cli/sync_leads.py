"""The command that syncs files of leads."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from marketo_soap.cli.clients import open_client, target_of
from marketo_soap.cli.help import examples
from marketo_soap.cli.options import ENDPOINT_OPTIONS, F, signer_options, with_notes, with_options
from marketo_soap.cli.output import Lines, as_data, counted, print_json, printable
from marketo_soap.cli.source import expanded

if TYPE_CHECKING:
    from marketo_soap.bulk import Summary

_NOT_DONE, _STOPPED = 1, 3

_COLUMNS = (
    click.option(
        "--format",
        type=click.Choice(["csv", "tsv", "jsonl", "parquet"]),
        help="The format; default: by the ending of the name, csv for standard input.",
    ),
    click.option("--map", "mapping", multiple=True, metavar="COLUMN=NAME", help="What a column is; COLUMN= drops it."),
    click.option("--types", multiple=True, metavar="NAME=TYPE", help="Check and convert the cells of an attribute."),
    click.option(
        "--empty",
        type=click.Choice(["leave", "clear"]),
        default="leave",
        show_default=True,
        help="What an empty cell does to its field.",
    ),
    click.option("--time-zone", metavar="ZONE", help="The zone of times without one: Europe/Berlin."),
)
_HOW = (
    click.option(
        "--duplicates",
        type=click.Choice(["last", "first", "refuse"]),
        default="last",
        show_default=True,
        help="What becomes of rows with the same key.",
    ),
    click.option("--no-dedup", is_flag=True, help="dedupEnabled false: each lead without a stronger key is a new one."),
    click.option("--at-once", type=click.IntRange(1, 10), default=10, show_default=True, help="Calls at once."),
    click.option("--quota", metavar="CALLS", help="Calls a day: a number, or a part of the vendor's 10,000 (0.5)."),
    click.option("--wait", is_flag=True, help="Go on the next day when the quota is used up, instead of stopping."),
    click.option("--ledger", type=click.Path(dir_okay=False), help="The ledger; default: FILE.ledger."),
    click.option("--rejects", type=click.Path(dir_okay=False), help="The file of refused rows; default: beside FILE."),
    click.option("--accept-changes", is_flag=True, help="Go on although the file or the options changed."),
    click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
)


def _files(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(expanded(paths))


def _options(command: F) -> F:
    return signer_options(with_options(*ENDPOINT_OPTIONS, *_COLUMNS, *_HOW)(command))


@click.command(
    "sync-leads",
    short_help="Insert or update the leads of files.",
    epilog=examples("sync-leads leads.csv --dry-run", "sync-leads leads.csv --sandbox"),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True), callback=_files)
@_options
def sync_leads(
    files: tuple[str, ...],
    format: Any,
    mapping: tuple[str, ...],
    types: tuple[str, ...],
    empty: Any,
    time_zone: str | None,
    duplicates: Any,
    no_dedup: bool,
    quota: str | None,
    ledger: str | None,
    rejects: str | None,
    accept_changes: bool,
    dry_run: bool,
    as_json: bool,
    at_once: int,
    wait: bool,
    sandbox: bool,
    sandbox_db: str | None,
    **user: Any,
) -> None:
    """Insert or update the leads of files, 300 in a call, and go on where an earlier run has ended.

    FILE is CSV, TSV, JSON lines or Parquet, also compressed by gzip; - is standard input. Columns: Id, Email,
    ForeignSysPersonId and ForeignSysType are keys, others attributes. What became of each row is kept in the ledger.

    Exit code 0: every row is done; 1: rows were refused or their fate is unknown, or it failed; 2: wrong use; 3: it
    ended early, by a signal, the quota or a fault: the same command goes on.
    """
    from marketo_soap.bulk import Columns, SourceError, plan_leads
    from marketo_soap.bulk import sync_leads as sync
    from marketo_soap.bulk.files import Files

    source = Files(files, format=format)
    columns = Columns(
        _pairs(mapping, "--map"), _pairs(types, "--types"), empty, None if time_zone is None else _zone(time_zone)
    )
    common: dict[str, Any] = {"columns": columns, "duplicates": duplicates, "dedup": not no_dedup}
    if ledger is None and sandbox and not sandbox_db:
        ledger = ":memory:"  # the leads of this sandbox do not stay either
    common |= {"ledger": ledger, "accept_changes": accept_changes}
    try:
        if dry_run:
            _show_plan(plan_leads(source, **common), as_json)
            return
        if ledger is None and "-" in files:
            raise click.UsageError("standard input has no ledger beside it: name one with --ledger")
        opening = open_client(sandbox=sandbox, sandbox_db=sandbox_db, announce=False, **user)
        with opening as client, _stopped_by_signals() as stop, _progress() as show:
            summary = sync(
                source,
                client,
                rejects=rejects,
                at_once=at_once,
                quota=_calls(quota),
                wait=wait,
                on_progress=show,
                stop=stop,
                target=target_of(sandbox, sandbox_db),
                **common,
            )
    except SourceError as error:
        raise click.ClickException(with_notes(error, printable(str(error)))) from None
    if as_json:
        print_json(_data(summary))
    else:
        _print(summary)
    if not summary.complete:
        raise SystemExit(_STOPPED if summary.stopped else _NOT_DONE)


def _pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise click.UsageError(f"{option}: {text!r} is no NAME=VALUE")
        pairs[name] = value
    return pairs


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise click.UsageError(f"--time-zone: {name!r} is no time zone: use a name such as Europe/Berlin") from None


def _calls(quota: str | None) -> float | None:
    if quota is None:
        return None
    try:
        return float(quota) if "." in quota else int(quota)
    except ValueError:
        raise click.UsageError(f"--quota: {quota!r} is no number of calls, and no part such as 0.5") from None


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set. A second signal ends the program at once."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():  # an exception would wait for the calls in progress; the ledger needs none
            if sys.stderr.isatty():
                click.echo("\x1b[?25h", nl=False, err=True)  # the progress has hidden the cursor
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.set()
        click.echo("stopping after the calls in progress; once more ends it at once", err=True)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress() -> Iterator[Any]:
    """Give what shows the progress: on a terminal in place, elsewhere by a line now and then."""
    from marketo_soap.cli.sync_progress import OnTerminal, Pace

    if sys.stderr.isatty():
        with OnTerminal() as shown:
            yield shown
    else:
        yield Lines(Pace().line)


# -- the summary --------------------------------------------------------------------------------------


def _data(summary: Summary) -> dict[str, Any]:
    data: dict[str, Any] = as_data(summary)
    data |= {"done": summary.done, "complete": summary.complete, "seconds": round(summary.seconds, 3)}
    data["retry_at"] = None if summary.retry_at is None else summary.retry_at.isoformat()
    return data


def _show_plan(plan: Summary, as_json: bool) -> None:
    from marketo_soap.bulk.sync import DAILY_CALLS

    part = plan.calls / DAILY_CALLS
    if as_json:
        data = {"rows": plan.rows, "to_send": plan.sent, "calls": plan.calls, "part_of_daily_quota": part}
        print_json({**data, "invalid": plan.invalid, "duplicates": plan.duplicates, "reasons": dict(plan.reasons)})
    else:
        click.secho(f"{counted(plan.rows, 'row')}, {plan.sent:,} to send in {counted(plan.calls, 'call')}", bold=True)
        click.echo(f"  that is {part:.2%} of the daily quota of {DAILY_CALLS:,} calls; retries come on top")
        if plan.duplicates:
            click.echo(f"  {counted(plan.duplicates, 'duplicate')} left out")
        _print_reasons(plan, f"{counted(plan.invalid, 'row')} refused before sending")
    if plan.invalid:
        raise SystemExit(_NOT_DONE)


def _print(summary: Summary) -> None:
    counts = {name: getattr(summary, name) for name in ("created", "updated", "rejected", "invalid")}
    counts |= {"left out": summary.duplicates, "unknown": summary.unknown, "waiting": summary.waiting or 0}
    shown = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none to send"
    click.secho(f"{counted(summary.rows, 'row')}: {shown}", bold=True)
    click.echo(f"  {counted(summary.calls, 'call')} in {summary.seconds:.1f} s; {summary.calls_today:,} for them today")
    if summary.settled_before:
        click.echo(f"  {counted(summary.settled_before, 'row')} settled before")
    if summary.repeated:
        click.echo(f"  {counted(summary.repeated, 'row')} sent again that may have been carried out before")
    if summary.unknown:
        click.echo(f"  {counted(summary.unknown, 'row')} may have been carried out: the ledger has the numbers")
    _print_reasons(summary, f"rejects: {summary.rejects}" if summary.rejects else "refused")
    if summary.ledger:
        click.echo(f"  ledger: {printable(summary.ledger)}")
    if summary.stopped:
        click.secho(f"stopped: {printable(summary.stopped)}", fg="yellow", bold=True)
        after = "" if summary.retry_at is None else f" after {summary.retry_at.isoformat()}"
        click.echo(f"the same command goes on{after}")


def _print_reasons(summary: Summary, title: str) -> None:
    if summary.refused:
        click.echo(f"  {printable(title)}")
        for reason, count in summary.reasons.items():
            click.echo(f"    {count:,}x {printable(reason)}")
