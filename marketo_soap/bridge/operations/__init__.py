"""The operations that go over REST, each as a generator of REST requests, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marketo_soap.bridge.operations.get_lead import get_lead
from marketo_soap.bridge.operations.get_multiple_leads import get_multiple_leads
from marketo_soap.bridge.operations.m_objects import describe_m_object, get_m_objects, list_m_objects
from marketo_soap.bridge.operations.sync_lead import sync_lead
from marketo_soap.bridge.operations.sync_m_objects import delete_m_objects, sync_m_objects
from marketo_soap.bridge.steps import Translation

__all__ = ["NOT_CARRIED", "TRANSLATIONS"]

TRANSLATIONS: Mapping[str, Callable[..., Translation[Any]]] = {
    "deleteMObjects": delete_m_objects,
    "describeMObject": describe_m_object,
    "getLead": get_lead,
    "getMObjects": get_m_objects,
    "getMultipleLeads": get_multiple_leads,
    "listMObjects": list_m_objects,
    "syncLead": sync_lead,
    "syncMObjects": sync_m_objects,
}
"""The operations that go over REST, by their names."""

NOT_CARRIED: Mapping[str, Mapping[str, str]] = {
    "deleteMObjects": {
        "id": "REST has no integer ids of opportunities and roles: FAILED. An externalKey names an opportunity; a role "
        "its associations and its Role",
        "MObjStatus/id": "it is 0",
    },
    "describeMObject": {
        "sourceObject, isDynamic, dynamicFieldRef": "REST does not tell: nil or false",
        "updatedAt": "REST does not tell: a constant",
        "ActivityRecord": "constant",
    },
    "getMObjects": {
        "id": "REST has no integer ids of opportunities and roles: fault 20019; their objects have none",
        "opportunities without an externalKey": "REST lists them by key only: fault 20019",
        "roles without an association": "REST lists them by opportunity or lead only: fault 20019",
        "mObjCriteriaList": "compared here, on what REST found before",
        "Program": "without tokens, archive flag, tree path, workspace id and the ids of costs; Include Archive has no "
        "effect",
    },
    "listMObjects": {"credentials": "REST is not called: the list is constant, so it does not check credentials"},
    "syncMObjects": {
        "id": "REST has no integer ids of opportunities and roles: FAILED. An externalKey names an opportunity; a role "
        "its associations and its Role",
        "UNCHANGED": "REST says updated: UPDATED",
        "MObjStatus/id": "it is 0, but for programs",
        "several types": "one REST call for neighbours of one type; not atomic",
        "Program": "a cost with an Id, and the channel, cannot be written: FAILED",
        "native CRM sync": "REST refuses opportunities and roles (1018): fault 20019",
    },
    "getLead": {
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "a key with a comma": "it separates the values of a REST filter: no lead is found (a cookie: fault 20110)",
        "more than 1,000 leads": "REST refuses a filter that matches more (1003): fault 20110",
    },
    "getMultipleLeads": {
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "a key with a comma": "it separates the values of a REST filter: no lead is found (a cookie: fault 20110)",
        "remainingCount": "REST does not count: it is 1 while there are more pages",
        "LastUpdateAtSelector": "leads whose fields changed, once a change, not those with new activity; the 30 days "
        "of a span without an end are not checked",
    },
    "syncLead": {
        "ForeignSysPersonId": "SOAP's own store cannot be read over REST: a custom field stands in (foreign_id_fields)",
        "marketoCookie": "beside another key it is tied to the lead afterwards, not looked up",
        "targetWorkspace": "REST knows partitions only (workspace_partitions)",
    },
}
"""What REST cannot carry of an operation, or only approximately, and why. Source: the vendor's two APIs."""
