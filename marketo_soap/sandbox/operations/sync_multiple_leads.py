"""syncMultipleLeads in the sandbox: each lead by itself."""

from __future__ import annotations

from marketo_soap.errors import Fault
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, SyncMultipleLeadsResult
from marketo_soap.records.lead import LeadRecord, LeadSyncStatus, SyncStatus
from marketo_soap.sandbox.operations.lead_writing import write_lead
from marketo_soap.sandbox.operations.outcome import Outcome, World

__all__ = ["sync_multiple_leads"]


def sync_multiple_leads(call: SyncMultipleLeads, world: World) -> Outcome:
    """Insert or update each lead; one that is refused is FAILED with the fault's text, and stops no other."""
    statuses = tuple(_status(record, world, dedup=call.dedup_enabled is not False) for record in call.lead_records)
    return Outcome(SyncMultipleLeadsResult(statuses))


def _status(record: LeadRecord, world: World, *, dedup: bool) -> SyncStatus:
    try:
        written = write_lead(record, world, in_batch=True, dedup=dedup)
    except Fault as refused:  # chosen: what is wrong with one lead is never a fault of the call
        # No lead that failed is on record, so the wording is chosen.
        return SyncStatus(0, LeadSyncStatus.FAILED, f"{refused.code} - {refused.reason}")
    return SyncStatus(written.after.id, written.status)
