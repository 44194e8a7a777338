"""Programs over REST: by id, by name, by tag, all of them; and their costs and tags written."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from marketo_soap.sandbox.operations.sync_m_objects import is_known_tag
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.pages import asset_page, required
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.values import utc
from marketo_soap.sandbox.store.programs import Cost, Program

__all__ = ["find_programs", "program_by_id", "program_by_name", "programs_by_tag", "update_program"]


def program_by_id(call: EndpointCall) -> RestResult:
    """Return a program with its tags and costs; raises 702."""
    return RestResult([_shown(_known(call))])


def program_by_name(call: EndpointCall) -> RestResult:
    """Return the program with exactly this name; no result if there is none (recorded)."""
    return _answer(call.leads.programs.find(name=required(call.given, "name")), call)


def programs_by_tag(call: EndpointCall) -> RestResult:
    """Return a page of the programs that have a tag of this type and value."""
    kind, value = required(call.given, "tagType", "tagValue"), call.given["tagValue"]
    return _answer([each for each in call.leads.programs.find(archived=False) if each.tags.get(kind) == value], call)


def find_programs(call: EndpointCall) -> RestResult:
    """Return a page of all programs, or of those with an id. Chosen: archived ones are left out."""
    by, value = call.given.get("filterType"), call.given.get("filterValues", "")
    equal: dict[str, Any] = {"archived": False}
    if by in ("id", "programId"):
        equal = {"id": value}
    elif by == "workspace":
        equal["workspace"] = value
    elif by:
        raise RestCallError("1003", f"Invalid filterType '{by}'")
    return _answer(call.leads.programs.find(**equal), call)


def _answer(found: list[Program], call: EndpointCall) -> RestResult:
    given = call.given
    hidden = {name for name in ("tags", "costs") if given.get(f"include{name.capitalize()}", "").lower() != "true"}
    page = [{**_shown(each), **dict.fromkeys(hidden)} for each in asset_page(found, given)]
    return RestResult(page or None)


def update_program(call: EndpointCall) -> RestResult:
    """Add costs to a program, or write them in place of the others, and write its tags. Raises 702 and 1003."""
    found = row = _known(call)
    given = call.given
    try:
        costs = [
            Cost(str(each["startDate"])[:7], float(each["cost"]), str(each.get("note") or ""))
            for each in json.loads(given.get("costs") or "[]")
        ]
        tags = {str(each["tagType"]): str(each["tagValue"]) for each in json.loads(given.get("tags") or "[]")}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise RestCallError("1003", "Invalid value for parameter 'costs' or 'tags'") from None
    if unknown := [kind for kind, value in tags.items() if not is_known_tag(call.leads, kind, value)]:
        raise RestCallError("1003", f"Invalid tag '{unknown[0]}'")
    if given.get("costsDestructiveUpdate", "").lower() == "true":
        row = evolve(row, costs=())
    row = evolve(row.with_costs(*costs), tags={**row.tags, **tags})
    if row != found:
        row = evolve(row, updated_at=call.now.isoformat())
        call.leads.programs.update(row)
    return RestResult([_shown(row)])


def _known(call: EndpointCall) -> Program:
    found = call.leads.programs.get(call.number)
    if found is None:
        raise RestCallError("702", f"Program with id {call.number} not found")
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
