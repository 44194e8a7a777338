"""Rows of any table of the store as a table of the page, made from their class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.layout import PAGE, Visit
from marketo_soap.sandbox.page.pieces import (
    LONGEST_VALUE,
    MOST,
    cut,
    facts,
    lead_link,
    left_out,
    moment,
    stamp,
    table,
)
from marketo_soap.sandbox.store.activities import from_ms
from marketo_soap.sandbox.store.table import Table, plural
from marketo_soap.wire.xml import Element

DATA = f"{PAGE}data"
_MOST_IN_CELL = 10  # values of a list or a mapping
_EMPTY: Collection[Any] = (None, "", (), {})


def in_words(name: str) -> str:
    """Return the name of a table or a column as a heading: `requested_at` is `Requested at`."""
    words = name.removesuffix("_ms").replace("_", " ")
    return words[:1].upper() + words[1:]


def rows_table(
    caption: str,
    kept: Table[Any],
    rows: Collection[Any],
    known: Collection[str],
    *unshown: str,
    visit: Visit | None = None,
    open_id: int | None = None,
) -> Element:
    """Return a table of rows; columns without any value are left out. *known* are the names of all tables.

    With *visit* the links keep its filter and place in the list.
    """
    link = str if visit is None else visit.link
    columns = [name for name in _columns(kept) if name not in (*unshown, *kept.in_detail)]
    columns = [name for name in columns if any(getattr(row, name) not in _EMPTY for row in rows)]
    shown = [
        h(
            "tr",
            h("th", h("a", str(row.id), href=link(f"{DATA}/{kept.plural}/{row.id}")), scope="row"),
            *[_cell(name, getattr(row, name), known) for name in columns],
            id=f"{kept.name}-{row.id}",
            aria_current="true" if row.id == open_id else None,
        )
        for row in rows
    ]
    return table(caption, ("Id", *map(in_words, columns)), shown)


def _cell(name: str, value: Any, known: Collection[str]) -> Element:
    kind = "number" if name.endswith(("_at", "_ms")) else None
    return h("td", _value(name, value, known, _MOST_IN_CELL, 160), class_=kind)


def row_facts(kept: Table[Any], row: Any, known: Collection[str]) -> Element:
    """Return all values of a row by the names of its columns."""
    values = {name: getattr(row, name) for name in ("id", *_columns(kept))}
    return facts((in_words(name), _value(name, each, known, MOST, LONGEST_VALUE)) for name, each in values.items())


def _columns(kept: Table[Any]) -> list[str]:
    return [each.name for each in attrs.fields(kept.row) if each.name != "id"]


def _value(name: str, value: Any, known: Collection[str], most: int, longest: int) -> Child:
    """Return a value of a column; names that end in `_id`, `_ids`, `_at` and `_ms` say what it is."""
    if value in _EMPTY:
        return None
    if name.endswith("_ms"):
        return moment(from_ms(value))
    if name.endswith("_at"):
        return stamp(value)
    if name == "lead_ids":
        return _list([_value("lead_id", each, known, most, longest) for each in value[:most]], len(value))
    if name == "lead_id":
        return lead_link(value)
    if name.endswith("_id") and (of := plural(name.removesuffix("_id"))) in known:
        return h("a", str(value), href=f"{DATA}/{of}/{value}")
    return _shown(value, most, longest)


def _shown(value: Any, most: int, longest: int) -> Child:
    if attrs.has(type(value)):
        value = {name: each for name, each in attrs.asdict(value, recurse=False).items() if each not in _EMPTY}
    if isinstance(value, Mapping):
        pairs = [*value.items()][:most]
        items = [h("span", h("b", cut(name, 80)), " ", _shown(each, most, longest)) for name, each in pairs]
        return _list(items, len(value))
    if isinstance(value, tuple | list):
        return _list([_shown(each, most, longest) for each in value[:most]], len(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value in _EMPTY else cut(str(value), longest)


def _list(items: Collection[Child], count: int) -> Element:
    return h("ul", *[h("li", item) for item in items], left_out(count, len(items), "li"))
