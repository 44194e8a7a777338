"""The elements of a request with their declarations, matched by local name in any namespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from marketo_soap.wire.fields import Field, declared_by_name, is_record
from marketo_soap.wire.reader import chosen
from marketo_soap.wire.xml import Element, is_nil, line_of, local_name, path_of

_LONGEST = 80


@frozen
class Child:
    """An element of a `Part`, with its declaration if it has one."""

    element: Element
    name: str
    path: str
    field: Field | None

    @property
    def line(self) -> int | None:
        """The line that it starts on."""
        return line_of(self.element)

    @property
    def text(self) -> str:
        """Its text, "" if it has none."""
        return self.element.text or ""

    @property
    def given(self) -> bool:
        """Whether it holds anything but white space."""
        return bool(self.text.strip())


@frozen
class Part:
    """An element whose children are declared: a header, the parameters, a record, a list or an item of it."""

    element: Element
    path: str
    declared: Mapping[str, Field]
    is_list: bool = False

    @property
    def line(self) -> int | None:
        """The line that it starts on."""
        return line_of(self.element)

    @property
    def name(self) -> str:
        """Its name without namespace."""
        return local_name(self.element)

    def children(self) -> Iterator[Child]:
        """Yield its elements, declared or not."""
        for number, element in enumerate(self.element, 1):  # an iterator: a list may be long
            yield self._child(number, element, local_name(element))

    def _child(self, number: int, element: Element, name: str) -> Child:
        place = f"{self.path}/{shown(name)}"
        return Child(element, name, f"{place}[{number}]" if self.is_list else place, self.declared.get(name))

    def child(self, name: str) -> Child | None:
        """Return the first child of that name."""
        return next((child for child in self.children() if child.name == name), None)

    def part(self, name: str) -> Part | None:
        """Return that child as a part; None if it is absent, or of a type without children."""
        child = self.child(name)
        return None if child is None else _part_of(child)

    def parts(self) -> Iterator[Part]:
        """Yield this part and all parts in it, in the order of the document."""
        yield self
        for number, element in enumerate(self.element, 1):
            name = local_name(element)
            field = self.declared.get(name)
            if field is None or (field.type is str and not field.items):  # most elements: they need no path
                continue
            inner = _part_of(self._child(number, element, name), of_list=self.is_list)
            if inner is not None:
                yield from inner.parts()

    def unknown(self) -> Iterator[Child]:
        """Yield its elements that are not declared."""
        for number, element in enumerate(self.element, 1):
            if (name := local_name(element)) not in self.declared:
                yield self._child(number, element, name)


def _part_of(child: Child, *, of_list: bool = False) -> Part | None:
    field = child.field
    if field is None or not (field.items or field.choices or is_record(field.type)):
        return None
    if not of_list and not len(child.element) and is_nil(child.element):  # a nil item is read like any other
        return None
    if field.items:
        item = field.of_items()
        return Part(child.element, child.path, {item.el.name: item}, is_list=True)
    cls = chosen(field, child.element) if field.choices else field.type
    return None if cls is None else Part(child.element, child.path, declared_by_name(cls))


@frozen
class Ignored:
    """An element that the server ignores: its path and name, and the declared name that it resembles."""

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
    found = []
    for part in Part(element, path_of(element), declared_by_name(cls)).parts():
        similar: dict[str, str] | None = None
        for child in part.unknown():
            similar = lookup(part.declared) if similar is None else similar
            found.append(Ignored(child.path, child.name, similar.get(folded(child.name))))
    return found


def namespace_of(element: Element) -> str:
    """Return the namespace of *element*, "" if it is in none."""
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


_CONFUSED = {ord(sign): None for sign in " _-"}


def folded(name: str) -> str:
    """Return *name* without case, spaces, underscores and dashes, which people confuse."""
    return name.translate(_CONFUSED).casefold()


def shown(name: str) -> str:
    """Return a name of the document, shortened for messages."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."


def lookup(names: Iterable[str]) -> dict[str, str]:
    """Return *names* by their common misspellings."""
    return {folded(name): name for name in names}
