"""Bulk sync from Ray datasets: `dataset.write_datasink(LeadSink(...))`. Needs Ray (extra `ray`)."""

# pyright: reportMissingImports=false

from __future__ import annotations

import os
import re
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any

try:
    import pyarrow as pa
    import ray
    from ray.data import Datasink
    from ray.data.block import BlockAccessor
    from ray.exceptions import RayError, RayTaskError
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"LeadSink needs {error.name}: pip install 'marketo_soap[ray]'", name=error.name
    ) from None

from marketo_soap.bulk.columns import KEYS, BadCell, Columns, Plan
from marketo_soap.bulk.outcomes import RowFate
from marketo_soap.bulk.parts import PartLedger, SyncStopped, sync_part
from marketo_soap.bulk.planner import SIZE, Item
from marketo_soap.bulk.ray_limits import SharedLimiter, limiter_actor, redis_limiter
from marketo_soap.bulk.rows import Row
from marketo_soap.bulk.tables import rows_of
from marketo_soap.bulk.terms import BulkClient
from marketo_soap.calls.limits import VENDOR_LIMITS, Limiter, Limits

__all__ = ["LeadSink"]

_ROWS = 10 * SIZE
"""How many rows a partition gets at a time, about: so most calls are full."""

_SCHEMA = pa.schema(
    {**dict.fromkeys((*KEYS, "fate"), pa.string()), "lead_id": pa.int64(), "status": pa.string()}
    | {"code": pa.int64(), "text": pa.string()}
)
_FILE = re.compile(r"partition-\d+-of-(\d+)\.ledger")


