"""Read elements as values of declared classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from marketo_soap.errors import ProtocolError
from marketo_soap.wire.columns import columns_reader
from marketo_soap.wire.fields import Field, declared, declared_by_name, is_enum, is_record, once_per_class
from marketo_soap.wire.values import Read, reader_of, text_of
from marketo_soap.wire.xml import MKTOWS, XSI, Element, broken, children_of, is_nil, local_name

_Slot: TypeAlias = tuple[Read | None, Callable[[Any, Any], None], Callable[[Element, Any], Any]]

_QUALIFIED = f"{{{MKTOWS}}}"
_XSI_TYPE = f"{{{XSI}}}type"
_MANY = 8  # items in a list: from here on, reading it by columns is faster
_MISSING: Any = object()


@once_per_class
def reader_of_class(cls: Any) -> Read:
    """Return `load(element)`, which reads the children in any order and ignores unknown ones. `ProtocolError`."""
    fields = declared(cls)
    # The reader writes to the slots directly: replies are not validated, so that an unusual reply does not fail.
    awaited: dict[str, _Slot] = {f.el.name: (_reader(f), getattr(cls, f.name).__set__, _fallback(f)) for f in fields}
    bare_lists = {f.el.name for f in fields if f.is_bare_list}
    new = cls.__new__

    def load(element: Element) -> Any:
        pending = awaited.copy()
        message = new(cls)
        for child in element[:]:  # type: ignore[index]  # the hot loop: no call, no iterator
            slot = pending.pop(child.tag, None)
            if slot is None:
                slot = unexpected(child, pending)
                if slot is None:
                    continue
            read, store, fallback = slot
            if read is None:
                value = child.text
                if len(child):
                    text_of(child)
                if value is None and not is_nil(child):
                    value = ""
            else:
                value = read(child)
            store(message, fallback(element, None) if value is None else value)
        for _, store, fallback in pending.values():
            store(message, fallback(element, _MISSING))
        return message

    def unexpected(child: Element, pending: dict[str, _Slot]) -> _Slot | None:
        """A declared element that is qualified (old Java clients send one) still counts; others do not."""
        tag: str = child.tag.removeprefix(_QUALIFIED)
        slot = pending.pop(tag, None)
        if slot is None and tag in awaited and tag not in bare_lists:  # of those the first brings all
            raise broken(child, "repeated", "appears twice")
        return slot

    return load


def _reader(field: Field) -> Read | None:
    """How the element of a field becomes its value; None for plain text, which needs no call."""
    if field.items:
        return _items_reader(field)
    if field.is_list:
        return _siblings_reader(field)
    return None if field.type is str and not field.choices else _value_reader(field)


def _value_reader(field: Field) -> Read:
    if field.choices:
        return _choice_reader(field)
    if not is_record(field.type):
        return reader_of(field)
    inner = reader_of_class(field.type)
    return lambda element: None if not len(element) and is_nil(element) else inner(element)


def _items_reader(field: Field) -> Read:
    """How the items of a list are read: by columns where that is possible, else one by one."""
    item = field.of_items()
    tag, qualified = item.el.name, _QUALIFIED + item.el.name
    plain_records = is_record(item.type) and not item.items
    # An item is read even if it is nil: it would be dropped otherwise.
    read_item = reader_of_class(item.type) if plain_records else _reader(item) or reader_of(item)
    read_columns = columns_reader(item.type, tag) if plain_records else None
    is_text = not item.is_list and (item.type is str or is_enum(item.type))  # then a nil item is an empty one
    nil_is_none = field.none_allowed

    def read_items(element: Element) -> tuple[Any, ...] | None:
        children = len(element)
        if nil_is_none and not children and is_nil(element):
            return None
        items = read_columns(element) if read_columns and children >= _MANY else None
        if items is None:
            found = (child for child in children_of(element) if child.tag == tag or child.tag == qualified)
            items = [read_item(child) or "" for child in found] if is_text else [read_item(child) for child in found]
        return tuple(items)

    return read_items


def _siblings_reader(field: Field) -> Read:
    """How a list without a wrapper is read: the first of the elements brings all of them."""
    read, tags = _value_reader(field), (field.el.name, _QUALIFIED + field.el.name)

    def read_siblings(element: Element) -> tuple[Any, ...]:
        parent = element.getparent()
        siblings = [element] if parent is None else [child for child in parent if child.tag in tags]
        return tuple([read(sibling) for sibling in siblings])

    return read_siblings


def chosen(field: Field, element: Element) -> type | None:
    """Return the class that an element of several possible types has: by its `xsi:type`, else by its children."""
    named = element.get(_XSI_TYPE)
    if named is not None:
        local = named.strip().rpartition(":")[2]
        return next((choice for choice in field.choices if choice.__name__ == local), None)
    names = {local_name(child) for child in children_of(element)}
    fits = {choice: len(names & declared_by_name(choice).keys()) for choice in field.choices}
    best = max(fits, key=lambda choice: fits[choice])
    return best if fits[best] else None


def _choice_reader(field: Field) -> Read:
    def read(element: Element) -> Any:
        if not len(element) and is_nil(element):
            return None
        cls = chosen(field, element)
        if cls is None:
            names = ", ".join(choice.__name__ for choice in field.choices)
            raise broken(element, "invalid", f"must have an xsi:type: one of {names}")
        return reader_of_class(cls)(element)

    return read


def _fallback(field: Field) -> Callable[[Element, Any], Any]:
    """The values for an absent element (_MISSING) and for a nil one (None)."""
    name = field.el.name
    if field.none_allowed:
        return lambda element, value: None
    if field.is_list and field.optional:
        return lambda element, value: ()
    if field.default is not attrs.NOTHING:
        return lambda element, value: field.default

    def refuse(element: Element, value: Any) -> Any:
        if value is _MISSING:
            raise _with_code(broken(element, "missing", "is missing", child=name), field)
        if field.type is str and not field.is_list:
            return ""
        raise _with_code(broken(element, "empty", "is empty or nil, but must have a value", child=name), field)

    return refuse


def _with_code(error: ProtocolError, field: Field) -> ProtocolError:
    error.fault_code = field.el.missing
    return error
