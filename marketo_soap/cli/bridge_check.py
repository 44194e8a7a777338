"""The command that checks past calls: which will work over REST."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketo_soap.cli.help import examples
from marketo_soap.cli.output import as_data, print_columns, print_json, printable, progress
from marketo_soap.cli.source import expanded

if TYPE_CHECKING:
    from marketo_soap.bridge.settings import BridgeSettings
    from marketo_soap.migration import CallCost, DescribedInstance, FieldUse, Finding, Report, Survey

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MOST_ROWS = 50
_COLOURS = {"work": "red", "settings": "yellow", "risk": "cyan"}
_VERDICTS = {"ready": "green", "needs settings": "yellow", "needs work": "red"}


def _paths(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(map(Path, expanded(paths, directories=parameter.name == "envelopes")))


@click.command(
    "bridge-check",
    short_help="Check which past calls will work over REST.",
    epilog=examples("bridge-check leads.csv", "bridge-check --envelopes 'logs/*.log' --json"),
)
@click.argument("leads", type=click.Path(), nargs=-1, callback=_paths)
@click.option(
    "--envelopes",
    type=click.Path(),
    multiple=True,
    callback=_paths,
    help="A file, a pattern or a directory of past calls.",
)
@click.option("--config", type=_FILE, help="The bridge's settings (BridgeSettings), as TOML.")
@click.option("--describe", type=_FILE, help="A reply of the instance's leads/describe.json, kept in a file.")
@click.option(
    "--quota", type=click.IntRange(1), default=50_000, show_default=True, help="The REST calls that are allowed a day."
)
@click.option("--foreign-ids-filled", is_flag=True, help="The custom fields of foreign ids are filled already.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--raw", is_flag=True, help="Show the first refused value of each kind.")
def bridge_check(
    leads: tuple[Path, ...],
    envelopes: tuple[Path, ...],
    config: Path | None,
    describe: Path | None,
    quota: int,
    foreign_ids_filled: bool,
    as_json: bool,
    raw: bool,
) -> None:
    """Say which past calls will work over REST with the bridge, and how many REST calls they take. Nothing is sent.

    LEADS are CSV files, each row a syncLead. The columns are Id, Email, ForeignSysPersonId, ForeignSysType,
    marketoCookie, targetWorkspace, and attributes by their SOAP names. --envelopes are XML, HAR and .http files, logs
    and recordings. Values are not shown. Exit code 0: ready; 1: settings or work are needed; 2: wrong use.
    """
    from marketo_soap.bridge.settings import BridgeSettings
    from marketo_soap.migration import Survey, survey_leads

    if not leads and not envelopes:
        raise click.UsageError("nothing to look at: name a CSV of leads, or --envelopes")
    settings = BridgeSettings.load(config) if config else BridgeSettings()
    instance = _instance(settings, describe)
    survey = Survey(settings, instance, quota=quota, foreign_ids_filled=foreign_ids_filled)
    for table in leads:
        survey_leads(survey, _lines(table), table.name)
    if envelopes:
        _survey_files(survey, [file for path in envelopes for file in _files(path)])
    report = survey.report()
    if not report.calls and report.verdict == "ready":
        raise click.ClickException("the files contain no call")
    if as_json:
        print_json(_data(report, raw))
    else:
        _print(report, instance, raw)
    if report.verdict != "ready":
        raise SystemExit(1)


def _instance(settings: BridgeSettings, describe: Path | None) -> DescribedInstance | None:
    from marketo_soap.migration import DescribedInstance

    path = describe or settings.describe_file
    if path is None:
        return None
    try:
        return DescribedInstance.read(Path(path).read_bytes(), "describe" if describe else "file")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            total = sum(1 for _ in file)
            file.seek(0)
            for _, line in zip(progress(range(total), "lines read"), file, strict=False):
                yield line
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8: save it as CSV UTF-8") from None


def _files(path: Path) -> list[tuple[Path, str]]:
    """The files that *path* is or has in it, with their names for the report; without hidden ones."""
    if not path.is_dir():
        return [(path, path.name)]
    files = []
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in (Path(folder, name) for name in names if not name.startswith(".")):
            if file.is_file() and not file.is_symlink():  # a pipe may never end
                files.append((file, str(file.relative_to(path))))
    return files


def _survey_files(survey: Survey, files: list[tuple[Path, str]]) -> None:
    from marketo_soap.debug.pieces import LONGEST_WHOLE
    from marketo_soap.migration import survey_messages

    along = partial(progress, what="calls read") if len(files) == 1 else iter
    for path, name in progress(sorted(files, key=lambda file: file[1]), "files read"):
        try:
            if path.stat().st_size > LONGEST_WHOLE:
                survey.unreadable(name, f"the file has more than {LONGEST_WHOLE // 2**20} MiB: split it")
                continue
            survey_messages(survey, path.read_bytes(), name, progress=along)
        except OSError as error:
            survey.unreadable(name, f"the file cannot be read: {type(error).__name__}")


# -- showing ------------------------------------------------------------------------------------------


def _data(report: Report, raw: bool) -> dict[str, Any]:
    data: dict[str, Any] = {"verdict": report.verdict, **as_data(report)}
    for name in ("first", "last"):
        data[name] = None if data[name] is None else data[name].isoformat()
    day = data["cost"]["busiest_day"]
    data["cost"]["busiest_day"] = None if day is None else day.isoformat()
    if not raw:
        for finding in data["findings"]:
            del finding["example"]
    return data


def _print(report: Report, instance: DescribedInstance | None, raw: bool) -> None:
    from marketo_soap.migration import Level

    days = sorted({time.date().isoformat() for time in (report.first, report.last) if time is not None})
    click.secho(f"{_count(report.calls, 'call')} read{', made ' + ' to '.join(days) if days else ''}", bold=True)
    if report.others:
        click.echo(f"{report.others} left out: replies, and what holds no call")
    if report.unreadable_count:
        click.echo(f"{report.unreadable_count} could not be read:")
        for where, why in report.unreadable:
            click.echo(f"  {printable(where)}: {printable(why)}")
    _table("keys", [(name, str(count), "", "") for name, count in report.keys.items()])
    known = "" if instance else " (standard ones: --describe adds those of the instance)"
    most_used = sorted(report.fields, key=lambda use: -use.count)[:_MOST_ROWS]
    _table(f"fields{known}", [_row(use) for use in report.fields if use in most_used])
    _more(len(report.fields) - len(most_used), "more field")
    if report.fields_left_out:
        click.echo(f"  and more names than can be listed, in {_count(report.fields_left_out, 'place')}")
    if report.findings:
        click.secho("\nfindings", bold=True)
    for finding in report.findings[:_MOST_ROWS]:
        _print_finding(finding, raw)
    _more(len(report.findings) - _MOST_ROWS, "more finding")
    _print_cost(report.cost, report.calls)
    counts = [f"{counted} {level}" for level in Level if (counted := report.count(level))]
    summary = f": {', '.join(counts)}" if counts else ""
    click.echo(click.style(report.verdict, fg=_VERDICTS[report.verdict], bold=True) + summary)


def _count(number: int, what: str) -> str:
    noun, of, owner = what.partition(" of ")
    return f"{number} {noun}{'' if number == 1 else 's'}{of}{owner}"


def _more(number: int, what: str) -> None:
    if number > 0:
        click.echo(f"  and {_count(number, what)}: --json lists them all")


def _table(title: str, rows: list[tuple[str, str, str, str]]) -> None:
    if rows:
        click.secho(f"\n{title}", bold=True)
        print_columns(rows, right=1)


def _row(use: FieldUse) -> tuple[str, str, str, str]:
    kind = f" ({use.type})" if use.type else ""
    meaning = "-" if use.rest_name is None else f"{use.rest_name}{kind}"
    flags = (use.source, "read-only" if use.read_only else "", "company" if use.company else "")
    remark = ", ".join(filter(None, flags)) or "unknown"
    return printable(use.name), str(use.count), printable(meaning), remark


def _print_finding(finding: Finding, raw: bool) -> None:
    level = click.style(f"{finding.level:<8}", fg=_COLOURS[finding.level], bold=True)
    subject = f"{printable(finding.subject)}: " if finding.subject else ""
    place = f" [{printable(finding.first)}]" if finding.first else ""
    value = f": {printable(repr(finding.example))}" if raw and finding.example is not None else ""
    click.echo(f"  {level}  {finding.count}x {subject}{printable(finding.text)}{value}{place}")


def _print_cost(cost: CallCost, calls: int) -> None:
    least = "" if cost.least == cost.most else f"{cost.least} to "
    click.secho("\ncost", bold=True)
    click.echo(f"  {least}{_count(cost.most, 'call of REST')} for {_count(calls, 'call of SOAP')}")
    if cost.busiest_day is not None:
        most, day = _count(cost.on_busiest_day, "call"), cost.busiest_day
        click.echo(f"  at most {most} on a day ({day}), {cost.quota} allowed")
        click.echo(f"  at most {_count(cost.in_window, 'call')} in {cost.window} s, {cost.window_limit} allowed")
    click.echo()
