"""Bulk sync against the sandbox: what is sent, what is noted, and what happens when something goes wrong."""

from __future__ import annotations

import gzip
import os
import re
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from marketo_soap import (
    BridgeSettings,
    Client,
    LeadRecord,
    Limits,
    RestBridge,
    Sandbox,
    bulk,
)
from marketo_soap.bulk import Columns, Ledger, SourceChanged, Summary
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads
from tests.bulk.support import Failing, Transport, client_of
from tests.support import VirtualClock


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def csv_of(path: Path, rows: int, *, header: str = "Email,FirstName", bad: dict[int, str] | None = None) -> Path:
    """A CSV of leads, one for each number from 1; *bad* replaces rows by their numbers."""
    lines = [header, *((bad or {}).get(row, f"p{row}@x.com,Name {row}") for row in range(1, rows + 1))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def lost(number: int, call: SyncMultipleLeads) -> None:
    raise httpx.ReadTimeout("the answer is lost")


def kept(sandbox: Sandbox) -> list[tuple[str | None, dict[str, str]]]:
    """The leads of a sandbox: Email and attributes."""
    return [(lead.email, {each.name: each.value for each in lead.attributes}) for lead in sandbox.leads()]


def fates(path: str | Path) -> dict[int, str]:
    with Ledger(path) as ledger:
        return {outcome.number: str(outcome.fate) for outcome in ledger.outcomes()}


def test_a_file_its_ledger_and_a_second_run(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 700)
    transport = Transport(sandbox)
    with client_of(sandbox, transport) as client:
        summary = bulk.sync_leads(path, client)
        again = bulk.sync_leads(path, client)
    assert (summary.created, summary.calls, summary.complete) == (700, 3, True)
    assert sorted(len(call.lead_records) for call in transport.calls) == [100, 300, 300]
    assert (again.created, again.calls, again.settled_before, again.complete) == (700, 0, 700, True)
    assert len(sandbox.leads()) == 700
    ledger_file = Path(summary.ledger or "")
    assert ledger_file == tmp_path / "leads.csv.ledger"
    assert stat.S_IMODE(ledger_file.stat().st_mode) == 0o600
    assert b"p17@" not in ledger_file.read_bytes()
    with Ledger(ledger_file) as ledger:
        ids = {outcome.number: outcome.lead_id for outcome in ledger.outcomes()}
    assert {lead.email: lead.id for lead in sandbox.leads()} == {f"p{row}@x.com": ids[row] for row in ids}
    assert not list(tmp_path.glob("*rejects*"))


# -- sources ------------------------------------------------------------------------------------------


ROWS = [{"Email": f"p{row}@x.com", "FirstName": f"Name {row}"} for row in range(1, 401)]


def _write(path: Path, kind: str) -> Any:
    text = {
        "csv": "Email,FirstName\r\n" + "".join(f'{row["Email"]},"{row["FirstName"]}"\r\n' for row in ROWS),
        "tsv": "Email\tFirstName\n" + "".join(f"{row['Email']}\t{row['FirstName']}\n" for row in ROWS),
        "jsonl": "".join(f'{{"Email": "{row["Email"]}", "FirstName": "{row["FirstName"]}"}}\n\n' for row in ROWS),
    }
    if kind == "parquet":
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=70)
    elif kind.endswith(".gz"):
        path.write_bytes(gzip.compress(text[kind.removesuffix(".gz")].encode()))
    else:
        path.write_text(text[kind], encoding="utf-8-sig", newline="")
    return path


def _made(kind: str) -> Any:
    if kind == "leads":
        return (LeadRecord(email=row["Email"], attributes={"FirstName": row["FirstName"]}) for row in ROWS)
    if kind == "mappings":
        return list(ROWS)
    if kind == "pandas":
        return pytest.importorskip("pandas").DataFrame(ROWS)
    if kind == "polars":
        return pytest.importorskip("polars").DataFrame(ROWS)
    table = pytest.importorskip("pyarrow").Table.from_pylist(ROWS)
    return {
        "table": table,
        "batch": table.to_batches()[0],
        "reader": table.to_reader(max_chunksize=33),
        "batches": iter(table.to_batches(max_chunksize=33)),
    }[kind]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "csv.gz", "jsonl.gz"])
def test_files(kind: str, sandbox: Sandbox, tmp_path: Path) -> None:
    path = _write(tmp_path / f"leads.{kind}", kind)
    with Client(transport=sandbox.transport()) as client:
        assert bulk.sync_leads(path, client).created == 400
    assert kept(sandbox) == [(row["Email"], {"FirstName": row["FirstName"]}) for row in ROWS]


