"""getLeadActivity and getLeadChanges over REST: activities by groups of types and leads, merged by time. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from zlib import crc32

from attrs import evolve

from marketo_soap.bridge.leads import fields_of
from marketo_soap.bridge.lookup import BEGINNING, cached, find_leads, lead_id_of, list_id_of, time_of, token_since
from marketo_soap.bridge.names import Names, NameSource, names_from, squeezed
from marketo_soap.bridge.operations.campaigns import campaign_names
from marketo_soap.bridge.rest import in_batches
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Note, Translation
from marketo_soap.bridge.streams import Stream, merged, place_of, streams_at
from marketo_soap.bridge.values import text_value
from marketo_soap.calls.limits import central
from marketo_soap.errors import fault
from marketo_soap.operations.base import is_first_page
from marketo_soap.operations.get_lead_activity import GetLeadActivity, LeadActivityList
from marketo_soap.operations.get_lead_changes import GetLeadChanges, GetLeadChangesResult
from marketo_soap.records.activities import ActivityRecord, LeadChangeRecord, StreamPosition, TypesWanted
from marketo_soap.records.lead import Attribute
from marketo_soap.records.lead_keys import LastUpdateAtSelector, LeadKeySelector, StaticListSelector, aware
from marketo_soap.wire.values import INT_MAX

__all__ = ["get_lead_activity", "get_lead_changes"]

RecordT = TypeVar("RecordT", ActivityRecord, LeadChangeRecord)

_ACTIVITIES = "/rest/v1/activities"
_CHANGES = ("New Lead", "Change Data Value")  # their values are in a resource of their own
_MOST_TYPES, _MOST_LEADS = 10, 30
_USUAL, _MOST_OF_A_LEAD, _MOST_CHANGES = 100, 100, 1000  # records of a page


def get_lead_activity(
    call: GetLeadActivity, settings: BridgeSettings, names: NameSource
) -> Translation[LeadActivityList]:
    """Return a page of a lead's activities, newest first: REST begins with the oldest, so it is read to its end."""
    key = call.lead_key
    position = call.start_position or StreamPosition()
    found = yield from find_leads(key.key_type, [key.key_value], "id", settings)
    if not found:
        raise fault(20103, f"No lead found with {key.key_type} = {key.key_value}")
    lead_id = lead_id_of(found[-1]["id"]) or 0
    log = yield from _Log.of(TypesWanted.of(call.activity_filter), settings, names)
    since = _time(position.oldest_created_at or position.activity_created_at) or BEGINNING
    latest = _time(position.latest_created_at)
    streams = yield from log.since(since, [{"leadIds": str(lead_id)}], settings)
    result = yield from merged(streams, None, settings, until=latest)
    records = [*log.single(result.records)][::-1]
    start = _after(records, position.offset)
    size = min(_MOST_OF_A_LEAD, call.batch_size or _USUAL)
    page = records[start : start + size]
    bound = position.latest_created_at or (central(time_of(records[0])).isoformat() if records else None)
    offset = _offset(records[: start + size], records[start + size :]) if page else position.offset or None
    following = StreamPosition(bound, position.oldest_created_at or None, None, offset)
    campaigns = yield from _campaigns(page, settings)
    shown = tuple(log.shown(ActivityRecord, each, campaigns) for each in page)
    return LeadActivityList(len(page), max(0, len(records) - start - size), following, shown)


