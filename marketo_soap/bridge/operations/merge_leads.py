"""mergeLeads over REST: the keys are resolved to ids, then 25 losers are merged in a call. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from marketo_soap.bridge.codes import refused_call
from marketo_soap.bridge.lookup import find_leads, lead_id_of
from marketo_soap.bridge.names import NameSource
from marketo_soap.bridge.rest import RestReply, RestRequest, in_batches
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Note, Translation
from marketo_soap.errors import fault
from marketo_soap.operations.merge_leads import MergeLeads, MergeLeadsResult
from marketo_soap.records.imports import LeadMergeStatusEnum, MergeStatus
from marketo_soap.records.lead import Attribute
from marketo_soap.records.lead_keys import LeadKeyRef

__all__ = ["merge_leads"]

_MOST_LOSERS = 25
_FAILED = frozenset({"712", "714", "1076", "1077", "1078", "1079", "1080"})


def merge_leads(call: MergeLeads, settings: BridgeSettings, _: NameSource) -> Translation[MergeLeadsResult]:
    """Merge leads into one."""
    try:
        winner = yield from _named(call.winning_lead_keys, settings)
        losers: list[int] = []
        for keys in call.losing_lead_key_lists:
            losers.append((yield from _named(keys, settings)))
        losers = list(dict.fromkeys(losers))
        if winner in losers:
            raise ValueError("The winner is among the losers")
    except ValueError as refused:
        return MergeLeadsResult(MergeStatus(LeadMergeStatusEnum.FAILED, str(refused)))
    if len(losers) > _MOST_LOSERS:
        yield Note(f"REST merges {_MOST_LOSERS} leads in a call: a failure leaves the rest apart")
    merged = 0
    for batch in in_batches(losers, _MOST_LOSERS):
        query = [("leadIds", ",".join(map(str, batch)))]
        if call.merge_in_sales is not None:
            query.append(("mergeInCRM", str(call.merge_in_sales).lower()))
        reply: RestReply = yield RestRequest("POST", f"/rest/v1/leads/{winner}/merge.json", tuple(query), effect="once")
        if reply.code in _FAILED:
            text = f"{reply.errors[0].message} [REST {reply.code}]; {merged} leads are merged"
            return MergeLeadsResult(MergeStatus(LeadMergeStatusEnum.FAILED, text))
        if not reply.success:
            raise refused_call(reply, settings)
        merged += len(batch)
    status = MergeStatus(LeadMergeStatusEnum.MERGED, winning_lead_id=winner, losing_lead_ids=tuple(losers))
    return MergeLeadsResult(status)


def _named(keys: Sequence[Attribute], settings: BridgeSettings) -> Translation[int]:
    """Return the id of the lead that all of the keys name. `ValueError` if there are several."""
    found: list[set[int]] = []
    for key in keys:
        number = lead_id_of(key.value.strip())
        if key.name == LeadKeyRef.IDNUM:  # Merge itself says if there is no such lead
            found.append(set() if number is None else {number})
            continue
        leads = yield from find_leads(key.name, [key.value], "id", settings)
        found.append({lead_id_of(lead["id"]) or 0 for lead in leads})
    common = set.intersection(*found)
    if not common:
        raise fault(20103, f"No lead found with {', '.join(f'{key.name} = {key.value}' for key in keys)}")
    if len(common) > 1:
        raise ValueError(f"{keys[0].name} names {len(common)} leads")
    return common.pop()
