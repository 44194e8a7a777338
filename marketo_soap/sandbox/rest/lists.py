"""Static lists by name and by id, and their members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marketo_soap.sandbox.operations.list_operation import log_membership
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall, visible
from marketo_soap.sandbox.rest.find import read_page
from marketo_soap.sandbox.rest.pages import named, next_page
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult, parsed
from marketo_soap.sandbox.store.lists import KeptList
from marketo_soap.sandbox.store.selections import by_list
from marketo_soap.sandbox.store.table import read_id

__all__ = ["add_to_list", "are_members", "find_lists", "leads_of_list", "remove_from_list"]

_MOST_IDS = 300


def find_lists(call: EndpointCall) -> RestResult:
    """Return the lists with a name, a program's name or one of several ids."""
    page, token = next_page(named(call.leads.lists, call.given), call.given, "lists")
    result = [
        {"id": each.id, "name": each.name}
        | ({"programName": each.program} if each.program else {})
        | {"workspaceName": "Default"}
        for each in page
    ]
    return RestResult(result, token)


def leads_of_list(call: EndpointCall) -> RestResult:
    """Return a page of a list's members; raises 1013."""
    page = read_page(call)
    members = call.leads.select(by_list(_list(call).id))
    return page.of([lead for lead in members if visible(lead, call.settings)])


def add_to_list(call: EndpointCall) -> RestResult:
    """Add leads to a list; who is in it already counts as added (chosen). Raises 1013."""
    ids, kept = _ids(call, call.body), _list(call)

    def add(lead_id: int) -> str:
        if call.leads.lists.add_member(kept.id, lead_id):
            log_membership(call, kept, lead_id, "Add to List")
        return "added"

    return _each(call, ids, add)


def remove_from_list(call: EndpointCall) -> RestResult:
    """Remove leads from a list; recorded: 1015 is said of one that is no member. Raises 1013."""
    ids, kept = _ids(call, call.body), _list(call)

    def remove(lead_id: int) -> str:
        if not call.leads.lists.remove_member(kept.id, lead_id):
            raise RestCallError("1015", "Lead not in list")
        log_membership(call, kept, lead_id, "Remove from List")
        return "removed"

    return _each(call, ids, remove)


def are_members(call: EndpointCall) -> RestResult:
    """Say which leads are members of a list. Raises 1013."""
    ids, kept = _ids(call, b""), _list(call)
    members = call.leads.lists.members(kept.id, ids)
    return _each(call, ids, lambda lead_id: "memberof" if lead_id in members else "notmemberof")


def _ids(call: EndpointCall, body: bytes) -> list[int]:
    """Return the ids of leads that a call names: in its JSON, `{"input": [{"id": 1}]}`, or as parameters."""
    texts: list[Any] = [text for text in call.given.get("id", "").split(",") if text.strip()]
    data = parsed(body) if body else None
    if isinstance(data, dict) and isinstance(data.get("input"), list):
        texts += [each.get("id") if isinstance(each, dict) else None for each in data["input"]]
    if not texts:
        raise RestCallError("1002", "Missing value for required parameter 'id'")
    ids = [number for text in texts if (number := read_id(str(text).strip())) is not None]
    if len(ids) < len(texts):
        raise RestCallError("1001", "Invalid value for parameter 'id'. Required of type 'integer'")
    if len(ids) > _MOST_IDS:
        raise RestCallError("1003", f"at most {_MOST_IDS} leads are taken in one call")
    return ids


def _each(call: EndpointCall, ids: list[int], status: Callable[[int], str]) -> RestResult:
    """Return the status of each lead; an unknown one is skipped (1004)."""
    result = []
    for lead_id in ids:
        try:
            if call.lead(lead_id) is None:
                raise RestCallError("1004")
            result.append({"id": lead_id, "status": status(lead_id)})
        except RestCallError as error:
            result.append({"id": lead_id, "status": "skipped", "reasons": [error.as_data()]})
    return RestResult(result)


def _list(call: EndpointCall) -> KeptList:
    kept = call.leads.lists.get(call.number)
    if kept is None:
        raise RestCallError("1013", f"List with id {call.number} not found")
    return kept
