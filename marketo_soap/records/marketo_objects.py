"""Marketo objects: opportunities, the roles of persons in them, and programs; and what describes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.attribs import Attrib, as_attribs
from marketo_soap.wire.checking import check_fields
from marketo_soap.wire.fields import El

__all__ = [
    "MOST_OBJECTS",
    "OBJECT_TYPES",
    "ROLE_TYPES",
    "ComparisonEnum",
    "MObjAssociation",
    "MObjCriteria",
    "MObjFieldMetadata",
    "MObjStatus",
    "MObjStatusEnum",
    "MObject",
    "MObjectMetadata",
    "MObjectTypeEnum",
    "TypeAttrib",
    "as_objects",
]

MOST_OBJECTS = 100
ROLE_TYPES = ("OpportunityPersonRole", "OpportunityLeadRole")
"""The spellings of the type of a role: the documentation's, and the WSDL's. A reply uses that of its request."""
OBJECT_TYPES = ("Opportunity", *ROLE_TYPES, "Program")


class MObjStatusEnum(StrEnum):
    """The outcome for an object. SKIPPED: an INSERT of one that exists, or an UPDATE of one that does not."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    FAILED = "FAILED"
    UNCHANGED = "UNCHANGED"
    SKIPPED = "SKIPPED"


class MObjectTypeEnum(StrEnum):
    """The types that the WSDL names. No element uses it: a type is text, and roles are `OpportunityPersonRole`."""

    OPPORTUNITY = "Opportunity"
    OPPORTUNITY_LEAD_ROLE = "OpportunityLeadRole"
    PROGRAM = "Program"


class ComparisonEnum(StrEnum):
    """How a criterion compares: equal, not equal, less, less or equal, greater, greater or equal."""

    EQ = "EQ"
    NE = "NE"
    LT = "LT"
    LE = "LE"
    GT = "GT"
    GE = "GE"


@frozen
class MObjAssociation:
    """The object that another belongs to, by its id or its external key: the Company of an opportunity; the Lead
    or the Opportunity of a role.
    """

    m_obj_type: Annotated[str, El("mObjType")]
    id: Annotated[int | None, El("id")] = None
    external_key: Annotated[Attrib | None, El("externalKey")] = None

    __attrs_post_init__ = check_fields


@frozen
class TypeAttrib:
    """A tag, a cost or a token of a program (*attr_type*), with its attributes."""

    attr_type: Annotated[str, El("attrType")]
    attribs: Annotated[tuple[Attrib, ...], El("attrList", item="attrib")] = field(default=(), converter=as_attribs)

    __attrs_post_init__ = check_fields


@frozen
class MObject:
    """An object of a *type*: `Opportunity`, `OpportunityPersonRole` or `Program`. *id* is Marketo's.

    *external_key* is the caller's own: its name and value. It need not be unique: the newest object counts.
    """

    type: Annotated[str, El("type")]
    id: Annotated[int | None, El("id")] = None
    external_key: Annotated[Attrib | None, El("externalKey")] = None
    created_at: Annotated[datetime | None, El("createdAt")] = field(default=None, kw_only=True)
    updated_at: Annotated[datetime | None, El("updatedAt")] = field(default=None, kw_only=True)
    attribs: Annotated[tuple[Attrib, ...], El("attribList", item="attrib")] = field(default=(), converter=as_attribs)
    type_attribs: Annotated[tuple[TypeAttrib, ...], El("typeAttribList", item="typeAttrib")] = field(
        default=(), kw_only=True
    )
    m_obj_associations: Annotated[tuple[MObjAssociation, ...], El("associationList", item="mObjAssociation")] = field(
        default=(), kw_only=True
    )

    __attrs_post_init__ = check_fields

    def get(self, name: str) -> str | None:
        """Return the value of the attribute *name* as text: the last one if there are several."""
        return {each.name: each.value for each in self.attribs}.get(name)


def as_objects(given: Iterable[MObject]) -> tuple[MObject, ...]:
    """Return *given* as a tuple; a converter."""
    return tuple(given)


@frozen
class MObjStatus:
    """The outcome for one object: its id (0 if there is none), the external key that was given, the reason."""

    id: Annotated[int, El("id")]
    external_key: Annotated[Attrib | None, El("externalKey")] = field(default=None, kw_only=True)
    status: Annotated[MObjStatusEnum | str, El("status")]
    error: Annotated[str | None, El("error", private="text")] = field(default=None, repr=hidden)

    __attrs_post_init__ = check_fields


@frozen
class MObjCriteria:
    """A condition: the attribute, the comparison, the value."""

    attr_name: Annotated[str, El("attrName")]
    comparison: Annotated[ComparisonEnum | str, El("comparison")]
    attr_value: Annotated[str, El("attrValue", private="value", may_be_empty=True, type="anySimpleType")] = field(
        repr=hidden
    )

    __attrs_post_init__ = check_fields


@frozen
class MObjFieldMetadata:
    """A field of a type of objects. What is unknown is None, and nil on the wire."""

    name: Annotated[str, El("name")]
    description: Annotated[str | None, El("description", nillable=True)]
    display_name: Annotated[str | None, El("displayName", nillable=True)]
    source_object: Annotated[str | None, El("sourceObject", nillable=True)]
    data_type: Annotated[str, El("dataType")]
    size: Annotated[int | None, El("size", nillable=True)]
    is_readonly: Annotated[bool, El("isReadonly")]
    is_update_blocked: Annotated[bool, El("isUpdateBlocked")]
    is_name: Annotated[bool | None, El("isName", nillable=True)]
    is_primary_key: Annotated[bool, El("isPrimaryKey")]
    is_custom: Annotated[bool, El("isCustom")]
    is_dynamic: Annotated[bool, El("isDynamic")]
    dynamic_field_ref: Annotated[str | None, El("dynamicFieldRef", nillable=True)]
    updated_at: Annotated[datetime, El("updatedAt")]

    __attrs_post_init__ = check_fields


@frozen
class MObjectMetadata:
    """A type of objects: its fields, whether it is custom, and whether it is virtual (not to be written)."""

    name: Annotated[str, El("name")]
    description: Annotated[str | None, El("description", nillable=True)]
    is_custom: Annotated[bool, El("isCustom")]
    is_virtual: Annotated[bool, El("isVirtual")]
    fields: Annotated[tuple[MObjFieldMetadata, ...], El("fieldList", item="field")]
    updated_at: Annotated[datetime, El("updatedAt")]

    __attrs_post_init__ = check_fields
