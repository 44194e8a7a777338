"""The ledger: a real SQLite file, what survives in it, and who may use it."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from marketo_soap import Client, LeadRecord, Sandbox, bulk
from marketo_soap.bulk import Ledger, RowFate, RowOutcome, SourceChanged

DAY = date(2024, 3, 4)


def test_what_was_sent_and_has_no_outcome_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with Ledger(path) as ledger:
        first, second = ledger.sent([1, 2], DAY), ledger.sent([3], DAY)
        ledger.write([RowOutcome(1, RowFate.DONE, 77, "CREATED"), RowOutcome(2, RowFate.REJECTED, code=20103)])
        ledger.ended(first)
        assert second != first
    with Ledger(path) as ledger:
        assert list(ledger.outcomes()) == [
            RowOutcome(1, RowFate.DONE, 77, "CREATED"),
            RowOutcome(2, RowFate.REJECTED, code=20103),
            RowOutcome(3, RowFate.UNKNOWN),
        ]
        assert (ledger.calls_on(DAY), ledger.last_refused) == (2, 2)


KILLED = """
import os, sys
from datetime import date
from marketo_soap.bulk import Ledger, RowFate, RowOutcome
ledger = Ledger(sys.argv[1])
ledger.sent([1, 2], date(2024, 3, 4))
ledger.commit()
ledger.write([RowOutcome(1, RowFate.DONE, 5, "UPDATED")])  # never committed
print("ready", flush=True)
sys.stdin.readline()
os._exit(9)
"""


def test_one_process_has_it_and_its_end_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(sqlite3.OperationalError, match="another process has this ledger open"):
            Ledger(path)
        with pytest.raises(sqlite3.OperationalError, match="another process has this ledger open"):
            Ledger.copy_of(path)
        process.communicate("\n")
    with Ledger(path) as ledger:
        assert list(ledger.outcomes()) == [RowOutcome(1, RowFate.UNKNOWN), RowOutcome(2, RowFate.UNKNOWN)]


def test_its_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Ledger(tmp_path / "ledger") as ledger:
            ledger.sent([1], DAY)
            ledger.commit()
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert "ledger-wal" in modes


@pytest.mark.parametrize("content", [b"Email\na@x.com\n" * 100, "other database", "newer ledger"])
def test_another_file_is_left_alone(content: bytes | str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE t (x)")
            db.execute(f"PRAGMA user_version={9 if content == 'newer ledger' else 0}")
        db.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"{path} is no ledger"):
        Ledger(path)
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match=r"is no ledger"):
        Ledger.copy_of(path)


def test_it_belongs_to_one_source_and_one_subscription(tmp_path: Path) -> None:
    leads = [LeadRecord(email=f"p{row}@x.com") for row in range(700)]
    path = tmp_path / "ledger"
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        bulk.sync_leads(leads, client, ledger=path)
        with pytest.raises(ValueError, match=r"were sent to sandbox.invalid, not to another: name another ledger"):
            bulk.sync_leads(leads, client, ledger=path, target="another")
        with pytest.raises(SourceChanged):
            bulk.sync_leads([*leads[:400], leads[0], *leads[401:]], client, ledger=path)
        assert bulk.sync_leads([*leads, LeadRecord(email="new@x.com")], client, ledger=path).created == 701


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        ("https://123-ABC-456.mktoapi.com/soap/mktows/2_2", "123-abc-456"),
        ("https://123-ABC-456.mktorest.com/rest", "123-abc-456"),
        ("https://marketo.example.com/soap", "marketo.example.com"),
    ],
)
def test_soap_and_rest_of_a_subscription_are_the_same(endpoint: str, target: str, tmp_path: Path) -> None:
    with Client(endpoint, "u", "k") as client, Ledger(tmp_path / "ledger") as ledger:
        assert bulk.sync_leads(iter([]), client, ledger=ledger).complete
        assert ledger.fact("target") == target
