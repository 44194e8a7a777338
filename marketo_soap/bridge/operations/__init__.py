"""The operations that go over REST, each as a generator of REST requests, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marketo_soap.bridge.operations.get_lead import get_lead
from marketo_soap.bridge.operations.get_multiple_leads import get_multiple_leads
from marketo_soap.bridge.operations.list_operation import list_operation
from marketo_soap.bridge.operations.sync_lead import sync_lead
from marketo_soap.bridge.operations.sync_multiple_leads import sync_multiple_leads
from marketo_soap.bridge.steps import Translation

__all__ = ["NOT_CARRIED", "TRANSLATIONS"]

TRANSLATIONS: Mapping[str, Callable[..., Translation[Any]]] = {
    "getLead": get_lead,
    "getMultipleLeads": get_multiple_leads,
    "listOperation": list_operation,
    "syncLead": sync_lead,
    "syncMultipleLeads": sync_multiple_leads,
}
"""The operations that go over REST, by their names."""

NOT_CARRIED: Mapping[str, Mapping[str, str]] = {
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
    "listOperation": {
        "listKey of other types than MKTOLISTNAME": "REST does not know the owner of a list: fault 20110",
        "keyType LEADOWNEREMAIL": "REST has no filter by the owner's e-mail address: fault 20102",
        "strict": "the leads are asked for before: between both calls others may change them",
        "skipActivityLog": "REST always logs the activity",
        "more than 300 leads": "each 300 are a call of their own: not atomic",
    },
    "syncLead": {
        "ForeignSysPersonId": "SOAP's own store cannot be read over REST: a custom field stands in (foreign_id_fields)",
        "marketoCookie": "beside another key it is tied to the lead afterwards, not looked up",
        "targetWorkspace": "REST knows partitions only (workspace_partitions)",
    },
    "syncMultipleLeads": {
        "leads with different kinds of keys": "one call for each kind: not atomic, and not in the order of the leads",
        "ForeignSysPersonId": "SOAP's own store cannot be read over REST: a custom field stands in (foreign_id_fields)",
    },
}
"""What REST cannot carry of an operation, or only approximately, and why. Source: the vendor's two APIs."""
