"""Which row of a whole source has a key first, without keeping a million keys in memory."""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from secrets import token_bytes

__all__ = ["FirstRows"]


class FirstRows:
    """Remembers the first row of each key, in a temporary file that SQLite removes. The file has digests, no keys."""

    def __init__(self) -> None:
        self._salt = token_bytes(16)
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("CREATE TABLE first (digest BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
        self._db.execute("BEGIN")  # never committed: the file ends with the connection

    def first(self, key: tuple[str, ...], number: int) -> int:
        """Return the number of the first row with *key*: *number* if there was none."""
        digest = blake2b("\0".join(key).encode("utf-8", "surrogatepass"), digest_size=16, key=self._salt).digest()
        self._db.execute("INSERT OR IGNORE INTO first VALUES (?, ?)", (digest, number))
        return int(self._db.execute("SELECT number FROM first WHERE digest = ?", (digest,)).fetchone()[0])

    def close(self) -> None:
        """Remove the file."""
        self._db.close()
