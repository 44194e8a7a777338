"""getMultipleLeads: the leads that a selector names, in pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from attrs import evolve, field, frozen

from marketo_soap.operations.base import BatchOperation, PagedOperation, Violation
from marketo_soap.records.lead import LeadRecord
from marketo_soap.records.lead_keys import (
    MOST_KEYS,
    LastUpdateAtSelector,
    LeadKeyRef,
    LeadKeySelector,
    StaticListSelector,
    broken_selector,
)
from marketo_soap.wire.checking import as_texts
from marketo_soap.wire.fields import El

__all__ = ["GetMultipleLeads", "GetMultipleLeadsResult"]


@frozen
class GetMultipleLeadsResult:
    """A page of leads, and how many remain after it. The position is the server's own text: give it back as it is."""

    return_count: Annotated[int, El("returnCount")]
    remaining_count: Annotated[int, El("remainingCount")]
    new_stream_position: Annotated[str, El("newStreamPosition")]
    lead_records: Annotated[tuple[LeadRecord, ...], El("leadRecordList", item="leadRecord", nillable=True)] = ()


@frozen
class GetMultipleLeads(
    PagedOperation[GetMultipleLeadsResult, LeadRecord],
    BatchOperation[GetMultipleLeadsResult, tuple[LeadRecord, ...]],
):
    """Return the leads that a selector names, a page at a time; `client.iterate` walks all pages.

    *batch_size* is the size of a page, at most 1,000; the server ignored it with a `LeadKeySelector`.
    *include_attributes* limits the fields, which makes the call faster; Email may be nil unless it is among them.
    *last_updated_at* replaces a selector and is deprecated. Keys and list names that match nothing give no
    lead and no fault; a list id that does not exist is a fault. A span of more than 30 days is fault 20022, a
    damaged *stream_position* 20122. A read: repeating it is harmless.
    """

    batch_limit: ClassVar[int | None] = MOST_KEYS
    batch_field: ClassVar[str] = "lead_selector.key_values"
    excess_ignored: ClassVar[bool] = True
    items_field: ClassVar[str] = "lead_records"
    item_name: ClassVar[tuple[str, str]] = "lead", "leads"

    lead_selector: Annotated[LeadKeySelector | StaticListSelector | LastUpdateAtSelector | None, El("leadSelector")] = (
        None
    )
    last_updated_at: Annotated[datetime | None, El("lastUpdatedAt")] = field(default=None, kw_only=True)
    stream_position: Annotated[str | None, El("streamPosition", nillable=True)] = field(default=None, kw_only=True)
    batch_size: Annotated[int | None, El("batchSize", nillable=True)] = field(default=None, kw_only=True)
    include_attributes: Annotated[tuple[str, ...], El("includeAttributes", item="stringItem")] = field(
        default=(), kw_only=True, converter=as_texts
    )

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        selector, path = self.lead_selector, "paramsGetMultipleLeads/leadSelector"
        if selector is None and self.last_updated_at is None:
            # Recorded: the server answered this with 10001, not with a code of its own.
            yield Violation(10001, path, "No selection criteria found in request: give a leadSelector")
        yield from broken_selector(selector, path)

    def limited(self, record: LeadRecord, *, with_email: bool = False) -> LeadRecord:
        """Return a lead as this call asks for it: with *include_attributes* alone, if there are any.

        Recorded: Email is nil then unless it is asked for; *with_email* shows it all the same.
        """
        wanted = set(self.include_attributes)
        if not wanted:
            return record
        attributes = [attribute for attribute in record.attributes if attribute.name in wanted]
        email = record.email if with_email or "Email" in wanted else None
        return evolve(record, email=email, attributes=attributes)

    def statuses(self, results: Sequence[GetMultipleLeadsResult]) -> Sequence[tuple[LeadRecord, ...] | None]:
        """Return the leads of each key, found by Id or Email. Replies do not show keys of other types."""
        assert isinstance(self.lead_selector, LeadKeySelector)
        found: dict[str, list[LeadRecord]] = {}
        by_id = self.lead_selector.key_type == LeadKeyRef.IDNUM
        for record in (each for result in results for each in result.lead_records):
            found.setdefault(str(record.id) if by_id else (record.email or "").lower(), []).append(record)
        keys = [key.strip().lower() for key in self.lead_selector.key_values]
        if not by_id and (self.lead_selector.key_type != LeadKeyRef.EMAIL or "" in found):
            return [None] * len(keys)
        return [tuple(found.get(key.lstrip("0") if by_id else key, ())) for key in keys]
