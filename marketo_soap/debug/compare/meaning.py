"""Differences in the meaning of two messages: their values, by familiar names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Literal, TypeAlias

from attrs import evolve, field, frozen

from marketo_soap.envelope import Reply, Request
from marketo_soap.errors import Fault
from marketo_soap.privacy.redactor import hidden
from marketo_soap.records.lead import Attribute
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.fields import Field, declared, declared_by_name, is_record

Message: TypeAlias = Request[Any] | Reply[Any] | Fault
Section: TypeAlias = Literal["header", "context", "body", "fault"]
Value: TypeAlias = str | tuple[str | None, ...] | None

SIGNED = frozenset({"requestSignature", "requestTimestamp"})
"""Elements that change with every attempt of a call."""


@frozen
class Difference:
    """One difference in meaning.

    *part* is the section of the message, *name* the place ("Email", "attribute FirstName", "attrType of FirstName",
    "status", "leadRecord[2]/Email" in a list). *old* and *new* are its text; None if absent, a tuple of all values if
    the name appears more than once. *private*: they may be secrets or personal data. The `repr` hides them.
    """

    part: Section
    name: str
    old: Value = field(repr=hidden)
    new: Value = field(repr=hidden)
    private: bool = True


def kind_of(message: Message) -> str:
    """Return the kind of a message: "request of syncLead", "reply to syncLead", "fault"."""
    if isinstance(message, Fault):
        return "fault"
    if isinstance(message, Reply):
        return f"reply to {message.operation_type.name}"
    return f"request of {message.operation.name}"


def differences(old: Message, new: Message, *, signed: bool) -> Iterator[Difference]:
    """Yield the differences in meaning; those of timestamp and signature only if *signed*."""
    if kind_of(old) != kind_of(new):
        yield Difference("body", "message", kind_of(old), kind_of(new), private=False)
    elif isinstance(old, Fault) and isinstance(new, Fault):
        yield from _of_faults(old, new)
    elif isinstance(old, Reply) and isinstance(new, Reply):
        yield from _of_records(old.operation_type.result_type, old.result, new.result, "body", "result")
    elif isinstance(old, Request) and isinstance(new, Request):
        for difference in _of_records(AuthenticationHeader, old.header, new.header, "header", "AuthenticationHeader"):
            if signed or difference.name not in SIGNED:
                yield difference
        yield from _of_records(MktowsContextHeader, old.context, new.context, "context", "MktowsContextHeader")
        yield from _of_records(type(old.operation), old.operation, new.operation, "body", "operation")


def _of_faults(old: Fault, new: Fault) -> Iterator[Difference]:
    names = ["faultcode", "faultstring", "name", "message", "code"]
    if old.faultstring != new.faultstring and _has_no_detail(old) and _has_no_detail(new):
        names = names[:2]  # message and code are derived from the same text
    for name in names:
        before, after = (_text(getattr(fault, name)) for fault in (old, new))
        yield from _of_texts("fault", name, before, after, private=name in ("faultstring", "message"))


def _has_no_detail(fault: Fault) -> bool:
    return fault.name is None and fault.faultstring in (fault.message, f"{fault.code} - {fault.message}")


def _of_records(
    cls: type[Any], old: Any, new: Any, part: Section, record: str, taken: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """Compare two records of one class, either of which may be absent (None).

    A name that is *taken* by an outer field is qualified by its record: "syncStatus/leadId".
    """
    names, same = taken | declared_by_name(cls).keys(), True
    for f in declared(cls):
        before, after = (None if side is None else getattr(side, f.name) for side in (old, new))
        for difference in _of_values(f, before, after, part, record, taken, names):
            same = False
            yield difference
    if same and (old is None) != (new is None):  # an empty record is not an absent one
        before, after = (None if side is None else "" for side in (old, new))
        yield from _of_texts(part, record, before, after, private=False)


def _of_values(
    f: Field, old: Any, new: Any, part: Section, record: str, taken: frozenset[str], names: frozenset[str]
) -> Iterator[Difference]:
    if f.is_list and f.type is Attribute and len(f.items) == 1:
        yield from _of_attributes(old or (), new or ())
    elif f.is_list and (f.items[1:] or is_record(f.type)):
        item = f.of_items()
        for number, (before, after) in enumerate(zip_longest(old or (), new or ()), 1):
            place = f"{item.el.name}[{number}]"
            for difference in _of_values(item, before, after, part, place, taken, frozenset()):
                is_inside = not difference.name.startswith(place)
                yield evolve(difference, name=f"{place}/{difference.name}") if is_inside else difference
    elif old is not None and new is not None and type(old) is not type(new) and f.choices:
        yield Difference(part, f.el.name, type(old).__name__, type(new).__name__, private=False)
    elif is_record(f.type):
        cls = type(new if old is None else old) if f.choices else f.type
        if old is not None or new is not None:
            yield from _of_records(cls, old, new, part, f.el.name if names else record, names)
    else:
        name = f"{record}/{f.el.name}" if f.el.name in taken or not names else f.el.name
        before, after = (_texts(side) if f.is_list else _text(side) for side in (old, new))
        yield from _of_texts(part, name, before, after, private=f.el.private is not None)


def _of_texts(part: Section, name: str, old: Value, new: Value, *, private: bool) -> Iterator[Difference]:
    if old != new:
        yield Difference(part, name, old, new, private)


def _of_attributes(old: Sequence[Attribute], new: Sequence[Attribute]) -> Iterator[Difference]:
    before, after = _by_name(old), _by_name(new)
    for name in before | after:
        sides = before.get(name, []), after.get(name, [])
        values = [tuple(attribute.value for attribute in side) for side in sides]
        types = [tuple(attribute.type for attribute in side) for side in sides]
        yield from _of_texts("body", f"attribute {name}", *_alone(*values), private=True)
        if len(types[0]) == len(types[1]):
            yield from _of_texts("body", f"attrType of {name}", *_alone(*types), private=False)


def _by_name(attributes: Sequence[Attribute]) -> dict[str, list[Attribute]]:
    found: dict[str, list[Attribute]] = {}
    for attribute in attributes:
        found.setdefault(attribute.name, []).append(attribute)
    return found


def _alone(old: tuple[str | None, ...], new: tuple[str | None, ...]) -> tuple[Value, Value]:
    """Return the values of a name: single values unless it appears twice."""
    if max(len(old), len(new)) > 1:
        return old or None, new or None
    return next(iter(old), None), next(iter(new), None)


def _texts(values: Sequence[Any] | None) -> Value:
    return None if values is None else tuple(_text(value) for value in values)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)
