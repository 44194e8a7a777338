"""importToList: import rows of CSV to a static list."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Annotated

from attrs import field, frozen

from marketo_soap.errors import OperationFailed
from marketo_soap.operations.base import Effect, Operation, Violation
from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.imports import ImportToListModeEnum, ImportToListStatusEnum
from marketo_soap.wire.checking import as_texts
from marketo_soap.wire.fields import El

__all__ = ["EMAIL_COLUMN", "ImportToList", "ImportToListResult", "cells_of", "is_token", "row_of"]

EMAIL_COLUMN = "Email Address"
_OVER = (ImportToListStatusEnum.FAILED, ImportToListStatusEnum.CANCELED)


@frozen
class ImportToListResult:
    """How far the import is, as a rule PROCESSING: `GetImportToListStatus` has the outcome."""

    import_status: Annotated[ImportToListStatusEnum | str, El("importStatus")]


@frozen
class ImportToList(Operation[ImportToListResult]):
    """Import rows of CSV to a static list of a program. The service carries it out after its answer.

    *import_file_header* names the fields by their display names (`Email Address,Last Name`), each of
    *import_file_rows* is a row with as many cells, quoted as in a file of CSV. The mode UPSERTLEADS inserts and
    updates leads, LISTONLY changes the list alone. *clear_list* empties the list first. Columns such as `{{my.token}}`
    hold tokens for the next run of the campaign *campaign_name*, which they need.

    A list that is not in the program is fault 20111. A status that says FAILED or CANCELED is `OperationFailed`.
    Do not repeat it: leads may be added a second time.
    """

    program_name: Annotated[str, El("programName")]
    import_file_header: Annotated[str, El("importFileHeader")]
    import_file_rows: Annotated[
        tuple[str, ...], El("importFileRows", item="stringItem", private="value", may_be_empty=True)
    ] = field(converter=as_texts, repr=hidden)
    import_list_mode: Annotated[ImportToListModeEnum | str, El("importListMode")]
    list_name: Annotated[str, El("listName")]
    clear_list: Annotated[bool, El("clearList")] = False
    campaign_name: Annotated[str | None, El("campaignName", nillable=True, always=True)] = None

    @property
    def effect(self) -> Effect:
        """It may add leads a second time."""
        return "once"

    @property
    def columns(self) -> list[str]:
        """The names in the header. `ValueError` if it is not CSV."""
        return [name.strip() for name in cells_of(self.import_file_header)]

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        path = "paramsImportToList/importFileHeader"
        try:
            columns = self.columns
        except ValueError:
            yield Violation(20110, path, "importFileHeader is not CSV")
            return
        if not all(columns) or len(set(columns)) < len(columns):
            yield Violation(20110, path, "importFileHeader has an empty or a repeated name")
        elif EMAIL_COLUMN not in columns:  # chosen: rows are matched by it
            yield Violation(20109, path, f"importFileHeader has no column {EMAIL_COLUMN}")
        if any(map(is_token, columns)) and not (self.campaign_name or "").strip():
            text = "campaignName is missing: columns of tokens need it"
            yield Violation(20109, "paramsImportToList/campaignName", text)

    @classmethod
    def raise_for_status(cls, result: ImportToListResult) -> None:
        """Raise `OperationFailed` if the status is FAILED or CANCELED."""
        if result.import_status in _OVER:
            raise OperationFailed(f"importToList answered {result.import_status}", result)

    @classmethod
    def summary(cls, result: ImportToListResult) -> str:
        """Return the status."""
        return str(result.import_status)


def cells_of(row: str) -> list[str]:
    """Return the cells of a row of CSV. `ValueError` if it is not one row."""
    try:
        (cells,) = csv.reader(StringIO(row, newline=""), strict=True)
    except (csv.Error, ValueError):  # the second for none, or several rows
        raise ValueError("not one row of CSV") from None
    return cells


def row_of(cells: Iterable[str]) -> str:
    """Return cells as a row of CSV."""
    text = StringIO(newline="")
    csv.writer(text).writerow(cells)  # before Python 3.13, only line breaks of its lineterminator are quoted
    return text.getvalue().removesuffix("\r\n")


def is_token(column: str) -> bool:
    """Whether a column holds the values of a token, as `{{my.name}}` does."""
    return column.startswith("{{") and column.endswith("}}")
