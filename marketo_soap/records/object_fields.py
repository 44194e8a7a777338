"""The fields of opportunities and roles, what describes them, and what criteria ask of an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import isnan

from attrs import frozen

from marketo_soap.errors import fault
from marketo_soap.records.lead_keys import aware
from marketo_soap.records.marketo_objects import (
    ROLE_TYPES,
    ComparisonEnum,
    MObjCriteria,
    MObject,
    MObjectMetadata,
    MObjFieldMetadata,
)

__all__ = ["DESCRIBED", "OBJECT_FIELDS", "ObjectField", "check_criteria", "describe", "meets"]

DESCRIBED = ("ActivityRecord", "LeadRecord", "Opportunity", ROLE_TYPES[0])
"""What listMObjects answers."""

_CHANGED = datetime(2013, 1, 1, tzinfo=UTC)  # chosen: when a type was last changed, if nobody knows
_TYPES = {"datetime": "dateTime"}


@frozen
class ObjectField:
    """A field: its SOAP name and its type, as REST names types."""

    name: str
    type: str = "string"
    label: str | None = None
    size: int | None = None
    readonly: bool = False


def _fields(given: str) -> tuple[ObjectField, ...]:
    pairs = [each.partition(":") for each in given.split()]
    return tuple(ObjectField(name, kind or "string") for name, _, kind in pairs)


_ROLE = _fields("OpportunityId:integer PersonId:integer Role ExternalCreatedDate:datetime IsPrimary:boolean")
OBJECT_FIELDS: Mapping[str, tuple[ObjectField, ...]] = {
    "Opportunity": _fields(
        "Amount:currency CloseDate:date Description:text ExpectedRevenue:currency ExternalCreatedDate:datetime Fiscal"
        " FiscalQuarter FiscalYear ForecastCategoryName IsClosed:boolean IsWon:boolean LastActivityDate:date LeadSource"
        " Name NextStep Probability:integer Quantity:float Stage Type"
    ),
    **dict.fromkeys(ROLE_TYPES, _ROLE),
    "ActivityRecord": _fields(
        "Id:integer ActivityDateTime:datetime ActivityType MktgAssetName ActivityAttributes:Array Campaign PersonName"
        " MktPersonId ForeignSysId OrgName ForeignSysOrgId"
    ),
}
"""The standard fields of each type. Source: the vendor's page; that of ActivityRecord: its elements (chosen)."""

_CRITERIA = {"Id", "Name", "Role", "Type", "Stage", "Created At", "Updated At"}
_PROGRAM_CRITERIA = {
    *("Id", "Name", "CRM Id", "Created At", "Updated At", "Tag Type", "Tag Value"),
    *("Workspace Id", "Workspace Name", "Include Archive"),
}


def describe(name: str, fields: Iterable[ObjectField]) -> MObjectMetadata:
    """Return what describeMObject answers of a type with these fields, in their order."""
    virtual = name in ("ActivityRecord", "LeadRecord")
    described = tuple(
        MObjFieldMetadata(
            each.name,
            None,
            each.label or each.name,
            None,
            _TYPES.get(each.type, each.type),
            each.size,
            each.readonly,
            False,
            each.name == "Name",
            each.name == "Id",
            False,
            False,
            None,
            _CHANGED,
        )
        for each in fields
    )
    return MObjectMetadata(name, None, False, virtual, described, _CHANGED)


def check_criteria(kind: str, criteria: Iterable[MObjCriteria]) -> None:
    """Raise fault 20110 for a criterion that objects of this type do not have."""
    known = _PROGRAM_CRITERIA if kind == "Program" else _CRITERIA
    for each in criteria:
        if each.attr_name not in known:
            raise fault(20110, f"{each.attr_name!r} is not a criterion: use one of {', '.join(sorted(known))}")


def meets(found: MObject, criteria: Iterable[MObjCriteria]) -> bool:
    """Say whether an object, with all its details, meets all the *criteria*.

    Chosen: numbers and times are compared as such, texts without regard to case; type and value of a tag are those
    of one tag; archived programs come with the criterion `Include Archive` only.
    """
    have = {each.name: each.value for each in found.attribs} | {"Id": str(found.id)}
    have |= {"Created At": _iso(found.created_at), "Updated At": _iso(found.updated_at)}
    tags: list[MObjCriteria] = []
    archived = have.get("Is Archived") == "true"
    for each in criteria:
        if each.attr_name == "Include Archive":
            archived = archived and each.attr_value.strip().lower() not in ("true", "1")
        elif each.attr_name in ("Tag Type", "Tag Value"):
            tags.append(each)
        elif not _holds(have.get(each.attr_name), each):
            return False
    if archived:
        return False
    pairs = [{f"Tag {each.name}": each.value for each in one.attribs} for one in found.type_attribs]
    return not tags or any(all(_holds(pair.get(each.attr_name), each) for each in tags) for pair in pairs)


def _iso(time: datetime | None) -> str:
    return "" if time is None else time.isoformat()


def _holds(have: str | None, criterion: MObjCriteria) -> bool:
    if have is None:
        return criterion.comparison == ComparisonEnum.NE
    order = _order(have, criterion.attr_value)
    match criterion.comparison:
        case ComparisonEnum.EQ:
            return order == 0
        case ComparisonEnum.NE:
            return order != 0
        case ComparisonEnum.LT:
            return order < 0
        case ComparisonEnum.LE:
            return order <= 0
        case ComparisonEnum.GT:
            return order > 0
        case _:
            return order >= 0


def _order(have: str, wanted: str) -> int:
    """Return -1, 0 or 1: which of the two comes first, as numbers, as times, or else as texts."""
    for read in (float, lambda text: aware(datetime.fromisoformat(text)).timestamp()):
        try:
            left, right = read(have.strip()), read(wanted.strip())
        except (ValueError, OverflowError):
            continue
        if not (isnan(left) or isnan(right)):
            return (left > right) - (left < right)
    one, other = have.strip().casefold(), wanted.strip().casefold()
    return (one > other) - (one < other)
