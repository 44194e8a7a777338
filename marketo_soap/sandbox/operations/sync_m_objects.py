"""syncMObjects and deleteMObjects in the sandbox. What one object is refused for is in its status."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from attrs import evolve

from marketo_soap.operations.delete_m_objects import DeleteMObjects, DeleteMObjectsResult
from marketo_soap.operations.sync_m_objects import SyncMObjects, SyncMObjectsResult
from marketo_soap.records.attribs import SyncOperationEnum
from marketo_soap.records.marketo_objects import (
    ROLE_TYPES,
    MObject,
    MObjStatus,
    MObjStatusEnum,
    TypeAttrib,
)
from marketo_soap.sandbox.operations.m_objects import LINKS, fields_of, id_of
from marketo_soap.sandbox.operations.outcome import Outcome, World
from marketo_soap.sandbox.store.leads import Leads
from marketo_soap.sandbox.store.objects import Opportunity, Role
from marketo_soap.sandbox.store.programs import Cost, Program
from marketo_soap.sandbox.store.table import read_id

__all__ = ["delete_m_objects", "is_known_tag", "sync_m_objects"]

RowT = TypeVar("RowT", Opportunity, Role)


def sync_m_objects(call: SyncMObjects, world: World) -> Outcome:
    """Write each object, in the order given: a role may name an opportunity of the same call."""
    statuses = [_status(each, lambda one: _sync(one, call.operation, world)) for each in call.m_objects]
    return Outcome(SyncMObjectsResult(tuple(statuses)), _types(call.m_objects))


def delete_m_objects(call: DeleteMObjects, world: World) -> Outcome:
    """Delete each object that is there."""
    statuses = [_status(each, lambda one: _delete(one, world)) for each in call.m_objects]
    return Outcome(DeleteMObjectsResult(tuple(statuses)), _types(call.m_objects))


def _types(objects: Iterable[MObject]) -> str:
    return ", ".join(dict.fromkeys(each.type for each in objects))


def _status(given: MObject, write: Callable[[MObject], tuple[MObjStatusEnum, int]]) -> MObjStatus:
    """Return what became of an object. Recorded: its external key is echoed. Chosen: id 0 where there is none."""
    try:
        status, number = write(given)
    except ValueError as refused:
        return MObjStatus(
            given.id or 0, external_key=given.external_key, status=MObjStatusEnum.FAILED, error=str(refused)
        )
    return MObjStatus(number, external_key=given.external_key, status=status)


def _sync(given: MObject, operation: str, world: World) -> tuple[MObjStatusEnum, int]:
    if given.type == "Program":
        return _sync_program(given, operation, world)
    names = {each.name for each in fields_of(given.type, world.settings)}
    if unknown := [each.name for each in given.attribs if each.name not in names]:
        # The text is recorded for custom objects.
        raise ValueError(f"Unknown name attribute list: {', '.join(unknown)}")
    if given.type == "Opportunity":
        found: Any = _found(world.leads.opportunities, given)
        return _write(world.leads.opportunities, given, operation, found, lambda: _changed(given, found), world)
    links = _links(given, world)
    found = _found(world.leads.roles, given)
    if found is None and given.id is None and given.external_key is None:
        found = _linked(given, links, world)
    return _write(world.leads.roles, given, operation, found, lambda: _changed_role(given, found, links), world)


def _found(table: Any, given: MObject) -> Any:
    """Return the row that is meant: by its id, or the newest with the external key."""
    if given.id is not None:
        return table.get(given.id)
    key = given.external_key
    return table.newest(key.value, key.name) if key is not None else None


def _linked(given: MObject, links: Mapping[str, int], world: World) -> Role | None:
    """Return the role with these links. Chosen: without a key it is found by its opportunity, its lead and the role."""
    if len(links) < len(LINKS):
        return None
    return world.leads.roles.of(links["opportunity_id"], links["lead_id"], given.get("Role") or "")


def _write(
    table: Any, given: MObject, operation: str, found: Any, change: Callable[[], Any], world: World
) -> tuple[MObjStatusEnum, int]:
    adds = operation == SyncOperationEnum.INSERT
    if adds and found is not None and given.id is None and world.settings.known_external_key == "add":
        found = None
    if found is None and operation == SyncOperationEnum.UPDATE:
        return MObjStatusEnum.SKIPPED, given.id or 0
    if found is None and given.id is not None:
        raise ValueError(f"There is no {given.type} with the id {given.id}")
    if found is not None and adds:
        return MObjStatusEnum.SKIPPED, found.id
    row, now = change(), world.now.isoformat()
    if found is None:
        return MObjStatusEnum.CREATED, table.add(evolve(row, id=0, created_at=now, updated_at=now)).id
    if row == found:
        return MObjStatusEnum.UNCHANGED, found.id
    table.update(evolve(row, updated_at=now))
    return MObjStatusEnum.UPDATED, found.id


def _changed(given: MObject, found: Opportunity | None) -> Opportunity:
    row = _with_attributes(found or Opportunity(), given)
    for each in given.m_obj_associations:
        if each.m_obj_type != "Company":
            raise ValueError(f"An opportunity has no association {each.m_obj_type!r}")
        key = {} if each.external_key is None else {each.external_key.name: each.external_key.value}
        row = evolve(row, company_id=each.id, company_key=key)
    return row


_LINK_ATTRIBUTES = {"OpportunityId": "opportunity_id", "PersonId": "lead_id"}


def _links(given: MObject, world: World) -> dict[str, int]:
    """Return the ids of opportunity and lead, as far as they are given: by attribute or by association."""
    links: dict[str, int] = {}
    for name, column in _LINK_ATTRIBUTES.items():
        if text := (given.get(name) or "").strip():
            links[column] = read_id(text) or 0
    for each in given.m_obj_associations:
        if each.m_obj_type not in LINKS:
            raise ValueError(f"A role has no association {each.m_obj_type!r}")
        links[LINKS[each.m_obj_type]] = id_of(each, world)
    if "opportunity_id" in links and world.leads.opportunities.get(links["opportunity_id"]) is None:
        raise ValueError("There is no such opportunity")
    if "lead_id" in links and world.leads.by_id(links["lead_id"]) is None:
        raise ValueError("There is no such lead")
    return links


def _changed_role(given: MObject, found: Role | None, links: Mapping[str, int]) -> Role:
    if found is None:
        if missing := [name for name, column in _LINK_ATTRIBUTES.items() if column not in links]:
            raise ValueError(f"{' and '.join(missing)} missing")
        found = Role(links["opportunity_id"], links["lead_id"])
    lead_id, opportunity_id = links.get("lead_id", found.lead_id), links.get("opportunity_id", found.opportunity_id)
    row = _with_attributes(evolve(found, lead_id=lead_id, opportunity_id=opportunity_id), given)
    attributes = {name: text for name, text in row.attributes.items() if name not in _LINK_ATTRIBUTES}
    return evolve(row, attributes=attributes)


def _with_attributes(row: RowT, given: MObject) -> RowT:
    """Return the row with what is given: an empty value clears an attribute (chosen)."""
    attributes = dict(row.attributes) | {each.name: each.value for each in given.attribs}
    row = evolve(row, attributes={name: value for name, value in attributes.items() if value})
    if given.external_key is not None:
        row = evolve(row, key_name=given.external_key.name, key=given.external_key.value)
    return row


def _delete(given: MObject, world: World) -> tuple[MObjStatusEnum, int]:
    if given.type == "Program":
        raise ValueError("A program cannot be deleted")
    table: Any = world.leads.opportunities if given.type == "Opportunity" else world.leads.roles
    found = _found(table, given)
    if found is None and given.type in ROLE_TYPES and given.m_obj_associations:
        with suppress(ValueError):
            found = _linked(given, _links(given, world), world)
    if found is None:
        return MObjStatusEnum.UNCHANGED, given.id or 0
    world.leads.delete_object(found)
    return MObjStatusEnum.DELETED, found.id


# -- programs -----------------------------------------------------------------------------------------


def _sync_program(given: MObject, operation: str, world: World) -> tuple[MObjStatusEnum, int]:
    if operation != SyncOperationEnum.UPDATE:
        raise ValueError("A program can only be updated")
    found = world.leads.programs.get(given.id or 0)
    if found is None:
        raise ValueError(f"There is no program with the id {given.id or 0}")
    row = found
    for each in given.type_attribs:
        values = {attrib.name: attrib.value.strip() for attrib in each.attribs}
        if each.attr_type == "Cost":
            row = _with_cost(row, _required(each, values, "Month", "Amount"))
        elif each.attr_type == "Tag":
            row = _with_tag(row, _required(each, values, "Type", "Value"), world)
        else:
            raise ValueError(f"{each.attr_type} cannot be written: costs and tags can")
    if row == found:
        return MObjStatusEnum.UNCHANGED, found.id
    world.leads.programs.update(evolve(row, updated_at=world.now.isoformat()))
    return MObjStatusEnum.UPDATED, found.id


def _required(given: TypeAttrib, values: dict[str, str], *names: str) -> dict[str, str]:
    if missing := [name for name in names if not values.get(name)]:
        raise ValueError(f"{given.attr_type}: {' and '.join(missing)} missing")
    return values


def _with_cost(row: Program, values: Mapping[str, str]) -> Program:
    """Add a cost, or change the one that an Id names."""
    month = re.sub(r"^(\d{4}-\d\d)-\d\d$", r"\1", values["Month"])
    cost = Cost(month, float(values["Amount"]), values.get("Note", ""))
    if not values.get("Id"):
        return row.with_costs(cost)
    number = next((each.id for each in row.costs if str(each.id) == values["Id"]), None)
    if number is None:
        raise ValueError(f"The program has no cost with the Id {values['Id']}")
    changed = evolve(cost, id=number)
    return evolve(row, costs=tuple(changed if each.id == number else each for each in row.costs))


def _with_tag(row: Program, values: Mapping[str, str], world: World) -> Program:
    kind, value = values["Type"], values["Value"]
    if not is_known_tag(world.leads, kind, value):
        raise ValueError(f"There is no {kind} {value!r}")
    if kind == "Channel":
        return evolve(row, channel=value)
    return evolve(row, tags={**row.tags, kind: value})


def is_known_tag(leads: Leads, kind: str, value: str) -> bool:
    """Say whether a channel, or a value of a tag, may be written: where any are configured, it is one of them."""
    if kind == "Channel":
        return leads.channels.first(name=value) is not None or not leads.channels.count()
    found = leads.tag_types.first(type=kind)
    return value in found.values if found is not None else not leads.tag_types.count()