@pytest.mark.parametrize("kind", ["leads", "mappings", "pandas", "polars", "table", "batch", "reader", "batches"])
def test_things_in_memory(kind: str, sandbox: Sandbox, tmp_path: Path) -> None:
    with Client(transport=sandbox.transport()) as client:
        summary = bulk.sync_leads(_made(kind), client, ledger=tmp_path / "ledger")
        assert (summary.created, summary.complete) == (400, True)
        again = bulk.sync_leads(_made(kind), client, ledger=tmp_path / "ledger")
        assert (again.created, again.calls) == (400, 0)
        with pytest.raises(SourceChanged, match="the rows up to 300 are not those"):
            bulk.sync_leads(ROWS[1:], client, ledger=tmp_path / "ledger")


def test_several_files(sandbox: Sandbox, tmp_path: Path) -> None:
    first, second = csv_of(tmp_path / "1.csv", 3), csv_of(tmp_path / "2.csv", 5, bad={5: "oops"})
    with Client(transport=sandbox.transport()) as client:
        summary = bulk.sync_leads([first, second], client)
        assert (summary.rows, summary.created, summary.updated) == (8, 3, 0) or summary.done + summary.duplicates == 7
        other = csv_of(tmp_path / "3.csv", 1, header="Email,LastName")
        with pytest.raises(ValueError, match=r"3.csv: the columns are not those of the first file"):
            bulk.sync_leads([first, other], client, ledger=":memory:")
    assert fates(tmp_path / "1.csv.ledger")[8] == "invalid"


def test_a_header_without_a_key_stops_before_the_first_call(sandbox: Sandbox, tmp_path: Path) -> None:
    transport = Transport(sandbox)
    path = csv_of(tmp_path / "leads.csv", 3, header="mail,FirstName")
    with client_of(sandbox, transport) as client, pytest.raises(ValueError, match=r"leads\.csv: no column is a key"):
        bulk.sync_leads(path, client)
    assert transport.calls == []
    assert os.listdir(tmp_path) == ["leads.csv"]


# -- refused rows -------------------------------------------------------------------------------------


def test_bad_rows_go_to_a_file_that_can_be_mended(sandbox: Sandbox, tmp_path: Path) -> None:
    bad = {2: ",Ann", 4: "p4@x.com,Ann,Lee", 6: "p6@x.com,\x01"}
    path = csv_of(tmp_path / "leads.csv", 7, bad=bad)
    with Client(transport=sandbox.transport()) as client:
        summary = bulk.sync_leads(path, client)
        assert (summary.created, summary.invalid, summary.complete) == (4, 3, False)
        rejects = tmp_path / "leads.rejects.csv"
        assert summary.rejects == str(rejects)
        assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
        assert rejects.read_text(encoding="utf-8").splitlines() == [
            "Email,FirstName,reject_reason",
            f',Ann,"{path}:3: the row has no key: give it an Id, Email or ForeignSysPersonId"',
            f'p4@x.com,Ann,"{path}:5: the row has 3 cells, the header has 2",Lee',
            f"p6@x.com,\x01,\"{path}:7: column 'FirstName': contains the character U+0001, which XML cannot hold: remove it\"",
        ]
        rejects.write_text("Email,FirstName,reject_reason\np2@x.com,Ann,it had no key\n", encoding="utf-8")
        assert bulk.sync_leads(rejects, client).created == 1
        with pytest.raises(ValueError, match=r"leads\.rejects\.csv would be written over"):
            bulk.sync_leads(path, client)


def test_what_the_server_rejects_costs_itself(sandbox: Sandbox, tmp_path: Path) -> None:
    header = "Id,Email,FirstName"
    path = csv_of(
        tmp_path / "leads.csv", 4, header=header, bad={row: f",p{row}@x.com,A" for row in (1, 3, 4)} | {2: "99,,B"}
    )
    with Client(transport=sandbox.transport()) as client:
        first = bulk.sync_leads(path, client)
        assert (first.created, first.rejected, first.calls) == (3, 1, 1)
        assert list(first.reasons) == ["20103 No lead found with IDNUM = 99"]
        (tmp_path / "leads.rejects.csv").unlink()
        again = bulk.sync_leads(path, client)  # it is not sent again, and the file of rejects is complete again
    assert (again.rejected, again.calls) == (1, 0)
    assert (tmp_path / "leads.rejects.csv").read_text(encoding="utf-8").splitlines() == [
        f"{header},reject_reason",
        f"99,,B,{path}:3: 20103 No lead found with IDNUM = 99",
    ]


