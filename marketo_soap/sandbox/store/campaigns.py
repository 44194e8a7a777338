"""Campaigns, and what was asked of them: requests of trigger campaigns, runs of batch campaigns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve, field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.assets import Campaign
from marketo_soap.sandbox.store.table import Table

__all__ = ["Campaigns", "RequestedCampaign", "RequestedCampaigns", "ScheduledCampaign", "ScheduledCampaigns"]


@frozen
class RequestedCampaign:
    """One request of a trigger campaign: for which leads, with which tokens, and when (ISO 8601)."""

    campaign_id: int
    name: str
    program: str
    source: str
    lead_ids: tuple[int, ...]
    tokens: Mapping[str, str] = field(repr=hidden)
    requested_at: str
    id: int = 0


@frozen
class ScheduledCampaign:
    """One run of a batch campaign: with which tokens, when it was scheduled and when it is to run (ISO 8601).

    *clone_to_program* is the name of the program's clone that it runs in; "" for the program itself.
    """

    campaign_id: int
    name: str
    program: str
    clone_to_program: str
    tokens: Mapping[str, str] = field(repr=hidden)
    scheduled_at: str
    run_at: str
    id: int = 0


class Campaigns(Table[Campaign]):
    """The campaigns inside one transaction."""

    name, row = "campaign", Campaign
    indexes = (("name", "program"),)

    def fill(self, campaigns: Iterable[Campaign]) -> None:
        """Add *campaigns*, or write them over those with the same id, or without an id with the same names."""
        done: set[int] = set()
        for campaign in campaigns:
            same = self.find(id=campaign.id) if campaign.id else self.find(name=campaign.name, program=campaign.program)
            known = next((each for each in same if each.id not in done), None)
            if known is not None:
                kept = evolve(campaign, id=known.id)
                self.update(kept)
            else:
                kept = self.add(campaign)
            done.add(kept.id)

    def named(self, name: str, program: str) -> Campaign | None:
        """Return the oldest campaign of this name in a program."""
        return self.first(name=name.strip(), program=program.strip())


class RequestedCampaigns(Table[RequestedCampaign]):
    """The requests inside one transaction."""

    name, row, first_id = "requested_campaign", RequestedCampaign, 1


class ScheduledCampaigns(Table[ScheduledCampaign]):
    """The runs inside one transaction."""

    name, row, first_id = "scheduled_campaign", ScheduledCampaign, 1
    indexes = (("scheduled_at",),)
