"""Rows with the same keys without dedup, and sources that are not what they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from marketo_soap import AmbiguousError, Client, Fault, LeadRecord, Sandbox, bulk
from marketo_soap.bridge.codes import no_answer
from marketo_soap.bulk import Columns, Ledger, RowFate, SourceChanged
from marketo_soap.bulk.outcomes import refused, settled
from marketo_soap.bulk.planner import Batch, Item, Planner
from marketo_soap.bulk.rows import Row
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, SyncMultipleLeadsResult
from marketo_soap.records.lead import LeadSyncStatus, SyncStatus
from tests.bulk.support import Failing


@pytest.fixture
def client() -> Iterator[Client]:
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        yield client


def rows(count: int, name: str = "p") -> list[dict[str, Any]]:
    return [{"Email": f"{name}{row}@x.com"} for row in range(1, count + 1)]


@pytest.mark.parametrize("duplicates", ["last", "first", "refuse"])
def test_without_dedup_no_row_takes_the_place_of_another(
    client: Client, duplicates: Literal["last", "first", "refuse"]
) -> None:
    summary = bulk.sync_leads(rows(1) * 3, client, dedup=False, duplicates=duplicates)
    assert (summary.created, summary.duplicates, summary.invalid) == (3, 0, 0)


def test_what_may_not_be_repeated_covers_no_earlier_row() -> None:
    planner = Planner()
    for number in (1, 2):
        record = LeadRecord(email="a@x.com", attributes={"Email": "b@x.com", "LeadScore": number})
        planner.add([Item.of(Row(number, record), record, dedup=True)])
    planner.finish()
    batch = planner.take()
    assert batch is not None
    assert (batch.numbers, planner.take()) == ([1], None)


def test_the_key_of_a_row_is_not_its_new_address() -> None:
    for number in range(20):  # the order of a set of texts is another in each process
        record = LeadRecord(email=f"old{number}@x.com", attributes={"Email": f"new{number}@x.com"})
        assert Item.of(Row(1, record), record, dedup=True).match_key == ("Email", f"old{number}@x.com")


@pytest.mark.parametrize("count", [299, 1, 0])
def test_a_source_with_fewer_rows_is_another(client: Client, count: int, tmp_path: Path) -> None:
    path = tmp_path / "leads.ledger"
    bulk.sync_leads(rows(300), client, ledger=path)
    with pytest.raises(SourceChanged, match=f"has {count} rows, not the 300"):
        bulk.sync_leads(rows(count, "other"), client, ledger=path)
    summary = bulk.sync_leads(rows(count), client, ledger=path, accept_changes=True)
    assert (summary.calls, summary.waiting) == (0, 0)
    assert bulk.sync_leads(rows(count), client, ledger=path).calls == 0  # it was accepted for good
    assert bulk.sync_leads(rows(301), client, ledger=path, accept_changes=True).created == 301


@pytest.mark.parametrize("count", [299, 301])
def test_a_source_that_was_refused_leaves_the_ledger_to_the_right_one(
    client: Client, count: int, tmp_path: Path
) -> None:
    path = tmp_path / "leads.ledger"
    bulk.sync_leads(rows(300), client, ledger=path)
    with pytest.raises(SourceChanged):
        bulk.sync_leads(rows(count, "other"), client, ledger=path)
    assert bulk.sync_leads(rows(300), client, ledger=path).calls == 0


def test_a_status_that_leaves_the_outcome_open_makes_the_row_unknown(tmp_path: Path) -> None:
    why = f"20011 - {no_answer('no answer from REST', fate_unknown=True).reason}"

    class Bridge:
        endpoint, last_exchange = "https://x.invalid", None
        calls: list[list[str | None]] = []  # noqa: RUF012

        def call(self, operation: SyncMultipleLeads) -> SyncMultipleLeadsResult:
            self.calls.append([lead.get("Row") for lead in operation.lead_records])
            lost = SyncStatus(0, LeadSyncStatus.FAILED, why)
            statuses = [lost if lead.email == "a@x.com" else DONE for lead in operation.lead_records]
            return SyncMultipleLeadsResult(tuple(statuses) if len(self.calls) == 1 else (DONE,) * len(statuses))

    rows = [
        LeadRecord(email="a@x.com", attributes={"Row": 1, "Phone": "1"}),
        LeadRecord(email="b@x.com", attributes={"Row": 2}),
        LeadRecord(email="a@x.com", attributes={"Row": 3}),
    ]
    path = tmp_path / "leads.ledger"
    first = bulk.sync_leads(rows, Bridge(), ledger=path)
    assert (first.unknown, first.updated, first.rejected, first.waiting) == (1, 1, 0, 1)
    assert bulk.sync_leads(rows, Bridge(), ledger=path).updated == 3
    assert Bridge.calls == [["1", "2"], ["1"], ["3"]]


@pytest.mark.parametrize("code", [20011, 20015])
def test_a_lead_that_a_bridge_did_not_write_because_of_a_limit_is_not_refused(code: int, tmp_path: Path) -> None:
    class Bridge:
        endpoint, last_exchange = "https://x.invalid", None

        def __init__(self) -> None:
            self.sent: list[list[str | None]] = []

        def call(self, operation: SyncMultipleLeads) -> SyncMultipleLeadsResult:
            self.sent.append([lead.email for lead in operation.lead_records])
            refused = SyncStatus(0, LeadSyncStatus.FAILED, f"{code} - why")
            return SyncMultipleLeadsResult((*[DONE] * (len(self.sent) == 1), *[refused] * 9)[: len(self.sent[-1])])

    leads, client = [LeadRecord(email=f"{name}@x.com") for name in "abc"], Bridge()
    summary = bulk.sync_leads(leads, client, ledger=tmp_path / "leads.ledger")
    assert client.sent == [["a@x.com", "b@x.com", "c@x.com"], ["b@x.com", "c@x.com"]]
    assert (summary.updated, summary.rejected, summary.unknown) == (1, 2, 0)  # alone, it is what the server says


DONE = SyncStatus(1, LeadSyncStatus.UPDATED)


def test_an_unknown_row_stays_unknown_while_other_types_refuse_it(tmp_path: Path) -> None:
    lost = Failing(AmbiguousError("the answer is lost"))
    path = tmp_path / "leads.csv"
    path.write_text("Email,LeadScore\na@x.com,many\n", encoding="utf-8")
    assert bulk.sync_leads(path, lost, dedup=False).unknown == 1
    for _ in range(2):
        other = Columns(types={"LeadScore": "integer"})
        summary = bulk.sync_leads(path, lost, dedup=False, columns=other, accept_changes=True)
        assert (summary.unknown, summary.invalid, summary.calls) == (1, 0, 0)
    with Ledger(f"{path}.ledger") as ledger:
        assert [outcome.fate for outcome in ledger.outcomes()] == [RowFate.UNKNOWN]


@pytest.mark.parametrize("email", ["a@x.com", "Zoe Doe", "zoë doe@home"])
def test_no_value_that_a_server_quotes_is_kept(email: str) -> None:
    record = LeadRecord(
        foreign_sys_person_id="P-17",
        foreign_sys_type="CUSTOM",
        email=email,
        attributes={"FirstName": "Ann Lee", "Phone": "(1) 23", "Title": "x"},
    )
    item = Item.of(Row(1, record), record, dedup=True)
    text = f"20110 - Bad Parameter 'Ann Lee' of p-17, {email}: (1) 23, Annex x"
    result = SyncMultipleLeadsResult((SyncStatus(0, LeadSyncStatus.FAILED, text),))
    ((outcome,), _) = settled(Batch((item,)), result)
    shown = "Bad Parameter '[value]' of [value], [value]: [value], Annex x"
    assert (outcome.code, outcome.text) == (20110, shown)
    assert refused(item, Fault(text[8:], code=20110)).text == shown
