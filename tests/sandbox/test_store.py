"""How the leads are kept: files of former versions, reading beside writers, work that does not grow, the search."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve, field, frozen

from marketo_soap import (
    Client,
    GetMultipleLeads,
    LastUpdateAtSelector,
    LeadKeySelector,
    LeadRecord,
    Sandbox,
    StaticListSelector,
)
from marketo_soap.records.lead_keys import LeadSelector
from marketo_soap.sandbox import seeds
from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import HttpRequest
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store import selections
from marketo_soap.sandbox.store.database import Database
from marketo_soap.sandbox.store.lead_store import LeadStore
from marketo_soap.sandbox.store.leads import Leads, StoredLead
from marketo_soap.sandbox.store.selections import by_list, by_update
from marketo_soap.sandbox.store.table import Table
from tests.support import NOW

FORMER = """
CREATE TABLE lead (
    id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT, email_key TEXT, foreign_type TEXT, foreign_id TEXT,
    partition_name TEXT NOT NULL, anonymous INTEGER NOT NULL, attributes TEXT NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, UNIQUE (foreign_type, foreign_id)
);
CREATE INDEX lead_by_email ON lead (email_key);
CREATE TABLE cookie (value TEXT PRIMARY KEY, lead_id INTEGER NOT NULL REFERENCES lead (id) ON DELETE CASCADE)
    WITHOUT ROWID;
CREATE INDEX cookie_by_lead ON cookie (lead_id);
INSERT INTO sqlite_sequence (name, seq) VALUES ('lead', 1000000);
INSERT INTO lead VALUES
    (1000001, 'Ada@t.com', 'ada@t.com', 'SFDC', '7', 'Default', 0, '{"City": "Rome"}', '2026-01-01', '2026-01-02');
