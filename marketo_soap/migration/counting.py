"""Counters of bounded size: distinct keys as hashes, calls by time, and findings by kind. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from hashlib import blake2b
from operator import itemgetter

from marketo_soap.calls.limits import today
from marketo_soap.migration.cost import Span
from marketo_soap.migration.report import Finding, Level

__all__ = ["Findings", "Load", "SharedKeys", "count_distinct", "digest"]

_MOST_HASHES = 1_000_000
_MOST_FINDINGS = 2_000
_LONGEST_VALUE = 200
_YEARS = range(2000, 2100)


def digest(text: str) -> int:
    """Return a hash of *text*."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def count_distinct(hashes: set[int], key: int) -> None:
    """Add a key's digest to those that were counted; beyond a million, different keys are not told apart."""
    if len(hashes) < _MOST_HASHES:
        hashes.add(key)


class SharedKeys:
    """Which keys several owners use."""

    def __init__(self) -> None:
        self._owners: dict[int, int] = {}
        self.several: set[int] = set()

    def add(self, key: int, owner: int) -> bool:
        """Add a use of a key, both as digests, and return whether it is the first that shows that owners share it."""
        if len(self._owners) >= _MOST_HASHES and key not in self._owners:
            return False
        if self._owners.setdefault(key, owner) == owner or key in self.several:
            return False
        self.several.add(key)
        return True


class Load:
    """Calls of REST by time: by the day of the quota, and by the second."""

    def __init__(self) -> None:
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._days: Counter[date] = Counter()
        self._seconds: Counter[int] = Counter()

    def add(self, time: datetime, span: Span) -> None:
        """Count a call; a time that no call can have had is ignored."""
        if time.tzinfo is None or time.year not in _YEARS:
            return
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)
        self._days[today(time)] += span.most
        second = int(time.timestamp())
        if len(self._seconds) < _MOST_HASHES or second in self._seconds:
            self._seconds[second] += span.most

    def busiest_day(self) -> tuple[date | None, int]:
        """Return the day with the most calls of REST, and how many; of equals the first that was met."""
        return max(self._days.items(), key=itemgetter(1), default=(None, 0))

    def busiest(self, seconds: int) -> int:
        """Return the most calls of REST in any so many seconds."""
        times, most, inside, begin = sorted(self._seconds), 0, 0, 0
        for time in times:
            inside += self._seconds[time]
            while times[begin] <= time - seconds:
                inside -= self._seconds[times[begin]]
                begin += 1
            most = max(most, inside)
        return most


class Findings:
    """The findings of each kind, once, with their count and first place."""

    def __init__(self) -> None:
        self._found: dict[tuple[Level, str, str, str], tuple[int, str, str | None]] = {}

    def add(
        self, level: Level, kind: str, subject: str, text: str, where: str, value: str | None = None, *, count: int = 1
    ) -> None:
        """Count a finding. *value* is what is shown to those who ask for it."""
        key = level, kind, subject, text
        if key not in self._found and len(self._found) >= _MOST_FINDINGS:
            key, value = (level, kind, "(others)", "findings of this kind beyond those that are listed"), None
        so_far, first, example = self._found.get(key, (0, where, value and value[:_LONGEST_VALUE]))
        self._found[key] = so_far + count, first, example

    def all(self) -> list[Finding]:
        """Return the findings, the most serious first."""
        found = [Finding(*key, *counted) for key, counted in self._found.items()]
        return sorted(found, key=lambda each: (list(Level).index(each.level), each.kind, each.subject, each.text))
