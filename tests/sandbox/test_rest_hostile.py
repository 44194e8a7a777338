"""Whatever comes to a REST address is answered with REST's envelope, and never fails the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketo_soap import Client, LeadRecord, Sandbox
from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import HttpRequest
from marketo_soap.sandbox.settings import Settings

Pair = tuple[Sandbox, Client]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    custom = {"erpId": "string", "flag": "boolean", "seen": "datetime"}
    with Sandbox(settings=Settings(custom_fields=custom)) as sandbox, Client(transport=sandbox.transport()) as client:
        yield sandbox, client


FIELDS = [
    "id",
    "email",
    "firstName",
    "leadScore",
    "annualRevenue",
    "flag",
    "seen",
    "dateOfBirth",
    "cookies",
    "nope",
    "",
]
EXACT = ["", "t@t.com", "1000001", "1e400", "true", "2013-08-05", "9" * 400, "\ud800", "\x00", "MFTHIZLSEAYQ====", "id"]

names = st.sampled_from(FIELDS) | st.text(max_size=5)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(EXACT) | st.text(max_size=9)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
members = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["createOrUpdate", "createOnly", "updateOnly", "createDuplicate"]) | values,
        "lookupField": names | values,
        "partitionName": st.just("Default") | values,
        "asyncProcessing": st.just(False) | values,
        "input": st.lists(st.dictionaries(names, values, max_size=4) | values, max_size=4) | values,
    },
)
bodies = (members | values).map(lambda data: json.dumps(data).encode()) | st.binary(max_size=40)
queries = st.dictionaries(
    st.sampled_from(
        [
            "filterType",
            "filterValues",
            "fields",
            "batchSize",
            "nextPageToken",
            "_method",
            "cookie",
            "grant_type",
            "client_id",
        ]
    ),
    st.sampled_from([*FIELDS, *EXACT, "GET"]) | st.text(max_size=9),
).map(lambda given: urlencode(given, errors="replace"))
paths = st.sampled_from(
    [
        "/rest/v1/leads.json",
        "/rest/v1/lead/1000001.json",
        "/rest/v1/leads/1000001/associate.json",
        "/rest/v1/leads/describe.json",
        "/identity/oauth/token",
        "/rest/",
        "/rest/v1/lead/99999999999999999.json",
    ]
)
kinds = st.sampled_from(["", "application/json", "application/x-www-form-urlencoded"])


requests = st.tuples(
    st.sampled_from(["GET", "POST", "PUT"]),
    paths,
    queries | st.text(max_size=9),
    kinds,
    bodies | queries.map(str.encode),
)


@settings(max_examples=60)
@given(request=requests)
def test_anything_is_answered(pair: Pair, request: tuple[str, str, str, str, bytes]) -> None:
    data = _asked(pair[0], *request)
    assert ("success" in data and "requestId" in data) or "error" in data or "access_token" in data


@settings(max_examples=60)
@given(members=members)
def test_any_sync_is_answered_and_what_it_kept_can_be_shown(pair: Pair, members: dict[str, Any]) -> None:
    sandbox, client = pair
    before = sandbox.snapshot()
    data = _asked(sandbox, "POST", "/rest/v1/leads.json", "", "application/json", json.dumps(members).encode())
    for one in data.get("result", []):
        if one["status"] != "skipped":
            shown = client.sync_lead(LeadRecord(id=one["id"]), return_lead=True).lead_record
            query = f"filterType=id&filterValues={one['id']}&fields=email,leadScore,annualRevenue,seen,flag"
            (lead,) = _asked(sandbox, "GET", "/rest/v1/leads.json", query)["result"]
            assert shown is not None
            assert lead["email"] == shown.email
    sandbox.restore(before)


def _asked(sandbox: Sandbox, method: str, path: str, query: str, kind: str = "", body: bytes = b"") -> Any:
    token, _ = sandbox.tokens.issue(sandbox.now(), 1e6)
    headers = {"content-type": kind, "authorization": f"Bearer {token}"}
    response = answer(sandbox, HttpRequest(method, "https", path, query, headers, body))
    response.done()
    assert sandbox.in_progress == 0
    entry = sandbox.entries()[-1]
    assert entry.verdict not in ("", "611")
    json.dumps(entry.as_data())
    return json.loads(response.body, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")
