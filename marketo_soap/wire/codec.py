"""Codecs: a message class declares its elements once, and is written and read by that.

The declaration stands in wire order, and `codec()` compiles it into a writer and a reader::

    @frozen
    class SyncStatus:
        lead_id: Annotated[int, El("leadId")]
        status: Annotated[LeadSyncStatus | str, El("status")]
        error: Annotated[str | None, El("error", nillable=True)] = None

What a field's type says: `T | None` may be absent (and without a default, must be written as nil when it
is None); `E | str` is an enumeration whose unknown values are kept as text; `tuple[T, ...]` is a list of
`El.item` elements inside one wrapper element. A default stands for an element that is absent or nil.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable
from enum import Enum
from operator import attrgetter
from typing import Annotated, Any, Generic, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen
from lxml import etree

from marketo_soap.errors import ProtocolError
from marketo_soap.wire.xml import MKTOWS, XSI_NIL, Element, broken, children_of, is_nil

INT_MAX = 2**31 - 1

_QUALIFIED = f"{{{MKTOWS}}}"
_NIL_ATTRIBUTE = {XSI_NIL: "true"}
_INTEGER = re.compile(r"[+-]?[0-9]{1,32}")
_WHITE = " \t\r\n"
_MANY = 8  # items in a list: from here on, reading it by columns is faster

T = TypeVar("T")


@frozen
class El:
    """The element that carries a field: its exact name, its items' name in a list, and if it can be nil."""

    name: str
    item: str | None = None
    nillable: bool = False


# -- reading and writing single values ----------------------------------------------------------------

Read = Callable[[Element], Any]
Dump = Callable[[Element, str, Iterable[Any], bool], None]
_ReadColumns = Callable[[Element], list[Any] | None]


def _not_text(element: Element) -> ProtocolError:
    return broken(element, "invalid", "holds elements where text is expected")


def _read_text(element: Element) -> str | None:
    if len(element):
        raise _not_text(element)
    text = element.text
    if text is None:
        return None if is_nil(element) else ""
    return text


def _bare(element: Element) -> str | None:
    """The text without white space around it; None for nil and for empty, which no such type can hold."""
    text = _read_text(element)
    return text.strip(_WHITE) or None if text else None


def _read_int(element: Element) -> int | None:
    text = element.text
    if text is not None and len(text) < 10 and text.isascii() and text.isdigit() and not len(element):
        return int(text)
    text = _bare(element)
    if text is None:
        return None
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is None or not -INT_MAX - 1 <= number <= INT_MAX:
        raise broken(element, "invalid", "is not a 32-bit integer")
    return number


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _read_bool(element: Element) -> bool | None:
    text = _bare(element)
    if text is None:
        return None
    value = _BOOLEANS.get(text.lower())  # the vendor's Ruby samples send "True"
    if value is None:
        raise broken(element, "invalid", "is not a boolean (true, false, 1 or 0)")
    return value


def _reader_of_enum(kind: type[Enum]) -> Read:
    members: dict[str, Enum] = {member.value: member for member in kind}

    def read(element: Element) -> Enum | str | None:
        member = members.get(element.text or "")
        if member is not None and not len(element):
            return member
        text = _bare(element)
        return None if text is None else members.get(text, text)

    return read


def _write_bool(value: bool) -> str:
    return "true" if value else "false"


_WRITERS: dict[Any, Callable[[Any], str]] = {bool: _write_bool, int: int.__repr__}


# -- codecs -------------------------------------------------------------------------------------------


@frozen
class Field:
    """One declared element of a message class: what `codec`, the WSDL and the checks know of it.

    `type` is the type of the value or of a list's items; `optional` says that the element may be
    absent, `required` that a writer must produce it even for None (as nil).
    """

    name: str
    el: El
    type: Any
    optional: bool
    required: bool
    default: Any


_MISSING: Any = object()
_TEXT_TYPES = {str: _read_text, int: _read_int, bool: _read_bool}


class Codec(Generic[T]):
    """Writes and reads the children of an element as the fields of an attrs class."""

    def __init__(self, cls: type[T]) -> None:
        self.cls = cls
        self.fields = tuple(_declared(cls))
        self.dump: Dump = _compile_dump(self.fields)
        """`dump(parent, tag, values, nil)`: append an element *tag* for each value; with *nil*, as in replies,
        empty nillable elements are nil."""
        self.load: Callable[[Element], T] = _compile_load(cls, self.fields)
        """`load(element)`: read the children in any order, ignoring unknown ones. `ProtocolError`."""


_codecs: dict[type, Codec[Any]] = {}


def codec(cls: type[T]) -> Codec[T]:
    """Compile the declaration of *cls* (an attrs class with slots and `El` annotations), once."""
    found = _codecs.get(cls)
    if found is None:
        found = _codecs[cls] = Codec(cls)
    return found


def _declared(cls: type) -> list[Field]:
    hints = get_type_hints(cls, include_extras=True)
    fields = []
    for attribute in attrs.fields(cls):
        hint = hints[attribute.name]
        if get_origin(hint) is not Annotated:
            raise TypeError(f"{cls.__name__}.{attribute.name} has no El(...) in its annotation")
        kind, el = get_args(hint)
        members = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
        optional = type(None) in members
        kinds = [member for member in members if member is not type(None)]
        kind = next((member for member in kinds if member is not str), str)
        has_default = attribute.default is not attrs.NOTHING
        if el.item is not None:
            kind = get_args(kind)[0]
            optional = True
        required = optional and not has_default
        fields.append(Field(attribute.name, el, kind, optional, required, attribute.default))
    return fields


