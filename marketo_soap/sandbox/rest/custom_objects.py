"""Custom objects over REST, on the rows that SOAP's operations write too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.assets import CustomObjectType
from marketo_soap.sandbox.field_catalogue import RestField
from marketo_soap.sandbox.rest.find import page_size, read_token, write_token
from marketo_soap.sandbox.rest.replies import Reply, RestError
from marketo_soap.sandbox.rest.values import json_value, kept_text, utc
from marketo_soap.sandbox.store.custom_objects import StoredObject
from marketo_soap.sandbox.store.leads import Leads

__all__ = ["ObjectCall", "delete_custom", "describe_type", "find_custom", "list_types", "sync_custom"]

_GUID = "marketoGUID"
_MOST = 300


@frozen
class ObjectCall:
    """A call: the type in its path, its parameters, the JSON of its body (None: it has none), and the time."""

    type: str
    given: Mapping[str, str] = field(repr=hidden)
    data: Any = field(repr=hidden)
    now: datetime


def list_types(leads: Leads, _: ObjectCall) -> Reply:
    """Return all types, without their fields."""
    return Reply([_described(kind) for kind in leads.custom_object_types.find()])


def describe_type(leads: Leads, call: ObjectCall) -> Reply:
    """Return one type with its fields; raises 1013."""
    kind = _kind(leads, call)
    fields = [
        {"name": each.name, "displayName": each.label, "dataType": each.type, "updateable": True}
        for each in _fields(kind).values()
    ]
    guid = {"name": _GUID, "displayName": "Marketo GUID", "dataType": "string", "updateable": False}
    return Reply([{**_described(kind), "fields": [guid, *fields]}])


def find_custom(leads: Leads, call: ObjectCall) -> Reply:
    """Return a page of objects: by one field and values, or by whole keys in the body's `input`."""
    kind, data = _kind(leads, call), call.data if isinstance(call.data, dict) else call.given
    known, by = _fields(kind), str(data.get("filterType") or "")
    asked = data.get("fields") or [_GUID, *_keys(kind), "createdAt", "updatedAt"]
    names = [name.strip() for name in asked.split(",")] if isinstance(asked, str) else list(map(str, asked))
    if unknown := [name for name in names if name not in known and name not in (_GUID, "createdAt", "updatedAt")]:
        raise RestError("1003", f"Invalid fields {unknown}")
    rows: dict[int, StoredObject] = {}
    if by == "dedupeFields" or [by] == _keys(kind):
        values = str(data.get("filterValues") or "").split(",")
        for record in data["input"] if isinstance(data.get("input"), list) else [{by: each} for each in values]:
            row = leads.custom_objects.by_key(kind, _key(kind, record))
            rows |= {row.id: row} if row is not None else {}
    elif by in known and known[by].kept == kind.lead_link:
        for value in str(data.get("filterValues") or "").split(","):
            rows |= {row.id: row for row in leads.custom_objects.matching(kind, {known[by].kept: value.strip()})}
    else:
        raise RestError("1003", f"Invalid filterType '{by}'")
    token = str(data.get("nextPageToken") or "")
    start = read_token(token, "objects", 1)[0] if token else "0"
    rest = [rows[number] for number in sorted(rows) if number > int(start if start.isdecimal() else 0)]
    size = page_size({"batchSize": str(data.get("batchSize") or "")})
    shown = [{"seq": seq, **_shown(row, names, known)} for seq, row in enumerate(rest[:size])]
    return Reply(shown, write_token("objects", rest[size - 1].id) if len(rest) > size else None)


def sync_custom(leads: Leads, call: ObjectCall) -> Reply:
    """Write objects, each for itself; one that is refused is skipped, with its reasons."""
    kind, known, now = _kind(leads, call), _fields(_kind(leads, call)), call.now.isoformat()
    action = _member(call, "action", "createOrUpdate")
    if action not in ("createOrUpdate", "createOnly", "updateOnly"):
        raise RestError("1003", f"Invalid value for action '{action}'")

    def write(record: Mapping[str, Any]) -> tuple[StoredObject, str]:
        found = leads.custom_objects.by_key(kind, _key(kind, record))
        if found is None and action == "updateOnly":
            raise RestError("1013", "Object not found")
        if found is not None and action == "createOnly":
            raise RestError("1017", "Object already exists")
        if unknown := [name for name in record if name not in known]:
            raise RestError("1006", f"Field '{unknown[0]}' not found")
        texts = {known[name].kept: kept_text(known[name], value) for name, value in record.items()}
        values = {name: text for name, text in {**(found.values if found else {}), **texts}.items() if text}
        if found is None:
            return leads.custom_objects.add(StoredObject(kind.name, values, now, now)), "created"
        leads.custom_objects.update(evolve(found, values=values, updated_at=now))
        return found, "updated"

    return _each(kind, call, write)


