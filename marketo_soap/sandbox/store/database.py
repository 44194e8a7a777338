"""A SQLite database: connections, transactions, snapshots and the version of its schema. No table is in here."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Literal, TypeAlias

__all__ = ["Database", "Durability", "Migration", "Snapshot"]

Durability: TypeAlias = Literal["normal", "full"]
Migration: TypeAlias = Callable[[sqlite3.Connection], None]

_BUSY_SECONDS = 60.0


class Snapshot:
    """A copy of a whole database, in memory until nobody holds it any more."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", check_same_thread=False)

    def __del__(self) -> None:
        self.connection.close()


class Database:
    """A file that several processes may share, or memory. Writers wait for each other up to a minute.

    What a transaction wrote is in the file (in SQLite's write-ahead log) when it ends: a killed process loses
    nothing of it. See `set_durability` for a power cut. Each of *migrations* brings the schema one version further;
    `PRAGMA user_version` counts those that were carried out.
    """

    def __init__(self, path: str | PathLike[str], migrations: Sequence[Migration]) -> None:
        self.path = fspath(path)
        self._in_memory = self.path in ("", ":memory:")  # no second connection sees such a database
        self._lock = threading.RLock()
        self._begun: int | None = None  # the thread that `reserved` has begun a transaction for
        self._closed = False
        self._idle_lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []  # to read with
        self._connection = self._connect()
        try:
            self._write_ahead()
            self._connection.execute("PRAGMA foreign_keys = ON")
            self.set_durability("normal")
            self._migrate(migrations)
        except BaseException:
            self._connection.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)

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

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        if self._version() == len(migrations):
            return
        with self._writing() as connection:
            version = self._version()
            if version > len(migrations):
                raise ValueError(f"{self.path} was written by a newer marketo_soap")
            for migrate in migrations[version:]:
                migrate(connection)
            connection.execute(f"PRAGMA user_version = {len(migrations)}")

    def _version(self) -> int:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        return int(version)

    def set_durability(self, durability: Durability) -> None:
        """Choose what a power cut may take: "normal" the last transactions, "full" (an fsync for each) nothing."""
        with self._lock:
            self._connection.execute(f"PRAGMA synchronous = {durability}")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._begun is None:
                self._connection.execute("BEGIN IMMEDIATE")
            self._begun = None
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if self._in_memory or self._begun == threading.get_ident():
            with self._lock:
                yield self._connection
            return
        connection = self._reader()
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            with self._idle_lock:
                if self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)

    def _reader(self) -> sqlite3.Connection:
        with self._idle_lock:
            if self._closed:
                raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    @contextmanager
    def reserved(self) -> Iterator[bool]:
        """Begin ahead, without waiting, what the next transaction in the block needs; False if others are writing.

        With True, the block's first transaction does not wait for anybody.
        """
        if not self._lock.acquire(blocking=False):
            yield False
            return
        try:
            if self._begin_at_once():
                self._begun = threading.get_ident()
            yield self._begun is not None
        finally:
            if self._begun is not None:
                self._begun = None
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
        """Close the database. Reading that is in progress ends first."""
        with self._idle_lock:
            self._closed = True
            for connection in self._idle:
                connection.close()
        with self._lock:
            self._connection.close()
