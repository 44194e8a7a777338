"""Where the sandbox keeps its leads: SQLite, one file or memory. No rule of Marketo is in here."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from os import PathLike, fspath
from typing import Any

from attrs import define, field

from marketo_soap.redaction import hidden

__all__ = ["LeadStore", "Leads", "Snapshot", "StoredLead"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lead (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT,
    email_key TEXT,
    foreign_type TEXT,
    foreign_id TEXT,
    partition_name TEXT NOT NULL,
    anonymous INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (foreign_type, foreign_id)
);
CREATE INDEX IF NOT EXISTS lead_by_email ON lead (email_key);
CREATE TABLE IF NOT EXISTS cookie (
    value TEXT PRIMARY KEY,
    lead_id INTEGER NOT NULL REFERENCES lead (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cookie_by_lead ON cookie (lead_id);
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'lead', 1000000 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'lead');
"""

_COLUMNS = "id, email, foreign_type, foreign_id, partition_name, anonymous, attributes, created_at, updated_at"
_WRITTEN = "email, email_key, foreign_type, foreign_id, partition_name, anonymous, attributes, updated_at"
_BUSY_SECONDS = 60.0

# The attributes are first looked through as the JSON they are kept as, which is quick and finds some too many.
_SEARCH = """(
    CAST(id AS TEXT) = :whole
    OR email_key LIKE :key ESCAPE '\\'
    OR foreign_id LIKE :part ESCAPE '\\'
    OR attributes LIKE :json ESCAPE '\\'
        AND EXISTS (SELECT 1 FROM json_each(attributes) AS given WHERE given.value LIKE :part ESCAPE '\\')
    OR EXISTS (SELECT 1 FROM cookie WHERE lead_id = lead.id AND cookie.value LIKE :part ESCAPE '\\')
)"""


@define
class StoredLead:
    """A lead as it is kept: its keys, its attributes' texts by name, and when it was written (ISO 8601).

    An *anonymous* lead is known by its cookie only, until a call makes it known. Id 0 is not yet given.
    """

    id: int = 0
    email: str | None = field(default=None, repr=hidden)
    foreign_type: str | None = None
    foreign_id: str | None = field(default=None, repr=hidden)
    partition: str = "Default"
    anonymous: bool = False
    attributes: dict[str, str] = field(factory=dict, repr=hidden)
    created_at: str = ""
    updated_at: str = ""


class Snapshot:
    """A copy of a whole database, in memory until nobody holds it any more."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", check_same_thread=False)

    def __del__(self) -> None:
        self.connection.close()


class Leads:
    """The leads inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def by_id(self, lead_id: int) -> StoredLead | None:
        """Find a lead by its Marketo id."""
        return self._one("id = ?", lead_id)

    def by_foreign_id(self, system: str, person_id: str) -> StoredLead | None:
        """Find the lead that a foreign system knows by this id: ids are unique within a system."""
        return self._one("foreign_type = ? AND foreign_id = ?", system, person_id)

    def by_cookie(self, cookie: str) -> StoredLead | None:
        """Find the lead that a Munchkin cookie is tied to."""
        return self._one("id = (SELECT lead_id FROM cookie WHERE value = ?)", cookie)

    def newest_by_email(self, email: str) -> StoredLead | None:
        """Find the most recently added lead with this address, without regard to case."""
        return self._one("email_key = ?", email_key(email))

    def by_email(self, email: str) -> list[StoredLead]:
        """Find every lead with this address, without regard to case, oldest first."""
        return self._many("email_key = ?", email_key(email))

    def by_attribute(self, name: str, value: str) -> list[StoredLead]:
        """Find every lead whose attribute is *value* exactly, oldest first. Reads them all: no index knows."""
        found = self._many("instr(attributes, ?)", json.dumps(value, ensure_ascii=False))
        return [lead for lead in found if lead.attributes.get(name) == value]

    def all(self) -> list[StoredLead]:
        """Return every lead in the order of its creation."""
        return self._many("TRUE")

    def cookies_of(self, lead_id: int) -> list[str]:
        """Return the cookies that are tied to a lead."""
        rows = self._connection.execute("SELECT value FROM cookie WHERE lead_id = ? ORDER BY value", (lead_id,))
        return [value for (value,) in rows]

    def count(self, search: str = "") -> int:
        """Return how many leads there are, or fit a search."""
        query = f"SELECT count(*) FROM lead WHERE {_SEARCH}" if search else "SELECT count(*) FROM lead"
        (count,) = self._connection.execute(query, _sought(search) if search else {}).fetchone()
        return int(count)

    def page(self, search: str = "", *, limit: int, offset: int = 0) -> list[StoredLead]:
        """Return the leads that fit a search (all, if it is empty), newest first: at most *limit* after *offset*."""
        condition = f"WHERE {_SEARCH}" if search else ""
        query = f"SELECT {_COLUMNS} FROM lead {condition} ORDER BY id DESC LIMIT :limit OFFSET :offset"
        values = {**_sought(search), "limit": limit, "offset": offset}
        return [_stored(row) for row in self._connection.execute(query, values)]

    def insert(self, lead: StoredLead, now: datetime) -> StoredLead:
        """Add *lead* and return it as it is kept: under a new id, unless it brings one."""
        stamp = lead.created_at = lead.updated_at = now.isoformat()
        cursor = self._connection.execute(
            f"INSERT INTO lead ({_WRITTEN}, created_at, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*_written(lead, stamp), stamp, lead.id or None),
        )
        lead.id = cursor.lastrowid or 0
        return lead

    def update(self, lead: StoredLead, now: datetime) -> StoredLead:
        """Write *lead* over the one with its id and return it as it is kept."""
        stamp = lead.updated_at = now.isoformat()
        self._connection.execute(
            f"UPDATE lead SET ({_WRITTEN}) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?",
            (*_written(lead, stamp), lead.id),
        )
        return lead

    def release_foreign_id(self, system: str, person_id: str) -> None:
        """Take a foreign id from the lead that has it, if one has: it is about to be given to another."""
        self._connection.execute(
            "UPDATE lead SET foreign_type = NULL, foreign_id = NULL WHERE foreign_type = ? AND foreign_id = ?",
            (system, person_id),
        )

    def tie_cookie(self, cookie: str, lead_id: int) -> None:
        """Tie a Munchkin cookie to a lead, whichever lead it was tied to before."""
        self._connection.execute(
            "INSERT INTO cookie (value, lead_id) VALUES (?, ?)"
            " ON CONFLICT (value) DO UPDATE SET lead_id = excluded.lead_id",
            (cookie, lead_id),
        )

    def clear(self) -> None:
        """Delete everything and start the ids anew."""
        self._connection.execute("DELETE FROM cookie")
        self._connection.execute("DELETE FROM lead")
        self._connection.execute("UPDATE sqlite_sequence SET seq = 1000000 WHERE name = 'lead'")

    def _one(self, condition: str, *values: object) -> StoredLead | None:
        query = f"SELECT {_COLUMNS} FROM lead WHERE {condition} ORDER BY id DESC LIMIT 1"
        row = self._connection.execute(query, values).fetchone()
        return None if row is None else _stored(row)

    def _many(self, condition: str, *values: object) -> list[StoredLead]:
        query = f"SELECT {_COLUMNS} FROM lead WHERE {condition} ORDER BY id"
        return [_stored(row) for row in self._connection.execute(query, values)]


