"""The pages and the JSON of what the sandbox stores besides leads, and every operation in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from marketo_soap import Client, LeadRecord, Sandbox
from marketo_soap.operations import OPERATIONS
from marketo_soap.sandbox.store.activities import Activity
from tests.sandbox.every import CALLS, EVIL, fill
from tests.sandbox.test_page import follow, read, text
from tests.support import CREDENTIALS, NOW

TABLES = {
    "lists": 2,
    "campaigns": 2,
    "requested_campaigns": 1,
    "scheduled_campaigns": 1,
    "imports": 1,
    "channels": 1,
    "tags": 1,
    "custom_object_types": 1,
    "custom_objects": 1,
    "programs": 1,
    "opportunities": 1,
    "opportunity_roles": 1,
    "activities": 8,
}


@pytest.fixture(scope="module")
def full() -> Iterator[Sandbox]:
    """A sandbox that has had a call of every operation."""
    user = CREDENTIALS
    with (
        Sandbox(user_id=user.user_id, encryption_key=user.encryption_key, clock=lambda: NOW) as sandbox,
        Client(transport=sandbox.transport(), clock=lambda: NOW) as client,
    ):
        fill(sandbox, client)
        yield sandbox


@pytest.fixture(scope="module")
def http(full: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(transport=full.transport(), base_url="https://sandbox.invalid/_sandbox/") as http:
        yield http


@pytest.fixture
def inside(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(transport=sandbox.transport(), base_url="https://sandbox.invalid/_sandbox/") as http:
        yield http


def rows(http: httpx.Client, path: str) -> list[str]:
    return [text(row) for row in read(http.get(path)).xpath("//tbody/tr")]


# -- every operation in the journal -------------------------------------------------------------------


def test_there_is_a_call_of_every_operation() -> None:
    assert sorted(operation.name for operation, _, _ in CALLS) == sorted(OPERATIONS)


@pytest.mark.parametrize(("operation", "verdict", "key"), CALLS, ids=lambda each: getattr(each, "name", ""))
def test_the_journal_and_the_calls_show_every_operation(
    full: Sandbox, http: httpx.Client, operation: Any, verdict: str, key: str | None
) -> None:
    [entry] = [entry for entry in full.entries() if entry.operation == operation.name]
    assert (entry.verdict, entry.key) == (verdict, key)
    [data] = [each for each in http.get("journal").json() if each["operation"] == operation.name]
    assert (data["verdict"], data["key"]) == (verdict, key)
    page = read(http.get("page/calls"))
    heads = [text(head) for head in page.xpath("//thead//th")]
    [row] = page.xpath(f"//tr[@id='call-{entry.number}']")
    shown = dict(zip(heads, map(text, row), strict=True))
    assert (shown["Operation"], shown["Key"]) == (operation.name, key or "")
    assert shown["Verdict"].lower() == verdict.lower()
    call = text(read(http.get(f"page/calls/{entry.number}")))
    assert f"Operation {operation.name}" in call
    assert key is None or f"Key {key}" in call


# -- the pages ----------------------------------------------------------------------------------------


def test_every_table_has_a_page_with_all_its_rows(http: httpx.Client) -> None:
    page = read(http.get("page/data"))
    assert [text(row).split(" ")[-2:] for row in page.xpath("//tbody/tr")] == [
        [str(count), "JSON"] for count in TABLES.values()
    ]
    for link, count in zip(page.xpath("//tbody/tr/th/a/@href"), TABLES.values(), strict=True):
        table = follow(http, link)
        assert len(table.xpath("//tbody/tr")) == count
        for row in table.xpath("//tbody/tr/th/a/@href"):
            one = follow(http, row)
            assert link in one.xpath("//main//a/@href")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("lists", ["2 Guests Launch", "1 News"]),
        ("scheduled_campaigns", ["1 1002 Nightly Launch 2013-08-05 23:34:19 UTC 2013-08-05 23:34:19 UTC"]),
        ("opportunity_roles", ["1001 1001 1000001 Role Buyer 2013-08-05 23:34:19 UTC 2013-08-05 23:34:19 UTC"]),
        ("channels", ["1001 Webinar name Invited step 10 success yes hidden no program"]),
        (
            "programs",
            [
                "1001 Launch Default Webinar month 2013-06 amount 2000.0 id 1 Default no"
                " 2013-08-05 23:34:19 UTC 2013-08-05 23:34:19 UTC"
            ],
        ),
    ],
)
def test_rows_are_shown_by_their_columns(http: httpx.Client, path: str, shown: list[str]) -> None:
    assert rows(http, f"page/data/{path}") == shown


def test_a_list_shows_its_members_and_a_lead_its_lists(http: httpx.Client) -> None:
    members = read(http.get("page/data/lists/1"))
    assert "Name News" in text(members)
    assert members.xpath("//article//tbody/tr/@id") == ["lead-1000002", "lead-1000001"]
    lead = follow(http, members.xpath("//article//tbody/tr[2]/th/a/@href")[0])
    [link] = lead.xpath("//a[text()='News']/@href")
    assert link == "/_sandbox/page/data/lists/1"
    assert "It has no members." in text(read(http.get("page/data/lists/2")))


def test_rows_link_to_what_they_name(http: httpx.Client) -> None:
    requested = read(http.get("page/data/requested_campaigns"))
    links = requested.xpath("//tbody/tr/td//a/@href")
    assert links == [
        "/_sandbox/page/data/campaigns/1001",
        "/_sandbox/page/leads/1000001",
        "/_sandbox/page/leads/1000002",
    ]
    assert "Name Welcome" in text(follow(http, links[0]))
    [role] = read(http.get("page/data/opportunity_roles")).xpath("//tbody/tr")
    assert "O1" in text(follow(http, role.xpath("./td//a/@href")[0]))


def test_a_lead_shows_its_newest_activities(inside: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    client.sync_lead(LeadRecord(email="a@t.com"))
    client.sync_lead(LeadRecord(email="b@t.com"))
    with sandbox.store.transaction() as leads:
        for n in range(25):
            at_ms = (1_400_000_000 - n) * 1000  # the later they were added, the older they are
            leads.activities.add(Activity(1000001, at_ms, "Visit Webpage", f"page {n}"))
    page = read(inside.get("page/leads/1000001"))
    shown = page.xpath("//h3[text()='Activities']/..//tbody/tr")
    assert len(shown) == 20
    assert "2014-05-13 16:53:20 UTC Visit Webpage page 0" in text(shown[0])
    every = follow(inside, page.xpath("//a[text()='All activities of this lead']/@href")[0])
    assert len(every.xpath("//tbody/tr")) == 26
    assert {text(link) for link in every.xpath("//tbody/tr/td/a")} == {"1000001"}
    other = read(inside.get("page/leads/1000002"))
    assert len(other.xpath("//h3[text()='Activities']/..//tbody/tr")) == 1
    assert not other.xpath("//a[text()='All activities of this lead']")


@pytest.mark.parametrize("path", ["page/data/activities", "page/data/activities?lead=1000001", "page/data/lists/1"])
def test_rows_are_paged_in_both_directions(inside: httpx.Client, sandbox: Sandbox, path: str) -> None:
    """Activities by their time, however they were added; with some at the same time."""
    sandbox.seed([{"email": f"{n}@t.com", "lists": ["All"]} for n in range(120)])
    with sandbox.store.transaction() as leads:
        leads.activities.add_all(Activity(1000001, n * 7 % 60 * 1000, "Open Email") for n in range(120))
        kept = [each.id for each in leads.activities.select("1", order="at_ms DESC, id DESC")]
    expected = [str(1000120 - n) for n in range(120)] if "lists" in path else [str(each) for each in kept]
    links = "//article//tbody/tr/th/a/text()" if "lists" in path else "//tbody/tr/th/a/text()"
    parts = [page := read(inside.get(path))]
    while further := page.xpath("//a[@rel='next']/@href"):
        parts.append(
            page := follow(inside, str(httpx.URL(f"https://sandbox.invalid/_sandbox/{path}").join(further[0])))
        )
    ids = [part.xpath(links) for part in parts]
    assert [each for part in ids for each in part] == expected
    assert "101 to 120 of 120" in text(page)
    for part in reversed(ids[:-1]):
        back = str(httpx.URL(f"https://sandbox.invalid/_sandbox/{path}").join(page.xpath("//a[@rel='prev']/@href")[0]))
        page = follow(inside, back)
        assert page.xpath(links) == part
    assert not page.xpath("//a[@rel='prev']")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("lists?q=NEW", ["News"]),
        ("lists?q=nothing", []),
        ("activities?q=new+lead&lead=1000002", ["New Lead"]),
        ("activities?q=new+lead&lead=9", []),
        ("campaigns?q=night", ["Nightly"]),
        ("opportunities?q=O1", ["O1"]),
        ("custom_objects?q=roadshow", ["Roadshow"]),
        ("imports?q=dora", ["Launch"]),
        ("opportunity_roles?q=buyer&lead=1000001", ["Buyer"]),
        ("tags?q=%25", []),
        ("tags?q=_", []),
        ("tags?q=%5C", []),
        ("tags?q='", []),
    ],
)
def test_rows_are_searched(http: httpx.Client, path: str, found: list[str]) -> None:
    shown = rows(http, f"page/data/{path}")
    assert len(shown) == len(found)
    for row, holds in zip(shown, found, strict=True):
        assert holds in row
    page = read(http.get(f"page/data/{path}"))
    assert found or "No row fits the filter." in text(page)
    for link in page.xpath("//tbody/tr/th/a/@href"):
        filtered = follow(http, link)  # the filter goes along
        assert [text(row) for row in filtered.xpath("//section[@id='list']//tbody/tr")] == shown
        assert len(filtered.xpath("//tr[@aria-current='true']")) == 1


def test_a_search_reads_the_newest_rows_only(
    inside: httpx.Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketo_soap.sandbox.store.table.SCANNED", 100)
    sandbox.seed([{"email": "a@t.com"}, {"email": "b@t.com"}])
    with sandbox.store.transaction() as leads:
        leads.activities.add_all(Activity(1000001 + n % 2, n, "Open Email", f"page {n}") for n in range(300))
    assert "1 to 50 of 100 rows" in text(read(inside.get("page/data/activities?q=open")))
    assert rows(inside, "page/data/activities?q=page+199") == []
    assert len(rows(inside, "page/data/activities?q=page+201&lead=1000002")) == 1
    assert len(rows(inside, "page/data/activities?q=page+101&lead=1000002")) == 1  # of one lead, its newest
    second = follow(inside, read(inside.get("page/data/activities?q=open")).xpath("//a[@rel='next']/@href")[0])
    assert len(second.xpath("//tbody/tr")) == 50
    assert "51 to 100 of 100 rows" in text(second)
    assert not second.xpath("//a[@rel='next']")


def test_another_row_begins_its_own_lists_anew(inside: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"email": f"{n}@t.com", "lists": ["One", "Two"]} for n in range(60)])
    page = read(inside.get("page/data/lists/1?q=o&members-page=2&members-before=1000011"))
    assert len(page.xpath("//article//tbody/tr")) == 10
    links = page.xpath("//section[@id='list']//tbody/tr/th/a/@href")
    assert links == ["/_sandbox/page/data/lists/2?q=o", page.xpath("//tr[@aria-current]/th/a/@href")[0]]


def test_many_rows_are_not_counted(inside: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"email": "a@t.com"}])
    with sandbox.store.transaction() as leads:
        leads.activities.add_all(Activity(1000001, n, "Open Email") for n in range(1001))
    assert "1 to 50 of more than 1,000 rows" in text(read(inside.get("page/data/activities")))
    assert "Activities more than 1,000 JSON" in text(read(inside.get("page/data")))


def test_what_is_long_is_cut_in_a_table_and_whole_on_its_own_page(inside: httpx.Client, sandbox: Sandbox) -> None:
    values = [f"value {n}" for n in range(12)]
    sandbox.seed([{"kind": "tag", "type": "x" * 200, "values": values}])
    [row] = rows(inside, "page/data/tags")
    assert "x" * 161 not in row
    assert row.endswith("value 9 and 2 more no")
    whole = text(read(inside.get("page/data/tags/1001")))
    assert "x" * 200 in whole
    assert "value 11" in whole


@pytest.mark.parametrize("path", ["nothing", "leads", "lists/99", "nothing/1", "lists/x", "lists/" + "9" * 15])
def test_what_is_not_there_is_said(inside: httpx.Client, path: str) -> None:
    assert "There is no such" in text(read(inside.get(f"page/data/{path}"), 404))


def test_nothing_of_a_row_is_markup(http: httpx.Client) -> None:
    seen = 0
    paths = [f"page/data/{name}" for name in TABLES]
    links = [link for path in paths for link in read(http.get(path)).xpath("//tbody/tr/th/a/@href")]
    for path in [*paths, *links, "page/leads/1000001"]:
        page = follow(http, path)
        assert [script.get("src") for script in page.xpath("//script")] == ["/_sandbox/page/page.js"]
        assert not page.xpath("//img | //style | //@style | //@*[starts-with(name(), 'on')]")
        seen += EVIL in page.text_content()
    assert seen >= 10


@pytest.mark.parametrize("path", ["page/data", *(f"page/data/{name}" for name in TABLES), "page/data/lists/1"])
def test_data_can_be_read_without_eyes_and_mouse(http: httpx.Client, path: str) -> None:
    page = read(http.get(path))
    assert [text(each) for each in page.xpath("//nav//a[@aria-current='page']")] == ["Data"]
    for table in page.xpath("//table"):
        assert text(table.find("caption"))
        assert all(cell.get("scope") == "col" for cell in table.xpath("./thead//th"))
        assert all(row[0].get("scope") == "row" for row in table.xpath("./tbody/tr"))
        assert len({len(row) for row in table.xpath(".//tr")}) == 1
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
