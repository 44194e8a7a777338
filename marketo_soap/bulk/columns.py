"""How the columns of a file become a lead: keys, attributes, types. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import Any, Literal

from attrs import field, frozen

from marketo_soap.records.lead import Attribute, LeadRecord, Value

__all__ = ["KEYS", "REASON", "BadCell", "Columns", "Plan"]

KEYS = ("Id", "Email", "ForeignSysPersonId", "ForeignSysType")
"""The columns that are keys; the second last needs the last."""

REASON = "reject_reason"
"""The column that a file of rejects has more than its source. A source may have it: it is not sent."""

Convert = Callable[[Any], Value]


class BadCell(ValueError):  # noqa: N818 - the cell is bad, not the program
    """A row cannot become a lead. `column` is None where the row as a whole is wrong; no value is in the message."""

    def __init__(self, column: str | None, problem: str) -> None:
        super().__init__(f"column {column!r}: {problem}" if column else problem)
        self.column = column


@frozen
class Columns:
    """How columns become leads.

    The columns `Id`, `Email`, `ForeignSysPersonId` and `ForeignSysType` are keys, any other is the attribute of its
    name. *mapping* gives a column another name ("" leaves it out). *types* checks and converts the cells of an
    attribute: string, integer, score, float, currency, percent, boolean, date or datetime. *empty* says what an empty
    cell means: "leave" the field as it is, or "clear" it; an empty key is no key. *time_zone* is that of times without
    one.
    """

    mapping: Mapping[str, str] = field(factory=dict)
    types: Mapping[str, str] = field(factory=dict)
    empty: Literal["leave", "clear"] = "leave"
    time_zone: tzinfo | None = None

    def __attrs_post_init__(self) -> None:
        for name, kind in self.types.items():
            if kind not in _TYPES:
                raise ValueError(f"the type of {name} is {kind!r}: use one of {', '.join(_TYPES)}")
        if self.empty not in ("leave", "clear"):
            raise ValueError("empty must be 'leave' or 'clear'")

    def options(self) -> dict[str, str]:
        """Return what tells these columns from others, as names and texts."""
        mapping = {f"name of column {column!r}": repr(name) for column, name in self.mapping.items()}
        types = {f"type of {name}": kind for name, kind in self.types.items()}
        return {**mapping, **types, "empty": self.empty, "time_zone": str(self.time_zone)}

    def plan(self, names: Sequence[str], where: str = "", *, needs_key: bool = True, header: bool = True) -> Plan:
        """Return the plan for the columns *names*; *where* is their place for errors.

        Raises `ValueError` for columns without a key, an empty or repeated name, and, if they are those of a *header*
        and not of one row, for names of *mapping* and *types* that are not among them.
        """
        try:
            return self._plan(names, needs_key, header)
        except ValueError as error:
            raise ValueError(f"{where}: {error}" if where else str(error)) from None

    def _plan(self, names: Sequence[str], needs_key: bool, header: bool) -> Plan:
        attributes: list[tuple[int, str, Convert | None]] = []
        keys: dict[str, int] = {}
        seen: dict[str, str] = {}
        for index, column in enumerate(names):
            if not isinstance(column, str):  # such as None, for the cells that csv.DictReader has no name for
                raise ValueError(f"the name of column {index + 1} is no text")
            target = self.mapping.get(column, column).strip()
            if column == REASON or (not target and column in self.mapping):
                continue
            if not target:
                raise ValueError(f"column {index + 1} has no name: name it, or leave it out of the file")
            if target in seen:
                raise ValueError(f"columns {seen[target]!r} and {column!r} are both {target!r}")
            seen[target] = column
            if target in KEYS:
                keys[target] = index
            else:
                attributes.append((index, target, self._converter(target)))
        if header:
            self._check_header(names, seen)
        if needs_key and not keys.keys() & {"Id", "Email", "ForeignSysPersonId"}:
            hints = [f"; try --map {column}={key}" for key in KEYS for column in names if column.lower() == key.lower()]
            if header and not hints:
                hints = ["; say which one is: --map COLUMN=Email"]
            raise ValueError(
                f"no column is a key (Id, Email, ForeignSysPersonId); the columns are: {_listed(names)}{''.join(hints)}"
            )
        return Plan(tuple(names), keys, attributes, self.empty == "clear", needs_key)

    def _check_header(self, names: Sequence[str], seen: Mapping[str, str]) -> None:
        """Raise `ValueError` for names that a header lacks. One row may lack them."""
        if missing := sorted({*self.mapping} - {*names}):
            raise ValueError(f"there is no column {missing[0]!r} to map; there are: {_listed(names)}")
        if missing := sorted({*self.types} - {*seen}):
            raise ValueError(f"there is no attribute {missing[0]!r} to have a type; there are: {_listed(seen)}")
        if "ForeignSysPersonId" in seen and "ForeignSysType" not in seen:
            raise ValueError("a column ForeignSysPersonId needs a column ForeignSysType")

    def _converter(self, attribute: str) -> Convert | None:
        kind = self.types.get(attribute)
        if kind == "datetime":
            return partial(_datetime, zone=self.time_zone)
        if kind is None:
            return None if self.time_zone is None else partial(_in_zone, zone=self.time_zone)
        return _TYPES[kind]


def _listed(names: Sequence[str] | Mapping[str, str]) -> str:
    """Return names for a message: the first twenty, each cut to forty characters."""
    shown = [name if len(name) <= 40 else f"{name[:40]}..." for name in list(names)[:20]]
    return f"{', '.join(shown)}{', ...' if len(names) > 20 else ''}"


def _integer(value: Any) -> Value:
    number = int(value)
    if not isinstance(value, str) and number != value:
        raise ValueError
    return number


def _decimal(value: Any) -> Value:
    number = Decimal(repr(value) if isinstance(value, float) else value)
    if not number.is_finite():
        raise ValueError
    return number


def _boolean(value: Any) -> Value:
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(value).strip().lower()]


def _date(value: Any) -> Value:
    if isinstance(value, str):
        return date.fromisoformat(value.strip())
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError


def _datetime(value: Any, zone: tzinfo | None = None) -> Value:
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if not isinstance(value, date):
        raise ValueError
    return _in_zone(value, zone)


def _in_zone(value: Any, zone: tzinfo | None) -> Value:
    if isinstance(value, datetime) and value.utcoffset() is None and zone is not None:
        return value.replace(tzinfo=zone)
    return value  # type: ignore[no-any-return]


def _string(value: Any) -> Value:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_TYPES: Mapping[str, Convert] = {
    "string": _string,
    "integer": _integer,
    "score": _integer,
    "float": _decimal,
    "currency": _decimal,
    "percent": _decimal,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}


class Plan:
    """How the cells of a row under one header become a lead."""

    def __init__(
        self,
        names: tuple[str, ...],
        keys: Mapping[str, int],
        attributes: Sequence[tuple[int, str, Convert | None]],
        clear: bool,
        needs_key: bool,
    ) -> None:
        self.names = names
        self._keys, self._attributes, self._clear, self._needs_key = keys, attributes, clear, needs_key

    def record(self, cells: Sequence[Any]) -> LeadRecord:
        """Return the lead of a row. Raises `BadCell`."""
        if len(cells) != len(self.names):
            raise BadCell(None, f"the row has {len(cells)} cells, the header has {len(self.names)}")
        attributes = []
        index = 0
        try:
            for index, name, convert in self._attributes:
                value = cells[index]
                if value is None or value == "":
                    if not self._clear:
                        continue
                    value = ""
                elif convert is not None:
                    value = convert(value)
                attributes.append(Attribute(name, value))
        except (ValueError, TypeError, KeyError, ArithmeticError) as error:
            raise BadCell(self.names[index], _problem(error)) from None
        return self._with_keys(cells, attributes)

    def _with_keys(self, cells: Sequence[Any], attributes: list[Attribute]) -> LeadRecord:
        keys: dict[str, Any] = {}
        for name, index in self._keys.items():
            try:
                keys[name] = _id(cells[index]) if name == "Id" else _text(cells[index])
            except (ValueError, TypeError) as error:
                raise BadCell(self.names[index], str(error)) from None
        person = keys.get("ForeignSysPersonId")
        try:
            lead = LeadRecord(
                keys.get("Id"), keys.get("Email"), person, keys.get("ForeignSysType") if person else None, attributes
            )
        except (ValueError, TypeError) as error:
            raise BadCell(None, str(error)) from None
        if self._needs_key and lead.key is None:
            raise BadCell(None, "the row has no key: give it an Id, Email or ForeignSysPersonId")
        return lead


def _problem(error: Exception) -> str:
    """Return what is wrong with a cell; a conversion's own message would hold the value."""
    text = str(error)
    if text.startswith("attribute "):
        return text.partition("' ")[2] or text
    return "this is no value of its type"


def _id(value: Any) -> int | None:
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        if not (value.isascii() and value.isdigit()):
            raise ValueError("an Id is a whole number")
        return int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float | Decimal) and isfinite(value) and value == int(value):  # a column with nulls
        return int(value)
    raise ValueError("an Id is a whole number")


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"a key is text, not {type(value).__name__}")
