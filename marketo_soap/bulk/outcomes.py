"""What came of rows, and what an answer means for a batch. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

from attrs import field, frozen

from marketo_soap.bulk.planner import Batch, Item
from marketo_soap.errors import (
    AuthenticationFault,
    BridgeConfigurationError,
    Fault,
    LimitFault,
    MarketoError,
)
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, SyncMultipleLeadsResult
from marketo_soap.privacy.redactor import Redactor, hidden
from marketo_soap.records.lead import LeadSyncStatus, SyncStatus

__all__ = ["Decision", "RowFate", "RowOutcome", "judge", "refused", "settled"]

_CODE = re.compile(r"\s*(\d{3,5})\b[\s:-]*")


class RowFate(StrEnum):
    """What became of a row. A row without a fate waits: it was not sent."""

    DONE = "done"
    REJECTED = "rejected"
    """The server refused it."""
    INVALID = "invalid"
    """It was refused before it was sent."""
    DUPLICATE = "duplicate"
    """A row with the same key was sent instead."""
    UNKNOWN = "unknown"
    """It was sent and its answer was lost: it may have been carried out."""


@frozen
class RowOutcome:
    """What came of a row: its *number* in the source, from 1, its fate, and what the server said.

    *lead_id* and *status* (CREATED, UPDATED) are those of a row that is done. *code* and *text* are the reason of
    another one, without personal data; for a duplicate, *text* names the row that was sent.
    """

    number: int
    fate: RowFate
    lead_id: int | None = None
    status: str | None = None
    code: int | None = None
    text: str | None = field(default=None, repr=hidden)

    @property
    def reason(self) -> str:
        """The reason as text: `20105 Unknown lead field`."""
        return " ".join(filter(None, [str(self.code or ""), self.text])) or str(self.status or self.fate)


class Decision(StrEnum):
    """What to do after the answer for a batch."""

    SETTLED = "settled"
    """Each lead has its status."""
    SPLIT = "split"
    """The call was refused as a whole: look for the lead that is to blame."""
    RETRY = "retry"
    """Nothing was carried out: the batch may be sent again."""
    LOST = "lost"
    """It may have been carried out."""
    STOP = "stop"
    """Nothing was carried out, and every other call would end the same way."""


_FATAL = frozenset({20012, 20019})
_OF_CALLS = frozenset({20011, 20013, 20014, 20015, 20023, 20024})
"""What a call is refused with. In a status: a bridge has made several calls, and that of this lead was refused."""


def judge(answer: SyncMultipleLeadsResult | MarketoError) -> Decision:
    """Return what to do after *answer*."""
    if not isinstance(answer, MarketoError):
        return Decision.SETTLED
    if answer.fate_unknown:
        return Decision.LOST
    if isinstance(answer, AuthenticationFault | BridgeConfigurationError):
        return Decision.STOP
    if isinstance(answer, LimitFault):
        return Decision.STOP if answer.code == 20015 else Decision.RETRY
    if isinstance(answer, Fault):
        return Decision.STOP if answer.code in _FATAL else Decision.SPLIT
    return Decision.RETRY


def settled(batch: Batch, result: SyncMultipleLeadsResult) -> tuple[list[RowOutcome], list[Item]]:
    """Return what came of the rows of a batch, and the leads that the server refused.

    A lead that a bridge did not write, because of a limit for example, has no outcome, unless no lead has another.
    """
    outcomes: list[RowOutcome] = []
    failed: list[Item] = []
    codes = [_code_of(status) if SyncMultipleLeads.is_failure(status) else None for status in result.sync_statuses]
    some_done = not _OF_CALLS.issuperset(codes)
    for item, status in zip(batch.items, result.sync_statuses, strict=True):
        if SyncMultipleLeads.is_failure(status):
            if SyncMultipleLeads.is_unknown(status):
                outcomes.append(RowOutcome(item.number, RowFate.UNKNOWN))
                continue
            if some_done and _code_of(status) in _OF_CALLS:
                continue
            outcomes.append(_rejected(item, status))
            failed.append(item)
            continue
        outcomes.append(RowOutcome(item.number, RowFate.DONE, status.lead_id, str(status.status)))
        for earlier in batch.covered.get(item.number, ()):
            text = f"row {item.number} was sent instead"
            outcomes.append(RowOutcome(earlier.number, RowFate.DUPLICATE, status.lead_id, text=text))
    return outcomes, failed


def refused(item: Item, fault: MarketoError) -> RowOutcome:
    """Return the outcome of a lead that was refused when it was sent alone."""
    code = getattr(fault, "code", None)
    text = str(getattr(fault, "message", fault)).removesuffix(f" ({code})")
    return RowOutcome(item.number, RowFate.REJECTED, code=code, text=_safe(text, item))


def _code_of(status: SyncStatus) -> int | None:
    found = _CODE.match(status.error or "")
    return int(found[1]) if found else None


def _rejected(item: Item, status: SyncStatus) -> RowOutcome:
    text = status.error or ""
    found = _CODE.match(text)
    code = int(found[1]) if found else None
    shown = _safe(text[found.end() :] if found else text, item)
    kind = None if status.status == LeadSyncStatus.FAILED else str(status.status)
    return RowOutcome(item.number, RowFate.REJECTED, status=kind, code=code, text=shown)


def _safe(text: str, item: Item) -> str | None:
    """Return what the server says of a lead, without the values of the lead."""
    record = item.record
    texts = (record.email, record.foreign_sys_person_id, *(attribute.value for attribute in record.attributes))
    values = {each.strip() for each in texts if each}
    for value in sorted(values, key=len, reverse=True):
        if len(value) > 2:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "[value]", text, flags=re.IGNORECASE)
    return Redactor().text(text[:500]) or None
