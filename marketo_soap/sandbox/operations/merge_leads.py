"""mergeLeads in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from marketo_soap.errors import fault
from marketo_soap.operations.merge_leads import MergeLeads, MergeLeadsResult
from marketo_soap.records.imports import LeadMergeStatusEnum, MergeStatus
from marketo_soap.records.lead import Attribute
from marketo_soap.sandbox.operations.lead_keys import leads_of
from marketo_soap.sandbox.operations.lead_writing import log_lead
from marketo_soap.sandbox.operations.outcome import Outcome, World
from marketo_soap.sandbox.store.leads import StoredLead

__all__ = ["merge", "merge_leads"]


def merge_leads(call: MergeLeads, world: World) -> Outcome:
    """Merge the losers into the winner. Raises 20103 for keys that name no lead."""
    try:
        winner = _named(call.winning_lead_keys, world)
        losers = {lead.id: lead for lead in (_named(keys, world) for keys in call.losing_lead_key_lists)}
        if winner.id in losers:
            raise ValueError("The winner is among the losers")
    except ValueError as error:  # chosen: what the keys name is found, but cannot be merged
        return Outcome(MergeLeadsResult(MergeStatus(LeadMergeStatusEnum.FAILED, str(error))))
    after = merge(winner, losers, world)
    status = MergeStatus(LeadMergeStatusEnum.MERGED, winning_lead_id=winner.id, losing_lead_ids=tuple(losers))
    return Outcome(MergeLeadsResult(status), call.winning_lead_keys[0].name, winner.id, winner, after)


def _named(keys: Sequence[Attribute], world: World) -> StoredLead:
    """Return the lead that all of the keys name. `ValueError` if there are several (chosen)."""
    found = [{lead.id: lead for lead in world.leads.select(leads_of(k.name, [k.value], world.settings))} for k in keys]
    common = set.intersection(*map(set, found))
    if not common:
        named = ", ".join(f"{key.name} = {key.value}" for key in keys)
        raise fault(20103, f"No lead found with {named}")
    if len(common) > 1:
        raise ValueError(f"{keys[0].name} names {len(common)} leads")
    return found[0][common.pop()]


def merge(winner: StoredLead, losers: Mapping[int, StoredLead], world: World) -> StoredLead:
    """Merge leads into one, log it, and return the lead as it is kept.

    Chosen: the winner's values stay, and those that it lacks come from the first loser that has them.
    """
    after = evolve(winner, attributes=dict(winner.attributes))
    for loser in losers.values():
        _move_objects(loser, winner, world)
        world.leads.absorb(loser.id, winner.id)
        after.attributes = {**loser.attributes, **after.attributes}
        after.email = after.email or loser.email
        after.anonymous = after.anonymous and loser.anonymous
        if after.foreign_id is None:
            after.foreign_id, after.foreign_type = loser.foreign_id, loser.foreign_type
    kept = world.leads.update(after, world.now)
    ids = ", ".join(map(str, losers))
    facts = {"Lead ID": str(winner.id), "Master Updated": "true", "Merge IDs": f"[{ids}]", "Merged in Sales": "false"}
    world.log(winner.id, "Merge Leads", str(winner.id), facts)
    log_lead(world, winner, kept, source="Merge Leads", reason="Merge Leads")
    return kept


def _move_objects(loser: StoredLead, winner: StoredLead, world: World) -> None:
    """Link the custom objects of a lead to another. Chosen: one whose key the other's has already is deleted."""
    objects, now = world.leads.custom_objects, world.now.isoformat()
    for kind in world.leads.custom_object_types.find():
        link = kind.lead_link or ""
        for each in objects.matching(kind, {link: str(loser.id)}) if link else ():
            moved = evolve(each, values={**each.values, link: str(winner.id)}, updated_at=now)
            if link in kind.keys and objects.by_key(kind, moved.values) is not None:
                objects.delete(each.id)
            else:
                objects.update(moved)
