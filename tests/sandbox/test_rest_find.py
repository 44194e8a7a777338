"""Leads by filter and by id, cookies, and what there is: fields."""

from __future__ import annotations

import pytest

from marketo_soap import Client, LeadRecord
from marketo_soap.records.lead_fields import standard_fields
from marketo_soap.sandbox.settings import Settings
from tests.sandbox.conftest import Rest, outcome
from tests.support import COOKIE

DEFAULT = ["id", "email", "firstName", "lastName", "createdAt", "updatedAt"]


def test_a_lead_is_shown_with_the_fields_that_are_asked_for(rest: Rest) -> None:
    rest.sync({"email": "a@t.com", "firstName": "George"})
    (lead,) = rest.find("email", "A@T.com")
    assert list(lead) == DEFAULT
    assert (lead["firstName"], lead["lastName"]) == ("George", None)
    assert list(rest.lead(lead["id"])) == DEFAULT
    assert rest.find("id", lead["id"], fields="firstName, city,") == [
        {"id": lead["id"], "firstName": "George", "city": None}
    ]
    assert rest.lead(lead["id"], "email", "isAnonymous") == {"id": lead["id"], "email": "a@t.com", "isAnonymous": False}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, None),
        ({"filterType": ""}, "1002"),
        ({"filterValues": ""}, "1002"),
        ({"filterValues": " , "}, "1003"),
        ({"filterType": "nope"}, "1006"),
        ({"filterType": "firstName"}, "1011"),
        ({"filterType": "id", "filterValues": "1,x"}, "1003"),
        ({"filterType": "id", "filterValues": "9" * 30}, "1003"),
        ({"fields": "email,nope"}, "1006"),
        ({"batchSize": "301"}, "1003"),
        ({"batchSize": "0"}, "1003"),
        ({"batchSize": "x"}, "1001"),
        ({"batchSize": "1"}, None),
        ({"nextPageToken": "x"}, "1003"),
        ({"nextPageToken": "é"}, "1003"),
        ({"nextPageToken": "MFTHIZLSEAYQ===="}, None),
        ({"filterType": "id", "filterValues": ",".join(map(str, range(301)))}, "1003"),
        ({"filterType": "id", "filterValues": ",".join(map(str, range(300)))}, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_queries(rest: Rest, params: dict[str, str], code: str | None) -> None:
    given = {"filterType": "email", "filterValues": "t@t.com", **params}
    assert outcome(rest.http.get("/rest/v1/leads.json", params=given)) == ([] if code is None else code)


@pytest.mark.parametrize("tunnel", ["query", "form"])
def test_a_long_query_goes_in_a_form(rest: Rest, tunnel: str) -> None:
    rest.sync({"email": "t@t.com"})
    values = ",".join(f"{n}{'x' * 40}@t.com" for n in range(250)) + ",t@t.com"
    assert rest.find("email", values) == "414"
    form = {"filterType": "email", "filterValues": values, "fields": "email"}
    params = {"_method": "GET"} if tunnel == "query" else {}
    response = rest.http.post("/rest/v1/leads.json", params=params, data=form if params else form | {"_method": "GET"})
    assert [lead["email"] for lead in outcome(response)] == ["t@t.com"]


def test_pages(rest: Rest) -> None:
    for _ in range(7):
        rest.sync({"email": "t@t.com"}, action="createDuplicate")
    params = {"filterType": "email", "filterValues": "t@t.com", "batchSize": "3", "fields": "id"}
    pages, ids, members = [], [], []
    for _ in range(4):
        data = rest.http.get("/rest/v1/leads.json", params=params).json()
        pages.append(len(data["result"]))
        ids += [lead["id"] for lead in data["result"]]
        members.append(list(data))
        if "nextPageToken" not in data:
            break
        params["nextPageToken"] = data["nextPageToken"]
    assert pages == [3, 3, 1]
    assert ids == [1000001 + n for n in range(7)]
    assert members[0] == ["requestId", "result", "nextPageToken", "moreResult", "success"]
    assert members[-1] == ["requestId", "result", "success"]


def test_too_many_results(rest: Rest) -> None:
    rest.sandbox.seed([{"email": "t@t.com"}] * 1000)
    assert len(rest.find("email", "t@t.com")) == 300
    rest.sandbox.seed([{"email": "t@t.com"}])
    assert rest.find("email", "t@t.com") == "1003"


@pytest.mark.parametrize("lead_id", [1, 2**31, 10**17])
def test_a_lead_that_is_not_there(rest: Rest, lead_id: int) -> None:
    assert outcome(rest.http.get(f"/rest/v1/lead/{lead_id}.json")) == "1004"
    assert rest.associate(lead_id, COOKIE) == "1004"
    assert rest.find("id", min(lead_id, 2**31 - 1)) == []


def test_a_cookie_is_tied_to_a_lead_and_then_to_another(rest: Rest, client: Client) -> None:
    (one,), (two,) = rest.sync({"email": "a@t.com"}), rest.sync({"email": "b@t.com"})
    for lead in (one, two):
        assert rest.associate(lead["id"], COOKIE) is None
        assert rest.find("cookies", COOKIE, fields="cookies") == [{"id": lead["id"], "cookies": COOKIE}]
    assert rest.lead(one["id"], "cookies")["cookies"] is None
    assert client.sync_lead(LeadRecord(attributes={"City": "Rome"}), marketo_cookie=COOKIE).lead_id == two["id"]


@pytest.mark.parametrize(
    ("cookie", "code"),
    [
        ("", "1002"),
        ("x", "1012"),
        (COOKIE.split("&")[0], "1012"),
        (COOKIE.split("&")[1], "1012"),
        (COOKIE.replace("_mch", "_mcx"), "1012"),
        (COOKIE + "\x00", "1012"),
        (COOKIE + "x", "1012"),
    ],
)
def test_cookies_that_are_none(rest: Rest, cookie: str, code: str) -> None:
    (made,) = rest.sync({"email": "a@t.com"})
    assert rest.associate(made["id"], cookie) == code


def test_fields_are_described_by_both_names(rest: Rest) -> None:
    rest.sandbox.configure(Settings(custom_fields={"erpId": "string", "LeadScore": "score", "priority": "string"}))
    described = outcome(rest.http.get("/rest/v1/leads/describe.json"))
    assert len({field["id"] for field in described}) == len(described)
    by_name = {field["rest"]["name"]: field for field in described}
    assert by_name.keys() > {*standard_fields(), "erpId"}
    for f in standard_fields().values():
        soap = by_name[f.rest_name].get("soap")
        assert (soap and soap["name"]) == (f.soap_name or ("priority" if f.rest_name == "priority" else None))
    assert by_name["erpId"]["rest"] == by_name["erpId"]["soap"] == {"name": "erpId", "readOnly": False}
    assert by_name["leadScore"]["dataType"] == "score"
    read_only = {name for name, field in by_name.items() if field["rest"]["readOnly"]}
    never_written = {"id", "isAnonymous", "cookies", "leadPartitionId"}  # though described as if they could be
    assert read_only > {"createdAt", "mktoName", "inferredCity"}
    assert not read_only & never_written
    assert not any(field["soap"]["readOnly"] for field in described if "soap" in field)
    (lead,) = outcome(rest.http.get("/rest/v1/leads/describe2.json"))
    assert {"email", "id", "cookies", "erpId"} < {field["name"] for field in lead["searchableFields"]}
    assert {field["name"] for field in lead["fields"] if field["updateable"]} == (
        by_name.keys() - read_only - never_written
    )
    for name in by_name:
        assert rest.find("email", "t@t.com", fields=name) == []
    for field in lead["searchableFields"]:
        assert rest.find(field["name"], "1") == []
