"""The operations that go over REST, each as a generator of REST requests, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marketo_soap.bridge.operations.get_lead import get_lead
from marketo_soap.bridge.operations.get_multiple_leads import get_multiple_leads
from marketo_soap.bridge.operations.lead_activities import get_lead_activity, get_lead_changes
from marketo_soap.bridge.operations.sync_lead import sync_lead
from marketo_soap.bridge.steps import Translation

__all__ = ["NOT_CARRIED", "TRANSLATIONS"]

TRANSLATIONS: Mapping[str, Callable[..., Translation[Any]]] = {
    "getLead": get_lead,
    "getLeadActivity": get_lead_activity,
    "getLeadChanges": get_lead_changes,
    "getMultipleLeads": get_multiple_leads,
    "syncLead": sync_lead,
}
"""The operations that go over REST, by their names."""

NOT_CARRIED: Mapping[str, Mapping[str, str]] = {
    "getLead": {
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "a key with a comma": "it separates the values of a REST filter: no lead is found (a cookie: fault 20110)",
        "more than 1,000 leads": "REST refuses a filter that matches more (1003): fault 20110",
    },
    "getLeadActivity": {
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "order": "REST begins with the oldest: for each page all activities of the lead are read",
        "campaign": "REST has its number only: nil, or empty without a campaign",
        "foreignSysId, foreignSysOrgId, personName, orgName": "REST's activities do not have them: nil",
        "a change of a field that SOAP did not show": "the bridge does not ask REST for it",
    },
    "getLeadChanges": {
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "remainingCount": "REST does not count: it is 1 while there are more",
        "newStartPosition": "wraps one token for each group of types and leads; the upper bound after the last page is "
        "the time of the last activity",
        "campaign": "REST has its number only: absent",
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
    "syncLead": {
        "ForeignSysPersonId": "SOAP's own store cannot be read over REST: a custom field stands in (foreign_id_fields)",
        "marketoCookie": "beside another key it is tied to the lead afterwards, not looked up",
        "targetWorkspace": "REST knows partitions only (workspace_partitions)",
    },
}
"""What REST cannot carry of an operation, or only approximately, and why. Source: the vendor's two APIs."""
