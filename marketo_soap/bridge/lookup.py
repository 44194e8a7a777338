"""Find leads over REST: by keys, in static lists, by their last change. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from marketo_soap.bridge.codes import local_refusal, refusal
from marketo_soap.bridge.rest import RestReply, RestRequest, read
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.errors import fault
from marketo_soap.records.lead_keys import LeadKeyRef
from marketo_soap.wire.values import INT_MAX

__all__ = ["FILTERS", "LEADS", "ask", "find_leads", "lead_id_of", "list_named", "pages"]

LEADS = "/rest/v1/leads.json"

FILTERS = {
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
_MOST_PAGES = 4  # of 300 leads: REST refuses a filter that more than 1,000 leads match


def lead_id_of(value: Any) -> int | None:
    """Return a lead's id of REST's JSON; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch("[0-9]{1,10}", str(value)):
        return None
    number = int(value)
    return number if 1 <= number <= INT_MAX else None


def ask(request: RestRequest, settings: BridgeSettings, *, unknown: int = 20011) -> Translation[RestReply]:
    """Send a read and return its reply; "no data found" counts as an empty one. Raises the fault of a refusal."""
    reply: RestReply = yield request
    if reply.success or reply.code == "702":
        return reply
    raise refusal(reply.errors[0], settings, level="response", unknown=unknown)


def pages(
    path: str, query: Mapping[str, str], settings: BridgeSettings, *, unknown: int = 20011
) -> Translation[list[Mapping[str, Any]]]:
    """Return the records of all pages."""
    records: list[Mapping[str, Any]] = []
    for _ in range(_MOST_PAGES):
        reply = yield from ask(read(path, **query), settings, unknown=unknown)
        records += reply.result
        if reply.next_page is None:
            break
        query = {**query, "nextPageToken": reply.next_page}
    return records


def find_leads(
    key_type: str, values: Iterable[str], fields: str, settings: BridgeSettings
) -> Translation[list[Mapping[str, Any]]]:
    """Return the leads that have one of the *values* as their key, each once.

    Raises 20102 for LEADOWNEREMAIL, which REST cannot look for.
    """
    name = FILTERS.get(LeadKeyRef(key_type))
    if name is None:
        raise fault(20102, f"{key_type} cannot be looked for over REST")
    wanted = list(dict.fromkeys(value.strip() for value in values if value.strip()))
    if name == "id":
        wanted = [value for value in wanted if lead_id_of(value) is not None]
    if name == "cookies" and any("," in value for value in wanted):
        raise local_refusal("1012", settings, "a cookie must hold no comma: REST would look for two")
    # A comma separates values. A value that holds one is asked for alone, and what its parts find is dropped.
    batches = [[value] for value in wanted if "," in value]
    whole = [value for value in wanted if "," not in value]
    batches += [whole[at : at + _MOST_VALUES] for at in range(0, len(whole), _MOST_VALUES)]
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


def list_named(name: str, settings: BridgeSettings) -> Translation[Mapping[str, Any] | None]:
    """Return the static list of that name, as REST shows it. One in a program is named `<program>.<list>`."""
    program, dot, bare = name.strip().rpartition(".")
    queries = [{"name": name.strip()}] + ([{"name": bare, "programName": program}] if dot else [])
    for query in queries:
        for found in (yield from pages("/rest/v1/lists.json", query, settings)):
            if query.items() <= found.items():
                return found
    return None
