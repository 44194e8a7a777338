"""The operations that go over REST, each as a generator of REST requests, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marketo_soap.bridge.names import NameSource
from marketo_soap.bridge.operations.campaigns import get_campaigns_for_source, request_campaign, schedule_campaign
from marketo_soap.bridge.operations.custom_objects import (
    delete_custom_objects,
    get_custom_objects,
    sync_custom_objects,
)
from marketo_soap.bridge.operations.get_lead import get_lead
from marketo_soap.bridge.operations.get_multiple_leads import get_multiple_leads
from marketo_soap.bridge.operations.import_to_list import get_import_to_list_status, import_to_list
from marketo_soap.bridge.operations.lead_activities import get_lead_activity, get_lead_changes
from marketo_soap.bridge.operations.list_operation import list_operation
from marketo_soap.bridge.operations.m_objects import describe_m_object, get_m_objects, list_m_objects
from marketo_soap.bridge.operations.merge_leads import merge_leads
from marketo_soap.bridge.operations.sync_lead import sync_lead
from marketo_soap.bridge.operations.sync_m_objects import delete_m_objects, sync_m_objects
from marketo_soap.bridge.operations.sync_multiple_leads import sync_multiple_leads
from marketo_soap.bridge.operations.tags import get_channels, get_tags
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.envelope import Request

__all__ = ["NOT_CARRIED", "TRANSLATIONS"]

_BY_CALL: Mapping[str, Callable[[Any, BridgeSettings, NameSource], Translation[Any]]] = {
    "getCampaignsForSource": get_campaigns_for_source,
    "deleteCustomObjects": delete_custom_objects,
    "deleteMObjects": delete_m_objects,
    "describeMObject": describe_m_object,
    "getChannels": get_channels,
    "getCustomObjects": get_custom_objects,
    "getImportToListStatus": get_import_to_list_status,
    "getLead": get_lead,
    "getLeadActivity": get_lead_activity,
    "getLeadChanges": get_lead_changes,
    "getMObjects": get_m_objects,
    "getMultipleLeads": get_multiple_leads,
    "listOperation": list_operation,
    "syncMultipleLeads": sync_multiple_leads,
    "requestCampaign": request_campaign,
    "scheduleCampaign": schedule_campaign,
    "getTags": get_tags,
    "importToList": import_to_list,
    "listMObjects": list_m_objects,
    "mergeLeads": merge_leads,
    "syncCustomObjects": sync_custom_objects,
    "syncMObjects": sync_m_objects,
}


def _of_request(translate: Callable[[Any, BridgeSettings, NameSource], Translation[Any]]) -> Callable[..., Any]:
    return lambda request, settings, names: translate(request.operation, settings, names)


TRANSLATIONS: Mapping[str, Callable[[Request[Any], BridgeSettings, NameSource], Translation[Any]]] = {
    **{name: _of_request(translate) for name, translate in _BY_CALL.items()},
    "syncLead": sync_lead,  # the header names a workspace
}
"""The operations that go over REST, by their names."""

NOT_CARRIED: Mapping[str, Mapping[str, str]] = {
    "getCampaignsForSource": {
        "source SALES": "REST has no campaigns of Sales Insight: fault 20019",
    },
    "deleteCustomObjects": {
        "UNCHANGED": "REST refuses to delete what is not there (1013): its status is FAILED",
    },
    "getChannels": {
        "further names of a status": "REST has name, step and success, not `Check-in Status` or `Webinar Behavior`",
    },
    "getCustomObjects": {
        "no key": "REST lists no objects: fault 20019",
        "a part of the key": "REST finds objects by the whole key or by the link to a lead only: otherwise fault 20019",
        "remainingCount": "REST does not count: it is 1 while there are more pages",
        "MKTOID": "it stands for the field that links the type to leads",
    },
    "getTags": {
        "a value with a comma and a space": "REST gives all values as one text, separated so: it comes back as two",
    },
    "syncCustomObjects": {
        "MKTOID": "it stands for the field that links the type to leads",
        "types": "a type that REST does not list, because it was made for SOAP alone, is fault 20110",
        "values": "REST checks them against the types of the fields: a wrong one is FAILED",
    },
    "deleteMObjects": {
        "id": "REST has no integer ids of opportunities and roles: FAILED. An externalKey names an opportunity; a role "
        "its associations and its Role",
        "MObjStatus/id": "it is 0",
    },
    "describeMObject": {
        "sourceObject, isDynamic, dynamicFieldRef": "REST does not tell: nil or false",
        "updatedAt": "REST does not tell: always the same time",
        "ActivityRecord": "REST is not asked: its fields are always the same",
    },
    "getMObjects": {
        "id": "REST has no integer ids of opportunities and roles: fault 20019; their objects have none",
        "opportunities without an externalKey": "REST lists them by key only: fault 20019",
        "roles without an association": "REST lists them by opportunity or lead only: fault 20019",
        "mObjCriteriaList": "compared here, on what REST found before",
        "type Program": "without tokens, archive flag, tree path, workspace id and the ids of costs; Include Archive "
        "has no effect",
    },
    "listMObjects": {"credentials": "REST is not called: the list is constant, so it does not check credentials"},
    "syncMObjects": {
        "id": "REST has no integer ids of opportunities and roles: FAILED. An externalKey names an opportunity; a role "
        "its associations and its Role",
        "UNCHANGED": "REST does not tell what stayed the same: the status is UPDATED",
        "MObjStatus/id": "it is 0, but for programs",
        "several types": "one REST call for neighbours of one type; not atomic",
        "type Program": "a cost with an Id, and the channel, cannot be written: FAILED",
        "native CRM sync": "REST refuses opportunities and roles (1018): fault 20019",
    },
    "getImportToListStatus": {
        "imports begun elsewhere": "REST knows an import by its number, which the bridge keeps in memory: fault 20111",
        "startedTime and the other times": "REST does not say them: nil",
        "CANCELED": "REST has no such status; after seven days it does not know the import",
    },
    "getLead": {
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "a key with a comma": "it separates the values of a REST filter: no lead is found (a cookie: fault 20110)",
        "more than 1,000 leads": "REST refuses a filter that matches more (1003): fault 20110",
    },
    "getLeadActivity": {
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "order": "REST begins with the oldest: for each page all activities of the lead are read",
        "campaign": "REST has its number, so its name is read with another call; nil if REST does not find it",
        "foreignSysId, foreignSysOrgId, personName, orgName": "REST's activities do not have them: nil",
        "a change of a field that SOAP did not show": "the bridge does not ask REST for it",
    },
    "getLeadChanges": {
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "remainingCount": "REST does not count: it is 1 while there are more",
        "newStartPosition": "it holds tokens of REST; the upper bound after the last page is the time of the "
        "last activity",
        "campaign": "REST has its number, so its name is read with another call; absent if REST does not find it",
        "a change of a field that SOAP did not show": "the bridge does not ask REST for it",
        "a span without an end": "its 30 days are not checked",
        "anonymous leads": "as REST shows them",
    },
    "getMultipleLeads": {
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "a key with a comma": "it separates the values of a REST filter: no lead is found (a cookie: fault 20110)",
        "remainingCount": "REST does not count: it is 1 while there are more pages",
        "LastUpdateAtSelector": "leads whose fields changed, once a change, not those with new activity; the 30 days "
        "of a span without an end are not checked",
    },
    "listOperation": {
        "a list by another key than MKTOLISTNAME": "REST does not know the owner of a list: fault 20110",
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "strict": "the bridge looks the leads up first: before the second call others may change them",
        "skipActivityLog": "REST always logs the activity",
        "more than 300 leads": "a REST call for each 300: some may be added and later ones fail",
    },
    "requestCampaign": {
        "source SALES": "REST has no campaigns of Sales Insight: fault 20019",
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "more than 100 leads": "they go in several calls: the first may be carried out and a later one refused",
        "keys after the hundredth": "SOAP took no notice of them: REST runs the campaign for their leads too",
    },
    "scheduleCampaign": {
        "campaignRunAt": "at least 5 minutes ahead, or REST runs it then; more than 2 years ahead: fault 20110 (1042)",
        "cloneToProgramName": "REST takes 20 a day (1020: fault 20015), SOAP took 10",
        "tokens that importToList loaded for single leads": "REST cannot load them",
    },
    "importToList": {
        "campaignName": "REST has no import of tokens for a campaign: fault 20019",
        "clearList": "the list is cleared before the import begins: both are not one step",
        "more than 10 MB": "REST takes no larger file (413): fault 20110",
        "several imports at once": "REST carries out one to a list, and queues ten (1016, 1019): fault 20024",
    },
    "mergeLeads": {
        "attrName LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "more than 25 losing leads": "they are merged 25 at a time: a failure leaves the rest apart",
    },
    "syncLead": {
        "ForeignSysPersonId": "REST cannot read ids that SOAP stored: a custom field holds them (foreign_id_fields)",
        "marketoCookie": "beside another key it does not find the lead: it is associated with the lead after the write",
        "targetWorkspace": "REST knows partitions only (workspace_partitions)",
    },
    "syncMultipleLeads": {
        "leads with different kinds of keys": "a REST call for each kind: not in the order of the leads; one may fail",
        "ForeignSysPersonId": "REST cannot read ids that SOAP stored: a custom field holds them (foreign_id_fields)",
    },
}
"""What REST cannot carry of an operation, or only approximately, and why. Source: the vendor's two APIs."""