INSERT INTO cookie VALUES ('mch-1', 1000001);
"""


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """A file as it was written before the schema had versions."""
    path = tmp_path / "former.db"
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode = WAL;" + FORMER)
    connection.close()
    return path


def get(sandbox: Sandbox, path: str, query: str = "") -> bytes:
    said = answer(sandbox, HttpRequest("GET", "http", f"/_sandbox/{path}", query, {}))
    assert said.status == 200
    return said.body


def count(sandbox: Sandbox) -> int:
    with sandbox.store.reading() as leads:
        return leads.count()


# -- versions of the schema ---------------------------------------------------------------------------


def test_a_file_of_a_former_version_is_opened_with_all_there_is(former: Path) -> None:
    barrier = threading.Barrier(4)

    def use(_: int) -> None:
        barrier.wait(10)
        with Sandbox(former) as sandbox, Client(transport=sandbox.transport()) as client:
            assert client.sync_lead(LeadRecord(attributes={"City": "Oslo"}), marketo_cookie="mch-1").lead_id == 1000001

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
    with Sandbox(former) as sandbox, Client(transport=sandbox.transport()) as client:
        (lead,) = sandbox.dump()
        assert (lead["email"], lead["foreign_id"], lead["cookies"]) == ("Ada@t.com", "7", ["mch-1"])
        assert client.sync_lead(LeadRecord(email="b@t.com")).lead_id == 1000002
        with sandbox.store.reading() as leads:
            assert (leads.count(), leads.find("ADA@", limit=9), leads.find("oslo", limit=9)) == (
                2,
                [1000001],
                [1000001],
            )
            assert leads.find("Rome", limit=9) == []


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "later.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ValueError, match="written by a newer marketo_soap"):
        Sandbox(path)


def test_a_current_file_is_opened_beside_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "leads.db"
    with Sandbox(path) as one, one.store.transaction(), Sandbox(path) as two:
        assert two.leads() == []


@pytest.mark.parametrize(("durability", "level"), [("normal", 1), ("full", 2)])
def test_durability_is_sqlites(tmp_path: Path, durability: Any, level: int) -> None:
    with Sandbox(tmp_path / "leads.db", settings=Settings(durability=durability)) as sandbox:
        for _ in range(2):
            with sandbox.store.transaction() as leads:
                assert leads._connection.execute("PRAGMA synchronous").fetchone() == (level,)
            sandbox.configure(Settings())
            sandbox.reset()  # goes back to the first settings


# -- reading beside writers ---------------------------------------------------------------------------


@contextmanager
def control(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with (
        sandbox.serve() as url,
        httpx.Client(trust_env=False, base_url=httpx.URL(url).join("/_sandbox/"), timeout=20) as http,
    ):
        yield http


READING = [
    "",
    "?q=a@t",
    "page/leads/1000001",
    "page/reset",
    "health",
    "leads",
    "leads?id=1000001",
    "leads?email=a@t.com",
]


def test_reading_needs_no_write_lock(tmp_path: Path) -> None:
    path = tmp_path / "leads.db"
    with Sandbox(path) as sandbox, Sandbox(path) as other, control(sandbox) as http:
        sandbox.seed([{"email": "a@t.com"}])
        with other.store.transaction() as leads:
            leads.insert(StoredLead(email="b@t.com"), NOW)
            for read in READING:
                said = http.get(read)
                assert said.status_code == 200
                assert "b@t.com" not in said.text
            assert len(sandbox.leads()) == len(sandbox.dump()) == 1
        assert len(sandbox.leads()) == 2


def test_no_call_waits_for_a_long_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, done = threading.Event(), threading.Event()

    def slowly(leads: Leads, stored: list[StoredLead]) -> list[dict[str, Any]]:
        reading.set()
        assert done.wait(30)
        return []

    monkeypatch.setattr(seeds, "dump", slowly)
    with Sandbox(tmp_path / "leads.db") as sandbox, control(sandbox) as http, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(http.get, "leads")
        try:
            assert reading.wait(30)
            user = sandbox.credentials
            endpoint = str(http.base_url.join("/soap/mktows/2_2"))
            with Client(endpoint, user.user_id, user.encryption_key) as client:
                assert client.sync_lead(LeadRecord(email="a@t.com")).lead_id == 1000001
            assert not waiting.done()
        finally:
            done.set()
        assert waiting.result(30).json() == []


# -- much of it ---------------------------------------------------------------------------------------


def leads(numbers: range) -> Iterator[dict[str, Any]]:
    for number in numbers:
        yield {
            "email": f"n{number}@t.com",
            "lists": ["All"],
            "attributes": {"SfdcLeadId": f"s{number}"},
            "activities": [{"type": "Open Email"}],
        }
        yield {"kind": "campaign", "name": f"Campaign {number}"}


def page(sandbox: Sandbox, selector: LeadSelector, count: int = 100) -> None:
    """Two pages, as many leads on the first as there should be."""
    with Client(transport=sandbox.transport()) as client:
        call = GetMultipleLeads(selector, batch_size=100)
        first = client.call(call)
        assert first.return_count == count
        if following := call.next_page(first):
            second = client.call(following)
            assert second.remaining_count == first.remaining_count - 100


@pytest.mark.parametrize("path", [":memory:", "leads.db"])
def test_reading_does_not_grow_with_the_leads(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, connect = [0], Database._connect

    def counted(database: Database) -> sqlite3.Connection:
        connection = connect(database)

        def step() -> int:
            steps[0] += 1
            return 0

        connection.set_progress_handler(step, 100)
        return connection

    monkeypatch.setattr(Database, "_connect", counted)
    reads: dict[str, Callable[[Sandbox], object]] = {
        "health": lambda sandbox: get(sandbox, "health"),
        "page": lambda sandbox: get(sandbox, ""),
        "next page": lambda sandbox: get(sandbox, "", "page=3&before=1000200"),
        "page before": lambda sandbox: get(sandbox, "", "page=3&after=1000200"),
        "rare": lambda sandbox: get(sandbox, "", "q=n77@t"),
        "frequent": lambda sandbox: get(sandbox, "", "q=@t.com"),
        "short": lambda sandbox: get(sandbox, "", "q=7@"),
        "none": lambda sandbox: get(sandbox, "", "q=7@t.com7"),
        "lead": lambda sandbox: get(sandbox, "page/leads/1000077"),
        "reset": lambda sandbox: get(sandbox, "page/reset"),
        "data": lambda sandbox: get(sandbox, "page/data"),
        "table": lambda sandbox: get(sandbox, "page/data/activities"),
        "next part of a table": lambda sandbox: get(sandbox, "page/data/activities", "page=3&before=1900"),
        "part before of a table": lambda sandbox: get(sandbox, "page/data/campaigns", "page=3&after=1900"),
        "row": lambda sandbox: get(sandbox, "page/data/campaigns/1900"),
        "a lead's rows": lambda sandbox: get(sandbox, "page/data/activities", "lead=1000077"),
        "members": lambda sandbox: get(sandbox, "page/data/lists/1"),
        "next members": lambda sandbox: get(sandbox, "page/data/lists/1", "page=3&before=1000200"),
        "members before": lambda sandbox: get(sandbox, "page/data/lists/1", "page=3&after=1000200"),
        "rows as JSON": lambda sandbox: get(sandbox, "campaigns", "limit=10&after=1900"),
        "activities as JSON": lambda sandbox: get(sandbox, "activities", "limit=10&after=1900"),
        "members as JSON": lambda sandbox: get(sandbox, "leads", "list=1&limit=10&after=1000200"),
        "id": lambda sandbox: get(sandbox, "leads", "id=1000077"),
        "email": lambda sandbox: get(sandbox, "leads", "email=N77@t.com"),
        "part": lambda sandbox: get(sandbox, "leads", f"limit=10&after={count(sandbox) + 999_990}"),
        "first leads": lambda sandbox: list(islice(sandbox.iter_leads(), 10)),
        "first dump": lambda sandbox: list(islice(sandbox.iter_dump(), 10)),
        "by keys": lambda sandbox: page(sandbox, LeadKeySelector("EMAIL", [f"n{n}@t.com" for n in range(100)])),
        "by SFDC id": lambda sandbox: page(sandbox, LeadKeySelector("SFDCLEADID", ["s77", "S78", "none"]), 1),
        "by list": lambda sandbox: page(sandbox, StaticListSelector("All")),
        "by time": lambda sandbox: page(sandbox, LastUpdateAtSelector(sandbox.now() - timedelta(days=1))),
        "by time, none": lambda sandbox: page(sandbox, LastUpdateAtSelector(sandbox.now() + timedelta(days=1)), 0),
    }
    with Sandbox(path if path == ":memory:" else tmp_path / path) as sandbox:

        def work() -> dict[str, int]:
            counts = {}
            for name, read in reads.items():
                steps[0] = 0
                read(sandbox)
                counts[name] = steps[0]
            return counts

        sandbox.seed(leads(range(1100)))
        few = work()
        sandbox.seed(leads(range(1100, 3300)))
        many = work()
    assert {name: (few[name], count) for name, count in many.items() if count > few[name] * 1.2 + 4} == {}


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
def test_all_leads_come_page_by_page(count: int) -> None:
    with Sandbox() as sandbox:
        sandbox.seed([{"email": f"{n}@t.com", "attributes": {"City": 'a\n"b'}} for n in range(count)])
        dumped = sandbox.dump()
        assert list(sandbox.iter_dump()) == dumped
        assert list(sandbox.iter_leads()) == sandbox.leads()
        with control(sandbox) as http, http.stream("GET", "leads") as said:
            assert said.headers["content-type"] == "application/json"
            assert ("content-length" in said.headers) == (count <= 100)
            said.read()
            assert said.json() == dumped
        with httpx.Client(transport=sandbox.transport(), base_url="https://sandbox.invalid/_sandbox/") as inside:
            assert inside.get("leads").content == said.content
            parts, last = [], "0"
            while part := inside.get("leads", params={"limit": "40", "after": last}).json():
                parts += part
                last = part[-1]["id"]
            assert parts == dumped
            for limit in ("0", "-1", "1001", "x"):
                assert inside.get("leads", params={"limit": limit}).status_code == 400


def test_all_leads_come_to_asyncio_too() -> None:
    async def main() -> None:
        with Sandbox() as sandbox:
            sandbox.seed([{"email": f"{n}@t.com"} for n in range(150)])
            async with httpx.AsyncClient(transport=sandbox.transport(), base_url="https://sandbox.invalid") as http:
                assert len((await http.get("/_sandbox/leads")).json()) == 150

    asyncio.run(main())


def test_a_stream_of_leads_holds_a_few() -> None:
    with Sandbox() as sandbox:
        sandbox.seed([{"email": f"{n}@t.com", "attributes": {"City": "x" * 2000}} for n in range(2000)])
        for stream in (sandbox.iter_dump, sandbox.iter_leads, lambda: iter(get_pieces(sandbox))):
            tracemalloc.start()
            try:
                assert sum(1 for _ in stream()) >= 20
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert peak < 2_000_000  # all of them are 4 MB and more


def get_pieces(sandbox: Sandbox) -> Iterator[bytes]:
    said = answer(sandbox, HttpRequest("GET", "http", "/_sandbox/leads", "", {}))
    assert said.pieces is not None
    return said.pieces


# -- the search ---------------------------------------------------------------------------------------


def held(leads: Leads, text: str) -> list[int]:
    """The ids of the leads that hold a text, newest first, by looking at each."""
    found = []
    for lead in leads.all():
        texts = [lead.email, lead.foreign_id, *leads.cookies_of(lead.id), *lead.attributes.values()]
        if any(text.lower() in (value or "").lower() for value in texts) or text == str(lead.id):
            found.append(lead.id)
    return found[::-1]


@pytest.mark.parametrize(
    "index", ["fts5 (text, content = '', tokenize = 'trigram')", "fts5 (text, tokenize = 'missing')"]
)
def test_a_search_finds_what_a_look_at_each_lead_finds(index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However leads come, change and go, whether or not they are indexed yet, and without an index."""
    monkeypatch.setattr("marketo_soap.sandbox.store.search._INDEX", f"CREATE VIRTUAL TABLE lead_search USING {index}")
    index_soon(monkeypatch)
    chance, store = random.Random(5), LeadStore()
    copy = store.snapshot()
    words = ["Rome", "ROMA", "Ömer", "ömer&Söhne", 'a "b" c', "100%", "under_score", "mañana"]

    def change(leads: Leads) -> None:
        known = [lead.id for lead in leads.all()]
        lead_id = chance.choice([0, *known])
        match chance.randrange(5) if lead_id else 0:
            case 0:
                leads.insert(StoredLead(email=f"{chance.choice(words)}@t.com"), NOW)
            case 1 | 2:
                lead = leads.by_id(lead_id)
                assert lead is not None
                lead.attributes = {"City": chance.choice(words), "Country": chance.choice(words)}
                lead.foreign_type, lead.foreign_id = "SFDC", f"sf-{chance.choice(words)}"
                leads.release_foreign_id("SFDC", lead.foreign_id)
                leads.update(lead, NOW)
            case 3:
                leads.tie_cookie(f"mch-{chance.choice(words)}", lead_id)
            case _ if chance.random() < 0.3:
                leads._connection.execute("DELETE FROM lead WHERE id = ?", (lead_id,))

    for turn in range(120):
        try:
            with store.transaction() as leads:
                for _ in range(chance.randrange(1, 12)):
                    change(leads)
                if chance.random() < 0.1:
                    raise KeyError
        except KeyError:
            pass
        if turn == 60:
            copy = store.snapshot()
        if turn == 80:
            store.restore(copy)
        if turn == 100:
            with store.transaction() as leads:
                leads.clear()
        with store.reading() as leads:
            assert leads.count() == len(list(leads.all()))
            for text in chance.sample([*words, "mch-", "sf-1", "ome", "om", "%", "@t.com", "1000001", "nothing"], 4):
                assert leads.find(text, limit=10_000) == held(leads, text), (turn, text)
    store.close()


