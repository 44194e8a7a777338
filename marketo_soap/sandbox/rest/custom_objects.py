"""Custom objects over REST, on the rows that SOAP's operations write too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve

from marketo_soap.sandbox.assets import CustomObjectType
from marketo_soap.sandbox.field_catalogue import RestField
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.pages import next_page
from marketo_soap.sandbox.rest.records import ACTIONS, GUID, Records, by_guid, described_fields, member, shown_names
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.values import json_value, kept_text, utc
from marketo_soap.sandbox.store.custom_objects import CustomObjects, StoredObject

__all__ = ["delete_custom", "describe_type", "find_custom", "list_types", "sync_custom"]


def list_types(call: EndpointCall) -> RestResult:
    """Return all types, without their fields."""
    return RestResult([_described(_Type(kind)) for kind in call.leads.custom_object_types.find()])


def describe_type(call: EndpointCall) -> RestResult:
    """Return one type with its fields; raises 1013."""
    kind = _type_of(call)
    guid = RestField(GUID, None, "string", "Marketo GUID")
    return RestResult([{**_described(kind), "fields": described_fields([guid, *kind.fields.values()])}])


def find_custom(call: EndpointCall) -> RestResult:
    """Return a page of objects: by one field and values, or by whole keys in the body's `input`."""
    kind, data = _type_of(call), call.data() if call.content_type.startswith("application/json") else None
    given = data if isinstance(data, dict) else call.given
    names = shown_names(given.get("fields"), kind.keys, kind.fields)
    found = _found(call.leads.custom_objects, kind, given)
    asked = {name: str(given.get(name) or "") for name in ("nextPageToken", "batchSize")}
    page, token = next_page(found, asked, "objects")
    return RestResult([{"seq": seq, **_shown(row, names, kind.fields)} for seq, row in enumerate(page)], token)


def _found(objects: CustomObjects, kind: _Type, given: Mapping[str, Any]) -> Iterator[StoredObject]:
    by, link = str(given.get("filterType") or ""), kind.kept.lead_link
    values = [value.strip() for value in str(given.get("filterValues") or "").split(",")]
    if by == "dedupeFields" or [by] == kind.keys:
        records: Iterable[Any] = [{by: value} for value in values]
        for record in given["input"] if isinstance(given.get("input"), list) else records:
            row = objects.by_key(kind.kept, kind.key(record))
            if row is not None:
                yield row
    elif by == GUID:
        for value in values:
            yield from (row for row in by_guid(objects, value) if row.type == kind.kept.name)
    elif link is not None and by == kind.kept.rest_link:
        for value in values:
            yield from objects.matching(kind.kept, {link: value})
    else:
        raise RestCallError("1003", f"Invalid filterType '{by}'")


def sync_custom(call: EndpointCall) -> RestResult:
    """Write objects, each for itself; one that is refused is skipped, with its reasons."""
    kind, data, now, objects = _type_of(call), call.data(), call.now.isoformat(), call.leads.custom_objects
    known = kind.fields
    action = member(data, "action", ACTIONS)
    member(data, "dedupeBy", ["dedupeFields"])

    def write(record: Mapping[str, Any], found: StoredObject | None) -> StoredObject:
        if unknown := [name for name in record if name not in known]:
            raise RestCallError("1006", f"Field '{unknown[0]}' not found")
        texts = {known[name].kept: kept_text(known[name], value) for name, value in record.items()}
        values = {name: text for name, text in {**(found.values if found else {}), **texts}.items() if text}
        if found is None:
            return objects.add(StoredObject(kind.kept.name, values, now, now))
        objects.update(evolve(found, values=values, updated_at=now))
        return found

    return _records(objects, kind).sync(data, action, write)


def delete_custom(call: EndpointCall) -> RestResult:
    """Delete objects by their whole keys."""
    kind, data, objects = _type_of(call), call.data(), call.leads.custom_objects
    member(data, "deleteBy", ["dedupeFields"])
    return _records(objects, kind).delete(data, lambda row: objects.delete(row.id))


def _records(objects: CustomObjects, kind: _Type) -> Records:
    return Records(
        lambda record: kind.kept.key_of(kind.key(record)),
        lambda record: objects.by_key(kind.kept, kind.key(record)),
    )


class _Type:
    """A type as it is *kept*; its *fields* and the names of its *keys* by REST name.

    Chosen: the link to a lead is a whole number with a name of its own.
    """

    def __init__(self, kept: CustomObjectType) -> None:
        self.kept = kept
        self.fields: dict[str, RestField] = {}
        for name, type_of in kept.types.items():
            link = name == kept.lead_link
            rest_name = kept.rest_link if link else name
            self.fields[rest_name] = RestField(rest_name, name, "integer" if link else type_of, name)
        self.keys = [name for name, each in self.fields.items() if each.kept in kept.keys]

    def key(self, record: Any) -> dict[str, str]:
        """Return the key of a record by the names that it is kept under. Raises 1003."""
        if not isinstance(record, dict):
            raise RestCallError("1003", "A record is an object")
        known = [self.fields[name] for name in self.keys]
        key = {each.kept: (kept_text(each, record.get(each.name)) or "").strip() for each in known}
        if missing := [each.name for each in known if not key[each.kept]]:
            raise RestCallError("1003", f"Value for required field '{missing[0]}' not specified")
        return key


def _type_of(call: EndpointCall) -> _Type:
    kind = call.leads.custom_object_types.named(call.name)
    if kind is None:
        raise RestCallError("1013", "Object not found")
    return _Type(kind)


def _described(described: _Type) -> dict[str, Any]:
    kind, keys = described.kept, described.keys
    link = [kind.rest_link] if kind.lead_link else []
    related = [{"field": each, "type": "child", "relatedTo": {"name": "Lead", "field": "id"}} for each in link]
    searchable = [keys, [GUID], *([each] for each in link if [each] != keys)]
    return {
        "name": kind.name,
        "displayName": kind.display_name or kind.name,
        "idField": GUID,
        "dedupeFields": keys,
        "searchableFields": searchable,
        "relationships": related,
    }


def _shown(row: StoredObject, names: list[str], known: Mapping[str, RestField]) -> dict[str, Any]:
    own = {GUID: row.guid, "createdAt": utc(row.created_at), "updatedAt": utc(row.updated_at)}
    return {
        name: own[name] if name in own else json_value(known[name].type, row.values.get(known[name].kept))
        for name in names
    }
