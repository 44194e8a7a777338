"""Fetching leads: as Arrow data, into files of each format, over SOAP and over REST, with resume."""

from __future__ import annotations

import csv
import errno
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from marketo_soap import (
    Attribute,
    Client,
    GetMultipleLeads,
    GetMultipleLeadsResult,
    LastUpdateAtSelector,
    LeadKeyRef,
    LeadKeySelector,
    LeadRecord,
    RestBridge,
    Sandbox,
    StaticListSelector,
    bulk,
)
from marketo_soap.bulk import Fetched, RequestChanged
from marketo_soap.bulk.pages_file import PagesFile
from marketo_soap.calls import waiting
from tests.support import run_command

BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = [f"p{number:03}@x.com" for number in range(250)]
SINCE = LastUpdateAtSelector(oldest_updated_at=BEGUN)
LIST = StaticListSelector("Members")
KEYS = LeadKeySelector(LeadKeyRef.EMAIL, [*NAMES, NAMES[0], "nobody@x.com"])


class Now:
    def __init__(self) -> None:
        self.now = BEGUN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def sandbox(now: Now) -> Iterator[Sandbox]:
    """Leads written over two months, all of them members of a list."""
    with Sandbox(clock=now) as sandbox:
        sandbox.seed([{"kind": "static_list", "name": "Members"}])
        for number, email in enumerate(NAMES):
            now.now = BEGUN + timedelta(hours=6 * number)
            values = {"FirstName": f"Ann {number}", "LeadScore": number}
            sandbox.seed([{"email": email, "attributes": values, "lists": ["Members"]}])
        yield sandbox


@pytest.fixture(params=["SOAP", "REST"])
def client(request: pytest.FixtureRequest, sandbox: Sandbox, now: Now) -> Iterator[Client]:
    if request.param == "SOAP":
        with Client(transport=sandbox.transport(), clock=now) as client:
            yield client
        return
    user = sandbox.rest_credentials
    with sandbox.serve() as endpoint:
        rest = f"{endpoint.partition('/soap/')[0]}/rest"
        with Client(transport=RestBridge(rest, user.client_id, user.client_secret)) as client:
            yield client


def emails(batches: Iterator[Any]) -> list[str]:
    return [email for batch in batches for email in batch.column("Email").to_pylist()]


class Clock(waiting.Clock):
    def __init__(self, now: Now) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now()


@pytest.mark.parametrize("selector", [SINCE, LIST, KEYS], ids=["updated", "list", "keys"])
def test_arrow_batches_have_every_lead(client: Client, now: Now, selector: Any) -> None:
    batches = list(bulk.fetch_leads(selector, client, clock=Clock(now), page_size=60))
    assert sorted({*emails(iter(batches))}) == NAMES
    assert all(0 <= batch.num_rows <= 100 for batch in batches)
    schema = batches[0].schema
    assert all(batch.schema == schema for batch in batches)
    assert str(schema.field("Id").type) == str(schema.field("LeadScore").type) == "int64"
    scores = [score for batch in batches for score in batch.column("LeadScore").to_pylist()]
    assert sorted({*scores}) == list(range(250))


def test_attributes_limit_the_columns_and_types_replace_theirs(sandbox: Sandbox, now: Now) -> None:
    with Client(transport=sandbox.transport(), clock=now) as client:
        names = ["LeadScore", "DateofBirth"]
        batch, *_ = bulk.fetch_leads(LIST, client, attributes=names, types={"LeadScore": "text"}, clock=Clock(now))
    assert batch.schema.names == ["Id", "Email", "ForeignSysPersonId", "ForeignSysType", *names]
    assert batch.column("LeadScore")[7].as_py() == "7"
    assert batch.column("Email")[7].as_py() == NAMES[7]  # which the server would leave nil
    assert batch.column("DateofBirth").null_count == 250


