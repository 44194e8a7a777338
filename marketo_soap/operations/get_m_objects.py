"""getMObjects: opportunities, roles or programs, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.operations.base import PagedOperation, Violation
from marketo_soap.records.attribs import Attrib
from marketo_soap.records.marketo_objects import OBJECT_TYPES, MObjAssociation, MObjCriteria, MObject
from marketo_soap.wire.fields import El

__all__ = ["GetMObjects", "GetMObjectsResult"]


@frozen
class GetMObjectsResult:
    """A page of objects, and whether there are more. The position is filled on the last page too."""

    return_count: Annotated[int, El("returnCount")]
    has_more: Annotated[bool, El("hasMore")]
    new_stream_position: Annotated[str, El("newStreamPosition")]
    m_objects: Annotated[tuple[MObject, ...], El("mObjectList", item="mObject")] = ()


@frozen
class GetMObjects(PagedOperation[GetMObjectsResult, MObject]):
    """Return the objects of a *type*, 100 a page, that meet all that is given; `client.iterate` walks all pages.

    The type is `Opportunity`, `OpportunityPersonRole` or `Program`. At most one of *id* and *external_key* is given;
    of several objects with an external key the newest is meant. The names of criteria are, for programs: `Id`, `Name`,
    `CRM Id`, `Created At`, `Updated At`, `Tag Type` (once), `Tag Value`, `Workspace Id`, `Workspace Name` and
    `Include Archive`; for the others `Id`, `Name`, `Role`, `Type`, `Stage`, `Created At` and `Updated At`.
    Associations are a Company for opportunities, a Lead or an Opportunity for roles. *include_details* adds the tags,
    costs and tokens of programs. Any other type or name is fault 20110, a damaged position 20122. What matches
    nothing is an empty page. A read: repeating it is harmless.
    """

    items_field: ClassVar[str] = "m_objects"
    item_name: ClassVar[tuple[str, str]] = "object", "objects"
    remaining_field: ClassVar[str] = "has_more"

    type: Annotated[str, El("type")]
    id: Annotated[int | None, El("id")] = None
    external_key: Annotated[Attrib | None, El("externalKey")] = field(default=None, kw_only=True)
    m_obj_criteria: Annotated[tuple[MObjCriteria, ...], El("mObjCriteriaList", item="mObjCriteria")] = field(
        default=(), kw_only=True
    )
    m_obj_associations: Annotated[tuple[MObjAssociation, ...], El("mObjAssociationList", item="mObjAssociation")] = (
        field(default=(), kw_only=True)
    )
    include_details: Annotated[bool | None, El("includeDetails")] = field(default=None, kw_only=True)
    stream_position: Annotated[str | None, El("streamPosition", may_be_empty=True)] = field(default=None, kw_only=True)

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        if self.type.strip() and self.type not in OBJECT_TYPES:
            yield Violation(20110, f"{self.params_name}/type", f"type must be one of {', '.join(OBJECT_TYPES)}")
        if self.id is not None and self.external_key is not None:
            yield Violation(20110, f"{self.params_name}/externalKey", "give an id or an externalKey, not both")
        if sum(each.attr_name == "Tag Type" for each in self.m_obj_criteria) > 1:
            yield Violation(20110, f"{self.params_name}/mObjCriteriaList", "Tag Type may be given once")