def test_the_file_of_rejects_is_complete_though_the_run_ends_early(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = {5: "98,", 2900: "99,"}
    good = {row: f",p{row}@x.com" for row in range(1, 3001)}
    path = csv_of(tmp_path / "leads.csv", 3000, header="Id,Email", bad=good | ids)
    stop = threading.Event()
    with Client(transport=sandbox.transport()) as client:
        assert bulk.sync_leads(path, client).rejected == 2
        stop.set()
        assert bulk.sync_leads(path, client, stop=stop).stopped == "it was told to stop"
    assert len((tmp_path / "leads.rejects.csv").read_text(encoding="utf-8").splitlines()) == 3


def whole_fault(*bad: str, code: int = 20105) -> Callable[[int, SyncMultipleLeads], httpx.Response | None]:
    """A server that refuses a whole call for one of its leads."""
    from marketo_soap.envelope import write_reply
    from marketo_soap.errors import fault

    def refuse(number: int, call: SyncMultipleLeads) -> httpx.Response | None:
        if any(lead.email in bad for lead in call.lead_records):
            return httpx.Response(
                500, content=write_reply(SyncMultipleLeads, fault(code)), headers={"Content-Type": "text/xml"}
            )
        return None

    return refuse


@pytest.mark.parametrize("bad", [(), (1,), (300,), (150, 151), (3, 77, 290, 333)])
def test_a_fault_of_the_whole_call_is_traced_to_its_leads(
    bad: tuple[int, ...], sandbox: Sandbox, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "leads.csv", 350)
    transport = Transport(sandbox, before=whole_fault(*(f"p{row}@x.com" for row in bad)))
    with client_of(sandbox, transport) as client:
        summary = bulk.sync_leads(path, client)
    assert (summary.rejected, summary.created) == (len(bad), 350 - len(bad))
    assert {number for number, fate in fates(f"{path}.ledger").items() if fate == "rejected"} == set(bad)
    assert len(transport.calls) <= 2 + 2 * 9 * len(bad)
    assert Counter(lead.email for lead in sandbox.leads()).most_common(1)[0][1] == 1


def test_a_fault_that_all_leads_meet_stops_the_sync(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 3000)
    transport = Transport(sandbox, before=whole_fault(*(f"p{row}@x.com" for row in range(1, 3001))))
    with client_of(sandbox, transport) as client:
        summary = bulk.sync_leads(path, client)
    assert summary.rejected == 10
    assert "10 leads in a row were refused" in str(summary.stopped)
    assert len(transport.calls) <= 40


# -- duplicates ---------------------------------------------------------------------------------------


def test_duplicates(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = ["a@x.com,1,1", "b@x.com,1,1", "A@x.com,2,", "b@x.com,2,2", ",3,3"]
    found: dict[str, tuple[Summary, Any]] = {}
    rules: tuple[Literal["last", "first", "refuse"], ...] = ("last", "first", "refuse")
    for rule in rules:
        path = tmp_path / f"{rule}.csv"
        path.write_text("\n".join(["Email,FirstName,LastName", *rows]), encoding="utf-8")
        with Sandbox() as fresh, Client(transport=fresh.transport()) as client:
            summary = bulk.sync_leads(path, client, duplicates=rule)
            found[rule] = summary, dict(kept(fresh))
    summary, leads = found["last"]  # row 3 does not set LastName, so row 1 is sent before it
    assert (summary.created, summary.updated, summary.duplicates, summary.invalid) == (2, 1, 1, 1)
    assert {str(email).lower(): values for email, values in leads.items()} == {
        "a@x.com": {"FirstName": "2", "LastName": "1"},
        "b@x.com": {"FirstName": "2", "LastName": "2"},
    }
    for rule, refused in (("first", 1), ("refuse", 3)):
        summary, leads = found[rule]
        assert (summary.created, summary.duplicates, summary.invalid) == (2, 3 - refused, refused)
        assert [values["FirstName"] for values in leads.values()] == ["1", "1"]
    assert "the Email is that of row 1" in (tmp_path / "refuse.rejects.csv").read_text(encoding="utf-8")


def test_rows_of_one_key_arrive_in_their_order(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [
        LeadRecord(email=f"p{row % 700}@x.com", attributes={f"{'First' if row % 3 else 'Last'}Name": str(row)})
        for row in range(4000)
    ]
    with Client(transport=sandbox.transport()) as client:
        assert bulk.sync_leads(rows, client).complete
    expected: dict[str, dict[str, str]] = {}
    for row in rows:
        expected.setdefault(str(row.email), {}).update({each.name: each.value for each in row.attributes})
    assert dict(kept(sandbox)) == expected


# -- answers that are lost ----------------------------------------------------------------------------


def test_a_lost_answer_is_sent_again_by_the_next_run(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 1200)
    transport = Transport(sandbox, after=lambda number, call: lost(number, call) if number == 2 else None)
    with client_of(sandbox, transport) as client:
        first = bulk.sync_leads(path, client)
        assert (first.unknown, first.created, first.complete) == (300, 900, False)
        sent = len(transport.calls)
        second = bulk.sync_leads(path, client)
    assert (second.unknown, second.repeated, second.done, second.complete) == (0, 300, 1200, True)
    assert len(transport.calls) == sent + 1
    assert len(sandbox.leads()) == 1200


def test_what_would_be_made_twice_is_never_sent_again(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 600)
    transport = Transport(sandbox, after=lambda number, call: lost(number, call) if number == 2 else None)
    with client_of(sandbox, transport) as client:
        first = bulk.sync_leads(path, client, dedup=False)
        second = bulk.sync_leads(path, client, dedup=False)
    assert (first.unknown, second.unknown, second.created, second.calls) == (300, 300, 300, 0)
    assert len(sandbox.leads()) == 600


def test_no_connection_stops_and_loses_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 3000)

    def refuse(number: int, call: SyncMultipleLeads) -> None:
        if 2 < number <= 30:
            raise httpx.ConnectError("refused")

    transport = Transport(sandbox, before=refuse)
    with client_of(sandbox, transport) as client:
        first = bulk.sync_leads(path, client)
        assert "refused" in str(first.stopped) or "no connection" in str(first.stopped)
        assert (first.unknown, first.waiting) in ((0, None), (0, 3000 - first.created))
        assert len(transport.calls) <= 15
        transport.calls += transport.calls * 20
        second = bulk.sync_leads(path, client)
    assert (second.created, second.complete) == (3000, True)


# -- limits, quota, stopping --------------------------------------------------------------------------


@pytest.mark.parametrize(("quota", "calls"), [(3, 3), (0.0005, 5)])
def test_a_quota(quota: float, calls: int, sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 2400)
    clock = VirtualClock()
    with Client(transport=sandbox.transport()) as client:
        first = bulk.sync_leads(path, client, quota=quota, clock=clock)
        assert (first.calls, first.created) == (calls, calls * 300)
        assert f"quota of {calls} calls a day" in str(first.stopped)
        assert first.retry_at is not None
        assert first.retry_at.isoformat() == "2013-08-06T00:00:00-05:00"
        second = bulk.sync_leads(path, client, quota=quota, clock=clock)  # on the same day
        assert (second.calls, second.calls_today) == (0, calls)
        third = bulk.sync_leads(path, client, quota=quota, clock=clock, wait=True)
    assert (third.created, third.complete) == (2400, True)
    assert clock.now() >= first.retry_at


def test_the_end_of_the_servers_quota(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 1500)
    clock = VirtualClock()
    with (
        Sandbox(clock=clock.now, limits=Limits(per_day=2)) as limited,
        Client(transport=limited.transport(), clock=clock.now) as client,
    ):
        first = bulk.sync_leads(path, client, clock=clock)
        assert (first.created, first.unknown, first.rejected) == (600, 0, 0)
        assert "20015" in str(first.stopped)
        assert first.retry_at == datetime(2013, 8, 6, 5, tzinfo=UTC)


def test_stopping(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 4500)
    stop = threading.Event()
    transport = Transport(sandbox, after=lambda number, call: stop.set() if number == 4 else None)
    with client_of(sandbox, transport) as client:
        first = bulk.sync_leads(path, client, stop=stop, batch_size=50)
        assert (first.stopped, first.unknown) == ("it was told to stop", 0)
        assert first.created == 50 * len(transport.calls) < 4500
        assert bulk.sync_leads(path, client).complete
    assert Counter(transport.emails()).most_common(1)[0][1] == 1


def test_progress(sandbox: Sandbox, tmp_path: Path) -> None:
    seen: list[bulk.Progress] = []
    with Client(transport=sandbox.transport()) as client:
        bulk.sync_leads(csv_of(tmp_path / "leads.csv", 900), client, on_progress=seen.append)
    assert [each.done for each in seen] == [300, 600, 900]
    assert seen[-1].read == 1.0


def test_an_interrupt_notes_the_calls_in_progress(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 3000)

    def interrupt(progress: bulk.Progress) -> None:
        raise KeyboardInterrupt

    transport = Transport(sandbox)
    with client_of(sandbox, transport) as client, pytest.raises(KeyboardInterrupt):
        bulk.sync_leads(path, client, on_progress=interrupt)
    assert list(fates(f"{path}.ledger").values()) == ["done"] * len(transport.emails())


# -- the source and the ledger ------------------------------------------------------------------------


def test_a_changed_file_is_noticed(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 10)
    with Client(transport=sandbox.transport()) as client:
        bulk.sync_leads(path, client)
        csv_of(path, 12)
        with pytest.raises(SourceChanged, match="is not the one that"):
            bulk.sync_leads(path, client)
        summary = bulk.sync_leads(path, client, accept_changes=True)
        assert (summary.created, summary.sent) == (12, 2)


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"columns": Columns({"FirstName": "LastName"})}, "name of column 'FirstName': None, now 'LastName'"),
        ({"columns": Columns(types={"FirstName": "string"})}, "type of FirstName: None, now string"),
        ({"columns": Columns(empty="clear")}, "empty: leave, now clear"),
        ({"columns": Columns(time_zone=UTC)}, "time_zone: None, now UTC"),
        ({"duplicates": "first"}, "duplicates: last, now first"),
        ({"dedup": False}, "dedup: true, now false"),
    ],
)
def test_other_options_are_refused_once_rows_are_sent(
    options: dict[str, Any], difference: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "leads.csv", 2)
    with Client(transport=sandbox.transport()) as client:
        assert bulk.sync_leads(path, client, **options).complete
        assert bulk.sync_leads(path, client, **options).complete
        (tmp_path / "leads.csv.ledger").unlink()
        bulk.sync_leads(path, client)
        message = re.escape(f"sent with other options ({difference})")
        with pytest.raises(SourceChanged, match=message):
            bulk.sync_leads(path, client, **options)
        with pytest.raises(SourceChanged, match=message):
            bulk.plan_leads(path, **options)
        with pytest.raises(ValueError, match="name another ledger"):
            bulk.sync_leads(path, client, accept_changes=True, target="another", **options)
        assert bulk.sync_leads(path, client).calls == 0  # what was refused has changed nothing
        assert bulk.sync_leads(path, client, accept_changes=True, **options).calls == 0
        assert bulk.sync_leads(path, client, **options).calls == 0


