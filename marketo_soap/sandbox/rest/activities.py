"""Changes of leads, as REST reports them. There is no log of activities: they are derived from the leads' times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from attrs import frozen

from marketo_soap.sandbox.field_catalogue import Catalogue, RestField
from marketo_soap.sandbox.rest.find import page_size, read_fields, read_token, value_of, write_token
from marketo_soap.sandbox.rest.replies import Reply, RestError
from marketo_soap.sandbox.rest.sync import visible
from marketo_soap.sandbox.rest.values import shown, utc
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import Leads, StoredLead

__all__ = ["Changes", "lead_changes", "paging_token", "read_changes"]

NEW_LEAD = 12
CHANGE_DATA_VALUE = 13

Place: TypeAlias = tuple[datetime, int, int]
"""Where a change is in their order: its time, its lead, its type."""


@frozen
class Changes:
    """A query: a page of *size* of the changes after the place *after*, with these *fields*."""

    fields: Sequence[RestField]
    size: int
    after: Place


def paging_token(since: str | None) -> Reply:
    """Return the token that starts at a time. Chosen: a time without an offset is UTC."""
    if not since:
        raise RestError("1002", "Missing value for required parameter 'sinceDatetime'")
    try:
        return Reply(next_page=_token((_time(since), 0, 0)), more=False)
    except (ValueError, OverflowError):
        raise RestError("1003", "Invalid value for parameter 'sinceDatetime'") from None


def read_changes(given: Mapping[str, str], catalogue: Catalogue) -> Changes:
    """Read a query from its parameters; `leadIds` and `listId` are ignored (chosen)."""
    for name in ("nextPageToken", "fields"):
        if not given.get(name):
            raise RestError("1002", f"Missing value for required parameter '{name}'")
    time, lead_id, kind = read_token(given["nextPageToken"], "since", 3)
    try:
        after = _time(time), int(lead_id), int(kind)
    except (ValueError, OverflowError):
        raise RestError("1003", "Invalid nextPageToken") from None
    return Changes(read_fields(given, catalogue), page_size(given), after)


def lead_changes(leads: Leads, query: Changes, settings: Settings) -> Reply:
    """Return a page of changes, oldest first. Recorded: the token is always there, `moreResult` says if to go on.

    Chosen: a lead has its creation and its last change; that names the fields that have a value now.
    """
    places = ((place, lead) for lead in leads.all() if visible(lead, settings) for place in _places(lead))
    found = sorted(((place, lead) for place, lead in places if place > query.after), key=lambda each: each[0])
    page = found[: query.size]
    changes = [_change(leads, lead, place, query.fields, settings) for place, lead in page]
    return Reply(changes, _token(page[-1][0] if page else query.after), more=len(found) > len(page))


def _places(lead: StoredLead) -> Iterator[Place]:
    yield _time(lead.created_at), lead.id, NEW_LEAD
    if lead.updated_at != lead.created_at:
        yield _time(lead.updated_at), lead.id, CHANGE_DATA_VALUE


def _change(
    leads: Leads, lead: StoredLead, place: Place, fields: Sequence[RestField], settings: Settings
) -> dict[str, Any]:
    time, lead_id, kind = place
    values = [(each, value_of(leads, lead, each, settings)) for each in fields] if kind == CHANGE_DATA_VALUE else []
    return {
        "id": lead_id * 100 + kind,
        "marketoGUID": str(lead_id * 100 + kind),
        "leadId": lead_id,
        "activityDate": utc(time.isoformat()),
        "activityTypeId": kind,
        "fields": [
            {"id": number, "name": each.name, "newValue": shown(value), "oldValue": None}
            for number, (each, value) in enumerate(values, 1)
            if value is not None
        ],
        "attributes": [],
    }


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text.strip())
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _token(place: Place) -> str:
    time, lead_id, kind = place
    return write_token("since", time.isoformat(), lead_id, kind)
