"""The operations that go over REST, each as a generator of REST requests, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marketo_soap.bridge.operations.custom_objects import (
    delete_custom_objects,
    get_custom_objects,
    sync_custom_objects,
)
from marketo_soap.bridge.operations.get_lead import get_lead
from marketo_soap.bridge.operations.get_multiple_leads import get_multiple_leads
from marketo_soap.bridge.operations.sync_lead import sync_lead
from marketo_soap.bridge.operations.tags import get_channels, get_tags
from marketo_soap.bridge.steps import Translation

__all__ = ["NOT_CARRIED", "TRANSLATIONS"]

TRANSLATIONS: Mapping[str, Callable[..., Translation[Any]]] = {
    "deleteCustomObjects": delete_custom_objects,
    "getChannels": get_channels,
    "getCustomObjects": get_custom_objects,
    "getLead": get_lead,
    "getMultipleLeads": get_multiple_leads,
    "getTags": get_tags,
    "syncCustomObjects": sync_custom_objects,
    "syncLead": sync_lead,
}
"""The operations that go over REST, by their names."""

NOT_CARRIED: Mapping[str, Mapping[str, str]] = {
    "deleteCustomObjects": {
        "UNCHANGED": "an object that is not there is FAILED, with the reason of REST (1013)",
    },
    "getChannels": {
        "further names of a status": "REST has name, step and success, not `Check-in Status` or `Webinar Behavior`",
    },
    "getCustomObjects": {
        "no key": "REST lists no objects: fault 20019",
        "a part of the key": "REST finds objects by the whole key or by the link to a lead: else fault 20019",
        "remainingCount": "REST does not count: it is 1 while there are more pages",
        "MKTOID": "it stands for the field that links the type to leads",
    },
    "getTags": {
        "a value with a comma and a space": "REST gives the values as one text that they separate: it is torn",
    },
    "syncCustomObjects": {
        "MKTOID": "it stands for the field that links the type to leads",
        "types": "those that REST lists; ones that were made for SOAP alone are fault 20110",
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
