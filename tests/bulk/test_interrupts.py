"""An interrupt at any line, and a ledger that cannot be written: no row is lost, and none is sent twice."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from marketo_soap import LeadRecord, bulk
from marketo_soap.bulk import Ledger, RowFate, RowOutcome, Summary
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, SyncMultipleLeadsResult
from marketo_soap.records.lead import LeadSyncStatus, SyncStatus

ROWS = 9
FILES = ("run.py", "ledger.py", "planner.py")


class Server:
    """Creates each lead that it gets."""

    endpoint, last_exchange = "https://x.invalid", None

    def __init__(self) -> None:
        self.created: Counter[str | None] = Counter()

    def call(self, operation: SyncMultipleLeads) -> SyncMultipleLeadsResult:
        self.created.update(lead.email for lead in operation.lead_records)
        return SyncMultipleLeadsResult((SyncStatus(1, LeadSyncStatus.CREATED),) * len(operation.lead_records))


def sync(server: Server, ledger: Ledger | str) -> Summary:
    leads = [LeadRecord(email=f"{row}@x.com") for row in range(1, ROWS + 1)]
    return bulk.sync_leads(leads, server, ledger=ledger, dedup=False, batch_size=2, at_once=2)


def interrupted_at(line: int, server: Server, ledger: Ledger) -> bool:
    """Sync, with an interrupt at the line with this number; returns whether it came so far."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.endswith(FILES) or frame.f_code.co_name == "__init__":
            return None
        count += event == "line"
        if event == "line" and count == line:
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        sync(server, ledger)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False


def interrupts() -> Iterator[tuple[int, bool, Server, Summary, Counter[RowFate]]]:
    """Yield what a second sync with the ledger of an interrupted one comes to, for interrupts at many lines."""
    for line in range(1, 10_000, 5):
        server = Server()
        with Ledger() as ledger:
            was_interrupted = interrupted_at(line, server, ledger)
            summary = sync(server, ledger)
            yield line, was_interrupted, server, summary, Counter(outcome.fate for outcome in ledger.outcomes())
        if not was_interrupted:
            break


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else traces this process")
def test_an_interrupt_at_any_line_loses_and_doubles_nothing() -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(interrupts()), daemon=True)
    thread.start()
    thread.join(100)
    assert not thread.is_alive(), "a sync waits for an answer that never comes"
    assert len(found) > 50
    for line, _, server, summary, fates in found:
        assert max(server.created.values()) == 1, f"line {line}: a lead was created twice"
        assert summary.waiting == 0, f"line {line}"
        assert fates[RowFate.DONE] <= len(server.created), f"line {line}: a row is done that was not sent"
        assert fates[RowFate.DONE] + fates[RowFate.UNKNOWN] == ROWS, f"line {line}"


def test_a_full_disk_ends_the_run_and_the_next_goes_on(tmp_path: Path) -> None:
    path, server = tmp_path / "leads.ledger", Server()
    leads = [LeadRecord(email=f"{row}@x.com") for row in range(1, 5001)]
    ledger = Ledger(path)
    (pages,) = ledger._db.execute("PRAGMA page_count").fetchone()
    ledger._db.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        bulk.sync_leads(leads, server, ledger=ledger, dedup=False)
    with suppress(sqlite3.OperationalError):  # it may still be full
        ledger.close()
    assert len(server.created) < 5000
    with Ledger(path) as ledger:
        summary = bulk.sync_leads(leads, server, ledger=ledger, dedup=False)
    assert (summary.done + summary.unknown, summary.waiting) == (5000, 0)
    assert set(server.created.values()) == {1}


def test_it_stops_while_it_reads_what_needs_no_call() -> None:
    server, stop, read = Server(), threading.Event(), list[int]()

    def leads() -> Iterator[dict[str, Any]]:
        for row in range(10_000):
            read.append(row)
            if row == 1000:
                stop.set()
            yield {"FirstName": "has no key"}

    summary = bulk.sync_leads(leads(), server, stop=stop)
    assert (summary.stopped, summary.calls) == ("it was told to stop", 0)
    assert len(read) < 2000


@pytest.mark.parametrize("fate", [None, *RowFate])
def test_only_a_row_that_the_server_answered_for_keeps_its_fate(fate: RowFate | None) -> None:
    with Ledger() as ledger:
        if fate is not None:
            ledger.write([RowOutcome(1, fate, text="a reason")])
        ledger.sent([1], date(2026, 5, 1))
        ledger.mark_unknown()
        (found,) = ledger.outcomes()
    is_kept = fate in (RowFate.DONE, RowFate.REJECTED, RowFate.DUPLICATE)
    assert found.fate is (fate if is_kept else RowFate.UNKNOWN)
