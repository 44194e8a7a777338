"""The report of a survey: how calls name leads, what keeps them from working over REST, and their cost. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from attrs import field, frozen

from marketo_soap.privacy.redactor import hidden

__all__ = ["CallCost", "FieldUse", "Finding", "Level", "Report"]


class Level(StrEnum):
    """What has to change: the caller or its data, the settings of the bridge, or nothing (a risk to know of)."""

    WORK = "work"
    SETTINGS = "settings"
    RISK = "risk"


@frozen
class FieldUse:
    """An attribute's name, how many times it was sent, and its REST field (None: unknown).

    *source* is where the field is known from, in the words of `BridgeSettings.field_sources`, or "override" for its
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
    """A problem: its *kind*, its *subject* (a field, a system), its *count*, and the *first* place.

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
    """REST calls for all calls that were read, and at the peaks, for which the *most* counts.

    The peaks are None or 0 if no call has a time. The days are those of the quota, of US Central time.
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
