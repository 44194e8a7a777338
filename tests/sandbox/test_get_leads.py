"""getLead and getMultipleLeads in the sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import (
    Client,
    Fault,
    GetLead,
    GetMultipleLeads,
    LastUpdateAtSelector,
    LeadKey,
    LeadKeyRef,
    LeadKeySelector,
    LeadRecord,
    Sandbox,
    StaticListSelector,
)
from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import HttpRequest
from marketo_soap.sandbox.settings import StaticList
from marketo_soap.sandbox.store.selections import Place, by_update
from tests.sandbox.conftest import Clock
from tests.support import COOKIE, NOW, signed

FIRST = 1000001


def change(sandbox: Sandbox, **settings: Any) -> None:
    sandbox.configure(evolve(sandbox.settings, **settings))


def seed(sandbox: Sandbox, count: int, **attributes: str) -> None:
    sandbox.seed({"email": f"{n}@t.com", "attributes": attributes} for n in range(1, count + 1))


def refused(client: Client, call: Any) -> int | None:
    with pytest.raises(Fault) as caught:
        client.call(call)
    return caught.value.code


def pages(client: Client, call: GetMultipleLeads) -> Iterator[list[int]]:
    following: GetMultipleLeads | None = call
    while following is not None:
        result = client.call(following)
        assert result.return_count == len(result.lead_records)
        yield [record.id or 0 for record in result.lead_records]
        following = following.next_page(result)


# -- getLead ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (LeadKeyRef.IDNUM, " 1000001 "),
        (LeadKeyRef.EMAIL, "T@T.com"),
        (LeadKeyRef.COOKIE, COOKIE),
        (LeadKeyRef.LEADOWNEREMAIL, "Boss@T.com"),
        (LeadKeyRef.SFDCACCOUNTID, "001A"),
        (LeadKeyRef.SFDCCONTACTID, "003C"),
        (LeadKeyRef.SFDCLEADID, "00QL"),
        (LeadKeyRef.SFDCLEADOWNERID, "005O"),
        (LeadKeyRef.SFDCOPPTYID, "006P"),
    ],
)
def test_a_lead_is_found_by_every_key(client: Client, sandbox: Sandbox, kind: LeadKeyRef, value: str) -> None:
    held = {
        **{"LeadOwnerEmail": "boss@t.com", "SfdcAccountId": "001A", "SfdcContactId": "003C", "SfdcLeadId": "00QL"},
        **{"SfdcLeadOwnerId": "005O", "SfdcOpptyId": "006P", "FirstName": "George"},
    }
    client.sync_lead(LeadRecord(email="t@t.com", attributes=held), marketo_cookie=COOKIE)
    client.sync_lead(LeadRecord(email="other@t.com"))
    result = client.call(GetLead(LeadKey(kind, value)))
    assert result.count == 1
    (record,) = result.lead_records
    assert (record.id, record.email, record.get("FirstName")) == (FIRST, "t@t.com", "George")
    entry = sandbox.entries()[-1]
    assert (entry.operation, entry.verdict, entry.key, entry.lead_id) == ("getLead", "1 lead", str(kind), FIRST)
    assert (entry.before, entry.after, entry.notes) == (None, None, [])


def test_leads_with_one_address_come_newest_first(client: Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"email": "t@t.com"}, {"email": "x@t.com"}, {"email": "T@t.com"}])
    result = client.call(GetLead(LeadKey(LeadKeyRef.EMAIL, "t@t.com")))
    assert (result.count, [record.id for record in result.lead_records]) == (2, [FIRST + 2, FIRST])
    assert (sandbox.entries()[-1].verdict, sandbox.entries()[-1].lead_id) == ("2 leads", None)


@pytest.mark.parametrize("kind", [kind for kind in LeadKeyRef if kind is not LeadKeyRef.LEADOWNEREMAIL])
def test_a_key_without_a_lead_is_a_fault(client: Client, sandbox: Sandbox, kind: LeadKeyRef) -> None:
    seed(sandbox, 1)
    assert refused(client, GetLead(LeadKey(kind, "99"))) == 20103
    assert (
        f"<message>No lead found with {kind} = 99 (20103)</message>" in (sandbox.entries()[-1].response or b"").decode()
    )


def test_an_owner_without_leads_is_unknown(client: Client, sandbox: Sandbox) -> None:
    seed(sandbox, 1)
    assert refused(client, GetLead(LeadKey(LeadKeyRef.LEADOWNEREMAIL, "nobody@t.com"))) == 20108


@pytest.mark.parametrize("value", ["x", "-1", "1e6", "٣", "9" * 18, "9" * 40])
def test_an_id_that_is_no_number_names_no_lead(client: Client, value: str) -> None:
    assert refused(client, GetLead(LeadKey(LeadKeyRef.IDNUM, value))) == 20103


def test_the_fields_of_keys_can_be_chosen(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, lead_key_fields={"SFDCLEADID": "MyId"})
    client.sync_lead(LeadRecord(email="t@t.com", attributes={"MyId": "7", "SfdcContactId": "8"}))
    assert client.call(GetLead(LeadKey(LeadKeyRef.SFDCLEADID, "7"))).count == 1
    assert client.call(GetLead(LeadKey(LeadKeyRef.SFDCCONTACTID, "8"))).count == 1
    with pytest.raises(ValueError, match="'EMAIL' is not a type of key that an attribute holds"):
        change(sandbox, lead_key_fields={"EMAIL": "Email"})


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("<leadKey><keyType>EMAIL</keyType><keyValue>t@t.com</keyValue></leadKey>", None),
        ("<leadKey><keyType>PHONE</keyType><keyValue>1</keyValue></leadKey>", 20102),
        ("<leadKey><keyType>EMAIL</keyType><keyValue/></leadKey>", 20109),
        ("", 20101),
    ],
)
def test_raw_requests_of_get_lead(sandbox: Sandbox, key: str, code: int | None) -> None:
    seed(sandbox, 1)
    sandbox.seed([{"email": "t@t.com"}])
    data = signed(GetLead(LeadKey(LeadKeyRef.EMAIL, "t@t.com")), sandbox.credentials, NOW)
    data = re.sub(rb"<leadKey>.*</leadKey>", key.encode(), data, flags=re.DOTALL)
    reply = sandbox.respond(data)
    assert getattr(reply.outcome, "code", None) == code
    assert reply.status == (200 if code is None else 500)


# -- getMultipleLeads by keys -------------------------------------------------------------------------


def test_keys_without_a_lead_are_no_fault(client: Client, sandbox: Sandbox) -> None:
    seed(sandbox, 3)
    result = client.call(GetMultipleLeads(LeadKeySelector(LeadKeyRef.EMAIL, ["3@t.com", "x@t.com", "1@t.com"])))
    assert [record.email for record in result.lead_records] == ["1@t.com", "3@t.com"]
    assert (result.return_count, result.remaining_count, result.new_stream_position) == (2, 0, "")
    for kind in LeadKeyRef:
        assert client.call(GetMultipleLeads(LeadKeySelector(kind, ["none"]))).return_count == 0


def test_keys_beyond_the_hundredth_are_ignored(client: Client, sandbox: Sandbox) -> None:
    seed(sandbox, 101)
    call = GetMultipleLeads(LeadKeySelector(LeadKeyRef.EMAIL, [f"{n}@t.com" for n in range(2, 102)]))
    data = signed(call, sandbox.credentials, NOW)
    data = data.replace(b"</keyValues>", b"<stringItem>1@t.com</stringItem></keyValues>")
    result = sandbox.respond(data).outcome
    assert [record.id for record in result.lead_records] == list(range(FIRST + 1, FIRST + 101))


def test_keys_have_no_batch_size(client: Client, sandbox: Sandbox) -> None:
    sandbox.seed({"email": f"{n % 2}@t.com"} for n in range(202))
    call = GetMultipleLeads(LeadKeySelector(LeadKeyRef.EMAIL, ["0@t.com"]), batch_size=2)
    assert [len(page) for page in pages(client, call)] == [100, 1]


# -- static lists -------------------------------------------------------------------------------------


def in_list(name: str | None = None, list_id: int | None = None) -> GetMultipleLeads:
    return GetMultipleLeads(StaticListSelector(name, list_id))


def test_members_of_a_list_are_found_by_its_names_and_its_id(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, lists=(StaticList("Plain"), StaticList("Guests", "Dinner", ("2@T.com", str(FIRST), "no@t.com"))))
    assert client.call(in_list("Guests")).return_count == 0
    seed(sandbox, 3)
    for selector in (in_list("Guests"), in_list("Dinner.Guests"), in_list(list_id=2)):
        assert [record.id for record in client.call(selector).lead_records] == [FIRST, FIRST + 1]
    assert client.call(in_list("Plain")).return_count == 0
    assert sandbox.entries()[-1].key == "static list"


def test_an_unknown_name_of_a_list_gives_nothing_and_an_unknown_id_a_fault(client: Client) -> None:
    result = client.call(in_list("Nothing"))
    assert (result.return_count, result.remaining_count) == (0, 0)
    assert refused(client, in_list(list_id=7)) == 20111


def test_lists_are_dumped_seeded_and_reset(client: Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"email": "t@t.com", "lists": ["Program.List", "Other"]}, {"email": "u@t.com"}])
    dumped = sandbox.dump()
    member, other = (each for each in dumped if "kind" not in each)
    assert (member["lists"], "lists" in other) == (["Program.List", "Other"], False)
    sandbox.reset()
    assert client.call(in_list("List")).return_count == 0
    sandbox.seed(dumped)
    assert client.call(in_list("List")).return_count == client.call(in_list("Program.List")).return_count == 1
    with pytest.raises(ValueError, match="lead 1: lists are a list"):
        sandbox.seed([{"lists": "Other"}])


# -- time of update and pages -------------------------------------------------------------------------


def updated(sandbox: Sandbox, clock: Clock) -> None:
    """Add five leads a minute apart; then the first is updated, so that it comes last."""
    for n in range(1, 6):
        sandbox.seed([{"email": f"{n}@t.com"}])
        clock.tick(60)
    with Client(transport=sandbox.transport(), clock=clock) as client:
        client.sync_lead(LeadRecord(id=FIRST, attributes={"City": "Rome"}))


def test_leads_come_in_the_order_of_their_updates(client: Client, sandbox: Sandbox, clock: Clock) -> None:
    updated(sandbox, clock)
    call = GetMultipleLeads(LastUpdateAtSelector(NOW), batch_size=2)
    assert list(pages(client, call)) == [[FIRST + 1, FIRST + 2], [FIRST + 3, FIRST + 4], [FIRST]]
    assert client.call(GetMultipleLeads(last_updated_at=NOW)).lead_records[-1].id == FIRST
    minutes = [NOW + timedelta(minutes=n) for n in range(4)]
    call = GetMultipleLeads(LastUpdateAtSelector(minutes[2], latest_updated_at=minutes[3]))
    assert list(pages(client, call)) == [[FIRST + 2, FIRST + 3]]


def test_the_offset_of_the_clock_does_not_matter(client: Client, sandbox: Sandbox, clock: Clock) -> None:
    clock.now = NOW.astimezone(timezone(timedelta(hours=5)))
    sandbox.seed([{"email": "1@t.com"}])
    clock.now = (NOW + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=-7)))
    sandbox.seed([{"email": "2@t.com"}])
    assert list(pages(client, GetMultipleLeads(LastUpdateAtSelector(NOW), batch_size=1))) == [[FIRST], [FIRST + 1]]


def test_leads_of_one_moment_are_all_found(client: Client, sandbox: Sandbox) -> None:
    seed(sandbox, 7)
    call = GetMultipleLeads(LastUpdateAtSelector(NOW - timedelta(days=1)), batch_size=3)
    assert [len(page) for page in pages(client, call)] == [3, 3, 1]


def test_anonymous_leads_are_not_found_by_time(client: Client, sandbox: Sandbox) -> None:
    client.sync_lead(LeadRecord(), marketo_cookie=COOKIE)
    sandbox.seed([{"anonymous": True, "cookies": ["other"]}])
    assert list(pages(client, GetMultipleLeads(last_updated_at=NOW))) == [[FIRST]]
    assert client.call(GetLead(LeadKey(LeadKeyRef.COOKIE, "other"))).count == 1


@pytest.mark.parametrize(
    ("oldest", "latest", "code"),
    [
        (NOW - timedelta(days=30), None, None),
        (NOW - timedelta(days=30, seconds=1), None, 20022),
        (datetime(1, 1, 1, tzinfo=UTC), None, 20022),
        (NOW - timedelta(days=90), NOW - timedelta(days=61), None),
        (NOW, NOW - timedelta(days=1), None),
    ],
)
def test_a_span_has_at_most_thirty_days(
    client: Client, oldest: datetime, latest: datetime | None, code: int | None
) -> None:
    call = GetMultipleLeads(LastUpdateAtSelector(oldest, latest_updated_at=latest))
    if code is None:
        assert client.call(call).return_count == 0
    else:
        assert refused(client, call) == code


def test_positions_have_the_recorded_form(client: Client, sandbox: Sandbox) -> None:
    seed(sandbox, 5)
    call = GetMultipleLeads(LastUpdateAtSelector(NOW), batch_size=2)
    result = client.call(call)
    moment = int(NOW.timestamp() * 1000)
    assert (result.remaining_count, result.new_stream_position) == (3, f"id:{FIRST + 1}:ts:{moment}:os:2:rc:3")
    assert sandbox.entries()[-1].verdict == "2 leads, 3 remain"


@pytest.mark.parametrize("position", ["", " ", "id:1:ts:1:os:0:rc:1"])
def test_made_up_first_positions_mean_the_first_page(client: Client, sandbox: Sandbox, position: str) -> None:
    seed(sandbox, 2)
    call = GetMultipleLeads(LastUpdateAtSelector(NOW), batch_size=1, stream_position=position)
    assert list(pages(client, call)) == [[FIRST], [FIRST + 1]]


@pytest.mark.parametrize("position", ["x", "id:1:ts:1:os:1", "id::ts:1:os:1:rc:1", f"id:{'9' * 30}:ts:1:os:1:rc:1"])
def test_damaged_positions_are_a_fault(client: Client, position: str) -> None:
    assert refused(client, GetMultipleLeads(LastUpdateAtSelector(NOW), stream_position=position)) == 20122


def test_a_forged_position_does_not_widen_the_span(client: Client, sandbox: Sandbox, clock: Clock) -> None:
    updated(sandbox, clock)
    oldest = NOW + timedelta(minutes=3)
    call = GetMultipleLeads(LastUpdateAtSelector(oldest), stream_position="id:1:ts:1:os:1:rc:1")
    assert list(pages(client, call)) == [[FIRST + 3, FIRST + 4, FIRST]]


def test_a_position_past_the_end_gives_an_empty_page(client: Client, sandbox: Sandbox) -> None:
    seed(sandbox, 1)
    position = f"id:{FIRST}:ts:{int(NOW.timestamp() * 1000)}:os:1:rc:0"
    result = client.call(GetMultipleLeads(LastUpdateAtSelector(NOW), stream_position=position))
    assert (result.return_count, result.remaining_count, result.new_stream_position) == (0, 0, "")


@pytest.mark.parametrize(("asked", "largest", "given"), [(None, 1000, 100), (150, 1000, 150), (150, 120, 120)])
def test_pages_are_a_hundred_unless_asked_for(
    client: Client, sandbox: Sandbox, asked: int | None, largest: int, given: int
) -> None:
    change(sandbox, largest_page=largest)
    seed(sandbox, 160)
    result = client.call(GetMultipleLeads(LastUpdateAtSelector(NOW), batch_size=asked))
    assert (result.return_count, result.remaining_count) == (given, 160 - given)


def test_a_page_has_at_least_one_lead(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="largest_page must be more than 0"):
        change(sandbox, largest_page=0)


def test_pages_are_found_by_an_index(sandbox: Sandbox) -> None:
    selection = by_update(NOW, NOW)
    with sandbox.store.reading() as leads:
        for place in (None, Place(1, (selection.since or 0) + 1)):
            condition, values = selection.after(place)
            plan = f"EXPLAIN QUERY PLAN SELECT * FROM lead WHERE {condition} ORDER BY {selection.order}"
            steps = [row[-1] for row in leads._connection.execute(plan, values)]
            assert len(steps) == 1
            assert steps[0].startswith("SEARCH")
            assert "lead_by_update (<expr>>? AND <expr><?)" in steps[0]


# -- attributes that are asked for --------------------------------------------------------------------


def test_attributes_can_be_asked_for(client: Client, sandbox: Sandbox) -> None:
    seed(sandbox, 1, FirstName="A", LastName="B")
    selector = LeadKeySelector(LeadKeyRef.EMAIL, ["1@t.com"])

    def got(*names: str) -> tuple[int | None, str | None, list[str]]:
        (record,) = client.call(GetMultipleLeads(selector, include_attributes=names)).lead_records
        return record.id, record.email, [attribute.name for attribute in record.attributes]

    assert got() == (FIRST, "1@t.com", ["FirstName", "LastName"])
    assert got("LastName", "Nothing") == (FIRST, None, ["LastName"])
    assert got("Email") == (FIRST, "1@t.com", [])
    change(sandbox, email_unasked=True)
    assert got("LastName") == (FIRST, "1@t.com", ["LastName"])


# -- what every operation has -------------------------------------------------------------------------


def test_reads_change_nothing(client: Client, sandbox: Sandbox) -> None:
    seed(sandbox, 2)
    before = sandbox.dump()
    client.call(GetLead(LeadKey(LeadKeyRef.EMAIL, "1@t.com")))
    client.call(GetMultipleLeads(last_updated_at=NOW))
    assert sandbox.dump() == before


@pytest.mark.parametrize(
    "call",
    [
        GetLead(LeadKey(LeadKeyRef.EMAIL, "1@T.com")),
        GetMultipleLeads(LeadKeySelector(LeadKeyRef.EMAIL, ["2@t.com", "1@t.com"])),
    ],
    ids=["getLead", "getMultipleLeads"],
)
def test_fault_rules_go_by_operation_and_by_keys(client: Client, sandbox: Sandbox, call: Any) -> None:
    seed(sandbox, 2)
    sandbox.fail(fault=20023, operation="syncLead")
    sandbox.fail(fault=20023, email="3@t.com")
    sandbox.fail(fault=20023, attribute={"City": "Rome"})
    sandbox.fail(failed="no")
    client.call(call)
    sandbox.script.clear()
    sandbox.fail(fault=20014, email="1@t.com")
    assert refused(client, call) == 20014
    sandbox.fail(fault=20015, operation=call.name)
    data = signed(call, sandbox.credentials, NOW)
    assert sandbox.respond(data).outcome.code == 20015
    assert sandbox.respond(data).status == 200
    assert sandbox.entries()[-1].remarks == []


@pytest.mark.parametrize("kind", ["one", "many", "pages"])
def test_the_page_shows_reads(client: Client, sandbox: Sandbox, kind: str) -> None:
    seed(sandbox, 3)
    call: Any = GetLead(LeadKey(LeadKeyRef.EMAIL, "1@t.com"))
    shown = "1 lead"
    if kind != "one":
        call = GetMultipleLeads(last_updated_at=NOW, batch_size=2 if kind == "pages" else None)
        shown = "2 leads, 1 remain" if kind == "pages" else "3 leads, 0 remain"
    client.call(call)
    for path in ("calls", "calls/1"):
        got = answer(sandbox, HttpRequest("GET", "http", f"/_sandbox/page/{path}", "", {"host": "localhost"}))
        page = got.body.decode()
        assert got.status == 200
        assert f'<span class="verdict good">{shown}</span>' in page
        assert "Changes" not in page
    assert call.name in page
