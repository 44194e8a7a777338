"""Static lists by name and by id, and their members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marketo_soap.sandbox.operations.list_operation import log_membership
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.rest.find import Page, page_of
from marketo_soap.sandbox.rest.pages import named, next_page
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.sync import visible
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import Leads
from marketo_soap.sandbox.store.lists import KeptList
from marketo_soap.sandbox.store.selections import by_list

__all__ = ["add_to_list", "are_members", "find_lists", "leads_of_list", "read_ids", "remove_from_list"]

_MOST_IDS = 300


def find_lists(leads: Leads, given: Mapping[str, str]) -> RestResult:
    """Return the lists with a name, a program's name or one of several ids."""
    page, token = next_page(named(leads.lists, given), given, "lists")
    result = [
        {"id": each.id, "name": each.name}
        | ({"programName": each.program} if each.program else {})
        | {"workspaceName": "Default"}
        for each in page
    ]
    return RestResult(result, token)


def leads_of_list(leads: Leads, list_id: int, query: Page, settings: Settings) -> RestResult:
    """Return a page of a list's members; raises 1013."""
    _list(leads, list_id)
    members = [lead for lead in leads.select(by_list(list_id)) if visible(lead, settings)]
    return page_of(leads, members, query, settings)


def read_ids(given: Mapping[str, str], data: Any = None) -> list[int]:
    """Return the ids of leads that a call names: in its JSON, `{"input": [{"id": 1}]}`, or as parameters."""
    texts: list[Any] = [text for text in given.get("id", "").split(",") if text.strip()]
    if isinstance(data, dict) and isinstance(data.get("input"), list):
        texts += [each.get("id") if isinstance(each, dict) else None for each in data["input"]]
    if not texts:
        raise RestCallError("1002", "Missing value for required parameter 'id'")
    ids = [str(text).strip() for text in texts]
    if not all(text.isascii() and text.isdecimal() and len(text) < 19 for text in ids):
        raise RestCallError("1001", "Invalid value for parameter 'id'. Required of type 'integer'")
    if len(ids) > _MOST_IDS:
        raise RestCallError("1003", f"at most {_MOST_IDS} leads are taken in one call")
    return [*map(int, ids)]


def add_to_list(world: World, list_id: int, ids: Sequence[int]) -> RestResult:
    """Add leads to a list; who is in it already counts as added (chosen). Raises 1013."""
    kept, lists = _list(world.leads, list_id), world.leads.lists

    def add(lead_id: int) -> str:
        if lists.add_member(list_id, lead_id):
            log_membership(world, kept, lead_id, "Add to List")
        return "added"

    return _each(world, ids, add)


def remove_from_list(world: World, list_id: int, ids: Sequence[int]) -> RestResult:
    """Remove leads from a list; recorded: 1015 is said of one that is no member. Raises 1013."""
    kept, lists = _list(world.leads, list_id), world.leads.lists

    def remove(lead_id: int) -> str:
        if not lists.remove_member(list_id, lead_id):
            raise RestCallError("1015", "Lead not in list")
        log_membership(world, kept, lead_id, "Remove from List")
        return "removed"

    return _each(world, ids, remove)


def are_members(world: World, list_id: int, ids: Sequence[int]) -> RestResult:
    """Say which leads are members of a list. Raises 1013."""
    _list(world.leads, list_id)
    members = world.leads.lists.members(list_id, ids)
    return _each(world, ids, lambda lead_id: "memberof" if lead_id in members else "notmemberof")


def _each(world: World, ids: Sequence[int], status: Callable[[int], str]) -> RestResult:
    """Return the status of each lead; an unknown one is skipped (1004)."""
    result = []
    for lead_id in ids:
        try:
            lead = world.leads.by_id(lead_id)
            if lead is None or not visible(lead, world.settings):
                raise RestCallError("1004")
            result.append({"id": lead_id, "status": status(lead_id)})
        except RestCallError as error:
            result.append({"id": lead_id, "status": "skipped", "reasons": [error.as_data()]})
    return RestResult(result)


def _list(leads: Leads, list_id: int) -> KeptList:
    kept = leads.lists.get(list_id)
    if kept is None:
        raise RestCallError("1013", f"List with id {list_id} not found")
    return kept
