"""getCampaignsForSource, requestCampaign and scheduleCampaign in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from attrs import evolve

from marketo_soap.calls.limits import today
from marketo_soap.errors import fault
from marketo_soap.operations.get_campaigns_for_source import GetCampaignsForSource
from marketo_soap.operations.request_campaign import RequestCampaign, RequestCampaignResult
from marketo_soap.operations.schedule_campaign import ScheduleCampaign, ScheduleCampaignResult
from marketo_soap.records.attribs import Attrib
from marketo_soap.records.campaigns import CampaignRecord
from marketo_soap.records.lead_keys import MOST_KEYS, LeadKey, aware
from marketo_soap.sandbox.assets import Campaign
from marketo_soap.sandbox.operations.lead_keys import leads_of
from marketo_soap.sandbox.operations.outcome import Outcome, World
from marketo_soap.sandbox.store.campaigns import RequestedCampaign, ScheduledCampaign
from marketo_soap.sandbox.store.programs import Program

__all__ = [
    "clones_today",
    "get_campaigns_for_source",
    "request",
    "request_campaign",
    "schedule",
    "schedule_campaign",
    "unknown_tokens",
]

_CLONES = 10  # a day


def get_campaigns_for_source(call: GetCampaignsForSource, world: World) -> Outcome:
    """Return the campaigns that the source may request."""
    campaigns = [each for each in world.leads.campaigns.find(triggerable=True) if each.takes(call.source)]
    found = call.select(CampaignRecord(each.id, each.full_name, each.description) for each in campaigns)
    return Outcome(found, call.source)


def request_campaign(call: RequestCampaign, world: World) -> Outcome:
    """Request a campaign. Raises 20113 for an unknown one, 20110 for one that takes no requests (chosen), 20103."""
    settings, campaigns = world.settings, world.leads.campaigns
    if call.campaign_id is not None:
        if call.program_tokens and settings.campaign_id_with_tokens == "fault":
            raise fault(20110, "programTokenList goes with campaignName and programName, not with campaignId")
        campaign = campaigns.get(call.campaign_id)
    else:
        campaign = campaigns.named(call.campaign_name or "", call.program_name or "")
    if campaign is None:
        raise fault(20113)
    if not campaign.takes(call.source):
        raise fault(20110, f"Campaign {campaign.id} cannot be requested by {call.source}")
    tokens = _tokens(call.program_tokens)
    notes = _token_notes(world, campaign, tokens)
    lead_ids = dict.fromkeys(_lead_ids(call.lead_keys[:MOST_KEYS], world))  # documented: no more keys are looked at
    if lead_ids:
        request(world, campaign, tuple(lead_ids), tokens, call.source)
    lead_id = next(iter(lead_ids)) if len(lead_ids) == 1 else None
    return Outcome(RequestCampaignResult(bool(lead_ids)), campaign.full_name, lead_id, notes=notes)


def schedule_campaign(call: ScheduleCampaign, world: World) -> Outcome:
    """Schedule a batch campaign. Raises 20113; chosen: 20110 for a trigger campaign and for a clone with the name of
    another program, 20015 for a clone too many.
    """
    campaign = world.leads.campaigns.named(call.campaign_name, call.program_name)
    if campaign is None:
        raise fault(20113)
    if campaign.triggerable:
        raise fault(20110, f"Campaign {campaign.id} is not a batch campaign: it cannot be scheduled")
    clone = (call.clone_to_program_name or "").strip()
    if clone and clones_today(world) >= _CLONES:
        raise fault(20015, f"A program was cloned {_CLONES} times today: no more are allowed")
    if clone and world.leads.programs.first(name=clone) is not None:
        raise fault(20110, f"There is a program {clone} already")
    tokens = _tokens(call.program_tokens)
    notes = _token_notes(world, campaign, tokens)
    # Chosen: a time in the past is now.
    run_at = world.now if call.campaign_run_at is None else max(world.now, aware(call.campaign_run_at))
    schedule(world, campaign, run_at, tokens, clone)
    return Outcome(ScheduleCampaignResult(success=True), campaign.full_name, notes=notes)


def request(
    world: World, campaign: Campaign, lead_ids: tuple[int, ...], tokens: Mapping[str, str], source: str
) -> None:
    """Keep a request of a campaign, and log it for each lead."""
    asked = RequestedCampaign(
        campaign.id, campaign.name, campaign.program, source, lead_ids, tokens, world.now.isoformat()
    )
    world.leads.requested_campaigns.add(asked)
    for lead_id in lead_ids:
        world.log(lead_id, "Request Campaign", campaign.full_name)


def schedule(world: World, campaign: Campaign, run_at: datetime, tokens: Mapping[str, str], clone: str) -> None:
    """Keep a run of a campaign, in a *clone* of its program if that has a name."""
    now = world.now.isoformat()
    run = ScheduledCampaign(campaign.id, campaign.name, campaign.program, clone, tokens, now, run_at.isoformat())
    world.leads.scheduled_campaigns.add(run)
    if clone:
        _clone(world, campaign.program, clone)


def _clone(world: World, name: str, clone: str) -> None:
    """Add a copy of a program with its campaigns and its lists. Chosen: without its costs and the members of lists."""
    leads, now = world.leads, world.now.isoformat()
    program = leads.programs.first(name=name) or Program(name)
    leads.programs.add(evolve(program, name=clone, costs=(), created_at=now, updated_at=now, id=0))
    for campaign in leads.campaigns.find(program=name):
        leads.campaigns.add(evolve(campaign, program=clone, id=0))
    for each in leads.lists.find(program=name):
        leads.lists.ensure(each.name, clone)


def unknown_tokens(world: World, campaign: Campaign, tokens: Iterable[str]) -> list[str]:
    """Return the names of tokens that the campaign's program does not have, if its tokens are known."""
    program = world.leads.programs.first(name=campaign.program)
    return [] if program is None else [name for name in tokens if name not in program.tokens]


def clones_today(world: World) -> int:
    """Return how many runs of today are those of a program's clone."""
    runs = world.leads.scheduled_campaigns.select("clone_to_program != ''", order="id DESC", limit=100)
    return sum(today(datetime.fromisoformat(run.scheduled_at)) == today(world.now) for run in runs)


def _lead_ids(keys: Iterable[LeadKey], world: World) -> Iterator[int]:
    """Yield the leads of each key, all that it names. A key without a lead refuses the call, or is left out."""
    for key in keys:
        found = world.leads.select(leads_of(key.key_type, [key.key_value], world.settings))
        if not found and world.settings.unknown_campaign_leads == "fault":
            raise fault(20103, f"No lead found with {key.key_type} = {key.key_value}")
        yield from (lead.id for lead in found)


def _tokens(attribs: Iterable[Attrib] | None) -> dict[str, str]:
    return {each.name: each.value for each in attribs or ()}


def _token_notes(world: World, campaign: Campaign, tokens: Iterable[str]) -> list[str]:
    """Return remarks on tokens that replace none. Raises 20110 where the settings refuse those of no program."""
    unknown = unknown_tokens(world, campaign, tokens)
    if unknown and world.settings.unknown_tokens == "fault":
        raise fault(20110, f"The program {campaign.program} has no token {unknown[0]}")
    odd = [name for name in tokens if not (name.startswith("{{my.") and name.endswith("}}"))]
    notes = [f"the token {name} is not written as {{{{my.name}}}}: it replaces none" for name in odd]
    return notes + [f"the program has no token {name}: it replaces none" for name in unknown if name not in odd]
