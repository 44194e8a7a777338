"""getTags: the types of tags and their values."""

from __future__ import annotations

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
