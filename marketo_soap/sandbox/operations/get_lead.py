"""getLead in the sandbox."""

from __future__ import annotations

from marketo_soap.errors import fault
from marketo_soap.operations.get_lead import GetLead, GetLeadResult
from marketo_soap.records.lead_keys import LeadKeyRef
from marketo_soap.sandbox.operations.lead_keys import leads_of
from marketo_soap.sandbox.operations.outcome import Outcome, World, record_of

__all__ = ["get_lead"]


def get_lead(call: GetLead, world: World) -> Outcome:
    """Find the leads that the key names, the newest id first, as recorded. Raises 20103 or 20108 if there is none."""
    key = call.lead_key
    found = world.leads.select(leads_of(key.key_type, [key.key_value], world.settings))[::-1]
    if not found and key.key_type == LeadKeyRef.LEADOWNEREMAIL:
        raise fault(20108)
    if not found:
        raise fault(20103, f"No lead found with {key.key_type} = {key.key_value}")
    result = GetLeadResult(len(found), tuple(record_of(lead, world.settings) for lead in found))
    return Outcome(result, key.key_type, found[0].id if len(found) == 1 else None)
