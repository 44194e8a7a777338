"""What a message holds that nobody will read: elements of unknown names, most often in the wrong case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from attrs import frozen

from marketo_soap.wire.codec import codec
from marketo_soap.wire.xml import MKTOWS, Element, children_of, local_name, path_of

__all__ = ["Ignored", "ignored_elements"]

_QUALIFIED = f"{{{MKTOWS}}}"


@frozen
class Ignored:
    """An element that the server ignores: where it stands, and the declared name that it resembles."""

    path: str
    name: str
    meant: str | None

    def __str__(self) -> str:
        hint = f": did you mean <{self.meant}>?" if self.meant else ""
        return f"{self.path}: <{self.name}> is ignored by Marketo{hint}"


def ignored_elements(cls: type[Any], element: Element) -> list[Ignored]:
    """Return the elements under *element* that the declaration *cls* does not know, in document order.

    The real server ignored them without a word: a lower-case `<id>` made a duplicate of the lead it named.
    """
    return list(_walk(cls, element, path_of(element)))


def _walk(cls: type[Any], element: Element, path: str) -> Iterator[Ignored]:
    fields = {field.el.name: field for field in codec(cls).fields}
    for child in children_of(element):
        name = local_name(child)
        field = fields.get(child.tag.removeprefix(_QUALIFIED))
        if field is None:
            yield _ignored(f"{path}/{name}", name, list(fields))
        elif attrs.has(field.type) and field.el.item is None:
            yield from _walk(field.type, child, f"{path}/{name}")
        elif attrs.has(field.type):
            for number, item in enumerate(children_of(child), 1):
                place = f"{path}/{name}/{local_name(item)}[{number}]"
                if item.tag.removeprefix(_QUALIFIED) == field.el.item:
                    yield from _walk(field.type, item, place)
                else:
                    yield _ignored(place, local_name(item), [str(field.el.item)])


def _ignored(path: str, name: str, names: list[str]) -> Ignored:
    meant = {known.lower(): known for known in names}.get(name.lower().replace("_", ""))
    return Ignored(path, name, meant)
