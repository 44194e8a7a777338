"""Strategies that draw values of any declared class, by its declaration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
from hypothesis import strategies as st

from marketo_soap import (
    Attrib,
    Attribute,
    ComparisonEnum,
    DeleteMObjects,
    ForeignSysType,
    GetImportToListStatus,
    GetMObjects,
    ImportToList,
    ImportToListModeEnum,
    LeadKey,
    LeadKeyRef,
    LeadKeySelector,
    LeadRecord,
    MergeLeads,
    MObjAssociation,
    MObjCriteria,
    MObject,
    ReqCampSourceType,
    RequestCampaign,
    StaticListSelector,
    SyncLead,
    SyncMObjects,
    SyncOperationEnum,
    TypeAttrib,
)
from marketo_soap.operations import OPERATIONS, Operation
from marketo_soap.records.marketo_objects import OBJECT_TYPES
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.fields import Field, declared, is_enum, is_record, once_per_class

XML_TEXT = st.text(st.sampled_from("\t\n\r <>&\"']😀é") | st.characters(exclude_categories=["C", "Z"]))
WORDS = XML_TEXT.filter(lambda text: bool(text.strip()))
INTEGERS = st.integers(-(2**31), 2**31 - 1)
IDS = st.integers(1, 2**31 - 1)
MOMENTS = st.datetimes(
    datetime(1990, 1, 1),
    datetime(2037, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=5, minutes=30))]),
)
ATTRIBUTES = st.lists(st.builds(Attribute, WORDS, XML_TEXT, st.none() | WORDS), max_size=12)


@st.composite
def leads(draw: st.DrawFn) -> LeadRecord:
    foreign = draw(st.booleans())
    return LeadRecord(
        id=draw(st.none() | IDS),
        email=draw(st.none() | WORDS),
        foreign_sys_person_id=draw(WORDS) if foreign else None,
        foreign_sys_type=draw(st.sampled_from(ForeignSysType)) if foreign else None,
        attributes=draw(ATTRIBUTES),
    )


@st.composite
def sync_leads(draw: st.DrawFn) -> SyncLead:
    record = draw(leads())
    cookie = draw(WORDS if record.key is None else st.none() | WORDS)
    return SyncLead(record, draw(st.booleans()), cookie)


_LEAD_KEYS = st.lists(st.builds(Attribute, st.sampled_from(LeadKeyRef), WORDS), min_size=1, max_size=3)
TOKENS = st.lists(st.builds(Attrib, WORDS, XML_TEXT), max_size=4)
LEAD_KEYS = st.lists(
    st.builds(LeadKey, st.sampled_from([each for each in LeadKeyRef if each != LeadKeyRef.COOKIE]), WORDS),
    min_size=1,
    max_size=9,
)


@st.composite
def requests_of_campaigns(draw: st.DrawFn) -> RequestCampaign:
    keys, source = tuple(draw(LEAD_KEYS)), draw(st.sampled_from(ReqCampSourceType))
    if draw(st.booleans()):
        tokens = draw(st.none() | TOKENS)
        return RequestCampaign(source, lead_keys=keys, campaign_id=draw(IDS), program_tokens=tokens)
    name, program, tokens = draw(WORDS), draw(WORDS), draw(TOKENS)
    return RequestCampaign(source, lead_keys=keys, campaign_name=name, program_name=program, program_tokens=tokens)


ATTRIB = st.builds(Attrib, WORDS, XML_TEXT)
ASSOCIATIONS = st.builds(MObjAssociation, WORDS, st.none() | INTEGERS, st.none() | ATTRIB)
OBJECTS = st.builds(
    MObject,
    st.sampled_from(OBJECT_TYPES),
    st.none() | IDS,
    st.none() | ATTRIB,
    st.lists(ATTRIB, max_size=2),
    created_at=st.none() | MOMENTS,
    updated_at=st.none() | MOMENTS,
    type_attribs=st.lists(st.builds(TypeAttrib, WORDS, st.lists(ATTRIB, max_size=2)), max_size=2),
    m_obj_associations=st.lists(ASSOCIATIONS, max_size=2),
)


def is_named(given: MObject) -> bool:
    return given.id is not None or given.external_key is not None


_BY_HAND: dict[type, st.SearchStrategy[Any]] = {
    LeadRecord: leads(),
    Attribute: st.builds(Attribute, WORDS, XML_TEXT, st.none() | WORDS),
    RequestCampaign: requests_of_campaigns(),
    SyncLead: sync_leads(),
    LeadKeySelector: st.builds(
        LeadKeySelector, st.sampled_from(["EMAIL", "IDNUM"]), st.lists(WORDS, min_size=1, max_size=9)
    ),
    MergeLeads: st.builds(MergeLeads, _LEAD_KEYS, st.lists(_LEAD_KEYS, min_size=1, max_size=3)),
    ImportToList: st.builds(
        ImportToList,
        WORDS,
        st.sampled_from(["Email Address", 'Email Address,"Last, Name"', "{{my.token}},Email Address"]),
        st.lists(XML_TEXT, max_size=4),
        st.sampled_from(ImportToListModeEnum),
        WORDS,
        st.booleans(),
        WORDS,
    ),
    GetImportToListStatus: st.builds(GetImportToListStatus, WORDS, WORDS),
    StaticListSelector: st.builds(StaticListSelector, WORDS) | st.builds(StaticListSelector, st.none(), IDS),
    MObject: OBJECTS,
    GetMObjects: st.builds(
        GetMObjects,
        st.sampled_from(OBJECT_TYPES),
        external_key=st.none() | ATTRIB,
        m_obj_criteria=st.lists(st.builds(MObjCriteria, WORDS, st.sampled_from(ComparisonEnum), XML_TEXT), max_size=2),
        m_obj_associations=st.lists(ASSOCIATIONS, max_size=2),
        include_details=st.none() | st.booleans(),
        stream_position=st.none() | XML_TEXT,
    ),
    SyncMObjects: st.builds(
        SyncMObjects, st.lists(OBJECTS, min_size=1, max_size=2), st.sampled_from(SyncOperationEnum)
    ),
    DeleteMObjects: st.builds(DeleteMObjects, st.lists(OBJECTS.filter(is_named), min_size=1, max_size=2)),
}


@once_per_class  # a strategy is checked and measured when it is first used
def values_of(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Values of a declared class that a caller may make: what breaks a rule of the class is drawn again.

    They fit WSDL 2_2: elements of later versions are left out.
    """
    if cls in _BY_HAND:
        return _BY_HAND[cls]
    return (
        st.fixed_dictionaries({field.argument: _field(field) for field in declared(cls) if not field.el.later})
        .map(lambda given: _made(cls, given))
        .filter(lambda made: made is not None)
    )