def index_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketo_soap.sandbox.store.search._NOTED", 5)
    monkeypatch.setattr("marketo_soap.sandbox.store.search.BATCH", 5)


def test_the_index_stays_whole_and_behind_by_a_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_soon(monkeypatch)
    with Sandbox(tmp_path / "leads.db") as sandbox, Client(transport=sandbox.transport()) as client:
        for n in range(200):
            client.sync_lead(
                LeadRecord(email=f"{n % 70}@t.com", attributes={"City": f"C{n}"}), marketo_cookie=f"c{n % 9}"
            )
        with sandbox.store.transaction() as leads:
            leads._connection.execute("INSERT INTO lead_search (lead_search) VALUES ('integrity-check')")
            assert leads._connection.execute("SELECT count(*) FROM lead_changed").fetchone()[0] < 20


def test_a_search_shows_the_newest_thousand() -> None:
    with Sandbox() as sandbox:
        sandbox.seed([{"email": f"{n}@t.com"} for n in range(1100)])
        page = get(sandbox, "", "q=@t.com&page=20").decode()
        assert "951 to 1,000 of more than 1,000 leads" in page
        assert 'rel="next"' not in page
        assert "No lead has" in get(sandbox, "", "q=@t.com&page=21&before=1000101").decode()


# -- tables of attrs classes --------------------------------------------------------------------------


