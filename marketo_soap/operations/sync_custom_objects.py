"""syncCustomObjects: insert or update objects of one type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from attrs import frozen

from marketo_soap.operations.base import BatchOperation, Effect, Violation
from marketo_soap.records.attribs import SyncOperationEnum
from marketo_soap.records.custom_objects import MOST_OBJECTS, CustomObj, SyncCustomObjStatus, broken_keys
from marketo_soap.wire.fields import El

__all__ = ["SyncCustomObjects", "SyncCustomObjectsResult"]


@frozen
class SyncCustomObjectsResult:
    """The outcome for each object, in the order given."""

    sync_custom_obj_statuses: Annotated[
        tuple[SyncCustomObjStatus, ...], El("syncCustomObjStatusList", item="syncCustomObjStatus")
    ]


@frozen
class SyncCustomObjects(BatchOperation[SyncCustomObjectsResult, SyncCustomObjStatus]):
    """Insert or update at most 100 objects of one type, each found by its whole key.

    *operation* says what may be done: UPSERT, INSERT (existing objects are SKIPPED) or UPDATE (missing ones are).
    The name of the type counts in any case; one that is unknown is fault 20110. What is wrong with one object is its
    status FAILED with the reason in `error`, and the others are written all the same. Repeating it is harmless,
    except for an INSERT.
    """

    batch_limit: ClassVar[int | None] = MOST_OBJECTS
    batch_field: ClassVar[str] = "custom_objs"
    statuses_field: ClassVar[str] = "sync_custom_obj_statuses"

    obj_type_name: Annotated[str, El("objTypeName")]
    custom_objs: Annotated[tuple[CustomObj, ...], El("customObjList", item="customObj")]
    operation: Annotated[SyncOperationEnum | str | None, El("operation", nillable=True)] = SyncOperationEnum.UPSERT

    @property
    def effect(self) -> Effect:
        """An INSERT that is repeated skips what it wrote, so that its statuses no longer tell what happened."""
        return "once" if self.operation == SyncOperationEnum.INSERT else "repeatable"

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        yield from broken_keys(
            [each.custom_obj_keys for each in self.custom_objs], f"{self.params_name}/customObjList/customObj"
        )
