"""Static lists by name and by id, and their members."""

from __future__ import annotations

from collections.abc import Mapping

from marketo_soap.sandbox.rest.find import Page, page_of, page_size, read_token, write_token
from marketo_soap.sandbox.rest.replies import Reply, RestError
from marketo_soap.sandbox.rest.sync import visible
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import Leads
from marketo_soap.sandbox.store.selections import by_list

__all__ = ["find_lists", "leads_of_list"]


def find_lists(leads: Leads, given: Mapping[str, str]) -> Reply:
    """Return the lists with a name, a program's name or an id: all of what is given, exactly (chosen)."""
    list_id = given.get("id")
    if list_id and not (list_id.isascii() and list_id.isdecimal() and len(list_id) < 19):
        raise RestError("1001", "Invalid value for parameter 'id'. Required of type 'integer'")
    found = leads.lists.find(
        list_id=int(list_id) if list_id else None,
        name=given.get("name") or None,
        program=given.get("programName") or None,
    )
    token, size = given.get("nextPageToken"), page_size(given)
    start = read_token(token, "lists", 1)[0] if token else "0"
    if not start.isdecimal():
        raise RestError("1003", "Invalid nextPageToken")
    rest = [each for each in found if each[0] > int(start)]
    page = rest[:size]
    result = [
        {"id": number, "name": name} | ({"programName": program} if program else {}) | {"workspaceName": "Default"}
        for number, name, program in page
    ]
    return Reply(result, write_token("lists", page[-1][0]) if len(rest) > size else None)


def leads_of_list(leads: Leads, list_id: int, query: Page, settings: Settings) -> Reply:
    """Return a page of a list's members; raises 1013."""
    if not leads.lists.exists(list_id):
        raise RestError("1013", f"List with id {list_id} not found")
    members = [lead for lead in leads.select(by_list(list_id)) if visible(lead, settings)]
    return page_of(leads, members, query, settings)