def delete_custom(leads: Leads, call: ObjectCall) -> Reply:
    """Delete objects by their whole keys."""
    kind = _kind(leads, call)

    def delete(record: Mapping[str, Any]) -> tuple[StoredObject, str]:
        found = leads.custom_objects.by_key(kind, _key(kind, record))
        if found is None:
            raise RestError("1013", "Object not found")
        leads.custom_objects.delete(found.id)
        return found, "deleted"

    return _each(kind, call, delete)


def _each(
    kind: CustomObjectType, call: ObjectCall, work: Callable[[Mapping[str, Any]], tuple[StoredObject, str]]
) -> Reply:
    if _member(call, "dedupeBy", "dedupeFields") != "dedupeFields" or _member(call, "deleteBy", "dedupeFields") not in (
        "dedupeFields",
    ):
        raise RestError("1003", "dedupeFields alone identify an object here")
    records = call.data.get("input")
    if not isinstance(records, list) or not 1 <= len(records) <= _MOST:
        raise RestError("1003", f"input holds 1 to {_MOST} records")
    said: list[dict[str, Any]] = []
    seen: set[str] = set()
    for seq, record in enumerate(records):
        try:
            key = kind.key_of(_key(kind, record))
            if key in seen:
                raise RestError("1036")
            seen.add(key)
            row, status = work(record)
            said.append({"seq": seq, _GUID: row.guid, "status": status})
        except RestError as error:
            said.append({"seq": seq, "status": "skipped", "reasons": [error.as_data()]})
    return Reply(said)


def _member(call: ObjectCall, name: str, default: str) -> str:
    if not isinstance(call.data, dict):
        raise RestError("609")
    return str(call.data.get(name) or default)


def _kind(leads: Leads, call: ObjectCall) -> CustomObjectType:
    kind = leads.custom_object_types.named(call.type)
    if kind is None:
        raise RestError("1013", "Object not found")
    return kind


def _fields(kind: CustomObjectType) -> dict[str, RestField]:
    """Return the fields by REST name. Chosen: the link to a lead is a whole number with a name of its own."""
    fields = {}
    for name, type_of in kind.types.items():
        link = name == kind.lead_link
        rest_name = kind.rest_link if link else name
        fields[rest_name] = RestField(rest_name, name, "integer" if link else type_of, name)
    return fields


def _keys(kind: CustomObjectType) -> list[str]:
    return [name for name, each in _fields(kind).items() if each.kept in kind.keys]


def _key(kind: CustomObjectType, record: Any) -> dict[str, str]:
    """Return the key of a record by the names that it is kept under. Raises 1003."""
    if not isinstance(record, dict):
        raise RestError("1003", "A record is an object")
    known = _fields(kind)
    key = {known[name].kept: (kept_text(known[name], record.get(name)) or "").strip() for name in _keys(kind)}
    if missing := [name for name in _keys(kind) if not key[known[name].kept]]:
        raise RestError("1003", f"Value for required field '{missing[0]}' not specified")
    return key


def _described(kind: CustomObjectType) -> dict[str, Any]:
    keys, link = _keys(kind), [kind.rest_link] if kind.lead_link else []
    related = [{"field": each, "type": "child", "relatedTo": {"name": "Lead", "field": "id"}} for each in link]
    searchable = [keys, [_GUID], *([each] for each in link if [each] != keys)]
    return {
        "name": kind.name,
        "displayName": kind.display_name or kind.name,
        "idField": _GUID,
        "dedupeFields": keys,
        "searchableFields": searchable,
        "relationships": related,
    }


def _shown(row: StoredObject, names: list[str], known: Mapping[str, RestField]) -> dict[str, Any]:
    own = {_GUID: row.guid, "createdAt": utc(row.created_at), "updatedAt": utc(row.updated_at)}
    shown = dict.fromkeys([_GUID, *names])
    return {
        name: own[name] if name in own else json_value(known[name].type, row.values.get(known[name].kept))
        for name in shown
    }
