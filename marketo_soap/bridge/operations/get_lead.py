"""getLead over REST: a filter by the key, with all fields that SOAP showed. Pure."""

from __future__ import annotations

from marketo_soap.bridge.leads import fields_of, lead_record
from marketo_soap.bridge.lookup import find_leads
from marketo_soap.bridge.names import NameSource, names_from
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.errors import fault
from marketo_soap.operations.get_lead import GetLead, GetLeadResult

__all__ = ["get_lead"]


def get_lead(call: GetLead, settings: BridgeSettings, names: NameSource) -> Translation[GetLeadResult]:
    """Return the leads that a key names, the newest first."""
    key = call.lead_key
    known = yield from names_from(names)
    found = yield from find_leads(key.key_type, [key.key_value], fields_of(known, settings), settings)
    if not found:
        raise fault(20103, f"No lead found with {key.key_type} = {key.key_value}")
    records = [lead_record(each, known, settings) for each in reversed(found)]
    return GetLeadResult(len(records), tuple(records))
