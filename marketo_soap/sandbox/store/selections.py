"""Conditions that select leads, and where a page of them begins. No rule of Marketo is in here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from attrs import frozen

__all__ = [
    "ALL",
    "INDEX",
    "KEYS",
    "PAGES",
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

KEYS = ("LeadOwnerEmail", "SfdcAccountId", "SfdcContactId", "SfdcLeadId", "SfdcLeadOwnerId", "SfdcOpptyId")
"""The attributes that are indexed: those that leads are looked up by."""

_LIST_SIZE = "UPDATE list_size SET number = number {} 1 WHERE list_id = {}.list_id; END"


def _value_of(name: str) -> str:
    return f"""json_extract(attributes, '$."{name}"') COLLATE NOCASE"""


# So a page costs no more, however many leads there are: SQLite itself counts by reading.
PAGES = (
    "DROP INDEX lead_by_update;\n"
    f"CREATE INDEX known_lead_by_update ON lead ({UPDATED_MS}, id) WHERE NOT anonymous;\n"
    "CREATE INDEX anonymous_lead ON lead (id) WHERE anonymous;\n"
    "CREATE TABLE list_size (list_id INTEGER PRIMARY KEY, number INTEGER NOT NULL);\n"
    "INSERT INTO list_size SELECT list_id, count(*) FROM list_member GROUP BY list_id;\n"
    "CREATE TRIGGER list_grew AFTER INSERT ON list_member BEGIN INSERT INTO list_size SELECT new.list_id, 0"
    " WHERE NOT EXISTS (SELECT 1 FROM list_size WHERE list_id = new.list_id); " + _LIST_SIZE.format("+", "new") + ";\n"
    "CREATE TRIGGER list_shrank AFTER DELETE ON list_member BEGIN " + _LIST_SIZE.format("-", "old") + ";\n"
) + "".join(
    f"CREATE INDEX lead_by_{name} ON lead ({_value_of(name)}) WHERE {_value_of(name)} != '';\n" for name in KEYS
)

_FEW = 1000  # leads that are counted one by one: of more, those that are not selected are counted
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


@frozen
class Place:
    """Where a page ended: at the lead with this id, which was updated then (if the order is that of updates)."""

    id: int
    updated_ms: int = 0


@frozen
class Selection:
    """A condition of SQL on leads (or a join of theirs, *source*), with its values; in the order of their ids.

    With *since* they are those that were updated since then, in the order of their updates. *total* is a query
    that counts them, with its values, where that is faster than to go through them.
    """

    condition: str
    values: tuple[object, ...]
    since: int | None = None
    source: str = "lead"
    id: str = "id"
    total: tuple[str, tuple[object, ...]] | None = None

    @property
    def order(self) -> str:
        """The columns that give the order."""
        return self.id if self.since is None else f"{UPDATED_MS}, id"

    @property
    def count(self) -> tuple[str, tuple[object, ...]]:
        """The query that counts the leads, and its values."""
        condition, values = self.after(None)
        return self.total or (f"SELECT count(*) FROM {self.source} WHERE {condition}", values)

    def after(self, place: Place | None) -> tuple[str, tuple[object, ...]]:
        """Return the condition and the values for the leads that come after *place* (None: for all of them)."""
        if self.since is None:
            return (self.condition, self.values) if place is None else self._and(f"{self.id} > ?", place.id)
        if place is None or place.updated_ms < self.since:
            return self._and(f"{UPDATED_MS} >= ?", self.since)
        at = place.updated_ms  # SQLite uses no index on an expression for (a, b) > (?, ?)
        return self._and(f"{UPDATED_MS} >= ? AND ({UPDATED_MS} > ? OR id > ?)", at, at, place.id)

    def _and(self, condition: str, *values: object) -> tuple[str, tuple[object, ...]]:
        return f"{self.condition} AND {condition}", (*self.values, *values)


ALL = Selection("1", ())


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
    """Select leads by the value of an attribute: by an index for those in `KEYS`, else by reading all leads."""
    if name in KEYS:
        value = _value_of(name)
        exact = "" if any_case else f" AND {value.removesuffix('COLLATE NOCASE')} IN ({_marks(values)})"
        condition = f"{value} IN ({_marks(values)}) AND {value} != ''{exact}"
        return Selection(condition, tuple(values) if any_case else (*values, *values))
    if any_case:
        wanted = [value.lower() for value in values]
        return Selection(_has_attribute("lower(value)", wanted), (name, *wanted))
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    held = " OR ".join(["instr(attributes, ?)"] * len(texts)) or "0"  # so that few leads' JSON is read
    return Selection(f"({held}) AND {_has_attribute('value', values)}", (*texts, name, *values))


def _has_attribute(value: str, values: Sequence[str]) -> str:
    return f"EXISTS (SELECT 1 FROM json_each(attributes) WHERE key = ? AND {value} IN ({_marks(values)}))"


def by_list(list_id: int) -> Selection:
    """Select the members of a static list."""
    size = "SELECT coalesce((SELECT number FROM list_size WHERE list_id = ?), 0)", (list_id,)
    source = "list_member JOIN lead ON lead.id = lead_id"
    return Selection("list_id = ?", (list_id,), source=source, id="lead_id", total=size)


def by_update(oldest: datetime, latest: datetime) -> Selection:
    """Select the known leads that were updated within a span of time, its ends included."""
    first, last = (oldest - _EPOCH) // _MS, -(-(latest - _EPOCH) // _MS)
    within = f"SELECT 1 FROM lead WHERE NOT anonymous AND {UPDATED_MS} >= ? AND {UPDATED_MS} <= ?"
    few = f"(SELECT count(*) FROM ({within} LIMIT {_FEW}))"
    outside = f"(SELECT count(*) FROM lead WHERE NOT anonymous AND {UPDATED_MS}"
    total = (
        f"SELECT CASE WHEN {few} < {_FEW} THEN {few} ELSE (SELECT number FROM lead_count)"
        f" - (SELECT count(*) FROM lead WHERE anonymous) - {outside} < ?) - {outside} > ?) END"
    )
    condition = f"NOT anonymous AND {UPDATED_MS} <= ?"
    return Selection(condition, (last,), first, total=(total, (first, last) * 3))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def email_key(email: str | None) -> str | None:
    """Return what two equal addresses have in common: case and outer white space do not count."""
    return None if email is None else email.strip().lower()
