"""Trouble on demand for REST calls, in process and over a real socket, and what the journal says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketo_soap import Client, Fault, LeadRecord, RetryPolicy, Sandbox
from marketo_soap.sandbox.journal import Change
from marketo_soap.sandbox.rest.endpoints import ENDPOINTS
from marketo_soap.sandbox.settings import FaultRule
from tests.sandbox.conftest import Clock, Rest, outcome
from tests.support import COOKIE


@pytest.fixture(params=["in process", "socket"])
def both(request: pytest.FixtureRequest) -> Iterator[Rest]:
    with Sandbox() as sandbox:
        if request.param == "in process":
            with httpx.Client(transport=sandbox.transport(), base_url="https://sandbox.invalid", timeout=0.5) as http:
                yield Rest(http, sandbox)
        else:
            with (
                sandbox.serve() as endpoint,
                httpx.Client(base_url=httpx.URL(endpoint).join("/"), timeout=0.5, trust_env=False) as http,
            ):
                yield Rest(http, sandbox)


def seen(rest: Rest, **record: object) -> Any:
    """The outcome of a sync: a code, the kind of an exception, or the status of HTTP and what comes with it."""
    try:
        response = rest.http.post("/rest/v1/leads.json", json={"input": [{"email": "t@t.com", **record}]})
    except httpx.TransportError as error:
        return type(error)
    if "json" not in response.headers["Content-Type"] or response.status_code != 200 or response.text == "{}":
        return response.status_code, response.headers["Content-Type"].partition(";")[0]
    result = outcome(response)
    if isinstance(result, str):
        return result
    return result[0]["status"], *(reason["code"] for reason in result[0].get("reasons", []))


HUNG_UP = httpx.RemoteProtocolError


@pytest.mark.parametrize(
    ("rule", "expected", "written"),
    [
        ({"rest": "611"}, "611", 0),
        ({"rest": "602"}, "602", 0),
        ({"rest": "607", "status": 503}, (503, "application/json"), 0),
        ({"rest": "1021"}, ("skipped", "1021"), 0),
        ({"close": "before"}, HUNG_UP, 0),
        ({"close": "after"}, HUNG_UP, 1),
        ({"html": True}, (502, "text/html"), 0),
        ({"status": 503}, (503, "application/json"), 0),
        ({"body": "{}"}, (200, "application/json"), 0),
        ({"body": "no", "content_type": "text/plain"}, (200, "text/plain"), 0),
        ({"truncate": 10}, HUNG_UP, 1),
        ({"delay": 1.0}, httpx.ReadTimeout, 1),
        ({"delay": 0.01}, ("created",), 1),
        ({"dribble": 0.0001}, ("created",), 1),
        ({"twice": True}, ("updated",), 1),
        ({"twice": True, "close": "after"}, HUNG_UP, 1),
    ],
    ids=str,
)
def test_what_a_rule_does(both: Rest, rule: dict[str, Any], expected: object, written: int) -> None:
    both.sandbox.fail(operation="syncLeads", **rule)
    assert seen(both) == expected
    assert len(both.sandbox.leads()) == written
    entry = both.sandbox.entries()[-1]
    assert any("a fault rule applied" in note for note in entry.notes)
    assert seen(both) == ("updated" if written else "created",)
    assert len(both.sandbox.leads()) == 1


def test_a_served_sandbox_answers_rest_and_soap_on_the_same_leads() -> None:
    with Sandbox() as sandbox, sandbox.serve() as endpoint, httpx.Client(base_url=endpoint, trust_env=False) as http:
        http.base_url = httpx.URL(endpoint).join("/")
        rest = Rest(http, sandbox)
        user = sandbox.credentials
        with Client(endpoint, user.user_id, user.encryption_key) as client:
            made = client.sync_lead(LeadRecord(email="t@t.com", attributes={"City": "Zürich"}), marketo_cookie=COOKIE)
        assert rest.find("cookies", COOKIE, fields="city") == [{"id": made.lead_id, "city": "Zürich"}]
        assert rest.associate(made.lead_id, COOKIE) is None


@pytest.mark.parametrize(
    ("rule", "struck"),
    [
        ({"rest": "611"}, ["syncLeads", "getLeadById", ""]),
        ({"status": 503}, ["identity", "syncLeads", "getLeadById", "", "syncLead"]),
        ({"rest": "611", "operation": "syncLeads"}, ["syncLeads"]),
        ({"rest": "611", "operation": "identity"}, ["identity"]),
        ({"status": 503, "operation": "getLeadById"}, ["getLeadById"]),
        ({"status": 503, "operation": "syncLead"}, ["syncLead"]),
        ({"fault": 20023}, ["syncLead"]),
        ({"failed": "no"}, ["syncLead"]),
        ({"status": 503, "email": "T@t.com"}, ["syncLeads", "syncLead"]),
        ({"status": 503, "email": "other@t.com"}, []),
        ({"status": 503, "attribute": {"City": "Rome"}}, ["syncLeads", "syncLead"]),
        ({"status": 503, "attribute": {"city": "Rome", "leadScore": "5"}}, ["syncLeads"]),
        ({"status": 503, "attribute": {"City": "Oslo"}}, []),
    ],
    ids=str,
)
def test_which_calls_a_rule_strikes(rest: Rest, clock: Clock, rule: dict[str, Any], struck: list[str]) -> None:
    client = Client(transport=rest.sandbox.transport(), clock=clock, retry=RetryPolicy(attempts=1))
    lead = LeadRecord(email="t@t.com", attributes={"City": "Rome"})
    calls: dict[str, Callable[[], object]] = {
        "identity": rest.identity,
        "syncLeads": lambda: rest.sync("no record", {"email": "t@t.com", "city": "Rome", "leadScore": 5}),
        "getLeadById": lambda: rest.lead(1000001),
        "": lambda: rest.http.get("/rest/v1/nothing.json"),
        "syncLead": lambda: client.sync_lead(lead),
    }
    rest.sync({"email": "t@t.com"})
    for name, call in calls.items():
        rest.sandbox.script.clear()
        rest.sandbox.fail(**rule)
        try:
            call()
        except Exception:
            assert name in struck
        assert bool(rest.sandbox.script.rules()) == (name not in struck), name
    client.close()


@pytest.mark.parametrize(
    "wrong",
    [{"rest": "sixhundred"}, {"rest": ""}, {"rest": "611", "fault": 20023}, {"rest": "611", "failed": "no"}],
    ids=str,
)
def test_rules_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="faults: rest"):
        FaultRule(**wrong)


def test_a_rule_for_rest_does_not_use_up_soaps_turn(rest: Rest, client: Client) -> None:
    rest.sandbox.fail(rest="606", message="Slow down", every=2)
    with pytest.raises(Fault):
        client.sync_lead(LeadRecord(id=7))
    result = rest.http.get("/rest/v1/leads/partitions.json").json()
    assert result["success"]
    result = rest.http.get("/rest/v1/leads/partitions.json").json()
    assert result["errors"] == [{"code": "606", "message": "Slow down"}]


def test_the_journal_tells_of_every_call(rest: Rest) -> None:
    (made,) = rest.sync({"email": "a@t.com", "city": "Rome"})
    rest.sync({"email": "a@t.com", "city": "Oslo"})
    rest.sync({"id": 7}, action="updateOnly", lookupField="id")
    rest.sync({"email": "a@t.com"}, {"email": "b@t.com"}, {"email": "c"}, {"email": "d"})
    rest.find("email", "a@t.com")
    rest.associate(made["id"], COOKIE)
    rest.sync(action="none")
    identity, created, updated, skipped, several, found, tied, refused = rest.sandbox.entries()
    assert (identity.operation, identity.verdict, identity.status) == ("identity", "OK", 200)
    assert (created.operation, created.verdict, created.key, created.lead_id) == (
        "syncLeads",
        "CREATED",
        "email",
        made["id"],
    )
    assert created.changes == [Change("City", None, "Rome"), Change("Email", None, "a@t.com")]
    assert (updated.verdict, updated.changes) == ("UPDATED", [Change("City", "Rome", "Oslo")])
    assert (skipped.verdict, skipped.reason, skipped.key) == ("skipped 1004", "Lead not found", "id")
    assert several.verdict == "1 UPDATED, 1 CREATED, 2 skipped 1003"
    assert several.notes[0] == f"record 1: UPDATED, lead {made['id']}"
    assert several.notes[2].startswith("record 3: skipped 1003, Invalid value")
    assert (found.operation, found.verdict, found.key) == ("getLeadsByFilter", "OK", "email")
    assert found.request == b"GET /rest/v1/leads.json?filterType=email&filterValues=a%40t.com\n\n"
    assert (tied.operation, tied.verdict, tied.lead_id) == ("associateLead", "OK", made["id"])
    assert (refused.verdict, refused.reason) == ("1003", "Invalid value for field 'action' and value 'none'")
    assert created.request.startswith(b'POST /rest/v1/leads.json\n\n{"input":[{"email":"a@t.com"')
    assert created.response is not None
    assert b'"created"' in created.response
    assert "a@t.com" not in repr(rest.sandbox.entries())


def test_a_reset_takes_tokens_and_rules_back(rest: Rest) -> None:
    rest.sandbox.fail(rest="611")
    rest.sandbox.reset()
    assert rest.find("email", "t@t.com") == "601"


def test_the_documentation_lists_the_names_of_requests() -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "sandbox.md"
    listed = re.findall(r"^\| `(\w+)` \| ([A-Z]+) `(/\S+)` \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    paths = [re.sub(r"\([^)]*\)", "{}", each.path.pattern).replace("\\", "") for each in ENDPOINTS]
    assert [(name, method, re.sub(r"\{\w+\}", "{}", path)) for name, method, path in listed] == [
        (each.operation, each.method, path) for each, path in zip(ENDPOINTS, paths, strict=True)
    ]
