"""Answers of REST that the sandbox does not give, and what becomes of a call over the bridge."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from io import StringIO
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from marketo_soap import (
    Attrib,
    BridgeSettings,
    Client,
    Fault,
    GetCampaignsForSource,
    GetCustomObjects,
    GetImportToListStatus,
    GetLeadActivity,
    GetMObjects,
    ImportToList,
    LeadKey,
    LeadRecord,
    ListKey,
    ListOperation,
    MObjAssociation,
    MObjCriteria,
    MObject,
    RestBridge,
    StreamPosition,
    SyncMObjects,
    SyncMultipleLeads,
    TypeAttrib,
)
from tests.bridge.support import FIELDS

BASE = {
    "token": {"access_token": "tok-1", "token_type": "bearer", "expires_in": 3600},
    "describe": {"success": True, "result": FIELDS},
}


def client(replies: Mapping[str, Any], seen: list[httpx.Request] | None = None, **options: Any) -> Client:
    """A client of REST that gives these *replies*, by the last part of the path; a list is of several calls."""

    def rest(request: httpx.Request) -> httpx.Response:
        if seen is not None and "identity" not in request.url.path:
            seen.append(request)
        name = request.url.path.rpartition("/")[2].removesuffix(".json")
        answer = (BASE | dict(replies))[name]
        answer = answer.pop(0) if isinstance(answer, list) else answer(request) if callable(answer) else answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, content=json.dumps(answer))

    return Client(
        transport=RestBridge("https://rest.invalid", "a", "b", transport=httpx.MockTransport(rest), **options)
    )


def done(*result: Any, **more: Any) -> dict[str, Any]:
    return {"success": True, "result": list(result), **more}


CHANGES = {
    "leads": done({"id": 7}),
    "types": done({"id": 12, "name": "New Lead"}, {"id": 13, "name": "Change Data Value"}),
    "pagingtoken": done(nextPageToken="T"),
    "leadchanges": done(
        {"id": 5, "leadId": 7, "activityDate": "2020-01-01T00:00:00Z", "activityTypeId": 12},
        {
            "id": 6,
            "leadId": 7,
            "activityDate": "2020-01-02T00:00:00Z",
            "activityTypeId": 13,
            "fields": [{"name": name, "newValue": "x"} for name in ("firstName", "lastName", "company")],
        },
    ),
}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_a_page_may_end_within_an_activity_that_changed_several_fields(size: int) -> None:
    with client(CHANGES) as soap:
        found = soap.iterate(GetLeadActivity(LeadKey("IDNUM", "7"), batch_size=size))
        assert [each.mktg_asset_name for each in found] == ["company", "lastName", "firstName", None]


@pytest.mark.parametrize("offset", ["ID:6:0", "ID:6:4", "ID:6:x", "ID:7:1", "ID:"])
def test_a_damaged_position_within_an_activity_is_a_fault(offset: str) -> None:
    with client(CHANGES) as soap, pytest.raises(Fault) as raised:
        soap.call(GetLeadActivity(LeadKey("IDNUM", "7"), start_position=StreamPosition(offset=offset)))
    assert raised.value.code == 20122


OBJECT_FIELDS = [{"name": name, "dataType": "string"} for name in ("externalOpportunityId", "role", "name")]
TAG = {"Type": "Region", "Value": "EU"}
OF_LEAD_7 = (MObjAssociation("Lead", 7), MObjAssociation("Opportunity", None, Attrib("Key", "O1")))


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (MObject("Opportunity", external_key=Attrib("Key", "O1"), attribs={"ExternalOpportunityId": "O2"}), "External"),
        (
            MObject("OpportunityPersonRole", attribs={"Role": "r", "PersonId": "8"}, m_obj_associations=OF_LEAD_7),
            "PersonId",
        ),
        (MObject("Program", external_key=Attrib("Key", "P1"), type_attribs=(TypeAttrib("Tag", TAG),)), "id"),
    ],
)
def test_another_object_than_the_one_named_is_not_written(given: MObject, names: str) -> None:
    seen: list[httpx.Request] = []
    described = {"name": "opportunity", "fields": [*OBJECT_FIELDS, {"name": "leadId", "dataType": "integer"}]}
    written = done({"status": "updated"})
    replies = {"describe": done(described), "opportunities": written, "roles": written, "0": written}
    with client(replies, seen) as soap:
        (status,) = soap.call(SyncMObjects([given], "UPDATE")).m_obj_statuses
    assert status.status == "FAILED"
    assert names in (status.error or "")
    assert [request.method for request in seen if request.method == "POST"] == []


def test_a_list_is_not_cleared_if_the_leads_of_its_import_cannot_be_found() -> None:
    seen: list[httpx.Request] = []
    failure = {"success": False, "errors": [{"code": "1003", "message": "Too many results match the filter"}]}
    replies = {
        "lists": done({"id": 5, "name": "L", "programName": "P"}),
        "leads": lambda request: failure if "filterType" in request.url.params else done({"id": 7}),
        "describe": done(*FIELDS, {"displayName": "Email Address", "dataType": "email", "rest": {"name": "email"}}),
    }
    with client(replies, seen) as soap, pytest.raises(Fault) as raised:
        soap.call(ImportToList("P", "Email Address", ["a@t.com"], "LISTONLY", "L", True))
    assert raised.value.code == 20110
    assert not raised.value.fate_unknown
    assert [request.method for request in seen] == ["GET"] * 3


def test_a_type_without_a_description_is_described_again_soon() -> None:
    described = done({"fields": [{"name": "rid", "dataType": "string"}], "dedupeFields": ["rid"]})
    replies = {"customobjects": done({"name": "road"}), "describe": [done(), described], "road": done()}
    now = [0.0]
    with client(replies) as soap, patch("time.monotonic", lambda: now[0]):
        with pytest.raises(Fault):
            soap.call(GetCustomObjects("road", {"rid": "1"}))
        now[0] = 600.0
        assert soap.call(GetCustomObjects("road", {"rid": "1"})).custom_objs == ()


@pytest.mark.parametrize(
    "text", ["Street 1\nFloor 2", "Street 1\rFloor 2", "Street 1\r\nFloor 2", 'The "Ritz", London']
)
def test_a_cell_with_a_line_break_stays_one_cell_of_an_import(text: str) -> None:
    seen: list[httpx.Request] = []
    replies = {
        "lists": done({"id": 5, "name": "L", "programName": "P"}),
        "describe": done(*FIELDS, {"displayName": "Email Address", "dataType": "email", "rest": {"name": "email"}}),
        "leads": done({"batchId": 9, "status": "Queued"}),
    }
    quoted = text.replace('"', '""')
    rows = [f'a@t.com,"{quoted}"', "b@t.com,short"]
    with client(replies, seen) as soap:
        soap.call(ImportToList("P", "Email Address,company", rows, "UPSERTLEADS", "L"))
    file = seen[-1].content.split(b"\r\n\r\n", 1)[1].rpartition(b"\r\n--")[0].decode()
    assert [*csv.reader(StringIO(file, newline=""))] == [["email", "company"], ["a@t.com", text], ["b@t.com", "short"]]


OTHER_ADDRESS = [LeadRecord(email=f"{name}@t.com", attributes={"Email": f"{name}@x.com"}) for name in "abc"]
TAGGED = [MObject("Program", number, type_attribs=(TypeAttrib("Tag", TAG),)) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    "call", [SyncMultipleLeads(OTHER_ADDRESS), SyncMObjects(TAGGED, "UPDATE")], ids=lambda call: call.name
)
@pytest.mark.parametrize(("code", "fault"), [("607", 20015), ("603", 20013), ("601", 20014)])
def test_what_refuses_any_call_is_a_fault_and_not_the_status_of_each_record(call: Any, code: str, fault: int) -> None:
    seen: list[httpx.Request] = []
    refusal = {"success": False, "errors": [{"code": code, "message": "no"}]}
    with client({"leads": refusal, "1": refusal}, seen) as soap, pytest.raises(Fault) as raised:
        soap.call(call)
    assert raised.value.code == fault
    assert len([request for request in seen if "describe" not in request.url.path]) == (2 if code == "601" else 1)


def test_leads_that_are_too_long_for_one_body_go_in_several() -> None:
    sizes: list[int] = []

    def written(request: httpx.Request) -> Any:
        records = json.loads(request.content)["input"]
        sizes.append(len(records))
        if len(request.content) > 1024 * 1024 and len(records) > 1:
            return httpx.Response(413)
        return done(*({"id": int(each["email"].partition("@")[0]), "status": "created"} for each in records))

    texts = ["x" * 2_000_000, *["x" * 150_000] * 9]
    leads = [LeadRecord(email=f"{number}@t.com", attributes={"Company": text}) for number, text in enumerate(texts, 1)]
    with client({"leads": written}) as soap:
        statuses = soap.call(SyncMultipleLeads(leads)).sync_statuses
    assert [each.lead_id for each in statuses] == [*range(1, 11)]
    assert (sum(sizes), sizes[0]) == (10, 1)


@pytest.mark.parametrize("illegal", ["\x01", "\ud800", "\ufffe"])
def test_characters_that_xml_may_not_contain_do_not_hide_what_was_written(illegal: str) -> None:
    why = {"status": "skipped", "reasons": [{"code": "1003", "message": f"no {illegal}"}]}
    replies = {"leads": done({"id": 7, "status": "created"}, why), "campaigns": done({"id": 1, "name": f"C{illegal}"})}
    with client(replies) as soap:
        call = SyncMultipleLeads([LeadRecord(email="a@t.com"), LeadRecord(email="b@t.com")])
        assert [each.error for each in soap.call(call).sync_statuses] == [None, "20106 - no \ufffd [REST 1003]"]
        assert [each.name for each in soap.call(GetCampaignsForSource("MKTOWS")).campaign_records] == ["C\ufffd"]


def test_of_lists_with_one_name_that_of_no_program_is_meant() -> None:
    seen: list[httpx.Request] = []
    lists = done(
        {"id": 5, "name": "News", "programName": "Launch"}, {"id": 6, "name": "News"}, {"id": 4, "name": "New"}
    )
    with client({"lists": lists, "leads": done({"id": 7, "status": "added"})}, seen) as soap:
        soap.call(ListOperation("ADDTOLIST", ListKey("MKTOLISTNAME", "News"), [LeadKey("IDNUM", "7")]))
    assert seen[-1].url.path == "/rest/v1/lists/6/leads.json"


def test_no_program_of_many_is_left_out() -> None:
    def programs(request: httpx.Request) -> Any:
        offset = int(request.url.params["offset"])
        return done(*({"id": number + 1, "name": "P"} for number in range(offset, min(offset + 200, 10_150))))

    with client({"programs": programs}) as soap:
        call = GetMObjects("Program", m_obj_criteria=(MObjCriteria("Id", "GE", "10100"),))
        assert [each.id for each in soap.call(call).m_objects] == [*range(10_100, 10_151)]


@pytest.mark.parametrize(
    ("settings", "code", "expected", "later"),
    [
        (BridgeSettings(), "1007", ["CREATED", "FAILED"], []),
        (BridgeSettings(on_duplicate="most_recent"), "1007", ["CREATED", "UPDATED"], ["createOrUpdate", "updateOnly"]),
        (BridgeSettings(), "1021", ["CREATED", "FAILED"], []),
        (BridgeSettings(drop_company_fields=True), "1021", ["CREATED", "UPDATED"], ["createOrUpdate"] * 2),
    ],
)
def test_settings_for_refused_leads_hold_for_many_leads_too(
    settings: BridgeSettings, code: str, expected: list[str], later: list[str]
) -> None:
    actions: list[str] = []

    def leads(request: httpx.Request) -> Any:
        if request.method == "GET":
            return done(*({"id": number, "email": "b@t.com", "updatedAt": f"202{number}"} for number in (1, 2)))
        body = json.loads(request.content)
        actions.append(body["action"])
        why = {"status": "skipped", "reasons": [{"code": code, "message": "no"}]}
        written = {"id": 2, "status": "created" if len(actions) == 1 else "updated"}
        refused = body["action"] == "createOrUpdate" if code == "1007" else "company" in body["input"][-1]
        return done(*[written] * (len(body["input"]) - 1), why if refused else written)

    given = [LeadRecord(email="a@t.com"), LeadRecord(email="b@t.com", attributes={"Company": "C"})]
    with client({"leads": leads}, settings=settings) as soap:
        statuses = soap.call(SyncMultipleLeads(given)).sync_statuses
    assert [str(each.status) for each in statuses] == expected
    assert actions[1:] == later


def test_the_summary_of_an_import_says_why_a_row_is_not_sent() -> None:
    replies = {
        "lists": done({"id": 5, "name": "L", "programName": "P"}),
        "describe": done(*FIELDS, {"displayName": "Email Address", "dataType": "email", "rest": {"name": "email"}}),
        "leads": done({"batchId": 9, "status": "Queued"}),
        "9": done({"batchId": 9, "status": "Complete", "numOfLeadsProcessed": 1, "numOfRowsFailed": 0}),
    }
    with client(replies) as soap:
        soap.call(ImportToList("P", "Email Address", ["a@t.com", "b@t.com\nc@t.com", '"d@t.com'], "UPSERTLEADS", "L"))
        status = soap.call(GetImportToListStatus("P", "L"))
    assert (status.rows_failed, status.import_summary) == (2, "row 2: not one row of CSV\nrow 3: not one row of CSV")


def test_a_program_that_rest_does_not_find_is_not_updated() -> None:
    nothing = {"success": True, "warnings": ["No assets found for the given search criteria."]}
    with client({"1": done({"id": 1}), "2": nothing, "3": done({"id": 3})}) as soap:
        statuses = soap.call(SyncMObjects(TAGGED, "UPDATE")).m_obj_statuses
    assert [str(each.status) for each in statuses] == ["UPDATED", "FAILED", "UPDATED"]
