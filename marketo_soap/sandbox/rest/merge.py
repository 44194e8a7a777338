"""Merge Leads."""

from __future__ import annotations

from marketo_soap.sandbox.operations.merge_leads import merge
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.values import invalid
from marketo_soap.sandbox.store.leads import StoredLead
from marketo_soap.sandbox.store.table import read_id

__all__ = ["merge_by_ids"]

_MOST_LOSERS = 25


def merge_by_ids(call: EndpointCall) -> RestResult:
    """Merge the leads of `leadId` or `leadIds` into one. `mergeInCRM` is ignored."""
    if call.body:  # recorded: Merge takes its parameters in the query alone
        raise RestCallError("1003", "The parameters of a merge are given in the query")
    given = call.given.get("leadIds") or call.given.get("leadId") or ""
    texts = [each.strip() for each in given.split(",") if each.strip()]
    if not texts:
        raise RestCallError("1002", "Missing value for required parameter 'leadIds'")
    if len(texts) > _MOST_LOSERS:
        raise RestCallError("1080", f"At most {_MOST_LOSERS} leads can be merged")
    ids = [call.number]
    for text in texts:
        if (lead_id := read_id(text)) is None:
            raise invalid("leadIds", text)
        ids.append(lead_id)
    winner, *losers = [_lead(call, each) for each in ids]
    if winner in losers:  # chosen: no code is on record
        raise RestCallError("1003", "The winning lead is among the losing leads")
    after = merge(winner, {lead.id: lead for lead in losers}, call)
    call.entry.lead_id, call.entry.before, call.entry.after = winner.id, winner, after
    return RestResult()


def _lead(call: EndpointCall, lead_id: int) -> StoredLead:
    lead = call.lead(lead_id)
    if lead is None:
        raise RestCallError("1004", f"Lead with id {lead_id} not found")
    return lead
