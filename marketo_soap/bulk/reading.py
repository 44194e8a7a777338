"""Rows of a source become leads that are to be sent, rows that are settled already, and rows that are refused."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping
from itertools import islice
from typing import Literal

from attrs import define, field

from marketo_soap.bulk.columns import BadCell, Columns, Plan
from marketo_soap.bulk.duplicates import FirstRows
from marketo_soap.bulk.ledger import Ledger
from marketo_soap.bulk.outcomes import RowFate, RowOutcome
from marketo_soap.bulk.planner import Item
from marketo_soap.bulk.rows import Row, keys_of
from marketo_soap.bulk.sources import RowSource
from marketo_soap.records.lead import LeadRecord

__all__ = ["Chunk", "Duplicates", "RowReader", "plans_of"]

Duplicates = Literal["last", "first", "refuse"]

_ROWS = 300  # read at a time
_SETTLED = frozenset({RowFate.DONE, RowFate.REJECTED, RowFate.DUPLICATE})
_MOST_PLANS = 1000


@define
class Chunk:
    """Some rows: the leads that are to be sent, and what is known of others without sending them."""

    items: list[Item] = field(factory=list)
    new: list[tuple[Row, RowOutcome]] = field(factory=list)
    """Rows that are refused, or left out as duplicates."""
    rejected: list[tuple[Row, RowOutcome]] = field(factory=list)
    """Rows that the server refused in an earlier run."""
    repeated: int = 0
    """How many of the leads may have been carried out by an earlier run."""


def plans_of(source: RowSource, columns: Columns, *, dedup: bool) -> dict[tuple[str, ...], Plan]:
    """Return the plan of each header of a source, before any row is read. Raises `ValueError` for a wrong header."""
    plans: dict[tuple[str, ...], Plan] = {}
    for place, names in source.headers():
        if plans and names not in plans:
            raise ValueError(f"{place}: the columns are not those of the first file: sync it by itself")
        plans[names] = columns.plan(names, place, needs_key=dedup)
    if source.schema is not None:
        from marketo_soap.bulk.tables import problems_of

        for name, problem in problems_of(source.schema, has_zone=columns.time_zone is not None):
            if columns.mapping.get(name) != "":
                raise ValueError(f"column {name!r}: {problem}")
    return plans


class RowReader:
    """Reads a source once, in chunks, and leaves out what the ledger knows to be settled.

    Raises `ValueError` for a header without a key before any row is read, and `SourceChanged` where the rows are not
    those that the ledger was made for, or were sent with other options.
    """

    def __init__(
        self,
        source: RowSource,
        ledger: Ledger,
        columns: Columns,
        *,
        duplicates: Duplicates = "last",
        dedup: bool = True,
        accept_changes: bool = False,
    ) -> None:
        self._source, self._ledger, self._columns = source, ledger, columns
        self._duplicates, self._dedup, self._accept = duplicates, dedup, accept_changes
        self._plans = plans_of(source, columns, dedup=dedup)
        fingerprint = source.fingerprint()
        ledger.check_source(fingerprint, accept=accept_changes)
        options = {**columns.options(), "duplicates": duplicates, "dedup": str(dedup).lower()}
        ledger.check_options(options, accept=accept_changes)
        self._digest = hashlib.blake2b(ledger.salt) if fingerprint is None else None
        self._first = None if duplicates == "last" else FirstRows()
        self._rows: Iterator[Row] = iter(source.rows())
        self.number = 0
        self.finished = False

    def chunk(self) -> Chunk:
        """Return the next rows; at the end of the source an empty chunk, and `finished` is true."""
        rows = list(islice(self._rows, _ROWS))
        if not rows:
            self.finished = True
            if self._digest is not None:
                self._ledger.check_end(self.number, accept=self._accept)
            return Chunk()
        first, self.number = rows[0].number, rows[-1].number
        if self._digest is not None:
            self._compare(rows)
        known = {outcome.number: outcome for outcome in self._ledger.outcomes(first, self.number)}
        chunk = Chunk()
        for row in rows:
            self._add(chunk, row, known.get(row.number))
        return chunk

    def fraction_read(self) -> float | None:
        """Return which part of the source is read, from 0 to 1; None if that is unknown."""
        return 1.0 if self.finished else self._source.fraction_read()

    def close(self) -> None:
        """Close the source."""
        if isinstance(self._rows, Generator):
            self._rows.close()
        if self._first is not None:
            self._first.close()

    def _add(self, chunk: Chunk, row: Row, known: RowOutcome | None) -> None:
        """Add a row to a chunk; *known* is its outcome from an earlier run."""
        is_settled = known is not None and known.fate in _SETTLED
        if known is not None and known.fate is RowFate.REJECTED:
            chunk.rejected.append((row, known))
        if is_settled and self._first is None:
            return
        try:
            item = Item.of(row, self._record(row), dedup=self._dedup)
        except BadCell as bad:
            if not is_settled:  # what may have been carried out stays unknown
                noted = chunk.new if known is None else chunk.rejected
                noted.append((row, RowOutcome(row.number, RowFate.INVALID, text=str(bad))))
            return
        duplicate = self._duplicate(item)  # asked of a settled row too: later rows may have its key
        if is_settled or (known is not None and not item.repeatable):
            return  # what nobody knows the fate of must not be sent twice
        if duplicate is not None:
            chunk.new.append((row, duplicate))
        else:
            chunk.items.append(item)
            chunk.repeated += known is not None

    def _record(self, row: Row) -> LeadRecord:
        """Return the lead of a row. Raises `BadCell`."""
        cells = row.cells
        if isinstance(cells, LeadRecord):
            if self._dedup and cells.key is None:
                raise BadCell(None, "the lead has no key: give it an Id, Email or ForeignSysPersonId")
            return cells
        if isinstance(cells, str):
            raise BadCell(None, "the line is no JSON object, or has a name twice")
        names = row.columns
        if isinstance(cells, Mapping):
            names, cells = tuple(cells), tuple(cells.values())
        plan = self._plans.get(names)
        if plan is None:
            is_header = bool(row.columns)
            try:
                place = row.file if is_header else ""
                plan = self._columns.plan(names, place, needs_key=self._dedup, header=is_header)
            except ValueError as error:
                if is_header:
                    raise
                raise BadCell(None, str(error)) from None
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[names] = plan
        return plan.record(cells)

    def _duplicate(self, item: Item) -> RowOutcome | None:
        """Return the outcome of a lead whose key an earlier row has, if that matters."""
        key = item.match_key
        if self._first is None or key is None:
            return None
        first = self._first.first(key, item.number)
        if first == item.number:
            return None
        if self._duplicates == "first":
            return RowOutcome(item.number, RowFate.DUPLICATE, text=f"row {first} was sent instead")
        return RowOutcome(item.number, RowFate.INVALID, text=f"the {key[0]} is that of row {first}")

    def _compare(self, rows: list[Row]) -> None:
        """Compare the rows with those of an earlier run, by a digest of all rows up to a number."""
        assert self._digest is not None
        known = self._ledger.prefixes(rows[0].number, rows[-1].number)
        for row in rows:
            cells = row.cells
            shown: object = row.columns, cells
            if isinstance(cells, LeadRecord):  # its repr hides values
                shown = (*keys_of(cells).values(),), [(each.name, each.value) for each in cells.attributes]
            self._digest.update(repr(shown).encode("utf-8", "surrogatepass"))
            if row.number in known or row is rows[-1]:
                self._ledger.check_prefix(row.number, self._digest.copy().hexdigest(), accept=self._accept)
