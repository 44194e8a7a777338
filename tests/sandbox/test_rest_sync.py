"""Sync Leads: what becomes of records, on the leads that SOAP has too."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from marketo_soap import Client, LeadRecord, Sandbox
from marketo_soap.sandbox.rest import sync
from marketo_soap.sandbox.settings import AssignmentRule, Settings, Workspace, Workspaces
from tests.sandbox.conftest import Clock, Rest
from tests.support import COOKIE

CUSTOM = {
    "erpId": "string",
    "erpNumber": "integer",
    "rate": "percent",
    "flag": "boolean",
    "born": "date",
    "seen": "datetime",
}


@pytest.fixture
def rest(rest: Rest) -> Rest:
    rest.sandbox.configure(Settings(custom_fields=CUSTOM))
    return rest


def kept(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [{"email": lead["email"], **lead["attributes"]} for lead in sandbox.dump()]


@pytest.mark.parametrize(
    ("action", "first", "second", "leads"),
    [
        (None, "created", "updated", 1),
        ("createOrUpdate", "created", "updated", 1),
        ("createOnly", "created", "1005", 1),
        ("updateOnly", "1004", "1004", 0),
        ("createDuplicate", "created", "created", 2),
    ],
)
def test_actions(rest: Rest, action: str | None, first: str, second: str, leads: int) -> None:
    members = {} if action is None else {"action": action}
    for expected, email in ((first, "T@t.com"), (second, "t@t.com")):
        (record,) = rest.sync({"email": email}, **members)
        assert expected in (record["status"], *(reason["code"] for reason in record.get("reasons", [])))
    assert len(rest.sandbox.leads()) == leads


def test_records_fail_one_by_one_and_in_their_order(rest: Rest) -> None:
    records = rest.sync(
        {"email": "a@t.com"}, {"nope": 1, "email": "x@t.com"}, 7, {"email": "b@t.com"}, {"email": "A@t.com"}
    )
    assert [one["status"] for one in records] == ["created", "skipped", "skipped", "created", "skipped"]
    assert [one["reasons"][0]["code"] for one in records if "reasons" in one] == ["1006", "1003", "1036"]
    assert [one["email"] for one in kept(rest.sandbox)] == ["a@t.com", "b@t.com"]


def test_what_goes_wrong_within_undoes_all(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sync.find_by

    def fail(leads: Any, known: Any, text: str) -> Any:
        if text == "b@t.com":
            raise RuntimeError("disk full")
        return real(leads, known, text)

    monkeypatch.setattr(sync, "find_by", fail)
    assert rest.sync({"email": "a@t.com"}, {"email": "b@t.com"}) == "611"
    assert rest.sandbox.leads() == []


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"action": "upsert"}, "1003"),
        ({"action": 1}, "1001"),
        ({"lookupField": "nope"}, "1006"),
        ({"lookupField": "firstName"}, "1011"),
        ({"lookupField": "cookies"}, "1011"),
        ({"lookupField": "flag"}, "1011"),
        ({"lookupField": []}, "1001"),
        ({"partitionName": 1}, "1001"),
        ({"partitionName": "Default", "action": "updateOnly"}, "1003"),
        ({"partitionName": "Default", "action": "createDuplicate"}, "1003"),
        ({"asyncProcessing": 0}, "1001"),
        ({"asyncProcessing": True}, "1003"),
        ({"asyncProcessing": False}, None),
        ({"input": None}, "1002"),
        ({"input": {}}, "1001"),
        ({"input": []}, "1003"),
        ({"input": [{"email": f"{n}@t.com"} for n in range(301)]}, "1003"),
        ({"input": [{"email": f"{n}@t.com"} for n in range(300)]}, None),
        ({"unknown": 1}, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_members_of_a_call(rest: Rest, members: dict[str, object], code: str | None) -> None:
    result = rest.sync(**{"input": [{"email": "t@t.com"}], **members})
    assert result == code if code else {one["status"] for one in result} == {"created"}


@pytest.mark.parametrize(
    ("record", "members", "code"),
    [
        ({}, {}, "1003"),
        ({"email": None}, {}, "1003"),
        ({"email": ""}, {}, "1003"),
        ({"erpId": "x"}, {"lookupField": "email"}, "1003"),
        ({"erpId": "x"}, {"action": "createOnly"}, None),
        ({}, {"action": "createDuplicate"}, None),
        ({"id": 1000001}, {}, "1003"),
        ({"id": 1000001, "email": "t@t.com"}, {"action": "createDuplicate"}, "1003"),
        ({"id": 1}, {"action": "updateOnly", "lookupField": "id"}, "1004"),
        ({"id": -1}, {"action": "updateOnly", "lookupField": "id"}, "1004"),
        ({"id": 10**30}, {"action": "updateOnly", "lookupField": "id"}, "1003"),
        ({"id": "x"}, {"action": "updateOnly", "lookupField": "id"}, "1003"),
        ({"id": 1000001}, {"action": "updateOnly", "lookupField": "id"}, None),
        ({"id": 1000001, "email": "first@t.com"}, {"action": "updateOnly"}, None),
        ({"id": 1000002, "email": "first@t.com"}, {"action": "updateOnly"}, "1003"),
        ({"email": "t@t.com"}, {"partitionName": "Nowhere"}, "1008"),
        *(
            ({"email": "t@t.com", name: "x"}, {}, "1003")
            for name in ("createdAt", "cookies", "mktoName", "leadPartitionId", "inferredCity")
        ),
        ({"email": "t@t.com", "Email": "t@t.com"}, {}, "1006"),
    ],
    ids=str,
)
def test_records(rest: Rest, record: object, members: dict[str, object], code: str | None) -> None:
    rest.sync({"email": "first@t.com"})
    assert rest.skipped(record, **members) == code


VALUES = [
    ("flag", True, "1", True),
    ("flag", False, "0", False),
    ("flag", "Yes", "1", True),
    ("flag", 0, "0", False),
    ("flag", "other", "1003", None),
    ("flag", 2, "1003", None),
    ("leadScore", 5, "5", 5),
    ("leadScore", " -5", "-5", -5),
    ("leadScore", 14.1, "1003", None),
    ("leadScore", "14.1", "1003", None),
    ("leadScore", True, "1003", None),
    ("leadScore", 2**31, "1003", None),
    ("rate", "100%", "1003", None),
    ("rate", 100, "100", 100),
    ("annualRevenue", 1.5, "1.5", 1.5),
    ("annualRevenue", 10, "10", 10.0),
    ("annualRevenue", "-1.50", "-1.50", -1.5),
    ("annualRevenue", 1e999, "1003", None),
    ("annualRevenue", "1e5", "1003", None),
    ("annualRevenue", False, "1003", None),
    ("born", "1970-01-31", "1970-01-31", "1970-01-31"),
    ("born", "1970-01-31T10:00:00+01:00", "1970-01-31", "1970-01-31"),
    ("born", "yesterday", "1003", None),
    ("born", 1970, "1003", None),
    ("seen", "2013-08-05T16:34:19.123-07:00", "2013-08-05T16:34:19.123-07:00", "2013-08-05T23:34:19Z"),
    ("seen", "2013-08-05T16:34:19", "2013-08-05T16:34:19", "2013-08-05T16:34:19Z"),
    ("seen", "0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00+01:00"),
    ("seen", "2013-13-05T16:34:19Z", "1003", None),
    ("city", "  Rome ", "  Rome ", "  Rome "),
    ("city", 7, "7", "7"),
    ("city", True, "true", "true"),
    ("city", 1e999, "1003", None),
    ("city", ["Rome"], "1003", None),
    ("city", {"a": {}}, "1003", None),
    ("city", "a\x00b", "1003", None),
    ("city", "\ud800", "1003", None),
    ("city", "Zürich 😀", "Zürich 😀", "Zürich 😀"),
    ("blackListed", "true", "1", True),
]


@pytest.mark.parametrize(("name", "given", "text", "read"), VALUES, ids=str)
def test_values(rest: Rest, name: str, given: object, text: str, read: object) -> None:
    import json

    body = json.dumps({"input": [{"email": "t@t.com", name: given}]}).replace("Infinity", "1e999")
    headers = {"Content-Type": "application/json"}
    (record,) = rest.http.post("/rest/v1/leads.json", content=body, headers=headers).json()["result"]
    if record["status"] == "skipped":
        assert record["reasons"][0]["code"] == text
        if isinstance(given, str):
            assert record["reasons"][0]["message"] == f"Invalid value for field '{name}' and value '{given}'"
        assert rest.sandbox.leads() == []
        return
    (lead,) = kept(rest.sandbox)
    del lead["email"]
    assert list(lead.values()) == [text]
    value = rest.lead(record["id"], name)[name]
    assert (value, type(value)) == (read, type(read))
    for cleared in (None, ""):
        assert rest.skipped({"email": "t@t.com", name: given}) is None
        assert rest.skipped({"email": "t@t.com", name: cleared}) is None
        assert rest.lead(record["id"], name)[name] is (False if isinstance(read, bool) else None)
        assert kept(rest.sandbox) == [{"email": "t@t.com"}]


@pytest.mark.parametrize(
    ("email", "good"),
    [
        ("a.b+c@t.co.uk", True),
        (" t@t.com ", True),
        ("t@t", False),
        ("t", False),
        ("t@@t.com", False),
        ("a b@t.com", False),
        ("tést@t.com", False),
        (7, False),
        ([], False),
    ],
)
def test_addresses(rest: Rest, email: object, good: bool) -> None:
    assert rest.skipped({"email": email}) == (None if good else "1003")


def test_what_is_written_here_is_what_soap_keeps(rest: Rest, client: Client) -> None:
    client.sync_lead(
        LeadRecord(
            email="soap@t.com",
            attributes={"Unsubscribed": True, "DateofBirth": "1970-01-31", "LeadScore": 5, "erpId": "E1"},
        )
    )
    rest.sync(
        {
            "email": "rest@t.com",
            "unsubscribed": True,
            "dateOfBirth": "1970-01-31",
            "leadScore": 5,
            "erpId": "E1",
            "priority": 1,
        }
    )
    by_soap, by_rest = (lead["attributes"] for lead in rest.sandbox.dump())
    assert by_rest == {**by_soap, "priority": "1"}
    shown = client.sync_lead(LeadRecord(email="rest@t.com"), return_lead=True).lead_record
    assert shown is not None
    assert {attribute.name: attribute.value for attribute in shown.attributes} == by_soap


def test_a_key_that_several_leads_have_is_refused(rest: Rest) -> None:
    for _ in range(2):
        rest.sync({"email": "t@t.com", "erpId": "E1"}, action="createDuplicate")
    (record,) = rest.sync({"email": "T@t.com"})
    assert record["reasons"] == [{"code": "1007", "message": "Multiple lead match lookup criteria"}]
    assert rest.skipped({"erpId": "E1"}, lookupField="erpId") == "1007"
    assert rest.skipped({"email": "t@t.com"}, action="createOnly") == "1005"


@pytest.mark.parametrize(
    ("name", "value", "other"), [("erpId", "E1", "e1"), ("erpNumber", 7, 8), ("facebookId", "f", "g")]
)
def test_other_fields_are_keys_too(rest: Rest, name: str, value: object, other: object) -> None:
    rest.sync({"email": "other@t.com", "city": value})
    first = rest.sync({name: value, "email": "a@t.com"}, lookupField=name)
    second = rest.sync({name: value, "email": "b@t.com"}, {name: other}, lookupField=name)
    assert second[0] == {"id": first[0]["id"], "status": "updated"}
    assert [lead["email"] for lead in kept(rest.sandbox)] == ["other@t.com", "b@t.com", None]


def test_the_foreign_id_of_soap_is_out_of_sight(rest: Rest, client: Client) -> None:
    made = client.sync_lead(LeadRecord(email="t@t.com", foreign_sys_person_id="F1", foreign_sys_type="CUSTOM"))
    for name in ("ForeignSysPersonId", "foreignSysPersonId"):
        assert rest.find(name, "F1") == "1006"
    rest.sync({"id": made.lead_id, "city": "Rome"}, action="updateOnly", lookupField="id")
    (lead,) = rest.sandbox.dump()
    assert (lead["foreign_id"], lead["attributes"]) == ("F1", {"City": "Rome"})


SPACES = Workspaces(
    True,
    (Workspace("Default", "Default", ("Shared",)), Workspace("Europe", "EU", ("Shared", "Archive"))),
    (AssignmentRule("Archive", {"City": "Rome"}),),
)


def test_partitions(rest: Rest) -> None:
    rest.sandbox.configure(Settings(workspaces=SPACES))
    assert rest.sync({"email": "a@t.com", "city": "Rome"})[0]["status"] == "created"
    assert rest.sync({"email": "b@t.com"}, partitionName="EU")[0]["status"] == "created"
    assert [lead["partition"] for lead in rest.sandbox.dump()] == ["Default", "EU"]
    assert rest.skipped({"email": "a@t.com"}, partitionName="EU") == "1010"
    assert rest.skipped({"email": "b@t.com"}, partitionName="EU") is None
    assert rest.skipped({"email": "b@t.com"}) is None
    assert rest.skipped({"email": "c@t.com"}, partitionName="Europe") == "1008"
    assert [lead["leadPartitionId"] for lead in rest.find("email", "a@t.com,b@t.com", fields="leadPartitionId")] == [
        1,
        3,
    ]
    named = rest.http.get("/rest/v1/leads/partitions.json").json()["result"]
    assert [(one["id"], one["name"]) for one in named] == [(1, "Default"), (2, "Shared"), (3, "EU"), (4, "Archive")]
    rest.sandbox.configure(Settings(workspaces=evolve(SPACES, enabled=False)))
    assert rest.http.get("/rest/v1/leads/partitions.json").json()["result"] == named[:1]
    assert rest.skipped({"email": "d@t.com"}, partitionName="EU") == "1008"


@pytest.mark.parametrize("shows", [False, True])
def test_anonymous_leads(rest: Rest, shows: bool) -> None:
    rest.sandbox.seed([{"id": 5, "cookies": [COOKIE], "anonymous": True}])
    rest.sandbox.configure(Settings(rest_shows_anonymous=shows))
    found = rest.find("cookies", COOKIE, fields="isAnonymous")
    assert found == ([{"id": 5, "isAnonymous": True}] if shows else [])
    code = rest.skipped({"id": 5, "city": "Rome"}, action="updateOnly", lookupField="id")
    assert code == (None if shows else "1004")
    assert rest.sandbox.dump()[0]["anonymous"] is True


def test_times(rest: Rest, clock: Clock) -> None:
    ((made),) = rest.sync({"email": "t@t.com"})
    clock.tick(60)
    rest.sync({"email": "t@t.com"})
    lead = rest.lead(made["id"], "createdAt", "updatedAt")
    assert lead == {"id": made["id"], "createdAt": "2013-08-05T23:34:19Z", "updatedAt": "2013-08-05T23:35:19Z"}


def test_fields_that_are_in_no_catalogue(rest: Rest) -> None:
    rest.sandbox.configure(Settings(unknown_fields="accept"))
    assert rest.skipped({"email": "t@t.com", "erp": 7}) is None
    assert rest.find("email", "t@t.com", fields="erp")[0]["erp"] == "7"
    assert rest.skipped({"email": "t@t.com", "a\x00": 7}) == "1006"
    assert rest.skipped({"email": "t@t.com", "": 7}) == "1006"
