"""Make values of declared classes from dicts and lists, by the names of the wire: JSON, TOML, arguments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from marketo_soap.wire.fields import Field, declared_by_name, is_enum, is_record
from marketo_soap.wire.tree import folded, lookup
from marketo_soap.wire.values import BOOLEANS

_PAIRS = (("attrName", "attrValue"), ("name", "value"))
_TYPE = "xsi:type"


def from_data(cls: type[Any], data: Any, where: str = "") -> Any:
    """Return the value of *cls* that *data* describes. `ValueError` names the place of what is wrong.

    A list of one may be given as its item, a list of named values (attributes) as a dict, and the items of any list
    by their name too (`leadList.leadKey`). Of several possible types the one is taken that `xsi:type` names, or that
    has the elements given. Single values may be text.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{where or cls.__name__} must hold elements by name, not {type(data).__name__}")
    known = declared_by_name(cls)
    values = {}
    for name, value in data.items():
        field = known.get(name)
        place = f"{where}.{name}" if where else name
        if field is None:
            meant = lookup(known).get(folded(name))
            hint = f"did you mean {meant}?" if meant else f"there is {', '.join(known) or 'none'}"
            raise ValueError(f"{place} is not an element here: {hint}")
        values[field.argument] = None if value is None else _value(field, value, place)
    missing = [
        field.el.name for field in known.values() if field.argument not in values and not _may_be_left_out(field)
    ]
    if missing:
        raise ValueError(f"{f'{where}: ' if where else ''}{', '.join(missing)} missing")
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{f'{where}: ' if where else ''}{error}") from None


def _may_be_left_out(field: Field) -> bool:
    return (field.optional and not field.required) or field.default is not attrs.NOTHING


def _value(field: Field, data: Any, place: str) -> Any:
    if field.is_list:
        item = field.of_items()
        if field.items and isinstance(data, Mapping) and [*data] == [item.el.name]:
            (inner,) = data.values()
            # An attribute may have the name of the items, and then it has a single value.
            if not isinstance(inner, str) or not _pair(item):
                data = inner
        if isinstance(data, Mapping) and not item.is_list and (pair := _pair(item)) and pair[0] not in data:
            data = [dict(zip(pair, each, strict=True)) for each in data.items()]
        items = data if isinstance(data, list | tuple) else [data]
        return tuple([_value(item, each, f"{place}[{number}]") for number, each in enumerate(items, 1)])
    if field.choices:
        return _chosen(field, data, place)
    if is_record(field.type):
        return from_data(field.type, data, place)
    if not isinstance(data, str):
        if field.type is str and isinstance(data, int | float) and not isinstance(data, bool):
            return str(data)
        return data
    return _of_text(field, data, place)


def _of_text(field: Field, text: str, place: str) -> Any:
    kind = field.type
    if kind is str or is_enum(kind):
        return text
    try:
        if kind is bool:
            return BOOLEANS[text.lower()]
        return datetime.fromisoformat(text) if kind is datetime else kind(text)
    except (ValueError, KeyError, TypeError):
        expected = {int: "a whole number", bool: "true or false", datetime: "a time, such as 2013-08-05T16:34:19-07:00"}
        raise ValueError(f"{place} must be {expected.get(kind, kind.__name__)}") from None


def _pair(item: Field) -> tuple[str, str] | None:
    if not is_record(item.type):
        return None
    return next((pair for pair in _PAIRS if set(pair) <= declared_by_name(item.type).keys()), None)


def _chosen(field: Field, data: Any, place: str) -> Any:
    names = ", ".join(choice.__name__ for choice in field.choices)
    if not isinstance(data, Mapping):
        raise ValueError(f"{place} must be one of {names}, its elements by name")
    rest = {name: value for name, value in data.items() if name != _TYPE}
    if _TYPE in data:
        wanted = str(data[_TYPE]).rpartition(":")[2]
        found = [choice for choice in field.choices if choice.__name__ == wanted]
    else:
        found = [choice for choice in field.choices if rest.keys() & declared_by_name(choice).keys()]
    if len(found) != 1:
        raise ValueError(f"{place} must be one of {names}: name it by {place}.{_TYPE}=")
    return from_data(found[0], rest, place)


def from_assignments(texts: list[str]) -> dict[str, Any]:
    """Read `leadKey.keyType=EMAIL` and the like as nested data. `ValueError` for what is no assignment.

    A name that is repeated is a list, and so is one with a number: `leadList[1].keyType=EMAIL`, counted from 1.
    """
    data: dict[str, Any] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals or not path.strip("."):
            raise ValueError(f"{text!r} is not NAME=VALUE")
        _assign(data, path.split("."), value, path)
    return data


def _assign(data: dict[str, Any], names: list[str], value: str, path: str) -> None:
    name, _, index = names[0].partition("[")
    if not names[1:] and not index:
        before = data.get(name)
        data[name] = value if before is None else [*before, value] if isinstance(before, list) else [before, value]
        return
    if not index:
        inner = data.setdefault(name, {})
    else:
        number = index.removesuffix("]")
        items = data.setdefault(name, [])
        if not number.isdecimal() or not isinstance(items, list) or not 1 <= int(number) <= len(items) + 1:
            raise ValueError(f"{path}: items are numbered from 1, without gaps")
        if int(number) > len(items):
            items.append({} if names[1:] else value)
        if not names[1:]:
            items[int(number) - 1] = value
            return
        inner = items[int(number) - 1]
    if not isinstance(inner, dict):
        raise ValueError(f"{path}: {name} has a value already, so it cannot hold elements")
    _assign(inner, names[1:], value, path)
