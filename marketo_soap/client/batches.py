"""The way through the batches of an operation, and what came of each record. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from attrs import field, frozen

from marketo_soap.client.paging import PageWalk
from marketo_soap.errors import (
    AuthenticationFault,
    BridgeConfigurationError,
    Fault,
    MarketoError,
    OperationFailed,
    TransportError,
)
from marketo_soap.history import Exchange
from marketo_soap.operations.base import BatchOperation, PagedOperation
from marketo_soap.privacy.redactor import hidden

__all__ = ["BatchOutcome", "BatchWalk", "Fate", "RecordOutcome"]

R = TypeVar("R")
StatusT = TypeVar("StatusT")

_FATAL = {20012, 20015, 20019}
"""Faults that every further batch would meet too."""


class Fate(StrEnum):
    """The outcome of a record in a batch."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_SENT = "not sent"


FateName: TypeAlias = Literal["done", "refused", "unknown", "not sent"]


@frozen
class RecordOutcome(Generic[StatusT]):
    """The outcome of one record, key or object.

    *status* is its status in the reply, or None if there is none. *error* is the error of its batch, or None.
    `Fate.REFUSED`: the batch was refused, or the status says so (FAILED, false). `Fate.UNKNOWN`: it may have been
    carried out; look before you send it again. `Fate.NOT_SENT`: it was not carried out.
    """

    record: Any = field(repr=hidden)
    status: StatusT | None
    error: MarketoError | None
    fate: Fate


def _summary(records: Sequence[RecordOutcome[Any]]) -> str:
    """The numbers of fates: to write thousands of records, each with an error to be redacted, takes long."""
    return str({str(fate): count for fate, count in Counter(each.fate for each in records).items()})


@frozen
class BatchOutcome(Generic[R, StatusT]):
    """The outcome of each record, in the order given, and the results of the calls that returned one."""

    records: tuple[RecordOutcome[StatusT], ...] = field(repr=_summary)
    results: tuple[R, ...] = field(repr=lambda results: str(len(results)))

    def __iter__(self) -> Iterator[RecordOutcome[StatusT]]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def of(self, *fates: Fate | FateName) -> tuple[Any, ...]:
        """Return the records with one of these fates, as they were given: to send them again, for example."""
        return tuple(each.record for each in self.records if each.fate in fates)


class BatchWalk(Generic[R, StatusT]):
    """The calls for one batch after the other: `call` is the next one, None after the last."""

    def __init__(self, operation: BatchOperation[R, StatusT]) -> None:
        if not operation.batch:
            raise ValueError(f"{operation.name}: there is no list here that could be split")
        is_split = operation.batch_limit is not None and len(operation.batch) > operation.batch_limit
        if is_split and isinstance(operation, PagedOperation) and getattr(operation, operation.position_field):
            raise ValueError(f"{operation.name}: a {operation.position_field} is that of one call: leave it out")
        self._operation, self._all, self._begun = operation, operation.batch, 0
        self._records: list[RecordOutcome[StatusT]] = []
        self._results: list[R] = []
        self._pages: list[R] = []
        self._walk: PageWalk[R] | None = None
        self.call: Any = None
        self._next()

    @property
    def outcome(self) -> BatchOutcome[R, StatusT]:
        """What came of the batches so far."""
        return BatchOutcome(tuple(self._records), tuple(self._results))

    def advance(self, result: R, exchange: Exchange | None) -> None:
        """Go on to the page or the batch after *result*, which came in *exchange*."""
        self._pages.append(result)
        if self._walk is not None:
            self._walk.advance(result, exchange)
            if self._walk.page is not None:
                self.call = self._walk.page
                return
        self._end(None)

    def fail(self, error: MarketoError) -> None:
        """Go on after a batch that ended with *error*, unless all others would end so too."""
        if isinstance(error, OperationFailed):
            self._pages.append(error.result)
        elif self._walk is not None and self._pages and isinstance(error, Fault) and self._walk.ends_with(error):
            self._end(None)
            return
        not_sent = isinstance(error, TransportError | BridgeConfigurationError) and not error.fate_unknown
        hopeless = isinstance(error, AuthenticationFault) or (isinstance(error, Fault) and error.code in _FATAL)
        self._end(error, last=not_sent or hopeless, otherwise=Fate.NOT_SENT if not_sent else Fate.REFUSED)

    def _next(self) -> None:
        """Begin the next batch, if there is one."""
        end = self._begun + (self._operation.batch_limit or len(self._all))
        self._batch, self._begun = self._all[self._begun : end], end
        self.call = self._operation.with_batch(self._batch) if self._batch else None
        self._walk = PageWalk(self.call) if isinstance(self.call, PagedOperation) else None
        self._pages = []

    def _end(self, error: MarketoError | None, *, last: bool = False, otherwise: Fate = Fate.DONE) -> None:
        """Note what came of the batch; *otherwise* is the fate of a record that the reply does not tell of."""
        operation = self._operation.with_batch(self._batch)
        statuses: Sequence[StatusT | None] = operation.statuses(self._pages) if self._pages else ()
        lost = error is not None and error.fate_unknown
        if lost or (self._pages and len(statuses) != len(self._batch)):
            otherwise = Fate.UNKNOWN
        if len(statuses) != len(self._batch):
            statuses = [None] * len(self._batch)
        for record, status in zip(self._batch, statuses, strict=True):
            fate = otherwise
            if status is not None and not lost and isinstance(error, OperationFailed | None):
                failure = Fate.UNKNOWN if operation.is_unknown(status) else Fate.REFUSED
                fate = failure if operation.is_failure(status) else Fate.DONE
            self._records.append(RecordOutcome(record, status, error, fate))
        self._results += self._pages
        if last:
            self._records += [RecordOutcome(record, None, error, Fate.NOT_SENT) for record in self._all[self._begun :]]
            self._begun = len(self._all)
        self._next()