def get_lead_changes(
    call: GetLeadChanges, settings: BridgeSettings, names: NameSource
) -> Translation[GetLeadChangesResult]:
    """Return a page of the activities of all leads, or of selected ones, oldest first."""
    position = call.start_position
    selector = call.lead_selector
    oldest, latest = position.oldest_created_at or position.activity_created_at, _time(position.latest_created_at)
    since = _time(oldest) or BEGINNING
    if isinstance(selector, LastUpdateAtSelector):
        since = aware(selector.oldest_updated_at)
        latest = latest or (aware(selector.latest_updated_at) if selector.latest_updated_at else None)
    log = yield from _Log.of(TypesWanted.of(call.activity_filter, call.activity_name_filter), settings, names)
    groups = yield from _groups(selector, settings)
    if is_first_page(position.offset):
        streams = yield from log.since(since, groups, settings)
    else:
        at = streams_at(log.streams(groups), (position.offset or "").strip())
        if at is None:
            raise fault(20122)
        streams = at
    size = min(_MOST_CHANGES, call.batch_size or _USUAL)
    result = yield from merged(streams, size, settings, until=latest)
    campaigns = yield from _campaigns(result.records, settings)
    records = tuple(log.shown(LeadChangeRecord, each, campaigns) for each in log.single(result.records))
    end = position.latest_created_at or None
    if end is None and latest is not None:
        end = central(latest).isoformat()
    if end is None and not result.more:  # recorded: callers begin the next run at the last page's upper bound
        newest = [time_of(each) for each in result.records[-1:]]
        end = central(newest[0]).isoformat() if newest else position.oldest_created_at or None
    following = StreamPosition(end, position.oldest_created_at or None, None, place_of(result.streams))
    return GetLeadChangesResult(len(records), int(result.more), following, records)


def _campaigns(records: Iterable[Mapping[str, Any]], settings: BridgeSettings) -> Translation[dict[int, str]]:
    return (yield from campaign_names(set(filter(None, map(_campaign_id, records))), settings))


def _groups(selector: object, settings: BridgeSettings) -> Translation[list[dict[str, str]]]:
    """Return what limits streams to the selected leads: 30 leads each, or a list."""
    match selector:
        case LeadKeySelector():
            found = yield from find_leads(selector.key_type, selector.key_values, "id", settings)
            ids = [str(each["id"]) for each in found]
            return [{"leadIds": ",".join(group)} for group in in_batches(ids, _MOST_LEADS)]
        case StaticListSelector():
            list_id = yield from list_id_of(selector, settings)
            return [{"listId": list_id}] if list_id else []
    return [{}]


