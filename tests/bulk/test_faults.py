"""Any faults in any order: each row ends with the right fate, in the order of its keys, and nothing done is sent again."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from marketo_soap import LeadRecord, bulk
from marketo_soap.bulk import Ledger, RowFate
from marketo_soap.errors import AmbiguousError, TransportError, fault
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, SyncMultipleLeadsResult
from marketo_soap.records.lead import LeadSyncStatus, SyncStatus


class Server:
    """A server that carries out calls, or not, and answers, or not. Some leads are never accepted."""

    endpoint = "https://x.invalid"
    last_exchange = None

    def __init__(self, seed: int, calm: bool) -> None:
        self._random, self._lock, self.calm = random.Random(seed), threading.Lock(), calm
        self.carried_out: dict[str, list[int]] = defaultdict(list)
        self.calls: list[list[int]] = []
        self.in_progress: set[str] = set()

    def call(self, operation: SyncMultipleLeads) -> SyncMultipleLeadsResult:
        keys = [str(lead.email) for lead in operation.lead_records]
        rows = [int(lead.get("Row") or 0) for lead in operation.lead_records]
        with self._lock:
            self.calls.append(rows)
            assert len({*keys}) == len(keys)
            assert not self.in_progress & {*keys}
            self.in_progress |= {*keys}
            choice = "fine" if self.calm else self._random.choice(["fine"] * 6 + ["lost", "lost after", "limit", "no"])
        try:
            return self._answer(choice, operation, rows)
        finally:
            with self._lock:
                self.in_progress -= {*keys}

    def _answer(self, choice: str, operation: SyncMultipleLeads, rows: list[int]) -> SyncMultipleLeadsResult:
        if choice == "lost":
            raise AmbiguousError("lost before it was carried out")
        if choice == "limit":
            raise fault(20023)
        if choice == "no":
            raise TransportError("no connection")
        if any(lead.get("Kind") == "whole" for lead in operation.lead_records):
            raise fault(20105)
        statuses = []
        with self._lock:
            for row, lead in zip(rows, operation.lead_records, strict=True):
                if lead.get("Kind") == "bad":
                    statuses.append(SyncStatus(0, LeadSyncStatus.FAILED, "20110 - Bad Parameter"))
                else:
                    self.carried_out[str(lead.email)].append(row)
                    statuses.append(SyncStatus(row, LeadSyncStatus.UPDATED))
        if choice == "lost after":
            raise AmbiguousError("lost after it was carried out")
        return SyncMultipleLeadsResult(tuple(statuses))


kinds = st.sampled_from(["good"] * 5 + ["bad", "whole"])
rows_of_keys = st.lists(st.tuples(st.integers(0, 6), kinds, st.booleans()), max_size=60)


@settings(max_examples=60)
@given(rows_of_keys, st.integers(0, 2**32), st.sampled_from(["last", "first"]), st.integers(1, 7))
def test_any_faults(rows: Any, seed: int, duplicates: Literal["last", "first"], size: int) -> None:
    leads = [
        LeadRecord(email=f"p{key}@x.com", attributes={"Row": row, "Kind": kind} | ({"Phone": "1"} if more else {}))
        for row, (key, kind, more) in enumerate(rows, 1)
    ]
    server = Server(seed, calm=False)
    with Ledger() as ledger:
        known: dict[int, RowFate] = {}
        for attempt in range(200):
            server.calm = attempt > 20
            server.calls.clear()
            summary = bulk.sync_leads(leads, server, ledger=ledger, duplicates=duplicates, batch_size=size, at_once=3)
            decided = {number for number, fate in known.items() if fate is not RowFate.UNKNOWN}
            assert not decided & {row for call in server.calls for row in call}
            known = {outcome.number: outcome.fate for outcome in ledger.outcomes()}
            assert decided <= {number for number, fate in known.items() if fate is not RowFate.UNKNOWN}
            if summary.stopped is None and not summary.unknown:
                break
        assert sorted(known) == list(range(1, len(leads) + 1))
        outcomes = {outcome.number: outcome for outcome in ledger.outcomes()}
    for key, carried_out in server.carried_out.items():
        # A row whose answer was lost is carried out again, after those that it covers: each row's last time counts.
        last_times = list(reversed(dict.fromkeys(reversed(carried_out))))
        assert last_times == sorted(last_times), key
    for number, (key, kind, _) in enumerate(rows, 1):
        outcome = outcomes[number]
        if outcome.fate is RowFate.DONE:
            assert (kind, outcome.lead_id) == ("good", number)
            assert number in server.carried_out[f"p{key}@x.com"]
        elif outcome.fate is RowFate.REJECTED:
            assert kind != "good"
        else:
            assert outcome.fate is RowFate.DUPLICATE
    if duplicates == "last":
        for key in {key for key, _, _ in rows}:
            last = max((row for row, each in enumerate(rows, 1) if each[:2] == (key, "good")), default=None)
            assert last is None or outcomes[last].fate is RowFate.DONE or outcomes[last].text
