"""SQL tables made from attrs classes: a column for each field, tuples and mappings as JSON. No rule of Marketo."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, get_type_hints

import attrs

from marketo_soap.config import structure
from marketo_soap.wire.fields import once_per_class

__all__ = ["SCANNED", "Table", "plural", "read_id"]

SCANNED = 10_000
"""How many of the newest rows are read for a text."""

RowT = TypeVar("RowT", bound=attrs.AttrsInstance)

_kinds: Callable[[Any], dict[str, Any]] = cache(get_type_hints)
_as_json = json.JSONEncoder(ensure_ascii=False, default=attrs.asdict).encode
_TYPES = {int: "INTEGER", bool: "INTEGER", float: "REAL", str: "TEXT", int | None: "INTEGER", str | None: "TEXT"}


class Table(Generic[RowT]):
    """The rows of one attrs class inside one transaction. A subclass says which, and what its table is called::

        from marketo_soap.sandbox.assets import Campaign
        from marketo_soap.sandbox.store.table import Table

        class Campaigns(Table[Campaign]):
            name, row = "campaign", Campaign
            unique = (("name", "program"),)

    The class must have a field `id`, an int that is 0 until the row is added. Fields of other types than int, bool,
    float and str are kept as JSON.
    """

    name: ClassVar[str]
    plural: ClassVar[str]
    """What the control surface and the page call the table; by default made from the name."""
    row: ClassVar[type[Any]]
    first_id: ClassVar[int] = 1001
    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = ()
    order: ClassVar[tuple[str, ...]] = ("id",)
    """The columns that `newest_rows` sorts by; the last is the id. An index has them."""
    of_leads: ClassVar[tuple[str, ...]] = ()
    """The columns that hold the id of a lead; its rows are deleted with the lead."""

    in_detail: ClassVar[tuple[str, ...]] = ()
    """The columns that the page shows of a single row only, not of many."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "plural" not in cls.__dict__ and "name" in cls.__dict__:
            cls.plural = plural(cls.name)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def schema(cls) -> str:
        """Return the statements that create the table, separated by `;` and a line end."""
        columns = ["id INTEGER PRIMARY KEY AUTOINCREMENT"]
        for name, kind in _kinds(cls.row).items():
            if name != "id":
                required = "" if kind in (int | None, str | None) else " NOT NULL"
                lead = " REFERENCES lead (id) ON DELETE CASCADE" if name in cls.of_leads else ""
                columns.append(f'"{name}" {_TYPES.get(kind, "TEXT")}{required}{lead}')
        columns += [f"UNIQUE ({', '.join(names)})" for names in cls.unique]
        indexes = [
            f"CREATE INDEX {cls.name}_by_{'_'.join(names)} ON {cls.name} ({', '.join(names)});\n"
            for names in cls.indexes
        ]
        start = f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{cls.name}', {cls.first_id - 1});\n"
        return f"CREATE TABLE {cls.name} ({', '.join(columns)});\n{''.join(indexes)}{start}"

    def add(self, row: RowT) -> RowT:
        """Add a row and return it as it is kept: under a new id, unless it brings one.

        `ValueError` for one that does not fit the others, such as one whose id is taken.
        """
        values = _written(row)
        names = list(values) if values["id"] else [name for name in values if name != "id"]
        query = f"INSERT INTO {self.name} ({_quoted(names)}) VALUES ({', '.join('?' * len(names))})"
        try:
            cursor = self._connection.execute(query, [values[name] for name in names])
        except (sqlite3.IntegrityError, OverflowError) as error:
            raise ValueError(f"this {self.name} does not fit the others: {error}") from None
        kept: RowT = attrs.evolve(row, id=cursor.lastrowid)  # type: ignore[misc]
        return kept

    def add_all(self, rows: Iterable[RowT]) -> None:
        """Add rows, each under a new id."""
        self._connection.executemany(_insertion(type(self)), map(_written, rows))

    def update(self, row: RowT) -> None:
        """Write *row* over the one with its id."""
        values = _written(row)
        columns = ", ".join(f'"{name}" = :{name}' for name in values if name != "id")
        self._connection.execute(f"UPDATE {self.name} SET {columns} WHERE id = :id", values)

    def delete(self, row_id: int) -> None:
        """Delete the row with this id, if there is one."""
        self._connection.execute(f"DELETE FROM {self.name} WHERE id = ?", (row_id,))

    def get(self, row_id: int) -> RowT | None:
        """Return the row with this id."""
        return self.first(id=row_id)

    def first(self, **equal: object) -> RowT | None:
        """Return the oldest row whose columns equal these values."""
        return next(iter(self.find(limit=1, **equal)), None)

    def find(self, *, limit: int = -1, **equal: object) -> list[RowT]:
        """Return the rows whose columns equal these values, oldest first: at most *limit* (-1: all)."""
        condition = " AND ".join(f'"{name}" IS ?' for name in equal) or "1"
        return self.select(condition, tuple(equal.values()), limit=limit)

    def select(
        self, condition: str, values: Iterable[object] = (), *, order: str = "id", limit: int = -1, offset: int = 0
    ) -> list[RowT]:
        """Return the rows that a condition of SQL selects."""
        columns = _quoted(_kinds(self.row))
        query = f"SELECT {columns} FROM {self.name} WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?"
        return [self._read(found) for found in self._connection.execute(query, (*values, limit, offset))]

    def newest_rows(
        self,
        limit: int,
        *,
        before: int | None = None,
        after: int | None = None,
        offset: int = 0,
        text: str = "",
        **equal: object,
    ) -> list[RowT]:
        """Return at most *limit* rows whose columns equal these values, newest first: those that are older than the
        row with the id *before*, or those next to the row with the id *after* that are newer.

        With *text*, those of the newest `SCANNED` that hold it, whatever the case of its ASCII letters.
        """
        columns = ", ".join(self.order)
        condition, values = self._newest_with(text, equal)
        sign, direction = ("<", " DESC") if after is None else (">", "")
        conditions = [condition]
        if (place := before if after is None else after) is not None:
            conditions.append(f"({columns}) {sign} (SELECT {columns} FROM {self.name} WHERE id = ?)")
            values.append(place)
        order = ", ".join(f"{name}{direction}" for name in self.order)
        found = self.select(" AND ".join(conditions), values, order=order, limit=limit, offset=offset)
        return found if after is None else found[::-1]

    def _newest_with(self, text: str, equal: Mapping[str, object]) -> tuple[str, list[object]]:
        """Return the condition for columns that equal these values, and a text; and the condition's values."""
        condition, values = " AND ".join(f'"{name}" = ?' for name in equal) or "1", [*equal.values()]
        if not text:
            return condition, values
        order = ", ".join(f"{name} DESC" for name in self.order)
        newest = f"SELECT id FROM {self.name} WHERE {condition} ORDER BY {order} LIMIT {SCANNED}"
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"
        columns = [name for name in _kinds(self.row) if not name.endswith("_ms")]
        held = " OR ".join(f"\"{name}\" LIKE ? ESCAPE '\\'" for name in columns)
        return f"id IN ({newest}) AND ({held})", [*values, *[pattern] * len(columns)]

    def count(self, condition: str = "1", values: Iterable[object] = ()) -> int:
        """Return how many rows a condition of SQL selects."""
        query = f"SELECT count(*) FROM {self.name} WHERE {condition}"
        (count,) = self._connection.execute(query, tuple(values)).fetchone()
        return int(count)

    def count_to(self, most: int, text: str = "", **equal: object) -> int:
        """Return how many rows have these values, at most *most*: to count more would read all of them.

        With *text*, those of the newest `SCANNED` that hold it.
        """
        condition, values = self._newest_with(text, equal)
        query = f"SELECT count(*) FROM (SELECT 1 FROM {self.name} WHERE {condition} LIMIT ?)"
        (count,) = self._connection.execute(query, (*values, most)).fetchone()
        return int(count)

    def clear(self) -> None:
        """Delete all rows and start their ids anew."""
        self._connection.execute(f"DELETE FROM {self.name}")
        self._connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (self.first_id - 1, self.name))

    def dump(self, after: int = 0, limit: int = -1, **equal: object) -> list[dict[str, Any]]:
        """Return at most *limit* rows with greater ids as JSON can hold them, each with the table's name as `kind`.

        `load` takes them back. Only those whose columns equal the values that are given.
        """
        condition = " AND ".join(["id > ?", *(f'"{name}" = ?' for name in equal)])
        found = self.select(condition, (after, *equal.values()), limit=limit)
        return [{"kind": self.name, **attrs.asdict(row, value_serializer=_as_list)} for row in found]

    def load(self, data: dict[str, Any]) -> None:
        """Add a row from what `dump` gives; one that is there already under the same name is written over.

        `ValueError` names what is wrong.
        """
        row = structure(self.row, data)
        known = self.get(row.id)
        if known == row:
            return
        if any(all(getattr(known, name, None) == getattr(row, name) for name in names) for names in self.unique):
            self.update(row)
            return
        if known is not None:
            raise ValueError(f"there is a {self.name} {row.id} already")
        self.add(row)

    def _read(self, found: tuple[Any, ...]) -> RowT:
        values = {}
        for (name, kind), value in zip(_kinds(self.row).items(), found, strict=True):
            values[name] = bool(value) if kind is bool else value if kind in _TYPES else json.loads(value)
        row: RowT = structure(self.row, values)
        return row


def _as_list(row: object, field: object, value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _written(row: attrs.AttrsInstance) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _kinds(type(row))}
    for name in _in_json(type(row)):
        values[name] = _as_json(values[name])
    return values


@once_per_class
def _in_json(row: type[Any]) -> list[str]:
    return [name for name, kind in _kinds(row).items() if kind not in _TYPES]


@once_per_class
def _insertion(table: type[Table[Any]]) -> str:
    """Return the statement that adds a row under a new id."""
    names = [name for name in _kinds(table.row) if name != "id"]
    return f"INSERT INTO {table.name} ({_quoted(names)}) VALUES ({', '.join(f':{name}' for name in names)})"


def read_id(text: str) -> int | None:
    """Return the id that a text is, if it is one: digits of ASCII, no more than an INTEGER of SQLite holds."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def plural(name: str) -> str:
    """Return the plural of a word such as `campaign` or `opportunity`."""
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def _quoted(names: Iterable[str]) -> str:
    """Return names as columns; one may be a word of SQL, such as `values`."""
    return ", ".join(f'"{name}"' for name in names)