def test_a_plan_sends_and_writes_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 1000, bad={7: "oops"})
    plan = bulk.plan_leads(path)
    assert (plan.rows, plan.sent, plan.calls, plan.invalid) == (1000, 999, 4, 1)
    assert os.listdir(tmp_path) == ["leads.csv"]
    with Client(transport=sandbox.transport()) as client:
        bulk.sync_leads(path, client, quota=2)
    before = (tmp_path / "leads.csv.ledger").read_bytes()
    plan = bulk.plan_leads(path)
    assert (plan.sent, plan.calls) == (399, 2)
    assert (tmp_path / "leads.csv.ledger").read_bytes() == before


def test_over_the_bridge(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 650, bad={5: "p5@x.com,\x01"})
    user = sandbox.rest_credentials
    with sandbox.serve() as endpoint:
        rest = f"{endpoint.partition('/soap/')[0]}/rest"
        bridge = RestBridge(rest, user.client_id, user.client_secret, settings=BridgeSettings())
        with Client(transport=bridge) as client:
            summary = bulk.sync_leads(path, client)
    assert (summary.created, summary.invalid) == (649, 1)
    assert len(sandbox.leads()) == 649


def test_cells_are_cleared_and_mapped(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    with Client(transport=sandbox.transport()) as client:
        path.write_text("mail,first,last\na@x.com,Ann,Lee\n", encoding="utf-8")
        names = {"mail": "Email", "first": "FirstName", "last": "LastName"}
        bulk.sync_leads(path, client, columns=Columns(names))
        path.write_text("mail,first,last\na@x.com,,Low\n", encoding="utf-8")
        bulk.sync_leads(path, client, columns=Columns(names, empty="clear"), ledger=":memory:")
    assert kept(sandbox) == [("a@x.com", {"LastName": "Low"})]


def test_a_source_of_which_nothing_was_sent_may_be_mended_in_place(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 2, bad={1: ",A", 2: ",B"})
    with Client(transport=sandbox.transport()) as client:
        assert bulk.sync_leads(path, client).invalid == 2
        assert bulk.sync_leads(csv_of(path, 2), client).complete


def test_a_defect_of_a_client_is_raised_and_its_rows_are_unknown(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "leads.csv", 301)
    with pytest.raises(SystemExit, match="a defect"):
        bulk.sync_leads(path, Failing(SystemExit("a defect")))
    assert list(fates(f"{path}.ledger").values()) == ["unknown"] * 300
    assert sorted(os.listdir(tmp_path)) == ["leads.csv", "leads.csv.ledger"]
