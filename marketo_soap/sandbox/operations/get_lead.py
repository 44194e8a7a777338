"""getLead in the sandbox."""

from __future__ import annotations

from marketo_soap.operations.get_lead import GetLead, GetLeadResult
from marketo_soap.sandbox.operations.lead_keys import leads_named
from marketo_soap.sandbox.operations.outcome import Outcome, World, record_of

__all__ = ["get_lead"]


def get_lead(call: GetLead, world: World) -> Outcome:
    """Find the leads that the key names. Raises 20103 or 20108 if there is none."""
    found = leads_named(call.lead_key, world)
    result = GetLeadResult(len(found), tuple(record_of(lead, world.settings) for lead in found))
    return Outcome(result, call.lead_key.key_type, found[0].id if len(found) == 1 else None)