@frozen
class Thing:
    name: str
    big: bool = False
    price: float | None = None
    tags: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(factory=dict)
    lead_id: int | None = None
    id: int = 0


class Things(Table[Thing]):
    name, row = "thing", Thing
    unique = (("name",),)
    indexes = (("big", "name"),)
    of_leads = ("lead_id",)


@pytest.fixture
def things() -> Iterator[Things]:
    with closing(LeadStore()) as store, store.transaction() as leads:
        connection = leads.activities._connection
        for statement in Things.schema().split(";\n")[:-1]:
            connection.execute(statement)
        yield Things(connection)


def test_a_row_is_kept_as_it_was(things: Things) -> None:
    row = things.add(Thing("a", True, 1.5, ("x", "y"), {"n": "ü"}))
    assert row.id == 1001
    assert things.get(1001) == row
    assert things.first(big=True, name="a") == row
    assert things.first(price=None) is None
    things.update(evolve(row, tags=(), price=None))
    assert things.find() == [Thing("a", True, None, (), {"n": "ü"}, None, 1001)]
    assert things.count("big") == 1
    things.delete(1001)
    assert things.count() == 0
    assert things.add(Thing("b")).id == 1002
    things.clear()
    assert things.add(Thing("b")).id == 1001


def test_rows_are_given_and_taken_back(things: Things) -> None:
    kept = [things.add(Thing(name)) for name in "abc"]
    dumped = things.dump()
    assert [row["id"] for row in things.dump(1001, 1)] == [1002]
    things.clear()
    for row in json.loads(json.dumps(dumped)):
        assert row.pop("kind") == "thing"
        things.load(row)
    assert things.find() == kept
    with pytest.raises(ValueError, match="there is a thing 1001 already"):
        things.load({"name": "d", "id": 1001})
    with pytest.raises(ValueError, match="UNIQUE"):
        things.load({"name": "a"})
    with pytest.raises(ValueError, match="nmae is unknown"):
        things.load({"nmae": "a"})


