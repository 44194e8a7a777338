"""Static lists: their names and their members."""

from __future__ import annotations

import sqlite3

from attrs import frozen

from marketo_soap.sandbox.store.table import Table

__all__ = ["SCHEMA", "Lists", "StaticLists"]

SCHEMA = """
CREATE TABLE static_list (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    program TEXT NOT NULL,
    UNIQUE (name, program)
);
CREATE TABLE list_member (
    list_id INTEGER NOT NULL REFERENCES static_list (id) ON DELETE CASCADE,
    lead_id INTEGER NOT NULL REFERENCES lead (id) ON DELETE CASCADE,
    PRIMARY KEY (list_id, lead_id)
) WITHOUT ROWID;
CREATE INDEX list_member_by_lead ON list_member (lead_id);
"""


@frozen
class StoredList:
    """A list, in a *program* or not."""

    name: str
    program: str = ""
    id: int = 0


class StaticLists(Table[StoredList]):
    """The rows of the lists, to be shown: `Lists` is what writes them."""

    name, row = "static_list", StoredList

    @property
    def plural(self) -> str:
        """As settings call them."""
        return "lists"


class Lists:
    """The static lists inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def are_there(self) -> bool:
        """Say whether there is any list."""
        return self._connection.execute("SELECT 1 FROM static_list LIMIT 1").fetchone() is not None

    def exists(self, list_id: int) -> bool:
        """Say whether there is a list with this id."""
        return self._connection.execute("SELECT 1 FROM static_list WHERE id = ?", (list_id,)).fetchone() is not None

    def id_of(self, name: str) -> int | None:
        """Find a list by its name, or by `<program>.<name>`; of several the oldest."""
        row = self._connection.execute(
            "SELECT id FROM static_list WHERE name = :name OR (program != '' AND program || '.' || name = :name)"
            " ORDER BY id LIMIT 1",
            {"name": name},
        ).fetchone()
        return None if row is None else int(row[0])

    def find(self, *, list_id: int | None, name: str | None, program: str | None) -> list[tuple[int, str, str]]:
        """Return id, name and program of the lists that have all of these (None: any), oldest first."""
        return self._connection.execute(
            "SELECT id, name, program FROM static_list WHERE id = coalesce(?, id) AND name = coalesce(?, name)"
            " AND program = coalesce(?, program) ORDER BY id",
            (list_id, name, program),
        ).fetchall()

    def of(self, lead_id: int) -> dict[int, str]:
        """Return the lists that a lead is a member of by their ids, those in a program as `<program>.<name>`."""
        rows = self._connection.execute(
            "SELECT id, name, program FROM static_list JOIN list_member ON id = list_id WHERE lead_id = ? ORDER BY id",
            (lead_id,),
        )
        return {list_id: f"{program}.{name}" if program else name for list_id, name, program in rows}

    def add(self, name: str, program: str = "") -> int:
        """Add a list, unless it is there already, and return its id."""
        self._connection.execute("INSERT OR IGNORE INTO static_list (name, program) VALUES (?, ?)", (name, program))
        (list_id,) = self._connection.execute(
            "SELECT id FROM static_list WHERE name = ? AND program = ?", (name, program)
        ).fetchone()
        return int(list_id)

    def add_member(self, list_id: int, lead_id: int) -> bool:
        """Add a lead to a list, unless it is a member already; say whether it was none."""
        query = "INSERT OR IGNORE INTO list_member (list_id, lead_id) VALUES (?, ?)"
        return self._connection.execute(query, (list_id, lead_id)).rowcount == 1

    def remove_member(self, list_id: int, lead_id: int) -> bool:
        """Take a lead from a list; say whether it was a member."""
        query = "DELETE FROM list_member WHERE list_id = ? AND lead_id = ?"
        return self._connection.execute(query, (list_id, lead_id)).rowcount == 1

    def clear(self) -> None:
        """Delete all lists and start their ids anew."""
        self._connection.execute("DELETE FROM list_member")
        self._connection.execute("DELETE FROM static_list")
        self._connection.execute("DELETE FROM sqlite_sequence WHERE name = 'static_list'")