def test_an_attribute_that_is_no_field_is_named(sandbox: Sandbox, now: Now, tmp_path: Path) -> None:
    names = ["LeadScore", "LeadScroe"]
    with Client(transport=sandbox.transport(), clock=now) as client:
        with pytest.raises(ValueError, match="describeMObject names no field LeadScroe"):
            list(bulk.fetch_leads(LIST, client, attributes=names, clock=Clock(now)))
        assert list(bulk.fetch_leads(LIST, client, attributes=names, types={"LeadScroe": "text"}, clock=Clock(now)))
        fetched = bulk.fetch_to_file(LIST, client, tmp_path / "a.csv", attributes=names, clock=Clock(now))
    assert (fetched.rows, fetched.missing) == (250, ("LeadScroe",))
    row = read(tmp_path / "a.csv")[7]
    assert (row["Email"], row["LeadScore"], row["LeadScroe"]) == (NAMES[7], "7", "")


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path).to_pylist()  # type: ignore[no-any-return]
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        if ".jsonl" in path.name:
            return [json.loads(line) for line in file]
        return list(csv.DictReader(file, delimiter="\t" if ".tsv" in path.name else ","))


VALUES = {
    "FirstName": 'Zoë "Z",\nLee',
    "LeadScore": -3,
    "DoNotCall": True,
    "DateofBirth": "1980-02-29",
    "AnnualRevenue": "1234.5",
}


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.jsonl.GZ", "a.parquet"])
def test_files_of_each_format(name: str, sandbox: Sandbox, now: Now, tmp_path: Path) -> None:
    sandbox.reset()
    sandbox.seed([{"kind": "static_list", "name": "Members"}])
    sandbox.seed([{"email": "z@x.com", "attributes": VALUES, "lists": ["Members"]}])
    sandbox.seed([{"email": "y@x.com", "attributes": {}, "lists": ["Members"]}])
    path = tmp_path / name
    with Client(transport=sandbox.transport(), clock=now) as client:
        assert bulk.fetch_to_file(LIST, client, path, clock=Clock(now)) == Fetched(2, 0, 2)
        with pytest.raises(FileExistsError):
            bulk.fetch_to_file(LIST, client, path)
    full, empty = read(path)
    assert os.listdir(tmp_path) == [name]
    typed = {**VALUES, "DateofBirth": date(1980, 2, 29), "AnnualRevenue": 1234.5, "Email": "z@x.com"}
    if ".csv" in name or ".tsv" in name:
        typed = {each: "1" if value is True else str(value) for each, value in typed.items()}
        assert set(empty.values()) == {empty["Id"], "y@x.com", ""}
    elif ".jsonl" in name:
        typed["DateofBirth"] = "1980-02-29"
        assert "FirstName" not in empty
    else:
        assert {key for key, value in empty.items() if value is not None} == {"Id", "Email"}
    assert {key: value for key, value in full.items() if key in typed} == typed


def test_a_value_that_does_not_fit_makes_its_column_text(sandbox: Sandbox, now: Now, tmp_path: Path) -> None:
    class Odd:
        def __init__(self, client: Client) -> None:
            self.call = client.call
            self._client = client

        def pages(self, call: Any) -> Iterator[Any]:
            import attrs

            for result in self._client.pages(call):
                first, *rest = result.lead_records
                attributes = [attrs.evolve(each, value="many") for each in first.attributes if each.name == "LeadScore"]
                yield attrs.evolve(result, lead_records=(attrs.evolve(first, attributes=attributes), *rest))

    with Client(transport=sandbox.transport(), clock=now) as client:
        bulk.fetch_to_file(LIST, Odd(client), tmp_path / "a.parquet", clock=Clock(now))
        with pytest.raises(ValueError, match="LeadScore has a value that is no integer"):
            list(bulk.fetch_leads(LIST, Odd(client), clock=Clock(now)))
    scores = [row["LeadScore"] for row in read(tmp_path / "a.parquet")]
    assert scores[:3] == ["many", "1", "2"]


def test_a_time_before_the_first_year_of_utc_is_text(tmp_path: Path) -> None:
    first = "0001-01-01T00:00:00+05:00"  # the least time of .NET

    class One:
        def call(self, operation: Any) -> Any:
            raise AssertionError(operation)

        def pages(self, operation: Any) -> Iterator[Any]:
            lead = LeadRecord(id=1, attributes=[Attribute("Seen", first, "datetime")])
            yield GetMultipleLeadsResult(1, 0, "", (lead,))

    bulk.fetch_to_file(LIST, One(), tmp_path / "a.jsonl")
    assert [row["Seen"] for row in read(tmp_path / "a.jsonl")] == [first]


