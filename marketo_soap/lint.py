"""What a message holds that nobody will read: elements of unknown names, most often in the wrong case."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

from marketo_soap.codec import codec
from marketo_soap.xml import MKTOWS, Element, children_of, local_name, path_of

__all__ = ["Ignored", "ignored_elements"]


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
    fields = {field.el.name: field for field in codec(cls).fields}
    found: list[Ignored] = []
    for child in children_of(element):
        field = fields.get(child.tag.removeprefix(f"{{{MKTOWS}}}"))
        if field is None:
            found.append(_ignored(child, list(fields)))
        elif attrs.has(field.type) and field.el.item is None:
            found += ignored_elements(field.type, child)
        elif attrs.has(field.type):
            for item in children_of(child):
                if item.tag.removeprefix(f"{{{MKTOWS}}}") == field.el.item:
                    found += ignored_elements(field.type, item)
                else:
                    found.append(_ignored(item, [str(field.el.item)]))
    return found


def _ignored(element: Element, names: list[str]) -> Ignored:
    name = local_name(element)
    meant = {known.lower(): known for known in names}.get(name.lower().replace("_", ""))
    return Ignored(path_of(element), name, meant)
