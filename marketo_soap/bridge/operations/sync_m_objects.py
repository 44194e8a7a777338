"""syncMObjects and deleteMObjects over REST: one call for neighbours of a type, one for each program. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marketo_soap.bridge.names import NameSource
from marketo_soap.bridge.objects import KEY, NO_IDS, ROLE_KEY, associated, check_role, lookup_of, path_of, rest_record
from marketo_soap.bridge.rest import WriteEffect, write, write_form
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.bridge.writes import ACTIONS, Writes, status_of
from marketo_soap.errors import Fault
from marketo_soap.operations.delete_m_objects import DeleteMObjects, DeleteMObjectsResult
from marketo_soap.operations.sync_m_objects import SyncMObjects, SyncMObjectsResult
from marketo_soap.records.marketo_objects import MObject, MObjStatus, MObjStatusEnum

__all__ = ["delete_m_objects", "sync_m_objects"]

Record = dict[str, Any]


def sync_m_objects(call: SyncMObjects, settings: BridgeSettings, _: NameSource) -> Translation[SyncMObjectsResult]:
    """Write the objects in the order given."""
    operation, objects, writes = str(call.operation), call.m_objects, Writes(settings)
    records: dict[int, Record] = {}
    for number, each in enumerate(objects):
        is_program = each.type == "Program"
        fields = {} if is_program else (yield lookup_of(each.type, settings))
        try:
            records[number] = _program_form(each, operation) if is_program else rest_record(each, fields, settings)
        except ValueError as error:
            writes.outcomes[number] = str(error)
    for run in _runs(objects, records):
        first = objects[run[0]]
        if first.type == "Program":
            form = records[run[0]]
            path = f"/rest/asset/v1/program/{first.id}.json"
            form_effect: WriteEffect = "once" if "costs" in form else "repeatable"  # costs are added
            yield from writes.send_one(write_form(path, effect=form_effect, **form), run[0])
            continue
        data = {"action": ACTIONS[operation], "dedupeBy": "dedupeFields", "input": [records[n] for n in run]}
        effect: WriteEffect = "once" if call.effect == "once" else "repeatable"
        yield from writes.send(write(f"{path_of(first.type)}.json", data, effect=effect), run)
    return SyncMObjectsResult(_statuses(objects, writes, operation))


def delete_m_objects(
    call: DeleteMObjects, settings: BridgeSettings, _: NameSource
) -> Translation[DeleteMObjectsResult]:
    """Delete the objects: opportunities by external key, roles by opportunity, lead and Role."""
    objects, writes = call.m_objects, Writes(settings)
    records: dict[int, Record] = {}
    for number, each in enumerate(objects):
        try:
            if each.type == "Program":
                raise ValueError("A program cannot be deleted")
            records[number] = _key_of(each)
        except ValueError as error:
            writes.outcomes[number] = str(error)
    for run in _runs(objects, records):
        data = {"deleteBy": "dedupeFields", "input": [records[n] for n in run]}
        path = f"{path_of(objects[run[0]].type)}/delete.json"
        yield from writes.send(write(path, data, effect="repeatable"), run)
    return DeleteMObjectsResult(_statuses(objects, writes, "DELETE"))


def _key_of(given: MObject) -> Record:
    """Return the key of an object in REST. Raises `ValueError` if it has none."""
    if given.id is not None:
        raise ValueError(NO_IDS)
    if given.type == "Opportunity":
        return {KEY: given.external_key.value} if given.external_key is not None else {}
    key: Record = {**associated(given), "role": given.get("Role") or ""}
    check_role(key)
    return key


def _runs(objects: Sequence[MObject], records: Mapping[int, Record]) -> Iterator[list[int]]:
    """Yield the numbers of neighbours that one REST call carries: of one type, no key twice (1036)."""
    run: list[int] = []
    keys: set[str] = set()
    for number, record in records.items():
        first, kind = objects[run[0] if run else number].type, objects[number].type
        key = str([record.get(name) for name in ROLE_KEY])
        same = path_of(first) == path_of(kind) and "Program" not in (first, kind)
        if run and (not same or key in keys):
            yield run
            run, keys = [], set()
        run.append(number)
        keys.add(key)
    if run:
        yield run


def _statuses(objects: Sequence[MObject], writes: Writes, operation: str) -> tuple[MObjStatus, ...]:
    """Return the status of each object. Its id is that of the caller, else 0: REST has no ids."""
    statuses = []
    for number, given in enumerate(objects):
        outcome = writes.outcomes[number]
        status, error = status_of(outcome, operation)
        if operation == "DELETE" and isinstance(outcome, Fault) and outcome.rest and outcome.rest.code == "1013":
            status, error = "UNCHANGED", None
        statuses.append(MObjStatus(given.id or 0, MObjStatusEnum(status), error, external_key=given.external_key))
    return tuple(statuses)


def _program_form(given: MObject, operation: str) -> Record:
    """Return the form that adds costs and writes tags of a program. Raises `ValueError` for what REST cannot write."""
    if operation != "UPDATE":
        raise ValueError("A program can only be updated")
    if given.id is None:
        raise ValueError("REST finds a program by its id alone: give an id")
    costs, tags = [], []
    for each in given.type_attribs:
        values = {attrib.name: attrib.value.strip() for attrib in each.attribs}
        if each.attr_type == "Cost":
            if values.get("Id"):
                raise ValueError("REST knows no ids of costs: it adds costs, and changes none")
            if not values.get("Month") or not values.get("Amount"):
                raise ValueError("Cost: Month and Amount are required")
            costs.append(
                {"startDate": values["Month"], "cost": float(values["Amount"]), "note": values.get("Note", "")}
            )
        elif each.attr_type == "Tag" and values.get("Type") == "Channel":
            raise ValueError("REST does not change the channel of a program")
        elif each.attr_type == "Tag" and values.get("Type") and values.get("Value"):
            tags.append({"tagType": values["Type"], "tagValue": values["Value"]})
        else:
            raise ValueError(f"{each.attr_type} cannot be written: costs and tags can, with all their attributes")
    form = {"costs": costs, "tags": tags}
    return {name: json.dumps(rows, allow_nan=False) for name, rows in form.items() if rows}
