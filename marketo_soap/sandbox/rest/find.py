"""Leads by id and by filter: which are meant, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import secret
from marketo_soap.sandbox.field_catalogue import Catalogue, RestField
from marketo_soap.sandbox.rest.pages import filter_values, page_after, page_size, required, write_token
from marketo_soap.sandbox.rest.partitions import partition_ids
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.sync import find_by, visible
from marketo_soap.sandbox.rest.values import json_value, kept_text, utc
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import Leads, StoredLead

__all__ = [
    "Filter",
    "Page",
    "associate",
    "filter_leads",
    "get_lead",
    "page_of",
    "read_fields",
    "read_filter",
    "read_page",
    "value_of",
]

_MAX_MATCHES = 1000
_DEFAULT_FIELDS = "id,email,firstName,lastName,createdAt,updatedAt"
_COOKIE = re.compile(r"id:[0-9A-Za-z-]+&token:_mch-[0-9A-Za-z._-]+-[0-9]+")


@frozen
class Page:
    """What is asked for of leads: these *fields*, a page of *size* after the id *after*."""

    fields: Sequence[RestField]
    size: int
    after: int


@frozen
class Filter(Page):
    """A query: leads whose field *by* has one of the *values*."""

    by: RestField
    values: Sequence[str] = field(repr=secret)


def read_filter(given: Mapping[str, str], catalogue: Catalogue) -> Filter:
    """Read a query from its parameters; unknown ones are ignored (chosen)."""
    by = catalogue[required(given, "filterType", "filterValues")]
    if not by.filter:
        raise RestCallError("1011", f"Field '{by.name}' is not supported as a filter")
    texts = filter_values(given)
    if by.type == "integer":
        texts = [kept_text(by, text) or "" for text in texts]
    page = read_page(given, catalogue)
    return Filter(page.fields, page.size, page.after, by, texts)


def read_page(given: Mapping[str, str], catalogue: Catalogue) -> Page:
    """Read which page of leads is asked for."""
    after = page_after(given, "after")
    return Page(read_fields(given, catalogue), page_size(given), after)


def read_fields(given: Mapping[str, str], catalogue: Catalogue) -> list[RestField]:
    """Return the fields to show. Chosen: the id always is, and a name that is no field is 1006."""
    names = [name.strip() for name in (given.get("fields") or _DEFAULT_FIELDS).split(",")]
    return [catalogue[name] for name in dict.fromkeys(["id", *filter(None, names)])]


def filter_leads(leads: Leads, query: Filter, settings: Settings) -> RestResult:
    """Return a page of the leads that a filter means, oldest first."""
    found = {lead.id: lead for text in query.values for lead in find_by(leads, query.by, text)}
    matches = [found[number] for number in sorted(found) if visible(found[number], settings)]
    if len(matches) > _MAX_MATCHES:
        raise RestCallError("1003", "Too many results match the filter")
    return page_of(leads, matches, query, settings)


def page_of(leads: Leads, matches: Sequence[StoredLead], query: Page, settings: Settings) -> RestResult:
    """Return a page of leads that are in the order of their ids."""
    rest = [lead for lead in matches if lead.id > query.after]
    page = rest[: query.size]
    token = write_token("after", page[-1].id) if len(rest) > len(page) else None
    return RestResult([_shown(leads, lead, query.fields, settings) for lead in page], token)


def get_lead(leads: Leads, lead_id: int, fields: Sequence[RestField], settings: Settings) -> RestResult:
    """Return one lead; raises 1004."""
    return RestResult([_shown(leads, _known(leads, lead_id, settings), fields, settings)])


def associate(leads: Leads, lead_id: int, cookie: str | None, settings: Settings) -> StoredLead:
    """Tie a cookie to a lead, whichever it was tied to before, and return the lead."""
    if not cookie:
        raise RestCallError("1002", "Missing value for required parameter 'cookie'")
    if not _COOKIE.fullmatch(cookie):
        raise RestCallError("1012", f"Invalid cookie value '{cookie}'")
    lead = _known(leads, lead_id, settings)
    leads.tie_cookie(cookie, lead.id)
    return lead


def _known(leads: Leads, lead_id: int, settings: Settings) -> StoredLead:
    lead = leads.by_id(lead_id)
    if lead is None or not visible(lead, settings):
        raise RestCallError("1004")
    return lead


def _shown(leads: Leads, lead: StoredLead, fields: Sequence[RestField], settings: Settings) -> dict[str, Any]:
    return {f.name: value_of(leads, lead, f, settings) for f in fields}


def value_of(leads: Leads, lead: StoredLead, known: RestField, settings: Settings) -> Any:
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
            return partition_ids(settings).get(lead.partition)
        case "cookies":  # chosen: several are joined as filter values are
            return ",".join(leads.cookies_of(lead.id)) or None
        case _:
            return json_value(known.type, lead.attributes.get(known.kept))
