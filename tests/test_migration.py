"""What past calls say of the move to REST: each finding once, nothing else, and at the price that the bridge takes."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from click.testing import CliRunner, Result
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from marketo_soap import (
    Attribute,
    BridgeSettings,
    Client,
    Exchange,
    GetImportToListStatus,
    GetLead,
    GetMultipleLeads,
    ImportToList,
    LastUpdateAtSelector,
    LeadKey,
    LeadKeySelector,
    LeadRecord,
    MktowsContextHeader,
    Operation,
    RestBridge,
    Sandbox,
    StaticListSelector,
    SyncLead,
    envelope,
)
from marketo_soap.cli.commands import cli
from marketo_soap.debug.exporting import har
from marketo_soap.debug.recorder import Recorder
from marketo_soap.envelope import Request
from marketo_soap.errors import fault
from marketo_soap.migration import DescribedInstance, Report, Survey, survey_leads, survey_messages
from marketo_soap.operations import OPERATIONS
from marketo_soap.privacy.redactor import EVERYTHING
from marketo_soap.sandbox.settings import Settings, Workspace, Workspaces
from tests.bridge.example_calls import EXAMPLE_CALLS, UNSUPPORTED_CALLS, seed_leads
from tests.bridge.example_calls import SETTINGS as EXAMPLE_SETTINGS
from tests.bridge.support import DESCRIBED, described_field
from tests.declared import values_of
from tests.support import COOKIE, FIXTURES, HEADER, NOW, enveloped, fixture

LEADS = FIXTURES / "story" / "leads.csv"
KNOWN = DescribedInstance.read(DESCRIBED.encode())
LOCKED = DescribedInstance.read(
    json.dumps(
        {"result": [described_field("a", "A", "string") | {"rest": {"name": "a", "readOnly": True}}], "success": True}
    ).encode()
)
ERP = {"CUSTOM": "erpId"}


def call(
    attributes: Any = (),
    *,
    cookie: str | None = None,
    workspace: str | None = None,
    return_lead: bool = False,
    **keys: Any,
) -> Request[Any]:
    record = LeadRecord(**(keys or {"email": "t@t.com"} if not cookie else keys), attributes=attributes)
    context = MktowsContextHeader(workspace) if workspace else None
    return Request(SyncLead(record, return_lead, cookie), None, context)


def surveyed(
    *calls: Request[Any], instance: DescribedInstance | None = KNOWN, quota: int = 50_000, **settings: Any
) -> Report:
    survey = Survey(BridgeSettings(**settings), instance, quota=quota)
    for number, each in enumerate(calls, 1):
        survey.observe(each, f"call {number}")
    return survey.report()


def found(report: Report) -> list[tuple[str, str, str, int, str]]:
    return [(str(each.level), each.kind, each.subject, each.count, each.first) for each in report.findings]


def lacking(**keys: Any) -> Request[Any]:
    """A call as it may come, but as no `LeadRecord` of ours would be."""
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in keys.items())
    data = envelope.request(SyncLead(LeadRecord(email="x@x.x")), None).replace(b"<Email>x@x.x</Email>", inside.encode())
    return envelope.read_request(data)


# -- findings -----------------------------------------------------------------------------------------

GOOD = {
    "FirstName": "George",
    "DateofBirth": "2001-02-03",
    "DoNotCall": "yes",
    "Last_Seen__c": "2013-08-05T16:34:19-07:00",
}


@pytest.mark.parametrize(
    "fine",
    [
        call(GOOD),
        call(id=7, cookie=COOKIE, return_lead=True),
        call(cookie=COOKIE),
        call(workspace=" default "),
    ],
)
def test_what_survives_is_not_spoken_of(fine: Request[Any]) -> None:
    report = surveyed(fine)
    assert found(report) == []
    assert report.verdict == "ready"


@pytest.mark.parametrize(
    ("given", "settings", "finding", "verdict"),
    [
        (call({"FavouriteColour": "green"}), {}, ("settings", "unmapped", "FavouriteColour"), "needs settings"),
        (call({"NumberOfEmployees": "14.1"}), {}, ("work", "value", "NumberOfEmployees"), "needs work"),
        (call({"DoNotCall": "maybe"}), {}, ("work", "value", "DoNotCall"), "needs work"),
        (call({"AnnualRevenue": "a fortune"}), {}, ("work", "value", "AnnualRevenue"), "needs work"),
        (call({"DateofBirth": "yesterday"}), {}, ("work", "value", "DateofBirth"), "needs work"),
        (call({"Last_Seen__c": "2013-08-05T16:34:19"}), {}, ("risk", "naive", "Last_Seen__c"), "ready"),
        (
            call({"Last_Seen__c": "2013-08-05T16:34:19"}),
            {"naive_offset": ""},
            ("settings", "naive", "Last_Seen__c"),
            "needs settings",
        ),
        (call({"FirstName": ""}), {}, ("risk", "empty", "FirstName"), "ready"),
        (call([Attribute("firstName", "a"), Attribute("FirstName", "b")]), {}, ("risk", "repeated", "FirstName"), "ready"),
        (call({"Company": "Jungle"}), {}, ("risk", "company", "Company"), "ready"),
        (call({"LeadSource": "x"}), {"field_sources": ("describe", "first_letter")}, ("risk", "guessed", "LeadSource"), "ready"),
        (call({"mktoName": "x"}), {}, ("work", "read-only", "mktoName"), "needs work"),
        (call({"Id": ""}), {}, ("risk", "not-sent", "Id"), "ready"),
        (call({"Email": "new@t.com"}), {}, ("risk", "new-address", "Email"), "ready"),
        (call({"Email": "no address"}, id=7), {}, ("work", "value", "Email"), "needs work"),
        (call({"x@t.com": ""}), {}, ("settings", "unmapped", "[email-1]"), "needs settings"),
        (call(email="no address"), {}, ("work", "value", "Email"), "needs work"),
        (lacking(Email="j\u00f6rg@t.com"), {}, ("work", "refused", "20110"), "needs work"),
        (lacking(Email=""), {}, ("work", "refused", "20101"), "needs work"),
        (lacking(ForeignSysPersonId="1"), {}, ("work", "refused", "20109"), "needs work"),
        (lacking(ForeignSysPersonId="1", ForeignSysType="SAP"), {}, ("work", "refused", "20110"), "needs work"),
        (call(cookie=COOKIE), {"cookie_only": "refuse"}, ("work", "refused", "20101"), "needs work"),
        (call(workspace="Europe"), {}, ("settings", "workspace", "Europe"), "needs settings"),
    ],
)  # fmt: skip
def test_what_does_not_survive_is_found_once(
    given: Request[Any], settings: dict[str, Any], finding: tuple[str, str, str], verdict: str
) -> None:
    report = surveyed(call(), given, given, **settings)
    others = [each for each in found(report) if each[1] not in ("company",) or finding[1] == "company"]
    assert others == [(*finding, 2, "call 2")]
    assert report.verdict == verdict


def test_who_is_asked_for_a_field_is_said() -> None:
    attributes = {"FirstName": "a", "Rating": "b", "Mine": "c", "FirstNam": "d"}
    report = surveyed(call(attributes), call({"FirstName": "e"}), attribute_names={"Mine": "lastName"})
    actual = [(use.name, use.count, use.rest_name, use.type, use.source, use.suggestion) for use in report.fields]
    assert actual == [
        ("FirstNam", 1, None, "", "", "FirstName"),
        ("FirstName", 2, "firstName", "string", "describe", None),
        ("Mine", 1, "lastName", "string", "override", None),
        ("Rating", 1, "rating", "string", "standard", None),
    ]
    assert "did you mean 'FirstName'?" in report.findings[0].text
    assert surveyed(call(attributes), instance=None).fields[1].source == "standard"


def test_what_an_instance_says_of_its_own_fields_counts() -> None:
    assert found(surveyed(call({"A": "x"}), instance=LOCKED)) == [("work", "read-only", "A", 1, "call 1")]
    for data in (b"{}", b'{"result":[]}', b"not json", b"[" * 100_000):
        with pytest.raises(ValueError, match=r"describe\.json"):
            DescribedInstance.read(data)


def foreign(person_id: str, system: str = "CUSTOM", **keys: Any) -> Request[Any]:
    return call(foreign_sys_person_id=person_id, foreign_sys_type=system, **keys)


@pytest.mark.parametrize(
    ("calls", "settings", "finding"),
    [
        ([foreign("A"), foreign("A"), foreign("B")], {}, ("work", 2)),
        ([foreign("A", email="a@t.com"), foreign("B", id=7)], {}, ("work", 2)),
        ([foreign("A", email="a@t.com"), foreign("B", id=7)], {"foreign_id_adopt_email": True}, ("risk", 2)),
        ([foreign("A", id=7)], {}, ("risk", 1)),
    ],
)
def test_foreign_ids_make_duplicates_until_their_field_is_filled(
    calls: list[Request[Any]], settings: dict[str, Any], finding: tuple[str, int]
) -> None:
    report = surveyed(*calls, foreign_id_fields=ERP, **settings)
    assert found(report) == [(finding[0], "duplicates", "CUSTOM", finding[1], "call 1")]
    filled = Survey(BridgeSettings(foreign_id_fields=ERP), KNOWN, foreign_ids_filled=True)
    filled.observe(calls[0], "call 1")
    assert filled.report().verdict == "ready"


def test_how_many_foreign_ids_an_email_softens_is_said() -> None:
    report = surveyed(
        foreign("A", email="a@t.com"), foreign("B", id=7), foreign("B", email="b@t.com"), foreign_id_fields=ERP
    )
    assert "(1 come with an Id, 1 with an Email" in report.findings[0].text


def test_a_system_that_is_not_configured_is_found() -> None:
    report = surveyed(foreign("A", "SFDC", id=7), foreign("B", "SFDC", id=8), foreign_id_fields=ERP)
    assert found(report)[0] == ("settings", "foreign", "SFDC", 2, "call 1")
    assert [each[1] for each in found(report)] == ["foreign", "duplicates"]


def test_a_foreign_id_in_a_whole_number_field_is_one() -> None:
    report = surveyed(foreign("12", id=1), foreign("A", id=2), foreign_id_fields={"CUSTOM": "erpNumber"})
    assert found(report)[0] == ("work", "value", "ForeignSysPersonId CUSTOM", 1, "call 2")


@pytest.mark.parametrize(
    ("calls", "count"),
    [
        ([call(id=1, email="t@t.com"), call(id=2, email="T@t.com"), call(id=3, email="t@t.com")], 1),
        ([call(id=1, email="t@t.com"), call(id=2, email="T@t.com")], 1),
        ([foreign("[value-1]", email="t@t.com"), foreign("[value-2]", email="t@t.com")], 0),
        ([foreign("A", email="t@t.com"), foreign("B", email="t@t.com")], 1),
        ([call(id=1, email="t@t.com"), call(id=1, email="t@t.com"), call(email="t@t.com")], 0),
        ([call(id=1, email="t@t.com"), call(id=2, email="u@t.com")], 0),
        ([call(id=1, email="[email-1]"), call(id=2, email="[email-1]")], 0),
    ],
)
def test_emails_of_several_leads_are_counted(calls: list[Request[Any]], count: int) -> None:
    shared = [each.count for each in surveyed(*calls).findings if each.kind == "shared"]
    assert shared == [count] * bool(count)


def test_how_calls_are_keyed_is_counted() -> None:
    report = surveyed(
        call(id=7, email="t@t.com", cookie=COOKIE), call(), call(), foreign("A", email="a@t.com"), call(cookie=COOKIE)
    )
    assert report.keys == {
        "Email": 2,
        "ForeignSysPersonId CUSTOM": 1,
        "Id": 1,
        "marketoCookie alone": 1,
        "marketoCookie beside another key": 1,
    }


def test_what_was_redacted_is_not_judged() -> None:
    given = foreign("[value-1]", id=7, email="[email-1]", attributes={"DoNotCall": "[value-2]"})
    report = surveyed(given, given, foreign_id_fields=ERP)
    assert found(report) == [("risk", "hidden", "", 2, "")]


def test_endless_names_take_no_endless_room() -> None:
    report = surveyed(*(call({f"x{number}": ""}) for number in range(4_000)), instance=None)
    assert len(report.fields) == 2_000
    assert report.fields_left_out == 2_000
    assert len(report.findings) == 2_001
    assert sum(each.count for each in report.findings) == 4_000


# -- the cost -----------------------------------------------------------------------------------------

SPACES = Workspaces(enabled=True, workspaces=(Workspace("Default", "Default"), Workspace("Europe", "EU")))
PARTITIONS = {"Default": "Default", "Europe": "EU"}


@pytest.mark.parametrize(
    ("given", "settings", "prices"),
    [
        (call(), {}, {1}),
        (call(GOOD, return_lead=True), {}, {2}),
        (call(cookie=COOKIE), {}, {3}),
        (call(email="t@t.com", cookie=COOKIE, return_lead=True), {}, {3}),
        (call({"Email": "t@t.com"}, cookie=COOKIE), {}, {2}),
        (call(workspace="Europe"), {}, {2}),
        (call(id=1), {}, {1}),
        (call(id=1, workspace="Default", cookie=COOKIE), {}, {3}),
        (foreign("A"), {}, {1}),
        (foreign("A", email="t@t.com", workspace="Europe"), {}, {1}),
        (foreign("A", email="t@t.com"), {"foreign_id_adopt_email": True}, {2, 3}),
        (foreign("A", email="t@t.com", workspace="Europe"), {"foreign_id_adopt_email": True}, {3}),
    ],
)
def test_a_call_costs_what_the_bridge_takes(given: Request[Any], settings: dict[str, Any], prices: set[int]) -> None:
    terms = BridgeSettings(foreign_id_fields=ERP, workspace_partitions=PARTITIONS, **settings)
    sandbox_settings = Settings(custom_fields={"erpId": "string", "Last_Seen__c": "datetime"}, workspaces=SPACES)
    with Sandbox(settings=sandbox_settings, clock=lambda: NOW) as sandbox:
        user = sandbox.rest_credentials
        bridge = RestBridge(
            "https://s.invalid", user.client_id, user.client_secret, settings=terms, transport=sandbox.transport()
        )
        with Client(transport=bridge) as client:
            first = client.sync_lead(LeadRecord(email="first@t.com"), return_lead=True)  # for token and fields
            client.sync_lead(LeadRecord(id=first.lead_id), target_workspace="Default")  # for partitions
            operation: Any = given.operation
            space = given.context.target_workspace if given.context else None
            if operation.lead_record.id is not None:
                operation = evolve(operation, lead_record=LeadRecord(id=first.lead_id))
            seen = set()
            for _ in range(2):  # of a new lead, and of a known one
                before = bridge.rest_calls
                client.call(operation, target_workspace=space)
                seen.add(bridge.rest_calls - before)
    survey = Survey(terms)
    survey.observe(given, "")
    cost = survey.report().cost
    assert seen == prices == {cost.least, cost.most}


def test_a_new_address_costs_a_search() -> None:
    costs = [surveyed(call({"Email": "new@t.com"}), email_attribute=each).cost for each in ("new_address", "key")]
    assert [(cost.least, cost.most) for cost in costs] == [(2, 2), (1, 1)]


def test_a_call_that_is_not_set_up_costs_what_it_will_when_it_is() -> None:
    cost = surveyed(foreign("A", workspace="Mars"), lacking(Email="")).cost
    assert (cost.least, cost.most) == (1, 1)


def test_peaks_go_by_the_days_of_the_quota() -> None:
    survey = Survey(BridgeSettings(), quota=4)
    night = datetime(2013, 8, 5, 4, 59, 50, tzinfo=UTC)  # a day ends at 5:00 UTC in summer
    seconds = [*range(10), 10, 19, 20, 29, 3600]
    for second in seconds:
        survey.observe(call(), "", night + timedelta(seconds=second))
    for senseless in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), datetime(2013, 8, 5)):
        survey.observe(call(), "", senseless)
    report = survey.report()
    assert (report.cost.busiest_day, report.cost.on_busiest_day) == (night.date() - timedelta(days=1), 10)
    assert report.cost.in_window == 12
    assert (report.first, report.last) == (night, night + timedelta(seconds=3600))
    assert [each[:2] for each in found(report)] == [("work", "quota")]


def test_more_than_the_window_allows_is_found() -> None:
    signed = evolve(call(), header=HEADER)
    assert found(surveyed(*[signed] * 100)) == []
    assert found(surveyed(*[signed] * 101)) == [("risk", "rate", "", 1, "")]


# -- out of files -------------------------------------------------------------------------------------

REQUEST = envelope.request(SyncLead(LeadRecord(email="priv@t.com", attributes={"DoNotCall": "geheim"})), HEADER)
ASKING = Exchange("syncLead", "https://x.example/soap", 1, NOW, (), REQUEST, 0.1, 200, (), fixture("sync_lead/created.response.xml"))  # fmt: skip


def read(data: bytes) -> Report:
    survey = Survey(BridgeSettings())
    survey_messages(survey, data, "a file")
    return survey.report()


@pytest.mark.parametrize(
    ("data", "calls", "unreadable", "others"),
    [
        (REQUEST, 1, [], 0),
        (b"log: " + REQUEST + b"\nlog: " + REQUEST, 2, [], 0),
        (REQUEST[:-40], 0, ["a file"], 0),
        (b"log: " + REQUEST[:400] + b"\nlog: " + REQUEST, 1, ["a file, line 1"], 0),
        (fixture("sync_lead/created.response.xml"), 0, [], 1),
        (fixture("faults/20103.xml")[:-30], 0, [], 1),
        (b"<project/>", 0, [], 1),
        (b"nothing", 0, [], 1),
        (b"", 0, [], 1),
        (har([ASKING, ASKING], visible=EVERYTHING), 2, [], 0),
        (har([ASKING, evolve(ASKING, attempt=2, previous=ASKING)], visible=EVERYTHING), 1, [], 0),
        (REQUEST.replace(b"<leadRecord>", b"<x>").replace(b"</leadRecord>", b"</x>"), 0, ["a file"], 0),
    ],
)
def test_calls_are_read_out_of_anything(data: bytes, calls: int, unreadable: list[str], others: int) -> None:
    report = read(data)
    assert (report.calls, [where for where, _ in report.unreadable], report.others) == (calls, unreadable, others)
    assert ("unreadable" in {each.kind for each in report.findings}) == bool(unreadable)
    if calls:
        assert report.first == NOW


def test_the_last_of_repeated_values_is_judged() -> None:
    report = surveyed(call([Attribute("DoNotCall", "maybe"), Attribute("DoNotCall", "yes")]))
    assert found(report) == [("risk", "repeated", "DoNotCall", 1, "call 1")]


def test_a_recording_without_times_goes_by_the_signature() -> None:
    archive = json.loads(har([ASKING], visible=EVERYTHING))
    assert read(json.dumps(archive).replace(NOW.isoformat()[:19], "then").encode()).first == NOW
    later = NOW + timedelta(hours=1)
    assert read(har([evolve(ASKING, started=later)], visible=EVERYTHING)).first == later


def test_other_operations_are_named() -> None:
    report = read(REQUEST.replace(b"paramsSyncLead", b"paramsOther"))
    assert found(report) == [("work", "operation", "Other", 1, "a file")]
    assert read(fixture("sync_lead/created.response.xml").replace(b"successSyncLead", b"successOther")).others == 1


def key_of(key_type: str, value: str = "t@t.com") -> Request[Any]:
    return Request(GetLead(LeadKey(key_type, value)), None, None)


def many(selector: Any) -> Request[Any]:
    return Request(GetMultipleLeads(selector), None, None)


LIMIT = ("risk", "approximate", "getLead", "more than 1,000 leads")
COUNT = ("risk", "approximate", "getMultipleLeads", "remainingCount")
CHANGES = ("risk", "approximate", "getMultipleLeads", "LastUpdateAtSelector")
WARNED = ("risk", "warning", "getMultipleLeads", "REST names the leads whose fields changed")


@pytest.mark.parametrize(
    ("request_", "findings", "cost", "verdict"),
    [
        (key_of("EMAIL"), [LIMIT], 1, "ready"),
        (
            key_of("LEADOWNEREMAIL"),
            [("work", "refused", "20102", "LEADOWNEREMAIL")],
            0,
            "needs work",
        ),
        (many(LeadKeySelector("EMAIL", ["a@t.com", "b@t.com"])), [COUNT], 1, "ready"),
        (many(StaticListSelector(static_list_id=7)), [COUNT], 1, "ready"),
        (many(StaticListSelector("Program.List")), [COUNT], 2, "ready"),
        (many(LastUpdateAtSelector(NOW)), [CHANGES, COUNT, WARNED], 3, "ready"),
    ],
)
def test_reads_are_counted_and_judged(
    request_: Request[Any], findings: list[tuple[str, ...]], cost: int, verdict: str
) -> None:
    report = surveyed(request_)
    actual = [(each.level, each.kind, each.subject) for each in report.findings]
    assert actual == [each[:3] for each in findings]
    for each, (*_, text) in zip(report.findings, findings, strict=True):
        assert each.text.startswith(text)
    assert (report.verdict, report.cost.least, report.cost.most) == (verdict, cost, cost)
    assert report.keys == {request_.operation.name: 1}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_call_of_any_operation_costs_what_the_bridge_takes(name: str) -> None:
    with Sandbox(settings=EXAMPLE_SETTINGS, clock=lambda: NOW) as sandbox:
        seed_leads(sandbox)
        user = sandbox.rest_credentials
        bridge = RestBridge("https://s.invalid", user.client_id, user.client_secret, transport=sandbox.transport())
        with Client(transport=bridge) as client:
            again = EXAMPLE_CALLS[name][-1:] if name != "mergeLeads" else []  # fields and types are described once
            counts = []
            for operation in [*EXAMPLE_CALLS[name], *again]:
                client.call(operation)
                counts.append(bridge.rest_calls)
            taken = counts[-1] - (counts[-2] if counts[1:] else 0)
    report = surveyed(Request(EXAMPLE_CALLS[name][-1], None, None))
    assert (report.cost.least, report.cost.most) == (taken, taken)
    assert report.verdict == "ready"


@pytest.mark.parametrize(("operation", "code", "reason"), UNSUPPORTED_CALLS)
def test_what_rest_cannot_carry_is_work(operation: Operation[Any], code: int, reason: str) -> None:
    (finding,) = surveyed(Request(operation, None, None)).findings
    assert (finding.level, finding.kind, finding.subject) == ("work", "refused", str(code))
    assert reason in finding.text


def test_a_reason_that_names_a_private_value_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise fault(20110, "no lead can be private@t.com")
        yield

    monkeypatch.setattr("marketo_soap.migration.cost.TRANSLATIONS", {"getLead": refuse})
    assert surveyed(key_of("EMAIL", "private@t.com")).findings[0].text == "Bad Parameter (20110)"
    assert surveyed(key_of("EMAIL", "t.com")).findings[0].text == "Bad Parameter (20110)"
    assert surveyed(key_of("EMAIL", "lead")).findings[0].text == "Bad Parameter (20110)"
    assert "private@t.com" in surveyed(key_of("EMAIL", "vate")).findings[0].text


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=3, phases=[Phase.generate])
@given(data=st.data())
def test_any_call_is_judged(name: str, data: st.DataObject) -> None:
    operation = data.draw(values_of(OPERATIONS[name]))
    report = surveyed(Request(operation, None, None))
    assert report.calls == 1
    assert report.cost.most < 100
    assert "20011" not in {each.subject for each in report.findings}


def test_a_status_of_an_import_costs_one_call() -> None:
    report = surveyed(Request(GetImportToListStatus("Party", "Guests"), None, None))
    assert (report.cost.most, {each.level for each in report.findings}) == (1, {"risk"})
    clearing = ImportToList("Party", "Email Address", ["a@t.com"], "UPSERTLEADS", "Guests", True)
    assert surveyed(Request(clearing, None, None)).cost.most == 4


def test_samples_of_reads_are_read_from_files() -> None:
    for name in ("getLead", "getMultipleLeads"):
        data = (FIXTURES / "samples" / f"{name}.request.xml").read_bytes()
        assert read(data).keys == {name: 1}
    assert surveyed(key_of("EMAIL", "[email-1]")).hidden == 1
    empty = read(enveloped("<m:paramsGetMultipleLeads/>"))
    assert found(empty) == [("work", "refused", "10001", 1, "a file")]


def test_rows_are_calls() -> None:
    rows = (
        'Id,Email,marketoCookie,targetWorkspace,FirstName\n7,,c,Europe,"two\nlines"\nx,t@t.com,,,\n'
        ",,,,Ape\n,a@t.com,,,\n,b@t.com\n"
    )
    survey = Survey(BridgeSettings())
    survey_leads(survey, rows.splitlines(keepends=True), "x.csv")
    report = survey.report()
    assert [where for where, _ in report.unreadable] == ["x.csv, line 4", "x.csv, line 5", "x.csv, line 7"]
    assert report.keys == {"Email": 1, "Id": 1, "marketoCookie beside another key": 1}
    assert ("settings", "workspace", "Europe", 1, "x.csv, line 2") in found(report)
    assert [(use.name, use.count) for use in report.fields] == [("FirstName", 1)]


def test_what_is_no_csv_ends_the_reading() -> None:
    survey = Survey(BridgeSettings())
    survey_leads(survey, ["Email,FirstName\n", "a@t.com,a\n", f"b@t.com,{'x' * 200_000}\n", "c@t.com,c\n"], "x.csv")
    report = survey.report()
    assert (report.calls, [where for where, _ in report.unreadable]) == (1, ["x.csv, line 3"])


@pytest.mark.parametrize("heading", ["", "FirstName,LastName", "Id;Email", "Email,FirstName,FirstName"])
def test_a_heading_that_is_none_of_leads_is_refused(heading: str) -> None:
    with pytest.raises(ValueError, match=r"x\.csv: "):
        survey_leads(Survey(BridgeSettings()), [heading], "x.csv")


# -- the command --------------------------------------------------------------------------------------

PRIVATE = ("jungle.example", "george", "Stanhope", "ERP-0042", "sky-high", "grey")


def run(*args: str | Path, code: int) -> Result:
    result = CliRunner().invoke(cli, ["bridge-check", *map(str, args)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_the_story_is_told_without_private_values() -> None:
    for result in (run(LEADS, code=1), run("--json", LEADS, code=1)):
        for private in PRIVATE:
            assert private not in result.output
        assert result.stderr == ""
        assert "\x1b" not in result.output
    assert "a whole number is expected: 'sky-high'" in run("--raw", LEADS, code=1).stdout


def test_the_report_is_for_programs_too() -> None:
    data = json.loads(run("--json", LEADS, code=1).stdout)
    assert data["verdict"] == "needs work"
    assert data["calls"] == 6
    assert {each["kind"] for each in data["findings"]} == {"company", "duplicates", "foreign", "unmapped", "value"}
    assert data["cost"]["most"] == 6
    assert not any("example" in each for each in data["findings"])
    with_values = json.loads(run("--json", "--raw", LEADS, code=1).stdout)
    assert "sky-high" in {each["example"] for each in with_values["findings"]}


def test_settings_and_fields_make_it_ready(tmp_path: Path) -> None:
    leads, config, described = tmp_path / "x.csv", tmp_path / "x.toml", tmp_path / "d.json"
    leads.write_bytes("\ufeffForeignSysPersonId,ForeignSysType,Colour\r\nA,CUSTOM,red\r\n".encode())
    config.write_text('[foreign_id_fields]\nCUSTOM = "erpId"\n', encoding="utf-8")
    described.write_text(
        json.dumps({"result": [described_field(n, n, "string") for n in ("Colour", "erpId")]}), encoding="utf-8"
    )
    run(leads, code=1)
    run(leads, "--config", config, "--describe", described, code=1)
    shown = run(leads, "--config", config, "--describe", described, "--foreign-ids-filled", code=0).stdout
    assert shown.endswith("\nready\n")
    assert "  Colour  1  Colour (string)  describe\n" in shown
    config.write_text(f'describe_file = "{described}"\n' + config.read_text(encoding="utf-8"), encoding="utf-8")
    assert "Colour (string)  file" in run(leads, "--config", config, "--foreign-ids-filled", code=0).stdout
    assert "--quota" in run(leads, "--quota", "0", code=2).stderr


def test_the_report_of_one_call_has_no_empty_parts_and_no_false_plurals(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_bytes(envelope.request(SyncLead(LeadRecord(id=7)), HEADER))
    (tmp_path / "none.xml").write_bytes(REQUEST[:-50])
    assert run("--envelopes", tmp_path / "one.xml", code=0).stdout == (
        "1 call read, made 2013-08-05\n\nkeys\n  Id  1\n\ncost\n  1 call of REST for 1 call of SOAP\n"
        "  at most 1 call on a day (2013-08-05), 50000 allowed\n  at most 1 call in 20 s, 100 allowed\n\nready\n"
    )
    shown = run("--envelopes", tmp_path / "none.xml", code=1).stdout
    assert [line for line in shown.splitlines() if line and line[0].islower()] == [
        "findings",
        "cost",
        "needs work: 1 work",
    ]


def test_a_long_report_shows_the_most_used_fields_and_the_gravest_findings(tmp_path: Path) -> None:
    names = [f"Own{number}" for number in range(2_100)]
    rows = [["t@t.com", *["x"] * len(names)], ["u@t.com", *["x"] * 20, *[""] * (len(names) - 20)]]
    (tmp_path / "x.csv").write_text("\n".join(",".join(row) for row in [["Email", *names], *rows]), encoding="utf-8")
    shown = run(tmp_path / "x.csv", code=1).stdout
    assert len(shown.splitlines()) < 130
    assert all(f"\n  Own{number} " in shown for number in range(20))
    assert "\n  and 1950 more fields: --json lists them all\n" in shown
    assert "\n  and 1951 more findings: --json lists them all\n" in shown
    report = json.loads(run("--json", tmp_path / "x.csv", code=1).stdout)
    assert len(report["findings"]) == 2_001
    assert [each["text"] for each in report["findings"] if each["subject"] == "(others)"] == [
        "findings of this kind beyond those that are listed"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"nothing", "Error: nothing.csv"), (b"Email\nj\xf6rg@t.com\n", "is not UTF-8"), (b"Email\n", "no call")],
)
def test_wrong_use_is_reported(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "nothing.csv").write_bytes(content)
    assert message in run(tmp_path / "nothing.csv", code=1 if message == "no call" else 2).stderr
    assert "nothing to look at" in run(code=2).stderr
    assert str(LEADS) in run(LEADS, "--describe", LEADS, code=2).stderr


def test_a_long_log_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.log").write_bytes(b"log: " + REQUEST + b"\nlog: " + REQUEST)
    monkeypatch.setattr("marketo_soap.cli.output._SILENT", -1.0)
    assert "calls read: 0 of 2 after" in run("--envelopes", tmp_path / "x.log", code=1).stderr
    assert "lines read: 7 of 7" in run(LEADS, code=1).stderr


def test_a_directory_is_read_whatever_is_in_it(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "a.har").write_bytes(har([ASKING, ASKING], visible=EVERYTHING))
    (inner / "b.request.xml").write_bytes(REQUEST)
    (inner / "b.response.xml").write_bytes(fixture("sync_lead/created.response.xml"))
    (tmp_path / "broken.xml").write_bytes(REQUEST[:-50])
    (tmp_path / "notes.txt").write_bytes(b"nothing")
    (tmp_path / ".hidden.xml").write_bytes(REQUEST)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.xml").write_bytes(REQUEST)
    (tmp_path / "again.xml").symlink_to(inner / "b.request.xml")
    result = run("--envelopes", tmp_path, code=1)
    assert result.stdout.startswith("3 calls read, made 2013-08-05\n2 left out: ")
    assert "1 could not be read:\n  broken.xml: the envelope is malformed (line 2)\n" in result.stdout
    assert "  work      3x DoNotCall: true or false is expected [a.har, entry 1]\n" in result.stdout
    for shown in (result.output, run("--json", "--envelopes", tmp_path, code=1).output):
        for private in ("priv@t.com", "geheim", HEADER.mktows_user_id, HEADER.request_signature):
            assert private not in shown
    assert "3 calls of REST on a day, of which 2 are" in run("--envelopes", tmp_path, "--quota", "2", code=1).stdout
    both = run("--envelopes", inner / "b.request.xml", "--envelopes", tmp_path / "a.har", LEADS, code=1)
    assert both.stdout.startswith("9 calls read")


def test_what_cannot_be_read_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "door"))
        (tmp_path / "x.xml").write_bytes(REQUEST)
        assert "could not be read" not in run("--envelopes", tmp_path, code=1).stdout
        shown = run("--envelopes", tmp_path / "door", "--envelopes", tmp_path / "x.xml", code=1).stdout
    assert shown.startswith(
        "1 call read, made 2013-08-05\n1 could not be read:\n  door: the file cannot be read: OSError\n"
    )
    monkeypatch.setattr("marketo_soap.debug.pieces.LONGEST_WHOLE", 2**20)
    (tmp_path / "x.xml").write_bytes(REQUEST + b" " * 2**20)
    assert "x.xml: the file has more than 1 MiB: split it" in run("--envelopes", tmp_path, code=1).stdout


def test_recordings_are_read(tmp_path: Path) -> None:
    with Sandbox() as sandbox, Client(transport=sandbox.transport(), on_exchange=Recorder(tmp_path)) as client:
        for number in range(3):
            client.sync_lead(LeadRecord(email=f"{number}@t.com", attributes={"DoNotCall": "1"}))
    shown = run("--envelopes", tmp_path, code=0).stdout
    assert shown.startswith("3 calls read")
    assert "  risk      3x calls whose private values were replaced" in shown
