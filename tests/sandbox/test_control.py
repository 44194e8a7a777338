"""The control surface, over a real socket and in process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from marketo_soap import Client, LeadRecord, Sandbox
from marketo_soap.sandbox.control import control
from marketo_soap.sandbox.messages import HttpAnswer, HttpRequest
from marketo_soap.sandbox.server import application
from marketo_soap.sandbox.settings import Settings
from tests.support import CREDENTIALS, NOW, SEED, signed


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with sandbox.serve() as url, httpx.Client(trust_env=False, base_url=httpx.URL(url).join("/_sandbox/")) as http:
        yield http


def ok(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()


def test_health(http: httpx.Client, sandbox: Sandbox) -> None:
    health = ok(http.get("health"))
    assert (health["status"], health["leads"]) == ("ok", 0)
    assert health["now"] == "2013-08-05T23:34:19+00:00"
    assert health["calls"] == {"in_progress": 0, "limits_used": None}


def test_leads_come_and_go(http: httpx.Client, client: Client) -> None:
    assert ok(http.post("seed", json=[{"email": "A@t.com", "attributes": {"City": "Rome"}}])) == {"added": 1}
    text = "Email,ForeignSysPersonId,ForeignSysType,marketoCookie,FirstName\nb@t.com,7,SFDC,c1 c2,\n"
    assert ok(http.post("seed", content=text, headers={"Content-Type": "text/csv"})) == {"added": 1}
    first, second = ok(http.get("leads"))
    assert (first["id"], first["email"], first["attributes"]) == (1000001, "A@t.com", {"City": "Rome"})
    assert (second["foreign_id"], second["cookies"], second["attributes"]) == ("7", ["c1", "c2"], {})
    assert ok(http.get("leads", params={"email": "a@t.com"})) == [first]
    assert ok(http.get("leads", params={"id": second["id"]})) == [second]
    assert client.sync_lead(LeadRecord(email="a@t.com")).lead_id == 1000001
    assert ok(http.post("reset"))["leads"] == 0


def test_every_table_comes_in_parts(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"email": f"{n}@t.com", "lists": [f"L{n}", "All"]} for n in range(3)])
    names = ["campaigns", "tags", "programs", "custom_object_types", "opportunities", "imports"]
    assert [ok(http.get(name)) for name in names] == [[]] * 6
    sandbox.seed([{"kind": "campaign", "name": f"C{n}"} for n in range(250)])
    every = ok(http.get("campaigns"))
    assert [row["name"] for row in every] == [f"C{n}" for n in range(250)]
    parts, last = [], 0
    while part := ok(http.get("campaigns", params={"limit": 100, "after": last})):
        parts += part
        last = part[-1]["id"]
    assert parts == every
    assert ok(http.post("reset"))["leads"] == 0
    assert ok(http.post("seed", json=every)) == {"added": 0}
    assert ok(http.get("campaigns")) == every


def test_rows_of_one_lead_and_members_of_a_list(http: httpx.Client, sandbox: Sandbox) -> None:
    visit = {"type": "Visit Webpage"}
    sandbox.seed([{"email": f"{n}@t.com", "lists": ["All"], "activities": [visit] * 3} for n in range(3)])
    (kept,) = ok(http.get("lists"))
    assert (kept["kind"], kept["name"]) == ("static_list", "All")
    members = ok(http.get("leads", params={"list": kept["id"], "limit": 2}))
    assert [lead["id"] for lead in members] == [1000001, 1000002]
    assert [lead["id"] for lead in ok(http.get(f"leads?list={kept['id']}&after=1000002"))] == [1000003]
    assert [row["id"] for row in ok(http.get("activities?lead=1000002"))] == [1004, 1005, 1006]
    assert [row["id"] for row in ok(http.get("activities?lead=1000002&limit=2&after=1004"))] == [1005, 1006]
    assert [row["lead"] for row in ok(http.get("activities?limit=2&after=1003"))] == ["1000002"] * 2
    role = {"kind": "opportunity_role", "opportunity_id": 1}
    sandbox.seed([{**role, "lead_id": 1000001}, {**role, "lead_id": 1000002}])
    assert [row["id"] for row in ok(http.get("opportunity_roles?lead=1000002"))] == [1002]


def test_the_documented_paths_are_those_that_there_are(sandbox: Sandbox) -> None:
    with sandbox.store.reading() as leads:
        assert [name for name in leads.shown if f"`{name}`" not in (control.__doc__ or "")] == []


def test_the_journal_is_read_and_cleared(http: httpx.Client, client: Client) -> None:
    for name in ("a", "b"):
        client.sync_lead(LeadRecord(email=f"{name}@t.com"))
    entries = ok(http.get("journal"))
    assert [entry["verdict"] for entry in entries] == ["CREATED", "CREATED"]
    assert entries[1]["changes"] == [{"field": "Email", "old": None, "new": "b@t.com"}]
    assert "<Email>b@t.com</Email>" in entries[1]["request"]
    assert ok(http.get("journal", params={"last": 1})) == entries[1:]
    assert ok(http.delete("journal")) == ok(http.get("journal")) == []


def test_the_fault_script_is_set(http: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    assert len(ok(http.post("faults", json={"fault": 20103}))) == 1
    assert len(ok(http.post("faults", json=[{"fault": 20103, "times": None}, {"delay": 1}]))) == 3
    assert ok(http.get("faults"))[1]["times"] is None
    assert ok(http.delete("faults")) == []
    client.sync_lead(LeadRecord(email="a@t.com"))


def test_the_clock_is_moved(http: httpx.Client, sandbox: Sandbox) -> None:
    assert ok(http.post("clock", json={"advance": 60})) == {"now": "2013-08-05T23:35:19+00:00"}
    assert ok(http.post("clock", json={"now": "2014-01-01T00:00:00+00:00"})) == {"now": "2014-01-01T00:00:00+00:00"}
    assert sandbox.now().year == 2014
    ok(http.post("reset"))
    assert ok(http.get("clock")) == {"now": "2013-08-05T23:34:19+00:00"}


def test_settings_are_changed_one_by_one(http: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    assert ok(http.patch("settings", json={"limits": {"calls": 1}, "access": True}))["limits"]["calls"] == 1
    sandbox.fail(fault=20103, times=None)
    assert ok(http.patch("settings", json={"custom_fields": {"X": "string"}}))["limits"]["calls"] == 1
    assert len(ok(http.get("faults"))) == 1
    assert ok(http.get("health"))["calls"]["limits_used"] == {"calls": 0, "per_day": 0}
    ok(http.post("reset"))
    assert ok(http.get("settings"))["limits"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "nothing", b"", 404, "there is health, leads"),
        ("PUT", "leads", b"", 405, "only GET"),
        ("POST", "seed", b"{", 400, "not JSON"),
        ("POST", "seed", b"{}", 400, "a JSON list of objects"),
        ("POST", "seed", b'[{"mail": "x"}]', 400, "lead 1: 'mail' is unknown"),
        ("POST", "seed", b'[{"email": "x"}, {"foreign_type": "SAP"}]', 400, "lead 2: ForeignSysType"),
        ("POST", "faults", b'{"falt": 1}', 400, "falt is unknown"),
        ("POST", "clock", b'{"now": "2014-01-01T00:00:00"}', 400, "needs an offset"),
        ("POST", "clock", b'{"now": "later"}', 400, "Invalid isoformat"),
        ("POST", "clock", b"[]", 400, "the clock takes"),
        ("PATCH", "settings", b'{"limits": 7}', 400, "limits: a table"),
        ("PATCH", "settings", b'{"control_token": "x"}', 400, "control_token is set where"),
        ("PATCH", "settings", b"[]", 400, "a JSON object"),
        ("GET", "nothing", b"", 404, "campaigns, requested_campaigns"),
        ("POST", "campaigns", b"", 405, "only GET"),
        ("GET", "campaigns?limit=1001", b"", 400, "limit is between 1 and 1000"),
        ("GET", "campaigns?after=x", b"", 400, "invalid literal"),
        ("GET", "campaigns?lead=1", b"", 400, "campaigns are not of leads"),
        ("GET", f"activities?after={10**30}", b"", 400, "too large"),
        ("GET", "journal?last=x", b"", 400, "invalid literal"),
    ],
)
def test_wrong_requests_say_why(
    http: httpx.Client, sandbox: Sandbox, method: str, path: str, body: bytes, status: int, says: str
) -> None:
    response = http.request(method, path, content=body)
    assert (response.status_code, says in response.json()["error"]) == (status, True), response.text
    assert sandbox.leads() == []


def test_nobody_else_is_let_in(sandbox: Sandbox) -> None:
    def ask(peer: str, path: str = "health", host: str = "127.0.0.1:80", **headers: str) -> HttpAnswer:
        request = HttpRequest("GET", "http", f"/_sandbox/{path}", "", {"host": host, **headers}, b"", peer)
        return control(sandbox, request)

    def status(*args: str, **headers: str) -> int:
        return ask(*args, **headers).status

    assert status("127.0.0.1") == status("::1") == 200
    assert status("192.168.1.7") == status("") == 403
    assert status("127.0.0.1", host="evil.example") == 403  # a name that was rebound to us
    assert status("127.0.0.1", **{"sec-fetch-site": "cross-site"}) == 403
    assert status("127.0.0.1", **{"sec-fetch-site": "same-origin"}) == 200
    assert status("127.0.0.1", origin="http://evil.example") == status("127.0.0.1", origin="null") == 403
    assert status("127.0.0.1", origin="http://127.0.0.1:80") == 200
    sandbox.configure(Settings(control_token="open sesame"))
    assert status("127.0.0.1") == status("192.168.1.7", authorization="Bearer wrong") == 403
    assert status("192.168.1.7", authorization="Bearer open sesame") == 200
    assert "sesame" not in repr(sandbox.settings)
    assert b"sesame" not in ask("1.2.3.4", "settings", authorization="Bearer open sesame").body


def test_a_caller_in_this_process_is_let_in(sandbox: Sandbox) -> None:
    with httpx.Client(transport=sandbox.transport()) as http:
        assert ok(http.get("https://sandbox.invalid/_sandbox/health"))["status"] == "ok"


def test_a_forwarded_address_is_not_believed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    with sandbox.serve() as url, httpx.Client(trust_env=False) as http:
        health = httpx.URL(url).join("/_sandbox/health")
        assert http.get(health, headers={"X-Forwarded-For": "192.168.1.7"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "allowed", "status"),
    [
        ({}, (), 200),
        ({"Host": "localhost:8807"}, (), 200),
        ({"Host": "app.localhost"}, (), 200),
        ({"Host": "192.168.1.7:8807"}, (), 200),
        ({"Host": "[::1]:8807"}, (), 200),
        ({"Host": "rebound.example:8807"}, (), 403),
        ({"Host": "127.0.0.1.rebound.example"}, (), 403),
        ({"Host": "evil@localhost"}, (), 403),
        ({"Host": "localhost:8807", "Origin": "http://localhost:8807"}, (), 200),
        ({"Host": "rebound.example", "Origin": "http://rebound.example"}, (), 403),
        ({"Origin": "http://other.example"}, (), 403),
        ({"Origin": "null"}, (), 403),
        ({"Host": "localhost:8807", "Origin": "http://localhost:3000"}, (), 403),
        ({"Sec-Fetch-Site": "cross-site"}, (), 403),
        ({"Sec-Fetch-Site": "same-origin"}, (), 200),
        ({"Host": "My_Sandbox:8807"}, ("my_sandbox",), 200),
        ({"Host": "my_sandbox:8807"}, ("My_Sandbox",), 200),
        ({"Host": "other.example"}, ("my_sandbox",), 403),
        ({"Origin": "https://app.example:3000", "Sec-Fetch-Site": "cross-site"}, ("app.example",), 200),
        ({"Origin": "https://other.example"}, ("app.example",), 403),
        ({"Host": "any.example", "Origin": "https://other.example"}, ("*",), 200),
    ],
)
def test_other_sites_pages_get_nothing(
    sandbox: Sandbox, headers: dict[str, str], allowed: tuple[str, ...], status: int
) -> None:
    sandbox.configure(Settings(allowed_hosts=allowed))
    user = {"client_id": sandbox.settings.client_id, "client_secret": sandbox.settings.client_secret}
    with sandbox.serve() as url, httpx.Client(trust_env=False, base_url=url, headers=headers) as http:
        responses = [
            http.post("", content=signed(SEED, CREDENTIALS, NOW), headers={"Content-Type": "text/xml"}),
            http.get("/identity/oauth/token", params={"grant_type": "client_credentials", **user}),
            http.get("", params="WSDL"),
        ]
    assert [response.status_code for response in responses] == [status] * 3
    assert len(sandbox.leads()) == (status == 200)
    assert status == 200 or all("--allow-host" in response.text for response in responses)


def test_the_name_that_is_listened_at_is_known(sandbox: Sandbox) -> None:
    async def greeting(*names: str) -> int:
        app = httpx.ASGITransport(application(sandbox, *names))
        async with httpx.AsyncClient(transport=app, base_url="http://testserver") as http:
            return (await http.get("/soap/mktows/2_2")).status_code

    assert asyncio.run(greeting()) == 403
    assert asyncio.run(greeting("TestServer")) == 200
