"""Bulk sync as a destination of dlt pipelines. Needs dlt (extra `dlt`)."""

# pyright: reportMissingImports=false

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

try:
    import dlt
    from dlt.common.destination.exceptions import DestinationTerminalException
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"lead_destination needs {error.name}: pip install 'marketo_soap[dlt]'", name=error.name
    ) from None

from marketo_soap.bulk.columns import Columns
from marketo_soap.bulk.parts import PartLedger, sync_part
from marketo_soap.bulk.planner import SIZE
from marketo_soap.bulk.terms import BulkClient

__all__ = ["lead_destination", "read_outcomes"]

_OURS, _ID = "_dlt_", "_dlt_id"
_SUFFIX = ".ledger"


def lead_destination(
    client: BulkClient,
    ledgers: str | os.PathLike[str],
    *,
    columns: Columns | None = None,
    dedup: bool = True,
    at_once: int = 10,
    batch_size: int = 10 * SIZE,
    file_format: Literal["typed-jsonl", "parquet"] = "typed-jsonl",
    target: str | None = None,
    name: str = "marketo",
) -> Any:
    """Return a dlt destination that inserts or updates the rows of each table as leads.

    `dlt.pipeline("leads", destination=lead_destination(client, "ledgers"))`. Columns are read as `sync_leads` reads
    them; those of dlt are not sent, and names stay as they are. *batch_size* is how many rows are settled before dlt
    notes them as loaded. Each load package has a ledger for each table, in the folder *ledgers*: if a load is
    interrupted, `pipeline.load()` continues, and sends only the rows of its batch that the ledger does not have. A row
    is recognised by its `_dlt_id`; rows without one (Arrow data) by their contents.

    dlt leaves nulls out of JSON lines: with `Columns(empty="clear")`, set *file_format* to "parquet" to clear fields.
    Refused rows do not fail the load: `read_outcomes` has them. A table without a key column fails it, and so does a
    sync that stops early (`SyncStopped`), which dlt tries again. The other arguments are those of `sync_leads`; *name*
    is the destination's.
    """
    used = columns or Columns()

    def sync(items: Any, table: Mapping[str, Any]) -> None:
        if table["name"].startswith(_OURS):
            return
        rows, ids, schema = _rows(items)
        try:
            used.plan([each for each in table["columns"] if not each.startswith(_OURS)], needs_key=dedup)
        except ValueError as error:
            raise DestinationTerminalException(f"table {table['name']!r}: {error}") from error
        package: Any = dlt.current.load_package_state()
        os.makedirs(ledgers, exist_ok=True)
        path = os.path.join(ledgers, f"{package['load_id']}.{table['name']}{_SUFFIX}")
        with PartLedger(path) as ledger:
            digests = ledger.digests(rows)
            identities = [
                digest if identity is None else f"{_ID} {identity}".encode()
                for digest, identity in zip(digests, ids, strict=True)
            ]
            options = {"columns": used, "dedup": dedup, "at_once": at_once, "target": target}
            sync_part(rows, identities, client, ledger, schema=schema, **options)

    return dlt.destination(
        sync,
        name=name,
        batch_size=batch_size,
        loader_file_format=file_format,
        naming_convention="direct",
        skip_dlt_columns_and_tables=False,
        loader_parallelism_strategy="sequential",
    )()


def read_outcomes(ledgers: str | os.PathLike[str]) -> Iterator[dict[str, object]]:
    """Yield what became of each row of all load packages, as mappings that another pipeline can load.

    `_dlt_id` is that of the row, or None; `fate`, `lead_id`, `status`, `code` and `text` are as in `RowOutcome`.
    """
    for file in sorted(os.listdir(ledgers)):
        if not file.endswith(_SUFFIX):
            continue
        seconds, fraction, table = file.removesuffix(_SUFFIX).split(".", 2)
        with PartLedger.copy_of(os.path.join(ledgers, file)) as ledger:
            identities = dict(ledger.identities())
            for outcome in ledger.outcomes():
                known, _, identity = identities[outcome.number].partition(b" ")
                yield {
                    "load_id": f"{seconds}.{fraction}",
                    "table": table,
                    _ID: identity.decode() if known == _ID.encode() else None,
                    "fate": str(outcome.fate),
                    "lead_id": outcome.lead_id,
                    "status": outcome.status,
                    "code": outcome.code,
                    "text": outcome.text,
                }


def _rows(items: Any) -> tuple[Sequence[tuple[tuple[str, ...], Any]], list[str | None], Any]:
    """Return the rows of a batch without the columns of dlt, their ids, and the schema of Arrow data."""
    if isinstance(items, list):
        rows = [((), {name: cell for name, cell in item.items() if not name.startswith(_OURS)}) for item in items]
        return rows, [item.get(_ID) for item in items], None
    from marketo_soap.bulk.tables import rows_of

    names = items.schema.names
    ids = items.column(_ID).to_pylist() if _ID in names else [None] * items.num_rows
    kept = items.select([name for name in names if not name.startswith(_OURS)])
    return list(rows_of(kept)), ids, kept.schema
