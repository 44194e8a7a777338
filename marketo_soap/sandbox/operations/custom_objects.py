"""Custom objects in the sandbox: read in pages, written and deleted one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from marketo_soap.errors import fault
from marketo_soap.operations.delete_custom_objects import DeleteCustomObjects, DeleteCustomObjectsResult
from marketo_soap.operations.get_custom_objects import (
    GetCustomObjects,
    GetCustomObjectsResult,
    read_position,
    write_position,
)
from marketo_soap.operations.sync_custom_objects import SyncCustomObjects, SyncCustomObjectsResult
from marketo_soap.records.attribs import SyncOperationEnum
from marketo_soap.records.custom_objects import MOST_OBJECTS, CustomObj, SyncCustomObjStatus, SyncStatusEnum, unknown
from marketo_soap.records.lead import Attribute
from marketo_soap.records.lead_fields import attribute_order
from marketo_soap.sandbox.assets import CustomObjectType
from marketo_soap.sandbox.operations.outcome import Outcome, World
from marketo_soap.sandbox.store.custom_objects import StoredObject

__all__ = ["delete_custom_objects", "get_custom_objects", "sync_custom_objects"]


class _ObjectError(Exception):
    """One object is not written or deleted. Its text is the reason."""


def get_custom_objects(call: GetCustomObjects, world: World) -> Outcome:
    """Return one page of the objects that a key, or a part of it, names, oldest first (chosen). Raises 20110, 20122."""
    kind, objects = _kind(world, call.obj_type_name), world.leads.custom_objects
    key = {attribute.name: attribute.value.strip() for attribute in call.custom_obj_keys}
    if names := [name for name in key if name not in kind.searched]:
        raise fault(20110, unknown(names))
    limit = min(call.batch_size or MOST_OBJECTS, MOST_OBJECTS)
    before, after = read_position(call.stream_position, key.values(), "id", 0)
    page = objects.matching(kind, key, after=after, limit=limit, offset=0 if after else before)
    if before and not page and world.settings.stream_end == "fault":
        raise fault(20123)
    last = page[-1].id if page else after
    remaining = objects.count_of(kind, key, after=last) if len(page) == limit else 0
    position = write_position(key.values(), before + len(page), **({"id": last} if last else {}))
    shown = tuple(_shown(kind, each, call.include_attributes) for each in page)
    return Outcome(GetCustomObjectsResult(kind.name, len(page), remaining, position, shown), kind.name)


def sync_custom_objects(call: SyncCustomObjects, world: World) -> Outcome:
    """Write the objects one after the other; what fails stops no other. Raises 20110."""
    kind = _kind(world, call.obj_type_name)
    operation = call.operation or SyncOperationEnum.UPSERT  # chosen, where it is absent
    statuses = []
    for each in call.custom_objs:
        given = [*each.custom_obj_attributes, *each.custom_obj_keys]
        error = None
        try:
            status = _written(kind, _values(kind, each.custom_obj_keys, given), operation, world)
        except _ObjectError as failure:
            status, error = SyncStatusEnum.FAILED, str(failure)
        statuses.append(SyncCustomObjStatus(kind.name, status, error, custom_obj_keys=each.custom_obj_keys))
    return Outcome(SyncCustomObjectsResult(tuple(statuses)), kind.name)


def delete_custom_objects(call: DeleteCustomObjects, world: World) -> Outcome:
    """Delete the objects with these whole keys. Raises 20110."""
    kind, objects = _kind(world, call.obj_type_name), world.leads.custom_objects
    statuses = []
    for key in call.custom_obj_key_lists:
        status, error = "UNCHANGED", None
        try:
            if (found := objects.by_key(kind, _values(kind, key, key))) is not None:
                objects.delete(found.id)
                status = SyncStatusEnum.DELETED
        except _ObjectError as failure:
            status, error = SyncStatusEnum.FAILED, str(failure)
        statuses.append(SyncCustomObjStatus(kind.name, status, error, custom_obj_keys=key))
    return Outcome(DeleteCustomObjectsResult(tuple(statuses)), kind.name)


def _kind(world: World, name: str) -> CustomObjectType:
    kind = world.leads.custom_object_types.named(name)
    if kind is None:
        raise fault(20110, "Object name is not valid")
    return kind


def _values(kind: CustomObjectType, key: Sequence[Attribute], given: Sequence[Attribute]) -> dict[str, str]:
    """Return the values by name, a key in its place. Chosen: space around a key does not count."""
    names = [each.name for each in key if each.name not in kind.keys]
    names += [each.name for each in given if each.name not in kind.types]
    if names:
        raise _ObjectError(unknown(names))
    values = {each.name: each.value for each in given}
    values |= {name: values[name].strip() for name in kind.searched if name in values}
    if missing := [name for name in kind.keys if not values.get(name)]:
        raise _ObjectError(f"Missing key attribute: {', '.join(missing)}")
    return values


def _written(kind: CustomObjectType, values: Mapping[str, str], operation: str, world: World) -> str:
    objects, now = world.leads.custom_objects, world.now.isoformat()
    found = objects.by_key(kind, values)
    refused = {SyncOperationEnum.INSERT: found is not None, SyncOperationEnum.UPDATE: found is None}
    if refused.get(SyncOperationEnum(operation)):
        if world.settings.skipped_objects == "FAILED":
            raise _ObjectError("The object exists already" if found is not None else "There is no such object")
        return "SKIPPED"
    kept = {name: text for name, text in {**(found.values if found else {}), **values}.items() if text}
    if found is None:
        objects.add(StoredObject(kind.name, kept, now, now))
        return SyncStatusEnum.CREATED
    objects.update(evolve(found, values=kept, updated_at=now))
    return SyncStatusEnum.UPDATED


def _shown(kind: CustomObjectType, stored: StoredObject, wanted: Sequence[str]) -> CustomObj:
    """Return an object as a reply shows it: attributes by name, those without a value left out."""
    values = sorted(stored.values.items(), key=lambda item: attribute_order(item[0]))
    return CustomObj(
        [Attribute(name, text) for name, text in values if name in kind.keys],
        [Attribute(name, text) for name, text in values if name not in kind.keys and (not wanted or name in wanted)],
    )