def test_the_size_of_a_list_is_known(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        sandbox.seed(leads(range(20)))
        with sandbox.store.transaction() as kept:
            connection = kept.activities._connection
            connection.execute("DELETE FROM lead WHERE id IN (1000003, 1000004)")
            connection.execute("INSERT OR IGNORE INTO list_member (list_id, lead_id) VALUES (1, 1000001)")
            connection.execute("DELETE FROM list_member WHERE lead_id = 1000001")
            assert kept.count_of(by_list(1)) == 17
            assert kept.count_of(by_list(2)) == 0


@pytest.mark.parametrize("few", [0, 5, 1000])
def test_leads_of_a_time_are_counted(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selections, "_FEW", few)
    times = iter([0, 0, 1, 1, 1, 2, 3, 3])
    with Sandbox(clock=lambda: NOW) as sandbox:
        for number, hour in enumerate(times):
            sandbox.advance(3600 * hour - (sandbox.now() - NOW).total_seconds())
            sandbox.seed([{"email": f"n{number}@t.com"}, {"anonymous": True, "cookies": [f"c{number}"]}])
        with sandbox.store.reading() as kept:
            for first, last, count in ((0, 3, 8), (1, 2, 4), (0, 0, 2), (4, 5, 0), (-1, 9, 8)):
                span = by_update(NOW + timedelta(hours=first), NOW + timedelta(hours=last))
                assert kept.count_of(span) == count == len(kept.select(span))
