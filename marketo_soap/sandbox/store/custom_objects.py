"""Custom object types and their objects. No rule of Marketo."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.assets import CustomObjectType
from marketo_soap.sandbox.store.table import Table

__all__ = ["CustomObjectTypes", "CustomObjects", "StoredObject"]

_KEYS = """
CREATE TABLE custom_object_key (
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    object_id INTEGER NOT NULL REFERENCES custom_object (id) ON DELETE CASCADE,
    PRIMARY KEY (type, name, value, object_id)
) WITHOUT ROWID;
CREATE INDEX custom_object_key_by_object ON custom_object_key (object_id);
"""


@frozen
class StoredObject:
    """An object: its type, its values by name, and when it was written. The table gives it *key*, a text."""

    type: str
    values: Mapping[str, str] = field(repr=hidden)
    created_at: str = ""
    updated_at: str = ""
    key: str = field(default="", repr=hidden)
    id: int = 0

    @property
    def guid(self) -> str:
        """Its id as REST has it."""
        return f"c0b1ec75-0000-4000-8000-{self.id:012x}"


class CustomObjectTypes(Table[CustomObjectType]):
    """The types of custom objects inside one transaction."""

    name, row = "custom_object_type", CustomObjectType
    unique = (("name",),)

    def named(self, name: str) -> CustomObjectType | None:
        """Return the type with this name, in any case."""
        return next(iter(self.select("name = trim(?) COLLATE NOCASE", (name,), limit=1)), None)


class CustomObjects(Table[StoredObject]):
    """The custom objects inside one transaction."""

    name, row = "custom_object", StoredObject
    unique = (("type", "key"),)
    indexes = (("type", "id"),)

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.types = CustomObjectTypes(connection)

    @classmethod
    def schema(cls) -> str:
        """Return the statements that create the table, and that of the values which objects are found by."""
        return super().schema() + _KEYS

    def add(self, row: StoredObject) -> StoredObject:
        """Add an object and return it as it is kept. `ValueError` for an unknown type and an incomplete key."""
        kind = self._kind(row)
        kept = super().add(evolve(row, type=kind.name, key=kind.key_of(row.values)))
        self._index(kept, kind)
        return kept

    def update(self, row: StoredObject) -> None:
        """Write *row* over the one with its id."""
        kind = self._kind(row)
        super().update(evolve(row, key=kind.key_of(row.values)))
        self._connection.execute("DELETE FROM custom_object_key WHERE object_id = ?", (row.id,))
        self._index(row, kind)

    def by_key(self, kind: CustomObjectType, values: Mapping[str, str]) -> StoredObject | None:
        """Return the object with this whole key."""
        return self.first(type=kind.name, key=kind.key_of(values))

    def matching(
        self, kind: CustomObjectType, equal: Mapping[str, str], *, after: int = 0, limit: int = -1, offset: int = 0
    ) -> list[StoredObject]:
        """Return the objects of a type that have these values, with greater ids than *after*, oldest first."""
        condition, values = _condition(kind, equal, after)
        inner = f"SELECT object_id FROM ({condition}) ORDER BY object_id LIMIT ? OFFSET ?"
        return self.select(f"id IN ({inner})", (*values, limit, offset))

    def count_of(self, kind: CustomObjectType, equal: Mapping[str, str], *, after: int = 0) -> int:
        """Return how many objects of a type have these values and greater ids than *after*."""
        condition, values = _condition(kind, equal, after)
        (count,) = self._connection.execute(f"SELECT count(*) FROM ({condition})", values).fetchone()
        return int(count)

    def clear(self) -> None:
        """Delete all objects and start their ids anew."""
        self._connection.execute("DELETE FROM custom_object_key")
        super().clear()

    def _kind(self, row: StoredObject) -> CustomObjectType:
        kind = self.types.named(row.type)
        if kind is None:
            raise ValueError(f"there is no type of custom objects {row.type!r}")
        return kind

    def _index(self, row: StoredObject, kind: CustomObjectType) -> None:
        found_by = [(kind.name, name, row.values[name], row.id) for name in kind.searched if row.values.get(name)]
        self._connection.executemany("INSERT INTO custom_object_key VALUES (?, ?, ?, ?)", found_by)


def _condition(kind: CustomObjectType, equal: Mapping[str, str], after: int) -> tuple[str, list[Any]]:
    """Return a query for the ids of the objects that have these values, and what fills it."""
    if not equal:
        return "SELECT id AS object_id FROM custom_object WHERE type = ? AND id > ?", [kind.name, after]
    (name, value), *others = equal.items()
    query = (
        "SELECT object_id FROM custom_object_key AS found WHERE type = ? AND name = ? AND value = ? AND object_id > ?"
    )
    values: list[Any] = [kind.name, name, value, after]
    for name, value in others:
        query += (
            " AND EXISTS (SELECT 1 FROM custom_object_key"
            " WHERE type = ? AND name = ? AND value = ? AND object_id = found.object_id)"
        )
        values += [kind.name, name, value]
    return query, values
