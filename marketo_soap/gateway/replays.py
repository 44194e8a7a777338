"""The requests that callers have sent, in a file, so that a restart does not accept one twice."""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Mapping
from typing import Any

from marketo_soap.errors import fault

__all__ = ["Replays"]

logger = logging.getLogger("marketo_soap.gateway")

_KEPT = 100_000  # requests of a caller
_EVERY = 256  # requests of a caller between two deletions
_WAIT = 1.0  # seconds for another process to finish writing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (caller BLOB, time REAL, key BLOB, PRIMARY KEY (caller, time, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forgotten (caller BLOB PRIMARY KEY, time REAL) WITHOUT ROWID;
"""


class Replays:
    """The digests of requests in a SQLite file at *path*, which gateways may share.

    Expired requests are deleted, and the oldest of a caller beyond *kept*. Requests signed no later than a deleted
    one are refused, since they could be replays: neither a clock that is set back nor a flood lets one through. The
    file survives a killed process; a power cut may lose the last requests.
    """

    def __init__(self, path: str, kept: int = _KEPT) -> None:
        self._kept, self._added = kept, Counter[bytes]()
        self._error_logged = False
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._db.close()
            raise ValueError(f"replay_file: {error}") from None

    def knows(self, caller: str, key: bytes, time: float) -> bool:
        """Return whether a request that *caller* signed at *time* was received before, or may have been."""
        row = self._execute(
            "SELECT EXISTS (SELECT 1 FROM seen WHERE caller = :caller AND time = :time AND key = :key)"
            " OR EXISTS (SELECT 1 FROM forgotten WHERE caller = :caller AND time >= :time)",
            {"caller": _digest(caller.encode()), "time": time, "key": _digest(key)},
        ).fetchone()
        return bool(row[0])

    def add(self, caller: str, key: bytes, time: float, expired: float) -> bool:
        """Store a request and return True, or False if it is known. Requests signed before *expired* may be deleted."""
        values = {"caller": (who := _digest(caller.encode())), "time": time, "key": _digest(key)}
        # One statement, as another process may write between two.
        added = self._execute(
            "INSERT OR IGNORE INTO seen SELECT :caller, :time, :key"
            " WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE caller = :caller AND time >= :time)",
            values,
        ).rowcount
        if self._added[who] % _EVERY == 0:
            self._forget(who, expired)
        self._added[who] += 1
        self._error_logged = False
        return added == 1

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _forget(self, caller: bytes, expired: float) -> None:
        values: dict[str, Any] = {"caller": caller, "expired": expired, "kept": self._kept}
        self._execute("BEGIN IMMEDIATE")
        try:
            (values["last"],) = self._execute(
                "SELECT max(time) FROM (SELECT max(time) AS time FROM seen WHERE caller = :caller AND time < :expired"
                " UNION ALL SELECT time FROM (SELECT time FROM seen WHERE caller = :caller"
                " ORDER BY time DESC LIMIT 1 OFFSET :kept))",
                values,
            ).fetchone()
            if values["last"] is not None:
                self._execute(
                    "INSERT INTO forgotten VALUES (:caller, :last)"
                    " ON CONFLICT DO UPDATE SET time = max(time, excluded.time)",
                    values,
                )
                self._execute("DELETE FROM seen WHERE caller = :caller AND time <= :last", values)
            self._execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.rollback()

    def _execute(self, statement: str, values: Mapping[str, Any] | None = None) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values or {})
        except sqlite3.Error as error:  # the call is refused: it could be repeated if it is not stored
            if not self._error_logged:
                self._error_logged = True
                logger.error("replay_file cannot be used, and calls are refused: %s", error)
            raise fault(20024) from None


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
