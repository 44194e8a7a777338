"""What a sync has done so far, and what it came to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from marketo_soap.bulk.outcomes import RowFate, RowOutcome
from marketo_soap.records.lead import LeadSyncStatus

__all__ = ["Progress", "Summary", "Tally"]

_MOST_REASONS, _SHOWN_REASONS = 1000, 5


@frozen
class Progress:
    """What a sync has done so far. The counts are those of the whole source, with earlier runs.

    *read* is the part of the source that is read, from 0 to 1 (None: unknown), *sent* are the rows that this run has
    sent, *calls* its attempts, *reasons* the most frequent reasons of refused rows, and how many rows have each.
    """

    created: int = 0
    updated: int = 0
    rejected: int = 0
    invalid: int = 0
    duplicates: int = 0
    unknown: int = 0
    rows: int = 0
    sent: int = 0
    calls: int = 0
    read: float | None = None
    reasons: Mapping[str, int] = field(factory=dict)

    @property
    def done(self) -> int:
        """How many rows are created or updated."""
        return self.created + self.updated

    @property
    def refused(self) -> int:
        """How many rows are rejected by the server, or refused before they were sent."""
        return self.rejected + self.invalid


@frozen
class Summary(Progress):
    """What became of a source.

    *rows* are those that were read; with *stopped*, the reason why the sync ended early, there may be more, and
    *waiting* is None unless it is known. *retry_at* is when to go on, if the day's quota is used up. *repeated* rows
    had an unknown fate and were sent again, *settled_before* needed no call of this run. *calls_today* are those for
    this source on the day of the quota.
    """

    waiting: int | None = 0
    repeated: int = 0
    settled_before: int = 0
    calls_today: int = 0
    seconds: float = 0.0
    stopped: str | None = None
    retry_at: datetime | None = None
    ledger: str | None = None
    rejects: str | None = None

    @property
    def complete(self) -> bool:
        """Whether each row is done, or a duplicate of one that is."""
        return self.stopped is None and not (self.refused or self.unknown or self.waiting)


class Tally:
    """Counts outcomes by fate and status, and the reasons of refusals."""

    def __init__(self, counts: Mapping[tuple[RowFate, str | None], int]) -> None:
        self._counts = Counter(counts)
        self._reasons: Counter[str] = Counter()

    def add(self, outcome: RowOutcome) -> None:
        """Count an outcome."""
        self._counts[outcome.fate, outcome.status] += 1
        if outcome.fate in (RowFate.REJECTED, RowFate.INVALID):
            reason = outcome.reason
            if reason in self._reasons or len(self._reasons) < _MOST_REASONS:  # a reason may be that of one row alone
                self._reasons[reason] += 1

    def add_unknown(self, more: int) -> None:
        """Count rows whose fate is unknown; or, if *more* is negative, rows that are sent again."""
        self._counts[RowFate.UNKNOWN, None] += more

    def reasons(self) -> dict[str, int]:
        """Return the most frequent reasons that were added."""
        return dict(self._reasons.most_common(_SHOWN_REASONS))

    def totals(self) -> dict[str, int]:
        """Return the counts as `Progress` has them."""
        by_fate: Counter[RowFate] = Counter()
        for (fate, _), count in self._counts.items():
            by_fate[fate] += count
        created = self._counts[RowFate.DONE, str(LeadSyncStatus.CREATED)]
        return {
            "created": created,
            "updated": by_fate[RowFate.DONE] - created,
            "rejected": by_fate[RowFate.REJECTED],
            "invalid": by_fate[RowFate.INVALID],
            "duplicates": by_fate[RowFate.DUPLICATE],
            "unknown": by_fate[RowFate.UNKNOWN],
        }