def _made(cls: type[Any], given: dict[str, Any]) -> Any:
    try:
        return cls(**given)
    except ValueError:
        return None


def _field(field: Field) -> st.SearchStrategy[Any]:
    if field.is_list:
        item = field.of_items()
        nested = item.is_list or (is_record(item.type) and any(each.is_list for each in declared(item.type)))
        several: st.SearchStrategy[Any] = st.lists(_field(item), max_size=3 if nested else 9).map(tuple)
        return st.none() | several if field.none_allowed else several
    if field.choices:
        one = st.one_of([values_of(choice) for choice in field.choices])
    elif is_record(field.type):
        one = values_of(field.type)
    elif is_enum(field.type):
        one = st.sampled_from(field.type)
    elif field.type is datetime or field.el.type == "dateTime":
        one = MOMENTS
    else:
        text = XML_TEXT if field.el.may_be_empty else WORDS
        one = {str: text, int: INTEGERS, bool: st.booleans(), bytes: st.binary(max_size=40)}[field.type]
    return st.none() | one if field.none_allowed else one


def operations() -> list[type[Operation[Any]]]:
    return [OPERATIONS[name] for name in OPERATIONS]


def classes_in(cls: type[Any]) -> Iterator[type[Any]]:
    """A declared class and all declared classes in it."""
    yield cls
    for field in declared(cls):
        for kind in field.choices or ((field.type,) if is_record(field.type) else ()):
            yield from classes_in(kind)


def all_classes() -> list[type[Any]]:
    """Every declared class: headers, parameters, results, records."""
    tops = [AuthenticationHeader, MktowsContextHeader]
    tops += [cls for operation in operations() for cls in (operation, operation.result_type)]
    return list(dict.fromkeys(cls for top in tops for cls in classes_in(top)))


def attrs_field(cls: type[Any], field: Field) -> attrs.Attribute[Any]:
    return attrs.fields_dict(cls)[field.name]
