"""A row of a source, and where it came from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.records.lead import LeadRecord

__all__ = ["Row", "keys_of"]


def keys_of(lead: LeadRecord) -> dict[str, object]:
    """Return the keys of a lead by their columns; None for one that it does not have."""
    return {
        "Id": lead.id,
        "Email": lead.email,
        "ForeignSysPersonId": lead.foreign_sys_person_id,
        "ForeignSysType": lead.foreign_sys_type,
    }


@frozen
class Row:
    """One row: its *number* over the whole source, from 1, and its cells.

    *file* and *line* are where it begins, "" and 0 where there is no file or no line. *columns* names the cells of a
    sequence; a mapping brings its own names, a `LeadRecord` needs none. Text is a line that could not be read.
    """

    number: int
    cells: Sequence[object] | Mapping[str, object] | LeadRecord | str = field(repr=hidden)
    columns: tuple[str, ...] = ()
    file: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """Where the row is, for messages: `leads.csv:17`."""
        if self.line:
            return f"{self.file}:{self.line}"
        return f"{self.file}: row {self.number}" if self.file else f"row {self.number}"

    def as_dict(self) -> dict[str, object]:
        """Return the cells by the names of their columns."""
        if isinstance(self.cells, LeadRecord):
            keys = {name: key for name, key in keys_of(self.cells).items() if key is not None}
            return keys | {attribute.name: attribute.value for attribute in self.cells.attributes}
        if isinstance(self.cells, Mapping):
            return dict(self.cells)
        if isinstance(self.cells, str):
            return {"line": self.cells}
        return dict(zip(self.columns, self.cells, strict=False))
