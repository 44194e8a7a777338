"""The database of leads: what SQLite is asked to guard, and what others do to the file meanwhile."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from marketo_soap import Client, LeadRecord, Sandbox
from marketo_soap.sandbox.store.lead_store import LeadStore
from marketo_soap.sandbox.store.leads import StoredLead


def test_a_new_file_that_another_process_is_writing_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "leads.db"
    opened = threading.Event()
    problems: list[Exception] = []

    def open_it() -> None:
        try:
            LeadStore(path).close()
        except Exception as error:
            problems.append(error)
        opened.set()

    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    thread = threading.Thread(target=open_it)
    thread.start()
    early = opened.wait(0.2)
    other.execute("COMMIT")
    other.close()
    thread.join(30)
    assert (early, opened.is_set(), problems) == (False, True, [])


def test_a_cookie_is_tied_only_to_a_lead_that_exists() -> None:
    store = LeadStore()
    with pytest.raises(sqlite3.IntegrityError), store.transaction() as leads:
        leads.tie_cookie("a cookie", 7)
    store.close()


def test_a_full_disk_is_reported_as_such_and_the_next_call_is_answered(tmp_path: Path) -> None:
    """SQLite ends the transaction by itself when the disk is full: there is none to roll back then."""
    with Sandbox(tmp_path / "leads.db") as sandbox, Client(transport=sandbox.transport()) as client:
        client.sync_lead(LeadRecord(email="a@t.com"))
        connection = sandbox.store._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(sqlite3.OperationalError, match="full"), sandbox.store.transaction() as leads:
            leads.insert(StoredLead(attributes={"City": "x" * 100_000}), sandbox.now())
        connection.execute("PRAGMA max_page_count = 1000000")
        client.sync_lead(LeadRecord(email="b@t.com"))
        assert [lead.email for lead in sandbox.leads()] == ["a@t.com", "b@t.com"]


def test_a_transaction_that_sqlite_has_ended_is_not_rolled_back() -> None:
    store = LeadStore()
    transaction = store.transaction()
    transaction.__enter__()
    store._connection.execute("ROLLBACK")  # SQLite may do so if the disk is full
    assert not transaction.__exit__(KeyError, KeyError(), None)
    with store.transaction() as leads:
        assert leads.by_cookie("a cookie") is None
    store.close()


def test_a_transaction_that_cannot_be_committed_is_undone() -> None:
    store = LeadStore()
    transaction = store.transaction()
    leads = transaction.__enter__()
    store._connection.execute("PRAGMA defer_foreign_keys = ON")  # they are checked when it is committed
    leads.tie_cookie("a cookie", 7)
    with pytest.raises(sqlite3.IntegrityError):
        transaction.__exit__(None, None, None)
    with store.transaction() as leads:
        assert leads.by_cookie("a cookie") is None
    store.close()
