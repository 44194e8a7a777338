"""syncLead in terms of REST: every row of the contract, by values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import (
    AmbiguousError,
    AmbiguousFault,
    BridgeConfigurationError,
    BridgeSettings,
    Fault,
    LeadRecord,
    LeadSyncStatus,
    SyncLead,
    SyncMultipleLeads,
    TransportError,
    envelope,
)
from marketo_soap.bridge.codes import CODES
from marketo_soap.bridge.names import Names
from marketo_soap.bridge.operations.lead_keys import held, keys_of
from marketo_soap.bridge.operations.sync_lead import sync_lead
from marketo_soap.bridge.operations.sync_multiple_leads import sync_multiple_leads
from marketo_soap.bridge.rest import RestReply, RestRequest, read_reply
from marketo_soap.bridge.steps import Hold
from marketo_soap.operations.lead_identity import LeadIdentity
from tests.bridge.support import (
    CREATED,
    DONE,
    FOREIGN,
    NONE,
    SKIPPED,
    UPDATED,
    Answer,
    found,
    received,
    refused,
    reply,
    skipped,
    translate,
)
from tests.support import COOKIE, enveloped

NOBODY, MADE, CHANGED, FINE = reply(NONE), reply(CREATED), reply(UPDATED), reply(DONE)
ID = LeadRecord(id=1141, email="T@t.com", attributes={"FirstName": "George"})
EMAIL = LeadRecord(email="T@t.com", attributes={"FirstName": "George"})
PERSON = LeadRecord(foreign_sys_person_id="E7", foreign_sys_type="CUSTOM", attributes={"FirstName": "George"})
BOTH = LeadRecord(email="t@t.com", foreign_sys_person_id="E7", foreign_sys_type="CUSTOM")
COOKIE_ONLY = LeadRecord(attributes={"FirstName": "George"})
ADOPT = BridgeSettings(foreign_id_fields={"CUSTOM": "erpId"}, foreign_id_adopt_email=True)
EU = BridgeSettings(foreign_id_fields={"CUSTOM": "erpId"}, workspace_partitions={"Europe": "EU", "Default": "Default"})
EU_ADOPT = BridgeSettings(
    foreign_id_fields={"CUSTOM": "erpId"}, workspace_partitions={"Europe": "EU"}, foreign_id_adopt_email=True
)
RECENT = BridgeSettings(foreign_id_fields={"CUSTOM": "erpId"}, on_duplicate="most_recent")
IN_EU, IN_DEFAULT = found({"leadPartitionId": 7}), found({"leadPartitionId": "1"})
TWO = found({"id": 5, "updatedAt": "2021-01-01T00:00:00Z"}, {"id": 1141, "updatedAt": "2022-01-01T00:00:00Z"})


def refusal_of(run: Any) -> tuple[int | None, str, bool]:
    assert isinstance(run.error, Fault), run
    return run.error.code, run.error.rest.code if run.error.rest else "", run.error.fate_unknown


# -- which calls are made -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lead", "replies", "summaries", "options"),
    [
        pytest.param(ID, [CHANGED], ["updateOnly id"], {}, id="K1"),
        pytest.param(PERSON, [MADE], ["createOrUpdate erpId"], {"settings": FOREIGN}, id="K2"),
        pytest.param(EMAIL, [MADE], ["createOrUpdate email"], {}, id="K4"),
        pytest.param(EMAIL, [MADE, FINE], ["createOrUpdate email", "associate"], {"cookie": COOKIE}, id="K4 and cookie"),
        pytest.param(
            COOKIE_ONLY, [found(1141), CHANGED, FINE], ["find cookies", "updateOnly id", "associate"], {"cookie": COOKIE}, id="K3"
        ),
        pytest.param(
            COOKIE_ONLY, [NOBODY, MADE, FINE], ["find cookies", "createDuplicate", "associate"], {"cookie": COOKIE}, id="K3, new"
        ),
        pytest.param(BOTH, [found(1141), CHANGED], ["find erpId", "updateOnly id"], {"settings": ADOPT}, id="K2 adopts none"),
        pytest.param(
            BOTH, [NOBODY, found(1141), CHANGED], ["find erpId", "find email", "updateOnly id"], {"settings": ADOPT}, id="K2 adopts"
        ),
        pytest.param(BOTH, [NOBODY, NOBODY, MADE], ["find erpId", "find email", "createOnly"], {"settings": ADOPT}, id="K2 makes"),
        pytest.param(PERSON, [MADE], ["createOrUpdate erpId"], {"settings": ADOPT}, id="K2 has nothing to adopt"),
        pytest.param(
            EMAIL, [skipped("1007"), TWO, CHANGED], ["createOrUpdate email", "find email", "updateOnly id"], {"settings": RECENT}, id="K4, 1007"
        ),
        pytest.param(
            PERSON, [refused("1007"), TWO, CHANGED], ["createOrUpdate erpId", "find erpId", "updateOnly id"], {"settings": RECENT}, id="K2, 1007"
        ),
        pytest.param(COOKIE_ONLY, [TWO, CHANGED, FINE], ["find cookies", "updateOnly id", "associate"], {"cookie": COOKIE, "settings": RECENT}, id="K3, 1007"),
        # the workspace table
        pytest.param(ID, [IN_EU, CHANGED], ["lead by id", "updateOnly id"], {"workspace": "Europe"}, id="K1 in partition"),
        pytest.param(PERSON, [MADE], ["createOrUpdate erpId EU"], {"workspace": "europe "}, id="K2 in partition"),
        pytest.param(
            COOKIE_ONLY, [found(1141), IN_EU, CHANGED, FINE], ["find cookies", "lead by id", "updateOnly id", "associate"],
            {"workspace": "Europe", "cookie": COOKIE}, id="K3 in partition",
        ),
        pytest.param(
            COOKIE_ONLY, [NOBODY, MADE, FINE], ["find cookies", "createOnly EU", "associate"],
            {"workspace": "Europe", "cookie": COOKIE}, id="K3 new in partition",
        ),
        pytest.param(EMAIL, [found(1141), CHANGED], ["find email", "updateOnly id"], {"workspace": "Europe"}, id="K4 known anywhere"),
        pytest.param(EMAIL, [NOBODY, MADE], ["find email", "createOnly EU"], {"workspace": "Europe"}, id="K4 new in partition"),
        pytest.param(
            EMAIL, [NOBODY, skipped("1005"), found(1141), CHANGED], ["find email", "createOnly EU", "find email", "updateOnly id"],
            {"workspace": "Europe"}, id="K4 lost a race",
        ),
        pytest.param(
            BOTH, [found(1141), IN_EU, CHANGED], ["find erpId", "lead by id", "updateOnly id"],
            {"workspace": "Europe", "settings": EU_ADOPT}, id="K2 adopts none, in partition",
        ),
        pytest.param(
            BOTH, [NOBODY, found(1141), CHANGED], ["find erpId", "find email", "updateOnly id"],
            {"workspace": "Europe", "settings": EU_ADOPT}, id="K2 adopts wherever it is",
        ),
    ],
)  # fmt: skip
def test_the_key_decides_which_calls_are_made(
    lead: LeadRecord, replies: list[Answer], summaries: list[str], options: dict[str, Any]
) -> None:
    run = translate(lead, *replies, **{"settings": EU, **options})
    assert run.error is None
    assert run.summaries == summaries
    assert run.result.lead_id == run.result.sync_status.lead_id == 1141
    assert run.result.sync_status.status == (LeadSyncStatus.CREATED if MADE in replies else LeadSyncStatus.UPDATED)


def test_what_is_written_by_each_key() -> None:
    (by_id,) = translate(ID, CHANGED).bodies
    assert by_id["input"] == [{"firstName": "George", "email": "T@t.com", "id": 1141}]
    (by_person,) = translate(BOTH, MADE, settings=FOREIGN).bodies
    assert by_person["input"] == [{"email": "t@t.com", "erpId": "E7"}]
    adopted = translate(BOTH, NOBODY, found(1141), CHANGED, settings=ADOPT).bodies[-1]
    assert adopted["input"] == [{"email": "t@t.com", "erpId": "E7", "id": 1141}]
    both_keys = LeadRecord(id=1, foreign_sys_person_id="E7", foreign_sys_type="CUSTOM")
    (rewritten,) = translate(both_keys, CHANGED, settings=FOREIGN).bodies
    assert rewritten["input"] == [{"erpId": "E7", "id": 1}]


@pytest.mark.parametrize(
    ("keys", "replies", "settings", "summaries", "record"),
    [
        ({}, [MADE], {}, ["createOrUpdate email"], {"email": "new@t.com"}),
        ({"email": "New@t.com"}, [MADE], {}, ["createOrUpdate email"], {"email": "new@t.com"}),
        ({"id": 1141, "email": "t@t.com"}, [CHANGED], {}, ["updateOnly id"], {"email": "new@t.com", "id": 1141}),
        ({"email": "t@t.com"}, [found(1141), CHANGED], {}, ["find email", "updateOnly id"], {"email": "new@t.com", "id": 1141}),
        ({"email": "t@t.com"}, [NOBODY, MADE], {}, ["find email", "createOnly"], {"email": "new@t.com"}),
        ({"email": "t@t.com"}, [MADE], {"email_attribute": "key"}, ["createOrUpdate email"], {"email": "new@t.com"}),
    ],
)  # fmt: skip
def test_an_email_among_the_attributes_is_key_or_new_address(
    keys: dict[str, Any], replies: list[Answer], settings: dict[str, Any], summaries: list[str], record: Any
) -> None:
    lead = LeadRecord(**keys, attributes={"Email": "new@t.com"})
    run = translate(lead, *replies, settings=BridgeSettings(**settings))
    assert run.error is None
    assert run.summaries == summaries
    assert run.bodies[-1]["input"] == [record]
    assert ("email:t@t.com" in run.held, "email:new@t.com" in run.held) == (
        keys.get("email") == "t@t.com" and not settings,
        True,
    )
    is_new = summaries[0] == "find email" or "id" in keys
    assert [note for note in run.notes if "new address" in note] == run.notes[:is_new]
    if "find email" in summaries:
        assert dict(run.requests[0].query)["filterValues"] == "t@t.com"


@pytest.mark.parametrize(
    ("name", "email"),
    [("Email", "t@t.com"), (" email", "t@t.com"), ("EMAIL", "t@t.com"), ("Mine", "t@t.com"), ("E-mail", None), ("Emails", None)],
)  # fmt: skip
def test_an_attribute_is_the_email_by_what_its_name_means_over_rest(name: str, email: str | None) -> None:
    attribute = f"<attribute><attrName>{name}</attrName><attrValue> t@t.com </attrValue></attribute>"
    lead = f"<leadRecord><Id>7</Id><leadAttributeList>{attribute}</leadAttributeList></leadRecord>"
    operation = envelope.read_request(enveloped(f"<m:paramsSyncLead>{lead}</m:paramsSyncLead>")).operation
    assert isinstance(operation, SyncLead)
    settings = BridgeSettings(attribute_names={"Mine": "email", "E-mail": "backup"})
    assert keys_of(operation.lead_record, operation.marketo_cookie, settings).email == email


def test_a_new_address_that_another_lead_has_is_refused() -> None:
    lead = LeadRecord(email="t@t.com", attributes={"Email": "new@t.com"})
    assert refusal_of(translate(lead, NOBODY, skipped("1005"), NOBODY, skipped("1005"))) == (20106, "1005", False)


def test_a_foreign_id_of_an_integer_field_is_a_number() -> None:
    settings = BridgeSettings(foreign_id_fields={"CUSTOM": "erpNumber"})
    lead = LeadRecord(foreign_sys_person_id="7", foreign_sys_type="CUSTOM")
    assert translate(lead, MADE, settings=settings).bodies[0]["input"] == [{"erpNumber": 7}]
    wrong = LeadRecord(foreign_sys_person_id="E7", foreign_sys_type="CUSTOM")
    assert refusal_of(translate(wrong, settings=settings)) == (20106, "", False)


def test_a_call_that_only_names_its_lead_needs_no_catalogue() -> None:
    assert translate(LeadRecord(email="t@t.com"), MADE).lookups == []
    assert translate(EMAIL, MADE).lookups == ["describe"]


def test_all_keys_of_a_call_are_held() -> None:
    lead = LeadRecord(id=1, email="T@t.com", foreign_sys_person_id="E7", foreign_sys_type="CUSTOM")
    run = translate(lead, found({"id": 1, "status": "updated"}), FINE, settings=FOREIGN, cookie=COOKIE)
    field = FOREIGN.foreign_id_fields["CUSTOM"]
    assert run.held == {"id:1", f"{field}:e7", f"cookie:{COOKIE}", "email:t@t.com"}


@pytest.mark.parametrize("record", [{"id": 6, "status": "updated"}, {"id": 1141, "status": "created"}])
def test_an_answer_for_another_lead_ties_no_cookie(record: dict[str, Any]) -> None:
    run = translate(LeadRecord(id=1141), found(record), cookie=COOKIE)
    assert len(run.requests) == 1
    assert isinstance(run.error, AmbiguousFault)


def test_an_id_with_a_comma_is_not_looked_for() -> None:
    lead = LeadRecord(email="t@t.com", foreign_sys_person_id="E7,E8", foreign_sys_type="CUSTOM")
    run = translate(lead, CHANGED, settings=ADOPT)
    assert [request.effect for request in run.requests] == ["once"]
    assert run.error is None


def test_ids_of_one_field_meet_however_they_are_written() -> None:
    shared = BridgeSettings(foreign_id_fields={"CUSTOM": "erpId", "SFDC": "erpId"})
    found = [
        held(LeadIdentity(None, system, person_id, None, None), shared)
        for system, person_id in (("CUSTOM", "007"), ("SFDC", "7"), ("CUSTOM", "7"))
    ]
    assert found[0] == found[1] == found[2]
    assert held(LeadIdentity(None, "SFDC", "0", None, None), shared) == {"erpId:0"}


def test_leads_of_a_list_hold_the_same_keys_as_one() -> None:
    lead = LeadRecord(id=1, foreign_sys_person_id="E7", foreign_sys_type="CUSTOM")
    hold = next(sync_multiple_leads(SyncMultipleLeads([lead]), FOREIGN, Names(FOREIGN, None)))
    assert isinstance(hold, Hold)
    assert hold.keys == translate(lead, found({"id": 1, "status": "updated"}), settings=FOREIGN).held


def test_only_writes_that_end_as_once_may_be_repeated() -> None:
    effects = [
        [
            request.effect
            for request in translate(lead, *replies, settings=ADOPT, cookie=cookie, workspace=space).requests
        ]
        for lead, replies, cookie, space in [
            (ID, [CHANGED, FINE], COOKIE, None),
            (EMAIL, [MADE], None, None),
            (BOTH, [NOBODY, NOBODY, MADE], None, None),
            (COOKIE_ONLY, [NOBODY, MADE, FINE], COOKIE, None),
        ]
    ]
    assert effects == [["repeatable", "repeatable"], ["once"], ["read", "read", "once"], ["read", "once", "repeatable"]]


def test_what_a_comma_in_a_key_finds_besides_is_not_the_lead() -> None:
    others = found({"id": 1, "email": "a"}, {"id": 2, "email": "b@t.com"})
    run = translate(LeadRecord(email="a,b@t.com"), others, MADE, workspace="Default")
    assert run.summaries[-1] == "createOnly Default"


def test_all_pages_of_a_key_are_read() -> None:
    page = RestReply(True, (), ({"id": 5, "updatedAt": "2021"},), "r", next_page="p2")
    run = translate(EMAIL, skipped("1007"), page, found({"id": 1141, "updatedAt": "2022"}), CHANGED, settings=RECENT)
    assert dict(run.requests[2].query)["nextPageToken"] == "p2"
    assert run.bodies[-1]["input"][0]["id"] == 1141
    five = found({"id": 5, "status": "updated"})
    endless = translate(EMAIL, skipped("1007"), page, page, page, page, five, settings=RECENT)
    assert endless.error is None


# -- what is refused before anything is asked ---------------------------------------------------------

EMAIL_ATTRIBUTE = (
    "<leadAttributeList><attribute><attrName>Email</attrName><attrValue>{}</attrValue></attribute></leadAttributeList>"
)


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("<leadRecord/>", 20101),
        ("<leadRecord><Email> </Email></leadRecord><marketoCookie></marketoCookie>", 20101),
        ("<leadRecord><ForeignSysPersonId>E7</ForeignSysPersonId></leadRecord>", 20109),
        ("<leadRecord><ForeignSysPersonId>E7</ForeignSysPersonId><ForeignSysType/></leadRecord>", 20109),
        ("<leadRecord><ForeignSysPersonId>E7</ForeignSysPersonId><ForeignSysType>SAP</ForeignSysType></leadRecord>", 20110),
        ("<leadRecord><Email>ü@t.com</Email></leadRecord>", 20110),
        (f"<leadRecord>{EMAIL_ATTRIBUTE.format('ü@t.com')}</leadRecord>", 20110),
        (f"<leadRecord><Email>t@t.com</Email>{EMAIL_ATTRIBUTE.format('ü@t.com')}</leadRecord>", 20110),
        (f"<leadRecord>{EMAIL_ATTRIBUTE.format(' ')}</leadRecord>", 20101),
        ("<leadRecord><ForeignSysType>CUSTOM</ForeignSysType></leadRecord>", 20101),
        ("<leadRecord><Id>0</Id></leadRecord>", 20110),
        ("<leadRecord><Id>-7</Id></leadRecord>", 20110),
        ("<leadRecord/><marketoCookie>id:1,token:2</marketoCookie>", 20110),
    ],
)  # fmt: skip
def test_a_broken_call_costs_no_call_of_rest(inner: str, code: int) -> None:
    data = enveloped(f"<m:paramsSyncLead>{inner}<returnLead>false</returnLead></m:paramsSyncLead>")
    settings = BridgeSettings()
    with pytest.raises(Fault) as raised:
        next(sync_lead(envelope.read_request(data), settings, Names(settings, None)))
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("lead", "options", "setting"),
    [
        (PERSON, {}, "foreign_id_fields"),
        (EMAIL, {"workspace": "Mars"}, "workspace_partitions"),
    ],
)
def test_what_is_not_set_up_is_an_error_of_its_own(lead: LeadRecord, options: dict[str, Any], setting: str) -> None:
    run = translate(lead, **options)
    assert isinstance(run.error, BridgeConfigurationError)
    assert run.error.setting == setting
    assert setting in str(run.error)


def test_a_type_of_foreign_ids_without_an_id_is_left_out_or_refused() -> None:
    data = enveloped(
        "<m:paramsSyncLead><leadRecord><Id>7</Id><ForeignSysType>SFDC</ForeignSysType></leadRecord></m:paramsSyncLead>"
    )
    request = envelope.read_request(data)
    steps = sync_lead(request, BridgeSettings(), Names(BridgeSettings(), None))
    written = [step for step in (next(steps), next(steps)) if isinstance(step, RestRequest)]
    assert json.loads(written[0].body)["input"] == [{"id": 7}]
    refusing = BridgeSettings(foreign_type_alone="fault")
    with pytest.raises(Fault) as raised:
        next(sync_lead(request, refusing, Names(refusing, None)))
    assert raised.value.code == 20109


def test_a_cookie_alone_may_be_refused() -> None:
    run = translate(COOKIE_ONLY, cookie=COOKIE, settings=BridgeSettings(cookie_only="refuse"))
    assert refusal_of(run) == (20101, "", False)


def test_an_unknown_attribute_is_20105_and_named() -> None:
    run = translate(LeadRecord(email="t@t.com", attributes={"Nope": "1"}))
    assert refusal_of(run)[0] == 20105
    assert "'Nope'" in run.error.message


def test_a_value_of_the_wrong_type_is_refused_without_being_told() -> None:
    run = translate(LeadRecord(email="t@t.com", attributes={"DoNotCall": "secret"}))
    assert refusal_of(run)[0] == 20106
    assert "'DoNotCall': true or false" in run.error.message
    assert "secret" not in run.error.message


# -- the partition of a workspace ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lead", "replies", "code"),
    [
        (ID, [IN_DEFAULT], 20106),
        (ID, [found({})], 20106),
        (ID, [NOBODY], 20103),
        (ID, [refused("1004")], 20103),
        (ID, [refused("702")], 20103),
        (PERSON, [skipped("1010")], 20106),
        (PERSON, [skipped("1007"), found(1141), IN_DEFAULT], 20106),
        (PERSON, [skipped("1008")], 20013),
        (COOKIE_ONLY, [NOBODY, skipped("1008")], 20013),
        (EMAIL, [NOBODY, skipped("1005"), NOBODY, skipped("1005")], 20106),
    ],
)
def test_a_lead_that_is_not_where_the_workspace_is(lead: LeadRecord, replies: list[Answer], code: int) -> None:
    cookie = COOKIE if lead is COOKIE_ONLY else None
    settings = evolve(EU, on_duplicate="most_recent")
    assert refusal_of(translate(lead, *replies, settings=settings, workspace="Europe", cookie=cookie))[0] == code


def test_partitions_that_cannot_be_read_are_told_of() -> None:
    run = translate(ID, IN_EU, settings=EU, workspace="Europe", partitions=refused("603"))
    assert refusal_of(run) == (20013, "603", False)


# -- outcomes -----------------------------------------------------------------------------------------

OUTCOMES = {
    "1004": 20103, "1006": 20105, "1011": 20102, "1003": 20106, "1005": 20106, "1007": 20106, "1010": 20106,
    "1021": 20106, "1099": 20106, "1008": 20013, "1009": 20109, "1002": 20109, "1018": 20019,
}  # fmt: skip
RESPONSES = {
    "600": 20014, "601": 20014, "602": 20014, "603": 20013, "604": 20011, "605": 20012, "606": 20023, "607": 20015,
    "608": 20011, "609": 20012, "610": 20012, "611": 20011, "612": 20012, "613": 20012, "614": 20011, "615": 20024,
    "616": 20019, "701": 20109, "702": 20103, "703": 20019, "704": 20110, "709": 20110, "713": 20011, "718": 20108,
    "1001": 20110, "1002": 20109, "1003": 20110, "1004": 20103, "1006": 20105, "1011": 20102, "1012": 20110,
    "1013": 20110, "1014": 20106, "1016": 20024, "1018": 20019, "1019": 20024, "1020": 20015, "1025": 20110,
    "1026": 20019, "1029": 20024, "1035": 20019, "1042": 20110, "4711": 20106, "413": 20110, "414": 20110,
}  # fmt: skip


@pytest.mark.parametrize(("rest", "soap"), OUTCOMES.items())
def test_a_skipped_record_is_a_fault(rest: str, soap: int) -> None:
    run = translate(ID, skipped(rest, "Sorry"))
    assert refusal_of(run) == (soap, rest, False)
    assert f"Sorry [REST {rest}]" in run.error.message
    assert run.error.rest.request_id == "r#1"
    assert not isinstance(run.error, AmbiguousError)


@pytest.mark.parametrize(("rest", "soap"), RESPONSES.items())
def test_a_refused_call_is_a_fault(rest: str, soap: int) -> None:
    assert refusal_of(translate(EMAIL, refused(rest))) == (soap, rest, False)


def test_the_tests_know_every_code_of_the_table() -> None:
    assert set(CODES) <= {"401", "429", *OUTCOMES, *RESPONSES}


@pytest.mark.parametrize(
    ("settings", "record", "response"),
    [
        ({"1003": "20110"}, 20110, 20110),
        ({"1003:record": "20122"}, 20122, 20110),
        ({"1003:response": "20122"}, 20106, 20122),
        ({"1003": "20122", "1003:record": "20101"}, 20101, 20122),
    ],
)
def test_the_settings_may_say_otherwise(settings: dict[str, str], record: int, response: int) -> None:
    changed = BridgeSettings(fault_codes=settings)
    assert refusal_of(translate(EMAIL, skipped("1003"), settings=changed))[0] == record
    assert refusal_of(translate(EMAIL, refused("1003"), settings=changed))[0] == response


def test_a_fault_keeps_what_rest_said_and_says_if_the_outcome_is_unknown() -> None:
    run = translate(EMAIL, refused("611", "System error", in_doubt=True))
    assert refusal_of(run) == (20011, "611", True)
    assert "outcome is unknown" in run.error.message
    assert isinstance(run.error, AmbiguousError)
    assert refusal_of(translate(ID, skipped("1004", in_doubt=True))) == (20103, "1004", True)
    recorded = translate(EMAIL, reply(SKIPPED))
    assert recorded.error.rest.message == "Invalid value for field 'boolean_field' and value 'other'"
    assert recorded.error.rest.request_id == "7078#17d4f0546b6"


@pytest.mark.parametrize(
    "result",
    [(), ({},), ({"status": "created"},), ({"status": "created", "id": True},), ({"status": "created", "id": 0},),
     ({"status": "updated", "id": 2**31},), ({"status": "updated", "id": [1]},), ({"status": ["x"], "id": 1},)],
)  # fmt: skip
def test_a_success_that_says_nothing_leaves_the_outcome_unknown(result: tuple[dict[str, Any], ...]) -> None:
    assert refusal_of(translate(EMAIL, RestReply(True, (), result))) == (20011, "", True)


def test_a_skipped_record_without_a_reason_is_20106() -> None:
    assert refusal_of(translate(EMAIL, RestReply(True, (), ({"status": "skipped", "reasons": "?"},))))[0] == 20106


def test_a_lead_without_an_id_cannot_be_updated() -> None:
    assert refusal_of(translate(COOKIE_ONLY, found({"updatedAt": 1}), cookie=COOKIE)) == (20011, "", False)


@pytest.mark.parametrize("lead", [COOKIE_ONLY, BOTH])
def test_several_leads_of_one_key_are_a_fault_unless_told_otherwise(lead: LeadRecord) -> None:
    run = translate(lead, TWO, settings=ADOPT, cookie=COOKIE)
    assert refusal_of(run) == (20106, "", False)
    assert refusal_of(translate(EMAIL, skipped("1007")))[:2] == (20106, "1007")


def test_a_search_that_is_refused_is_a_fault() -> None:
    assert refusal_of(translate(COOKIE_ONLY, refused("1012"), cookie=COOKIE))[0] == 20110
    assert translate(COOKIE_ONLY, refused("702"), MADE, FINE, cookie=COOKIE).error is None


# -- fields of the company ----------------------------------------------------------------------------

EMPLOYED = LeadRecord(email="t@t.com", attributes={"Company": "ACME", "NumberOfEmployees": "3"})


def test_fields_of_the_company_are_sent() -> None:
    assert translate(EMPLOYED, MADE).bodies[0]["input"][0]["company"] == "ACME"
    assert refusal_of(translate(EMPLOYED, skipped("1021")))[:2] == (20106, "1021")


def test_fields_of_the_company_are_left_out_where_that_is_wanted() -> None:
    settings = BridgeSettings(drop_company_fields=True)
    run = translate(EMPLOYED, skipped("1021"), MADE, settings=settings)
    assert run.bodies[1]["input"] == [{"email": "t@t.com"}]
    assert "company, numberOfEmployees" in run.notes[0]
    assert refusal_of(translate(EMAIL, skipped("1021"), settings=settings))[0] == 20106
    assert refusal_of(translate(EMPLOYED, skipped("1021"), skipped("1021"), settings=settings))[0] == 20106


# -- the cookie ---------------------------------------------------------------------------------------


def test_the_whole_cookie_is_sent() -> None:
    associate = translate(EMAIL, MADE, FINE, cookie=COOKIE).requests[1]
    encoded = COOKIE.replace("&", "%26").replace(":", "%3A")
    assert associate.target == f"/rest/v1/leads/1141/associate.json?cookie={encoded}"
    assert associate.method == "POST"
    assert "_mch" not in repr(associate)


@pytest.mark.parametrize(
    ("answer", "code"),
    [(refused("1012", "bad"), 20110), (refused("603"), 20013), (TransportError("not sent"), 20011)],
)
def test_a_cookie_that_is_refused_does_not_hide_that_the_lead_was_written(answer: Answer, code: int) -> None:
    run = translate(EMAIL, MADE, answer, cookie=COOKIE)
    assert refusal_of(run)[0] == code
    assert run.error.fate_unknown
    assert "lead 1141 was CREATED before" in run.error.message


@pytest.mark.parametrize("answer", [refused("1012", "t@t.com"), TransportError("t@t.com")])
def test_a_cookie_that_is_refused_may_be_a_warning(answer: Answer) -> None:
    run = translate(EMAIL, MADE, answer, cookie=COOKIE, settings=BridgeSettings(on_associate_error="warn"))
    assert run.result.lead_id == 1141
    assert len(run.notes) == 1
    assert "cookie was not tied" in run.notes[0]
    assert "t@t.com" not in run.notes[0]


# -- the lead that is returned ------------------------------------------------------------------------


def test_the_lead_is_returned_as_soap_would() -> None:
    data = {
        "id": 1141, "email": "t@t.com", "lastName": "of the Jungle", "firstName": "", "company": None, "erpId": "E7",
        "doNotCall": True, "annualRevenue": 12.5, "numberOfEmployees": 3, "createdAt": "2021-01-01T00:00:00Z",
        "dateOfBirth": "2001-02-03", "new": "?", "leadPartitionId": 1, "erpNumber": 7,
    }  # fmt: skip
    run = translate(EMAIL, MADE, found(data), settings=FOREIGN, return_lead=True)
    lead = run.result.lead_record
    assert (lead.id, lead.email, lead.foreign_sys_person_id, lead.foreign_sys_type) == (1141, "t@t.com", "E7", "CUSTOM")
    assert [(each.name, each.type, each.value) for each in lead.attributes] == [
        ("AnnualRevenue", "currency", "12.5"),
        ("DateofBirth", "date", "2001-02-03"),
        ("DoNotCall", "boolean", "1"),
        ("erpNumber", "integer", "7"),
        ("LastName", "string", "of the Jungle"),
        ("NumberOfEmployees", "integer", "3"),
    ]


def test_the_foreign_id_of_the_callers_type_is_shown_before_others() -> None:
    settings = BridgeSettings(foreign_id_fields={"CUSTOM": "erpId", "SFDC": "erpNumber"})
    data = {"id": 1141, "erpId": "E7", "erpNumber": 9}
    shown = []
    for system in ("CUSTOM", "SFDC"):
        lead = LeadRecord(foreign_sys_person_id="9", foreign_sys_type=system)
        record = translate(lead, MADE, found(data), settings=settings, return_lead=True).result.lead_record
        shown.append((record.foreign_sys_type, record.foreign_sys_person_id, [each.name for each in record.attributes]))
    assert shown == [("CUSTOM", "E7", ["erpNumber"]), ("SFDC", "9", ["erpId"])]


def test_the_lead_is_asked_for_by_a_post_with_all_its_fields() -> None:
    run = translate(EMAIL, MADE, found(1141), settings=FOREIGN, return_lead=True)
    request = run.requests[1]
    assert (request.method, request.query, request.effect) == ("POST", (("_method", "GET"),), "read")
    assert b"filterType=id&filterValues=1141&fields=annualRevenue%2C" in request.body
    assert b"erpId" in request.body
    assert b"createdAt" not in request.body


def test_booleans_may_be_written_in_words_and_false_left_out() -> None:
    for value, return_false, text in [
        (True, False, "true"),
        (False, False, None),
        (False, True, "false"),
        (None, True, None),
    ]:
        settings = BridgeSettings(boolean_text="true/false", return_false=return_false)
        run = translate(EMAIL, MADE, found({"id": "1141", "doNotCall": value}), settings=settings, return_lead=True)
        assert run.result.lead_record.get("DoNotCall") == text


@pytest.mark.parametrize(
    "answer", [refused("603"), refused("1006"), NOBODY, found(5), TransportError("x"), refused("702")]
)
def test_a_lead_that_cannot_be_read_afterwards_was_written_all_the_same(answer: Answer) -> None:
    run = translate(EMAIL, MADE, answer, return_lead=True)
    assert (run.result.lead_id, run.result.lead_record) == (1141, None)
    assert run.result.sync_status.status == LeadSyncStatus.CREATED
    assert "could not be read afterwards" in run.notes[0]


# -- attributes ---------------------------------------------------------------------------------------


def test_notes_tell_of_what_was_decided() -> None:
    from marketo_soap import Attribute

    lead = LeadRecord(
        email="t@t.com",
        attributes=[
            Attribute("FirstName", "A"),
            Attribute("firstname", "B"),
            Attribute("Last_Seen__c", "2013-08-05 12:00"),
        ],
    )
    run = translate(lead, MADE)
    assert run.bodies[0]["input"][0] == {"firstName": "B", "lastSeen": "2013-08-05T12:00:00Z", "email": "t@t.com"}
    assert ["'firstname' appears twice" in run.notes[0], "'Last_Seen__c' has no offset" in run.notes[1]] == [True] * 2


@pytest.mark.parametrize(("choice", "sent"), [("null", {"firstName": None}), ("text", {"firstName": ""}), ("skip", {})])
def test_an_empty_value_becomes_what_is_chosen(choice: Any, sent: dict[str, Any]) -> None:
    lead = LeadRecord(email="t@t.com", attributes={"FirstName": ""})
    run = translate(lead, MADE, settings=BridgeSettings(empty_value=choice))
    assert run.bodies[0]["input"] == [{**sent, "email": "t@t.com"}]


def test_an_instance_that_does_not_describe_itself_is_noted() -> None:
    static = Names(BridgeSettings(), None, refused="REST 603")
    assert translate(EMAIL, MADE, static=static).notes == ["the instance did not describe its fields: REST 603"]
    unknown = translate(LeadRecord(email="t@t.com", attributes={"erpId": "1"}), static=static)
    assert "REST 603" in unknown.error.message


def test_what_http_refuses_may_be_told_otherwise_too() -> None:
    too_long = read_reply(received("", 413))
    assert refusal_of(translate(EMAIL, too_long)) == (20110, "", False)
    assert refusal_of(translate(EMAIL, too_long, settings=BridgeSettings(fault_codes={"413": "20018"})))[0] == 20018
