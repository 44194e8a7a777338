"""syncMObjects: insert and update opportunities and roles, update programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.operations.base import BatchOperation, Effect, Violation
from marketo_soap.records.attribs import SyncOperationEnum
from marketo_soap.records.marketo_objects import MOST_OBJECTS, OBJECT_TYPES, MObject, MObjStatus, as_objects
from marketo_soap.wire.fields import El

__all__ = ["SyncMObjects", "SyncMObjectsResult", "broken_object_rules"]


@frozen
class SyncMObjectsResult:
    """One status for each object, in the order of the request."""

    m_obj_statuses: Annotated[tuple[MObjStatus, ...], El("mObjStatusList", item="mObjStatus")]


@frozen
class SyncMObjects(BatchOperation[SyncMObjectsResult, MObjStatus]):
    """Insert and update up to 100 objects, of several types if need be. Each has its status, in the order given.

    *operation* INSERT skips objects that exist, UPDATE skips those that do not, UPSERT skips none. An object is found
    by its *id*, or by its external key; the newest counts if several have the key. A role needs its opportunity and its
    person: the attributes OpportunityId and PersonId, or associations. Of a program only UPDATE adds and changes
    costs (attributes Month and Amount, Id and Note) and tags (Type and Value, which exist).

    An object that was refused is FAILED with an error, and does not stop the others. An unknown type is fault 20110.
    To repeat an INSERT may add the objects twice, as may objects without a key and costs without an id.
    """

    batch_limit: ClassVar[int | None] = MOST_OBJECTS
    batch_field: ClassVar[str] = "m_objects"
    statuses_field: ClassVar[str] = "m_obj_statuses"

    m_objects: Annotated[tuple[MObject, ...], El("mObjectList", item="mObject")] = field(converter=as_objects)
    operation: Annotated[SyncOperationEnum | str, El("operation")]

    @property
    def effect(self) -> Effect:
        """Whether it may be repeated: not an INSERT, nor an UPSERT without keys, nor a new cost."""
        if self.operation == SyncOperationEnum.INSERT:
            return "once"
        costs = (each for one in self.m_objects for each in one.type_attribs if each.attr_type == "Cost")
        if any("Id" not in [attrib.name for attrib in cost.attribs] for cost in costs):
            return "once"
        named = all(one.id is not None or one.external_key is not None for one in self.m_objects)
        return "repeatable" if named or self.operation == SyncOperationEnum.UPDATE else "once"

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        yield from broken_object_rules(self.m_objects, self.params_name)


def broken_object_rules(objects: tuple[MObject, ...], path: str) -> Iterator[Violation]:
    """Yield the rules that the *objects* of a call break: their number, their types."""
    if not objects:
        yield Violation(20109, f"{path}/mObjectList", "mObjectList is empty: give it objects")
    for number, each in enumerate(objects, 1):
        if each.type.strip() and each.type not in OBJECT_TYPES:
            text = f"type must be one of {', '.join(OBJECT_TYPES)}"
            yield Violation(20110, f"{path}/mObjectList/mObject[{number}]/type", text)
