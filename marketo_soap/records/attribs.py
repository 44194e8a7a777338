"""Name and value, as objects, tokens and channels have them; leads and activities have `Attribute` instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.lead import Value, wire_text
from marketo_soap.wire.checking import check_fields
from marketo_soap.wire.fields import El

__all__ = ["Attrib", "SyncOperationEnum"]


class SyncOperationEnum(StrEnum):
    """What a sync of objects may do: insert and update, insert only, update only."""

    UPSERT = "UPSERT"
    INSERT = "INSERT"
    UPDATE = "UPDATE"


@frozen
class Attrib:
    """A name and its value as text. The `repr` hides the value."""

    name: Annotated[str, El("name")]
    value: Annotated[str, El("value", private="value", may_be_empty=True)] = field(repr=hidden)

    __attrs_post_init__ = check_fields


def as_attribs(values: Sequence[Attrib] | Mapping[str, Value]) -> tuple[Attrib, ...]:
    """Return *values* as a tuple; a mapping gives names and values of any type that `Value` allows."""
    if isinstance(values, Mapping):
        return tuple(Attrib(name, wire_text(value, name)) for name, value in values.items())
    return tuple(values)
