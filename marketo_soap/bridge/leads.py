"""Leads in both shapes: SOAP's `LeadRecord` to REST's JSON, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from marketo_soap.bridge.codes import local_refusal
from marketo_soap.bridge.lookup import lead_id_of
from marketo_soap.bridge.names import Names
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.values import rest_value, text_value
from marketo_soap.errors import fault
from marketo_soap.records.lead import Attribute, ForeignSysType, LeadRecord
from marketo_soap.records.lead_fields import attribute_order

__all__ = ["COMPANY_FIELDS", "RestLead", "fields_of", "lead_record", "rest_lead"]

_BILLING = {f"billing{part}" for part in ("Street", "City", "State", "Country", "PostalCode")}
_SIZE = {"annualRevenue", "numberOfEmployees", "industry", "sicCode"}
COMPANY_FIELDS = frozenset({"company", "site", "website", "mainPhone", "mktoCompanyNotes"} | _BILLING | _SIZE)
"""The fields of a lead that belong to its company."""


@frozen
class RestLead:
    """The fields of a lead by their REST names, and warnings about their translation."""

    values: dict[str, Any] = field(repr=False)
    notes: list[str]


def rest_lead(lead: LeadRecord, names: Names, settings: BridgeSettings) -> RestLead:
    """Translate the attributes of *lead*. Raises a `Fault` for names and values that REST does not know."""
    last: dict[str, tuple[Attribute, str]] = {}  # by REST name; a name that is unknown counts before any value
    notes: list[str] = []
    if not all(attribute.name.strip() for attribute in lead.attributes):
        raise fault(20109, "attrName is required")
    for attribute in lead.attributes:
        found = names.find(attribute.name)
        if found is None:
            why = f" (the instance did not describe its fields: {names.refused})" if names.refused else ""
            raise fault(20105, f"Unknown lead field {attribute.name!r}{why}")
        rest_name = found.field.rest_name
        if rest_name == "id":
            notes.append(f"attribute {attribute.name!r} is not sent: the id is no value that could be written")
            continue
        if found.guessed:
            notes.append(f"attribute {attribute.name!r} is not known: sent as {rest_name!r}")
        if rest_name in last:
            notes.append(f"attribute {attribute.name!r} appears twice: the last one is sent")
        last[rest_name] = attribute, found.field.type
    values = {
        rest_name: _json(attribute, kind, settings, notes)
        for rest_name, (attribute, kind) in last.items()
        if attribute.value != "" or settings.empty_value != "skip"
    }
    return RestLead(values, notes)


def _json(attribute: Attribute, kind: str, settings: BridgeSettings, notes: list[str]) -> Any:
    try:
        value, offset_added = rest_value(attribute.value, kind, settings)
    except ValueError as error:
        raise local_refusal("1003", settings, f"Invalid value for attribute {attribute.name!r}: {error}") from None
    if offset_added:
        notes.append(f"attribute {attribute.name!r} has no offset from UTC: sent with {settings.naive_offset}")
    return value


def fields_of(names: Names, settings: BridgeSettings) -> str:
    """Return the `fields` to ask for when a lead is to be returned."""
    known = {each.rest_name for each in names.readable}
    return ",".join(sorted({"id", "email", *known, *settings.foreign_id_fields.values()}))


def lead_record(
    data: Mapping[str, Any], names: Names, settings: BridgeSettings, system: str | None = None
) -> LeadRecord:
    """Return a lead that REST showed, as SOAP would: attributes by name, those without a value left out.

    *system* is the ForeignSysType that the caller used, which is shown before any other.
    """
    texts = {name: text_value(value, booleans=settings.boolean_text) for name, value in data.items()}
    shown = {"id", "email"}
    foreign_id = foreign_type = None
    for kind in sorted(settings.foreign_id_fields, key=lambda kind: kind != system):
        name = settings.foreign_id_fields[kind]
        if texts.get(name, "").strip():
            foreign_id, foreign_type = texts[name], ForeignSysType(kind)
            shown.add(name)
            break
    attributes = [
        Attribute(each.soap_name, texts[each.rest_name], each.type or None)
        for each in names.readable
        if each.soap_name and each.rest_name not in shown and texts.get(each.rest_name)
        if data[each.rest_name] is not False or settings.return_false
    ]
    return LeadRecord(
        id=lead_id_of(data.get("id")) or 0,
        email=texts.get("email", "").strip() or None,
        foreign_sys_person_id=foreign_id,
        foreign_sys_type=foreign_type,
        attributes=sorted(attributes, key=lambda attribute: attribute_order(attribute.name)),
    )
