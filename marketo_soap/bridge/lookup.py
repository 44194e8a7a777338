"""Find leads over REST: by keys, in static lists, by their last change. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from marketo_soap.bridge.codes import local_refusal, refused_call
from marketo_soap.bridge.rest import Lookup, RestReply, RestRequest, in_batches, read
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.errors import fault
from marketo_soap.records.lead_keys import LeadKey, LeadKeyRef, StaticListSelector, aware
from marketo_soap.wire.values import INT_MAX

__all__ = [
    "BEGINNING",
    "LEADS",
    "accepted",
    "ask",
    "assets",
    "cached",
    "find_leads",
    "find_list",
    "ids_of_keys",
    "lead_id_of",
    "list_id_of",
    "pages",
    "record_with",
    "time_of",
    "token_since",
]

T = TypeVar("T")

LEADS = "/rest/v1/leads.json"

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_FILTERS = {
    LeadKeyRef.IDNUM: "id",
    LeadKeyRef.COOKIE: "cookies",
    LeadKeyRef.EMAIL: "email",
    LeadKeyRef.SFDCACCOUNTID: "sfdcAccountId",
    LeadKeyRef.SFDCCONTACTID: "sfdcContactId",
    LeadKeyRef.SFDCLEADID: "sfdcLeadId",
    LeadKeyRef.SFDCLEADOWNERID: "sfdcLeadOwnerId",
    LeadKeyRef.SFDCOPPTYID: "sfdcOpptyId",
}
_MOST_VALUES = 300
_ASSETS, _MOST_ASSET_PAGES = 200, 500
_MOST_PAGES = 4  # of 300 leads: REST refuses a filter that more than 1,000 leads match


def lead_id_of(value: Any) -> int | None:
    """Return the id of a lead in REST's JSON; None if *value* is not an id."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch("[0-9]{1,10}", str(value)):
        return None
    number = int(value)
    return number if 1 <= number <= INT_MAX else None


def accepted(request: RestRequest, settings: BridgeSettings, *, unknown: int = 20011) -> Translation[RestReply]:
    """Send a request and return its reply. Raises the fault of a refusal."""
    reply: RestReply = yield request
    if not reply.success:
        raise refused_call(reply, settings, unknown=unknown)
    return reply


def ask(request: RestRequest, settings: BridgeSettings, *, unknown: int = 20011) -> Translation[RestReply]:
    """Send a read and return its reply; "no data found" counts as an empty one. Raises the fault of a refusal."""
    reply: RestReply = yield request
    if reply.success or reply.code == "702":
        return reply
    raise refused_call(reply, settings, unknown=unknown)


def cached(
    path: str,
    read_records: Callable[[Sequence[Mapping[str, Any]]], T],
    settings: BridgeSettings,
    *,
    unknown: int = 20011,
) -> Lookup[T]:
    """Return a lookup of metadata of the instance. An empty reply is not cached; after an error the old one is used."""

    def read_reply(reply: RestReply, before: T | None) -> tuple[T, bool]:
        if reply.success and (found := read_records(reply.result)):
            return found, True
        if before is not None:
            return before, False
        if not reply.success:
            raise refused_call(reply, settings, unknown=unknown)
        return read_records(reply.result), False

    return Lookup(read(path), read_reply, settings.describe_seconds)


def pages(
    path: str, query: Mapping[str, str], settings: BridgeSettings, *, unknown: int = 20011, most: int = _MOST_PAGES
) -> Translation[list[Mapping[str, Any]]]:
    """Return the records of all pages, of *most* pages if there are more."""
    records: list[Mapping[str, Any]] = []
    for _ in range(most):
        reply = yield from ask(read(path, **query), settings, unknown=unknown)
        records += reply.result
        if reply.next_page is None:
            break
        query = {**query, "nextPageToken": reply.next_page}
    return records


def assets(name: str, settings: BridgeSettings, **more: str) -> Translation[list[Mapping[str, Any]]]:
    """Return the records of all pages of assets. Raises 20110 for more than 100,000: none is left out in silence."""
    found: list[Mapping[str, Any]] = []
    for page in range(_MOST_ASSET_PAGES):
        query = {"offset": str(page * _ASSETS), "maxReturn": str(_ASSETS), **more}
        reply = yield from ask(read(f"/rest/asset/v1/{name}.json", **query), settings)
        found += reply.result
        if len(reply.result) < _ASSETS:
            return found
    raise fault(20110, f"REST has more than {len(found)} {name}")


def record_with(
    path: str, values: Mapping[str, str], settings: BridgeSettings
) -> Translation[Mapping[str, Any] | None]:
    """Return the first record with exactly these values, if there is one; of several one that is in no program."""
    found = yield from pages(path, values, settings)
    exact = [each for each in found if values.items() <= each.items()]
    return min(exact, key=lambda each: bool(each.get("programName")), default=None)


