"""Bulk sync of files, data frames and other sources, with a ledger."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from os import PathLike
from typing import Any

from marketo_soap.bulk.columns import Columns
from marketo_soap.bulk.files import Files
from marketo_soap.bulk.ledger import Ledger
from marketo_soap.bulk.planner import SIZE
from marketo_soap.bulk.reading import Duplicates, RowReader, plans_of
from marketo_soap.bulk.rejects import Rejects, digest_of
from marketo_soap.bulk.run import Run
from marketo_soap.bulk.sources import open_source
from marketo_soap.bulk.summary import Progress, Summary
from marketo_soap.bulk.terms import BulkClient, SyncTerms, subscription_of
from marketo_soap.calls.limits import VENDOR_LIMITS
from marketo_soap.calls.waiting import Clock
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, SyncMultipleLeadsResult
from marketo_soap.records.lead import LeadSyncStatus, SyncStatus

__all__ = ["DAILY_CALLS", "ledger_beside", "plan_leads", "rejects_beside", "sync_leads"]

DAILY_CALLS = VENDOR_LIMITS.per_day or 0
"""How many calls a day the vendor allows a subscription."""

_MOST_AT_ONCE = VENDOR_LIMITS.at_once or 10


def ledger_beside(source: Any) -> str | None:
    """Return the path of the ledger of a source of files: `leads.csv.ledger`; None for any other source."""
    if isinstance(source, Files) and "-" not in source.paths:
        return f"{source.paths[0]}.ledger"
    return None


def rejects_beside(source: Any) -> str | None:
    """Return the path of the rejects of a source of files: `leads.rejects.csv`; None for any other source."""
    if isinstance(source, Files) and "-" not in source.paths:
        path = source.paths[0]
        stem, suffix = os.path.splitext(path[:-3] if path.lower().endswith(".gz") else path)
        return f"{stem}.rejects{suffix}"
    return None


def sync_leads(
    source: Any,
    client: BulkClient,
    *,
    ledger: Ledger | str | PathLike[str] | None = None,
    rejects: str | PathLike[str] | None = None,
    columns: Columns | None = None,
    duplicates: Duplicates = "last",
    dedup: bool = True,
    at_once: int = 10,
    batch_size: int = SIZE,
    quota: float | None = None,
    wait: bool = False,
    accept_changes: bool = False,
    on_progress: Callable[[Progress], object] | None = None,
    stop: threading.Event | None = None,
    target: str | None = None,
    clock: Clock | None = None,
) -> Summary:
    """Insert or update all leads of *source* by syncMultipleLeads, and note what became of each row in *ledger*.

    *source* is a path, a list of paths, a data frame, Arrow data or any iterable of leads: see `open_source`. *client*
    is a `Client` of any transport; its limiter keeps to the call limits, and at most *at_once* calls are in progress.
    *ledger* is a `Ledger` or its path; by default it is beside a file (`leads.csv.ledger`), and in memory for any other
    source. Called again with the same ledger, the sync goes on where it was: rows that are done or rejected are not
    sent again; rows that may have been carried out are, if that ends in the same state. *rejects* is the file for
    refused rows, beside a file by default (`leads.rejects.csv`). *columns* says how columns become leads.

    Rows that share a key are sent in their order, never at the same time. *duplicates* says what becomes of rows with
    the same key: with "last" a row is left out if a later one in the same batch sets all that it sets; with "first"
    only the first row of the source is sent; "refuse" rejects all others. *dedup* is the call's `dedupEnabled`: without
    it rows that were sent without an answer are never sent again. *batch_size* is the most leads of a call.

    *quota* is how many calls a day may be made, or which part of the vendor's 10,000 (a float up to 1.0). The sync
    stops when that or the server's quota is used up, or, with *wait*, goes on the next day. *stop* is an event that
    ends it after the calls in progress. *accept_changes* takes a source or options that have changed since. *target*
    names the subscription, by default after the host of the client's endpoint: a ledger is that of one.

    Raises `ValueError` before the first call for a header without a key, another subscription than that of the ledger,
    and a file of rejects that was changed; `SourceChanged`, a `ValueError`, for a source that is not that of the ledger
    and for rows that were sent with other *columns*, *duplicates* or *dedup*; later, `SourceError`, for a source that
    is broken.
    """
    if not 1 <= at_once <= _MOST_AT_ONCE:
        raise ValueError(f"at_once must be 1 to {_MOST_AT_ONCE}: a client has so many connections")
    terms = SyncTerms(
        dedup, at_once, batch_size, _calls_a_day(quota), wait, stop or threading.Event(), clock or Clock()
    )
    columns = columns or Columns()
    opened = open_source(source)
    plans_of(opened, columns, dedup=dedup)  # a wrong header leaves no ledger behind
    with ExitStack() as stack:
        if not isinstance(ledger, Ledger):
            ledger = stack.enter_context(Ledger(ledger or ledger_beside(opened) or ":memory:"))
        ledger.check_target(target or subscription_of(client))
        path = rejects or rejects_beside(opened)
        if path is not None and not ledger.knows_rejects(digest_of(os.fspath(path))):
            raise ValueError(f"{os.fspath(path)} would be written over: move it, or name another file for the rejects")
        reader = RowReader(opened, ledger, columns, duplicates=duplicates, dedup=dedup, accept_changes=accept_changes)
        stack.callback(reader.close)
        writer = None if path is None else stack.enter_context(Rejects(path, opened.format, opened.schema))
        run = Run(reader, ledger, client, terms, writer, on_progress)
        run.run()
        return run.summary()


def plan_leads(
    source: Any,
    *,
    ledger: str | PathLike[str] | None = None,
    columns: Columns | None = None,
    duplicates: Duplicates = "last",
    dedup: bool = True,
    accept_changes: bool = False,
) -> Summary:
    """Return what `sync_leads` would do, by a client that answers UPDATED to everything. Nothing is sent or written.

    `sent` is the number of rows that would be sent, `calls` that of the calls, apart from retries.
    """
    opened = open_source(source)
    with Ledger.copy_of(ledger or ledger_beside(opened) or "") as copy:
        reader = RowReader(
            opened, copy, columns or Columns(), duplicates=duplicates, dedup=dedup, accept_changes=accept_changes
        )
        terms = SyncTerms(dedup, 1, SIZE, None, False, threading.Event(), Clock())
        with closing(reader):
            run = Run(reader, copy, _Rehearsal(), terms, None, None)
            run.run()
            return run.summary()


def _calls_a_day(quota: float | None) -> int | None:
    if quota is None:
        return None
    calls = int(quota * DAILY_CALLS) if isinstance(quota, float) and quota <= 1 else int(quota)
    if calls < 1:
        raise ValueError("quota is a number of calls a day, or the part of the vendor's: 0.5 is half of it")
    return calls


class _Rehearsal:
    """A client that sends nothing."""

    last_exchange = None

    def call(self, operation: SyncMultipleLeads) -> SyncMultipleLeadsResult:
        """Answer that each lead was updated."""
        return SyncMultipleLeadsResult((SyncStatus(1, LeadSyncStatus.UPDATED),) * len(operation.lead_records))
