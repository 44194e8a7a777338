"""Opportunities, roles and programs in both shapes: SOAP's objects to REST's JSON, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from marketo_soap.bridge.lookup import cached
from marketo_soap.bridge.rest import Lookup, json_objects
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.values import rest_value, text_value
from marketo_soap.errors import fault
from marketo_soap.records.attribs import Attrib
from marketo_soap.records.lead_fields import attribute_order
from marketo_soap.records.lead_keys import aware
from marketo_soap.records.marketo_objects import MObjAssociation, MObject, TypeAttrib
from marketo_soap.records.object_fields import OBJECT_FIELDS, ObjectField

__all__ = [
    "KEY",
    "NO_IDS",
    "ROLE_KEY",
    "as_object",
    "as_program",
    "associated",
    "check_role",
    "described_fields",
    "lookup_of",
    "path_of",
    "rest_record",
]

KEY = "externalOpportunityId"
ROLE_KEY = (KEY, "leadId", "role")
NO_IDS = "REST knows no integer ids of opportunities and roles: give an externalKey"
_LINKS = (KEY, "leadId", "externalCompanyId", "marketoGUID", "createdAt", "updatedAt", "externalSalesPersonId")

Fields = Mapping[str, ObjectField]


def path_of(kind: str) -> str:
    """Return the path of a type, without its ending."""
    return "/rest/v1/opportunities" if kind == "Opportunity" else "/rest/v1/opportunities/roles"


def lookup_of(kind: str, settings: BridgeSettings) -> Lookup[Fields]:
    """Return the fields of a type by their REST names, as the instance describes them."""
    return cached(f"{path_of(kind)}/describe.json", _fields_of, settings)


def _fields_of(records: Sequence[Mapping[str, Any]]) -> Fields:
    given = records[0].get("fields") if records else None
    return dict(
        _field(each) for each in json_objects(given) if isinstance(each.get("name"), str) and each["name"].strip()
    )


def _field(given: Mapping[str, Any]) -> tuple[str, ObjectField]:
    name: str = given["name"]
    length = given.get("length")
    return name, ObjectField(
        name[0].upper() + name[1:],
        text_value(given.get("dataType"), booleans="1/0") or "string",
        text_value(given.get("displayName"), booleans="1/0") or None,
        length if isinstance(length, int) and not isinstance(length, bool) else None,
        given.get("updateable") is False,
    )


def described_fields(kind: str, fields: Fields) -> Sequence[ObjectField]:
    """Return the fields of a type that SOAP had: without keys and times, a role with its two ids."""
    ids = () if kind == "Opportunity" else OBJECT_FIELDS[kind][:2]
    return [*ids, *(each for name, each in fields.items() if name not in _LINKS)]


def associated(given: MObject) -> dict[str, Any]:
    """Return the associations of an object by their REST names. `ValueError` for those that REST does not have."""
    found: dict[str, Any] = {}
    names = {"Opportunity": KEY, "Company": "externalCompanyId"}
    for each in given.m_obj_associations:
        if each.m_obj_type == "Lead" and each.id is not None:
            found["leadId"] = each.id
        elif each.m_obj_type in names and each.external_key is not None:
            found[names[each.m_obj_type]] = each.external_key.value
        else:
            raise ValueError(f"REST cannot name the {each.m_obj_type} this way: {NO_IDS}")
    return found


def rest_record(given: MObject, fields: Fields, settings: BridgeSettings) -> dict[str, Any]:
    """Return the record of an opportunity or a role. Raises `ValueError` for what REST cannot write."""
    if given.id is not None:
        raise ValueError(NO_IDS)
    record = associated(given)
    is_role = given.type != "Opportunity"
    if not is_role and given.external_key is None:
        raise ValueError("REST finds an opportunity by its external key alone: give an externalKey")
    if not is_role and given.external_key is not None:
        record[KEY] = given.external_key.value
    for each in given.attribs:
        if is_role and each.name == "OpportunityId":
            raise ValueError(f"OpportunityId: {NO_IDS} of the opportunity, as an association")
        name = "leadId" if is_role and each.name == "PersonId" else each.name[:1].lower() + each.name[1:]
        if name not in fields:
            raise ValueError(f"Unknown name attribute list: {each.name}")
        if not each.value and settings.empty_value == "skip":
            continue
        try:
            value, _ = rest_value(each.value, fields[name].type, settings)
        except ValueError as error:
            raise ValueError(f"{each.name}: {error}") from None
        if name in (KEY, "leadId") and record.setdefault(name, value) != value:
            raise ValueError(f"{each.name} differs from the key: it would write another object")
        record[name] = value
    if is_role:
        check_role(record)
    return record


def check_role(record: Mapping[str, Any]) -> None:
    """Raise `ValueError` if *record* lacks a part of the key of a role."""
    if missing := [name for name in ROLE_KEY if not record.get(name)]:
        raise ValueError(f"REST finds a role by its opportunity's external key, its lead and its Role: {missing[0]}")


def as_object(data: Mapping[str, Any], kind: str, fields: Fields, key_name: str, settings: BridgeSettings) -> MObject:
    """Return an opportunity or a role that REST showed; *key_name* is what the caller calls external keys."""
    values = {
        fields[name].name: text_value(value, booleans=settings.boolean_text)
        for name, value in data.items()
        if name in fields and name not in _LINKS and (value is not False or settings.return_false)
    }
    key, lead_id, company = data.get(KEY), data.get("leadId"), data.get("externalCompanyId")
    named = Attrib(key_name, str(key)) if key else None
    associations = []
    if kind != "Opportunity" and isinstance(lead_id, int):
        values["PersonId"] = str(lead_id)
        associations.append(MObjAssociation("Lead", lead_id))
    if kind != "Opportunity" and named is not None:
        associations.append(MObjAssociation("Opportunity", None, named))
    if company:
        associations.append(MObjAssociation("Company", None, Attrib("ExternalCompanyId", str(company))))
    return MObject(
        kind,
        None,
        named if kind == "Opportunity" else None,
        [
            Attrib(name, text)
            for name, text in sorted(values.items(), key=lambda each: attribute_order(each[0]))
            if text
        ],
        created_at=_time(data.get("createdAt")),
        updated_at=_time(data.get("updatedAt")),
        m_obj_associations=tuple(associations),
    )


def as_program(data: Mapping[str, Any]) -> MObject:
    """Return a program that REST showed, with its details. Not shown: archive flag, tree path, tokens, ids of costs."""
    number = data.get("id")
    if not isinstance(number, int):
        raise fault(20011, "REST showed a program without an id")
    names = {"Name": "name", "Type": "type", "Workspace Name": "workspace", "Start Date": "startDate"}
    names |= {"End Date": "endDate", "CRM Id": "sfdcId"}
    values = {name: text_value(data.get(rest_name), booleans="1/0") for name, rest_name in names.items()}
    return MObject(
        "Program",
        number,
        created_at=_time(data.get("createdAt")),
        updated_at=_time(data.get("updatedAt")),
        attribs={name: text for name, text in values.items() if text},
        type_attribs=tuple(_details(data)),
    )


def _details(data: Mapping[str, Any]) -> list[TypeAttrib]:
    def text(value: Any) -> str:
        return text_value(value, booleans="1/0")

    tags = [("Channel", text(data.get("channel")))] if data.get("channel") else []
    tags += [(text(each.get("tagType")), text(each.get("tagValue"))) for each in json_objects(data.get("tags"))]
    found = [TypeAttrib("Tag", {"Type": kind, "Value": value}) for kind, value in tags if kind]
    for each in json_objects(data.get("costs")):
        month, amount = text(each.get("startDate"))[:7], text(each.get("cost"))
        found.append(TypeAttrib("Cost", {"Month": f"{month}-01", "Amount": amount, "Note": text(each.get("note"))}))
    return found


def _time(value: Any) -> datetime | None:
    """Read a time of REST; those of assets end in `Z+0000`."""
    try:
        return aware(datetime.fromisoformat(str(value).removesuffix("+0000")))
    except ValueError:
        return None