def find_leads(
    key_type: str, values: Iterable[str], fields: str, settings: BridgeSettings
) -> Translation[list[Mapping[str, Any]]]:
    """Return the leads that have one of the *values* as their key, each once.

    Raises 20102 for LEADOWNEREMAIL, which REST cannot look for.
    """
    name = _FILTERS.get(LeadKeyRef(key_type))
    if name is None:
        raise fault(20102, f"{key_type} cannot be used as a key over REST")
    wanted = list(dict.fromkeys(value.strip() for value in values if value.strip()))
    if name == "id":
        wanted = [value for value in wanted if lead_id_of(value) is not None]
    if name == "cookies" and any("," in value for value in wanted):
        raise local_refusal("1012", settings, "a cookie must hold no comma: REST would look for two")
    # A comma separates values. A value that holds one is asked for alone, and what its parts find is dropped.
    batches: list[Sequence[str]] = [[value] for value in wanted if "," in value]
    whole = [value for value in wanted if "," not in value]
    batches += in_batches(whole, _MOST_VALUES)
    with_key = ",".join(dict.fromkeys([*fields.split(","), name]))
    found: dict[int, Mapping[str, Any]] = {}
    for batch in batches:
        query = {"filterType": name, "filterValues": ",".join(batch), "fields": with_key if "," in batch[0] else fields}
        for lead in (yield from pages(LEADS, query, settings)):
            number = lead_id_of(lead.get("id"))
            is_meant = "," not in batch[0] or str(lead.get(name)).lower() == batch[0].lower()
            if number is not None and is_meant:
                found[number] = lead
    return [found[number] for number in sorted(found)]


def ids_of_keys(
    keys: Iterable[LeadKey], settings: BridgeSettings, *, look_up_ids: bool = False
) -> Translation[dict[LeadKey, list[int]]]:
    """Return the ids of the leads that each key names, the smallest first.

    An id is taken as it is, without a look at whether there is such a lead, unless *look_up_ids*.
    """
    found: dict[LeadKey, list[int]] = {key: [] for key in keys}
    for key_type in dict.fromkeys(key.key_type for key in found):
        of_type = {key: key.key_value.strip() for key in found if key.key_type == key_type}
        if key_type == LeadKeyRef.IDNUM and not look_up_ids:
            found |= {key: [number] for key, value in of_type.items() if (number := lead_id_of(value)) is not None}
            continue
        # A lead shows all its cookies at once: with one key in a query, what is found is the key's.
        batches = [[key] for key in of_type] if key_type == LeadKeyRef.COOKIE else [[*of_type]]
        for batch in batches:
            name = _FILTERS.get(LeadKeyRef(key_type)) or ""
            values = [of_type[key] for key in batch]
            for lead in (yield from find_leads(key_type, values, f"id,{name}", settings)):
                number, held = lead_id_of(lead.get("id")) or 0, str(lead.get(name)).lower()
                for key in batch:
                    value = of_type[key].lower()
                    if len(batch) == 1 or held == (value.lstrip("0") if name == "id" else value):
                        found[key].append(number)
    return found


def list_id_of(selector: StaticListSelector, settings: BridgeSettings) -> Translation[str]:
    """Return the id of a static list; "" if there is no list with its name."""
    if selector.static_list_id is not None:
        return str(selector.static_list_id)
    found = yield from find_list(selector.static_list_name, settings)
    return "" if found is None else str(found.get("id"))


def find_list(name: str | None, settings: BridgeSettings) -> Translation[Mapping[str, Any] | None]:
    """Return a static list as REST shows it, if there is one. One in a program is named `<program>.<list>`."""
    program, dot, bare = (name or "").strip().rpartition(".")
    queries = [{"name": (name or "").strip()}] + ([{"name": bare, "programName": program}] if dot else [])
    for query in queries:
        found = yield from record_with("/rest/v1/lists.json", query, settings)
        if found is not None:
            return found
    return None


def token_since(since: datetime, settings: BridgeSettings) -> Translation[str]:
    """Return the token from which activities since a time are read."""
    start = aware(since).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    reply = yield from ask(read("/rest/v1/activities/pagingtoken.json", sinceDatetime=start), settings)
    return reply.next_page or ""


def time_of(activity: Mapping[str, Any]) -> datetime:
    """Return the time of an activity; 1970 for one without a valid time."""
    try:
        return max(aware(datetime.fromisoformat(str(activity.get("activityDate")))).astimezone(UTC), BEGINNING)
    except (ValueError, OverflowError):
        return BEGINNING
