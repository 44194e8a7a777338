"""The log of activities over REST: its types, its pages from a point of time on, and changes of leads.

A lead without any activity, such as one that was seeded, counts as new when it was last written (chosen).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import evolve, frozen

from marketo_soap.sandbox.field_catalogue import RestField
from marketo_soap.sandbox.rest.activity_types import describe_types, number_of
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.find import read_fields
from marketo_soap.sandbox.rest.pages import page_size, read_token, required, write_token
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.values import utc
from marketo_soap.sandbox.store import selections
from marketo_soap.sandbox.store.activities import Activity, ActivityPlace, Wanted, from_ms, to_ms
from marketo_soap.sandbox.store.leads import Leads
from marketo_soap.sandbox.store.selections import Place, Selection

__all__ = ["activities", "activity_types", "lead_changes", "paging_token"]

_NEW_LEAD, _CHANGE = "New Lead", "Change Data Value"
_VALUES = ("Attribute Name", "Old Value", "New Value")
_MOST_TYPES, _MOST_LEADS = 10, 30
_AFTER_ALL = 2**62


@frozen
class _At:
    """Where a page ended: the time, whether that was at a lead without activities, and the id."""

    at_ms: int
    of_lead: int = 0
    id: int = 0

    @property
    def token(self) -> str:
        return write_token("since", self.at_ms, self.of_lead, self.id)


def activity_types(call: EndpointCall) -> RestResult:
    """Return the types of activities."""
    return RestResult(describe_types(call.leads.activities.types()))


def paging_token(call: EndpointCall) -> RestResult:
    """Return the token that starts at a time. Chosen: a time without an offset is UTC."""
    since = required(call.given, "sinceDatetime")
    try:
        time = datetime.fromisoformat(since.strip())
        return RestResult(next_page=_At(to_ms(time if time.tzinfo else time.replace(tzinfo=UTC))).token, more=False)
    except (ValueError, OverflowError):
        raise RestCallError("1003", "Invalid value for parameter 'sinceDatetime'") from None


def activities(call: EndpointCall) -> RestResult:
    """Return a page of activities, oldest first. Recorded: the token is always there, `moreResult` says if to go on."""
    leads, given = call.leads, call.given
    after, wanted = _wanted(call, "activityTypeIds")
    numbers = _numbers(given, "activityTypeIds", _MOST_TYPES)
    there = {number_of(name): name for name in leads.activities.types()}
    known = {each["id"] for each in describe_types(there.values())}
    for number in numbers:
        if number not in known:
            raise RestCallError("1003", f"Invalid activityTypeIds value '{number}'")
    wanted = evolve(wanted, types=[there[number] for number in numbers if number in there])
    size = page_size(given)
    found = leads.activities.page(wanted, size + 1)
    page = found[:size]
    end = _At(page[-1].at_ms, 0, page[-1].id) if page else after
    campaigns = _campaign_ids(leads, page)
    return RestResult([_shown(each, campaigns) for each in page], end.token, more=len(found) > size)


def lead_changes(call: EndpointCall) -> RestResult:
    """Return a page of new leads and of changes of the given fields, oldest first; it may be short."""
    leads = call.leads
    after, wanted = _wanted(call, "fields")
    fields, size = read_fields(call), page_size(call.given)
    logged = leads.activities.page(evolve(wanted, types=[_CHANGE, _NEW_LEAD]), size + 1)
    unlogged = leads.select(_unlogged(wanted, after), after=_place(after), limit=size + 1)
    rows = [(each.at_ms, 0, each.id, each) for each in logged]
    rows += [
        (at_ms, 1, lead.id, Activity(lead.id, at_ms, _NEW_LEAD, id=lead.id * 100 + 12))
        for lead in unlogged
        for at_ms in [leads.place_of(lead.id).updated_ms]
    ]
    rows.sort(key=lambda row: row[:3])
    page = rows[:size]
    end = _At(*page[-1][:3]) if page else after
    labels = {each.label: each for each in fields}
    changes = [each for *_, each in page if each.type == _NEW_LEAD or each.asset in labels]
    campaigns = _campaign_ids(leads, changes)
    return RestResult([_change(each, labels, campaigns) for each in changes], end.token, more=len(rows) > size)


def _wanted(call: EndpointCall, also: str) -> tuple[_At, Wanted]:
    """Read where a page begins, and of which leads it is."""
    given = call.given
    after = _At(*read_token(required(given, "nextPageToken", also), "since", 3))
    list_id = next(iter(_numbers(given, "listId", 1)), None)
    if list_id is not None and not call.leads.lists.exists(list_id):
        raise RestCallError("1013", f"List with id {list_id} not found")
    place = ActivityPlace(after.at_ms, _AFTER_ALL if after.of_lead else after.id)
    ids = _numbers(given, "leadIds", _MOST_LEADS) if given.get("leadIds") else None
    return after, Wanted(leads=ids, list_id=list_id, known=not call.settings.rest_shows_anonymous, after=place)


def _numbers(given: Mapping[str, str], name: str, most: int) -> Sequence[int]:
    texts = [text.strip() for text in given.get(name, "").split(",") if text.strip()]
    if not all(re.fullmatch("[0-9]{1,10}", text) for text in texts):
        raise RestCallError("1001", f"Invalid value for parameter '{name}'. Required of type 'integer'")
    if len(texts) > most:
        raise RestCallError("1003", f"{name} holds at most {most} values")
    return [int(text) for text in dict.fromkeys(texts)]


def _unlogged(wanted: Wanted, after: _At) -> Selection:
    conditions, values = ["NOT EXISTS (SELECT 1 FROM activity WHERE lead_id = lead.id)"], list[object]()
    if wanted.known:
        conditions.append("NOT anonymous")
    if wanted.leads is not None:
        part = selections.by_ids(wanted.leads)
        conditions.append(part.condition)
        values += part.values
    if wanted.list_id is not None:
        conditions.append("id IN (SELECT lead_id FROM list_member WHERE list_id = ?)")
        values.append(wanted.list_id)
    return Selection(" AND ".join(conditions), tuple(values), since=after.at_ms)


def _place(after: _At) -> Place | None:
    return Place(after.id, after.at_ms) if after.of_lead else None


def _campaign_ids(leads: Leads, activities: Iterable[Activity]) -> dict[str, int]:
    """Return the ids of the campaigns that activities name, by those names."""
    full_name = "CASE program WHEN '' THEN name ELSE program || '.' || name END = ?"
    names = {each.campaign for each in activities if each.campaign}
    return {name: found.id for name in names for found in leads.campaigns.select(full_name, (name,), limit=1)}


def _shown(activity: Activity, campaigns: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": activity.id,
        "marketoGUID": str(activity.id),
        "leadId": activity.lead_id,
        "activityDate": utc(from_ms(activity.at_ms).isoformat()),
        "activityTypeId": number_of(activity.type),
        **({"primaryAttributeValue": activity.asset} if activity.asset else {}),
        **({"campaignId": campaigns[activity.campaign]} if activity.campaign in campaigns else {}),
        "attributes": _attributes(activity.attributes.items()),
    }


def _change(activity: Activity, labels: Mapping[str, RestField], campaigns: Mapping[str, int]) -> dict[str, Any]:
    """Show a change. Recorded: the values stand in `fields`, the rest of the details in `attributes`."""
    shown, details = _shown(activity, campaigns), activity.attributes
    shown.pop("primaryAttributeValue", None)
    fields = []
    if activity.type == _CHANGE:
        old, new = (details.get(name) or None for name in ("Old Value", "New Value"))
        fields.append({"id": 1, "name": labels[activity.asset].name, "newValue": new, "oldValue": old})
        details = {name: value for name, value in details.items() if name not in _VALUES}
    return {**shown, "fields": fields, "attributes": _attributes(details.items())}


def _attributes(details: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in details]
