"""The command that fetches leads into a file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from marketo_soap.cli.clients import open_client, target_of
from marketo_soap.cli.help import examples
from marketo_soap.cli.options import ENDPOINT_OPTIONS, F, signer_options, with_notes, with_options
from marketo_soap.cli.output import Lines, counted, printable
from marketo_soap.errors import LimitFault
from marketo_soap.records.lead_keys import (
    LastUpdateAtSelector,
    LeadKeyRef,
    LeadKeySelector,
    LeadSelector,
    StaticListSelector,
    aware,
)

_STOPPED = 3

_WHICH = (
    click.option("--list", "list_name", metavar="NAME", help="The members of a static list: NAME or PROGRAM.NAME."),
    click.option("--list-id", type=int, help="The members of the static list with this id."),
    click.option("--updated-since", metavar="TIME", help="Leads updated since a time: 2026-05-01T00:00:00Z."),
    click.option("--until", metavar="TIME", help="With --updated-since: the last moment; default: now."),
    click.option("--keys", type=click.File(encoding="utf-8-sig"), help="A file with a key in each line; - is stdin."),
    click.option(
        "--key-type",
        type=click.Choice([each for each in LeadKeyRef if each != LeadKeyRef.LEADOWNEREMAIL]),
        default=LeadKeyRef.EMAIL,
        show_default=True,
        help="What the keys are.",
    ),
)
_HOW = (
    click.option(
        "--attribute",
        "attributes",
        multiple=True,
        metavar="NAME",
        help="Only the keys and this field; may be repeated.",
    ),
    click.option(
        "-o", "--output", required=True, type=click.Path(dir_okay=False), help="A .csv, .tsv, .jsonl or .parquet file."
    ),
    click.option("--overwrite", is_flag=True, help="Replace the file if it is there."),
)


def _options(command: F) -> F:
    return signer_options(with_options(*ENDPOINT_OPTIONS, *_WHICH, *_HOW)(command))


@click.command(
    "fetch-leads",
    short_help="Fetch leads into a file.",
    epilog=examples(
        "fetch-leads --sandbox-db leads.db --updated-since 2026-11-01 -o fetched.csv",
        "fetch-leads --sandbox-db leads.db --list Newsletter --attribute FirstName -o members.jsonl",
    ),
)
@_options
def fetch_leads(
    list_name: str | None,
    list_id: int | None,
    updated_since: str | None,
    until: str | None,
    keys: Any,
    key_type: LeadKeyRef,
    attributes: tuple[str, ...],
    output: str,
    overwrite: bool,
    sandbox: bool,
    sandbox_db: str | None,
    **user: Any,
) -> None:
    """Fetch the leads of a list, of a time range or of a file of keys into a file, by getMultipleLeads.

    The pages are kept in OUTPUT.pages until all are there: after an interruption the same command goes on with the
    next page. Each lead is one row.

    Exit code 0: the file is written; 1: it failed; 2: wrong use; 3: the daily quota is used up or the fetch was
    interrupted: the same command goes on.
    """
    from marketo_soap.bulk import Fetched, fetch_to_file

    selector = _selector(list_name, list_id, updated_since, until, keys, key_type)
    try:
        with open_client(sandbox=sandbox, sandbox_db=sandbox_db, **user) as client:
            fetched = fetch_to_file(
                selector,
                client,
                output,
                attributes=attributes,
                overwrite=overwrite,
                on_progress=Lines[Fetched](lambda fetched: counted(fetched.leads, "lead")),
                target=target_of(sandbox, sandbox_db),
            )
    except FileExistsError:
        raise click.UsageError(f"{printable(output)} exists: give --overwrite to replace it") from None
    except ValueError as error:
        raise click.ClickException(with_notes(error, printable(str(error)))) from None
    except KeyboardInterrupt:
        click.echo("interrupted: the same command goes on", err=True)
        raise SystemExit(_STOPPED) from None
    except LimitFault as error:
        after = f" after {error.retry_at.isoformat()}" if error.retry_at else ""
        click.echo(f"stopped: {printable(str(error))}\nthe same command goes on{after}", err=True)
        raise SystemExit(_STOPPED) from None
    click.echo(f"{counted(fetched.rows or 0, 'lead')} in {printable(output)}")
    if list_name is not None and not fetched.rows:
        click.echo(f"warning: no list is called {list_name!r}, or it is empty: Marketo answers both alike", err=True)
    elif fetched.rows:
        for name in map(printable, fetched.missing):
            click.echo(f"warning: no lead has a value of {name}: is that the name of a field?", err=True)


def _selector(
    list_name: str | None,
    list_id: int | None,
    updated_since: str | None,
    until: str | None,
    keys: Any,
    key_type: LeadKeyRef,
) -> LeadSelector:
    given = [each is not None for each in (list_name, list_id, updated_since, keys)]
    if sum(given) != 1:
        raise click.UsageError("give one of --list, --list-id, --updated-since and --keys")
    if until is not None and updated_since is None:
        raise click.UsageError("--until needs --updated-since")
    if updated_since is not None:
        first = _time("--updated-since", updated_since)
        last = None if until is None else _time("--until", until)
        if last is not None and last < first:
            raise click.UsageError("--until is before --updated-since")
        return LastUpdateAtSelector(oldest_updated_at=first, latest_updated_at=last)
    if keys is not None:
        try:
            values = [key for line in keys if (key := line.strip())]
        except UnicodeDecodeError:
            raise click.UsageError(f"{printable(keys.name)} is not UTF-8: save it as UTF-8") from None
        if not values:
            raise click.UsageError("the file of keys is empty")
        return LeadKeySelector(key_type, values)
    return StaticListSelector(list_name, list_id)


def _time(option: str, text: str) -> datetime:
    try:
        return aware(datetime.fromisoformat(text))
    except ValueError:
        raise click.UsageError(f"{option}: {text!r} is no time such as 2026-05-01T00:00:00Z") from None
