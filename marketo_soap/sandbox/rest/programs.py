"""Programs over REST: by id, by name, by tag, all of them; and their costs and tags written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve

from marketo_soap.sandbox.operations.sync_m_objects import is_known_tag
from marketo_soap.sandbox.rest.pages import asset_page, required
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.values import utc
from marketo_soap.sandbox.store.leads import Leads
from marketo_soap.sandbox.store.programs import Cost, Program

__all__ = ["find_programs", "program_by_id", "program_by_name", "programs_by_tag", "update_program"]


def program_by_id(leads: Leads, number: int) -> RestResult:
    """Return a program with its tags and costs; raises 702."""
    return RestResult([_shown(_known(leads, number))])


def program_by_name(leads: Leads, given: Mapping[str, str]) -> RestResult:
    """Return the program with exactly this name; no result if there is none (recorded)."""
    return _answer(leads.programs.find(name=required(given, "name")), given)


def programs_by_tag(leads: Leads, given: Mapping[str, str]) -> RestResult:
    """Return a page of the programs that have a tag of this type and value."""
    kind, value = required(given, "tagType", "tagValue"), given["tagValue"]
    return _answer([each for each in leads.programs.find(archived=False) if each.tags.get(kind) == value], given)


def find_programs(leads: Leads, given: Mapping[str, str]) -> RestResult:
    """Return a page of all programs, or of those with an id. Chosen: archived ones are left out."""
    equal: dict[str, Any] = {"archived": False}
    if given.get("filterType") in ("id", "programId"):
        equal = {"id": given.get("filterValues", "")}
    elif given.get("filterType") == "workspace":
        equal["workspace"] = given.get("filterValues", "")
    elif given.get("filterType"):
        raise RestCallError("1003", f"Invalid filterType '{given['filterType']}'")
    return _answer(leads.programs.find(**equal), given)


def _answer(found: list[Program], given: Mapping[str, str]) -> RestResult:
    hidden = {name for name in ("tags", "costs") if given.get(f"include{name.capitalize()}", "").lower() != "true"}
    page = [{**_shown(each), **dict.fromkeys(hidden)} for each in asset_page(found, given)]
    return RestResult(page or None)


def update_program(leads: Leads, number: int, given: Mapping[str, str], now: datetime) -> RestResult:
    """Add costs to a program, or write them in place of the others, and write its tags. Raises 702 and 1003."""
    found = row = _known(leads, number)
    try:
        costs = [
            Cost(str(each["startDate"])[:7], float(each["cost"]), str(each.get("note") or ""))
            for each in json.loads(given.get("costs") or "[]")
        ]
        tags = {str(each["tagType"]): str(each["tagValue"]) for each in json.loads(given.get("tags") or "[]")}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise RestCallError("1003", "Invalid value for parameter 'costs' or 'tags'") from None
    if unknown := [kind for kind, value in tags.items() if not is_known_tag(leads, kind, value)]:
        raise RestCallError("1003", f"Invalid tag '{unknown[0]}'")
    if given.get("costsDestructiveUpdate", "").lower() == "true":
        row = evolve(row, costs=())
    row = evolve(row.with_costs(*costs), tags={**row.tags, **tags})
    if row != found:
        row = evolve(row, updated_at=now.isoformat())
        leads.programs.update(row)
    return RestResult([_shown(row)])


def _known(leads: Leads, number: int) -> Program:
    found = leads.programs.get(number)
    if found is None:
        raise RestCallError("702", f"Program with id {number} not found")
    return found


def _shown(row: Program) -> dict[str, Any]:
    dates = {"startDate": row.start_date, "endDate": row.end_date, "sfdcId": row.crm_id}
    return {
        "id": row.id,
        "name": row.name,
        "description": "",
        "createdAt": f"{utc(row.created_at)}+0000",
        "updatedAt": f"{utc(row.updated_at)}+0000",
        **{name: text for name, text in dates.items() if text},
        "type": row.type,
        "channel": row.channel,
        "folder": {"type": "Folder", "value": 1, "folderName": "Marketing Activities"},
        "status": "",
        "workspace": row.workspace,
        "tags": [{"tagType": kind, "tagValue": value} for kind, value in row.tags.items()],
        "costs": [{"startDate": f"{each.month}-01", "cost": each.amount, "note": each.note} for each in row.costs],
        "headStart": False,
    }
