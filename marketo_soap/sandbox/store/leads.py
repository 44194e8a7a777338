"""The leads of the sandbox, in SQLite. No rule of Marketo is in here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from attrs import define, field

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.store import search
from marketo_soap.sandbox.store.activities import Activities
from marketo_soap.sandbox.store.campaigns import Campaigns, RequestedCampaigns, ScheduledCampaigns
from marketo_soap.sandbox.store.custom_objects import CustomObjects
from marketo_soap.sandbox.store.imports import Imports
from marketo_soap.sandbox.store.lists import Lists
from marketo_soap.sandbox.store.objects import Opportunities, Opportunity, Role, Roles
from marketo_soap.sandbox.store.programs import Programs
from marketo_soap.sandbox.store.selections import UPDATED_MS, Place, Selection, email_key
from marketo_soap.sandbox.store.table import Table
from marketo_soap.sandbox.store.tags import Channels, TagTypes

__all__ = ["COUNT", "LEADS", "Leads", "StoredLead"]

LEADS = """
CREATE TABLE IF NOT EXISTS lead (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT,
    email_key TEXT,
    foreign_type TEXT,
    foreign_id TEXT,
    partition_name TEXT NOT NULL,
    anonymous INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (foreign_type, foreign_id)
);
CREATE INDEX IF NOT EXISTS lead_by_email ON lead (email_key);
CREATE TABLE IF NOT EXISTS cookie (
    value TEXT PRIMARY KEY,
    lead_id INTEGER NOT NULL REFERENCES lead (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cookie_by_lead ON cookie (lead_id);
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'lead', 1000000 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'lead');
"""
# To count leads reads all of them, so their number is kept.
COUNT = """
CREATE TABLE lead_count (number INTEGER NOT NULL);
INSERT INTO lead_count SELECT count(*) FROM lead;
CREATE TRIGGER lead_counted AFTER INSERT ON lead BEGIN UPDATE lead_count SET number = number + 1; END;
CREATE TRIGGER lead_discounted AFTER DELETE ON lead BEGIN UPDATE lead_count SET number = number - 1; END;
"""


_COLUMNS = "id, email, foreign_type, foreign_id, partition_name, anonymous, attributes, created_at, updated_at"
_WRITTEN = "email, email_key, foreign_type, foreign_id, partition_name, anonymous, attributes, updated_at"
_as_json = json.JSONEncoder(ensure_ascii=False).encode


@define
class StoredLead:
    """A lead as it is kept: its keys, its attributes' texts by name, and when it was written (ISO 8601).

    An *anonymous* lead is known by its cookie only, until a call makes it known. Id 0 is not yet given.
    """

    id: int = 0
    email: str | None = field(default=None, repr=hidden)
    foreign_type: str | None = None
    foreign_id: str | None = field(default=None, repr=hidden)
    partition: str = "Default"
    anonymous: bool = False
    attributes: dict[str, str] = field(factory=dict, repr=hidden)
    created_at: str = ""
    updated_at: str = ""


class Leads:
    """The leads, and all else that the sandbox keeps, inside one transaction.

    *tables* are those whose rows belong to no single lead: `Sandbox.dump` gives them beside the leads.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.lists = Lists(connection)
        self.activities = Activities(connection)
        self.imports = Imports(connection)
        self.campaigns = Campaigns(connection)
        self.requested_campaigns = RequestedCampaigns(connection)
        self.scheduled_campaigns = ScheduledCampaigns(connection)
        self.custom_objects = CustomObjects(connection)
        self.custom_object_types = self.custom_objects.types
        self.channels, self.tag_types = Channels(connection), TagTypes(connection)
        self.programs = Programs(connection)
        self.opportunities, self.roles = Opportunities(connection), Roles(connection)
        self.tables: tuple[Table[Any], ...] = (
            self.lists,
            self.campaigns,
            self.requested_campaigns,
            self.scheduled_campaigns,
            self.imports,
            self.channels,
            self.tag_types,
            self.custom_object_types,
            self.custom_objects,
            self.programs,
            self.opportunities,
            self.roles,
        )

    @property
    def shown(self) -> dict[str, Table[Any]]:
        """The tables that the page and the control surface show, by their names there."""
        return {each.plural: each for each in (*self.tables, self.activities)}

    def by_id(self, lead_id: int) -> StoredLead | None:
        """Find a lead by its Marketo id."""
        return self._one("id = ?", lead_id)

    def by_foreign_id(self, system: str, person_id: str) -> StoredLead | None:
        """Find the lead that a foreign system knows by this id: ids are unique within a system."""
        return self._one("foreign_type = ? AND foreign_id = ?", system, person_id)

    def by_cookie(self, cookie: str) -> StoredLead | None:
        """Find the lead that a Munchkin cookie is tied to."""
        return self._one("id = (SELECT lead_id FROM cookie WHERE value = ?)", cookie)

    def newest_by_email(self, email: str) -> StoredLead | None:
        """Find the most recently added lead with this address, without regard to case."""
        return self._one("email_key = ?", email_key(email))

    def all(self) -> Iterator[StoredLead]:
        """Go through every lead in the order of its creation."""
        return map(_stored, self._connection.execute(f"SELECT {_COLUMNS} FROM lead ORDER BY id"))

    def newest(
        self,
        limit: int,
        *,
        before: int | None = None,
        after: int | None = None,
        offset: int = 0,
        list_id: int | None = None,
    ) -> list[StoredLead]:
        """Return at most *limit* leads, of all or of the members of a list, newest first: those with smaller ids than
        *before*, or those with the next greater ids than *after*.
        """
        source, key, condition = "lead", "id", "1"
        if list_id is not None:
            source, key, condition = "list_member JOIN lead ON id = lead_id", "lead_id", "list_id = :list"
        sign, order, place = ("<", "DESC", before) if after is None else (">", "ASC", after)
        if place is not None:
            condition += f" AND {key} {sign} :place"
        query = f"SELECT {_COLUMNS} FROM {source} WHERE {condition} ORDER BY {key} {order} LIMIT :limit OFFSET :offset"
        values = {"list": list_id, "place": place, "limit": limit, "offset": offset}
        found = [_stored(row) for row in self._connection.execute(query, values)]
        return found if after is None else found[::-1]

    def select(self, selection: Selection, *, after: Place | None = None, limit: int = -1) -> list[StoredLead]:
        """Return the selected leads in their order: at most *limit* (-1: all) of those that come after a place."""
        condition, values = selection.after(after)
        query = f"SELECT {_COLUMNS} FROM {selection.source} WHERE {condition} ORDER BY {selection.order} LIMIT ?"
        return [_stored(row) for row in self._connection.execute(query, (*values, limit))]

    def count_of(self, selection: Selection) -> int:
        """Return how many leads are selected."""
        (count,) = self._connection.execute(*selection.count).fetchone()
        return int(count)

    def place_of(self, lead_id: int) -> Place:
        """Return where in any selection a lead stands."""
        query = f"SELECT id, {UPDATED_MS} FROM lead WHERE id = ?"
        return Place(*self._connection.execute(query, (lead_id,)).fetchone())

    def find(self, text: str, *, limit: int) -> list[int]:
        """Return the ids of the newest *limit* leads that hold *text*; see `search.find`."""
        return search.find(self._connection, text, limit)

    def cookies_of(self, lead_id: int) -> list[str]:
        """Return the cookies that are tied to a lead."""
        rows = self._connection.execute("SELECT value FROM cookie WHERE lead_id = ? ORDER BY value", (lead_id,))
        return [value for (value,) in rows]

    def count(self) -> int:
        """Return how many leads there are."""
        (count,) = self._connection.execute("SELECT number FROM lead_count").fetchone()
        return int(count)

    def insert(self, lead: StoredLead, now: datetime) -> StoredLead:
        """Add *lead* and return it as it is kept: under a new id and with the time of now, unless it brings them."""
        lead.created_at = lead.created_at or now.isoformat()
        lead.updated_at = lead.updated_at or lead.created_at
        cursor = self._connection.execute(
            f"INSERT INTO lead ({_WRITTEN}, created_at, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*_written(lead, lead.updated_at), lead.created_at, lead.id or None),
        )
        lead.id = cursor.lastrowid or 0
        return lead

    def update(self, lead: StoredLead, now: datetime) -> StoredLead:
        """Write *lead* over the one with its id and return it as it is kept."""
        stamp = lead.updated_at = now.isoformat()
        self._connection.execute(
            f"UPDATE lead SET ({_WRITTEN}) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?",
            (*_written(lead, stamp), lead.id),
        )
        return lead

    def release_foreign_id(self, system: str, person_id: str) -> None:
        """Take a foreign id from the lead that has it, if one has: it is about to be given to another."""
        self._connection.execute(
            "UPDATE lead SET foreign_type = NULL, foreign_id = NULL WHERE foreign_type = ? AND foreign_id = ?",
            (system, person_id),
        )

    def tie_cookie(self, cookie: str, lead_id: int) -> None:
        """Tie a Munchkin cookie to a lead, whichever lead it was tied to before."""
        self._connection.execute(
            "INSERT INTO cookie (value, lead_id) VALUES (?, ?)"
            " ON CONFLICT (value) DO UPDATE SET lead_id = excluded.lead_id",
            (cookie, lead_id),
        )

    def absorb(self, lead_id: int, into: int) -> None:
        """Delete a lead; what belongs to it belongs to another from now on, unless that has its like."""
        columns = [(table.name, name) for table in (self.activities, *self.tables) for name in table.of_leads]
        for table, column in [("cookie", "lead_id"), ("list_member", "lead_id"), *columns]:
            self._connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {column} = ?", (into, lead_id))
        self._connection.execute("DELETE FROM lead WHERE id = ?", (lead_id,))

    def delete_object(self, row: Opportunity | Role) -> None:
        """Delete a role, or an opportunity with its roles."""
        if isinstance(row, Role):
            self.roles.delete(row.id)
            return
        for role in self.roles.find(opportunity_id=row.id):
            self.roles.delete(role.id)
        self.opportunities.delete(row.id)

    def clear(self) -> None:
        """Delete everything and start the ids anew."""
        with search.paused(self._connection):
            self._connection.execute("DELETE FROM cookie")
            for table in (self.activities, *self.tables):
                table.clear()
            self._connection.execute("DELETE FROM lead")
        self._connection.execute("UPDATE sqlite_sequence SET seq = 1000000 WHERE name = 'lead'")

    def _one(self, condition: str, *values: object) -> StoredLead | None:
        query = f"SELECT {_COLUMNS} FROM lead WHERE {condition} ORDER BY id DESC LIMIT 1"
        row = self._connection.execute(query, values).fetchone()
        return None if row is None else _stored(row)


def _written(lead: StoredLead, stamp: str) -> tuple[object, ...]:
    return (
        lead.email,
        email_key(lead.email),
        lead.foreign_type,
        lead.foreign_id,
        lead.partition,
        lead.anonymous,
        _as_json(lead.attributes),
        stamp,
    )


def _stored(row: tuple[Any, ...]) -> StoredLead:
    lead = StoredLead(*row)
    lead.anonymous, lead.attributes = bool(lead.anonymous), json.loads(row[6])
    return lead