class _Log:
    """The activities of the wanted types: which streams have them, and how they look over SOAP."""

    def __init__(self, types: Mapping[int, str], wanted: Sequence[int], names: Names, fields: str) -> None:
        self._types, self._names = types, names
        self._streams: list[Stream] = []
        if changes := [number for number in wanted if types[number] in _CHANGES]:
            self._streams.append(Stream(f"{_ACTIVITIES}/leadchanges.json", {"fields": fields}, frozenset(changes)))
        others = [str(number) for number in wanted if number not in changes]
        for group in in_batches(others, _MOST_TYPES):
            self._streams.append(Stream(f"{_ACTIVITIES}.json", {"activityTypeIds": ",".join(group)}))

    @classmethod
    def of(cls, wanted: TypesWanted, settings: BridgeSettings, names: NameSource) -> Translation[_Log]:
        """Look the types and the fields up. A type that REST does not have is left out, with a warning."""
        known = yield from names_from(names)
        types: Mapping[int, str] = yield cached(f"{_ACTIVITIES}/types.json", _types_of, settings)
        spelled = {squeezed(name): name for name in wanted.included or ()}
        missing = sorted(name for key, name in spelled.items() if key not in set(map(squeezed, types.values())))
        if missing:
            yield Note(f"REST has no activities of the types {', '.join(map(repr, missing))}")
        excluded = {squeezed(name) for name in wanted.excluded}
        numbers = [
            number
            for number, name in sorted(types.items())
            if (wanted.included is None or squeezed(name) in spelled) and squeezed(name) not in excluded
        ]
        return cls(types, numbers, known, fields_of(known, settings))

    def streams(self, groups: Sequence[Mapping[str, str]]) -> list[Stream]:
        """Return the streams that have the activities of groups of leads."""
        return [evolve(stream, query={**stream.query, **group}) for stream in self._streams for group in groups]

    def since(
        self, since: datetime, groups: Sequence[Mapping[str, str]], settings: BridgeSettings
    ) -> Translation[list[Stream]]:
        """Return the same as they begin at a time."""
        streams = self.streams(groups)
        token = (yield from token_since(since, settings)) if streams else ""
        return [evolve(stream, token=token) for stream in streams]

    def single(self, records: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Yield the records, one for each field that a change has, as SOAP does."""
        for record in records:
            fields = record.get("fields")
            several = fields if isinstance(fields, list) and self._type(record) == "Change Data Value" else [None]
            yield from ({**record, "field": each} for each in several)

    def shown(self, kind: type[RecordT], record: Mapping[str, Any], campaigns: Mapping[int, str]) -> RecordT:
        """Return an activity as SOAP shows it. REST has no names of persons and companies, and no foreign ids."""
        asset, details = _text(record.get("primaryAttributeValue")), list[tuple[str, str]]()
        changed = record.get("field")
        if isinstance(changed, dict):
            name = _text(changed.get("name"))
            asset = self._names.of_rest(name).label or name
            values = [_text(changed.get(each)) for each in ("oldValue", "newValue")]
            details = [("Attribute Name", asset), ("Old Value", values[0]), ("New Value", values[1])]
        given = record.get("attributes")
        for each in given if isinstance(given, list) else ():
            if isinstance(each, dict) and _text(each.get("name")).strip():
                details.append((_text(each.get("name")), _text(each.get("value"))))
        campaign_id = _campaign_id(record)
        without = "" if kind is ActivityRecord else None  # recorded
        return kind(
            id=_id(record),
            activity_date_time=central(time_of(record)),
            activity_type=self._type(record),
            mktg_asset_name=asset or None,
            activity_attributes=tuple(Attribute(name, value) for name, value in details),
            campaign=campaigns.get(campaign_id) if campaign_id else without,
            mkt_person_id=str(lead_id_of(record.get("leadId")) or 0),
        )

    def _type(self, record: Mapping[str, Any]) -> str:
        number = record.get("activityTypeId")
        return self._types.get(number, str(number)) if isinstance(number, int) else ""


def _id(record: Mapping[str, Any]) -> int:
    """Return the number of an activity. Chosen: where REST has a GUID only, a number that is made from it."""
    guid = str(record.get("id") or record.get("marketoGUID") or "")
    return lead_id_of(guid) or crc32(guid.encode()) & INT_MAX


def _campaign_id(record: Mapping[str, Any]) -> int | None:
    return lead_id_of(record.get("campaignId"))


def _text(value: Any) -> str:
    return text_value(value, booleans="true/false")


def _time(text: str | None) -> datetime | None:
    if not (text or "").strip():
        return None
    try:
        return aware(datetime.fromisoformat((text or "").strip()))
    except ValueError:
        raise fault(20122) from None


def _after(records: Sequence[Mapping[str, Any]], offset: str | None) -> int:
    """Return at which of a lead's records the page begins."""
    if is_first_page(offset):
        return 0
    found = re.fullmatch("ID:([0-9]{1,10})(?::([0-9]{1,4}))?", (offset or "").strip())
    places = [number for number, record in enumerate(records, 1) if found and found[1] == str(_id(record))]
    if not found or not places or int(found[2] or 1) not in range(1, len(places) + 1):
        raise fault(20122)
    return places[int(found[2] or 0) - 1]


def _offset(shown: Sequence[Mapping[str, Any]], left: Sequence[Mapping[str, Any]]) -> str:
    """Return the offset after the records *shown*. Those of one activity have one id: it says how many were shown."""
    number = _id(shown[-1])
    if not left or _id(left[0]) != number:
        return f"ID:{number}"
    return f"ID:{number}:{sum(_id(each) == number for each in shown)}"


def _types_of(records: Sequence[Mapping[str, Any]]) -> Mapping[int, str]:
    return {each["id"]: _text(each.get("name")) for each in records if isinstance(each.get("id"), int)}
