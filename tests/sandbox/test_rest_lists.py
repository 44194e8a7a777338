"""Static lists, filters by the keys of a CRM, and lead changes over REST."""

from __future__ import annotations

from typing import Any

import pytest

from marketo_soap.sandbox.settings import Settings, StaticList
from tests.sandbox.conftest import Clock, Rest, outcome

LISTS = (
    StaticList("News", members=("a@t.com", "c@t.com")),
    StaticList("News", "Launch", ("b@t.com",)),
    StaticList("Empty"),
)


@pytest.fixture
def filled(rest: Rest, clock: Clock) -> Rest:
    rest.sandbox.configure(Settings(lists=LISTS))
    for name in "abc":
        rest.sandbox.seed([{"email": f"{name}@t.com", "attributes": {"SfdcLeadId": name, "FirstName": name}}])
        clock.tick(10)
    return rest


def get(rest: Rest, path: str, **params: object) -> Any:
    return outcome(rest.http.get(path, params=params))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["sfdcAccountId", "sfdcContactId", "sfdcLeadId", "sfdcLeadOwnerId", "sfdcOpptyId"])
def test_leads_are_found_by_keys_of_a_crm(rest: Rest, name: str) -> None:
    soap_name = name[0].upper() + name[1:]
    rest.sandbox.seed([{"email": "a@t.com", "attributes": {soap_name: "00Q1"}}, {"email": "b@t.com"}])
    (lead,) = rest.find(name, "00Q1,00Q2", fields=f"email,{name}")
    assert (lead["email"], lead[name]) == ("a@t.com", "00Q1")
    described = {each["rest"]["name"]: each for each in get(rest, "/rest/v1/leads/describe.json")}
    assert described[name]["soap"]["name"] == soap_name
    assert rest.find("leadOwnerEmail", "x@t.com") == "1011"


def test_lists_are_found_by_name_program_and_id(filled: Rest) -> None:
    path = "/rest/v1/lists.json"
    assert [(each["id"], each["name"], each.get("programName")) for each in get(filled, path)] == [
        (1, "News", None),
        (2, "News", "Launch"),
        (3, "Empty", None),
    ]
    for params, ids in (
        ({"name": "News"}, [1, 2]),
        ({"name": "News", "programName": "Launch"}, [2]),
        ({"id": "3"}, [3]),
        ({"id": "4"}, []),
        ({"name": "Empty", "programName": "Launch"}, []),
    ):
        assert [each["id"] for each in get(filled, path, **params)] == ids
    assert get(filled, path, id="x") == "1001"
    first = filled.http.get(path, params={"batchSize": "2"}).json()
    rest = filled.http.get(path, params={"batchSize": "2", "nextPageToken": first["nextPageToken"]}).json()
    assert [each["id"] for each in first["result"] + rest["result"]] == [1, 2, 3]
    assert "nextPageToken" not in rest


@pytest.mark.parametrize("form", [False, True])
def test_members_of_a_list_come_in_pages(filled: Rest, *, form: bool) -> None:
    path, params = "/rest/v1/lists/1/leads.json", {"fields": "email", "batchSize": "1"}
    emails = []
    for _ in range(5):
        http = filled.http
        given = http.post(path, data={**params, "_method": "GET"}) if form else http.get(path, params=params)
        data = given.json()
        emails += [lead["email"] for lead in data["result"]]
        if "nextPageToken" not in data:
            break
        params["nextPageToken"] = data["nextPageToken"]
    assert emails == ["a@t.com", "c@t.com"]


def test_lists_that_are_empty_or_unknown(filled: Rest) -> None:
    assert get(filled, "/rest/v1/lists/3/leads.json") == []
    assert get(filled, "/rest/v1/lists/4/leads.json") == "1013"
    assert get(filled, "/rest/v1/lists/1/leads.json", nextPageToken="x") == "1003"
    assert filled.http.put("/rest/v1/lists/1/leads.json").json()["errors"][0]["code"] == "605"


def test_changes_of_leads(filled: Rest, clock: Clock) -> None:
    clock.tick(100)
    later = clock.now
    filled.sync({"email": "a@t.com", "firstName": "Ann"})
    token = filled.http.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": "2001-01-01T00:00:00Z"})
    data = token.json()
    assert "result" not in data
    pages, changes = [], []
    for _ in range(10):
        params = {"nextPageToken": data["nextPageToken"], "fields": "firstName,lastName", "batchSize": "3"}
        data = filled.http.get("/rest/v1/activities/leadchanges.json", params=params).json()
        pages.append([(each["activityTypeId"], each["leadId"]) for each in data["result"]])
        changes = data["result"]
        if not data["moreResult"]:
            break
    first = 1_000_001
    assert pages == [[(12, first + 1), (12, first + 2), (13, first)]]
    (changed,) = changes[2]["fields"]
    assert (changed["name"], changed["oldValue"], changed["newValue"]) == ("firstName", "a", "Ann")
    assert {"name": "Reason", "value": "REST API"} in changes[2]["attributes"]
    token = filled.http.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": later.isoformat()})
    params = {"nextPageToken": token.json()["nextPageToken"], "fields": "firstName"}
    data = filled.http.get("/rest/v1/activities/leadchanges.json", params=params).json()
    assert [each["leadId"] for each in data["result"]] == [first]
    params["nextPageToken"] = data["nextPageToken"]
    data = filled.http.get("/rest/v1/activities/leadchanges.json", params=params).json()
    assert (data["result"], data["moreResult"], "nextPageToken" in data) == ([], False, True)


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("pagingtoken", {}, "1002"),
        ("pagingtoken", {"sinceDatetime": "yesterday"}, "1003"),
        ("leadchanges", {"fields": "email"}, "1002"),
        ("leadchanges", {"nextPageToken": "x", "fields": "email"}, "1003"),
        ("leadchanges", {"nextPageToken": "x"}, "1002"),
    ],
)
def test_activity_calls_that_are_refused(rest: Rest, path: str, params: dict[str, str], code: str) -> None:
    assert get(rest, f"/rest/v1/activities/{path}.json", **params) == code
