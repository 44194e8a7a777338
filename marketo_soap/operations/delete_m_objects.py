"""deleteMObjects: delete opportunities and roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.operations.base import BatchOperation, Effect, Violation
from marketo_soap.operations.sync_m_objects import broken_object_rules
from marketo_soap.records.marketo_objects import MOST_OBJECTS, MObject, MObjStatus, as_objects
from marketo_soap.wire.fields import El

__all__ = ["DeleteMObjects", "DeleteMObjectsResult"]


@frozen
class DeleteMObjectsResult:
    """One status for each object, in the order of the request."""

    m_obj_statuses: Annotated[tuple[MObjStatus, ...], El("mObjStatusList", item="mObjStatus")]


@frozen
class DeleteMObjects(BatchOperation[DeleteMObjectsResult, MObjStatus]):
    """Delete up to 100 opportunities and roles by their ids. Each has its status, in the order given.

    The status is DELETED, UNCHANGED for an object that is not there, or FAILED with an error, for programs too. The
    vendor documents the id alone; an external key is for a bridge, where REST knows no ids. An unknown type is fault
    20110. Repeating it is harmless: what is gone is UNCHANGED.
    """

    batch_limit: ClassVar[int | None] = MOST_OBJECTS
    batch_field: ClassVar[str] = "m_objects"
    statuses_field: ClassVar[str] = "m_obj_statuses"

    m_objects: Annotated[tuple[MObject, ...], El("mObjectList", item="mObject")] = field(converter=as_objects)

    @property
    def effect(self) -> Effect:
        """To repeat it ends in the same state; by external keys, which several objects may share, it may not."""
        return "repeatable" if all(each.id is not None for each in self.m_objects) else "once"

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        yield from broken_object_rules(self.m_objects, self.params_name)
        for number, each in enumerate(self.m_objects, 1):
            if each.id is None and each.external_key is None and not each.m_obj_associations:
                path = f"{self.params_name}/mObjectList/mObject[{number}]/id"
                yield Violation(20109, path, "id is missing: it names the object")
