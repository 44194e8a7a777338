"""Declarations: annotations of message classes describe elements.

Fields are declared in wire order::

    from typing import Annotated

    from attrs import frozen

    from marketo_soap.records.lead import LeadSyncStatus
    from marketo_soap.wire.fields import El

    @frozen
    class SyncStatus:
        lead_id: Annotated[int, El("leadId")]
        status: Annotated[LeadSyncStatus | str, El("status")]
        error: Annotated[str | None, El("error", nillable=True)] = None

| annotation | element |
| --- | --- |
| `T` | required |
| `T \\| None` with a default | may be absent |
| `T \\| None` without a default | required; None is written as `xsi:nil` |
| `E \\| str` | an enumeration; unknown values are kept as text |
| `A \\| B` of classes | one of several types, named by `xsi:type` |
| `tuple[T, ...]`, `item="x"` | a list: a wrapper element that holds `x` elements |
| `tuple[T, ...]` without `item` | a list without a wrapper: the element itself is repeated |
| `tuple[tuple[T, ...], ...]`, `item="xs/x"` | a list of lists |

A list with a default, or with `| None`, may be absent. A default is the value of an element that is absent or nil.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

T = TypeVar("T")
Private = Literal["user", "signature", "cookie", "email", "value", "text"]

_SCALARS = {str: "string", int: "int", bool: "boolean", datetime: "dateTime", bytes: "base64Binary"}


class El(NamedTuple):
    """Facts about the element of a field.

    *name* is its exact name. *item* is the name of a list's items; `"keyList/attribute"` names those of a list of
    lists. *nillable* says that the schema allows `xsi:nil`. *private* is the kind of private value that it holds;
    "text" is free text that may quote private values.
    *missing* and *invalid* are the fault codes for a request in which it is absent, or has no value of its type.
    *may_be_empty* allows empty text in a request. *keep_empty*: an empty list is written as an empty element, where
    others are left out or nil. *always* says that a field with a default is written even if it is None or empty: the
    schema requires it, and a reader does not. *type* is the XML Schema type, where the Python type does not say
    it: text that is a `dateTime` or an `anySimpleType`. *later* marks an optional element of a later version than
    WSDL 2_2: it is read, written if it has a value, and not in the WSDL.
    """

    name: str
    item: str | None = None
    nillable: bool = False
    private: Private | None = None
    missing: int | None = None
    invalid: int = 20110
    may_be_empty: bool = False
    keep_empty: bool = False
    always: bool = False
    type: str | None = None
    later: bool = False


class Field(NamedTuple):
    """One declared element of a message class: the attribute *name*, which the class takes as *argument*.

    `type` is the type of the value or of a list's items, `choices` the classes that an `xsi:type` may name.
    `items` are the names of the items, the outermost first, and `is_list` is also true of a list without a wrapper.
    `optional` says that the element may be absent, `required` that a writer must produce it even for None or an
    empty list.
    """

    name: str
    argument: str
    el: El
    type: Any
    optional: bool
    required: bool
    default: Any
    is_list: bool = False
    none_allowed: bool = False
    items: tuple[str, ...] = ()
    choices: tuple[type, ...] = ()

    @property
    def is_bare_list(self) -> bool:
        """Whether it is a list without a wrapper element."""
        return self.is_list and not self.items

    @property
    def schema_type(self) -> str | None:
        """The built-in type of XML Schema that a single value has; None for records and enumerations."""
        return self.el.type or _SCALARS.get(self.type)

    def of_items(self) -> Field:
        """Return the declaration of a list's items: elements, or again lists."""
        name, inner = (self.items[0], self.items[1:]) if self.items else (self.el.name, ())
        el = self.el._replace(name=name, item="/".join(inner) or None, nillable=False)
        return self._replace(
            el=el, items=inner, is_list=bool(inner), optional=False, none_allowed=False, default=attrs.NOTHING
        )


def is_record(kind: Any) -> bool:
    """Return whether values of *kind* have child elements."""
    return isinstance(kind, type) and attrs.has(kind)


def is_enum(kind: Any) -> bool:
    """Return whether *kind* is an enumeration."""
    return isinstance(kind, type) and issubclass(kind, Enum)


def each_value(message: Any) -> Iterator[tuple[Field, Any]]:
    """Yield every value that *message* and the records in it hold, with its declaration; items of lists one by one."""
    for field in declared(type(message)):
        values: list[Any] = [getattr(message, field.name)]
        while values:
            value = values.pop()
            if isinstance(value, tuple):
                values += reversed(value)
            elif value is not None:
                yield field, value
                if is_record(type(value)):
                    yield from each_value(value)


def declared(cls: type[Any]) -> tuple[Field, ...]:
    """Return the elements that the message class *cls* declares, in wire order."""
    return tuple(declared_by_name(cls).values())


def once_per_class(compute: Callable[[Any], T]) -> Callable[[Any], T]:
    """Keep what *compute* returns for a class."""
    return cache(compute)


@once_per_class
def declared_by_name(cls: type[Any]) -> Mapping[str, Field]:
    """Return the same by the names of the elements."""
    hints = get_type_hints(cls, include_extras=True)
    fields = [_field(cls, attribute, hints[attribute.name]) for attribute in attrs.fields(cls)]
    return {field.el.name: field for field in fields}


def _field(cls: type[Any], attribute: attrs.Attribute[Any], hint: Any) -> Field:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{cls.__name__}.{attribute.name} has no El(...) in its annotation")
    kind, el = get_args(hint)
    none_allowed, kinds = _members(kind)
    has_default = attribute.default is not attrs.NOTHING
    items = tuple(el.item.split("/")) if el.item else ()
    depth = 0
    while get_origin(kinds[0]) is tuple:
        kinds = _members(get_args(kinds[0])[0])[1]
        depth += 1
    if depth != len(items) and (depth, items) != (1, ()):
        raise TypeError(f"{cls.__name__}.{attribute.name}: El.item does not fit the annotation")
    records = tuple(kind for kind in kinds if is_record(kind))
    return Field(
        attribute.name,
        attribute.alias or attribute.name,
        el,
        records[0] if records else next((kind for kind in kinds if kind is not str), str),
        optional=none_allowed or (depth > 0 and (has_default or not items)),
        required=el.always or (not has_default and (none_allowed or bool(items))),
        default=attribute.default,
        is_list=depth > 0,
        none_allowed=none_allowed,
        items=items,
        choices=records if len(records) > 1 else (),
    )


def _members(kind: Any) -> tuple[bool, list[Any]]:
    """Whether None is allowed, and the other members of a union."""
    members = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    others = [member for member in members if member is not type(None)]
    return len(others) < len(members), others