@pytest.mark.parametrize("selector", [SINCE, LIST, KEYS], ids=["updated", "list", "keys"])
def test_a_fetch_goes_on_after_the_last_page(sandbox: Sandbox, now: Now, selector: Any, tmp_path: Path) -> None:
    path, calls = tmp_path / "a.jsonl", []

    class Stopped(Exception):  # noqa: N818
        pass

    def stop(fetched: Fetched) -> None:
        calls.append(fetched)
        if len(calls) == 2:
            raise Stopped

    with Client(transport=sandbox.transport(), clock=now) as client:
        with pytest.raises(Stopped):
            bulk.fetch_to_file(selector, client, path, page_size=50, on_progress=stop, clock=Clock(now))
        assert not path.exists()
        done = calls[-1].leads
        with open(f"{path}.pages", "ab") as file:  # a process that was killed while it wrote
            file.write(b'{"leads": [[["Id", "integer", "10')
        now.now += timedelta(minutes=1)
        with pytest.raises(RequestChanged):
            bulk.fetch_to_file(StaticListSelector("Other"), client, path, page_size=50, clock=Clock(now))
        with pytest.raises(RequestChanged):
            bulk.fetch_to_file(selector, client, path, page_size=50, clock=Clock(now), target="another subscription")
        before = len(sandbox.entries())
        fetched = bulk.fetch_to_file(selector, client, path, page_size=50, clock=Clock(now))
        made = len(sandbox.entries()) - before
    assert (fetched.before, fetched.rows) == (done, len(NAMES))
    assert made <= len(list(bulk_operations(selector, now))) + (len(NAMES) - done) // 50
    assert sorted(row["Email"] for row in read(path)) == NAMES


def bulk_operations(selector: Any, now: Now) -> list[GetMultipleLeads]:
    from marketo_soap.bulk.selecting import operations_for

    return list(operations_for(selector, now.now))


def test_a_lead_that_comes_again_is_one_row_with_its_newest_values(sandbox: Sandbox, now: Now, tmp_path: Path) -> None:
    def change(fetched: Fetched) -> None:
        if fetched.leads == 50:
            with Client(transport=sandbox.transport(), clock=now) as other:
                other.sync_lead(LeadRecord(email=NAMES[3], attributes={"FirstName": "New"}))

    with Client(transport=sandbox.transport(), clock=now) as client:
        until = LastUpdateAtSelector(oldest_updated_at=BEGUN, latest_updated_at=now.now + timedelta(days=1))
        fetched = bulk.fetch_to_file(until, client, tmp_path / "a.jsonl", page_size=50, on_progress=change)
    assert fetched.rows == 250
    assert fetched.leads > 250
    (name,) = [row["FirstName"] for row in read(tmp_path / "a.jsonl") if row["Email"] == NAMES[3]]
    assert name == "New"


