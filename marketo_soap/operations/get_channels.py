"""getChannels: the channels of programs, with the statuses of their members."""

from __future__ import annotations

from typing import Annotated

from attrs import frozen

from marketo_soap.operations.base import Operation
from marketo_soap.records.tags import Tag, TagStatus
from marketo_soap.wire.fields import El

__all__ = ["GetChannels", "GetChannelsResult"]


@frozen
class GetChannelsResult:
    """The channels by name, each with its statuses by name."""

    tag_statuses: Annotated[tuple[TagStatus, ...], El("tags", item="tagStatus")]


@frozen
class GetChannels(Operation[GetChannelsResult]):
    """Return the channels, with the statuses that members of their programs can have.

    The values of *tag* are the names of the channels that are wanted; without it, all come. Its type does not count.
    A name that no channel has gives no channel and no fault. A read: repeating it is harmless.
    """

    tag: Annotated[Tag | None, El("tag")] = None

    @classmethod
    def summary(cls, result: GetChannelsResult) -> str:
        """Return how many channels came."""
        return f"{len(result.tag_statuses)} channel{'s' * (len(result.tag_statuses) != 1)}"
