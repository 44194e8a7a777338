"""getLeadActivity and getLeadChanges in the sandbox, and the activities that it is seeded with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import (
    ActivityType,
    ActivityTypeFilter,
    Client,
    Fault,
    GetLeadActivity,
    GetLeadChanges,
    LastUpdateAtSelector,
    LeadKey,
    LeadKeySelector,
    LeadRecord,
    Sandbox,
    StaticListSelector,
    StreamPosition,
)
from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import HttpRequest
from marketo_soap.sandbox.settings import SeededActivity, Settings, StaticList
from marketo_soap.sandbox.store.activities import Activities, ActivityPlace, Wanted
from tests.sandbox.conftest import Clock
from tests.support import COOKIE, NOW, signed

ANN, BEN = 1_000_001, 1_000_002
KEY = LeadKey("EMAIL", "ann@t.com")
START = StreamPosition()


def change(sandbox: Sandbox, **settings: Any) -> None:
    sandbox.configure(evolve(sandbox.settings, **settings))


def refused(client: Client, call: Any) -> int | None:
    with pytest.raises(Fault) as caught:
        client.call(call)
    return caught.value.code


def at(minutes: int) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


@pytest.fixture(autouse=True)
def seeded(sandbox: Sandbox) -> None:
    """Ann visits at 9 to 1 minutes before now, every other time Ben clicks; somebody unknown visits too."""
    log = [{"type": "Visit Webpage", "when": at(minute), "asset": f"Page {minute}"} for minute in range(9, 0, -1)]
    clicks = [{"type": "Click Link", "when": at(minute), "campaign": "Hello"} for minute in range(9, 0, -2)]
    sandbox.seed(
        [
            {"email": "ann@t.com", "activities": log},
            {"email": "ben@t.com", "activities": clicks, "lists": ["News"]},
            {"anonymous": True, "cookies": [COOKIE], "activities": log[:1]},
        ]
    )


def pages(client: Client, call: Any) -> Iterator[Any]:
    while call is not None:
        result = client.call(call)
        yield result
        call = call.next_page(result)


def assets(records: Any) -> list[str]:
    return [record.mktg_asset_name for record in records]


# -- getLeadActivity ----------------------------------------------------------------------------------


def test_the_newest_activities_of_a_lead_come_first(client: Client, sandbox: Sandbox) -> None:
    first, second, third = pages(client, GetLeadActivity(KEY, batch_size=4))
    assert [(page.return_count, page.remaining_count) for page in (first, second, third)] == [(4, 5), (4, 1), (1, 0)]
    records = first.activity_records + second.activity_records + third.activity_records
    assert assets(records) == [f"Page {minute}" for minute in range(1, 10)]
    position = first.new_start_position
    assert position.offset == f"ID:{first.activity_records[-1].id}"
    assert (position.latest_created_at, position.oldest_created_at) == ("2013-08-05T18:34:19-05:00", None)
    assert sandbox.entries()[-1].verdict == "1 activity, 0 remain"
    assert (sandbox.entries()[-1].key, sandbox.entries()[-1].lead_id) == ("EMAIL", ANN)


def test_a_record_is_as_recorded(client: Client) -> None:
    (record,) = client.get_lead_activity(KEY, batch_size=1).activity_records
    assert record.activity_date_time.isoformat() == "2013-08-05T18:33:19-05:00"  # in US Central time
    assert (record.activity_type, record.mktg_asset_name, record.mkt_person_id) == ("Visit Webpage", "Page 1", str(ANN))
    assert (record.campaign, record.person_name, record.foreign_sys_id, record.org_name) == ("", None, None, None)


def test_new_activities_do_not_move_the_pages(client: Client, clock: Clock) -> None:
    call = GetLeadActivity(KEY, batch_size=5)
    first = client.call(call)
    clock.tick(60)
    client.sync_lead(LeadRecord(email="ann@t.com", attributes={"FirstName": "Ann"}))
    second = client.call(evolve(call, start_position=first.new_start_position))
    assert assets(first.activity_records + second.activity_records) == [f"Page {minute}" for minute in range(1, 10)]
    latest = StreamPosition(latest_created_at=NOW - timedelta(minutes=7))
    assert assets(client.call(evolve(call, start_position=latest)).activity_records) == ["Page 7", "Page 8", "Page 9"]
    assert client.call(call).activity_records[0].get("New Value") == "Ann"


def test_callers_that_echo_the_offset_alone_get_the_next_page(client: Client) -> None:
    first = client.get_lead_activity(KEY, batch_size=4)
    offset = StreamPosition(offset=first.new_start_position.offset)
    second = client.get_lead_activity(KEY, batch_size=4, start_position=offset)
    assert assets(second.activity_records) == ["Page 5", "Page 6", "Page 7", "Page 8"]


@pytest.mark.parametrize("changes", [False, True])
def test_callers_that_read_until_nothing_comes_find_an_end(client: Client, sandbox: Sandbox, *, changes: bool) -> None:
    call: Any = GetLeadChanges(START, batch_size=10) if changes else GetLeadActivity(KEY, batch_size=10)
    counts = []
    for _ in range(5):
        result = client.call(call)
        counts.append((result.return_count, result.remaining_count))
        if result.return_count == 0:
            break
        call = evolve(call, start_position=result.new_start_position)
    assert counts == ([(10, 4), (4, 0), (0, 0)] if changes else [(9, 0), (0, 0)])
    change(sandbox, stream_end="fault")
    assert refused(client, call) == 20123
    nobody = LeadKeySelector("EMAIL", ["no@t.com"])
    assert (
        client.get_lead_changes(START, lead_selector=nobody).return_count == 0
    )  # the first page is never past the end


@pytest.mark.parametrize(
    "position",
    [
        "<startPosition/>",
        "<startPosition><latestCreatedAt/><offset/></startPosition>",
        "<startPosition><offset>0</offset></startPosition>",
        "<startPosition><offset>id:1:ts:1:os:0:rc:1</offset></startPosition>",
        "<activityFilter/>",
        "<activityFilter><includeTypes/></activityFilter>",
    ],
)
def test_empty_and_made_up_positions_and_empty_filters_give_the_first_page(sandbox: Sandbox, position: str) -> None:
    data = signed(GetLeadActivity(KEY), sandbox.credentials, NOW)
    data = data.replace(b"</leadKey>", f"</leadKey>{position}".encode())
    assert sandbox.respond(data).outcome.return_count == 9


def test_a_cookie_names_an_anonymous_lead_and_an_unknown_key_is_a_fault(client: Client) -> None:
    assert client.get_lead_activity(LeadKey("COOKIE", COOKIE)).return_count == 1
    assert refused(client, GetLeadActivity(LeadKey("EMAIL", "no@t.com"))) == 20103
    assert refused(client, GetLeadActivity(LeadKey("LEADOWNEREMAIL", "no@t.com"))) == 20108


def test_a_page_has_at_most_100_activities(client: Client, sandbox: Sandbox) -> None:
    visits = [{"type": "VisitWebpage", "when": at(n)} for n in range(130)]
    sandbox.seed([{"email": "much@t.com", "activities": visits}])
    call = GetLeadActivity(LeadKey("EMAIL", "much@t.com"), batch_size=1000)
    assert [(page.return_count, page.remaining_count) for page in pages(client, call)] == [(100, 30), (30, 0)]


# -- filters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (ActivityTypeFilter(), 9),
        (ActivityTypeFilter(include_types=[ActivityType.VISIT_WEBPAGE]), 9),
        (ActivityTypeFilter(include_types=["ClickLink", "VisitWebpage"]), 9),
        (ActivityTypeFilter(include_types=["ClickLink"]), 0),
        (ActivityTypeFilter(exclude_types=["ClickLink"]), 9),
        (ActivityTypeFilter(exclude_types=["VisitWebpage"]), 0),
    ],
)
def test_types_are_included_or_excluded(client: Client, given: ActivityTypeFilter, count: int) -> None:
    assert client.get_lead_activity(KEY, activity_filter=given).return_count == count
    ann = LeadKeySelector("IDNUM", [str(ANN)])
    assert client.get_lead_changes(START, activity_filter=given, lead_selector=ann).return_count == count
    every = client.get_lead_changes(START, activity_filter=given, batch_size=3)
    clicks = 5 if "Click Link" in {record.activity_type for record in every.lead_change_records} else 0
    assert every.return_count + every.remaining_count == count + clicks


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<includeTypes><activityType>Visit</activityType></includeTypes>", 20107),
        ("<excludeTypes><activityType>Visit Webpage</activityType></excludeTypes>", 20107),
        (
            "<includeTypes><activityType>NewLead</activityType></includeTypes>"
            "<excludeTypes><activityType>ClickLink</activityType></excludeTypes>",
            20110,
        ),
    ],
)
def test_filters_that_are_refused(sandbox: Sandbox, inside: str, code: int) -> None:
    for call, before in (
        (GetLeadActivity(KEY), b"</leadKey>"),
        (GetLeadChanges(StreamPosition("2013-01-01")), b"</startPosition>"),
    ):
        data = signed(call, sandbox.credentials, NOW)
        data = data.replace(before, before + f"<activityFilter>{inside}</activityFilter>".encode())
        reply = sandbox.respond(data)
        assert reply.outcome.code == code
        assert f"({code})</message>".encode() in reply.body  # clients search the text for the code
        assert f"<faultstring>{code}".encode() in reply.body


def test_a_caller_is_kept_from_what_a_server_refuses() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        GetLeadActivity(KEY, activity_filter=ActivityTypeFilter(["NewLead"], ["ClickLink"]))
    with pytest.raises(ValueError, match=r"includeTypes\[1\] must be one of VisitWebpage"):
        ActivityTypeFilter(["Visit Webpage"])
    with pytest.raises(ValueError, match="batchSize must be at least 1"):
        GetLeadChanges(START, batch_size=0)
    with pytest.raises(ValueError, match="is empty: leave it out"):
        StreamPosition(latest_created_at="")


def test_names_of_types_stand_in_for_included_types(client: Client, sandbox: Sandbox) -> None:
    def names(*given: str) -> int:
        return client.get_lead_changes(START, activity_name_filter=given).return_count

    assert (names("Click Link"), names("Click Link", "Visit Webpage"), names("Add to Nurture")) == (5, 14, 0)
    request = sandbox.entries()[-1].request or b""
    assert request.index(b"<startPosition") < request.index(b"<activityNameFilter><stringItem>Add to Nurture")


# -- getLeadChanges -----------------------------------------------------------------------------------


def test_the_oldest_activities_of_all_known_leads_come_first(client: Client, sandbox: Sandbox) -> None:
    oldest = StreamPosition(oldest_created_at=NOW - timedelta(minutes=5))
    first, second = pages(client, GetLeadChanges(oldest, batch_size=5))
    assert [(page.return_count, page.remaining_count) for page in (first, second)] == [(5, 3), (3, 0)]
    records = first.lead_change_records + second.lead_change_records
    assert [record.mkt_person_id for record in records] == [str(n) for n in (ANN, BEN, ANN, ANN, BEN, ANN, ANN, BEN)]
    assert (records[0].campaign, records[1].campaign, records[0].mktg_asset_name) == (None, "Hello", "Page 5")
    position = first.new_start_position
    assert (position.oldest_created_at, position.latest_created_at) == (oldest.oldest_created_at, None)
    assert position.offset == f"ID:{records[4].id}"
    assert client.get_lead_changes(StreamPosition(activity_created_at=at(5))).return_count == 8


def test_the_last_position_begins_the_next_run(client: Client, clock: Clock) -> None:
    """A CRM takes `latestCreatedAt` of the last page as its next `oldestCreatedAt`."""
    *_, last = pages(client, GetLeadChanges(START, batch_size=5))
    clock.tick(0.5)
    client.sync_lead(LeadRecord(email="new@t.com"))
    clock.tick(1)
    result = client.get_lead_changes(StreamPosition(oldest_created_at=last.new_start_position.latest_created_at))
    assert [record.activity_type for record in result.lead_change_records] == ["New Lead"]
    clock.tick(1)
    again = client.get_lead_changes(StreamPosition(oldest_created_at=result.new_start_position.latest_created_at))
    assert again.return_count == 0


def test_leads_are_selected_by_keys_lists_and_a_span(client: Client, sandbox: Sandbox) -> None:
    def count(selector: Any) -> int:
        return client.get_lead_changes(START, lead_selector=selector).return_count

    assert count(LeadKeySelector("EMAIL", ["BEN@t.com", "no@t.com"])) == 5
    assert count(LeadKeySelector("IDNUM", [str(BEN), str(ANN)])) == 14
    assert count(LeadKeySelector("COOKIE", [COOKIE])) == 0  # an anonymous lead
    assert count(StaticListSelector("News")) == 5
    assert count(StaticListSelector("Nothing")) == 0
    span = LastUpdateAtSelector(NOW - timedelta(minutes=4), latest_updated_at=NOW - timedelta(minutes=2))
    assert count(span) == 4
    assert refused(client, GetLeadChanges(START, lead_selector=StaticListSelector(None, 99))) == 20111
    long = LastUpdateAtSelector(NOW - timedelta(days=31))
    assert refused(client, GetLeadChanges(START, lead_selector=long)) == 20022
    assert [page.return_count for page in pages(client, GetLeadChanges(START, lead_selector=span, batch_size=3))] == [
        3,
        1,
    ]


def test_a_list_of_many_is_read_by_time(client: Client, sandbox: Sandbox) -> None:
    sandbox.seed({"email": f"{n}@t.com", "lists": ["News"]} for n in range(150))
    result = client.get_lead_changes(START, lead_selector=StaticListSelector("News"))
    assert [record.mkt_person_id for record in result.lead_change_records] == [str(BEN)] * 5


def test_more_than_100_keys_are_a_bad_parameter(sandbox: Sandbox) -> None:
    call = GetLeadChanges(START, lead_selector=LeadKeySelector("IDNUM", [str(n) for n in range(100)]))
    data = signed(call, sandbox.credentials, NOW)
    assert sandbox.respond(data).status == 200
    data = data.replace(b"</keyValues>", b"<stringItem>100</stringItem></keyValues>")
    assert sandbox.respond(data).outcome.code == 20110


@pytest.mark.parametrize(
    "position", ["<offset>ID:9</offset>", "<offset>x</offset>", "<oldestCreatedAt>x</oldestCreatedAt>"]
)
def test_damaged_positions(sandbox: Sandbox, position: str) -> None:
    for call in (GetLeadActivity(KEY, start_position=StreamPosition(offset="ID:1001")), GetLeadChanges(START)):
        data = signed(call, sandbox.credentials, NOW)
        whole = f"<startPosition>{position}</startPosition>".encode()
        data = re.sub(rb"<startPosition>.*</startPosition>|<startPosition/>", whole, data)
        assert sandbox.respond(data).outcome.code == 20122


def test_all_pages_are_walked(client: Client) -> None:
    since = StreamPosition(oldest_created_at=datetime(2013, 1, 1, tzinfo=UTC))
    assert len([*client.iterate(GetLeadChanges(since, batch_size=3))]) == 14
    assert len([*client.iterate(GetLeadActivity(KEY, batch_size=2))]) == 9


# -- what the sandbox is seeded with ------------------------------------------------------------------


def test_activities_come_from_settings_once(sandbox: Sandbox, tmp_path: Any) -> None:
    file = tmp_path / "sandbox.toml"
    file.write_text(
        """
        [[activities]]
        lead = "new@t.com"
        type = "FillOutForm"
        when = 2013-07-09T16:44:28-05:00
        asset = "WebHookForm"
        attributes = { "Webform ID" = "1025", "Referrer URL" = "" }

        [[activities]]
        lead = "1000002"
        type = "Interesting Moment"
        """
    )
    sandbox.configure(Settings.load(file))
    before = len(sandbox.activities())
    for _ in range(2):
        sandbox.seed([{"email": "new@t.com", "foreign_type": "SFDC", "foreign_id": str(_)}])
    form, again = [each for each in sandbox.activities() if each.activity_type == "Fill Out Form"]
    assert {form.mkt_person_id, again.mkt_person_id} == {"1000004", "1000005"}  # of the newest with the address
    assert (form.activity_date_time.isoformat(), form.mktg_asset_name) == ("2013-07-09T16:44:28-05:00", "WebHookForm")
    assert (form.get("Webform ID"), form.get("Referrer URL"), form.get("Nothing")) == ("1025", "", None)
    assert len(sandbox.activities()) == before + 2
    assert [each.activity_type for each in sandbox.activities(BEN)][-1] == "Interesting Moment"


@pytest.mark.parametrize(
    ("activity", "text"),
    [
        ({"type": "X", "when": "soon"}, r"activities\[1\]: when must look like"),
        ({"type": " "}, "type is empty"),
        ({"type": "X", "what": "?"}, "what is unknown"),
        ({}, "type is missing"),
    ],
)
def test_wrong_activities_are_named(sandbox: Sandbox, activity: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=f"lead 1: activities.*{text}|lead 1: {text}"):
        sandbox.seed([{"email": "t@t.com", "activities": [activity]}])
    assert SeededActivity("NewLead").type == "New Lead"


def test_activities_are_dumped_seeded_and_reset(sandbox: Sandbox, clock: Clock) -> None:
    (ann, *_) = dump = sandbox.dump()
    assert len(ann["activities"]) == 9
    with Sandbox(clock=clock) as other:
        other.seed(dump)
        assert other.dump() == dump
        assert other.activities() == sandbox.activities()
        other.reset()
        other.seed([{"email": "t@t.com"}])
        assert "activities" not in other.dump()[0]
    sandbox.seed([{**ann, "id": None}])  # its activities have ids that are taken
    assert len(sandbox.activities(1_000_004)) == 9


def test_activities_over_http(sandbox: Sandbox) -> None:
    def get(query: str) -> bytes:
        return answer(sandbox, HttpRequest("GET", "http", "/_sandbox/activities", query, {})).body

    assert get(f"lead={BEN}").count(b"Click Link") == 5
    assert get("").count(b"Click Link") == 5
    assert get("lead=x").startswith(b"{")


# -- reading by indexes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(known=True, after=ActivityPlace(1, 1)),
        Wanted(types=["Click Link", "Visit Webpage"], after=ActivityPlace(1, 1)),
        Wanted(leads=[ANN, BEN], types=["Click Link"], since_ms=1, until_ms=2),
        Wanted(leads=[ANN], newest_first=True, after=ActivityPlace(1, 1)),
        Wanted(list_id=1, known=True),
    ],
)
def test_no_page_reads_the_whole_table(sandbox: Sandbox, wanted: Wanted) -> None:
    sandbox.configure(Settings(lists=(StaticList("News"),)))
    with sandbox.store.reading() as leads:
        activities: Activities = leads.activities
        query, values = activities._query(wanted, 10)
        plan = [row[3] for row in activities._connection.execute(f"EXPLAIN QUERY PLAN {query}", values)]
    assert [
        step
        for step in plan
        if "SEARCH activity USING" in step and ("at_ms>" in step or "at_ms<" in step or "lead_id=" in step)
    ]
    assert not [step for step in plan if step.startswith("SCAN activity") and "INDEX" not in step]
