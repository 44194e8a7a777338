"""Calls through a gateway's process: what callers receive, and what they are not allowed to do."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest

from marketo_soap import (
    Attrib,
    Credentials,
    ImportToList,
    LeadRecord,
    MObject,
    Operation,
    SyncMObjects,
    envelope,
    signature,
)
from tests.gateway.support import KEYS, PATIENCE, Served, held, outcome, signed
from tests.peers.test_peers import call_zeep, php, values
from tests.redis.support import until


def peer_call(email: str, key: str = KEYS["KEY_0"], **more: str) -> dict[str, Any]:
    attributes = {"attribute": [{"attrName": "FirstName", "attrValue": "Zoé <&>"}]}
    params = {"leadRecord": {"Email": email, "leadAttributeList": attributes}, "returnLead": True}
    return {"userId": "user_0_0123456789", "encryptionKey": key, "operation": "syncLead", "params": params, **more}


@pytest.mark.parametrize("peer", [php, lambda: call_zeep], ids=["PHP SoapClient", "zeep"])
def test_other_peoples_clients_need_nothing_but_the_address(
    gateway: Served, peer: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    email = f"{request.node.callspec.id.split()[0].lower()}@jungle.example"
    made, wrong, old = peer()(
        gateway.url,
        [peer_call(email), peer_call(email, "wrong"), peer_call(email, timestamp="2013-07-31T12:38:47-07:00")],
    )
    assert made["syncStatus"]["status"] == "CREATED"
    assert values(made)["FirstName"] == "Zoé <&>"
    assert [str(fault["exception"]["code"]) for fault in (wrong, old)] == ["20014", "20016"]
    (lead,) = [lead for lead in gateway.sandbox.leads() if lead.email == email]
    assert (lead.id, lead.get("FirstName")) == (made["leadId"], "Zoé <&>")


@pytest.mark.parametrize(
    ("operation", "right", "wrong", "code"),
    [
        (SyncMObjects([MObject("Opportunity", external_key=Attrib("K", "1"))], "UPSERT"), "Opportunity", "Road", 20110),
        (SyncMObjects([MObject("Opportunity", external_key=Attrib("K", "1"))], "UPSERT"), "UPSERT", "DELETE", 20110),
        (ImportToList("P", "Email Address", ["a@t.com"], "UPSERTLEADS", "L"), "UPSERTLEADS", "UPDATE", 20110),
        (ImportToList("P", "Email Address", ["a@t.com"], "UPSERTLEADS", "L"), "Email Address", "Notes", 20109),
    ],
)
def test_a_call_that_breaks_a_rule_is_refused_before_rest(
    gateway: Served, operation: Operation[Any], right: str, wrong: str, code: int
) -> None:
    header = signature.sign(Credentials("user_0_0123456789", KEYS["KEY_0"]), signature.timestamp(datetime.now(UTC)))
    body = envelope.request(operation, header)
    assert body.count(f">{right}<".encode()) == 1
    before = len(gateway.log())
    assert outcome(gateway.post(body.replace(f">{right}<".encode(), f">{wrong}<".encode()))) == str(code)
    (record,) = gateway.log()[before:]
    assert record["rest_calls"] == 0


def test_any_version_is_answered_and_tells_its_own_address(gateway: Served) -> None:
    other = gateway.url.replace("2_2", "3_1")
    assert outcome(httpx.post(other, content=signed(), headers={"Content-Type": "text/xml"})) in ("CREATED", "UPDATED")
    document = httpx.get(f"{other}?WSDL", headers={"Host": "soap.example.com:8443"})
    assert document.headers["content-type"] == "text/xml; charset=UTF-8"
    assert 'location="http://soap.example.com:8443/soap/mktows/3_1"' in document.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/", 404),
        ("POST", "/soap/mktows/", 404),
        ("POST", "/rest/v1/leads.json", 404),
        ("POST", "/metrics", 404),
        ("GET", "/soap/mktows/2_2", 405),
        ("PUT", "/soap/mktows/2_2", 405),
    ],
)
def test_there_is_nothing_else(gateway: Served, method: str, path: str, status: int) -> None:
    assert gateway.http.request(method, gateway.admin + path).status_code == status


@pytest.mark.parametrize(
    ("made", "headers", "code"),  # made when its turn has come: signatures age
    [
        (lambda: b"", {}, "20012"),
        (lambda: b"<broken", {}, "20012"),
        (lambda: b"\x00\xff" * 100, {}, "20012"),
        (lambda: b'<!DOCTYPE a [<!ENTITY b "c">]>' + signed(), {}, "20012"),
        (lambda: signed().replace(b"paramsSyncLead", b"paramsGetWeather"), {}, "20019"),
        (lambda: signed().replace(b"AuthenticationHeader", b"OtherHeader"), {}, "20014"),
        (lambda: signed(), {"Content-Type": "application/json"}, "20012"),
        (lambda: signed(), {"Content-Encoding": "br"}, "20012"),
        (lambda: gzip.compress(b" " * 200_000), {"Content-Encoding": "gzip"}, "20012"),
        (lambda: b" " * 100_001, {}, "20012"),
        (lambda: signed(key="wrong"), {}, "20014"),
        (lambda: signed(user="nobody_1"), {}, "20014"),
        (lambda: signed(1, key=KEYS["KEY_0"]), {}, "20014"),
        (lambda: signed(seconds=-1000), {}, "20016"),
        (lambda: signed(seconds=1000), {}, "20016"),
        (lambda: signed(6, seconds=-100), {}, "20016"),
        (lambda: signed(5), {}, "20013"),
        (lambda: signed(lead=LeadRecord(id=99999)), {}, "20103"),
        (lambda: signed(lead=LeadRecord(email="t@t.com", attributes={"Nope": "1"})), {}, "20105"),
        (lambda: signed(lead=LeadRecord(foreign_sys_person_id="1", foreign_sys_type="SFDC")), {}, "20019"),
    ],
    ids=count(),
)
def test_whatever_is_wrong_is_a_fault(
    gateway: Served, made: Callable[[], bytes], headers: dict[str, str], code: str
) -> None:
    before = len(gateway.sandbox.leads())
    response = gateway.post(made(), **headers)
    assert outcome(response) == code
    assert response.status_code == (413 if b"bytes long" in response.content else 500)
    assert len(gateway.sandbox.leads()) == before


def test_times_within_the_window_are_good(gateway: Served) -> None:
    assert {gateway.call(seconds=seconds) for seconds in (-800, 800)} <= {"CREATED", "UPDATED"}
    assert gateway.call(6, seconds=-40) in ("CREATED", "UPDATED")


def test_an_unknown_user_learns_no_more_than_a_wrong_signature(gateway: Served) -> None:
    wrong, unknown = gateway.post(signed(key="wrong")), gateway.post(signed(user="nobody_1"))
    assert wrong.content == unknown.content


def test_compressed_requests_are_read(gateway: Served) -> None:
    response = gateway.post(gzip.compress(signed()), **{"Content-Encoding": "gzip"})
    assert outcome(response) in ("CREATED", "UPDATED")


@pytest.mark.parametrize(("caller", "refused"), [(4, [1, 3]), (8, [1, 2, 3])], ids=["request", "signature"])
def test_a_replay_is_refused_where_told_to(gateway: Served, caller: int, refused: list[int]) -> None:
    body = signed(caller)
    other = body.replace(b"George", b"Ursula")
    assert other != body
    verdicts = [outcome(gateway.post(each)) for each in (body, body, other, other)]
    assert [number for number, verdict in enumerate(verdicts) if verdict == "20016"] == refused
    assert {verdicts[number] for number in range(4) if number not in refused} <= {"CREATED", "UPDATED"}
    assert gateway.call(caller, seconds=1) == "UPDATED"


def test_repeats_are_answered_unless_told_otherwise(gateway: Served) -> None:
    repeated = signed(0)
    assert [outcome(gateway.post(repeated)) for _ in range(2)] == ["UPDATED", "UPDATED"]


def test_each_caller_has_limits_of_its_own(gateway: Served) -> None:
    assert [gateway.call(1) for _ in range(3)][2] == "20023"
    assert [gateway.call(3) for _ in range(2)][1] == "20015"
    with ThreadPoolExecutor(1) as pool, held(gateway.sandbox) as waiting:
        first = pool.submit(gateway.call, 2)
        until(lambda: waiting)
        assert gateway.call(2) == "20024"
    assert first.result() in ("CREATED", "UPDATED")
    assert gateway.call(2) == "UPDATED"


def test_each_caller_has_a_bridge_of_its_own(gateway: Served) -> None:
    lead = LeadRecord(foreign_sys_person_id="E7", foreign_sys_type="CUSTOM")
    assert [gateway.call(7, lead) for _ in range(2)] == ["CREATED", "UPDATED"]
    assert gateway.call(0, lead) == "20019"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"rest": "611"}, "20011"),
        ({"rest": "603"}, "20013"),
        ({"rest": "607"}, "20015"),
        ({"rest": "1003", "operation": "syncLeads"}, "20106"),
        ({"close": "before"}, "20011"),
        ({"html": True}, "20011"),
        ({"body": "}{", "status": 200}, "20011"),
    ],
)
def test_trouble_with_rest_is_a_fault(gateway: Served, rule: dict[str, Any], code: str) -> None:
    gateway.call()  # what every call needs is known
    gateway.sandbox.fail(times=3, **rule)
    try:
        lead = LeadRecord(id=int(gateway.sandbox.leads()[0].id or 0), attributes={"FirstName": "G"})
        assert gateway.call(lead=lead) == code
        assert gateway.log()[-1]["verdict"] == code
        assert gateway.log()[-1]["rest_code"] == rule.get("rest")
    finally:
        gateway.sandbox.script.clear()
    assert gateway.call() == "UPDATED"


def test_who_writes_too_slowly_is_not_waited_for(gateway: Served) -> None:
    host, _, port = gateway.admin.removeprefix("http://").partition(":")
    head = b"POST /soap/mktows/2_2 HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n"
    begun = time.monotonic()
    connections = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(4)]
    for connection, data in zip(connections, (b"", b"POST /soap", head, head + b"\r\n<a>"), strict=True):
        connection.sendall(data)
    for _ in range(3):
        time.sleep(0.2)
        for connection in connections[1:]:
            with suppress(ConnectionError):  # on a slow machine the time is over
                connection.sendall(b"a")
    answers = []
    for connection in connections:
        with connection:
            answers.append(connection.makefile("rb").read())
    assert time.monotonic() - begun < PATIENCE / 2
    assert answers[:3] == [b"", b"", b""]
    assert answers[3].startswith(b"HTTP/1.1 408 ")
    assert b"<code>20012</code>" in answers[3]
    assert gateway.call() in ("CREATED", "UPDATED")


def test_a_write_is_finished_once_though_its_caller_hung_up(gateway: Served) -> None:
    lead = LeadRecord(email="hung-up@jungle.example", attributes={"FirstName": "Gone"})
    gateway.sandbox.fail(delay=0.5, operation="syncLeads", email="hung-up@jungle.example")
    calls = len(gateway.log())
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(gateway.url, content=signed(0, lead), headers={"Content-Type": "text/xml"}, timeout=0.2)
    until(lambda: len(gateway.log()) > calls)
    assert gateway.log()[-1]["verdict"] == "CREATED"
    assert [lead.email for lead in gateway.sandbox.leads()].count("hung-up@jungle.example") == 1
    assert gateway.metrics()["marketo_gateway_calls_in_progress"] == 0


def test_health_and_metrics_are_for_this_machine(gateway: Served) -> None:
    for path in ("/healthz", "/readyz"):
        assert gateway.http.get(gateway.admin + path).json() == {"status": "ok"}
    for name in ("X-Forwarded-For", "Forwarded", "Via"):
        for path in ("/healthz", "/readyz", "/metrics"):
            assert gateway.http.get(gateway.admin + path, headers={name: "127.0.0.1"}).status_code == 404


def test_the_numbers_add_up(gateway: Served) -> None:
    before = gateway.metrics()
    assert gateway.call() in ("CREATED", "UPDATED")
    assert gateway.call(key="wrong") == "20014"
    after = gateway.metrics()

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    name = "marketo_gateway_calls_total"
    ours = {"caller-0", "unknown"}
    assert sum(grown(each) for each in after if each.startswith(name) and any(who in each for who in ours)) == 2
    assert grown(f'{name}{{caller="unknown",operation="syncLead",outcome="fault"}}') == 1
    assert grown('marketo_gateway_faults_total{code="20014"}') == 1
    assert grown("marketo_gateway_call_seconds_count") == 2
    assert grown('marketo_gateway_rest_calls_total{instance="main"}') >= 1
    assert (
        after['marketo_gateway_rest_quota_used{instance="main"}']
        <= after['marketo_gateway_rest_quota_limit{instance="main"}']
    )


def test_the_access_log_tells_what_happened_and_nothing_private(gateway: Served) -> None:
    lead = LeadRecord(email="secret.person@private.example", attributes={"FirstName": "Confidentia", "City": "Hidden"})
    body = signed(0, lead)
    gateway.call()  # the fields are known from now on
    gateway.post(body)
    gateway.post(signed(0, LeadRecord(id=77777, email="secret.person@private.example")))
    done, failed = gateway.log()[-2:]
    assert (done["caller"], done["operation"], done["verdict"], done["rest_calls"]) == (
        "caller-0",
        "syncLead",
        "CREATED",
        1,
    )
    assert (failed["verdict"], failed["rest_code"]) == ("20103", "1004")
    assert done["bytes_in"] == len(body)
    assert done["bytes_out"] > 0
    assert 0 < done["seconds"] < PATIENCE
    assert datetime.fromisoformat(done["time"]).tzinfo == UTC
    assert done["id"] != failed["id"]
    text = (gateway.folder / "access.log").read_text() + json.dumps(list(gateway.metrics()))
    private = ["@", "Confidentia", "Hidden", "user_0", *KEYS.values(), gateway.sandbox.settings.client_secret]
    signature_text = body.partition(b"<requestSignature>")[2].partition(b"<")[0].decode()
    assert len(signature_text) == 40
    assert not [word for word in [*private, signature_text] if word in text]


@pytest.mark.parametrize(
    ("signing", "caller", "says"),
    [
        ({"key": KEYS["KEY_1"]}, "caller-0", "fits no common mistake, so the key is probably another one"),
        ({"key": KEYS["KEY_0"].upper()}, "caller-0", "was made with the key in upper case"),
        ({"user": "nobody_1"}, "unknown", "of an unknown user"),
    ],
)
def test_a_wrong_signature_is_diagnosed_in_the_log(
    gateway: Served, signing: dict[str, Any], caller: str, says: str
) -> None:
    before = gateway.metrics()
    line: dict[str, Any] = {"signature": "one a second is diagnosed"}
    while "one a second" in line["signature"]:
        assert gateway.call(0, **signing) == "20014"
        line = gateway.log()[-1]
    assert (line["caller"], line["verdict"], line["signature"]) == (caller, "20014", says)
    grown = {name for name, value in gateway.metrics().items() if value != before.get(name)}
    assert not [name for name in grown if "caller-0" in name]  # a stranger can claim to be anybody
    assert gateway.call(0) in ("CREATED", "UPDATED")
    assert "signature" not in gateway.log()[-1]


def test_exchanges_of_known_callers_are_recorded_without_what_is_private(gateway: Served) -> None:
    assert gateway.call(0, LeadRecord(email="recorded@jungle.example")) == "CREATED"
    newest = max((gateway.folder / "records").iterdir())
    assert gateway.call(0, key="wrong") == "20014"
    assert max((gateway.folder / "records").iterdir()) == newest
    text = newest.read_text()
    (entry,) = json.loads(text)["log"]["entries"]
    assert (entry["_operation"], entry["response"]["status"]) == ("syncLead", 200)
    assert "<Email>[email-1]</Email>" in entry["request"]["postData"]["text"]
    for private in ("recorded@", "user_0_", KEYS["KEY_0"]):
        assert private not in text
    assert len(list((gateway.folder / "records").iterdir())) <= 20


@pytest.mark.parametrize("path", ["/soap/mktows/2_2", "/healthz"])
def test_a_request_of_two_lengths_is_refused_and_its_connection_closed(gateway: Served, path: str) -> None:
    host, _, port = gateway.admin.removeprefix("http://").partition(":")
    body = signed()
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n"
    request = f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(request + request)
        answer = connection.makefile("rb").read()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"<code>20012</code>" in answer or answer.startswith(b"HTTP/1.1 400 ")  # one reader of HTTP is stricter


def test_long_bodies_that_nobody_signed_keep_nobody_out(gateway: Served) -> None:
    host, _, port = gateway.admin.removeprefix("http://").partition(":")
    head = b"POST /soap/mktows/2_2 HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    idle = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(20)]
    for connection in idle:
        connection.sendall(head + b"%x\r\n%s\r\n" % (70_000, b"<a>".ljust(70_000)))
    time.sleep(0.2)
    notes = LeadRecord(email="long@jungle.example", attributes={"notes": "n" * 70_000})
    for key, expected in ((None, ("CREATED", "UPDATED")), ("wrong", ("20014",))):
        pieces = iter([signed(0, notes, key=key)])
        assert outcome(gateway.http.post(gateway.url, content=pieces, headers={"Content-Type": "text/xml"})) in expected
    for connection in idle:
        connection.close()
