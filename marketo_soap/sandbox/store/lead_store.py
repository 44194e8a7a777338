"""The sandbox's database: SQLite, one file or memory. Its transactions give `Leads`, and all else through it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from os import PathLike
from typing import Any, TypeVar

from marketo_soap.sandbox.store import search
from marketo_soap.sandbox.store.activities import Activities
from marketo_soap.sandbox.store.campaigns import Campaigns, RequestedCampaigns, ScheduledCampaigns
from marketo_soap.sandbox.store.custom_objects import CustomObjects, CustomObjectTypes
from marketo_soap.sandbox.store.database import Database, Migration
from marketo_soap.sandbox.store.imports import Imports
from marketo_soap.sandbox.store.leads import COUNT, LEADS, Leads, StoredLead
from marketo_soap.sandbox.store.lists import SCHEMA as LISTS
from marketo_soap.sandbox.store.objects import Opportunities, Roles
from marketo_soap.sandbox.store.programs import Programs
from marketo_soap.sandbox.store.selections import ALL, INDEX, PAGES, Place, Selection
from marketo_soap.sandbox.store.tags import Channels, TagTypes

__all__ = ["PAGE", "LeadStore"]

PAGE = 100

Shown = TypeVar("Shown")


def _carry_out(script: str) -> Migration:
    def migrate(connection: sqlite3.Connection) -> None:
        for statement in script.split(";\n"):
            connection.execute(statement)

    return migrate


_MIGRATIONS = (
    _carry_out(LEADS),
    _carry_out(COUNT),
    search.install,
    _carry_out(LISTS + INDEX),
    _carry_out(Activities.schema()),
    _carry_out(Imports.schema()),
    _carry_out(Campaigns.schema() + RequestedCampaigns.schema() + ScheduledCampaigns.schema()),
    _carry_out(PAGES),
    _carry_out(CustomObjectTypes.schema() + CustomObjects.schema()),
    _carry_out(Channels.schema() + TagTypes.schema()),
    _carry_out(Programs.schema() + Opportunities.schema() + Roles.schema()),
)


class LeadStore(Database):
    """A database of leads: a file that several processes may share, or memory."""

    def __init__(self, path: str | PathLike[str] = ":memory:") -> None:
        super().__init__(path, _MIGRATIONS)
        self._views: dict[sqlite3.Connection, Leads] = {}
        self._indexed = 0

    @contextmanager
    def transaction(self) -> Iterator[Leads]:
        """Open a writing transaction: kept whole if the block ends, undone whole if it raises."""
        with self._writing() as connection:
            yield self._leads(connection)
            if connection.total_changes - self._indexed >= search.BATCH:
                search.index_changes(connection)
                self._indexed = connection.total_changes

    @contextmanager
    def reading(self) -> Iterator[Leads]:
        """See the leads as they are at the beginning of the block, without keeping others from writing to the file.

        In memory, other threads wait until the block ends.
        """
        with self._reading() as connection:
            yield self._leads(connection)

    def _leads(self, connection: sqlite3.Connection) -> Leads:
        return self._views.get(connection) or self._views.setdefault(connection, Leads(connection))

    def in_pages(
        self, show: Callable[[Leads, list[StoredLead]], Iterable[Shown]], selection: Selection = ALL
    ) -> Iterator[list[Shown]]:
        """Go through the selected leads, oldest first: *show* makes of each page what is wanted.

        Only a page is in memory at a time, and others may write between two of them.
        """
        last = None
        while True:
            with self.reading() as leads:
                page = leads.select(selection, after=last, limit=PAGE)
                shown = list(show(leads, page))
            yield shown
            if len(page) < PAGE:
                return
            last = Place(page[-1].id)

    def row_pages(self, show: Callable[[Leads, int], list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
        """Go through rows a page at a time: *show* gives at most `PAGE` of those with greater ids than one."""
        last = 0
        while True:
            with self.reading() as leads:
                rows = show(leads, last)
            yield rows
            if len(rows) < PAGE:
                return
            last = rows[-1]["id"]

    def table_pages(self) -> Iterator[list[dict[str, Any]]]:
        """Go through the rows of all `tables` as `Table.dump` gives them, a page at a time."""
        with self.reading() as leads:
            names = [each.plural for each in leads.tables]
        for name in names:
            yield from self.row_pages(partial(_dump, name))


def _dump(name: str, leads: Leads, after: int) -> list[dict[str, Any]]:
    return leads.shown[name].dump(after, PAGE)
