"""Rows that come in parts, in any order, and perhaps more than once: each is known by its identity, and sent once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from os import PathLike
from typing import Any

from attrs import frozen

from marketo_soap.bulk.files import Format
from marketo_soap.bulk.ledger import Ledger
from marketo_soap.bulk.outcomes import RowFate, RowOutcome
from marketo_soap.bulk.rows import Row
from marketo_soap.bulk.sync import sync_leads
from marketo_soap.bulk.terms import BulkClient

__all__ = ["PartLedger", "SyncStopped", "sync_part"]

_MOST_RUNS = 3

_SCHEMA = "CREATE TABLE IF NOT EXISTS identities (number INTEGER PRIMARY KEY, identity BLOB NOT NULL UNIQUE)"


class SyncStopped(RuntimeError):  # noqa: N818 - what happened
    """A sync stopped before all rows had a fate. Started again with the same ledgers, it continues.

    `retry_at` is when to start it again, if the day's quota is used up.
    """

    def __init__(self, reason: str, retry_at: datetime | None = None) -> None:
        super().__init__(reason, retry_at)
        self.reason, self.retry_at = reason, retry_at

    def __str__(self) -> str:
        when = "" if self.retry_at is None else f" after {self.retry_at.isoformat()}"
        return f"{self.reason}; start it again{when} with the same ledgers, and it continues"


class PartLedger(Ledger):
    """A `Ledger` of rows that have identities in place of a fixed order: their numbers are those of their arrival."""

    def __init__(self, path: str | PathLike[str] = ":memory:") -> None:
        super().__init__(path)
        self._db.execute(_SCHEMA)
        self.commit()

    def numbers(self, identities: Iterable[bytes]) -> list[int]:
        """Return the number of each row; a new row gets the next."""
        found = []
        for identity in identities:
            self._db.execute("INSERT OR IGNORE INTO identities (identity) VALUES (?)", (identity,))
            query = "SELECT number FROM identities WHERE identity = ?"
            found.append(self._db.execute(query, (identity,)).fetchone()[0])
        return found

    def identities(self) -> Iterator[tuple[int, bytes]]:
        """Yield the number and the identity of each row."""
        yield from self._db.execute("SELECT number, identity FROM identities ORDER BY number")

    def digests(self, rows: Iterable[object]) -> Iterator[bytes]:
        """Yield identities of rows by their contents; equal rows of one part have different ones.

        The digests are keyed with random bytes of this ledger, so nothing can be guessed from them elsewhere.
        """
        seen: Counter[bytes] = Counter()
        for row in rows:
            digest = hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16, key=self.salt).digest()
            yield digest + seen[digest].to_bytes(4)
            seen[digest] += 1

    def forget_invalid(self) -> None:
        """Keep them: the next run has other rows."""


@frozen
class _Part:
    """The rows of a part, as a source."""

    numbered: Sequence[tuple[int, tuple[tuple[str, ...], Any]]]
    schema: Any = None
    format: Format = "jsonl"

    def headers(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        if self.schema is not None:
            yield "", tuple(self.schema.names)

    def rows(self) -> Iterator[Row]:
        for number, (columns, cells) in self.numbered:
            yield Row(number, cells, columns)

    def fingerprint(self) -> str:
        return "parts"

    def fraction_read(self) -> None:
        return


def sync_part(
    rows: Sequence[tuple[tuple[str, ...], Any]],
    identities: Iterable[bytes],
    client: BulkClient,
    ledger: PartLedger,
    *,
    schema: Any = None,
    **options: Any,
) -> list[RowOutcome]:
    """Insert or update the leads of some rows, apart from those that *ledger* knows to be settled; return all outcomes.

    *rows* are pairs of columns and cells, or of () and a mapping. Each has one of the *identities*. The *options* are
    those of `sync_leads`. Rows whose answer was lost are sent again, where `sync_leads` would do so. Raises
    `SyncStopped` where it stops early, and what it raises.
    """
    numbers = ledger.numbers(identities)
    numbered = dict(zip(numbers, rows, strict=True))
    part = _Part(sorted(numbered.items(), key=lambda each: each[0]), schema)
    for run in range(_MOST_RUNS):
        summary = sync_leads(part, client, ledger=ledger, **options)
        if summary.stopped:
            raise SyncStopped(summary.stopped, summary.retry_at)
        first, last = min(numbers, default=1), max(numbers, default=0)
        outcomes = {each.number: each for each in ledger.outcomes(first, last) if each.number in numbered}
        is_unknown = any(each.fate is RowFate.UNKNOWN for each in outcomes.values())
        if not is_unknown or (run and not summary.repeated):
            return [outcomes[number] for number in numbers]
    raise SyncStopped(f"the answers were lost {_MOST_RUNS} times")
