"""syncMObjects and deleteMObjects over REST: one call for neighbours of a type, one for each program. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marketo_soap.bridge.codes import refusal
from marketo_soap.bridge.names import NameSource
from marketo_soap.bridge.objects import KEY, NO_IDS, associated, lookup_of, path_of, rest_record
from marketo_soap.bridge.rest import RestReply, RestRequest, write, write_form
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.errors import fault
from marketo_soap.operations.delete_m_objects import DeleteMObjects, DeleteMObjectsResult
from marketo_soap.operations.sync_m_objects import SyncMObjects, SyncMObjectsResult
from marketo_soap.records.marketo_objects import MObject, MObjStatus, MObjStatusEnum

__all__ = ["delete_m_objects", "sync_m_objects"]

_ACTIONS = {"INSERT": "createOnly", "UPDATE": "updateOnly", "UPSERT": "createOrUpdate"}
_STATUSES = {
    "created": MObjStatusEnum.CREATED,
    "updated": MObjStatusEnum.UPDATED,
    "deleted": MObjStatusEnum.DELETED,
}
_SKIPPED = {"1017": "INSERT", "1013": "UPDATE"}  # by REST code: which operation it is nothing new for

Record = dict[str, Any]
Statuses = dict[int, MObjStatus]


def sync_m_objects(call: SyncMObjects, settings: BridgeSettings, _: NameSource) -> Translation[SyncMObjectsResult]:
    """Write the objects in the order given."""
    operation = str(call.operation)
    done: Statuses = {}
    records: dict[int, Record] = {}
    for number, each in enumerate(call.m_objects):
        if each.type == "Program":
            records[number] = {}  # it is sent as a form, alone
            continue
        fields = yield lookup_of(each.type, settings)
        try:
            records[number] = rest_record(each, fields, settings)
        except ValueError as error:
            done[number] = _failed(each, str(error))
    for run in _runs(call.m_objects, records):
        first = call.m_objects[run[0]]
        if first.type == "Program":
            done[run[0]] = yield from _update_program(first, operation, settings)
            continue
        data = {"action": _ACTIONS[operation], "dedupeBy": "dedupeFields", "input": [records[n] for n in run]}
        effect = call.effect if call.effect == "once" else "repeatable"
        sent = write(f"{path_of(first.type)}.json", data, effect=effect)
        done |= yield from _carried(sent, run, call.m_objects, operation, settings, whole=not _written(done))
    return SyncMObjectsResult(tuple(done[number] for number in range(len(call.m_objects))))


def delete_m_objects(
    call: DeleteMObjects, settings: BridgeSettings, _: NameSource
) -> Translation[DeleteMObjectsResult]:
    """Delete the objects: opportunities by external key, roles by opportunity, lead and Role."""
    objects, done = call.m_objects, Statuses()
    records: dict[int, Record] = {}
    for number, each in enumerate(objects):
        try:
            if each.type == "Program":
                raise ValueError("A program cannot be deleted")
            records[number] = _key_of(each)
        except ValueError as error:
            done[number] = _failed(each, str(error))
    for run in _runs(objects, records):
        data = {"deleteBy": "dedupeFields", "input": [records[n] for n in run]}
        sent = write(f"{path_of(objects[run[0]].type)}/delete.json", data, effect="repeatable")
        done |= yield from _carried(sent, run, objects, "DELETE", settings, whole=not _written(done))
    return DeleteMObjectsResult(tuple(done[number] for number in range(len(objects))))


def _key_of(given: MObject) -> Record:
    """Return what names an object in REST. `ValueError` says why nothing does."""
    if given.id is not None:
        raise ValueError(NO_IDS)
    if given.type == "Opportunity":
        return {KEY: given.external_key.value} if given.external_key is not None else {}
    key: Record = {**associated(given), "role": given.get("Role") or ""}
    if missing := [name for name in (KEY, "leadId", "role") if not key.get(name)]:
        raise ValueError(f"REST finds a role by its opportunity's external key, its lead and its Role: {missing[0]}")
    return key


def _runs(objects: Sequence[MObject], records: Mapping[int, Record]) -> Iterator[list[int]]:
    """Yield the numbers of neighbours that one REST call carries: of one type, no key twice (1036)."""
    run: list[int] = []
    keys: set[str] = set()
    for number, record in records.items():
        first, kind = objects[run[0] if run else number].type, objects[number].type
        key = str([record.get(name) for name in (KEY, "leadId", "role")])
        same = path_of(first) == path_of(kind) and "Program" not in (first, kind)
        if run and (not same or key in keys):
            yield run
            run, keys = [], set()
        run.append(number)
        keys.add(key)
    if run:
        yield run


def _written(done: Statuses) -> bool:
    return any(each.status != MObjStatusEnum.FAILED for each in done.values())


def _failed(given: MObject, reason: str) -> MObjStatus:
    return MObjStatus(given.id or 0, external_key=given.external_key, status=MObjStatusEnum.FAILED, error=reason)


def _carried(
    sent: RestRequest,
    run: list[int],
    objects: Sequence[MObject],
    operation: str,
    settings: BridgeSettings,
    *,
    whole: bool,
) -> Translation[Statuses]:
    """Send a write and return a status for each object. *whole*: a refused call is a fault, for nothing was written."""
    reply: RestReply = yield sent
    if not reply.success:
        refused = refusal(reply.errors[0], settings, level="response", fate_unknown=reply.in_doubt)
        if whole:
            raise refused
        return {number: _failed(objects[number], f"{refused.code} - {refused.message}") for number in run}
    if len(reply.result) != len(run):
        raise fault(20011, "REST answered with another number of records than were sent")
    return {
        number: _status(objects[number], record, operation, reply, settings)
        for number, record in zip(run, reply.result, strict=True)
    }


def _status(
    given: MObject, record: Mapping[str, Any], operation: str, reply: RestReply, settings: BridgeSettings
) -> MObjStatus:
    """Return the status of a record; the id is 0, for REST has none."""
    status = _STATUSES.get(str(record.get("status")))
    if status is not None:
        return MObjStatus(0, external_key=given.external_key, status=status)
    reason = reply.reason(record)
    if reason.code == "1013" and operation == "DELETE":
        return MObjStatus(0, external_key=given.external_key, status=MObjStatusEnum.UNCHANGED)
    if _SKIPPED.get(reason.code) == operation:
        return MObjStatus(0, external_key=given.external_key, status=MObjStatusEnum.SKIPPED)
    refused = refusal(reason, settings, level="record", fate_unknown=reply.in_doubt)
    return _failed(given, f"{refused.code} - {refused.message}")


def _update_program(given: MObject, operation: str, settings: BridgeSettings) -> Translation[MObjStatus]:
    """Add costs and write tags of a program."""
    try:
        if operation != "UPDATE":
            raise ValueError("A program can only be updated")
        form = _form_of(given)
    except ValueError as error:
        return _failed(given, str(error))
    sent = write_form(
        f"/rest/asset/v1/program/{given.id or 0}.json", effect="once" if "costs" in form else "repeatable", **form
    )
    reply: RestReply = yield sent
    if reply.success:
        return MObjStatus(given.id or 0, external_key=given.external_key, status=MObjStatusEnum.UPDATED)
    refused = refusal(reply.errors[0], settings, level="record", fate_unknown=reply.in_doubt)
    return _failed(given, f"{refused.code} - {refused.message}")


def _form_of(given: MObject) -> dict[str, str]:
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
