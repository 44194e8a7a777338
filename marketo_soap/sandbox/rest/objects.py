"""Opportunities and roles over REST, on the rows that SOAP's operations write too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from marketo_soap.records.object_fields import OBJECT_FIELDS
from marketo_soap.sandbox.field_catalogue import RestField
from marketo_soap.sandbox.rest.pages import filter_values, next_page, required
from marketo_soap.sandbox.rest.records import ACTIONS, GUID, Records, described_fields, member, shown_names
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.values import json_value, kept_text, utc
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import Leads
from marketo_soap.sandbox.store.objects import Opportunity, Role

__all__ = ["KINDS", "Kind", "delete_objects", "describe_objects", "find_objects", "sync_objects"]

_KEY = "externalOpportunityId"
_BY = ("dedupeFields", "idField")


@frozen
class Kind:
    """Opportunities or roles: their path, their name, what identifies them, and what a filter may go by."""

    type: str
    path: str
    name: str
    dedupe: tuple[str, ...]
    filters: tuple[str, ...]
    mark: str  # in a GUID

    def fields(self, settings: Settings) -> dict[str, RestField]:
        """Return the fields by REST name. A SOAP name is that with its first letter in upper case."""
        fixed = [RestField(each, each, "string", each) for each in (GUID, _KEY)]
        fixed += [RestField(each, each, "datetime", each, read_only=True) for each in ("createdAt", "updatedAt")]
        if self.type == "Opportunity":
            fixed.append(RestField("externalCompanyId", "externalCompanyId", "string", "externalCompanyId"))
        else:
            fixed.append(RestField("leadId", "leadId", "integer", "leadId"))
        own = {each.name: each.type for each in OBJECT_FIELDS[self.type] if not each.name.endswith("Id")}
        own |= settings.opportunity_fields if self.type == "Opportunity" else {}
        named = [RestField(name[0].lower() + name[1:], name, kind, name) for name, kind in own.items()]
        return {each.name: each for each in (*fixed, *named)}

    def guid(self, number: int) -> str:
        """Return the marketoGUID of a row."""
        return f"00000000-0000-4000-{self.mark}000-{number:012x}"

    def id_of(self, guid: object) -> int:
        """Return the id of the row with this marketoGUID; 0 if there is none."""
        start, _, digits = str(guid).rpartition("-")
        try:
            return int(digits, 16) if self.guid(0).startswith(start) and len(digits) == 12 else 0
        except ValueError:
            return 0


KINDS = (
    Kind("Opportunity", "opportunities", "opportunity", (_KEY,), (_KEY, GUID), "8"),
    Kind(
        "OpportunityPersonRole",
        "opportunities/roles",
        "opportunityRole",
        (_KEY, "leadId", "role"),
        (_KEY, "leadId", GUID),
        "9",
    ),
)


def _check_owner(settings: Settings) -> None:
    if settings.native_crm_sync:
        raise RestCallError("1018", "CRM Enabled")


def describe_objects(kind: Kind, settings: Settings) -> RestResult:
    """Return the fields of a kind, and by which of them a record is found."""
    _check_owner(settings)
    fields = described_fields(kind.fields(settings).values())
    searchable = [list(kind.dedupe)] * (len(kind.dedupe) > 1) + [[each] for each in kind.filters]
    about = {"name": kind.name, "displayName": kind.type, "idField": GUID, "dedupeFields": list(kind.dedupe)}
    return RestResult([{**about, "searchableFields": searchable, "fields": fields}])


def find_objects(leads: Leads, kind: Kind, given: Mapping[str, str], settings: Settings) -> RestResult:
    """Return a page of the records whose field has one of the values, oldest first."""
    _check_owner(settings)
    by = required(given, "filterType", "filterValues")
    if by not in kind.filters:
        raise RestCallError("1003", f"Invalid filterType '{by}'")
    values, known = filter_values(given), kind.fields(settings)
    names = shown_names(given.get("fields"), kind.dedupe, known)
    found = [row for value in values for row in _matching(leads, kind, by, value)]
    page, token = next_page(found, given, kind.mark)
    shown = [
        {"seq": seq, **{name: _value(leads, kind, row, known[name]) for name in names}} for seq, row in enumerate(page)
    ]
    return RestResult(shown, token)


def _matching(leads: Leads, kind: Kind, name: str, value: str) -> Iterator[Any]:
    table: Any = leads.opportunities if kind.type == "Opportunity" else leads.roles
    if name == GUID:
        row = table.get(kind.id_of(value))
    elif name == "leadId":
        yield from table.find(lead_id=int(value) if value.isdecimal() and len(value) < 19 else 0)
        return
    else:
        row = leads.opportunities.newest(value)
        if kind.type != "Opportunity":
            yield from table.find(opportunity_id=row.id if row is not None else 0)
            return
    if row is not None:
        yield row


def _value(leads: Leads, kind: Kind, row: Any, field: RestField) -> Any:
    match field.name:
        case "marketoGUID":
            return kind.guid(row.id)
        case "createdAt" | "updatedAt":
            return utc(getattr(row, "created_at" if field.name == "createdAt" else "updated_at"))
        case "leadId":
            return row.lead_id
        case "externalCompanyId":
            return next(iter(row.company_key.values()), None)
        case "externalOpportunityId":
            found = row if isinstance(row, Opportunity) else leads.opportunities.get(row.opportunity_id)
            return (found.key or None) if found is not None else None
    return json_value(field.type, row.attributes.get(field.kept))


def sync_objects(leads: Leads, kind: Kind, data: Any, settings: Settings, now: datetime) -> RestResult:
    """Write records, each for itself."""
    _check_owner(settings)
    action, by = member(data, "action", ACTIONS), member(data, "dedupeBy", _BY)
    if by == "idField" and action != "updateOnly":
        raise RestCallError("1003", f"Invalid value for dedupeBy '{by}'")

    def write(record: Mapping[str, Any], found: Any) -> Any:
        row = _written(leads, kind, record, found, settings)
        table: Any = leads.opportunities if kind.type == "Opportunity" else leads.roles
        if found is None:
            return table.add(evolve(row, created_at=now.isoformat(), updated_at=now.isoformat()))
        if row != found:
            table.update(evolve(row, updated_at=now.isoformat()))
        return row

    return _records(leads, kind, by).sync(data, action, write)


def delete_objects(leads: Leads, kind: Kind, data: Any, settings: Settings) -> RestResult:
    """Delete records, an opportunity with its roles."""
    _check_owner(settings)
    return _records(leads, kind, member(data, "deleteBy", _BY)).delete(data, leads.delete_object)


def _records(leads: Leads, kind: Kind, by: str) -> Records:
    names = kind.dedupe if by == "dedupeFields" else (GUID,)
    return Records(
        lambda record: str([record.get(name) for name in names]),
        lambda record: _found(leads, kind, record, by),
        lambda row: kind.guid(row.id),
    )


def _found(leads: Leads, kind: Kind, record: Mapping[str, Any], by: str) -> Any:
    """Return the row of a record, or None. Raises 1003 where the fields that identify it are missing."""
    names = kind.dedupe if by == "dedupeFields" else (GUID,)
    if missing := [name for name in names if record.get(name) in (None, "")]:
        raise RestCallError("1003", f"Value for required field '{missing[0]}' not specified")
    if by == "idField":
        return next(_matching(leads, kind, GUID, str(record[GUID])), None)
    opportunity = leads.opportunities.newest(str(record[_KEY]))
    if kind.type == "Opportunity" or opportunity is None:
        return opportunity if kind.type == "Opportunity" else None
    return leads.roles.of(opportunity.id, _whole(record["leadId"]), str(record["role"]))


def _whole(value: Any) -> int:
    text = kept_text(RestField("leadId", None, "integer", ""), value)
    return int(text or 0)


def _written(leads: Leads, kind: Kind, record: Mapping[str, Any], found: Any, settings: Settings) -> Any:
    """Return the row with the values of a record. Raises 1003, 1004, 1006 and 1013."""
    known = kind.fields(settings)
    if unknown := [name for name in record if name not in known]:
        raise RestCallError("1006", f"Field '{unknown[0]}' not found")
    if record.get("name", "") is None:
        raise RestCallError("1003", "Invalid value for field 'name' and value 'null'")
    row = found
    if found is None and kind.type == "Opportunity":
        row = Opportunity("ExternalOpportunityId", str(record[_KEY]))
    elif found is None:
        opportunity, lead_id = leads.opportunities.newest(str(record[_KEY])), _whole(record["leadId"])
        if opportunity is None:
            raise RestCallError("1013", "Opportunity not found")
        if leads.by_id(lead_id) is None:
            raise RestCallError("1004")
        row = Role(opportunity.id, lead_id)
    fixed = {GUID, _KEY, "leadId", "createdAt", "updatedAt", "externalCompanyId"}
    attributes = dict(row.attributes)
    for name, value in record.items():
        if name not in fixed:
            attributes[known[name].kept] = kept_text(known[name], value) or ""
    company = record.get("externalCompanyId")
    if company is not None:
        row = evolve(row, company_id=None, company_key={"ExternalCompanyId": str(company)})
    return evolve(row, attributes={name: text for name, text in attributes.items() if text})
