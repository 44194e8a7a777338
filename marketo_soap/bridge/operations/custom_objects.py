"""Custom objects over REST: a type is described once, its objects are found and written by their keys. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from attrs import frozen

from marketo_soap.bridge.lookup import ask, cached
from marketo_soap.bridge.names import NameSource
from marketo_soap.bridge.rest import JSON, RestRequest, WriteEffect, json_objects, read, write
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.bridge.values import rest_value, text_value
from marketo_soap.bridge.writes import ACTIONS, Writes, status_of
from marketo_soap.errors import fault
from marketo_soap.operations.delete_custom_objects import DeleteCustomObjects, DeleteCustomObjectsResult
from marketo_soap.operations.get_custom_objects import (
    GetCustomObjects,
    GetCustomObjectsResult,
    read_position,
    write_position,
)
from marketo_soap.operations.sync_custom_objects import SyncCustomObjects, SyncCustomObjectsResult
from marketo_soap.records.custom_objects import MOST_OBJECTS, CustomObj, SyncCustomObjStatus, unknown
from marketo_soap.records.lead import Attribute
from marketo_soap.records.lead_fields import attribute_order

__all__ = ["delete_custom_objects", "get_custom_objects", "sync_custom_objects"]

_PATH = "/rest/v1/customobjects"
_LINK = "MKTOID"  # what SOAP calls the link to a lead
_OWN = ("marketoGUID", "createdAt", "updatedAt")


@frozen
class _Kind:
    """A type of objects: REST names and types of its fields by SOAP name, its key, and its link to leads."""

    name: str
    fields: Mapping[str, tuple[str, str]]
    keys: tuple[str, ...]
    link: str | None

    def __bool__(self) -> bool:
        """Whether REST described it: an empty reply is not cached."""
        return bool(self.fields)

    @property
    def path(self) -> str:
        return f"{_PATH}/{quote(self.name, safe='')}"

    def record(self, values: Mapping[str, str], settings: BridgeSettings) -> dict[str, Any]:
        """Return values by their REST names. `ValueError` names the attribute that has none of its type."""
        record = {}
        for name, text in values.items():
            if not text and settings.empty_value == "skip":
                continue
            rest_name, kind = self.fields[name]
            try:
                record[rest_name], _ = rest_value(text, kind, settings)
            except ValueError as error:
                raise ValueError(f"Invalid value for attribute {name!r}: {error}") from None
        return record


def get_custom_objects(
    call: GetCustomObjects, settings: BridgeSettings, _: NameSource
) -> Translation[GetCustomObjectsResult]:
    """Return a page of the objects that a whole key, or the link to a lead, names."""
    kind: _Kind = yield from _kind(call.obj_type_name, settings)
    key = {each.name: each.value.strip() for each in call.custom_obj_keys}
    if names := [name for name in key if name not in kind.keys and name != kind.link]:
        raise fault(20110, unknown(names))
    before, token = read_position(call.stream_position, key.values(), "tk", "")
    if not key:
        raise fault(20019, "REST lists no custom objects without a key")
    if key.keys() != set(kind.keys) and [*key] != [kind.link]:
        raise fault(20019, f"REST finds these objects by {', '.join(kind.keys)} together, or by their link to a lead")
    shown = [name for name in kind.fields if name in kind.keys or name in (call.include_attributes or kind.fields)]
    found: Sequence[Mapping[str, Any]] = ()
    following: str | None = None
    record = _readable(kind, key, settings)
    if record is not None and (token or not before):
        size = min(call.batch_size or MOST_OBJECTS, MOST_OBJECTS)
        query = {"fields": [kind.fields[name][0] for name in shown], "batchSize": size}
        query |= {"nextPageToken": token} if token else {}
        reply = yield from ask(_query(kind, key, record, query), settings)
        found, following = reply.result, reply.next_page
    position = write_position(key.values(), before + len(found), **({"tk": following} if following else {}))
    objects = tuple(_object(kind, each, shown, settings) for each in found)
    return GetCustomObjectsResult(kind.name, len(objects), int(bool(following)), position, objects)


def sync_custom_objects(
    call: SyncCustomObjects, settings: BridgeSettings, _: NameSource
) -> Translation[SyncCustomObjectsResult]:
    """Write the objects of a call; a key that comes twice is written in two calls of REST."""
    kind: _Kind = yield from _kind(call.obj_type_name, settings)
    operation = str(call.operation or "UPSERT")
    body = {"action": ACTIONS[operation], "dedupeBy": "dedupeFields"}
    given = [(each.custom_obj_keys, each.custom_obj_attributes) for each in call.custom_objs]
    statuses = yield from _written(kind, f"{kind.path}.json", body, given, operation, settings)
    return SyncCustomObjectsResult(statuses)


def delete_custom_objects(
    call: DeleteCustomObjects, settings: BridgeSettings, _: NameSource
) -> Translation[DeleteCustomObjectsResult]:
    """Delete the objects with these keys."""
    kind: _Kind = yield from _kind(call.obj_type_name, settings)
    given: list[tuple[Sequence[Attribute], Sequence[Attribute]]] = [(key, ()) for key in call.custom_obj_key_lists]
    statuses = yield from _written(
        kind, f"{kind.path}/delete.json", {"deleteBy": "dedupeFields"}, given, "DELETE", settings
    )
    return DeleteCustomObjectsResult(statuses)


# -- types --------------------------------------------------------------------------------------------


def _kind(name: str, settings: BridgeSettings) -> Translation[_Kind]:
    """Return the type with this name or display name, in any case. Raises 20110."""
    names = yield cached(f"{_PATH}.json", _names_of, settings)
    known = names.get(name.strip().lower())
    if known is None:
        raise fault(20110, "Object name is not valid")
    path = f"{_PATH}/{quote(known, safe='')}/describe.json"
    described: _Kind = yield cached(path, lambda found: _described(known, next(iter(found), {})), settings)
    return described


def _names_of(records: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    pairs = [(each.get(key), each.get("name")) for key in ("displayName", "name") for each in records]
    return {str(label).strip().lower(): str(name) for label, name in pairs}


def _described(name: str, data: Mapping[str, Any]) -> _Kind:
    fields = {
        str(each["name"]): str(each.get("dataType")) for each in json_objects(data.get("fields")) if each.get("name")
    }
    links = [
        str(each.get("field"))
        for each in json_objects(data.get("relationships"))
        if isinstance(each.get("relatedTo"), dict) and each["relatedTo"].get("name") == "Lead"
    ]
    soap = {each: _LINK if [each] == links[:1] and _LINK not in fields else each for each in fields}
    keys = data.get("dedupeFields")
    return _Kind(
        name,
        {soap[each]: (each, kind) for each, kind in fields.items() if each not in _OWN},
        tuple(soap[each] for each in (keys if isinstance(keys, list) else []) if each in soap),
        next((soap[each] for each in links if each in soap), None),
    )


# -- objects ------------------------------------------------------------------------------------------


def _readable(kind: _Kind, key: Mapping[str, str], settings: BridgeSettings) -> dict[str, Any] | None:
    """Return a key by REST names; None for one that no object can have, or that a filter would take for two."""
    if key.keys() != set(kind.keys) and any("," in value for value in key.values()):
        return None
    try:
        return kind.record(key, settings) if all(key.values()) else None
    except ValueError:
        return None


def _query(kind: _Kind, key: Mapping[str, str], record: Mapping[str, Any], query: Mapping[str, Any]) -> RestRequest:
    if key.keys() != set(kind.keys):
        ((name, value),) = record.items()
        texts = {"fields": ",".join(query["fields"]), "batchSize": str(query["batchSize"])}
        texts |= {"nextPageToken": query["nextPageToken"]} if "nextPageToken" in query else {}
        return read(f"{kind.path}.json", filterType=name, filterValues=str(value), **texts)
    body = json.dumps({"filterType": "dedupeFields", "input": [record], **query}, ensure_ascii=False).encode()
    return RestRequest("POST", f"{kind.path}.json", (("_method", "GET"),), body, JSON)


def _object(kind: _Kind, data: Mapping[str, Any], shown: Sequence[str], settings: BridgeSettings) -> CustomObj:
    values = [
        Attribute(name, text)
        for name in sorted(shown, key=attribute_order)
        if (value := data.get(kind.fields[name][0])) is not False or settings.return_false
        if (text := text_value(value, booleans=settings.boolean_text))
    ]
    return CustomObj(
        [each for each in values if each.name in kind.keys], [each for each in values if each.name not in kind.keys]
    )


def _written(
    kind: _Kind,
    path: str,
    body: Mapping[str, str],
    given: Sequence[tuple[Sequence[Attribute], Sequence[Attribute]]],
    operation: str,
    settings: BridgeSettings,
) -> Translation[tuple[SyncCustomObjStatus, ...]]:
    """Send the objects and return a status for each, in the order given."""
    writes = Writes(settings)
    batches: list[dict[str, tuple[int, dict[str, Any]]]] = []
    for number, (key, attributes) in enumerate(given):
        try:
            record = kind.record(_values(kind, key, [*attributes, *key]), settings)
        except ValueError as error:
            writes.outcomes[number] = str(error)
            continue
        same = json.dumps([record[kind.fields[name][0]] for name in kind.keys])
        batch = next((each for each in batches if same not in each), None)
        if batch is None:
            batches.append(batch := {})
        batch[same] = number, record
    effect: WriteEffect = "once" if operation == "INSERT" else "repeatable"
    for batch in batches:
        numbers, records = zip(*batch.values(), strict=True)
        yield from writes.send(write(path, {**body, "input": records}, effect=effect), numbers)
    return tuple(
        SyncCustomObjStatus(kind.name, *status_of(writes.outcomes[number], operation), custom_obj_keys=key)
        for number, (key, _) in enumerate(given)
    )


def _values(kind: _Kind, key: Sequence[Attribute], given: Sequence[Attribute]) -> dict[str, str]:
    names = [each.name for each in key if each.name not in kind.keys]
    names += [each.name for each in given if each.name not in kind.fields]
    if names:
        raise ValueError(unknown(names))
    values = {each.name: each.value for each in given}
    values |= {name: values[name].strip() for name in (*kind.keys, *filter(None, [kind.link])) if name in values}
    if missing := [name for name in kind.keys if not values.get(name)]:
        raise ValueError(f"Missing key attribute: {', '.join(missing)}")
    return values
