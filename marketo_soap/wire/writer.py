"""Write values of declared classes as elements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, TypeAlias

from lxml import etree

from marketo_soap.wire.fields import Field, declared, is_record, once_per_class
from marketo_soap.wire.values import writer_of
from marketo_soap.wire.xml import MKTOWS, XSI, XSI_NIL, Element

Dump: TypeAlias = Callable[[Element, str, Iterable[Any], bool], None]
_Put: TypeAlias = Callable[[Element, str, Any, bool], None]

_XSI_TYPE = f"{{{XSI}}}type"
_NIL_ATTRIBUTE = {XSI_NIL: "true"}


@once_per_class
def writer_of_class(cls: type[Any]) -> Dump:
    """Return `dump(parent, tag, values, nil)`, which appends an element *tag* for each value.

    With *nil*, as in replies, nillable elements without a value are written as `xsi:nil`.
    """
    fields = declared(cls)

    def plan(nil: bool) -> list[Any]:
        return [(_getter(f), f.el.name, _putter(f), _marks_nil(f, nil)) for f in fields]

    plans, sub_element = (plan(False), plan(True)), etree.SubElement

    def dump(parent: Element, tag: str, values: Iterable[Any], nil: bool) -> None:
        for value in values:
            element = sub_element(parent, tag)
            for get, name, put, mark_nil in plans[nil]:
                item = get(value)
                if item is not None:
                    if put is None:
                        sub_element(element, name).text = item
                    else:
                        put(element, name, item, nil)
                elif mark_nil:
                    sub_element(element, name, _NIL_ATTRIBUTE)

    return dump


def _marks_nil(field: Field, nil: bool) -> bool:
    return field.el.nillable and not field.el.later and (nil or field.required)


def _getter(field: Field) -> Callable[[Any], Any]:
    """How to get the value of a field; None for what is not written."""
    get = attrgetter(field.name)
    drops_empty = (
        field.is_list and field.optional and not field.none_allowed and not (field.el.keep_empty or field.el.always)
    )
    return (lambda value: get(value) or None) if drops_empty else get


def _putter(field: Field) -> _Put | None:
    """How a value becomes an element; None for plain text, which needs no call."""
    if field.items:
        item = field.of_items()
        return _put_list(item, _putter(item))
    if field.is_list:
        return _put_each(_put_one(field))
    return None if field.type is str and not field.choices else _put_one(field)


def _put_one(field: Field) -> _Put:
    if field.choices:
        return _put_chosen
    if is_record(field.type):
        inner = writer_of_class(field.type)
        return lambda parent, name, item, nil: inner(parent, name, (item,), nil)
    text: Callable[[Any], str] = writer_of(field)

    def put_text(parent: Element, name: str, item: Any, nil: bool) -> None:
        etree.SubElement(parent, name).text = text(item)

    return put_text


def _put_list(item: Field, put: _Put | None) -> _Put:
    tag = item.el.name
    if is_record(item.type) and not item.is_list:  # one call for all items
        inner = writer_of_class(item.type)
        return lambda parent, name, items, nil: inner(etree.SubElement(parent, name), tag, items, nil)
    put_item = put or _put_one(item)

    def put_items(parent: Element, name: str, items: Any, nil: bool) -> None:
        wrapper = etree.SubElement(parent, name)
        for each in items:
            put_item(wrapper, tag, each, nil)

    return put_items


def _put_each(put: _Put) -> _Put:
    def put_each(parent: Element, name: str, items: Any, nil: bool) -> None:
        for each in items:
            put(parent, name, each, nil)

    return put_each


def _put_chosen(parent: Element, name: str, value: Any, nil: bool) -> None:
    """Write a value of one of several types, with the name of its type."""
    writer_of_class(type(value))(parent, name, (value,), nil)
    element = parent[-1]
    prefix = next((prefix for prefix, uri in element.nsmap.items() if uri == MKTOWS and prefix), None)
    if prefix is None:
        raise ValueError("the namespace of the service has no prefix here, which xsi:type needs")
    element.set(_XSI_TYPE, f"{prefix}:{type(value).__name__}")
