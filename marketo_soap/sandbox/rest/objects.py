"""Opportunities and roles over REST, on the rows that SOAP's operations write too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from marketo_soap.records.object_fields import OBJECT_FIELDS
from marketo_soap.sandbox.field_catalogue import RestField
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.pages import filter_values, next_page, required
from marketo_soap.sandbox.rest.records import ACTIONS, GUID, Records, by_guid, described_fields, member, shown_names
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.values import json_value, kept_text, utc
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import Leads
from marketo_soap.sandbox.store.objects import Opportunity, Role
from marketo_soap.sandbox.store.table import read_id

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

    @property
    def is_role(self) -> bool:
        """Whether these are roles."""
        return self.type != "Opportunity"

    def table(self, leads: Leads) -> Any:
        """Return the table of the rows."""
        return leads.roles if self.is_role else leads.opportunities

    def fields(self, settings: Settings) -> dict[str, RestField]:
        """Return the fields by REST name. A SOAP name is that with its first letter in upper case."""
        link, link_type = ("leadId", "integer") if self.is_role else ("externalCompanyId", "string")
        fixed = [
            *(RestField(each, each, "string", each) for each in (GUID, _KEY)),
            *(RestField(each, each, "datetime", each, read_only=True) for each in ("createdAt", "updatedAt")),
            RestField(link, link, link_type, link),
        ]
        own = {each.name: each.type for each in OBJECT_FIELDS[self.type] if not each.name.endswith("Id")}
        own |= {} if self.is_role else settings.opportunity_fields
        named = [RestField(name[0].lower() + name[1:], name, kind, name) for name, kind in own.items()]
        return {each.name: each for each in (*fixed, *named)}


KINDS = (
    Kind("Opportunity", "opportunities", "opportunity", (_KEY,), (_KEY, GUID)),
    Kind(
        "OpportunityPersonRole",
        "opportunities/roles",
        "opportunityRole",
        (_KEY, "leadId", "role"),
        (_KEY, "leadId", GUID),
    ),
)


def _check_owner(settings: Settings) -> None:
    if settings.native_crm_sync:
        raise RestCallError("1018", "CRM Enabled")


def describe_objects(kind: Kind, call: EndpointCall) -> RestResult:
    """Return the fields of a kind, and by which of them a record is found."""
    _check_owner(call.settings)
    fields = described_fields(kind.fields(call.settings).values())
    searchable = [list(kind.dedupe)] * (len(kind.dedupe) > 1) + [[each] for each in kind.filters]
    about = {"name": kind.name, "displayName": kind.type, "idField": GUID, "dedupeFields": list(kind.dedupe)}
    return RestResult([{**about, "searchableFields": searchable, "fields": fields}])


def find_objects(kind: Kind, call: EndpointCall) -> RestResult:
    """Return a page of the records whose field has one of the values, oldest first."""
    _check_owner(call.settings)
    by = required(call.given, "filterType", "filterValues")
    if by not in kind.filters:
        raise RestCallError("1003", f"Invalid filterType '{by}'")
    values, known = filter_values(call.given), kind.fields(call.settings)
    names = shown_names(call.given.get("fields"), kind.dedupe, known)
    found = [row for value in values for row in _matching(call.leads, kind, by, value)]
    page, token = next_page(found, call.given, kind.name)
    shown = [
        {"seq": seq, **{name: _value(call.leads, row, known[name]) for name in names}} for seq, row in enumerate(page)
    ]
    return RestResult(shown, token)


def _matching(leads: Leads, kind: Kind, name: str, value: str) -> Iterable[Any]:
    if name == GUID:
        return by_guid(kind.table(leads), value)
    if name == "leadId":
        return leads.roles.find(lead_id=read_id(value) or 0)
    opportunity = leads.opportunities.newest(value)
    if opportunity is None:
        return ()
    return leads.roles.find(opportunity_id=opportunity.id) if kind.is_role else (opportunity,)


def _value(leads: Leads, row: Any, field: RestField) -> Any:
    match field.name:
        case "marketoGUID":
            return row.guid
        case "createdAt":
            return utc(row.created_at)
        case "updatedAt":
            return utc(row.updated_at)
        case "leadId":
            return row.lead_id
        case "externalCompanyId":
            return next(iter(row.company_key.values()), None)
        case "externalOpportunityId":
            found = row if isinstance(row, Opportunity) else leads.opportunities.get(row.opportunity_id)
            return (found.key or None) if found is not None else None
    return json_value(field.type, row.attributes.get(field.kept))


def sync_objects(kind: Kind, call: EndpointCall) -> RestResult:
    """Write records, each for itself."""
    _check_owner(call.settings)
    data, table, now = call.data(), kind.table(call.leads), call.now.isoformat()
    action, by = member(data, "action", ACTIONS), member(data, "dedupeBy", _BY)
    if by == "idField" and action != "updateOnly":
        raise RestCallError("1003", f"Invalid value for dedupeBy '{by}'")

    def write(record: Mapping[str, Any], found: Any) -> Any:
        row = _written(kind, record, found, call)
        if found is None:
            return table.add(evolve(row, created_at=now, updated_at=now))
        if row != found:
            table.update(evolve(row, updated_at=now))
        return row

    return _records(kind, by, call.leads).sync(data, action, write)


def delete_objects(kind: Kind, call: EndpointCall) -> RestResult:
    """Delete records, an opportunity with its roles."""
    _check_owner(call.settings)
    data = call.data()
    return _records(kind, member(data, "deleteBy", _BY), call.leads).delete(data, call.leads.delete_object)


def _records(kind: Kind, by: str, leads: Leads) -> Records:
    names = kind.dedupe if by == "dedupeFields" else (GUID,)

    def find(record: Mapping[str, Any]) -> Any:
        """Return the row of a record, or None. Raises 1003 where the fields that identify it are missing."""
        if missing := [name for name in names if record.get(name) in (None, "")]:
            raise RestCallError("1003", f"Value for required field '{missing[0]}' not specified")
        if by == "idField":
            return next(iter(by_guid(kind.table(leads), str(record[GUID]))), None)
        opportunity = leads.opportunities.newest(str(record[_KEY]))
        if opportunity is None or not kind.is_role:
            return opportunity
        return leads.roles.of(opportunity.id, _whole(record["leadId"]), str(record["role"]))

    return Records(lambda record: str([record.get(name) for name in names]), find)


def _whole(value: Any) -> int:
    text = kept_text(RestField("leadId", None, "integer", ""), value)
    return int(text or 0)


def _written(kind: Kind, record: Mapping[str, Any], found: Any, call: EndpointCall) -> Any:
    """Return the row with the values of a record. Raises 1003, 1004, 1006 and 1013."""
    known = kind.fields(call.settings)
    if unknown := [name for name in record if name not in known]:
        raise RestCallError("1006", f"Field '{unknown[0]}' not found")
    if record.get("name", "") is None:
        raise RestCallError("1003", "Invalid value for field 'name' and value 'null'")
    row = _new(kind, record, call.leads) if found is None else found
    fixed = {GUID, _KEY, "leadId", "createdAt", "updatedAt", "externalCompanyId"}
    attributes = dict(row.attributes)
    for name, value in record.items():
        if name not in fixed:
            attributes[known[name].kept] = kept_text(known[name], value) or ""
    company = record.get("externalCompanyId")
    if company is not None:
        row = evolve(row, company_id=None, company_key={"ExternalCompanyId": str(company)})
    return evolve(row, attributes={name: text for name, text in attributes.items() if text})


def _new(kind: Kind, record: Mapping[str, Any], leads: Leads) -> Opportunity | Role:
    """Return a new row with its key. Raises 1013 and 1004 where a role names what is not there."""
    if not kind.is_role:
        return Opportunity("ExternalOpportunityId", str(record[_KEY]))
    opportunity, lead_id = leads.opportunities.newest(str(record[_KEY])), _whole(record["leadId"])
    if opportunity is None:
        raise RestCallError("1013", "Opportunity not found")
    if leads.by_id(lead_id) is None:
        raise RestCallError("1004")
    return Role(opportunity.id, lead_id)
