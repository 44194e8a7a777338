"""The bridge over httpx: clients of both kinds, connections that fail, secrets, and what threads and tasks share."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketo_soap import (
    AmbiguousFault,
    AsyncClient,
    BridgeConfigurationError,
    BridgeSettings,
    Client,
    Fault,
    GetCustomObjects,
    ImportToList,
    InProcessLimiter,
    LeadKey,
    LeadRecord,
    LimitFault,
    Limits,
    MergeLeads,
    MktowsContextHeader,
    MObject,
    NotFoundFault,
    Operation,
    RequestCampaign,
    RestBridge,
    RestError,
    RetryPolicy,
    SyncLead,
    SyncMObjects,
    SyncMultipleLeads,
    SyncStatus,
    TransportError,
    TypeAttrib,
    envelope,
)
from marketo_soap.bridge.codes import final_error
from marketo_soap.bridge.core import as_fault
from marketo_soap.bridge.writes import status_of
from marketo_soap.calls.call import Terms
from marketo_soap.envelope import Request
from marketo_soap.errors import AmbiguousError, fault
from marketo_soap.server import service
from tests.bridge.support import CREATED, DESCRIBED, DONE, NONE, TOKEN, UPDATED
from tests.support import COOKIE, CREDENTIALS, NOW, SEED, Either, faulted, signed

BASE = "https://100-AEK-913.mktorest.com"
LEAD = LeadRecord(email="t@t.com", attributes={"FirstName": "George"})
KEY_ALONE = LeadRecord(email="t@t.com")
ONCE = RetryPolicy(attempts=1)
QUICK = RetryPolicy(pause=0.0, window=0.0)


def error_body(code: str) -> str:
    return json.dumps({"requestId": "r#9", "success": False, "errors": [{"code": code, "message": "Sorry"}]})


class Rest:
    """A REST API that gives *leads* as its answers to Sync Leads, the last one for ever."""

    def __init__(self, *leads: str | int | Exception, token: str = TOKEN) -> None:
        self.leads, self.token = list(leads) or [CREATED], token
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if request.url.path == "/identity/oauth/token":
            return httpx.Response(200, text=self.token)
        if request.url.path.endswith("describe.json"):
            return httpx.Response(200, text=DESCRIBED)
        if request.url.path.endswith("associate.json"):
            return httpx.Response(200, text=DONE)
        answer = self.leads.pop(0) if len(self.leads) > 1 else self.leads[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer) if isinstance(answer, int) else httpx.Response(200, text=answer)

    @property
    def paths(self) -> list[str]:
        return [request.url.path.rpartition("/")[2] for request in self.seen]


def bridge(rest: Callable[[httpx.Request], httpx.Response], base: str = BASE, **options: Any) -> RestBridge:
    return RestBridge(base, "the-id", "the-secret", transport=httpx.MockTransport(rest), **options)


Make = Callable[..., Either]


@pytest.fixture(params=[Client, AsyncClient])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    made: list[Either] = []

    def make_client(transport: RestBridge, **options: Any) -> Either:
        made.append(Either(request.param, transport=transport, **options).__enter__())
        return made[-1]

    yield make_client
    for each in made:
        each.__exit__()


# -- one call -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "read"), [({}, 120.0), ({"timeout": 7.0}, 7.0), ({"timeout": None}, None)])
def test_rest_is_given_more_time_than_the_server_takes_unless_told(
    make: Make, options: dict[str, Any], read: float | None
) -> None:
    rest = Rest()
    make(bridge(rest), retry=RetryPolicy(deadline=None), **options).sync_lead(LEAD)
    assert [request.extensions["timeout"]["read"] for request in rest.seen] == [read] * len(rest.seen)


def test_a_soap_call_goes_over_rest(make: Make) -> None:
    rest = Rest()
    client = make(bridge(rest))
    result = client.sync_lead(LEAD)
    assert (result.lead_id, str(result.sync_status.status)) == (1141, "CREATED")
    assert rest.paths == ["token", "describe.json", "leads.json"]
    identity, _, sync = rest.seen
    assert dict(identity.url.params) == {
        "grant_type": "client_credentials",
        "client_id": "the-id",
        "client_secret": "the-secret",
    }
    assert "authorization" not in identity.headers
    assert sync.headers["authorization"] == "Bearer tok-1"
    assert sync.headers["content-type"] == "application/json"
    assert "access_token" not in str(sync.url)
    assert json.loads(sync.content)["input"] == [{"firstName": "George", "email": "t@t.com"}]


@pytest.mark.parametrize("lead", [LEAD, LeadRecord(id=1141, attributes={"FirstName": "George"})])
def test_with_token_and_describe_at_hand_a_sync_is_one_call(make: Make, lead: LeadRecord) -> None:
    rest = Rest(CREATED if lead.id is None else CREATED.replace("created", "updated"))
    over = bridge(rest)
    client = make(over)
    client.sync_lead(lead)
    assert ("x-rest-calls", "2") in client.last_exchange.response_headers  # describe, once
    rest.seen.clear()
    client.sync_lead(lead)
    assert rest.paths == ["leads.json"]
    assert ("x-rest-calls", "1") in client.last_exchange.response_headers
    assert over.rest_calls == 3
    assert client.client.stats.attempts == 2


def test_the_whole_cookie_travels_encoded(make: Make) -> None:
    rest = Rest()
    make(bridge(rest)).sync_lead(KEY_ALONE, marketo_cookie=COOKIE)
    (associate,) = [request for request in rest.seen if request.url.path.endswith("associate.json")]
    assert associate.url.params["cookie"] == COOKIE
    assert b"%26token" in associate.url.raw_path
    assert b"//" not in associate.url.raw_path
    assert associate.method == "POST"
    assert associate.headers["content-length"] == "0"


@pytest.mark.parametrize("base", [BASE, f"{BASE}/", f"{BASE}/rest", f"{BASE}/rest/", f" {BASE}/identity"])
def test_the_address_may_be_written_in_many_ways(base: str) -> None:
    rest = Rest()
    with Client(transport=bridge(rest, base)) as client:
        client.sync_lead(KEY_ALONE)
    assert [str(request.url.copy_with(query=None)) for request in rest.seen] == [
        f"{BASE.lower()}/identity/oauth/token",
        f"{BASE.lower()}/rest/v1/leads.json",
    ]


@pytest.mark.parametrize(
    "base",
    ["http://100-AEK-913.mktorest.com", "100-AEK-913.mktorest.com", f"{BASE}/soap", "https://u:p@x.com", f"{BASE}?a=b"],
)
def test_an_address_that_cannot_be_right_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match=r"endpoint|base_url"):
        RestBridge(base, "a", "b")


@pytest.mark.parametrize(("client_id", "secret"), [("", "b"), ("a", " b"), ("a", "")])
def test_credentials_that_cannot_be_right_are_refused(client_id: str, secret: str) -> None:
    with pytest.raises(ValueError, match="client_"):
        RestBridge(BASE, client_id, secret)


def test_plain_http_is_for_this_machine() -> None:
    assert "127.0.0.1" in repr(RestBridge("http://127.0.0.1:9", "a", "b"))
    assert RestBridge("http://intranet.example", "a", "b", allow_http=True)


# -- what goes wrong ----------------------------------------------------------------------------------


def test_a_fault_has_the_rest_error(make: Make) -> None:
    skipped = '{"requestId":"a#1","result":[{"status":"skipped","reasons":[{"code":"1004","message":"Lead not found"}]}],"success":true}'
    with pytest.raises(NotFoundFault) as raised:
        make(bridge(Rest(skipped))).sync_lead(LeadRecord(id=7))
    error = raised.value
    assert (error.code, error.rest) == (20103, RestError("1004", "Lead not found", "a#1", 200))
    assert "[REST 1004]" in str(error)
    assert error.exchange is not None
    assert not error.fate_unknown
    assert pickle.loads(pickle.dumps(error)).rest == error.rest


@pytest.mark.parametrize("lead", [KEY_ALONE, LeadRecord(foreign_sys_person_id="7", foreign_sys_type="CUSTOM")])
@pytest.mark.parametrize(
    "answer",
    [error_body("604"), error_body("611"), 502, "<html>", httpx.ReadTimeout("late"), httpx.RemoteProtocolError("gone")],
)
def test_a_lead_that_may_have_been_made_is_not_made_twice(
    make: Make, lead: LeadRecord, answer: str | int | Exception
) -> None:
    rest = Rest(answer)
    settings = BridgeSettings(foreign_id_fields={"CUSTOM": "erpId"})
    client = make(bridge(rest, settings=settings), retry=QUICK)
    with pytest.raises(AmbiguousFault) as raised:
        client.sync_lead(lead)
    assert rest.paths.count("leads.json") == 1
    assert (raised.value.code, raised.value.fate_unknown) == (20011, True)
    assert "outcome is unknown" in str(raised.value)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (SyncLead(KEY_ALONE), 20106),
        (SyncMultipleLeads([KEY_ALONE]), 20106),
        (MergeLeads({"IDNUM": "1"}, [{"IDNUM": "2"}]), 20011),
        (RequestCampaign("MKTOWS", (LeadKey("IDNUM", "1"),), campaign_id=7), 20011),
    ],
)
def test_a_code_that_is_in_no_table_is_a_failed_sync_or_an_internal_error(operation: Operation[Any], code: int) -> None:
    outcome = bridge(Rest(error_body("4711"))).answer(Request(operation, None, None)).answer.outcome
    assert (outcome.code, outcome.rest.code, outcome.fate_unknown) == (code, "4711", False)


def test_a_lead_that_was_written_without_an_id_may_have_been_written() -> None:
    rest = Rest('{"requestId":"a","result":[{"status":"created"}],"success":true}')
    outcome = bridge(rest).answer(Request(SyncMultipleLeads([KEY_ALONE]), None, None)).answer.outcome
    (status,) = outcome.sync_statuses
    assert (str(status.status), status.lead_id) == ("FAILED", 0)
    assert "outcome is unknown" in status.error


def test_a_list_whose_members_stay_is_not_cleared_for_ever() -> None:
    def rest(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/rest/v1/lists.json":
            result: list[Any] = [{"id": 7, "name": "Guests", "programName": "Party"}]
        elif "/lists/" in request.url.path:
            status = {"status": "skipped", "reasons": []} if request.method == "DELETE" else {}
            result = [{"id": number, **status} for number in range(1, 301)]
        else:
            return Rest()(request)
        return httpx.Response(200, json={"requestId": "a", "success": True, "result": result})

    over = bridge(rest)
    call = ImportToList("Party", "Email Address", ["a@t.com"], "UPSERTLEADS", "Guests", True)
    outcome = over.answer(Request(call, None, None)).answer.outcome
    assert (outcome.code, outcome.fate_unknown) == (20011, False)
    assert over.rest_calls == 4  # describe, the list, its members, and their removal


def test_an_import_without_a_number_is_not_complete() -> None:
    lists = {"requestId": "a", "success": True, "result": [{"id": 7, "name": "Guests", "programName": "Party"}]}

    def rest(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/rest/v1/lists.json":
            return httpx.Response(200, json=lists)
        return Rest(CREATED)(request)

    call = ImportToList("Party", "Email Address", ["a@t.com"], "UPSERTLEADS", "Guests")
    assert isinstance(bridge(rest).answer(Request(call, None, None)).answer.outcome, AmbiguousFault)


def test_a_comma_does_not_make_two_links_of_one() -> None:
    described = {
        "name": "car_c",
        "fields": [{"name": "vin", "dataType": "string"}, {"name": "owner", "dataType": "string"}],
        "dedupeFields": ["vin"],
        "relationships": [{"field": "owner", "relatedTo": {"name": "Lead", "field": "email"}}],
    }
    found = {"requestId": "a", "success": True, "result": [described]}
    over = bridge(
        lambda request: Rest()(request) if "/identity/" in request.url.path else httpx.Response(200, json=found)
    )
    for key, count in (("a@t.com", 1), ("a@t.com,b@t.com", 0)):
        outcome = over.answer(Request(GetCustomObjects("car_c", {"MKTOID": key}), None, None)).answer.outcome
        assert outcome.return_count == count
    assert over.rest_calls == 3  # the names of the types, the fields of one, and its objects, once


COMPANY = SyncLead(LeadRecord(email="t@t.com", attributes={"Company": "ACME"}))


@pytest.mark.parametrize(
    ("operation", "code", "workspace"),
    [
        (COMPANY, "1021", None),
        (COMPANY, "1007", None),
        (COMPANY, "1005", "Default"),
        (MergeLeads({"IDNUM": "1"}, [{"IDNUM": "2"}]), "1077", None),
        (RequestCampaign("MKTOWS", (LeadKey("IDNUM", "1"),), campaign_id=7), "1013", None),
    ],
)
def test_the_code_of_a_broken_server_does_not_make_the_outcome_known(
    operation: Operation[Any], code: str, workspace: str | None
) -> None:
    settings = BridgeSettings(drop_company_fields=True, on_duplicate="most_recent")
    writes: list[httpx.Request] = []

    def rest(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return Rest(NONE)(request)
        writes.append(request)
        return httpx.Response(502, text=error_body(code))

    context = None if workspace is None else MktowsContextHeader(workspace)
    outcome = bridge(rest, settings=settings).answer(Request(operation, None, context)).answer.outcome
    assert isinstance(outcome, AmbiguousFault)
    assert len(writes) == 1


@pytest.mark.parametrize(
    "answer",
    [error_body("611"), 502, httpx.ReadTimeout("late"), error_body("606"), error_body("615"), error_body("608")],
)
def test_an_update_by_id_is_sent_again_and_only_by_the_bridge(make: Make, answer: str | int | Exception) -> None:
    rest = Rest(answer, answer, UPDATED)
    client = make(bridge(rest), retry=QUICK)
    assert client.sync_lead(LeadRecord(id=1141)).lead_id == 1141
    assert rest.paths.count("leads.json") == 3
    assert client.client.stats.attempts == 1
    hopeless = Rest(answer)
    with pytest.raises(Fault):
        make(bridge(hopeless), retry=QUICK).sync_lead(LeadRecord(id=1141))
    assert hopeless.paths.count("leads.json") == QUICK.attempts


@pytest.mark.parametrize(
    ("code", "kind"), [("608", Fault), ("606", LimitFault), ("607", LimitFault), ("615", LimitFault)]
)
def test_a_refusal_that_did_nothing_is_known_to_have_done_nothing(make: Make, code: str, kind: type[Fault]) -> None:
    with pytest.raises(kind) as raised:
        make(bridge(Rest(error_body(code))), retry=ONCE).sync_lead(KEY_ALONE)
    assert not raised.value.fate_unknown
    assert not isinstance(raised.value, AmbiguousError)
    assert raised.value.rest is not None
    assert raised.value.rest.code == code


def test_a_call_that_was_never_sent_is_a_transport_error(make: Make) -> None:
    rest = Rest(httpx.ConnectError("refused"))
    with pytest.raises(TransportError) as raised:
        make(bridge(rest), retry=QUICK).sync_lead(KEY_ALONE)
    assert not isinstance(raised.value, AmbiguousError)
    assert rest.paths.count("leads.json") == QUICK.attempts
    assert isinstance(raised.value.__cause__, httpx.ConnectError)


TROUBLE = [httpx.ConnectError("refused"), error_body("603"), httpx.ReadTimeout("late")]


@pytest.mark.parametrize("trouble", TROUBLE)
def test_leads_that_were_written_are_reported_when_a_later_call_fails(make: Make, trouble: str | Exception) -> None:
    leads = [LeadRecord(id=1141), LeadRecord(email="t@t.com")]
    result = make(bridge(Rest(UPDATED, trouble)), retry=ONCE).call(SyncMultipleLeads(leads))
    assert [str(each.status) for each in result.sync_statuses] == ["UPDATED", "FAILED"]
    unknown = isinstance(trouble, httpx.ReadTimeout)
    assert ("outcome is unknown" in (result.sync_statuses[1].error or "")) == unknown


def test_a_refusal_after_a_lost_answer_says_so_in_the_status(make: Make) -> None:
    leads = [LeadRecord(email="t@t.com"), LeadRecord(id=1141)]
    rest = Rest(UPDATED, httpx.ReadTimeout("late"), error_body("603"))
    result = make(bridge(rest), retry=QUICK).call(SyncMultipleLeads(leads))
    assert [SyncMultipleLeads.is_unknown(each) for each in result.sync_statuses] == [False, True]


def test_a_spent_quota_after_a_lost_answer_says_so_in_the_status() -> None:
    outcome = as_fault(final_error(fault(20015), doubt=True))
    assert SyncMultipleLeads.is_unknown(SyncStatus(0, *status_of(outcome, "UPSERT")))


COST = TypeAttrib("Cost", {"Month": "2013-08-01", "Amount": "1"})
IN_PARTS: list[tuple[Operation[Any], str]] = [
    (RequestCampaign("MKTOWS", tuple(LeadKey("IDNUM", str(each)) for each in range(1, 102)), campaign_id=7), DONE),
    (MergeLeads({"IDNUM": "1000"}, [{"IDNUM": str(each)} for each in range(1, 27)]), DONE),
    (SyncMObjects([MObject("Program", each, type_attribs=(COST,)) for each in (1, 2)], "UPDATE"), DONE),
    (SyncMultipleLeads([LeadRecord(email=f"{each}@t.com", attributes={"Email": "new@t.com"}) for each in "ab"]), CREATED),
]  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize(("operation", "written"), IN_PARTS, ids=lambda each: getattr(each, "name", ""))
def test_a_call_that_was_carried_out_in_part_does_not_look_as_if_it_was_not_sent(
    operation: Operation[Any], written: str, trouble: str | Exception
) -> None:
    answers = [written, trouble]
    writes: list[httpx.Request] = []

    def rest(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return Rest(NONE)(request)
        writes.append(request)
        return Rest(answers[len(writes) - 1])(request)

    outcome = bridge(rest).answer(Request(operation, None, None), terms=Terms(ONCE, None)).answer.outcome
    assert len(writes) == 2
    if isinstance(outcome, Fault):
        assert outcome.fate_unknown
    else:
        statuses = outcome.m_obj_statuses if isinstance(operation, SyncMObjects) else outcome.sync_statuses
        assert [str(each.status) for each in statuses][1] == "FAILED"


def test_what_is_not_set_up_is_named(make: Make) -> None:
    rest = Rest()
    with pytest.raises(BridgeConfigurationError, match="workspace_partitions") as raised:
        make(bridge(rest)).sync_lead(KEY_ALONE, target_workspace="Mars")
    assert rest.seen == []
    assert raised.value.exchange is not None
    assert pickle.loads(pickle.dumps(raised.value)).setting == "workspace_partitions"


def test_a_server_turns_what_is_raised_into_faults() -> None:
    not_set_up = as_fault(BridgeConfigurationError("name it", setting="x"))
    not_sent, unknown = as_fault(TransportError("not sent")), as_fault(AmbiguousError("lost"))
    assert [(each.code, each.fate_unknown) for each in (not_set_up, not_sent, unknown)] == [
        (20019, False),
        (20011, False),
        (20011, True),
    ]


def test_a_broken_request_is_answered_as_a_service_does() -> None:
    over = bridge(Rest())
    for data, code in [(b"<html/>", 20012), (signed(SEED, CREDENTIALS, NOW).replace(b"SyncLead", b"Nothing"), 20019)]:
        served = over.answer(data)
        assert served.answer.status == 500
        assert served.answer.outcome.code == code
        assert service.respond(data, over).outcome.code == code  # type: ignore[arg-type]


def test_a_servers_callers_may_be_checked() -> None:
    def nobody(header: object) -> None:
        raise fault(20014)

    rest = Rest()
    data = signed(SEED, CREDENTIALS, NOW)
    assert bridge(rest).answer(data, authenticate=nobody).answer.outcome.code == 20014
    assert asyncio.run(bridge(rest).answer_async(data, authenticate=nobody)).answer.outcome.code == 20014
    assert rest.seen == []
    assert bridge(rest).answer(data).answer.status == 200


def test_replies_are_bounded_and_decompressed(make: Make) -> None:
    def packed(request: httpx.Request) -> httpx.Response:
        if "describe" in request.url.path:
            body = gzip.compress(b" " * 100_000 + DESCRIBED.encode())
            return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(body))
        return Rest()(request)

    assert make(bridge(packed)).sync_lead(LEAD).lead_id == 1141
    with pytest.raises(Fault) as raised:
        make(bridge(packed, max_response_bytes=50_000), retry=ONCE).sync_lead(LEAD)
    assert (raised.value.code, raised.value.fate_unknown) == (20011, False)


# -- what is shared -----------------------------------------------------------------------------------


class Busy(Rest):
    """One that takes its time, and knows how many calls it has at once."""

    def __init__(self, *leads: str | int | Exception) -> None:
        super().__init__(*leads)
        self.now, self.most, self.lock = 0, 0, threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            self.now += 1
            if request.url.path.endswith("leads.json"):
                self.most = max(self.most, self.now)
        time.sleep(0.005)
        try:
            return super().__call__(request)
        finally:
            with self.lock:
                self.now -= 1


def test_threads_and_tasks_share_one_token_and_one_describe() -> None:
    rest = Busy()
    over = bridge(rest)

    async def tasks() -> None:
        async with AsyncClient(transport=over) as client:
            await asyncio.gather(*(client.sync_lead(lead(number)) for number in range(5)))

    def lead(number: int) -> LeadRecord:
        return LeadRecord(email=f"t{number}@t.com", attributes={"FirstName": "George"})

    with Client(transport=over) as client, ThreadPoolExecutor(6) as pool:
        calls: list[Any] = [pool.submit(client.sync_lead, lead(number)) for number in range(5)]
        for done in [*calls, pool.submit(asyncio.run, tasks())]:
            done.result(30)
    assert rest.paths.count("token") == 1
    assert rest.paths.count("describe.json") == 1
    assert rest.paths.count("leads.json") == 10


@pytest.mark.parametrize(("emails", "most"), [(["t@t.com", "T@t.com"], 1), (["a@t.com", "b@t.com"], 2)])
def test_calls_for_one_key_go_one_after_the_other(emails: list[str], most: int) -> None:
    together = threading.Barrier(2)
    rest = Busy()

    def meeting(request: httpx.Request) -> httpx.Response:
        if most == 2 and request.url.path.endswith("leads.json"):
            together.wait(10)
        return rest(request)

    with Client(transport=bridge(meeting)) as client, ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(client.sync_lead, LeadRecord(email=emails[n % 2])) for n in range(2 * most)]:
            done.result(30)
    assert rest.most <= most


def test_a_cancelled_call_lets_go_of_everything() -> None:
    async def main() -> None:
        slow = asyncio.Event()

        async def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("leads.json") and not slow.is_set():
                slow.set()
                await asyncio.sleep(60)
            return Rest()(request)

        limiter = InProcessLimiter(Limits(at_once=1))
        over = RestBridge(BASE, "a", "b", transport=httpx.MockTransport(answer), limiter=limiter)
        async with AsyncClient(transport=over) as client:
            call = asyncio.create_task(client.sync_lead(KEY_ALONE))
            await slow.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert limiter.in_progress == 0
            await asyncio.wait_for(client.sync_lead(KEY_ALONE), 10)

    asyncio.run(main())


def test_limits_count_calls_of_rest_but_not_tokens(make: Make) -> None:
    limiter = InProcessLimiter(Limits(per_day=3))
    client = make(bridge(Rest(), limiter=limiter))
    client.sync_lead(LEAD)  # describe and leads
    client.sync_lead(LEAD)
    with pytest.raises(LimitFault) as raised:
        client.sync_lead(LEAD)
    assert (raised.value.code, raised.value.fate_unknown) == (20015, False)
    assert raised.value.retry_at is not None
    assert limiter.in_progress == 0


class LateLimiter:
    """Gives its second permit too late."""

    def __init__(self) -> None:
        self.given = self.returned = 0

    def acquire(self, timeout: float | None = None) -> None:
        self.given += 1
        time.sleep(0.5 if self.given == 2 else 0.0)

    async def acquire_async(self, timeout: float | None = None) -> None:
        self.acquire(timeout)

    def release(self) -> None:
        self.returned += 1


def test_leave_that_is_not_used_is_given_back() -> None:
    limiter = LateLimiter()
    settings = BridgeSettings(on_associate_error="warn", field_sources=("standard",))
    over = bridge(Rest(), limiter=limiter, settings=settings)
    operation = SyncLead(KEY_ALONE, return_lead=True, marketo_cookie=COOKIE)
    served = over.answer(signed(operation, CREDENTIALS, NOW), terms=Terms(RetryPolicy(deadline=0.4), None))
    assert served.answer.outcome.lead_id == 1141
    assert len(served.notes) == 2
    assert limiter.given == limiter.returned == 3


def test_leave_is_for_one_call_of_rest_and_no_longer(make: Make) -> None:
    limiter = InProcessLimiter(Limits(at_once=1))
    in_between: list[int] = []
    refused = error_body("1021")
    over = bridge(
        Rest(refused, CREATED),
        limiter=limiter,
        settings=BridgeSettings(drop_company_fields=True),
        on_warning=lambda _: in_between.append(limiter.in_progress),
    )
    make(over).sync_lead(LeadRecord(email="t@t.com", attributes={"Company": "ACME"}))
    assert in_between == [0]


def test_time_that_runs_out_in_the_queue_for_a_lead_is_known_to_have_sent_nothing(make: Make) -> None:
    rest = Rest()
    over = bridge(rest)
    held = over._locks.acquire(frozenset({"email:t@t.com"}))
    with pytest.raises(TransportError, match="other calls for the same") as raised:
        make(over, retry=RetryPolicy(deadline=1.0)).sync_lead(KEY_ALONE)
    assert not raised.value.fate_unknown
    assert rest.seen == []
    over._locks.release(held)


def test_the_vendors_limits_are_shared_by_all_bridges_to_one_instance() -> None:
    first, second = (RestBridge(base, "a", "b") for base in (BASE, f"{BASE.lower()}/rest"))
    assert first._limiter is second._limiter is not None
    assert first._locks is second._locks
    assert first._limiter is not RestBridge("https://other.mktorest.com", "a", "b")._limiter
    assert RestBridge("http://localhost:1", "a", "b")._limiter is None
    assert bridge(Rest())._limiter is None
    assert bridge(Rest())._locks is not bridge(Rest())._locks
    assert bridge(Rest(), locks=first._locks)._locks is first._locks
    assert RestBridge(BASE, "a", "b", transport=httpx.HTTPTransport())._limiter is first._limiter


def test_warnings_are_told_logged_and_shown(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    warnings: list[str] = []
    client = make(bridge(Rest(), on_warning=warnings.append))
    client.sync_lead(LeadRecord(email="t@t.com", attributes={"Last_Seen__c": "2013-08-05 12:00"}))
    assert "'Last_Seen__c' has no offset" in warnings[0]
    assert ("x-bridge-warning", warnings[0]) in client.last_exchange.response_headers
    assert [record.message for record in caplog.records if record.name == "marketo_soap.bridge"] == warnings


def test_a_listener_that_fails_does_not_hide_that_the_lead_was_written(make: Make) -> None:
    def broken(text: str) -> None:
        raise RuntimeError(text)

    lead = LeadRecord(email="t@t.com", attributes={"Last_Seen__c": "2013-08-05 12:00"})
    assert make(bridge(Rest(), on_warning=broken)).sync_lead(lead).lead_id == 1141


def test_secrets_are_in_no_log_and_no_error(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    over = bridge(Rest(CREATED, httpx.ReadTimeout("late")))
    client = make(over, retry=ONCE)
    client.sync_lead(LEAD, marketo_cookie=COOKIE)
    with pytest.raises(Fault) as raised:
        client.sync_lead(LEAD, marketo_cookie=COOKIE)
    shown = f"{caplog.text}{raised.value}{raised.value!r}{over!r}{client.last_exchange}"
    for secret in ("the-secret", "tok-1", "_mch", "t@t.com", "George"):
        assert secret not in shown


def test_a_closed_client_leaves_the_bridge_to_the_others(make: Make) -> None:
    over = bridge(Rest())
    with Client(transport=over) as client:
        client.sync_lead(LEAD)
    assert make(over).sync_lead(LEAD).lead_id == 1141


def test_a_closed_client_does_not_cut_off_the_calls_of_others() -> None:
    begun, closed = threading.Event(), threading.Event()

    def slow(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("leads.json"):
            begun.set()
            assert closed.wait(10)
        return Rest()(request)

    over = bridge(slow)
    with ThreadPoolExecutor(1) as pool, Client(transport=over) as client:
        call = pool.submit(client.sync_lead, KEY_ALONE)
        assert begun.wait(10)
        Client(transport=over).close()
        assert over._connections._http is not None
        closed.set()
        assert call.result(10).lead_id == 1141
    assert over._connections._http is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_begins_anew() -> None:
    over = bridge(Rest())
    held = over._locks.acquire(frozenset({"email:t@t.com"}))
    child = os.fork()
    if child == 0:
        lead_id = None
        with suppress(BaseException), Client(transport=over, retry=RetryPolicy(deadline=5.0)) as client:
            lead_id = client.sync_lead(KEY_ALONE).lead_id
        os._exit(lead_id != 1141)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    over._locks.release(held)


@pytest.mark.parametrize("sources", [("file", "standard"), ("file", "describe")])
def test_fields_may_come_from_a_file(tmp_path: Path, sources: Any) -> None:
    path = tmp_path / "describe.json"
    path.write_text(DESCRIBED)
    rest = Rest()
    settings = BridgeSettings(field_sources=sources, describe_file=str(path))
    with Client(transport=bridge(rest, settings=settings)) as client:
        client.sync_lead(LeadRecord(email="t@t.com", attributes={"erpNumber": 5}))
    assert rest.paths == ["token", "leads.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"result":5}', '{"result":[]}', "[" * 100_000])
def test_a_file_that_describes_nothing_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "describe.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="describe_file"):
        bridge(Rest(), settings=BridgeSettings(describe_file=str(path)))


def test_the_environment_may_name_an_instance() -> None:
    environ = {
        "MARKETO_REST_ENDPOINT": f"{BASE}/rest",
        "MARKETO_REST_CLIENT_ID": "a",
        "MARKETO_REST_CLIENT_SECRET": "b",
    }
    with Client.from_env(environ) as client:
        assert client.endpoint == RestBridge.endpoint
    assert AsyncClient.from_env(environ).endpoint == RestBridge.endpoint
    soap = {
        "MARKETO_SOAP_ENDPOINT": "https://x.mktoapi.com/soap",
        "MARKETO_SOAP_USER_ID": "u",
        "MARKETO_SOAP_ENCRYPTION_KEY": "k",
    }
    with Client.from_env({**environ, **soap}) as client:
        assert client.endpoint == "https://x.mktoapi.com/soap"
    with Client.from_env(environ, transport=bridge(Rest(), "https://mine.example")) as client:
        assert client.sync_lead(KEY_ALONE).lead_id == 1141
    with pytest.raises(ValueError, match=r"MARKETO_SOAP_USER_ID.*MARKETO_REST_CLIENT_SECRET"):
        Client.from_env({"MARKETO_REST_ENDPOINT": BASE})


def test_other_readers_of_the_fault_are_not_disturbed() -> None:
    refused = fault(20103, "Lead not found")
    plain = envelope.write_reply(type(SEED), refused)
    refused.rest = RestError("1004", "secret\x00", None, None)
    with_rest = envelope.write_reply(type(SEED), refused)
    read = envelope.read(with_rest)
    assert isinstance(read, Fault)
    assert (read.code, read.message, read.name) == (20103, refused.message, "mktServiceException")
    assert read.rest == RestError("1004", "secret\ufffd", None, None)
    assert "secret" not in repr(read.rest)
    assert plain.split(b"</ns1:serviceException>")[0] == with_rest.split(b"</ns1:serviceException>")[0]
    assert envelope.read(plain).rest is None  # type: ignore[union-attr]
    ours = '<r:error xmlns:r="urn:marketo-soap:rest"><code>20101</code><message>secret</message></r:error>'
    alone = envelope.read(faulted(f"<faultstring>20103 - Gone</faultstring><detail>{ours}</detail>"))
    assert isinstance(alone, Fault)
    assert (alone.code, alone.message) == (20103, "Gone")


# -- real sockets -------------------------------------------------------------------------------------


DRIP = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20


@contextmanager
def served(answer: Callable[[bytes], bytes | None]) -> Iterator[str]:
    """A server of one connection a request: `answer` gives the bytes, None hangs, b"" hangs up, DRIP drips."""
    listener = socket.create_server(("127.0.0.1", 0))
    hanging: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            reply = answer(data)
            if reply is None:
                hanging.append(connection)
                continue
            with suppress(OSError):
                for piece in [reply] if reply != DRIP else [b"%c" % byte for byte in DRIP]:
                    connection.sendall(piece)
                    time.sleep(0.05 if reply == DRIP else 0)
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for connection in hanging:
            connection.close()


def http(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


@pytest.mark.parametrize("trouble", [None, b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"])
@pytest.mark.parametrize(("lead", "again"), [(KEY_ALONE, False), (LeadRecord(id=1141), True)])
def test_connections_that_break(make: Make, trouble: bytes | None, lead: LeadRecord, again: bool) -> None:
    seen: list[bytes] = []

    def answer(request: bytes) -> bytes | None:
        seen.append(request.partition(b" HTTP")[0])
        if b"/identity/" in request:
            return http(TOKEN)
        return trouble if len(seen) == 2 else http(UPDATED)

    with served(answer) as base:
        client = make(RestBridge(base, "a", "b"), timeout=0.3, retry=RetryPolicy(pause=0.0, deadline=20.0))
        if again:
            assert client.sync_lead(lead).lead_id == 1141
        else:
            with pytest.raises(AmbiguousFault):
                client.sync_lead(lead)
        client._do(client.client.close())
    assert len(seen) == (3 if again else 2)


@pytest.mark.parametrize("trouble", [None, DRIP])
def test_the_callers_deadline_holds(make: Make, trouble: bytes | None) -> None:
    with served(lambda request: http(TOKEN) if b"/identity/" in request else trouble) as base:
        client = make(RestBridge(base, "a", "b"), retry=RetryPolicy(deadline=1.0))
        begun = time.monotonic()
        with pytest.raises(AmbiguousError) as raised:
            client.sync_lead(KEY_ALONE)
        assert time.monotonic() - begun < 5
        assert raised.value.fate_unknown
        client._do(client.client.close())


def test_nobody_there_is_a_transport_error(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = make(RestBridge(f"http://127.0.0.1:{port}", "a", "b"), retry=QUICK)
    with pytest.raises(TransportError) as raised:
        client.sync_lead(KEY_ALONE)
    assert not raised.value.fate_unknown
    assert raised.value.__cause__ is not None


def test_pools_of_event_loops_that_have_ended_go() -> None:
    over = bridge(Rest())

    async def once() -> None:
        async with AsyncClient(transport=over) as client:
            await client.sync_lead(LEAD)

    over._busy[None] += 1  # somebody else is busy all the time
    for _ in range(5):
        asyncio.run(once())
    assert len(over._connections._async_http) <= 1


def test_bridges_beside_each_other_share_token_and_locks() -> None:
    rest = Rest()
    first = bridge(rest)
    second = bridge(rest, share_with=first, settings=BridgeSettings(on_duplicate="most_recent"))
    for over in (first, second):
        with Client(transport=over) as client:
            client.sync_lead(LEAD)
    assert rest.paths.count("token") == 1
    assert second._locks is first._locks