def _compile_dump(fields: tuple[Field, ...]) -> Dump:
    def plan(nil: bool) -> list[Any]:
        return [(_getter(f), f.el.name, _putter(f), f.el.nillable and (nil or f.required)) for f in fields]

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


def _getter(field: Field) -> Callable[[Any], Any]:
    get = attrgetter(field.name)
    return get if field.el.item is None else lambda value: get(value) or None


def _putter(field: Field) -> Callable[[Element, str, Any, bool], None] | None:
    """How a value becomes an element; None for plain text, which needs no call."""
    if attrs.has(field.type):
        inner, item_tag = codec(field.type).dump, field.el.item
        if item_tag is None:
            return lambda parent, name, item, nil: inner(parent, name, (item,), nil)
        return lambda parent, name, items, nil: inner(etree.SubElement(parent, name), item_tag, items, nil)
    if field.type is str:
        return None
    text_of: Callable[[Any], str] = _WRITERS.get(field.type, str)

    def put_text(parent: Element, name: str, item: Any, nil: bool) -> None:
        etree.SubElement(parent, name).text = text_of(item)

    return put_text


def _compile_load(cls: type[T], fields: tuple[Field, ...]) -> Callable[[Element], T]:
    # The reader stores into the slots directly: what came is kept as it came, and the rules that a
    # caller's own values must meet do not turn a strange reply into a crash.
    awaited = {f.el.name: (_reader(f), getattr(cls, f.name).__set__, _fallback(f)) for f in fields}
    new = cls.__new__

    def load(element: Element) -> T:
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
                    raise _not_text(child)
                if value is None and not is_nil(child):
                    value = ""
            else:
                value = read(child)
            store(message, fallback(element, None) if value is None else value)
        for _, store, fallback in pending.values():
            store(message, fallback(element, _MISSING))
        return message

    def unexpected(child: Element, pending: dict[str, Any]) -> Any:
        """A declared element that is qualified (old Java clients send one) still counts; others do not."""
        tag: str = child.tag.removeprefix(_QUALIFIED)
        slot = pending.pop(tag, None)
        if slot is None and tag in awaited:
            raise broken(child, "repeated", "stands there a second time")
        return slot

    return load


def _reader(field: Field) -> Read | None:
    """How the element of a field becomes its value; None for plain text, which needs no call."""
    kind = field.type
    if attrs.has(kind):
        inner = codec(kind).load
        if field.el.item is None:
            return lambda element: None if not len(element) and is_nil(element) else inner(element)
        return _items_reader(kind, field.el.item)
    if kind is str:
        return None
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _reader_of_enum(kind)
    return _TEXT_TYPES[kind]


def _items_reader(cls: type, item: str) -> Read:
    """How the items of a list are read: by columns where that is possible, else one by one."""
    inner: Codec[Any] = codec(cls)
    load, read_columns = inner.load, _columns_reader(cls, item, inner.fields)
    qualified = _QUALIFIED + item

    def read_items(element: Element) -> tuple[Any, ...]:
        items = read_columns(element) if read_columns and len(element) >= _MANY else None
        if items is None:
            items = [load(child) for child in children_of(element) if child.tag == item or child.tag == qualified]
        return tuple(items)

    return read_items


def _columns_reader(cls: Any, item: str, fields: tuple[Field, ...]) -> _ReadColumns | None:
    """A reader of long lists of plain records, which are most of what Marketo's replies hold.

    libxml2 collects all names, all types, all values in one go each, without an object for every element.
    That is sound only if each item has each of its elements once, with one piece of text in it and nothing
    else: so many items, that many first texts in each column, and no cell or node besides. Else it gives
    None, and the items are read one by one.
    """
    if any(field.type is not str for field in fields):
        return None
    columns = [
        (getattr(cls, f.name).__set__, etree.XPath(f"{item}/{f.el.name}[1]/text()[1]", smart_strings=False))
        for f in fields
    ]
    count_cells, count_nodes = etree.XPath(f"count({item}/*)"), etree.XPath(f"count({item}/*/node())")
    new = cls.__new__

    def read(element: Element) -> list[Any] | None:
        count = len(element)
        if not count_cells(element) == count_nodes(element) == count * len(columns):
            return None
        messages = [new(cls) for _ in range(count)]
        for store, column in columns:
            texts = cast("list[str]", column(element))
            if len(texts) != count:
                return None
            for message, text in zip(messages, texts, strict=True):
                store(message, text)
        return messages

    return read


def _fallback(field: Field) -> Callable[[Element, Any], Any]:
    """What stands for an absent element (_MISSING) or for a nil one (None)."""
    name = field.el.name
    if field.el.item is not None:
        return lambda element, value: ()
    if field.optional:
        return lambda element, value: None
    if field.default is not attrs.NOTHING:
        return lambda element, value: field.default

    def refuse(element: Element, value: Any) -> Any:
        if value is _MISSING:
            raise broken(element, "missing", "is missing", child=name)
        if field.type is str:
            return ""
        raise broken(element, "empty", "is empty or nil, but must have a value", child=name)

    return refuse
