"""Read long lists of plain records, which are most of what Marketo's replies hold, by columns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from lxml import etree

from marketo_soap.wire.fields import declared
from marketo_soap.wire.xml import Element

ReadColumns: TypeAlias = Callable[[Element], list[Any] | None]


def columns_reader(cls: Any, item: str) -> ReadColumns | None:
    """Return a reader of the elements *item* as values of *cls*; None if not all its fields are text.

    libxml2 collects all names, all types, all values in one call each, without an object for every element.
    That is sound only if each item has each of its elements once, with one piece of text in it and nothing
    else: that many first texts in each column as there are items, and no other cell or node. Otherwise the
    reader returns None, and the items must be read one by one.
    """
    fields = declared(cls)
    if any(field.type is not str or field.is_list for field in fields):
        return None
    columns = [
        (getattr(cls, f.name).__set__, etree.XPath(f"{item}/{f.el.name}[1]/text()[1]", smart_strings=False))
        for f in fields
    ]
    count_nodes = etree.XPath("count(descendant::node())")
    count_cells_and_nodes = etree.XPath(f"count({item}/*) + count({item}/*/node())")  # slower: not white space
    each = 2 * len(fields)  # a cell and its text
    new = cls.__new__

    def read(element: Element) -> list[Any] | None:
        count = len(element)
        texts: list[list[str]] = []
        for _, column in columns:
            texts.append(cast("list[str]", column(element)))
            if len(texts[-1]) != count:
                return None
        if count_nodes(element) != count * (1 + each) and count_cells_and_nodes(element) != count * each:
            return None
        messages = [new(cls) for _ in range(count)]
        for (store, _), values in zip(columns, texts, strict=True):
            deque(map(store, messages, values), maxlen=0)  # the fastest loop
        return messages

    return read
