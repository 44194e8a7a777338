"""A list of records that is read while its document is parsed, so that the whole tree is never in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from marketo_soap.errors import ProtocolError
from marketo_soap.wire.codec import codec
from marketo_soap.wire.fields import declared, is_record
from marketo_soap.wire.xml import MKTOWS, Element, parse_in_pieces

__all__ = ["LONG", "read_by_items"]

R = TypeVar("R")

LONG = 256 * 1024
"""Replies of fewer bytes are read faster as a whole."""


def read_by_items(data: bytes, result: type[Any], parents: Collection[str], read: Callable[[Element], R]) -> R | None:
    """Read a document whose list of records is in an element with one of the tags *parents*, a record at a time.

    *read* is given the root, in which the list is empty, and returns the result. None if the document is short, if
    the result's class has no such list, or if anything is wrong: to read the document as a whole says what.
    """
    if len(data) < LONG:
        return None
    try:
        items = _LongList(result, parents)
        return items.give(read(items.parse(data)))
    except (ProtocolError, LookupError):
        return None


class _LongList:
    """The records of the one list in a result of class *cls*, whose element has one of the tags *parents*.

    `LookupError` if the class has no such list.
    """

    def __init__(self, cls: type[Any], parents: Collection[str]) -> None:
        fields = [field for field in declared(cls) if len(field.items) == 1 and is_record(field.type)]
        self._field = fields[0]
        self._fill = getattr(cls, self._field.name).__set__
        self._load, self._parents = codec(self._field.type).load, parents
        self._items: list[Any] = []
        tag = self._field.items[0]
        self._tags = (tag, f"{{{MKTOWS}}}{tag}")

    def parse(self, data: bytes) -> Element:
        """Parse a document and read the items of the list, which is empty in the tree that is returned."""
        found: list[Element] = []

        def look(element: Element | None) -> None:
            if element is not None and (above := element.getparent()) is not None and above.tag in self._parents:
                found[:] = [element]
                self._take(element, -1)

        root = parse_in_pieces(data, self._field.el.name, look)
        for element in found:
            self._take(element, len(element))
        return root

    def _take(self, element: Element, end: int) -> None:
        """Read the items up to the one with index *end*, and remove them."""
        children: Any = element
        self._items += [self._load(child) for child in children[:end] if child.tag in self._tags]
        del children[:end]

    def give(self, result: R) -> R:
        """Return *result* with the items in its list."""
        if self._items:
            self._fill(result, tuple(self._items))
        return result
