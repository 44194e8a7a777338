"""Leads in and out of a sandbox: CSV and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from marketo_soap.records import ForeignSysType
from marketo_soap.sandbox.store import Leads, StoredLead

__all__ = ["dump", "load", "read_csv", "read_json"]

_KEYS = {
    "Id": "id",
    "Email": "email",
    "ForeignSysPersonId": "foreign_id",
    "ForeignSysType": "foreign_type",
    "Partition": "partition",
    "Anonymous": "anonymous",
    "marketoCookie": "cookies",
}
_KNOWN = {*_KEYS.values(), "attributes", "created_at", "updated_at"}


def read_csv(text: str) -> list[dict[str, Any]]:
    """Read leads from CSV with a heading: Id, Email, ForeignSysPersonId, ForeignSysType, marketoCookie,
    Partition, Anonymous, and attributes by their names. Empty cells are nothing.
    """
    leads: list[dict[str, Any]] = []
    for row in csv.DictReader(text.splitlines()):
        if None in row or None in row.values():
            raise ValueError(f"lead {len(leads) + 1}: the row has not as many cells as the heading")
        lead: dict[str, Any] = {"attributes": {}}
        for name, value in row.items():
            if value and name in _KEYS:
                lead[_KEYS[name]] = value
            elif value:
                lead["attributes"][name] = value
        lead["cookies"] = lead["cookies"].split() if "cookies" in lead else []
        if "id" in lead:
            lead["id"] = int(lead["id"])
        lead["anonymous"] = str(lead.get("anonymous", "")).lower() in ("1", "true", "yes")
        leads.append(lead)
    return leads


def read_json(text: str) -> list[dict[str, Any]]:
    """Read leads from a JSON list, in the form that `dump` writes; every member is optional."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(data, list) or not all(isinstance(lead, dict) for lead in data):
        raise ValueError("leads are a JSON list of objects")
    return data


def load(leads: Leads, data: Iterable[dict[str, Any]], now: datetime) -> int:
    """Add leads and return how many. `ValueError` names the lead that is wrong; nothing is kept then."""
    count = 0
    for lead in data:
        count += 1
        unknown = lead.keys() - _KNOWN
        if unknown:
            raise ValueError(f"lead {count}: {sorted(unknown)[0]!r} is unknown")
        if lead.get("foreign_type") not in (None, *ForeignSysType):
            raise ValueError(f"lead {count}: foreign_type must be one of {', '.join(ForeignSysType)}")
        attributes = {str(name): str(value) for name, value in (lead.get("attributes") or {}).items()}
        stored = StoredLead(
            lead.get("id") or 0,
            lead.get("email"),
            lead.get("foreign_type"),
            lead.get("foreign_id"),
            lead.get("partition") or "Default",
            bool(lead.get("anonymous")),
            attributes,
        )
        if stored.id and leads.by_id(stored.id):
            raise ValueError(f"lead {count}: there is a lead {stored.id} already")
        if stored.foreign_id and leads.by_foreign_id(stored.foreign_type or "", stored.foreign_id):
            raise ValueError(f"lead {count}: its foreign id is another lead's")
        kept = leads.insert(stored, now)
        for cookie in lead.get("cookies") or ():
            leads.tie_cookie(str(cookie), kept.id)
    return count


def dump(leads: Leads) -> list[dict[str, Any]]:
    """Return every lead with all there is of it, as JSON can hold it and `load` takes it."""
    return [
        {
            "id": lead.id,
            "email": lead.email,
            "foreign_type": lead.foreign_type,
            "foreign_id": lead.foreign_id,
            "cookies": leads.cookies_of(lead.id),
            "partition": lead.partition,
            "anonymous": lead.anonymous,
            "attributes": lead.attributes,
            "created_at": lead.created_at,
            "updated_at": lead.updated_at,
        }
        for lead in leads.all()
    ]
