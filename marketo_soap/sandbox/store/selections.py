"""Conditions that select leads, and where a page of them begins. No rule of Marketo is in here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from attrs import frozen

__all__ = [
    "INDEX",
    "UPDATED_MS",
    "Place",
    "Selection",
    "by_attribute",
    "by_cookies",
    "by_emails",
    "by_ids",
    "by_list",
    "by_update",
    "email_key",
]

UPDATED_MS = "CAST(round((julianday(updated_at) - 2440587.5) * 86400000) AS INTEGER)"
"""When a lead was updated, in milliseconds since 1970; its text has whatever offset the clock had."""

INDEX = f"CREATE INDEX lead_by_update ON lead ({UPDATED_MS}, id);\n"

_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


@frozen
class Place:
    """Where a page ended: at the lead with this id, which was updated then."""

    id: int
    updated_ms: int


@frozen
class Selection:
    """A condition of SQL on leads, with its values; the leads come in the order of their ids.

    With *since* they are those that were updated since then, in the order of their updates.
    """

    condition: str
    values: tuple[object, ...]
    since: int | None = None

    @property
    def order(self) -> str:
        """The columns that give the order."""
        return "id" if self.since is None else f"{UPDATED_MS}, id"

    def after(self, place: Place | None) -> tuple[str, tuple[object, ...]]:
        """Return the condition and the values for the leads that come after *place* (None: for all of them)."""
        if self.since is None:
            return (self.condition, self.values) if place is None else self._and("id > ?", place.id)
        if place is None or place.updated_ms < self.since:
            return self._and(f"{UPDATED_MS} >= ?", self.since)
        at = place.updated_ms  # SQLite uses no index on an expression for (a, b) > (?, ?)
        return self._and(f"{UPDATED_MS} >= ? AND ({UPDATED_MS} > ? OR id > ?)", at, at, place.id)

    def _and(self, condition: str, *values: object) -> tuple[str, tuple[object, ...]]:
        return f"{self.condition} AND {condition}", (*self.values, *values)


def by_ids(ids: Sequence[int]) -> Selection:
    """Select leads by their ids."""
    return Selection(f"id IN ({_marks(ids)})", tuple(ids))


def by_emails(addresses: Sequence[str]) -> Selection:
    """Select leads by their addresses, without regard to case."""
    return Selection(f"email_key IN ({_marks(addresses)})", tuple(map(email_key, addresses)))


def by_cookies(cookies: Sequence[str]) -> Selection:
    """Select the leads that Munchkin cookies are tied to."""
    return Selection(f"id IN (SELECT lead_id FROM cookie WHERE value IN ({_marks(cookies)}))", tuple(cookies))


def by_attribute(name: str, values: Sequence[str], *, any_case: bool = False) -> Selection:
    """Select leads by the value of an attribute. Reads them all: there is no index."""
    value, wanted = ("lower(value)", [each.lower() for each in values]) if any_case else ("value", values)
    condition = f"EXISTS (SELECT 1 FROM json_each(attributes) WHERE key = ? AND {value} IN ({_marks(wanted)}))"
    return Selection(condition, (name, *wanted))


def by_list(list_id: int) -> Selection:
    """Select the members of a static list."""
    return Selection("id IN (SELECT lead_id FROM list_member WHERE list_id = ?)", (list_id,))


def by_update(oldest: datetime, latest: datetime) -> Selection:
    """Select the known leads that were updated within a span of time, its ends included."""
    return Selection(f"NOT anonymous AND {UPDATED_MS} <= ?", (-(-(latest - _EPOCH) // _MS),), (oldest - _EPOCH) // _MS)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def email_key(email: str | None) -> str | None:
    """Return what two equal addresses have in common: case and outer white space do not count."""
    return None if email is None else email.strip().lower()
