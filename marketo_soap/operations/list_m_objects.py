"""listMObjects: the names of the types of objects that can be described."""

from __future__ import annotations

from typing import Annotated

from attrs import frozen

from marketo_soap.operations.base import Operation
from marketo_soap.wire.fields import El

__all__ = ["ListMObjects", "ListMObjectsResult"]


@frozen
class ListMObjectsResult:
    """The names of the types."""

    objects: Annotated[tuple[str, ...], El("objects")] = ()


@frozen
class ListMObjects(Operation[ListMObjectsResult]):
    """Return the types of objects that `DescribeMObject` takes: ActivityRecord, LeadRecord, Opportunity, and
    OpportunityPersonRole.

    Program is not among them, although getMObjects and syncMObjects take it. Clients use it to check credentials.
    A read: repeating it is harmless.
    """

    @classmethod
    def summary(cls, result: ListMObjectsResult) -> str:
        """Return how many types there are."""
        return f"{len(result.objects)} types"
