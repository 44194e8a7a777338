"""Leads by id and by filter: which are meant, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from marketo_soap.sandbox.field_catalogue import RestField
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall, visible
from marketo_soap.sandbox.rest.pages import filter_values, page_after, page_size, required, write_token
from marketo_soap.sandbox.rest.partitions import partition_ids
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.sync import find_by
from marketo_soap.sandbox.rest.values import json_value, kept_text, utc
from marketo_soap.sandbox.store.leads import StoredLead

__all__ = ["Page", "associate", "filter_leads", "get_lead", "read_fields", "read_page"]

_MAX_MATCHES = 1000
_DEFAULT_FIELDS = "id,email,firstName,lastName,createdAt,updatedAt"
_COOKIE = re.compile(r"id:[0-9A-Za-z-]+&token:_mch-[0-9A-Za-z._-]+-[0-9]+")


@frozen
class Page:
    """What a call asks for of leads: these *fields*, a page of *size* after the id *after*."""

    call: EndpointCall
    fields: Sequence[RestField]
    size: int
    after: int

    def of(self, matches: Sequence[StoredLead]) -> RestResult:
        """Return the page of leads that are in the order of their ids."""
        rest = [lead for lead in matches if lead.id > self.after]
        page = rest[: self.size]
        token = write_token("after", page[-1].id) if len(rest) > len(page) else None
        return RestResult([_shown(lead, self.fields, self.call) for lead in page], token)


def read_page(call: EndpointCall) -> Page:
    """Read which page of leads is asked for; unknown parameters are ignored (chosen)."""
    after = page_after(call.given, "after")
    return Page(call, read_fields(call), page_size(call.given), after)


def read_fields(call: EndpointCall) -> list[RestField]:
    """Return the fields to show. Chosen: the id always is, and a name that is no field is 1006."""
    names = [name.strip() for name in (call.given.get("fields") or _DEFAULT_FIELDS).split(",")]
    return [call.catalogue[name] for name in dict.fromkeys(["id", *filter(None, names)])]


def filter_leads(call: EndpointCall) -> RestResult:
    """Return a page of the leads whose field has one of the values, oldest first."""
    by = call.catalogue[required(call.given, "filterType", "filterValues")]
    if not by.filter:
        raise RestCallError("1011", f"Field '{by.name}' is not supported as a filter")
    values = filter_values(call.given)
    if by.type == "integer":
        values = [kept_text(by, value) or "" for value in values]
    page = read_page(call)
    call.entry.key = by.name
    found = {lead.id: lead for value in values for lead in find_by(call.leads, by, value)}
    matches = [found[number] for number in sorted(found) if visible(found[number], call.settings)]
    if len(matches) > _MAX_MATCHES:
        raise RestCallError("1003", "Too many results match the filter")
    return page.of(matches)


def get_lead(call: EndpointCall) -> RestResult:
    """Return one lead; raises 1004."""
    fields = read_fields(call)
    return RestResult([_shown(_known(call), fields, call)])


def associate(call: EndpointCall) -> RestResult:
    """Tie a cookie to a lead, whichever it was tied to before."""
    cookie = required(call.given, "cookie")
    if not _COOKIE.fullmatch(cookie):
        raise RestCallError("1012", f"Invalid cookie value '{cookie}'")
    lead = _known(call)
    call.leads.tie_cookie(cookie, lead.id)
    call.entry.lead_id = lead.id
    call.entry.remarks.append("the cookie is the lead's from now on")
    return RestResult()


def _known(call: EndpointCall) -> StoredLead:
    lead = call.lead(call.number)
    if lead is None:
        raise RestCallError("1004")
    return lead


def _shown(lead: StoredLead, fields: Sequence[RestField], call: EndpointCall) -> dict[str, Any]:
    return {known.name: _value(lead, known, call) for known in fields}


def _value(lead: StoredLead, known: RestField, call: EndpointCall) -> Any:
    """Return the value of a lead's field as REST shows it."""
    match known.name:
        case "id":
            return lead.id
        case "email":
            return lead.email
        case "createdAt":
            return utc(lead.created_at)
        case "updatedAt":
            return utc(lead.updated_at)
        case "isAnonymous":
            return lead.anonymous
        case "leadPartitionId":
            return partition_ids(call.settings).get(lead.partition)
        case "cookies":  # chosen: several are joined as filter values are
            return ",".join(call.leads.cookies_of(lead.id)) or None
        case _:
            return json_value(known.type, lead.attributes.get(known.kept))
