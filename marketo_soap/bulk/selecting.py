"""Which calls fetch the leads that a selector names, however many they are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from attrs import evolve, frozen

from marketo_soap.operations.get_multiple_leads import GetMultipleLeads, GetMultipleLeadsResult
from marketo_soap.records.lead import LeadRecord
from marketo_soap.records.lead_keys import (
    LONGEST_SPAN,
    MOST_KEYS,
    LastUpdateAtSelector,
    LeadKeySelector,
    LeadSelector,
)

__all__ = ["MOST_LEADS", "LeadPage", "PagePlace", "lead_pages", "operations_for"]

MOST_LEADS = 1000
"""How many leads a page of getMultipleLeads has at most."""


@frozen
class PagePlace:
    """Where a walk goes on: at which of its *operations*, and at which stream position of it."""

    operation: int = 0
    position: str | None = None


@frozen
class LeadPage:
    """The leads of one page, and the place of the next one."""

    leads: tuple[LeadRecord, ...]
    following: PagePlace


def operations_for(
    selector: LeadSelector, now: datetime, *, attributes: Sequence[str] = (), page_size: int = MOST_LEADS
) -> Sequence[GetMultipleLeads]:
    """Return the calls for the leads that *selector* names.

    Keys are split to 100 in a call, and a time range to the 30 days that the server takes. Its open end is *now*.
    Email is asked for beside any *attributes*: without that, the server leaves it nil (recorded).
    """
    wanted = tuple(dict.fromkeys([*attributes, "Email"])) if attributes else ()
    return [GetMultipleLeads(part, batch_size=page_size, include_attributes=wanted) for part in _parts(selector, now)]


def _parts(selector: LeadSelector, now: datetime) -> Iterator[LeadSelector]:
    if isinstance(selector, LeadKeySelector):
        keys = list(dict.fromkeys(selector.key_values))
        for first in range(0, len(keys), MOST_KEYS):
            yield LeadKeySelector(selector.key_type, keys[first : first + MOST_KEYS])
    elif isinstance(selector, LastUpdateAtSelector):
        yield from _spans(*selector.bounds(now))
    else:
        yield selector


def _spans(oldest: datetime, latest: datetime) -> Iterator[LastUpdateAtSelector]:
    """Yield time ranges that the server takes. Both ends are part of a range: a lead between two may come twice."""
    while latest - oldest > LONGEST_SPAN:
        yield LastUpdateAtSelector(oldest_updated_at=oldest, latest_updated_at=oldest + LONGEST_SPAN)
        oldest += LONGEST_SPAN
    yield LastUpdateAtSelector(oldest_updated_at=oldest, latest_updated_at=latest)


def lead_pages(
    operations: Sequence[GetMultipleLeads],
    pages: Callable[[GetMultipleLeads], Iterator[GetMultipleLeadsResult]],
    place: PagePlace = PagePlace(),
) -> Iterator[LeadPage]:
    """Yield the pages of *operations* from *place* on. *pages* walks through those of one: `client.pages`."""
    for number in range(place.operation, len(operations)):
        operation = operations[number]
        if number == place.operation and place.position is not None:
            operation = evolve(operation, stream_position=place.position)
        for result in pages(operation):
            at_end = operation.next_page(result) is None
            following = PagePlace(number + 1) if at_end else PagePlace(number, result.new_stream_position)
            yield LeadPage(result.lead_records, following)
