"""getTags: the types of tags and their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from attrs import frozen

from marketo_soap.operations.base import Operation
from marketo_soap.records.tags import Tag
from marketo_soap.wire.fields import El

__all__ = ["GetTags", "GetTagsResult"]


@frozen
class GetTagsResult:
    """The types of tags, each with its values."""

    tags: Annotated[tuple[Tag, ...], El("tagList", item="tag")]


@frozen
class GetTags(Operation[GetTagsResult]):
    """Return the types of tags, other than channels, and the values of each.

    Each of *tags* asks for a type, and for those of its values that are named (none: all of them). Without them, all
    types come. A type or value that is unknown gives nothing and no fault. A read: repeating it is harmless.
    """

    tags: Annotated[tuple[Tag, ...], El("tagList", item="tag")] = ()

    @classmethod
    def summary(cls, result: GetTagsResult) -> str:
        """Return how many types came."""
        return f"{len(result.tags)} type{'s' * (len(result.tags) != 1)} of tags"


def chosen_tags(known: Iterable[Tag], wanted: Sequence[Tag]) -> tuple[Tag, ...]:
    """Return those of the *known* types of tags that a call asks for, with those of their values. Channels are none."""
    found = []
    for tag in known:
        asked = [each for each in wanted if each.type in (None, tag.type)]
        names = {name for each in asked for name in each.values}
        whole = not wanted or any(not each.values for each in asked)
        values = tag.values if whole else tuple(name for name in tag.values if name in names)
        if (whole or values) and (tag.type or "").lower() != "channel":
            found.append(Tag(tag.type, values))
    return tuple(found)
