"""Merge Leads."""

from __future__ import annotations

from collections.abc import Mapping

from marketo_soap.sandbox.operations.merge_leads import merge
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.rest.replies import RestCallError
from marketo_soap.sandbox.rest.sync import visible
from marketo_soap.sandbox.rest.values import invalid
from marketo_soap.sandbox.store.leads import StoredLead

__all__ = ["merge_by_ids"]

_MOST_LOSERS = 25


def merge_by_ids(world: World, winner_id: int, given: Mapping[str, str]) -> tuple[StoredLead, StoredLead]:
    """Merge the leads of `leadId` or `leadIds` into one; return it before and after. `mergeInCRM` is ignored."""
    texts = [each.strip() for each in (given.get("leadIds") or given.get("leadId") or "").split(",") if each.strip()]
    if not texts:
        raise RestCallError("1002", "Missing value for required parameter 'leadIds'")
    if len(texts) > _MOST_LOSERS:
        raise RestCallError("1080", f"At most {_MOST_LOSERS} leads can be merged")
    for text in texts:
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise invalid("leadIds", text)
    winner, *losers = [_lead(world, each) for each in (winner_id, *map(int, texts))]
    if winner in losers:  # chosen: no code is on record
        raise RestCallError("1003", "The winning lead is among the losing leads")
    return winner, merge(winner, {lead.id: lead for lead in losers}, world)


def _lead(world: World, lead_id: int) -> StoredLead:
    lead = world.leads.by_id(lead_id)
    if lead is None or not visible(lead, world.settings):
        raise RestCallError("1004", f"Lead with id {lead_id} not found")
    return lead
