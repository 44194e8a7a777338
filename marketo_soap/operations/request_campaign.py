"""requestCampaign: run a trigger campaign for some leads, now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from attrs import converters, field, frozen

from marketo_soap.errors import OperationFailed
from marketo_soap.operations.base import BatchOperation, Effect, Violation
from marketo_soap.records.attribs import Attrib, as_attribs
from marketo_soap.records.campaigns import ReqCampSourceType
from marketo_soap.records.lead import filled
from marketo_soap.records.lead_keys import MOST_KEYS, LeadKey, LeadKeyRef
from marketo_soap.wire.fields import El

__all__ = ["RequestCampaign", "RequestCampaignResult"]


@frozen
class RequestCampaignResult:
    """Whether the campaign was requested."""

    success: Annotated[bool, El("success")]


@frozen
class RequestCampaign(BatchOperation[RequestCampaignResult, bool]):
    """Run a trigger campaign for the leads that *lead_keys* name: keys of any type but COOKIE, at most 100.

    `client.in_batches` takes more keys.

    The campaign is named by *campaign_id*, or by *campaign_name* and *program_name* together with *program_tokens*,
    which may be empty. Tokens (`{{my.name}}`) replace those of the program for this run; they are
    a mapping of names to values, or a list of `Attrib`.

    An unknown campaign is fault 20113, other ways to name it are 20110. The server ignored keys after the hundredth;
    the clients refuse them. A repeat runs the campaign again.
    """

    batch_limit: ClassVar[int | None] = MOST_KEYS
    batch_field: ClassVar[str] = "lead_keys"
    excess_ignored: ClassVar[bool] = True

    source: Annotated[ReqCampSourceType | str, El("source")]
    campaign_id: Annotated[int | None, El("campaignId", nillable=True)] = field(default=None, kw_only=True)
    lead_keys: Annotated[tuple[LeadKey, ...], El("leadList", item="leadKey", nillable=True)] = ()
    program_name: Annotated[str | None, El("programName", nillable=True)] = field(default=None, kw_only=True)
    campaign_name: Annotated[str | None, El("campaignName", nillable=True)] = field(default=None, kw_only=True)
    program_tokens: Annotated[tuple[Attrib, ...] | None, El("programTokenList", item="attrib", nillable=True)] = field(
        default=None, kw_only=True, converter=converters.optional(as_attribs)
    )

    @property
    def effect(self) -> Effect:
        """A repeat runs the campaign again."""
        return "once"

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        path = self.params_name
        names = filled(self.campaign_name), filled(self.program_name)
        if not self.lead_keys:
            yield Violation(20109, f"{path}/leadList", "leadList is missing or empty: name the leads")
        for number, key in enumerate(self.lead_keys, 1):
            if key.key_type == LeadKeyRef.COOKIE:
                at = f"{path}/leadList/leadKey[{number}]/keyType"
                yield Violation(20102, at, "requestCampaign takes no keys of type COOKIE")
        if self.campaign_id is not None and any(names):
            at = f"{path}/campaignId"
            yield Violation(20110, at, "campaignId is given with campaignName or programName: give one or the other")
        elif self.campaign_id is None and (None in names or self.program_tokens is None):
            text = "name the campaign by campaignId, or by campaignName, programName and programTokenList"
            yield Violation(20110, path, text)

    @classmethod
    def raise_for_status(cls, result: RequestCampaignResult) -> None:
        """Raise `OperationFailed` if the campaign was not requested."""
        if not result.success:
            raise OperationFailed("requestCampaign answered that the campaign was not requested", result)

    def statuses(self, results: Sequence[RequestCampaignResult]) -> Sequence[bool]:
        """Return for each key whether the campaign was requested."""
        return [results[0].success] * len(self.lead_keys)

    @classmethod
    def summary(cls, result: RequestCampaignResult) -> str:
        """Return whether the campaign was requested."""
        return "requested" if result.success else "not requested"
