"""getLeadActivity: what happened to one lead, newest first, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.operations.base import PagedOperation, Violation
from marketo_soap.records.activities import (
    ActivityRecord,
    ActivityTypeFilter,
    StreamPosition,
    broken_filter,
)
from marketo_soap.records.lead_keys import LeadKey
from marketo_soap.wire.fields import El

__all__ = ["GetLeadActivity", "LeadActivityList"]


@frozen
class LeadActivityList:
    """A page of activities, how many remain after it, and where the next page begins."""

    return_count: Annotated[int, El("returnCount")]
    remaining_count: Annotated[int, El("remainingCount")]
    new_start_position: Annotated[StreamPosition, El("newStartPosition")]
    activity_records: Annotated[
        tuple[ActivityRecord, ...], El("activityRecordList", item="activityRecord", nillable=True)
    ] = ()


@frozen
class GetLeadActivity(PagedOperation[LeadActivityList, ActivityRecord]):
    """Return the activities of one lead, the newest first, a page at a time; `client.iterate` walks all pages.

    *activity_filter* limits the types; without it all are returned. A page has *batch_size* activities, at most 100.
    The first page sets the upper bound of time: later activities do not move the pages. With several types,
    `remaining_count` may only say whether there are more. An unknown key is fault 20103, an unknown type 20107,
    included and excluded types at once 20110, a damaged *start_position* 20122. A read: repeating it is harmless.
    """

    reply_child = "leadActivityList"
    items_field: ClassVar[str] = "activity_records"
    item_name: ClassVar[tuple[str, str]] = "activity", "activities"
    position_field: ClassVar[str] = "start_position"

    lead_key: Annotated[LeadKey, El("leadKey", missing=20101)]
    activity_filter: Annotated[ActivityTypeFilter | None, El("activityFilter", nillable=True)] = field(
        default=None, kw_only=True
    )
    start_position: Annotated[StreamPosition | None, El("startPosition", nillable=True)] = field(
        default=None, kw_only=True
    )
    batch_size: Annotated[int | None, El("batchSize", nillable=True)] = field(default=None, kw_only=True)

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        yield from broken_filter(self.activity_filter, self.params_name)
