"""Campaigns over REST: found, triggered, scheduled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from marketo_soap.records.lead_keys import aware
from marketo_soap.sandbox.assets import Campaign
from marketo_soap.sandbox.operations.campaigns import clones_today, request, schedule, unknown_tokens
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.pages import named, next_page
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.values import shown
from marketo_soap.sandbox.store.table import read_id

__all__ = ["find_campaigns", "schedule_campaign", "trigger_campaign"]

_MOST = 100  # leads, and tokens, of a call
_CLONES = 20  # a day
_SOONEST = timedelta(minutes=5)
_LATEST = timedelta(days=2 * 365)


def find_campaigns(call: EndpointCall) -> RestResult:
    """Return the campaigns with a name, a program's name or one of several ids.

    With `isTriggerable=true`, those that this API may request.
    """
    found = named(call.leads.campaigns, call.given)
    if call.given.get("isTriggerable") == "true":
        found = [each for each in found if each.takes("MKTOWS")]
    page, token = next_page(found, call.given, "campaigns")
    return RestResult([_shown(each) for each in page], token)


def _shown(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": campaign.id,
        "name": campaign.name,
        "description": campaign.description,
        "type": "trigger" if campaign.triggerable else "batch",
        **({"programName": campaign.program} if campaign.program else {}),
        "workspaceName": "Default",
        "active": campaign.triggerable and campaign.active,
    }


def trigger_campaign(call: EndpointCall) -> RestResult:
    """Request a campaign for leads. Recorded: an unknown lead is 1004 for the whole call, a batch campaign is 1003."""
    campaign, given = _campaign(call), _input(call)
    if not campaign.takes("MKTOWS"):
        raise RestCallError("1003", "Campaign must be an active trigger campaign with source Web Service API")
    leads = given.get("leads")
    if not isinstance(leads, list) or not 1 <= len(leads) <= _MOST:
        raise RestCallError("1003", f"leads holds 1 to {_MOST} leads")
    lead_ids = dict.fromkeys(_lead_id(each) for each in leads)
    if unknown := [each for each in lead_ids if call.lead(each) is None]:
        raise RestCallError("1004", f"Lead {unknown} not found")
    request(call, campaign, tuple(lead_ids), _tokens(call, campaign, given), "MKTOWS")
    return RestResult([{"id": campaign.id}])


def schedule_campaign(call: EndpointCall) -> RestResult:
    """Schedule a batch campaign, never sooner than in 5 minutes; raises 1042 for more than 2 years, 1020, 1003, 709."""
    campaign, given = _campaign(call), _input(call)
    if campaign.triggerable:
        raise RestCallError("1003", "Campaign must be a batch campaign")
    run_at = call.now + _SOONEST
    if (text := given.get("runAt")) is not None:
        try:
            run_at = max(run_at, aware(datetime.fromisoformat(str(text))))
        except ValueError:
            raise RestCallError("1003", f"Invalid value for 'runAt': '{shown(text)}'") from None
    if run_at - call.now > _LATEST:
        raise RestCallError("1042", "runAt must be within 2 years")
    clone = given.get("cloneToProgramName") or ""
    if not isinstance(clone, str):
        raise RestCallError("1003", "Invalid value for 'cloneToProgramName'")
    if clone and clones_today(call) >= _CLONES:
        raise RestCallError("1020", f"The program was cloned {_CLONES} times today")
    if clone and call.leads.programs.first(name=clone) is not None:  # chosen: the code of assets
        raise RestCallError("709", "Program name already exists")
    if clone and not campaign.program:
        raise RestCallError("1003", "The campaign is in no program")
    schedule(call, campaign, run_at, _tokens(call, campaign, given), clone)
    return RestResult([{"id": campaign.id}])


def _campaign(call: EndpointCall) -> Campaign:
    campaign = call.leads.campaigns.get(call.number)
    if campaign is None:
        raise RestCallError("1013", f"Campaign with id {call.number} not found")
    return campaign


def _input(call: EndpointCall) -> Mapping[str, Any]:
    data = call.data()
    given = data.get("input") if isinstance(data, dict) else None
    if not isinstance(given, dict):
        raise RestCallError("1003", "input is an object")
    return given


def _lead_id(data: Any) -> int:
    given = data.get("id") if isinstance(data, dict) else None
    number = read_id(str(given)) if isinstance(given, int | str) else None
    if number is None:
        raise RestCallError("1003", "Each lead is an object with an id")
    return number


def _tokens(call: EndpointCall, campaign: Campaign, given: Mapping[str, Any]) -> dict[str, str]:
    tokens = given.get("tokens") or []
    if not isinstance(tokens, list) or len(tokens) > _MOST:
        raise RestCallError("1003", f"tokens holds up to {_MOST} tokens")
    for token in tokens:
        if not isinstance(token, dict) or not isinstance(token.get("name"), str):
            raise RestCallError("1003", "Each token is an object with name and value")
    named = {token["name"]: shown(token.get("value", "")) for token in tokens}
    if call.settings.unknown_tokens == "fault" and (unknown := unknown_tokens(call, campaign, named)):
        raise RestCallError("1003", f"The program has no token {unknown[0]}")
    return named
