"""The ledger: a SQLite file that knows what became of each row."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import date
from os import PathLike
from secrets import token_hex
from typing import Any, Self

from marketo_soap.bulk.outcomes import RowFate, RowOutcome
from marketo_soap.errors import ErrorWithHelp

__all__ = ["Ledger", "SourceChanged"]

_VERSION = 1
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE outcomes (
    number INTEGER PRIMARY KEY, fate TEXT NOT NULL, lead_id INTEGER, status TEXT, code INTEGER, text TEXT
);
CREATE TABLE sent (batch INTEGER PRIMARY KEY, numbers TEXT NOT NULL);
CREATE TABLE calls (day TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE prefixes (number INTEGER PRIMARY KEY, digest TEXT NOT NULL);
"""


class SourceChanged(ErrorWithHelp, ValueError):  # noqa: N818 - what happened
    """The source is not the one that the ledger was made for, or its rows were sent with other options."""


class Ledger:
    """What became of each row of a source, in a SQLite file at *path* (`:memory:`: only while the program runs).

    It holds the numbers of rows, fates, Marketo ids, codes and texts of refusals, and how columns become leads, but no
    keys and no values. A batch is noted as sent before it is sent, and its outcome when the answer is there; each
    commit waits for the disk. What was sent and has no outcome when the file is opened again has the fate unknown. One
    process may have it open. Only the owner of the file may read it.

    Raises `ValueError` if the file is no ledger, and `sqlite3.OperationalError` if another process has it open.
    """

    def __init__(self, path: str | PathLike[str] = ":memory:") -> None:
        self.path = os.fspath(path)
        if self.path != ":memory:":
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._db = sqlite3.connect(self.path, isolation_level=None, timeout=2.0)
        self._open()

    def _open(self) -> None:
        with ExitStack() as undo, _explained(self.path):
            undo.callback(self._db.close)
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            is_new = version == 0 and not self._db.execute("SELECT 1 FROM sqlite_master").fetchone()
            if version != _VERSION and not is_new:
                raise ValueError(f"{self.path} is no ledger of this version: name another file")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("BEGIN IMMEDIATE")
            if is_new:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={_VERSION}")
            self.mark_unknown()
            self._batch = 0
            self.commit()
            undo.pop_all()

    @classmethod
    def copy_of(cls, path: str | PathLike[str]) -> Self:
        """Return a copy in memory of a ledger that may not be there yet; the file stays as it is."""
        if not os.path.exists(path):
            return cls()
        with _explained(path), closing(sqlite3.connect(path, timeout=2.0)) as file:
            file.execute("BEGIN")  # a backup would wait for the lock of another process for ever
            file.execute("SELECT 1 FROM sqlite_master").fetchall()
            ledger = cls()
            ledger._db.execute("COMMIT")
            file.backup(ledger._db)
            ledger.path = os.fspath(path)
            ledger._open()
        return ledger

    def mark_unknown(self) -> None:
        """Give what was sent and has no outcome the fate unknown."""
        query = """
            INSERT INTO outcomes (number, fate) VALUES (?, ?)
            ON CONFLICT DO UPDATE SET fate = excluded.fate, text = NULL WHERE fate = 'invalid'
        """
        for (numbers,) in self._db.execute("SELECT numbers FROM sent").fetchall():
            self._db.executemany(query, ((number, str(RowFate.UNKNOWN)) for number in json.loads(numbers)))
        self._db.execute("DELETE FROM sent")

    @property
    def _is_used(self) -> bool:
        """Whether a row was sent."""
        return self._db.execute("SELECT 1 FROM outcomes WHERE fate <> 'invalid' LIMIT 1").fetchone() is not None

    # -- the source -----------------------------------------------------------------------------------

    def check_source(self, fingerprint: Any, *, accept: bool = False) -> None:
        """Note what identifies the source, or compare it; with *accept* another one takes its place.

        Raises `SourceChanged` if it is another.
        """
        text = json.dumps(fingerprint)
        if self.fact("source") not in (None, text) and self._is_used and not accept:
            raise SourceChanged(
                f"the source is not the one that {self.path} was made for: restore it, name another ledger, or accept "
                "the change (--accept-changes) if the rows that are done are still the same"
            )
        self.set_fact("source", text)

    def check_options(self, options: Mapping[str, str], *, accept: bool = False) -> None:
        """Note the options that say what is sent for a row, or compare them; with *accept* others take their place.

        Raises `SourceChanged` if they are others: the rows that are done would not be sent again.
        """
        noted = self.fact("options")  # None: by an earlier version of the package
        known = options if noted is None else json.loads(noted)
        changed = sorted(name for name in {*known, *options} if known.get(name) != options.get(name))
        if changed and self._is_used and not accept:
            shown = ", ".join(f"{name}: {known.get(name)}, now {options.get(name)}" for name in changed[:5])
            raise SourceChanged(
                f"the rows of {self.path} were sent with other options ({shown}), and would not be sent again: name "
                "another ledger, or accept the change (--accept-changes) if those that are done may stay as they are"
            )
        self.set_fact("options", json.dumps(options))

    def check_target(self, target: str) -> None:
        """Note which subscription the rows are sent to, or compare it: `ValueError` if it is another."""
        known = self.fact("target")
        if known not in (None, target) and self._is_used:
            raise ValueError(f"the rows of {self.path} were sent to {known}, not to {target}: name another ledger")
        self.set_fact("target", target)

    def check_prefix(self, number: int, digest: str, *, accept: bool = False) -> None:
        """Note the digest of all rows up to *number*, or compare it: for a source that is no file."""
        known = self._db.execute("SELECT digest FROM prefixes WHERE number = ?", (number,)).fetchone()
        if known is not None and known[0] != digest and self._is_used and not accept:
            raise SourceChanged(
                f"the rows up to {number} are not those that {self.path} was made for: name another ledger"
            )
        if known is None and number < self._last_prefix and self._is_used and not accept:
            return  # these rows may be those of another source: the next digest that is known will tell
        self._db.execute("INSERT OR REPLACE INTO prefixes VALUES (?, ?)", (number, digest))

    def check_end(self, number: int, *, accept: bool = False) -> None:
        """Compare the *number* of rows with that of an earlier run: for a source that is no file."""
        if (last := self._last_prefix) > number and self._is_used and not accept:
            raise SourceChanged(
                f"the source has {number} rows, not the {last} that {self.path} was made for: name another ledger"
            )
        self._db.execute("DELETE FROM prefixes WHERE number > ?", (number,))

    @property
    def _last_prefix(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(number), 0) FROM prefixes").fetchone()[0])

    def prefixes(self, first: int, last: int) -> set[int]:
        """Return the numbers from *first* to *last* that have a digest."""
        query = "SELECT number FROM prefixes WHERE number BETWEEN ? AND ?"
        return {number for (number,) in self._db.execute(query, (first, last))}

    def note_rejects(self, digest: str | None) -> None:
        """Note the digest of the file of rejects that is about to be written."""
        before = (self.fact("rejects") or "").split()[-1:]
        self.set_fact("rejects", " ".join([*before, digest] if digest else before))

    def knows_rejects(self, digest: str | None) -> bool:
        """Return whether a file of rejects is as it was written, or was before; None: there is none."""
        return digest is None or digest in (self.fact("rejects") or "").split()

    @property
    def salt(self) -> bytes:
        """Random bytes of this ledger, so that nothing can be guessed from its digests elsewhere."""
        salt = self.fact("salt")
        if salt is None:
            self.set_fact("salt", salt := token_hex(16))
        return bytes.fromhex(salt)

    def fact(self, name: str) -> str | None:
        """Return what was noted under *name*."""
        found = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if found is None else found[0]

    def set_fact(self, name: str, value: str) -> None:
        """Note *value* under *name*."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    # -- rows -----------------------------------------------------------------------------------------

    def outcomes(self, first: int = 1, last: int = 2**62) -> Iterator[RowOutcome]:
        """Yield what is known of the rows from *first* to *last*, in their order. Rows that wait are not among them."""
        query = "SELECT number, fate, lead_id, status, code, text FROM outcomes WHERE number BETWEEN ? AND ? ORDER BY 1"
        for number, fate, *others in self._db.execute(query, (first, last)):
            yield RowOutcome(number, RowFate(fate), *others)

    def counts(self) -> dict[tuple[RowFate, str | None], int]:
        """Return how many rows have each fate and status."""
        query = "SELECT fate, status, count(*) FROM outcomes GROUP BY 1, 2"
        return {(RowFate(fate), status): count for fate, status, count in self._db.execute(query)}

    def reasons(self, most: int = 20) -> dict[str, int]:
        """Return the most frequent reasons of refused rows, and how many rows have each."""
        query = """
            SELECT code, text, status, count(*) FROM outcomes WHERE fate IN ('rejected', 'invalid')
            GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2 LIMIT ?
        """
        rows = self._db.execute(query, (most,))
        return {
            RowOutcome(0, RowFate.REJECTED, None, status, code, text).reason: count
            for code, text, status, count in rows
        }

    @property
    def last_refused(self) -> int:
        """The number of the last row that was rejected or invalid; 0 if there is none."""
        query = "SELECT coalesce(max(number), 0) FROM outcomes WHERE fate IN ('rejected', 'invalid')"
        return int(self._db.execute(query).fetchone()[0])

    def write(self, outcomes: Iterable[RowOutcome]) -> None:
        """Note outcomes; a row has one, the last."""
        rows = ((each.number, str(each.fate), each.lead_id, each.status, each.code, each.text) for each in outcomes)
        self._db.executemany("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?)", rows)

    def forget_invalid(self) -> None:
        """Forget the rows that were refused before they were sent: each run looks at them again."""
        self._db.execute("DELETE FROM outcomes WHERE fate = 'invalid'")

    # -- batches --------------------------------------------------------------------------------------

    def sent(self, numbers: list[int], day: date) -> int:
        """Note that rows are sent in one call, on a day of the quota; returns the number of the batch."""
        self._batch += 1
        self._db.execute("INSERT INTO sent VALUES (?, ?)", (self._batch, json.dumps(numbers)))
        self.count_calls(day, 1)
        return self._batch

    def ended(self, batch: int) -> None:
        """Note that the answer for a batch is there: its outcomes are written, or it was not carried out."""
        self._db.execute("DELETE FROM sent WHERE batch = ?", (batch,))

    def count_calls(self, day: date, count: int) -> None:
        """Add to the calls of a day of the quota."""
        query = "INSERT INTO calls VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET count = count + excluded.count"
        self._db.execute(query, (day.isoformat(), count))

    def calls(self) -> Mapping[date, int]:
        """Return how many calls were made for this source on each day of the quota."""
        return {date.fromisoformat(day): count for day, count in self._db.execute("SELECT day, count FROM calls")}

    def calls_on(self, day: date) -> int:
        """Return how many calls were made for this source on a day of the quota."""
        return self.calls().get(day, 0)

    # -- the file -------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Write everything to the disk and begin the next transaction."""
        if self._db.in_transaction:  # an interrupt or a full disk may have ended it
            self._db.execute("COMMIT")
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Write everything to the disk and close the file."""
        with suppress(sqlite3.ProgrammingError):  # it is closed already
            try:
                self.mark_unknown()
                if self._db.in_transaction:
                    self._db.execute("COMMIT")
            finally:
                self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _explained(path: str | PathLike[str]) -> Iterator[None]:
    """Say what SQLite's errors mean for a ledger."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise sqlite3.OperationalError(f"{os.fspath(path)}: another process has this ledger open") from None
    except sqlite3.DatabaseError:
        raise ValueError(f"{os.fspath(path)} is no ledger: name another file") from None
