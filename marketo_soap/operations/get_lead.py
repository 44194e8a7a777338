"""getLead: the leads that a key names."""

from __future__ import annotations

from typing import Annotated

from attrs import frozen

from marketo_soap.operations.base import Operation
from marketo_soap.records.lead import LeadRecord
from marketo_soap.records.lead_keys import LeadKey
from marketo_soap.wire.fields import El

__all__ = ["GetLead", "GetLeadResult"]


@frozen
class GetLeadResult:
    """How many leads the key names, and the leads. Fields without a value are left out of a lead."""

    count: Annotated[int, El("count")]
    lead_records: Annotated[tuple[LeadRecord, ...], El("leadRecordList", item="leadRecord", nillable=True)] = ()


@frozen
class GetLead(Operation[GetLeadResult]):
    """Return the leads that a key names, with all their fields, the newest first.

    Several leads may have the same Email, owner or account. A key that names no lead is fault 20103
    (`NotFoundFault`), an owner who does not exist 20108. A read: repeating it is harmless.
    """

    lead_key: Annotated[LeadKey, El("leadKey", missing=20101)]

    @classmethod
    def summary(cls, result: GetLeadResult) -> str:
        """Return how many leads were found."""
        return f"{result.count} lead{'s' * (result.count != 1)}"
