"""What Marketo does with each operation: the rules, apart from storage and from HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from marketo_soap.sandbox.operations.campaigns import get_campaigns_for_source, request_campaign, schedule_campaign
from marketo_soap.sandbox.operations.get_lead import get_lead
from marketo_soap.sandbox.operations.get_multiple_leads import get_multiple_leads
from marketo_soap.sandbox.operations.lead_activities import get_lead_activity, get_lead_changes
from marketo_soap.sandbox.operations.list_operation import list_operation
from marketo_soap.sandbox.operations.outcome import Outcome, World
from marketo_soap.sandbox.operations.sync_lead import sync_lead
from marketo_soap.sandbox.operations.sync_multiple_leads import sync_multiple_leads

__all__ = ["FUNCTIONS"]

Function: TypeAlias = Callable[[Any, World], Outcome]

FUNCTIONS: Mapping[str, Function] = {
    "getCampaignsForSource": get_campaigns_for_source,
    "getLead": get_lead,
    "getLeadActivity": get_lead_activity,
    "getLeadChanges": get_lead_changes,
    "getMultipleLeads": get_multiple_leads,
    "listOperation": list_operation,
    "requestCampaign": request_campaign,
    "scheduleCampaign": schedule_campaign,
    "syncLead": sync_lead,
    "syncMultipleLeads": sync_multiple_leads,
}
"""What carries out an operation, by its name. A function raises a `Fault` to refuse the call."""
