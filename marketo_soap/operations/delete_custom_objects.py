"""deleteCustomObjects: delete objects of one type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.operations.base import BatchOperation, Effect, Violation
from marketo_soap.records.custom_objects import MOST_OBJECTS, SyncCustomObjStatus, as_key_lists, broken_keys
from marketo_soap.records.lead import Attribute
from marketo_soap.wire.fields import El

__all__ = ["DeleteCustomObjects", "DeleteCustomObjectsResult"]


@frozen
class DeleteCustomObjectsResult:
    """The outcome for each object, in the order given: DELETED, UNCHANGED if there was none, or FAILED."""

    sync_custom_obj_statuses: Annotated[
        tuple[SyncCustomObjStatus, ...], El("deleteCustomObjStatusList", item="syncCustomObjStatus")
    ]


@frozen
class DeleteCustomObjects(BatchOperation[DeleteCustomObjectsResult, SyncCustomObjStatus]):
    """Delete at most 100 objects of one type, each named by its whole key.

    The name of the type counts in any case; one that is unknown is fault 20110. What is wrong with one key is the
    status FAILED of its object with the reason in `error`; an object that is not there is UNCHANGED. Repeating it is
    harmless.
    """

    batch_limit: ClassVar[int | None] = MOST_OBJECTS
    batch_field: ClassVar[str] = "custom_obj_key_lists"
    statuses_field: ClassVar[str] = "sync_custom_obj_statuses"

    obj_type_name: Annotated[str, El("objTypeName")]
    custom_obj_key_lists: Annotated[
        tuple[tuple[Attribute, ...], ...], El("customObjKeyLists", item="keyList/attribute")
    ] = field(converter=as_key_lists)

    @property
    def effect(self) -> Effect:
        """Deleting it again changes nothing."""
        return "repeatable"

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        yield from broken_keys(self.custom_obj_key_lists, f"{self.params_name}/customObjKeyLists/keyList")
