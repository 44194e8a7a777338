"""describeMObject: the fields of a type of objects."""

from __future__ import annotations

from typing import Annotated

from attrs import frozen

from marketo_soap.operations.base import Operation
from marketo_soap.records.marketo_objects import MObjectMetadata
from marketo_soap.wire.fields import El

__all__ = ["DescribeMObject", "DescribeMObjectResult"]


@frozen
class DescribeMObjectResult:
    """The description of the type."""

    metadata: Annotated[MObjectMetadata, El("metadata")]


@frozen
class DescribeMObject(Operation[DescribeMObjectResult]):
    """Return the fields of a type of objects that `ListMObjects` names; any other name is fault 20110.

    A read: repeating it is harmless.
    """

    object_name: Annotated[str, El("objectName")]

    @classmethod
    def summary(cls, result: DescribeMObjectResult) -> str:
        """Return how many fields the type has."""
        return f"{len(result.metadata.fields)} fields"
