"""getLeadChanges: what happened to all leads, or to selected ones, oldest first, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.operations.base import PagedOperation, Violation
from marketo_soap.records.activities import (
    ActivityTypeFilter,
    LeadChangeRecord,
    StreamPosition,
    broken_filter,
)
from marketo_soap.records.lead_keys import (
    MOST_KEYS,
    LastUpdateAtSelector,
    LeadKeySelector,
    StaticListSelector,
    broken_selector,
)
from marketo_soap.wire.checking import as_texts
from marketo_soap.wire.fields import El

__all__ = ["GetLeadChanges", "GetLeadChangesResult"]


@frozen
class GetLeadChangesResult:
    """A page of activities, how many remain after it, and where the next page begins.

    The position of the last page has a `latest_created_at`: the next run may take it as its `oldest_created_at`.
    """

    return_count: Annotated[int, El("returnCount")]
    remaining_count: Annotated[int, El("remainingCount")]
    new_start_position: Annotated[StreamPosition, El("newStartPosition")]
    lead_change_records: Annotated[
        tuple[LeadChangeRecord, ...], El("leadChangeRecordList", item="leadChangeRecord", nillable=True)
    ] = ()


@frozen
class GetLeadChanges(PagedOperation[GetLeadChangesResult, LeadChangeRecord]):
    """Return the activities of all leads, the oldest first, a page at a time; `client.iterate` walks all pages.

    Give the first page a `StreamPosition` with *oldest_created_at*. *activity_filter* limits the types, and
    *lead_selector* the leads: by at most 100 keys, by a static list, or by a span of at most 30 days, whose ends bound
    the time of the activities. *activity_name_filter* names types as replies do (`Visit Webpage`), in place of the
    filter's included types; WSDL 2_2 does not have it. A page has *batch_size* activities, at most 1,000.

    More keys, and included and excluded types at once, are fault 20110, an unknown type 20107, a longer span 20022, an
    unknown list id 20111, a damaged *start_position* 20122. A read: repeating it is harmless.
    """

    items_field: ClassVar[str] = "lead_change_records"
    item_name: ClassVar[tuple[str, str]] = "activity", "activities"
    position_field: ClassVar[str] = "start_position"

    start_position: Annotated[StreamPosition, El("startPosition")]
    activity_filter: Annotated[ActivityTypeFilter | None, El("activityFilter", nillable=True)] = field(
        default=None, kw_only=True
    )
    activity_name_filter: Annotated[
        tuple[str, ...], El("activityNameFilter", item="stringItem", nillable=True, later=True)
    ] = field(default=(), kw_only=True, converter=as_texts)
    batch_size: Annotated[int | None, El("batchSize", nillable=True)] = field(default=None, kw_only=True)
    lead_selector: Annotated[LeadKeySelector | StaticListSelector | LastUpdateAtSelector | None, El("leadSelector")] = (
        field(default=None, kw_only=True)
    )

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        yield from broken_filter(self.activity_filter, self.params_name, self.activity_name_filter)
        path, selector = f"{self.params_name}/leadSelector", self.lead_selector
        yield from broken_selector(selector, path)
        if isinstance(selector, LeadKeySelector) and len(selector.key_values) > MOST_KEYS:
            yield Violation(20110, f"{path}/keyValues", f"keyValues holds at most {MOST_KEYS} keys: make several calls")
