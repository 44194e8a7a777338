"""syncLead in the sandbox."""

from __future__ import annotations

from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.records.lead import SyncStatus
from marketo_soap.sandbox.operations.lead_writing import write_lead
from marketo_soap.sandbox.operations.outcome import Outcome, World, record_of

__all__ = ["sync_lead"]


def sync_lead(call: SyncLead, world: World) -> Outcome:
    """Insert or update the lead of *call*. Raises a `Fault`; nothing is to be kept of what raised."""
    written = write_lead(call.lead_record, world, cookie=call.marketo_cookie)
    kept = written.after
    record = record_of(kept, world.settings) if call.return_lead else None
    result = SyncLeadResult(kept.id, SyncStatus(kept.id, written.status), record)
    return Outcome(result, written.key, kept.id, written.before, kept, written.notes)
