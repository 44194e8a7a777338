"""Leads by id and by filter: which are meant, and how they are shown."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.field_catalogue import Catalogue, RestField
from marketo_soap.sandbox.rest.partitions import partition_ids
from marketo_soap.sandbox.rest.replies import Reply, RestError
from marketo_soap.sandbox.rest.sync import find_by, visible
from marketo_soap.sandbox.rest.values import invalid, json_value, kept_text, utc
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import Leads, StoredLead

__all__ = ["Filter", "associate", "filter_leads", "get_lead", "read_fields", "read_filter"]

_MAX_VALUES = 300
_MAX_PAGE = 300
_MAX_MATCHES = 1000
_DEFAULT_FIELDS = "id,email,firstName,lastName,createdAt,updatedAt"
_DIGITS = re.compile("[0-9]{1,10}")
_COOKIE = re.compile(r"id:[0-9A-Za-z-]+&token:_mch-[0-9A-Za-z._-]+-[0-9]+")


@frozen
class Filter:
    """A query: leads whose field *by* has one of the *values*, a page of *size* after the id *after*."""

    by: RestField
    values: Sequence[str] = field(repr=hidden)
    fields: Sequence[RestField]
    size: int
    after: int


def read_filter(given: Mapping[str, str], catalogue: Catalogue) -> Filter:
    """Read a query from its parameters; unknown ones are ignored (chosen)."""
    for name in ("filterType", "filterValues"):
        if not given.get(name):
            raise RestError("1002", f"Missing value for required parameter '{name}'")
    by = catalogue[given["filterType"]]
    if not by.filter:
        raise RestError("1011", f"Field '{by.name}' is not supported as a filter")
    texts = list(dict.fromkeys(text.strip() for text in given["filterValues"].split(",") if text.strip()))
    if not 1 <= len(texts) <= _MAX_VALUES:
        raise RestError("1003", f"filterValues holds 1 to {_MAX_VALUES} values")
    if by.type == "integer":
        texts = [kept_text(by, text) or "" for text in texts]
    size = given.get("batchSize") or str(_MAX_PAGE)
    if not _DIGITS.fullmatch(size):
        raise RestError("1001", "Invalid value for parameter 'batchSize'. Required of type 'integer'")
    if not 1 <= int(size) <= _MAX_PAGE:
        raise invalid("batchSize", size)
    return Filter(by, texts, read_fields(given, catalogue), int(size), _position(given.get("nextPageToken")))


def read_fields(given: Mapping[str, str], catalogue: Catalogue) -> list[RestField]:
    """Return the fields to show. Chosen: the id always is, and a name that is no field is 1006."""
    names = [name.strip() for name in (given.get("fields") or _DEFAULT_FIELDS).split(",")]
    return [catalogue[name] for name in dict.fromkeys(["id", *filter(None, names)])]


def filter_leads(leads: Leads, query: Filter, settings: Settings) -> Reply:
    """Return a page of the leads that a filter means, oldest first."""
    found = {lead.id: lead for text in query.values for lead in find_by(leads, query.by, text)}
    matches = [found[number] for number in sorted(found) if visible(found[number], settings)]
    if len(matches) > _MAX_MATCHES:
        raise RestError("1003", "Too many results match the filter")
    rest = [lead for lead in matches if lead.id > query.after]
    page = rest[: query.size]
    token = _token(page[-1].id) if len(rest) > len(page) else None
    return Reply([_shown(leads, lead, query.fields, settings) for lead in page], token)


def get_lead(leads: Leads, lead_id: int, fields: Sequence[RestField], settings: Settings) -> Reply:
    """Return one lead; raises 1004."""
    return Reply([_shown(leads, _known(leads, lead_id, settings), fields, settings)])


def associate(leads: Leads, lead_id: int, cookie: str | None, settings: Settings) -> StoredLead:
    """Tie a cookie to a lead, whichever it was tied to before, and return the lead."""
    if not cookie:
        raise RestError("1002", "Missing value for required parameter 'cookie'")
    if not _COOKIE.fullmatch(cookie):
        raise RestError("1012", f"Invalid cookie value '{cookie}'")
    lead = _known(leads, lead_id, settings)
    leads.tie_cookie(cookie, lead.id)
    return lead


def _known(leads: Leads, lead_id: int, settings: Settings) -> StoredLead:
    lead = leads.by_id(lead_id)
    if lead is None or not visible(lead, settings):
        raise RestError("1004")
    return lead


def _shown(leads: Leads, lead: StoredLead, fields: Sequence[RestField], settings: Settings) -> dict[str, Any]:
    return {f.name: _value(leads, lead, f, settings) for f in fields}


def _value(leads: Leads, lead: StoredLead, known: RestField, settings: Settings) -> Any:
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


def _token(after: int) -> str:
    return base64.b32encode(b"after %d" % after).decode()


def _position(token: str | None) -> int:
    if not token:
        return 0
    try:
        word, number = base64.b32decode(token).split()
        if word != b"after" or len(number) > 18:
            raise ValueError
        return int(number)
    except ValueError:
        raise RestError("1003", "Invalid nextPageToken") from None
