"""getImportToListStatus: how far an import to a list is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from attrs import field, frozen

from marketo_soap.errors import OperationFailed
from marketo_soap.operations.base import Operation, Violation
from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.imports import ImportToListStatusEnum
from marketo_soap.wire.fields import El

__all__ = ["GetImportToListStatus", "GetImportToListStatusResult"]

_OVER = (ImportToListStatusEnum.FAILED, ImportToListStatusEnum.CANCELED)


@frozen
class GetImportToListStatusResult:
    """How far an import is. Its numbers are final when the status is COMPLETE; any of them may be None."""

    status: Annotated[ImportToListStatusEnum | str, El("status")]
    started_time: Annotated[datetime | None, El("startedTime", nillable=True)] = None
    ended_time: Annotated[datetime | None, El("endedTime", nillable=True)] = None
    estimated_time: Annotated[int | None, El("estimatedTime", nillable=True)] = None
    estimated_rows: Annotated[int | None, El("estimatedRows", nillable=True)] = None
    rows_imported: Annotated[int | None, El("rowsImported", nillable=True)] = None
    rows_failed: Annotated[int | None, El("rowsFailed", nillable=True)] = None
    rows_ignored: Annotated[int | None, El("rowsIgnored", nillable=True)] = None
    import_summary: Annotated[str | None, El("importSummary", nillable=True, private="text")] = field(
        default=None, repr=hidden
    )


@frozen
class GetImportToListStatus(Operation[GetImportToListStatusResult]):
    """Return the progress of the latest import to a list of a program. Ask at most once a minute.

    The status FAILED or CANCELED is `OperationFailed`, whose `result` has the numbers. A list that nothing was
    imported to is fault 20111. A read: repeating it is harmless.
    """

    program_name: Annotated[str | None, El("programName")] = None
    list_name: Annotated[str | None, El("listName")] = None

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break: the documents require what the WSDL does not."""
        yield from super().violations()
        for name, value in (("programName", self.program_name), ("listName", self.list_name)):
            if not (value or "").strip():
                yield Violation(20109, f"paramsGetImportToListStatus/{name}", f"{name} is missing: give it a value")

    @classmethod
    def raise_for_status(cls, result: GetImportToListStatusResult) -> None:
        """Raise `OperationFailed` if the status is FAILED or CANCELED."""
        if result.status in _OVER:
            reason = result.import_summary or "no reason given"
            raise OperationFailed(f"the import is {result.status}: {reason}", result)

    @classmethod
    def summary(cls, result: GetImportToListStatusResult) -> str:
        """Return the status and the numbers of rows that are known."""
        counts = (("imported", result.rows_imported), ("failed", result.rows_failed))
        return ", ".join([str(result.status), *(f"{count} {what}" for what, count in counts if count is not None)])
