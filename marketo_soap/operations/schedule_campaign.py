"""scheduleCampaign: run a batch campaign at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from attrs import converters, field, frozen

from marketo_soap.errors import OperationFailed
from marketo_soap.operations.base import Effect, Operation
from marketo_soap.records.attribs import Attrib, as_attribs
from marketo_soap.wire.fields import El

__all__ = ["ScheduleCampaign", "ScheduleCampaignResult"]


@frozen
class ScheduleCampaignResult:
    """Whether the campaign was scheduled."""

    success: Annotated[bool, El("success")]


@frozen
class ScheduleCampaign(Operation[ScheduleCampaignResult]):
    """Run a batch campaign of a program at *campaign_run_at*, or now.

    *program_tokens* (`{{my.name}}`) replace those of the program for this run; they are a mapping of names to values,
    or a list of `Attrib`. With *clone_to_program_name* the program is cloned under that name and the clone's
    campaign runs: a later version than WSDL 2_2 added it, at most 10 times a day.

    An unknown campaign is fault 20113. A repeat schedules another run.
    """

    program_name: Annotated[str, El("programName")]
    campaign_name: Annotated[str, El("campaignName")]
    campaign_run_at: Annotated[datetime | None, El("campaignRunAt", nillable=True)] = None
    clone_to_program_name: Annotated[str | None, El("cloneToProgramName", later=True)] = field(
        default=None, kw_only=True
    )
    program_tokens: Annotated[tuple[Attrib, ...] | None, El("programTokenList", item="attrib", nillable=True)] = field(
        default=None, kw_only=True, converter=converters.optional(as_attribs)
    )

    @property
    def effect(self) -> Effect:
        """A repeat schedules another run."""
        return "once"

    @classmethod
    def raise_for_status(cls, result: ScheduleCampaignResult) -> None:
        """Raise `OperationFailed` if the campaign was not scheduled."""
        if not result.success:
            raise OperationFailed("scheduleCampaign answered that the campaign was not scheduled", result)

    @classmethod
    def summary(cls, result: ScheduleCampaignResult) -> str:
        """Return whether the campaign was scheduled."""
        return "scheduled" if result.success else "not scheduled"