class LeadSink(Datasink[Any]):  # type: ignore[misc, unused-ignore]
    """Inserts or updates the leads of a Ray dataset: `dataset.write_datasink(LeadSink(...), concurrency=8)`.

    A row is a lead: its columns are read as `sync_leads` reads those of a table. *client* makes a client with a
    limiter, in the process that sends: `lambda limiter: Client(endpoint, user_id, key, limiter=limiter)`.

    Rows go to *partitions* by the key that the server matches a lead by, and each partition has one actor, the only one
    that sends its rows. So rows with the same key are never sent at the same time. Those of one block are sent in their
    order; the order of blocks is up to Ray. *ledgers* is a folder that the driver and all nodes see; each partition has
    a ledger there. What Ray runs again, and the same write started again, sends only the rows that the ledger does not
    have. A row is recognised by its contents: use a new folder for new data.

    The actors share *limits*: through the Redis server at the url *redis*, together with all users of the same
    *subscription*, or through an actor of this Ray job. The other arguments are those of `sync_leads`.

    If the sync stops early, `write_datasink` raises the reason (`SyncStopped`); start it again to continue. Rows that
    are refused stop nothing: see `outcomes`.
    """

    def __init__(
        self,
        client: Callable[[Limiter], BulkClient],
        ledgers: str | os.PathLike[str],
        *,
        partitions: int = 8,
        redis: str | None = None,
        subscription: str = "default",
        limits: Limits = VENDOR_LIMITS,
        columns: Columns | None = None,
        dedup: bool = True,
        batch_size: int = SIZE,
        target: str | None = None,
    ) -> None:
        if partitions < 1:
            raise ValueError("partitions is 1 or more")
        self._client, self._ledgers, self._partitions = client, os.path.abspath(ledgers), partitions
        self._redis, self._subscription, self._limits = redis, subscription, limits
        self._columns, self._dedup = columns or Columns(), dedup
        at_once = -(-(limits.at_once or 10) // partitions)
        self._options = {"dedup": dedup, "batch_size": batch_size, "target": target, "at_once": at_once}
        self._actors: list[Any] = []
        self._tables: list[Any] | None = None

    # -- in the driver --------------------------------------------------------------------------------

    def on_write_start(self, schema: Any = None) -> None:
        """Start the actors of the partitions."""
        os.makedirs(self._ledgers, exist_ok=True)
        for name in os.listdir(self._ledgers):
            found = _FILE.match(name)
            if found and int(found[1]) != self._partitions:
                raise ValueError(f"the ledgers in {self._ledgers} are those of {found[1]} partitions")
        if schema is not None and hasattr(schema, "names"):
            self._columns.plan(schema.names, needs_key=self._dedup)
        remote: Any = ray.remote
        actor = remote(concurrency_groups={"stop": 1})(_Partition)
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": "SPREAD"}
        limiter: Callable[[str], Limiter]
        if self._redis is not None:
            limiter = partial(redis_limiter, self._redis, self._subscription, self._limits)
        else:
            limiter = partial(SharedLimiter, limiter_actor(self._subscription, self._limits))
        paths = [
            os.path.join(self._ledgers, f"partition-{each}-of-{self._partitions}.ledger")
            for each in range(self._partitions)
        ]
        self._actors = [actor.options(**options).remote(self._client, limiter, path) for path in paths]

    def on_write_complete(self, write_result: Any) -> None:
        """Keep the outcomes."""
        self._stop()
        self._tables = list(chain.from_iterable(write_result.write_returns))

    def on_write_failed(self, error: Exception) -> None:
        """End the actors, after their calls in progress."""
        self._stop()

    def _stop(self) -> None:
        actors, self._actors = self._actors, []
        for stopped in [actor.stop.options(concurrency_group="stop").remote() for actor in actors]:
            with suppress(RayError):  # it is dead already
                ray.get(stopped)
        for actor in actors:
            ray.kill(actor)

    @property
    def outcomes(self) -> Any:
        """What became of each row, as a Ray dataset: its keys, and fate, lead_id, status, code, text of `RowOutcome`.

        Raises `RuntimeError` before the write is complete.
        """
        return ray.data.from_arrow(self._complete() or [_SCHEMA.empty_table()])

    @property
    def counts(self) -> Mapping[RowFate, int]:
        """How many rows have each fate."""
        counts: Counter[str] = Counter()
        for table in self._complete():
            counts.update(table.column("fate").to_pylist())
        return {RowFate(fate): count for fate, count in counts.items()}

    def _complete(self) -> list[Any]:
        if self._tables is None:
            raise RuntimeError("the write is not complete")
        return self._tables

    # -- in tasks -------------------------------------------------------------------------------------

    @property
    def min_rows_per_write(self) -> int:
        """How many rows a task gets: enough for full calls of each partition."""
        return _ROWS * self._partitions

    def write(self, blocks: Iterable[Any], ctx: Any) -> list[Any]:
        """Give the rows to their partitions; return their outcomes as Arrow tables."""
        parts: dict[int, list[Any]] = {}
        for block in blocks:
            table = BlockAccessor.for_block(block).to_arrow()
            plan = self._columns.plan(table.column_names, needs_key=self._dedup)
            rows: dict[int, list[int]] = {}
            for index, (columns, cells) in enumerate(rows_of(table)):
                rows.setdefault(self._partition(plan, columns, cells), []).append(index)
            for number, indices in rows.items():
                parts.setdefault(number, []).append(table.take(indices))
        calls = [
            self._actors[number].sync.remote(tables, self._columns, self._options) for number, tables in parts.items()
        ]
        try:
            return list(ray.get(calls))
        except RayTaskError as error:
            raise error.cause from None

    def _partition(self, plan: Plan, columns: tuple[str, ...], cells: Sequence[Any]) -> int:
        try:
            record = plan.record(cells)
        except BadCell:
            return 0  # it is refused there
        key = Item.of(Row(0, cells, columns), record, dedup=self._dedup).match_key
        return zlib.crc32(repr(key or cells).encode("utf-8", "surrogatepass")) % self._partitions


class _Partition:
    """The actor of a partition: the only one that sends its rows, and that has its ledger open."""

    def __init__(self, client: Callable[[Limiter], BulkClient], limiter: Callable[[str], Limiter], path: str) -> None:
        self._path = path
        self._ledger: PartLedger | None = None
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._client = client(limiter(path))

    def sync(self, tables: Sequence[Any], columns: Columns, options: Mapping[str, Any]) -> Any:
        """Send what the ledger does not have; return a table of outcomes."""
        with self._lock:
            if self._stopped.is_set():
                raise SyncStopped("the write has ended")
            if self._ledger is None:
                self._ledger = PartLedger(self._path)
            return self._sync(self._ledger, tables, columns, options)

    def stop(self) -> None:
        """End after the calls in progress."""
        self._stopped.set()
        with self._lock:
            if self._ledger is not None:
                self._ledger.close()

    def _sync(self, ledger: PartLedger, tables: Sequence[Any], columns: Columns, options: Mapping[str, Any]) -> Any:
        rows = [row for table in tables for row in rows_of(table)]
        schema = tables[0].schema
        identities = list(ledger.digests(rows))
        part = {"schema": schema, "columns": columns, "stop": self._stopped, **options}
        outcomes = sync_part(rows, identities, self._client, ledger, **part)
        shown = []
        for (names, cells), outcome in zip(rows, outcomes, strict=True):
            targets = {columns.mapping.get(name, name).strip(): cell for name, cell in zip(names, cells, strict=True)}
            keys = {key: None if (cell := targets.get(key)) is None else str(cell) for key in KEYS}
            known = {"lead_id": outcome.lead_id, "status": outcome.status, "code": outcome.code, "text": outcome.text}
            shown.append({**keys, "fate": str(outcome.fate), **known})
        return pa.Table.from_pylist(shown, _SCHEMA)
