"""Leads in and out of a sandbox: CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs
from attrs import evolve

from marketo_soap.records.lead import LeadRecord
from marketo_soap.sandbox.assets import StaticList
from marketo_soap.sandbox.seeded_activities import dump_activities, fill_activities, load_activities
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store import selections
from marketo_soap.sandbox.store.leads import Leads, StoredLead
from marketo_soap.sandbox.store.table import Table, read_id
from marketo_soap.wire.xml import check_text

__all__ = ["dump", "fill", "load", "read_csv", "read_json"]

_KEYS = {
    "Id": "id",
    "Email": "email",
    "ForeignSysPersonId": "foreign_id",
    "ForeignSysType": "foreign_type",
    "Partition": "partition",
    "Anonymous": "anonymous",
    "marketoCookie": "cookies",
}
_KNOWN = {*_KEYS.values(), "attributes", "lists", "activities", "created_at", "updated_at"}


def read_csv(text: str) -> list[dict[str, Any]]:
    """Read leads from CSV with a heading: Id, Email, ForeignSysPersonId, ForeignSysType, marketoCookie,
    Partition, Anonymous, and attributes by their names. Empty cells are nothing.
    """
    leads: list[dict[str, Any]] = []
    for row in _rows(text):
        if None in row or None in row.values():
            raise ValueError(f"lead {len(leads) + 1}: the row and the heading have different numbers of cells")
        lead: dict[str, Any] = {"attributes": {}}
        for name, value in row.items():
            if value and name in _KEYS:
                lead[_KEYS[name]] = value
            elif value:
                lead["attributes"][name] = value
        lead["cookies"] = lead["cookies"].split() if "cookies" in lead else []
        try:
            lead["id"] = int(lead.get("id", 0))
        except ValueError:
            raise ValueError(f"lead {len(leads) + 1}: Id is not a number") from None
        lead["anonymous"] = str(lead.get("anonymous", "")).lower() in ("1", "true", "yes")
        leads.append(lead)
    return leads


def _rows(text: str) -> Iterator[dict[str, Any]]:
    try:
        yield from csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    except csv.Error as error:
        raise ValueError(f"not CSV: {error}") from None


def read_json(text: str) -> list[dict[str, Any]]:
    """Read leads from a JSON list, in the form that `dump` writes; every member is optional."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(data, list) or not all(isinstance(lead, dict) for lead in data):
        raise ValueError("leads are a JSON list of objects")
    return data


def load(leads: Leads, data: Iterable[dict[str, Any]], now: datetime, partition: str) -> int:
    """Add leads, to *partition* where they name none, and rows of other tables (by `kind`); return how many leads.

    `ValueError` names the lead that is wrong; nothing is kept then.
    """
    count = 0
    tables = {table.name: table for table in leads.tables}
    # The lists come first, for leads name them.
    for number, lead in sorted(enumerate(data, 1), key=lambda each: each[1].get("kind") != leads.lists.name):
        if "kind" in lead:
            _load_row(tables, lead, number, now)
            continue
        count += 1
        try:
            stored, cookies = _stored(lead, partition)
            lists = _texts(lead, "lists")
            _check_free(leads, stored)
        except (ValueError, TypeError) as error:
            raise ValueError(f"lead {number}: {error}") from None
        kept = leads.insert(stored, now)
        for cookie in cookies:
            leads.tie_cookie(cookie, kept.id)
        for name in lists:
            program, _, short = name.rpartition(".")
            static_list = leads.lists.named(name) or leads.lists.ensure(short, program)
            leads.lists.add_member(static_list.id, kept.id)
        try:
            load_activities(leads, kept, lead.get("activities") or [])
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"lead {number}: {error}") from None
    return count


def _load_row(tables: Mapping[str, Table[Any]], row: dict[str, Any], number: int, now: datetime) -> None:
    """Add a row to the table that its `kind` names; what has no times was created and updated *now*."""
    kind = row.pop("kind")
    table = tables.get(kind) if isinstance(kind, str) else None
    if table is None:
        raise ValueError(f"entry {number}: kind is one of {', '.join(tables)}; a lead has none")
    try:
        for each in attrs.fields(table.row):
            if each.name.endswith("_at") and (_time(row, each.name) or each.default == ""):
                row[each.name] = _time(row, each.name) or now.isoformat()
        table.load(row)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"entry {number}, a {kind}: {error}") from None


