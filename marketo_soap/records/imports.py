"""Types of the operations that merge leads and import them to a list."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.wire.fields import El

__all__ = ["ImportToListModeEnum", "ImportToListStatusEnum", "LeadMergeStatusEnum", "MergeStatus"]


class LeadMergeStatusEnum(StrEnum):
    """Whether leads were merged."""

    MERGED = "MERGED"
    FAILED = "FAILED"


class ImportToListModeEnum(StrEnum):
    """What an import writes: leads and their membership, or the membership alone."""

    UPSERTLEADS = "UPSERTLEADS"
    LISTONLY = "LISTONLY"


class ImportToListStatusEnum(StrEnum):
    """How far an import is."""

    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@frozen
class MergeStatus:
    """The outcome of a merge: the lead that stays, those that are gone, or why it failed."""

    winning_lead_id: Annotated[int | None, El("winningLeadId", nillable=True)] = field(default=None, kw_only=True)
    losing_lead_ids: Annotated[tuple[int, ...] | None, El("losingLeadIdList", item="integerItem", nillable=True)] = (
        field(default=None, kw_only=True)
    )
    status: Annotated[LeadMergeStatusEnum | str, El("status")]
    error: Annotated[str | None, El("error", nillable=True, private="text")] = field(default=None, repr=hidden)
