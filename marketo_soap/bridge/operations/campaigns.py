"""getCampaignsForSource, requestCampaign and scheduleCampaign over REST. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from marketo_soap.bridge.codes import refused_call, with_rest_error
from marketo_soap.bridge.lookup import ids_of_keys, lead_id_of, pages
from marketo_soap.bridge.names import NameSource
from marketo_soap.bridge.rest import RestReply, in_batches, write
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Note, Translation
from marketo_soap.errors import fault
from marketo_soap.operations.get_campaigns_for_source import GetCampaignsForSource, GetCampaignsForSourceResult
from marketo_soap.operations.request_campaign import RequestCampaign, RequestCampaignResult
from marketo_soap.operations.schedule_campaign import ScheduleCampaign, ScheduleCampaignResult
from marketo_soap.records.attribs import Attrib
from marketo_soap.records.campaigns import CampaignRecord, ReqCampSourceType
from marketo_soap.records.lead_keys import LeadKey, aware

__all__ = ["campaign_names", "get_campaigns_for_source", "request_campaign", "schedule_campaign"]

_CAMPAIGNS = "/rest/v1/campaigns.json"
_MOST_PAGES = 1000  # of 300 campaigns
_MOST_LEADS = 100  # of a request
_MOST_IDS = 300


def get_campaigns_for_source(
    call: GetCampaignsForSource, settings: BridgeSettings, _: NameSource
) -> Translation[GetCampaignsForSourceResult]:
    """Return the campaigns that can be requested."""
    _check_source(call.source)
    found = yield from pages(_CAMPAIGNS, {"isTriggerable": "true"}, settings, most=_MOST_PAGES)
    return call.select(map(_record, found))


def campaign_names(ids: Iterable[int], settings: BridgeSettings) -> Translation[dict[int, str]]:
    """Return the names of campaigns, as activities have them, by their ids. One that is gone has none."""
    names: dict[int, str] = {}
    for batch in in_batches(sorted(ids), _MOST_IDS):
        found = yield from pages(_CAMPAIGNS, {"id": ",".join(map(str, batch))}, settings)
        names |= {each.id: each.name for each in map(_record, found)}
    return names


def request_campaign(
    call: RequestCampaign, settings: BridgeSettings, _: NameSource
) -> Translation[RequestCampaignResult]:
    """Request a campaign for the leads of all keys, 100 in one call of REST."""
    _check_source(call.source)
    if call.campaign_id is not None and call.program_tokens and settings.campaign_id_with_tokens == "fault":
        raise fault(20110, "programTokenList goes with campaignName and programName, not with campaignId")
    campaign_id = call.campaign_id
    if campaign_id is None:
        campaign_id = yield from _campaign_named(call.campaign_name, call.program_name, settings)
    lead_ids = yield from _lead_ids(call.lead_keys, settings)
    for batch in in_batches(lead_ids, _MOST_LEADS):
        leads = [{"id": lead_id} for lead_id in batch]
        data = {"leads": leads, **_tokens(call.program_tokens)}
        yield from _post(campaign_id, "trigger", data, settings)
    return RequestCampaignResult(bool(lead_ids))


def schedule_campaign(
    call: ScheduleCampaign, settings: BridgeSettings, _: NameSource
) -> Translation[ScheduleCampaignResult]:
    """Schedule a batch campaign."""
    campaign_id = yield from _campaign_named(call.campaign_name, call.program_name, settings)
    data: dict[str, Any] = _tokens(call.program_tokens)
    if call.campaign_run_at is not None:
        data["runAt"] = aware(call.campaign_run_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if name := (call.clone_to_program_name or "").strip():
        data["cloneToProgramName"] = name
    yield Note("REST runs a campaign in 5 minutes at the soonest")
    yield from _post(campaign_id, "schedule", data, settings)
    return ScheduleCampaignResult(success=True)


def _check_source(source: str) -> None:
    if source != ReqCampSourceType.MKTOWS:
        raise fault(20019, f"REST has no campaigns of source {source}")


def _record(data: Mapping[str, Any]) -> CampaignRecord:
    name, program = str(data.get("name") or ""), data.get("programName")
    full_name = f"{program}.{name}" if program else name
    return CampaignRecord(lead_id_of(data.get("id")) or 0, full_name, str(data.get("description") or ""))


def _campaign_named(name: str | None, program: str | None, settings: BridgeSettings) -> Translation[int]:
    query = {"name": (name or "").strip(), "programName": (program or "").strip()}
    for found in (yield from pages(_CAMPAIGNS, query, settings)):
        number = lead_id_of(found.get("id"))
        if query.items() <= found.items() and number is not None:
            return number
    raise fault(20113)


def _lead_ids(keys: Iterable[LeadKey], settings: BridgeSettings) -> Translation[list[int]]:
    """Return the ids of the leads, each once."""
    skips = settings.unknown_campaign_leads == "skip"
    found = yield from ids_of_keys(keys, settings, look_up_ids=skips)
    for key, ids in found.items():
        if not ids and not skips:
            raise fault(20103, f"No lead found with {key.key_type} = {key.key_value}")
    return [*dict.fromkeys(lead_id for ids in found.values() for lead_id in ids)]


def _tokens(attribs: Iterable[Attrib] | None) -> dict[str, Any]:
    tokens = [{"name": each.name, "value": each.value} for each in attribs or ()]
    return {"tokens": tokens} if tokens else {}


def _post(campaign_id: int, what: str, data: dict[str, Any], settings: BridgeSettings) -> Translation[None]:
    path = f"/rest/v1/campaigns/{campaign_id}/{what}.json"
    reply: RestReply = yield write(path, {"input": data}, effect="once")
    if reply.success:
        return
    if reply.code in ("1013", "702"):
        raise with_rest_error(fault(20113), reply.errors[0], False)
    raise refused_call(reply, settings)
