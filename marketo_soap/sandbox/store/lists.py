"""Static lists: their names and their members."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve, frozen

from marketo_soap.config import structure
from marketo_soap.sandbox.store.table import Table

__all__ = ["SCHEMA", "KeptList", "Lists"]

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
class KeptList:
    """A static list; *program* is "" for one of the lead database."""

    name: str
    program: str = ""
    id: int = 0

    @property
    def full_name(self) -> str:
        """Its name, with that of its program before it if it is in one."""
        return f"{self.program}.{self.name}" if self.program else self.name


class Lists(Table[KeptList]):
    """The static lists inside one transaction."""

    name, row, first_id = "static_list", KeptList, 1
    plural = "lists"

    def named(self, name: str) -> KeptList | None:
        """Find a list by its name, or by `<program>.<name>`; of several the oldest."""
        condition = "name = ? OR (program != '' AND program || '.' || name = ?)"
        return next(iter(self.select(condition, (name, name), limit=1)), None)

    def exists(self, list_id: int) -> bool:
        """Say whether there is a list with this id."""
        return self.get(list_id) is not None

    def of(self, lead_id: int) -> list[KeptList]:
        """Return the lists that a lead is a member of."""
        return self.select("id IN (SELECT list_id FROM list_member WHERE lead_id = ?)", (lead_id,))

    def names_of(self, lead_id: int) -> list[str]:
        """Return the full names of the lists that a lead is a member of."""
        return [each.full_name for each in self.of(lead_id)]

    def ensure(self, name: str, program: str = "") -> KeptList:
        """Return the list, which is added unless it is there already."""
        return self.first(name=name, program=program) or self.add(KeptList(name, program))

    def load(self, data: dict[str, Any]) -> None:
        """Add a list from what `dump` gives, unless there is one of that name; under another id if its own is taken."""
        row = structure(KeptList, data)
        if self.first(name=row.name, program=row.program) is None:
            self.add(row if self.get(row.id) is None else evolve(row, id=0))

    def members(self, list_id: int, among: Iterable[int]) -> set[int]:
        """Return which leads of *among* are members."""
        query = "SELECT 1 FROM list_member WHERE list_id = ? AND lead_id = ?"
        return {each for each in among if self._connection.execute(query, (list_id, each)).fetchone()}

    def add_member(self, list_id: int, lead_id: int) -> bool:
        """Add a lead to a list, unless it is a member already; say whether it was none."""
        query = "INSERT OR IGNORE INTO list_member (list_id, lead_id) VALUES (?, ?)"
        return self._connection.execute(query, (list_id, lead_id)).rowcount == 1

    def remove_member(self, list_id: int, lead_id: int) -> bool:
        """Take a lead from a list; say whether it was a member."""
        query = "DELETE FROM list_member WHERE list_id = ? AND lead_id = ?"
        return self._connection.execute(query, (list_id, lead_id)).rowcount == 1

    def clear(self) -> None:
        """Delete all lists and their members, and start the ids anew."""
        self._connection.execute("DELETE FROM list_member")
        super().clear()
