"""What a survey says: how calls are made, what stands in their way over REST, and what they will cost. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from attrs import field, frozen

from marketo_soap.privacy.redactor import hidden

__all__ = ["CallCost", "FieldUse", "Finding", "Level", "Report"]


class Level(StrEnum):
    """Who has to do something: the caller or its data, the bridge's settings, or nobody but to know."""

    WORK = "work"
    SETTINGS = "settings"
    RISK = "risk"


@frozen
class FieldUse:
    """An attribute's name, how many times it was sent, and the REST field that it means (None: unknown).

    *source* says who knows it, in the words of `BridgeSettings.field_sources`, or "override" for its
    `attribute_names`. *suggestion* is a known name like it.
    """

    name: str
    count: int
    rest_name: str | None
    type: str = ""
    source: str = ""
    read_only: bool = False
    company: bool = False
    suggestion: str | None = None


@frozen
class Finding:
    """Something to mend, to set or to know: its *kind*, what it is about (a field, a system), how often, where first.

    *example* is the first value, which is private.
    """

    level: Level
    kind: str
    subject: str
    text: str
    count: int
    first: str
    example: str | None = field(default=None, repr=hidden)


@frozen
class CallCost:
    """Calls of REST for all calls that were read, and at their peaks, which go by the most that they can cost.

    None, or 0, where no call says its time. The days are those of the quota, of US Central time.
    """

    least: int
    most: int
    quota: int
    busiest_day: date | None
    on_busiest_day: int
    in_window: int
    window_limit: int
    window: int


@frozen
class Report:
    """What a survey found. *unreadable* are the first places and why; *keys* counts calls by how they are keyed."""

    calls: int
    others: int
    hidden: int
    first: datetime | None
    last: datetime | None
    unreadable_count: int
    unreadable: tuple[tuple[str, str], ...]
    fields: tuple[FieldUse, ...]
    fields_left_out: int
    keys: Mapping[str, int]
    findings: tuple[Finding, ...]
    cost: CallCost

    @property
    def verdict(self) -> Literal["ready", "needs settings", "needs work"]:
        """What is left to do before the calls go over REST."""
        levels = {finding.level for finding in self.findings}
        if Level.WORK in levels:
            return "needs work"
        return "needs settings" if Level.SETTINGS in levels else "ready"

    def count(self, level: Level) -> int:
        """Return how many findings there are of a level."""
        return sum(finding.level is level for finding in self.findings)
