"""listOperation in the sandbox."""

from __future__ import annotations

from marketo_soap.errors import fault
from marketo_soap.operations.list_operation import ListOperation, ListOperationResult
from marketo_soap.records.lead_keys import LeadKey
from marketo_soap.records.lists import LeadStatus, ListKey, ListKeyType, ListOperationType
from marketo_soap.sandbox.operations.lead_keys import leads_of
from marketo_soap.sandbox.operations.outcome import Outcome, World
from marketo_soap.sandbox.store.lists import KeptList

__all__ = ["list_operation", "log_membership"]


def list_operation(call: ListOperation, world: World) -> Outcome:
    """Add leads, remove them or ask for them. Raises 20111 for an unknown list, 20110 to change one in a program."""
    kept = _list(call.list_key, world)
    lists = world.leads.lists
    found = {key: _ids(key, world) for key in call.lead_keys}
    ids = [each for matches in found.values() for each in matches]
    members = lists.members(kept.id, ids)
    if call.list_operation == ListOperationType.ISMEMBEROFLIST:
        return _with_statuses(call, {key: _all_in(matches, members) for key, matches in found.items()})
    if kept.program:
        raise fault(20110, "The list is in a program: use importToList")
    adds = call.list_operation == ListOperationType.ADDTOLIST
    # Chosen: to add a member again succeeds, to remove a lead that is none does not.
    done = {key: bool(matches) if adds else _all_in(matches, members) for key, matches in found.items()}
    if call.strict and not all(done.values()):  # recorded: no fault
        return _with_statuses(call, dict.fromkeys(done, False))
    change = lists.add_member if adds else lists.remove_member
    for lead_id in ids:
        if change(kept.id, lead_id) and not call.skip_activity_log:
            log_membership(world, kept, lead_id, "Add to List" if adds else "Remove from List")
    if all(done.values()):  # recorded: no list of statuses
        return Outcome(ListOperationResult(True), "static list")
    return _with_statuses(call, done)


def log_membership(world: World, kept: KeptList, lead_id: int, kind: str) -> None:
    """Log that a lead has joined or left a list; the names of the attributes are chosen."""
    facts = {"List ID": str(kept.id), "Source": "Web service API", "Lead ID": str(lead_id)}
    world.log(lead_id, kind, kept.full_name, facts)


def _with_statuses(call: ListOperation, done: dict[LeadKey, bool]) -> Outcome:
    statuses = tuple(LeadStatus(key, done[key]) for key in call.lead_keys)
    return Outcome(ListOperationResult(all(done.values()), statuses), "static list")


def _list(key: ListKey, world: World) -> KeptList:
    """Return the list. Chosen: nobody owns one, so a key of an owner names none."""
    named = key.key_type == ListKeyType.MKTOLISTNAME
    kept = world.leads.lists.named(key.key_value.strip()) if named else None
    if kept is None:
        raise fault(20111, f"No list found with {key.key_type} = {key.key_value}")
    return kept


def _ids(key: LeadKey, world: World) -> list[int]:
    return [lead.id for lead in world.leads.select(leads_of(key.key_type, [key.key_value], world.settings))]


def _all_in(ids: list[int], members: set[int]) -> bool:
    """Whether the leads of a key, if there are any, are all members (chosen)."""
    return bool(ids) and members.issuperset(ids)
