"""The elements of a request beside their declarations, by local names, whatever their namespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
from attrs import frozen

from marketo_soap.operations import Operation
from marketo_soap.wire.codec import El, Field, codec
from marketo_soap.wire.xml import Element, is_nil, line_of, local_name

__all__ = ["Child", "Part", "declared_by", "folded", "lookup", "namespace_of", "params_of", "shown"]

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
            name = local_name(element)
            place = f"{self.path}/{shown(name)}"
            yield Child(element, name, f"{place}[{number}]" if self.is_list else place, self.declared.get(name))

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
        for child in self.children():
            inner = _part_of(child, of_list=self.is_list)
            if inner is not None:
                yield from inner.parts()


def _part_of(child: Child, *, of_list: bool = False) -> Part | None:
    declaration = child.field
    if declaration is None or not attrs.has(declaration.type):
        return None
    if not of_list and not len(child.element) and is_nil(child.element):  # a nil item is read like any other
        return None
    item = declaration.el.item
    if item is not None:
        of_item = attrs.evolve(declaration, el=El(item))
        return Part(child.element, child.path, {item: of_item}, is_list=True)
    return Part(child.element, child.path, declared_by(declaration.type))


def declared_by(cls: type[Any]) -> Mapping[str, Field]:
    """Return the elements that the message class *cls* declares, by name and in wire order."""
    return {field.el.name: field for field in codec(cls).fields}


def namespace_of(element: Element) -> str:
    """Return the namespace of *element*, "" if it is in none."""
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def params_of(operation: type[Operation[Any]]) -> str:
    """Return the local name of the request element of *operation*."""
    return operation.params_tag.rpartition("}")[2]


_CONFUSED = {ord(sign): None for sign in " _-"}


def folded(name: str) -> str:
    """Return *name* as people confuse it: without case, spaces, underscores and dashes."""
    return name.translate(_CONFUSED).casefold()


def shown(name: str) -> str:
    """Return a name of the document as it can stand in a text: it may be any length."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."


def lookup(names: Iterable[str]) -> dict[str, str]:
    """Return *names* by what people write instead."""
    return {folded(name): name for name in names}
