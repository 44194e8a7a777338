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
    field = next((field for field in declared(result) if len(field.items) == 1 and is_record(field.type)), None)
    if field is None:
        return None
    load, (tag,) = codec(field.type).load, field.items
    tags = (tag, f"{{{MKTOWS}}}{tag}")
    items: list[Any] = []
    lists: list[Any] = []  # at most one: the element of the list, once it has begun

    def take(end: int | None) -> None:
        """Read the items before the index *end*, and remove them."""
        for element in lists:
            items.extend(load(child) for child in element[:end] if child.tag in tags)
            del element[:end]

    def look(element: Element | None) -> None:
        if element is not None and (above := element.getparent()) is not None and above.tag in parents:
            lists[:] = [element]
            take(-1)  # the last one may be incomplete

    try:
        root = parse_in_pieces(data, field.el.name, look)
        take(None)
        made = read(root)
    except ProtocolError:
        return None
    if items:
        getattr(result, field.name).__set__(made, tuple(items))
    return made
