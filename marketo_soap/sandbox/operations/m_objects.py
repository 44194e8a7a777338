"""listMObjects, describeMObject and getMObjects in the sandbox: opportunities, roles and programs as objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from attrs import evolve

from marketo_soap.errors import fault
from marketo_soap.operations.describe_m_object import DescribeMObject, DescribeMObjectResult
from marketo_soap.operations.get_m_objects import GetMObjects, GetMObjectsResult
from marketo_soap.operations.list_m_objects import ListMObjects, ListMObjectsResult
from marketo_soap.records.attribs import Attrib
from marketo_soap.records.lead_fields import attribute_order
from marketo_soap.records.lead_keys import aware
from marketo_soap.records.marketo_objects import ROLE_TYPES, MObjAssociation, MObject, TypeAttrib
from marketo_soap.records.object_fields import (
    DESCRIBED,
    OBJECT_FIELDS,
    ObjectField,
    check_criteria,
    describe,
    meets,
)
from marketo_soap.sandbox.operations.get_multiple_leads import place_of
from marketo_soap.sandbox.operations.outcome import Outcome, World
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.objects import Opportunity, Role
from marketo_soap.sandbox.store.programs import Program

__all__ = ["LINKS", "describe_m_object", "fields_of", "get_m_objects", "id_of", "list_m_objects"]

_PAGE = 100
LINKS = {"Opportunity": "opportunity_id", "Lead": "lead_id"}
"""The columns of a role's associations, by their types."""


def list_m_objects(_call: ListMObjects, _world: World) -> Outcome:
    """Return the types that can be described."""
    return Outcome(ListMObjectsResult(DESCRIBED))


def describe_m_object(call: DescribeMObject, world: World) -> Outcome:
    """Return the fields of a type. Raises 20110."""
    if call.object_name not in (*DESCRIBED, *ROLE_TYPES):
        raise fault(20110, f"Object name is not valid: use one of {', '.join(DESCRIBED)}")
    described = describe(call.object_name, fields_of(call.object_name, world.settings))
    return Outcome(DescribeMObjectResult(described), call.object_name)


def fields_of(kind: str, settings: Settings) -> Sequence[ObjectField]:
    """Return the fields of a type: the standard ones, and those of the settings."""
    if kind == "LeadRecord":
        names = sorted(settings.field_types.keys() - settings.unshown_fields - {"Id"}, key=attribute_order)
        return [ObjectField("Id", "integer"), *(ObjectField(name, settings.field_types[name]) for name in names)]
    custom = settings.opportunity_fields if kind == "Opportunity" else {}
    return [*OBJECT_FIELDS[kind], *(ObjectField(name, each) for name, each in custom.items())]


def get_m_objects(call: GetMObjects, world: World) -> Outcome:
    """Return one page of the objects that meet all conditions, oldest first. Raises 20110, 20122 and 20123."""
    check_criteria(call.type, call.m_obj_criteria)
    after, _, before, _ = place_of(call.stream_position)
    found: list[MObject] = []
    for row in _rows(call, world, after):
        shown = _shown(row, call.type, world.settings)
        if meets(shown, call.m_obj_criteria) and all(_has(shown, each) for each in call.m_obj_associations):
            found.append(shown)
        if len(found) > _PAGE:
            break
    if before and not found and world.settings.stream_end == "fault":
        raise fault(20123)
    page = found[:_PAGE]
    if not call.include_details:
        page = [evolve(each, type_attribs=()) if each.type == "Program" else each for each in page]
    more = len(found) > _PAGE
    last = page[-1].id if page else after
    position = f"id:{last}:ts:0:os:{before + len(page)}:rc:{int(more)}"
    return Outcome(GetMObjectsResult(len(page), more, position, tuple(page)), call.type)


def _rows(call: GetMObjects, world: World, after: int) -> Iterator[Any]:
    """Go through the rows that id, external key and associations name, a few at a time."""
    table = _table(call.type, world)
    equal: dict[str, object] = {} if call.id is None else {"id": call.id}
    if call.external_key is not None:
        key = call.external_key
        newest = None if call.type == "Program" else table.newest(key.value, key.name)
        equal["id"] = newest.id if newest is not None else 0
    if call.type in ROLE_TYPES:
        for each in call.m_obj_associations:
            if each.m_obj_type in LINKS:
                equal[LINKS[each.m_obj_type]] = id_of(each, world)
    condition = " AND ".join([*(f"{name} = ?" for name in equal), "id > ?"])
    while True:
        rows = table.select(condition, (*equal.values(), after), limit=_PAGE + 1)
        yield from rows
        if len(rows) <= _PAGE:
            return
        after = rows[-1].id


