"""What Marketo does with each operation: the rules, apart from storage and from HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from marketo_soap.sandbox.operations.campaigns import get_campaigns_for_source, request_campaign, schedule_campaign
from marketo_soap.sandbox.operations.custom_objects import (
    delete_custom_objects,
    get_custom_objects,
    sync_custom_objects,
)
from marketo_soap.sandbox.operations.get_lead import get_lead
from marketo_soap.sandbox.operations.get_multiple_leads import get_multiple_leads
from marketo_soap.sandbox.operations.import_to_list import get_import_to_list_status, import_to_list
from marketo_soap.sandbox.operations.lead_activities import get_lead_activity, get_lead_changes
from marketo_soap.sandbox.operations.list_operation import list_operation
from marketo_soap.sandbox.operations.m_objects import describe_m_object, get_m_objects, list_m_objects
from marketo_soap.sandbox.operations.merge_leads import merge_leads
from marketo_soap.sandbox.operations.outcome import Outcome, World
from marketo_soap.sandbox.operations.sync_lead import sync_lead
from marketo_soap.sandbox.operations.sync_m_objects import delete_m_objects, sync_m_objects
from marketo_soap.sandbox.operations.sync_multiple_leads import sync_multiple_leads
from marketo_soap.sandbox.operations.tags import get_channels, get_tags

__all__ = ["FUNCTIONS"]

Function: TypeAlias = Callable[[Any, World], Outcome]

FUNCTIONS: Mapping[str, Function] = {
    "deleteCustomObjects": delete_custom_objects,
    "deleteMObjects": delete_m_objects,
    "describeMObject": describe_m_object,
    "getCampaignsForSource": get_campaigns_for_source,
    "getChannels": get_channels,
    "getCustomObjects": get_custom_objects,
    "getImportToListStatus": get_import_to_list_status,
    "getLead": get_lead,
    "getLeadActivity": get_lead_activity,
    "getLeadChanges": get_lead_changes,
    "getMObjects": get_m_objects,
    "getMultipleLeads": get_multiple_leads,
    "listOperation": list_operation,
    "getTags": get_tags,
    "importToList": import_to_list,
    "listMObjects": list_m_objects,
    "mergeLeads": merge_leads,
    "requestCampaign": request_campaign,
    "scheduleCampaign": schedule_campaign,
    "syncCustomObjects": sync_custom_objects,
    "syncLead": sync_lead,
    "syncMultipleLeads": sync_multiple_leads,
    "syncMObjects": sync_m_objects,
}
"""What carries out an operation, by its name. A function raises a `Fault` to refuse the call."""
