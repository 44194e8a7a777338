"""Imports to lists: what is to be imported, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.store.table import Table

__all__ = ["Import", "Imports"]


@frozen
class Import:
    """An import: its list (None: REST needs none), *rows* of CSV and the *fields* of their cells, "" for none.

    *api* is the API that it came by, which names the fields: "SOAP" or "REST". It is carried out when the time is
    *ends_ms*. *failures* are reasons by the numbers of rows, from 1.
    """

    program: str
    list_name: str
    list_id: int | None
    api: str
    fields: tuple[str, ...]
    rows: tuple[str, ...] = field(repr=hidden)
    started_ms: int
    ends_ms: int
    mode: str = "UPSERTLEADS"
    clear_list: bool = False
    campaign: str = ""
    lookup: str = "email"
    partition: str = ""
    status: str = "PROCESSING"
    imported: int = 0
    ignored: int = 0
    failures: Mapping[str, str] = field(factory=dict, repr=hidden)
    summary: str = field(default="", repr=hidden)
    id: int = 0


class Imports(Table[Import]):
    """The imports inside one transaction."""

    name, row = "import", Import
    indexes = (("status", "ends_ms"), ("program", "list_name"))
    in_detail = ("api", "fields", "rows", "mode", "clear_list", "campaign", "lookup", "partition", "failures")

    def due(self, now_ms: int) -> list[Import]:
        """Return the imports whose time has come, oldest first."""
        return self.select("status = 'PROCESSING' AND ends_ms <= ?", (now_ms,), order="ends_ms, id")

    def is_due(self, now_ms: int) -> bool:
        """Say whether the time of an import has come."""
        return self.count("status = 'PROCESSING' AND ends_ms <= ?", (now_ms,)) > 0

    def latest(self, program: str, list_name: str) -> Import | None:
        """Return the latest import to a list of a program."""
        found = self.select("program = ? AND list_name = ?", (program, list_name), order="id DESC", limit=1)
        return found[0] if found else None