@pytest.mark.parametrize("content", [b"Email\na@x.com\n", b"{}\n", b'{"leads": []}\n', b"x"])
def test_another_file_is_not_written_over(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.csv.pages"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="was not made by a fetch"):
        PagesFile(path, {"now": ""})
    assert path.read_bytes() == content


@pytest.mark.skipif(sys.platform == "win32", reason="no lock there")
def test_one_fetch_has_the_file_open(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.pages"
    with PagesFile(path, {"now": ""}):
        content = path.read_bytes()
        with pytest.raises(ValueError, match="another fetch has this file open"):
            PagesFile(path, {"now": ""})
    assert path.read_bytes() == content
    with PagesFile(path, {"now": ""}) as pages:
        assert pages.leads == 0


def test_an_output_that_cannot_be_written_leaves_the_pages_alone(
    sandbox: Sandbox, now: Now, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.jsonl"
    with Client(transport=sandbox.transport(), clock=now) as client:
        with monkeypatch.context() as patch:
            patch.setattr("marketo_soap.bulk.writing._plain", full)
            with pytest.raises(OSError, match="No space left"):
                bulk.fetch_to_file(LIST, client, path, clock=Clock(now))
        assert os.listdir(tmp_path) == ["a.jsonl.pages"]
        before = len(sandbox.entries())
        assert bulk.fetch_to_file(LIST, client, path, clock=Clock(now)).rows == len(read(path))
        assert len(sandbox.entries()) == before  # all pages were there


# -- the command --------------------------------------------------------------------------------------


def run(*args: str, code: int = 0, stdin: str | None = None) -> str:
    result = run_command("fetch-leads", *args, code=code, stdin=stdin)
    return result.stdout + result.stderr


def seeded(path: Path) -> str:
    with Sandbox(path) as sandbox:
        sandbox.seed([{"kind": "static_list", "name": "Members"}])
        sandbox.seed([{"email": email, "lists": ["Members"]} for email in NAMES])
    return str(path)


def test_the_command_fetches_lists_spans_and_keys(tmp_path: Path) -> None:
    db = seeded(tmp_path / "leads.db")
    since = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    out = tmp_path / "-"
    wanted = (["--list", "Members"], ["--updated-since", since], ["--keys", "-"])
    for number, which in enumerate(wanted):
        out = tmp_path / f"{number}.csv"
        stdin = "\n".join(NAMES) if "--keys" in which else None
        assert "250 leads" in run("--sandbox-db", db, *which, "-o", str(out), stdin=stdin)
        assert sorted(row["Email"] for row in read(out)) == NAMES
        assert out.with_name(f"{number}.csv.pages").exists() is False
    assert "exists: give --overwrite" in run("--sandbox-db", db, "--list", "Members", "-o", str(out), code=2)
    assert "250 leads" in run("--sandbox-db", db, "--list", "Members", "-o", str(out), "--overwrite")


def test_what_no_lead_has_is_named(tmp_path: Path) -> None:
    db = seeded(tmp_path / "leads.db")
    names = ["--attribute", "Email", "--attribute", "LeadScroe"]
    shown = run("--sandbox-db", db, "--list", "Members", *names, "-o", str(tmp_path / "a.csv"))
    assert shown.endswith("warning: no lead has a value of LeadScroe: is that the name of a field?\n")
    shown = run("--sandbox-db", db, "--list", "nolist", *names, "-o", str(tmp_path / "b.csv"))
    assert shown.endswith(
        "0 leads in {}\nwarning: no list is called 'nolist', or it is empty: Marketo answers both alike\n".format(
            tmp_path / "b.csv"
        )
    )
    assert "NotFoundFault: getMultipleLeads: 20111" in run(
        "--sandbox-db", db, "--list-id", "77", "-o", str(tmp_path / "c.csv"), code=1
    )


def test_a_file_of_keys_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    db, keys = seeded(tmp_path / "leads.db"), tmp_path / "keys.txt"
    keys.write_text(f"{NAMES[0]}\r\n{NAMES[1]}\r\n", encoding="utf-8-sig")
    assert "2 leads in" in run("--sandbox-db", db, "--keys", str(keys), "-o", str(tmp_path / "a.csv"))
    keys.write_bytes(b"J\xf6rg@x.com\n")
    assert f"{keys} is not UTF-8" in run("--sandbox-db", db, "--keys", str(keys), "-o", str(tmp_path / "b.csv"), code=2)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give one of"),
        (["--list", "a", "--list-id", "1"], "give one of"),
        (["--list", "a", "--until", "2026-01-01"], "--until needs"),
        (["--updated-since", "soon"], "is no time"),
        (["--updated-since", "2026-02-01", "--until", "2026-01-31"], "--until is before --updated-since"),
    ],
)
def test_wrong_use_is_explained(args: list[str], message: str, tmp_path: Path) -> None:
    assert message in run("--sandbox", *args, "-o", str(tmp_path / "a.csv"), code=2)


def test_the_format_is_named_by_the_output(tmp_path: Path) -> None:
    assert "its name says no format" in run("--sandbox", "--list", "a", "-o", str(tmp_path / "a.xls"), code=1)


def test_a_killed_process_goes_on(tmp_path: Path) -> None:
    db, out = seeded(tmp_path / "leads.db"), tmp_path / "a.jsonl"
    program = (
        "import os, signal, sys\n"
        "from marketo_soap import Client, Sandbox, StaticListSelector, bulk\n"
        "def kill(fetched):\n"
        "    if fetched.leads >= 120: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with Sandbox(sys.argv[1]) as sandbox, Client(transport=sandbox.transport()) as client:\n"
        "    bulk.fetch_to_file(StaticListSelector('Members'), client, sys.argv[2], page_size=40, on_progress=kill)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, db, str(out)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    with Sandbox(db) as sandbox, Client(transport=sandbox.transport()) as client:
        fetched = bulk.fetch_to_file(StaticListSelector("Members"), client, out, page_size=40)
    assert fetched == Fetched(250, 120, 250)
    assert sorted(row["Email"] for row in read(out)) == NAMES