def _table(kind: str, world: World) -> Any:
    leads = world.leads
    return {"Opportunity": leads.opportunities, "Program": leads.programs}.get(kind, leads.roles)


def id_of(association: MObjAssociation, world: World) -> int:
    """Return the id of a Lead or an Opportunity; 0 if there is none. A lead has no external key (chosen)."""
    if association.id is not None:
        return association.id
    key = association.external_key
    if key is None or association.m_obj_type != "Opportunity":
        return 0
    found = world.leads.opportunities.newest(key.value, key.name)
    return 0 if found is None else found.id


def _has(found: MObject, wanted: MObjAssociation) -> bool:
    """Say whether an object has an association; those of a role are looked up before."""
    kinds = {"Opportunity": ("Company",), "Program": ()}.get(found.type, ("Lead", "Opportunity"))
    if wanted.m_obj_type not in kinds:
        raise fault(20110, f"{found.type} has no association {wanted.m_obj_type!r}")
    return wanted.m_obj_type != "Company" or wanted in found.m_obj_associations


def _shown(row: Opportunity | Role | Program, kind: str, settings: Settings) -> MObject:
    """Return a row as an object with all its details."""
    created, updated = (aware(datetime.fromisoformat(each)) for each in (row.created_at, row.updated_at))
    if isinstance(row, Program):
        return MObject(
            kind,
            row.id,
            created_at=created,
            updated_at=updated,
            attribs=_program_attribs(row, settings),
            type_attribs=tuple(_details(row)),
        )
    attributes, associations = dict(row.attributes), [*_associations(row)]
    if isinstance(row, Role):
        attributes |= {"OpportunityId": str(row.opportunity_id), "PersonId": str(row.lead_id)}
    return MObject(
        kind,
        row.id,
        Attrib(row.key_name, row.key) if row.key else None,
        dict(sorted(attributes.items(), key=lambda each: attribute_order(each[0]))),
        created_at=created,
        updated_at=updated,
        m_obj_associations=tuple(associations),
    )


def _associations(row: Opportunity | Role) -> Iterator[MObjAssociation]:
    if isinstance(row, Role):
        yield MObjAssociation("Lead", row.lead_id)
        yield MObjAssociation("Opportunity", row.opportunity_id)
    elif row.company_id is not None:
        yield MObjAssociation("Company", row.company_id)
    for name, value in row.company_key.items() if isinstance(row, Opportunity) else ():
        yield MObjAssociation("Company", None, Attrib(name, value))


def _program_attribs(row: Program, settings: Settings) -> dict[str, str]:
    """Return the attributes of a program; ids of workspaces count from 1 (chosen)."""
    names = [each.name for each in settings.workspaces.workspaces]
    given = {
        "Name": row.name,
        "Type": row.type,
        "Workspace Id": str(names.index(row.workspace) + 1 if row.workspace in names else 0),
        "Workspace Name": row.workspace,
        "Tree Path": f"Marketing Activities/{row.workspace}/{row.name}",
        "Is Archived": str(row.archived).lower(),
        "Start Date": row.start_date,
        "End Date": row.end_date,
        "CRM Id": row.crm_id,
    }
    return {name: value for name, value in given.items() if value}


def _details(row: Program) -> Iterator[TypeAttrib]:
    tags = ({"Channel": row.channel} if row.channel else {}) | dict(row.tags)
    for kind, value in tags.items():
        yield TypeAttrib("Tag", {"Type": kind, "Value": value})
    for name, value in row.tokens.items():
        yield TypeAttrib("Token", {"Name": name, "Value": value})
    for cost in row.costs:
        amount = int(cost.amount) if cost.amount == int(cost.amount) else cost.amount
        yield TypeAttrib("Cost", {"Id": cost.id, "Month": f"{cost.month}-01", "Amount": amount, "Note": cost.note})
