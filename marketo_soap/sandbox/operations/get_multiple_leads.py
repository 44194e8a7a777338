"""getMultipleLeads in the sandbox: leads by a selector, in pages."""

from __future__ import annotations

import re

from marketo_soap.errors import fault
from marketo_soap.operations.base import is_first_page
from marketo_soap.operations.get_multiple_leads import GetMultipleLeads, GetMultipleLeadsResult
from marketo_soap.records.lead_keys import (
    MOST_KEYS,
    LastUpdateAtSelector,
    LeadKeySelector,
    StaticListSelector,
)
from marketo_soap.sandbox.operations.lead_keys import check_span, leads_of, list_id_of
from marketo_soap.sandbox.operations.outcome import Outcome, World, record_of
from marketo_soap.sandbox.store import selections
from marketo_soap.sandbox.store.selections import Place, Selection

__all__ = ["get_multiple_leads", "place_of"]

_PAGE = 100
_POSITION = re.compile("id:([0-9]{1,18}):ts:([0-9]{1,18}):os:([0-9]{1,18}):rc:([0-9]{1,18})")


def get_multiple_leads(call: GetMultipleLeads, world: World) -> Outcome:
    """Return one page of the leads that the selector names. Raises 20022, 20111 and 20122."""
    key, selection = _selected(call, world)
    # Recorded: batchSize has no effect on a LeadKeySelector.
    size = None if isinstance(call.lead_selector, LeadKeySelector) else call.batch_size
    limit = min(size or _PAGE, world.settings.largest_page)
    last_id, updated_ms, before, counted = place_of(call.stream_position)
    after = Place(last_id, updated_ms) if before else None
    found = world.leads.select(selection, after=after, limit=limit + 1)
    page, position, remaining = found[:limit], "", 0  # as in the vendor's sample, when nothing remains
    if len(found) > limit:
        last = world.leads.place_of(page[-1].id)
        total = world.leads.count_of(selection) if after is None else counted
        remaining = max(1, total - limit)
        position = f"id:{last.id}:ts:{last.updated_ms}:os:{before + limit}:rc:{remaining}"
    shown = world.settings.email_unasked
    records = tuple(call.limited(record_of(lead, world.settings), with_email=shown) for lead in page)
    return Outcome(GetMultipleLeadsResult(len(page), remaining, position, records), key)


def _selected(call: GetMultipleLeads, world: World) -> tuple[str | None, Selection]:
    """Return the kind of the selector, as the journal shows it, and its leads."""
    selector = call.lead_selector
    if selector is None and call.last_updated_at is not None:
        selector = LastUpdateAtSelector(call.last_updated_at)
    match selector:
        case LeadKeySelector():
            # Recorded: keys after the hundredth are ignored.
            return selector.key_type, leads_of(selector.key_type, selector.key_values[:MOST_KEYS], world.settings)
        case StaticListSelector():
            return "static list", selections.by_list(list_id_of(selector, world))
        case LastUpdateAtSelector():
            check_span(selector, world)
            return "time of update", selections.by_update(*selector.bounds(world.now))
        case None:
            raise fault(10001, "No selection criteria found in request")


def place_of(position: str | None) -> tuple[int, int, int, int]:
    """Return the id and the time that the page before ended with, how many came up to there, and how many remained."""
    if is_first_page(position):
        return 0, 0, 0, 0
    found = _POSITION.fullmatch((position or "").strip())
    if found is None:
        raise fault(20122)
    last, time, before, remaining = map(int, found.groups())
    return last, time, before, remaining