def _stored(lead: dict[str, Any], partition: str) -> tuple[StoredLead, list[str]]:
    """Check a lead as strictly as a client's own: what is kept can be shown in a reply."""
    unknown = lead.keys() - _KNOWN
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]!r} is unknown")
    given = lead.get("attributes") or {}
    if not isinstance(given, dict):
        raise TypeError("attributes are an object")
    record = LeadRecord(
        id=lead.get("id") or None,
        email=lead.get("email"),
        foreign_sys_person_id=lead.get("foreign_id"),
        foreign_sys_type=lead.get("foreign_type"),
        attributes={name: value for name, value in given.items() if value is not None},
    )
    stored = StoredLead(
        record.id or 0,
        record.email,
        record.foreign_sys_type,
        record.foreign_sys_person_id,
        check_text(lead.get("partition") or partition, "partition"),
        bool(lead.get("anonymous")),
        {attribute.name: attribute.value for attribute in record.attributes},
        _time(lead, "created_at"),
        _time(lead, "updated_at"),
    )
    return stored, _texts(lead, "cookies")


def _time(lead: dict[str, Any], name: str) -> str:
    given = lead.get(name) or ""
    if given:
        try:
            datetime.fromisoformat(given)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must look like 2013-07-09T16:44:28-05:00") from None
    return str(given)


def _texts(lead: dict[str, Any], name: str) -> list[str]:
    texts = lead.get(name) or []
    if not isinstance(texts, list):
        raise TypeError(f"{name} are a list")
    return [check_text(text, name) for text in texts]


def _check_free(leads: Leads, lead: StoredLead) -> None:
    if lead.id and leads.by_id(lead.id):
        raise ValueError(f"there is a lead {lead.id} already")
    if lead.foreign_id and leads.by_foreign_id(lead.foreign_type or "", lead.foreign_id):
        raise ValueError("its foreign id is another lead's")


def _fill_lists(leads: Leads, lists: Iterable[StaticList]) -> None:
    """Add the lists that are not there yet, and to each its members among the leads that there are."""
    for each in lists:
        list_id = leads.lists.ensure(each.name, each.program).id
        ids = [number for member in each.members if (number := read_id(member)) is not None]
        emails = [member for member in each.members if read_id(member) is None]
        for selection in (selections.by_ids(ids), selections.by_emails(emails)):
            for lead in leads.select(selection):
                leads.lists.add_member(list_id, lead.id)


def fill(leads: Leads, settings: Settings, names: Iterable[str], now: datetime) -> None:
    """Add what the settings of these *names* list, unless it is there already."""
    for name in names:
        rows = getattr(settings, name)
        match name:
            case "lists":
                _fill_lists(leads, rows)
            case "activities":
                fill_activities(leads, rows)
            case "campaigns":
                leads.campaigns.fill(rows)
            case "programs":
                leads.programs.fill(rows, now.isoformat())
            case _:
                _fill_table(leads, rows, "type" if name == "tags" else "name")


def _fill_table(leads: Leads, rows: Iterable[Any], by: str) -> None:
    """Add rows to the table of their class; one that has the same value in the column *by* is replaced."""
    for row in rows:
        table = next(each for each in leads.tables if each.row is type(row))
        found = table.first(**{by: getattr(row, by)})
        if found is None:
            table.add(row)
        else:
            table.update(evolve(row, id=found.id))


def dump(leads: Leads, stored: Iterable[StoredLead]) -> Iterator[dict[str, Any]]:
    """Give each of the *stored* leads with all there is of it, as JSON can hold it and `load` takes it."""
    has_lists, has_log = leads.lists.count() > 0, leads.activities.first() is not None
    for lead in stored:
        yield {
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
            **({"lists": names} if (names := has_lists and leads.lists.names_of(lead.id)) else {}),
            **({"activities": log} if (log := has_log and dump_activities(leads, lead.id)) else {}),
        }
