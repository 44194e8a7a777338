"""listMObjects, describeMObject and getMObjects over REST. Pure."""

from __future__ import annotations

from attrs import evolve

from marketo_soap.bridge.lookup import ask, assets, lead_id_of, pages
from marketo_soap.bridge.names import NameSource, names_from
from marketo_soap.bridge.objects import (
    KEY,
    NO_IDS,
    as_object,
    as_program,
    associated,
    described_fields,
    lookup_of,
    path_of,
)
from marketo_soap.bridge.rest import read
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Note, Translation
from marketo_soap.errors import fault
from marketo_soap.operations.base import is_first_page
from marketo_soap.operations.describe_m_object import DescribeMObject, DescribeMObjectResult
from marketo_soap.operations.get_m_objects import GetMObjects, GetMObjectsResult
from marketo_soap.operations.list_m_objects import ListMObjects, ListMObjectsResult
from marketo_soap.records.lead_fields import attribute_order
from marketo_soap.records.marketo_objects import ROLE_TYPES, MObject
from marketo_soap.records.object_fields import (
    DESCRIBED,
    OBJECT_FIELDS,
    ObjectField,
    check_criteria,
    describe,
    meets,
)

__all__ = ["describe_m_object", "get_m_objects", "list_m_objects"]

_PAGE = 100
_ASSETS = "/rest/asset/v1"


def list_m_objects(_call: ListMObjects, _settings: BridgeSettings, _: NameSource) -> Translation[ListMObjectsResult]:
    """Return the types, which are the same everywhere. REST is not called: it does not check the credentials."""
    yield Note("REST was not called: the list of types is constant")
    return ListMObjectsResult(DESCRIBED)


def describe_m_object(
    call: DescribeMObject, settings: BridgeSettings, names: NameSource
) -> Translation[DescribeMObjectResult]:
    """Return the fields of a type as the instance describes them; those of ActivityRecord are constant."""
    kind = call.object_name
    if kind == "ActivityRecord":
        return DescribeMObjectResult(describe(kind, OBJECT_FIELDS[kind]))
    if kind == "LeadRecord":
        known = yield from names_from(names)
        shown = {each.soap_name: each for each in known.readable if each.soap_name not in (None, "Id", "Email")}
        fields = [ObjectField("Id", "integer"), ObjectField("Email", "email")]
        fields += [ObjectField(str(name), each.type or "string", each.label or None) for name, each in shown.items()]
        fields = [fields[0], *sorted(fields[1:], key=lambda each: attribute_order(each.name))]
        return DescribeMObjectResult(describe(kind, fields))
    if kind not in ("Opportunity", *ROLE_TYPES):
        raise fault(20110, f"Object name is not valid: use one of {', '.join(DESCRIBED)}")
    described = yield lookup_of(kind, settings)
    return DescribeMObjectResult(describe(kind, described_fields(kind, described)))


def get_m_objects(call: GetMObjects, settings: BridgeSettings, _: NameSource) -> Translation[GetMObjectsResult]:
    """Return a page of the objects. The criteria are applied here, to what REST finds."""
    check_criteria(call.type, call.m_obj_criteria)
    start = _start(call)
    if call.type == "Program":
        found = yield from _programs(call, settings)
    else:
        found = yield from _objects(call, settings)
    kept = [each for each in found if meets(each, call.m_obj_criteria)]
    page = kept[start : start + _PAGE]
    if call.type == "Program" and call.include_details:
        yield Note("the tokens of programs, and the ids of their costs, are not read over REST")
    elif call.type == "Program":
        page = [evolve(each, type_attribs=()) for each in page]
    end = start + len(page)
    return GetMObjectsResult(len(page), end < len(kept), f"objects:{end}", tuple(page))


def _start(call: GetMObjects) -> int:
    if is_first_page(call.stream_position):
        return 0
    word, _, number = (call.stream_position or "").strip().partition(":")
    if word != "objects" or not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise fault(20122)
    return int(number)


def _objects(call: GetMObjects, settings: BridgeSettings) -> Translation[list[MObject]]:
    if call.id is not None or any(each.attr_name == "Id" for each in call.m_obj_criteria):
        raise fault(20019, NO_IDS)
    try:
        wanted = associated(MObject(call.type, m_obj_associations=call.m_obj_associations))
    except ValueError as error:
        raise fault(20019, str(error)) from None
    key_name = call.external_key.name if call.external_key is not None else "ExternalOpportunityId"
    if call.type == "Opportunity" and call.external_key is not None:
        wanted[KEY] = call.external_key.value
    elif call.external_key is not None:
        raise fault(20019, "REST keeps no external key of a role: name its opportunity or its lead")
    if KEY not in wanted and "leadId" not in wanted:
        raise fault(20019, "REST lists opportunities by their external key only, and roles by opportunity or lead")
    for association in call.m_obj_associations:
        if association.m_obj_type == "Opportunity" and association.external_key is not None:
            key_name = association.external_key.name
    fields = yield lookup_of(call.type, settings)
    by = KEY if KEY in wanted else "leadId"
    if "," in str(wanted[by]):
        return []  # it would separate two values of the filter
    query = {"filterType": by, "filterValues": str(wanted[by]), "fields": ",".join(fields)}
    records = yield from pages(f"{path_of(call.type)}.json", query, settings)
    chosen = [each for each in records if all(each.get(name) == value for name, value in wanted.items())]
    return [as_object(each, call.type, fields, key_name, settings) for each in chosen]


def _programs(call: GetMObjects, settings: BridgeSettings) -> Translation[list[MObject]]:
    if call.m_obj_associations:
        raise fault(20110, f"Program has no association {call.m_obj_associations[0].m_obj_type!r}")
    if call.external_key is not None:
        return []  # programs have none
    if any(each.attr_name == "Include Archive" for each in call.m_obj_criteria):
        yield Note("REST does not say which programs are archived: the criterion Include Archive has no effect")
    if call.id is not None:
        reply = yield from ask(read(f"{_ASSETS}/program/{call.id}.json"), settings)
        return [as_program(each) for each in reply.result]
    records = yield from assets("programs", settings, includeTags="true", includeCosts="true")
    return [as_program(each) for each in records if lead_id_of(each.get("id")) is not None]
