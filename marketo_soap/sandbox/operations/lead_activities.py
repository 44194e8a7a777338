"""getLeadActivity and getLeadChanges in the sandbox: the log of one lead, and that of all or of some."""

from __future__ import annotations

import re
from datetime import datetime

from attrs import evolve

from marketo_soap.calls.limits import central
from marketo_soap.errors import fault
from marketo_soap.operations.base import is_first_page
from marketo_soap.operations.get_lead_activity import GetLeadActivity, LeadActivityList
from marketo_soap.operations.get_lead_changes import GetLeadChanges, GetLeadChangesResult
from marketo_soap.records.activities import LeadChangeRecord, StreamPosition, TypesWanted
from marketo_soap.records.lead_keys import LastUpdateAtSelector, LeadKeySelector, StaticListSelector, aware
from marketo_soap.sandbox.operations.lead_keys import check_span, leads_named, leads_of, list_id_of
from marketo_soap.sandbox.operations.outcome import Outcome, World, activity_as, activity_record
from marketo_soap.sandbox.store.activities import Activity, ActivityPlace, Wanted, to_ms

__all__ = ["get_lead_activity", "get_lead_changes"]

_USUAL, _MOST_OF_A_LEAD, _MOST_CHANGES = 100, 100, 1000  # records of a page; the usual number is chosen
_OFFSET = re.compile("ID:([0-9]{1,18})")


def get_lead_activity(call: GetLeadActivity, world: World) -> Outcome:
    """Return a page of the log of the lead that a key names, of several the newest (chosen). Raises 20103 and 20122."""
    lead = leads_named(call.lead_key, world)[0]
    position = call.start_position or StreamPosition()
    latest = position.latest_created_at or _text(world.now)
    wanted = _wanted(position, TypesWanted.of(call.activity_filter), world)
    wanted = evolve(wanted, leads=[lead.id], until_ms=_ms(latest), newest_first=True)
    page, remaining = _page(wanted, min(_MOST_OF_A_LEAD, call.batch_size or _USUAL), world)
    following = StreamPosition(latest, position.oldest_created_at or None, None, _offset(page, position))
    records = tuple(activity_record(each) for each in page)
    return Outcome(LeadActivityList(len(page), remaining, following, records), call.lead_key.key_type, lead.id)


def get_lead_changes(call: GetLeadChanges, world: World) -> Outcome:
    """Return a page of the log of the leads that are not anonymous (chosen). Raises 20022, 20111 and 20122.

    Recorded: the position after the last page has an upper bound, which callers take as the next lower one.
    """
    position, selector, kind = call.start_position, call.lead_selector, "time"
    wanted = _wanted(position, TypesWanted.of(call.activity_filter, call.activity_name_filter), world)
    latest = position.latest_created_at or ""
    match selector:
        case LeadKeySelector():
            kind = str(selector.key_type)
            leads = world.leads.select(leads_of(selector.key_type, selector.key_values, world.settings))
            wanted = evolve(wanted, leads=[lead.id for lead in leads])
        case StaticListSelector():
            kind = "static list"
            wanted = evolve(wanted, list_id=list_id_of(selector, world))
        case LastUpdateAtSelector():
            check_span(selector, world)
            wanted = evolve(wanted, since_ms=to_ms(aware(selector.oldest_updated_at)))
            latest = latest or (_text(selector.latest_updated_at) if selector.latest_updated_at else "")
    wanted = evolve(wanted, known=True, until_ms=_ms(latest) if latest else to_ms(world.now))
    page, remaining = _page(wanted, min(_MOST_CHANGES, call.batch_size or _USUAL), world)
    end = latest or (None if remaining else _text(world.now))
    following = StreamPosition(end, position.oldest_created_at or None, None, _offset(page, position))
    records = tuple(activity_as(LeadChangeRecord, each, each.campaign or None) for each in page)
    return Outcome(GetLeadChangesResult(len(page), remaining, following, records), kind)


def _wanted(position: StreamPosition, types: TypesWanted, world: World) -> Wanted:
    """Return what a position and a filter of types mean. Chosen: `activityCreatedAt` is a lower bound too."""
    names = None
    if types.included is not None:
        names = sorted(types.included - types.excluded)
    elif types.excluded:
        names = [name for name in world.leads.activities.types() if name in types]
    oldest = position.oldest_created_at or position.activity_created_at
    return Wanted(names, since_ms=_ms(oldest) if oldest else None, after=_place(position, world))


def _place(position: StreamPosition, world: World) -> ActivityPlace | None:
    """Return where the page before ended. Recorded: callers gave the offset alone."""
    if is_first_page(position.offset):
        return None
    found = _OFFSET.fullmatch((position.offset or "").strip())
    last = world.leads.activities.get(int(found[1])) if found is not None else None
    if last is None:
        raise fault(20122)
    return ActivityPlace(last.at_ms, last.id)


def _page(wanted: Wanted, size: int, world: World) -> tuple[list[Activity], int]:
    """Return a page and how many activities remain after it."""
    page = world.leads.activities.page(wanted, size)
    if not page and wanted.after is not None and world.settings.stream_end == "fault":
        raise fault(20123)
    if len(page) < size:
        return page, 0
    return page, world.leads.activities.count_of(evolve(wanted, after=ActivityPlace(page[-1].at_ms, page[-1].id)))


def _offset(page: list[Activity], before: StreamPosition) -> str | None:
    return f"ID:{page[-1].id}" if page else before.offset or None


def _text(time: datetime) -> str:
    """Return a time as positions hold it. Chosen: with milliseconds where there are any, so that none is lost."""
    local = central(time)
    return local.isoformat(timespec="milliseconds" if local.microsecond >= 1000 else "seconds")


def _ms(text: str) -> int:
    try:
        return to_ms(aware(datetime.fromisoformat(text.strip())))
    except (ValueError, OverflowError):
        raise fault(20122) from None
