"""getCampaignsForSource: the campaigns that requestCampaign can start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from attrs import field, frozen

from marketo_soap.operations.base import Operation
from marketo_soap.records.campaigns import CampaignRecord, ReqCampSourceType
from marketo_soap.wire.fields import El

__all__ = ["GetCampaignsForSource", "GetCampaignsForSourceResult"]


@frozen
class GetCampaignsForSourceResult:
    """How many campaigns there are, and the campaigns, by their names."""

    return_count: Annotated[int, El("returnCount")]
    campaign_records: Annotated[
        tuple[CampaignRecord, ...], El("campaignRecordList", item="campaignRecord", nillable=True, keep_empty=True)
    ] = ()


@frozen
class GetCampaignsForSource(Operation[GetCampaignsForSourceResult]):
    """Return the campaigns that *source* may request: active, with the trigger "Campaign is Requested".

    *name* (the attribute is `campaign_name`) limits them to those whose name contains it, or with *exact_name* is
    equal to it. If there are none, the list is empty; that is no fault. A read: repeating it is harmless.
    """

    source: Annotated[ReqCampSourceType | str, El("source")]
    campaign_name: Annotated[str | None, El("name", nillable=True)] = field(default=None, alias="name")
    exact_name: Annotated[bool | None, El("exactName", nillable=True)] = None

    def select(self, campaigns: Iterable[CampaignRecord]) -> GetCampaignsForSourceResult:
        """Return those of *campaigns* that have the name, sorted. Chosen: the case of names does not count."""
        wanted = (self.campaign_name or "").strip().lower()

        def fits(name: str) -> bool:
            return not wanted or (name == wanted if self.exact_name else wanted in name)

        found = [campaign for campaign in campaigns if fits(campaign.name.lower())]
        found.sort(key=lambda campaign: (campaign.name.lower(), campaign.id))
        return GetCampaignsForSourceResult(len(found), tuple(found))

    @classmethod
    def summary(cls, result: GetCampaignsForSourceResult) -> str:
        """Return how many campaigns were found."""
        return f"{result.return_count} campaign{'s' * (result.return_count != 1)}"
