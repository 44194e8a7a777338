"""Tags of programs, and the statuses that a channel gives to its members."""

from __future__ import annotations

from typing import Annotated

from attrs import field, frozen

from marketo_soap.records.attribs import Attrib, as_attribs
from marketo_soap.wire.checking import as_texts, check_fields
from marketo_soap.wire.fields import El

__all__ = ["ProgressionStatus", "Tag", "TagStatus"]


@frozen
class Tag:
    """A type of tags and its values. As a filter, both may be left out: no type is any type, no values are all."""

    type: Annotated[str | None, El("type")] = None
    values: Annotated[tuple[str, ...], El("values", item="stringItem")] = field(default=(), converter=as_texts)

    __attrs_post_init__ = check_fields


@frozen
class ProgressionStatus:
    """One status of a channel as names and values: `Status`, `Step`, `Success`, and others that depend on it."""

    attribs: Annotated[tuple[Attrib, ...], El("progressionStatus", item="attrib")] = field(
        default=(), converter=as_attribs
    )

    __attrs_post_init__ = check_fields

    def get(self, name: str) -> str | None:
        """Return the value with this name; None if there is none."""
        return next((each.value for each in self.attribs if each.name == name), None)


@frozen
class TagStatus:
    """A channel: its name, and the statuses that members of its programs can have."""

    tag_value: Annotated[str, El("tagValue")]
    statuses: Annotated[tuple[ProgressionStatus, ...], El("statusList", item="progressionStatusItem")]

    __attrs_post_init__ = check_fields