class LeadStore:
    """A database of leads: a file that several processes may share, or memory.

    What a transaction wrote is in the file (in SQLite's write-ahead log) when it ends: a killed process loses
    nothing of it. Callers wait for each other up to a minute, threads and processes alike.
    """

    def __init__(self, path: str | PathLike[str] = ":memory:") -> None:
        self.path = fspath(path)
        self._lock = threading.RLock()
        self._begun = False
        self._connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._write_ahead()
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            with self.transaction():
                for statement in _SCHEMA.split(";\n"):
                    self._connection.execute(statement)
        except BaseException:
            self._connection.close()
            raise

    def _write_ahead(self) -> None:
        """Switch to the write-ahead log. SQLite itself does not wait here for others that open a new file."""
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
            time.sleep(0.01)

    @contextmanager
    def transaction(self) -> Iterator[Leads]:
        """Open a writing transaction: kept whole if the block ends, undone whole if it raises."""
        with self._lock:
            if not self._begun:
                self._connection.execute("BEGIN IMMEDIATE")
            self._begun = False
            try:
                yield Leads(self._connection)
            except BaseException:
                self._roll_back()
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def reserved(self) -> Iterator[bool]:
        """Begin ahead, without waiting, what the next transaction in the block needs; False if others are writing.

        With True, the block's first transaction does not wait for anybody.
        """
        if not self._lock.acquire(blocking=False):
            yield False
            return
        try:
            self._begun = self._begin_at_once()
            yield self._begun
        finally:
            if self._begun:
                self._begun = False
                self._roll_back()
            self._lock.release()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # a full disk has SQLite end it by itself
            self._connection.execute("ROLLBACK")

    def _begin_at_once(self) -> bool:
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")
        return True

    def snapshot(self) -> Snapshot:
        """Return a copy of everything, to `restore` later."""
        copy = Snapshot()
        with self._lock:
            self._connection.backup(copy.connection)
        return copy

    def restore(self, snapshot: Snapshot) -> None:
        """Make everything as it was when *snapshot* was taken."""
        with self._lock:
            snapshot.connection.backup(self._connection)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()


def email_key(email: str | None) -> str | None:
    """Return what two equal addresses have in common: case and outer white space do not count."""
    return None if email is None else email.strip().lower()


def _sought(search: str) -> dict[str, object]:
    in_json = json.dumps(search, ensure_ascii=False)[1:-1]
    return {"whole": search, "part": _like(search), "key": _like(search.lower()), "json": _like(in_json)}


def _like(text: str) -> str:
    """The pattern of what holds *text*: its own wildcards mean themselves."""
    escaped = re.sub(r"([%_\\])", r"\\\1", text)
    return f"%{escaped}%"


def _written(lead: StoredLead, stamp: str) -> tuple[object, ...]:
    return (
        lead.email,
        email_key(lead.email),
        lead.foreign_type,
        lead.foreign_id,
        lead.partition,
        lead.anonymous,
        json.dumps(lead.attributes, ensure_ascii=False),
        stamp,
    )


def _stored(row: tuple[Any, ...]) -> StoredLead:
    lead = StoredLead(*row)
    lead.anonymous, lead.attributes = bool(lead.anonymous), json.loads(row[6])
    return lead
