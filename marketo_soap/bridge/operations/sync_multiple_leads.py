"""syncMultipleLeads over REST: the leads of each kind of key together, 300 in a call. Pure."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from marketo_soap.bridge.codes import no_answer
from marketo_soap.bridge.leads import rest_lead
from marketo_soap.bridge.lookup import LEADS, lead_id_of
from marketo_soap.bridge.names import Names, NameSource, names_from
from marketo_soap.bridge.operations.lead_keys import held, keys_of
from marketo_soap.bridge.operations.sync_lead import Sync
from marketo_soap.bridge.rest import WriteEffect, in_batches, write
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Hold, Note, Translation
from marketo_soap.bridge.writes import Outcome, Writes, status_of
from marketo_soap.errors import Fault, TransportError
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, SyncMultipleLeadsResult
from marketo_soap.records.lead import LeadRecord, LeadSyncStatus, SyncStatus

__all__ = ["sync_multiple_leads"]

_MOST = 300
_MOST_BYTES = 1_000_000  # of a body: REST refuses one of more than 1 MB


@frozen
class _Lead:
    """A lead to be written, its number in the request, and the action and lookup field by which it is written."""

    number: int
    sync: Sync
    action: str
    lookup: str | None


def sync_multiple_leads(
    call: SyncMultipleLeads, settings: BridgeSettings, names: NameSource
) -> Translation[SyncMultipleLeadsResult]:
    """Insert or update many leads. One that REST refuses is FAILED; a call that it refuses whole is a fault."""
    known = yield from names_from(names)
    writes = Writes(settings)
    leads: list[_Lead] = []
    notes: dict[str, None] = {}
    for number, record in enumerate(call.lead_records):
        try:
            leads.append(_prepared(number, record, known, settings, notes, dedup=call.dedup_enabled is not False))
        except Fault as refused:
            writes.outcomes[number] = refused
    for text in notes:
        yield Note(text)
    if leads:
        yield Hold(frozenset().union(*(held(lead.sync.keys, settings) for lead in leads)))
    batches = _batches(leads)
    if len({batch[0].lookup for batch in batches}) > 1:
        yield Note("leads with different kinds of keys are written by several calls: not in their order, not at once")
    for batch in batches:
        yield from _write(batch, settings, writes)
    return SyncMultipleLeadsResult(tuple(_status(writes.outcomes[number]) for number in range(len(call.lead_records))))


def _prepared(
    number: int, record: LeadRecord, names: Names, settings: BridgeSettings, notes: dict[str, None], *, dedup: bool
) -> _Lead:
    """Return how a lead is written. Beside a stronger key, only an attribute Email is sent, as SOAP did."""
    keys = keys_of(record, None, settings, needs_key=dedup)
    translated = rest_lead(record, names, settings)
    notes |= dict.fromkeys(translated.notes)
    sync = Sync(settings, keys, None, translated.values, names)
    sync.add_keys(email=keys.id is None and not keys.person_id)
    if keys.id is not None:
        sync.values["id"] = keys.id
        return _Lead(number, sync, "updateOnly", "id")
    if keys.person_id:
        return _Lead(number, sync, "createOrUpdate", sync.foreign_field)
    if not dedup:
        return _Lead(number, sync, "createDuplicate", None)
    return _Lead(number, sync, "createOrUpdate", "email")


def _batches(leads: list[_Lead]) -> list[list[_Lead]]:
    """Return the leads of each call: of one kind, no key twice, in their order."""
    batches: list[list[_Lead]] = []
    latest: dict[tuple[str, str | None], list[_Lead]] = {}  # by kind
    for lead in leads:
        kind = lead.action, lead.lookup
        if kind not in latest or not _fits(lead, latest[kind]):
            latest[kind] = []
            batches.append(latest[kind])
        latest[kind].append(lead)
    return batches


def _fits(lead: _Lead, batch: list[_Lead]) -> bool:
    if len(batch) == _MOST or _is_alone(lead) or _is_alone(batch[0]):
        return False
    return lead.lookup is None or _key(lead) not in {_key(each) for each in batch}


def _is_alone(lead: _Lead) -> bool:
    """Whether REST must be asked for the lead before: its address changes."""
    return lead.lookup == "email" and lead.sync.keys.new_email is not None


def _key(lead: _Lead) -> str:
    return str(lead.sync.values.get(lead.lookup or "")).strip().lower()


def _write(batch: list[_Lead], settings: BridgeSettings, writes: Writes) -> Translation[None]:
    """Write the leads of one call."""
    first = batch[0]
    adopts = settings.foreign_id_adopt_email and first.lookup == first.sync.foreign_field
    if _is_alone(first) or (adopts and any(lead.sync.keys.email for lead in batch)):
        for lead in batch:
            yield from _write_one(lead, writes)
        return
    effect: WriteEffect = "repeatable" if first.action == "updateOnly" else "once"
    data: dict[str, Any] = {"action": first.action, "input": [lead.sync.values for lead in batch]}
    if first.lookup is not None:
        data["lookupField"] = first.lookup
    request = write(LEADS, data, effect=effect)
    if len(request.body) > _MOST_BYTES and len(batch) > 1:
        for half in in_batches(batch, (len(batch) + 1) // 2):
            yield from _write(list(half), settings, writes)
        return
    yield from writes.send(request, [lead.number for lead in batch])
    for lead in batch:
        if lead.lookup is not None and _is_resolved(writes.outcomes[lead.number], settings):
            yield from _write_one(lead, writes)


def _write_one(lead: _Lead, writes: Writes) -> Translation[None]:
    """Write a lead as syncLead does."""
    try:
        lead_id, status = yield from lead.sync.by_strongest_key()
        writes.outcomes[lead.number] = {"id": lead_id, "status": status}
    except Fault as refused:
        writes.refuse_one(refused, lead.number)
    except TransportError as error:  # it was not sent
        writes.refuse(error, [lead.number])
    writes.begun = True


def _is_resolved(outcome: Outcome, settings: BridgeSettings) -> bool:
    """Whether REST refused a lead for what the settings have an answer to."""
    if not isinstance(outcome, Fault) or outcome.rest is None or outcome.fate_unknown:
        return False
    return (outcome.rest.code == "1007" and settings.on_duplicate == "most_recent") or (
        outcome.rest.code == "1021" and settings.drop_company_fields
    )


def _status(outcome: Outcome) -> SyncStatus:
    lead_id = 0 if isinstance(outcome, Fault | str) else lead_id_of(outcome.get("id"))
    if lead_id is None:
        lead_id, outcome = 0, no_answer("REST named no id of the lead", fate_unknown=True)
    status, error = status_of(outcome, "")
    return SyncStatus(lead_id, LeadSyncStatus(status), error)
