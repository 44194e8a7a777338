"""Killed at any moment and started again: nothing is lost, nothing that was noted is sent again, nothing is doubled.

MARKETO_SOAP_KILLS says how often; the default is a few.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from marketo_soap import Sandbox
from marketo_soap.bulk import Ledger, RowFate
from marketo_soap.envelope import read_request
from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import HttpAnswer, HttpRequest

KILLS = int(os.environ.get("MARKETO_SOAP_KILLS", "3"))
ROWS = 350 + 150 * KILLS
SIZE = 10

SYNC = """
import sys
from marketo_soap import Client, bulk
endpoint, user_id, key, path, size, dedup = sys.argv[1:]
with Client(endpoint, user_id, key) as client:
    summary = bulk.sync_leads(path, client, batch_size=int(size), at_once=4, dedup=dedup == "yes")
assert not (summary.stopped or summary.refused or summary.waiting), summary
"""


class Killer:
    """Sees what the sandbox gets, and kills the caller before, during or after the answer of some call."""

    def __init__(self, sandbox: Sandbox, choose: random.Random) -> None:
        self._sandbox, self._choose, self._lock = sandbox, choose, threading.Lock()
        self.process: subprocess.Popen[str] | None = None
        self.left: int | None = None
        self.emails: list[str] = []

    def answer(self, sandbox: Any, request: HttpRequest) -> HttpAnswer:
        call: Any = read_request(request.body).operation
        with self._lock:
            self.emails += [lead.email for lead in call.lead_records]
            if self.left is not None:
                self.left -= 1
            now = self.left == 0
        moment = self._choose.choice(["before", "while", "after", "later"]) if now else None
        if moment == "before":
            self.kill()
        answered = answer(self._sandbox, request)
        if moment == "while":
            self.kill()
        elif moment is not None:
            delay = 0.0 if moment == "after" else self._choose.random() / 20
            threading.Timer(delay, self.kill).start()
        return answered

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)


def rows_of(path: Path, fate: RowFate) -> dict[int, int | None]:
    with Ledger.copy_of(path) as ledger:
        return {each.number: each.lead_id for each in ledger.outcomes() if each.fate is fate}


@pytest.mark.parametrize("dedup", [True, False], ids=["dedup", "no dedup"])
def test_kills(dedup: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "leads.csv"
    emails = [f"p{row}@x.com" for row in range(1, ROWS + 1)]
    source.write_text("Email\n" + "\n".join(emails) + "\n", encoding="utf-8")
    ledger = tmp_path / "leads.csv.ledger"
    choose = random.Random(int(os.environ.get("MARKETO_SOAP_SEED", "14")))
    kills, sent_before, known = 0, Counter[str](), dict[int, int | None]()
    with Sandbox(tmp_path / "sandbox.db") as sandbox:
        killer = Killer(sandbox, choose)
        monkeypatch.setattr("marketo_soap.sandbox.server.answer", killer.answer)
        user = sandbox.credentials
        with sandbox.serve() as endpoint:
            caller = [endpoint, user.user_id, user.encryption_key]
            command = [sys.executable, "-c", SYNC, *caller, str(source), str(SIZE), "yes" if dedup else "no"]
            while True:
                killer.emails.clear()
                killer.left = choose.randint(1, 12) if kills < KILLS else None
                with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                    killer.process = process
                    output = process.communicate(timeout=120)
                time.sleep(0.05)  # a call of the killed process may still be answered
                assert process.returncode in (0, -signal.SIGKILL), output
                sent = Counter(killer.emails)
                assert set(sent.values()) <= {1}  # a late kill may leave nothing to send
                assert not {emails[number - 1] for number in known} & sent.keys()  # what was noted is not sent again
                assert dedup or not sent_before & sent  # nothing is, if it would be doubled
                sent_before += sent
                before, known = known, rows_of(ledger, RowFate.DONE)
                assert known.items() >= before.items()
                if process.returncode == 0:
                    break
                kills += 1
    with Sandbox(tmp_path / "sandbox.db") as sandbox:
        found = {str(lead.email): lead.id for lead in sandbox.leads()}
        assert len(sandbox.leads()) == len(found)  # nothing is doubled
    unknown = {emails[number - 1] for number in rows_of(ledger, RowFate.UNKNOWN)}
    assert {emails[number - 1]: lead_id for number, lead_id in known.items()}.items() <= found.items()
    assert {*emails} - {*found} <= unknown  # nothing is lost, or it is known
    assert not (dedup and unknown)
    assert kills == KILLS
