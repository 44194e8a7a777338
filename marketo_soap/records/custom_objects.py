"""Custom objects, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, TypeAlias

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.lead import Attribute, Value, as_attributes
from marketo_soap.wire.checking import Violation, check_fields
from marketo_soap.wire.fields import El

__all__ = ["CustomObj", "SyncCustomObjStatus", "SyncStatusEnum"]

MOST_OBJECTS = 100

KeyList: TypeAlias = Mapping[str, Value] | Sequence[Attribute]


class SyncStatusEnum(StrEnum):
    """The outcome for one object. The server also answered `UNCHANGED` and `SKIPPED`, which are kept as text."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    FAILED = "FAILED"


@frozen
class CustomObj:
    """A custom object: the attributes that are its key, and the others.

    Both are mappings of names to values, or lists of `Attribute`. A key may have several parts: the link to a lead
    (`MKTOID`) and a key of its own.
    """

    custom_obj_keys: Annotated[tuple[Attribute, ...], El("customObjKeyList", item="attribute", nillable=True)] = field(
        default=(), converter=as_attributes
    )
    custom_obj_attributes: Annotated[
        tuple[Attribute, ...], El("customObjAttributeList", item="attribute", nillable=True)
    ] = field(default=(), converter=as_attributes)

    __attrs_post_init__ = check_fields


@frozen
class SyncCustomObjStatus:
    """The outcome for one object: its type, its key, the status (text if unknown), the reason of a failure."""

    obj_type_name: Annotated[str, El("objTypeName")]
    custom_obj_keys: Annotated[tuple[Attribute, ...], El("customObjKeyList", item="attribute", nillable=True)] = field(
        default=(), converter=as_attributes, kw_only=True
    )
    status: Annotated[SyncStatusEnum | str, El("status")]
    error: Annotated[str | None, El("error", nillable=True, private="text")] = field(default=None, repr=hidden)


def as_key_lists(given: Iterable[KeyList]) -> tuple[tuple[Attribute, ...], ...]:
    """Return the keys of several objects, each a mapping or a list of `Attribute`; a converter."""
    if isinstance(given, str | bytes | Mapping):
        raise TypeError(f"a list of keys is expected, not {type(given).__name__}")
    return tuple([as_attributes(each) for each in given])


def broken_keys(keys: Sequence[Sequence[Attribute]], path: str) -> Iterable[Violation]:
    """Yield what is wrong with the keys of a call's objects: too many, too few, or one without attributes.

    Chosen: more than 100 objects are a fault.
    """
    if not keys:
        yield Violation(20110, path, "there is no object: give one")
    for number, key in enumerate(keys, 1):
        if not key:
            yield Violation(20109, f"{path}[{number}]", f"object {number} has no key: give the attributes of its key")


def unknown(names: Iterable[str]) -> str:
    """Return the recorded text for names that the type of an object does not have."""
    return f"Unknown name attribute list: {', '.join(dict.fromkeys(names))}"
