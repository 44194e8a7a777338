"""The pure parts of the bridge: requests, replies, names, values, settings."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from marketo_soap import BridgeSettings, Fault, GetLeadChanges, GetMultipleLeads, StaticListSelector, StreamPosition
from marketo_soap.bridge.codes import code_of
from marketo_soap.bridge.names import FieldIndex, Names, described, names_of_reply
from marketo_soap.bridge.operations.get_multiple_leads import get_multiple_leads
from marketo_soap.bridge.operations.lead_activities import get_lead_changes
from marketo_soap.bridge.rest import RestReply, read, read_reply, write
from marketo_soap.bridge.steps import Note
from marketo_soap.bridge.streams import Stream, place_of, streams_at
from marketo_soap.bridge.values import json_value, text_value
from marketo_soap.config import load_toml, structure
from marketo_soap.records.lead_fields import LeadField
from tests.bridge.support import CREATED, DESCRIBED, FIELDS, described_field, names, received, refused, reply

# -- requests -----------------------------------------------------------------------------------------


def test_a_query_is_percent_encoded() -> None:
    request = read("/rest/v1/leads.json", filterType="email", filterValues="a+b@t.com,ü &=/")
    assert request.target == "/rest/v1/leads.json?filterType=email&filterValues=a%2Bb%40t.com%2C%C3%BC%20%26%3D%2F"
    assert request.method == "GET"


@pytest.mark.parametrize(("length", "method"), [(7_900, "GET"), (8_100, "POST")])
def test_a_read_whose_address_is_too_long_goes_by_post(length: int, method: str) -> None:
    request = read("/rest/v1/leads.json", fields="x" * length)
    assert request.method == method
    assert request.effect == "read"
    if method == "POST":
        assert request.target == "/rest/v1/leads.json?_method=GET"
        assert request.body == b"fields=" + b"x" * length
        assert request.content_type == "application/x-www-form-urlencoded"


def test_a_write_is_json_in_utf_8() -> None:
    request = write("/x", {"input": [{"firstName": "Jürgen"}]}, effect="once")
    assert request.body == '{"input":[{"firstName":"Jürgen"}]}'.encode()
    assert "rgen" not in repr(request)


# -- replies ------------------------------------------------------------------------------------------


def test_a_reply_is_read_in_any_order_with_anything_beside() -> None:
    data = json.loads(CREATED)
    turned = json.dumps({"new": [1], **dict(reversed(data.items())), "warnings": ["w"], "moreResult": False})
    assert reply(turned).result == reply(CREATED).result == ({"id": 1141, "status": "created"},)
    assert reply(turned).request_id == "81f4#1743e0c6069"


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "[]", "null", "1", "{}", '{"success":"true"}', '{"success":1}', "[" * 100_000, '{"a":' + "1" * 5000 + "}",
     "\udcff", '{"result":[]}'],
)  # fmt: skip
def test_what_is_no_reply_is_unknown_trouble(body: str) -> None:
    result = read_reply(received(body.encode("utf-8", "surrogateescape").decode("latin-1")))
    assert not result.success
    assert result.errors[0].code == ""
    assert code_of(result.errors[0]).fault == 20011


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"errors": [{"code": 601, "message": 7}]}, "601"),
        ({"errors": [None, {"code": "601"}]}, "601"),
        ({"errors": "none"}, ""),
        ({"errors": []}, ""),
        ({"errors": [{"code": [6]}]}, ""),
        ({"errors": [{"code": "601\r\nX: y"}]}, ""),
        ({"errors": [{"code": "١"}]}, ""),
        ({}, ""),
    ],
)
def test_errors_of_any_shape_are_read(data: dict[str, Any], code: str) -> None:
    result = reply(json.dumps({"success": False, "requestId": 5, **data}))
    assert (result.code, result.request_id) == (code, "5")


@pytest.mark.parametrize(
    ("result", "records"), [(None, 0), ({}, 0), ("x", 0), ([1, None, "x"], 0), ([{"id": 1}, 2], 1)]
)
def test_results_of_any_shape_are_read(result: Any, records: int) -> None:
    assert len(reply(json.dumps({"success": True, "result": result})).result) == records


def test_no_server_error_is_a_success() -> None:
    result = read_reply(received(CREATED, 502))
    assert not result.success
    assert code_of(result.errors[0]).fault == 20011


def test_the_text_of_a_reply_is_cut() -> None:
    result = reply(json.dumps({"success": False, "errors": [{"code": "603", "message": "x" * 100_000}]}))
    assert len(result.errors[0].message) == 500


@pytest.mark.parametrize(("status", "code"), [(401, 20014), (413, 20110), (414, 20110), (429, 20023), (404, 20011)])
def test_http_has_codes_too(status: int, code: int) -> None:
    assert code_of(read_reply(received("", status)).errors[0]).fault == code


# -- positions, which callers send back ---------------------------------------------------------------


@pytest.mark.parametrize("list_id", ["", "x", "7/leads.json?access_token=x&", "../campaigns", "-1"])
def test_a_position_cannot_change_the_path_of_a_request(list_id: str) -> None:
    call = GetMultipleLeads(StaticListSelector("Party"), stream_position=f"list:{list_id}:token")
    with pytest.raises(Fault) as raised:
        next(get_multiple_leads(call, BridgeSettings(), names()))
    assert raised.value.code == 20122


@pytest.mark.parametrize("text", ["", "x", "[]", "[[1]]", '[["a",-1]]', '[["a","b"]]', '[["a",1e999]]', "[" * 100_000])
def test_a_damaged_position_of_streams_is_none(text: str) -> None:
    place = "rest:" + base64.urlsafe_b64encode(text.encode()).decode()
    assert streams_at([Stream("/x", {})], place) is None
    assert streams_at([Stream("/x", {})], place_of([Stream("/x", {}, None, "a", 3)])) == [
        Stream("/x", {}, None, "a", 3)
    ]


def test_a_type_of_activities_that_rest_does_not_have_is_one_line_of_the_log() -> None:
    call = GetLeadChanges(StreamPosition(oldest_created_at="2013-08-01"), activity_name_filter=["a\nb"])
    steps = get_lead_changes(call, BridgeSettings(), names())
    next(steps)
    note = steps.send({1: "New Lead"})
    assert isinstance(note, Note)
    assert note.text.endswith(r"'a\nb'")


# -- names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attr_name", "rest_name"),
    [
        ("FirstName", "firstName"),
        ("firstname", "firstName"),
        (" FIRSTNAME ", "firstName"),
        ("DateofBirth", "dateOfBirth"),
        ("LeadPartitionID", "leadPartitionId"),
        ("Last_Seen__c", "lastSeen"),
        ("erpId", "erpId"),
        ("SICCode", "sicCode"),
        ("MarketoSocialGender", "gender"),
        (" createdAt\n", "createdAt"),
        ("Mine", "erpId"),
        ("", None),
        ("Nope", None),
        ("nope", None),
    ],
)
def test_names_are_resolved_in_the_order_of_the_contract(attr_name: str, rest_name: str | None) -> None:
    found = names(BridgeSettings(attribute_names={"Mine": "erpId"})).find(attr_name)
    assert (found and found.field.rest_name) == rest_name


def test_an_override_comes_first_and_keeps_the_type_of_its_field() -> None:
    settings = BridgeSettings(attribute_names={"FirstName": "numberOfEmployees", "New": "unheard_of"})
    overridden, new = names(settings).find("FirstName"), names(settings).find("New")
    assert overridden is not None
    assert new is not None
    assert (overridden.field.rest_name, overridden.field.type) == ("numberOfEmployees", "integer")
    assert new.field.type == ""


def test_the_instance_knows_better_than_the_list() -> None:
    own = Names(BridgeSettings(), FieldIndex([LeadField("myTitle", "Title", "string", "")]))
    found = own.find("Title")
    assert found is not None
    assert found.field.rest_name == "myTitle"


def test_nothing_is_guessed_where_two_fields_share_a_spelling() -> None:
    both = described([described_field("a", "Foo", "string"), described_field("b", "FOO", "string")])
    own = Names(BridgeSettings(field_sources=("describe",)), FieldIndex(both))
    assert own.find("foo") is None
    found = own.find("FOO")
    assert found is not None
    assert found.field.rest_name == "b"


def test_the_first_letter_is_a_guess_that_must_be_asked_for() -> None:
    settings = BridgeSettings(field_sources=("standard", "first_letter"))
    found, known = Names(settings, None).find("My_Own__c"), Names(settings, None).find("FirstName")
    assert found is not None
    assert known is not None
    assert (found.field.rest_name, found.guessed, known.guessed) == ("my_Own__c", True, False)
    assert Names(BridgeSettings(field_sources=()), None).find("FirstName") is None


@pytest.mark.parametrize(
    "record",
    [{}, {"rest": None}, {"rest": {"name": 5}}, {"rest": {"name": " "}}, {"rest": "x"}, {"soap": {"name": "X"}}],
)
def test_fields_that_rest_does_not_offer_are_none(record: dict[str, Any]) -> None:
    assert described([record]) == ()


def test_a_described_field_is_read_leniently() -> None:
    (field,) = described([{"rest": {"name": "a\x00"}, "soap": [], "dataType": 7, "displayName": None}])
    assert field == LeadField("a\ufffd", None, "", "")


NOT_SHOWN = {"createdAt", "leadPartitionId"}
KEPT = FieldIndex(described(FIELDS[:2]))


@pytest.mark.parametrize("code", ["603", "610", "616"])
def test_where_describe_is_gone_the_other_sources_serve(code: str) -> None:
    found = names_of_reply(BridgeSettings(), None)(refused(code), None)[0]
    assert found.refused == f"REST {code}"
    assert found.find("LastName") is not None
    assert found.find("erpId") is None
    assert names_of_reply(BridgeSettings(), KEPT)(refused("606"), None)[0].readable == KEPT.fields


@pytest.mark.parametrize("again", [refused("611"), refused("603"), RestReply(True)])
def test_what_was_described_before_stays_good(again: RestReply) -> None:
    before, good = names_of_reply(BridgeSettings(), None)(reply(DESCRIBED), None)
    assert good
    now, good = names_of_reply(BridgeSettings(), None)(again, before)
    assert not good
    assert now.refused
    assert now.readable == before.readable


def test_a_describe_that_will_be_back_is_waited_for() -> None:
    with pytest.raises(Fault) as raised:
        names_of_reply(BridgeSettings(), None)(refused("606"), None)
    assert raised.value.code == 20023


def test_the_fields_of_the_best_source_are_returned() -> None:
    instance = names_of_reply(BridgeSettings(), KEPT)(reply(DESCRIBED), None)[0]
    readable = [each.rest_name for each in instance.readable]
    assert readable == [each["rest"]["name"] for each in FIELDS if each["rest"]["name"] not in NOT_SHOWN]
    assert Names(BridgeSettings(field_sources=()), None).readable == ()
    assert names_of_reply(BridgeSettings(), None)(RestReply(True), None)[0].refused == "no fields"


# -- values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("boolean", " TRUE ", True),
        ("boolean", "yes", True),
        ("boolean", "1", True),
        ("boolean", "No", False),
        ("boolean", "0", False),
        ("boolean", "false", False),
        ("integer", " -7", -7),
        ("score", "+3", 3),
        ("percent", "100", 100),
        ("float", "14.1", 14.1),
        ("currency", "12", 12),
        ("currency", "1e3", 1000.0),
        ("date", "2013-07-31", "2013-07-31"),
        ("datetime", "2013-07-31T12:38:47-07:00", "2013-07-31T12:38:47-07:00"),
        ("datetime", "2013-07-31T12:38:47Z", "2013-07-31T12:38:47Z"),
        ("email", "nobody", "nobody"),
        ("string", " as it is ", " as it is "),
        ("reference", "7", "7"),
        ("", "7", "7"),
    ],
)
def test_a_value_is_what_the_type_of_its_field_says(kind: str, text: str, value: Any) -> None:
    assert json_value(text, kind, "Z") == (value, False)
    assert type(json_value(text, kind, "Z")[0]) is type(value)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("2013-07-31", "2013-07-31T00:00:00-06:00"),
        ("2013-07-31T12:38:47", "2013-07-31T12:38:47-06:00"),
        ("2013-07-31 12:38", "2013-07-31T12:38:00-06:00"),
    ],
)
def test_a_time_without_an_offset_is_given_one(text: str, sent: str) -> None:
    assert json_value(text, "datetime", "-06:00") == (sent, True)
    with pytest.raises(ValueError, match="offset"):
        json_value(text, "datetime", "")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("boolean", "maybe"),
        ("boolean", " "),
        ("integer", "14.1"),
        ("percent", "100%"),
        ("integer", "1_000"),
        ("integer", "٣"),
        ("integer", "9" * 5000),
        ("float", "nan"),
        ("float", "inf"),
        ("currency", "$5"),
        ("float", "1e999"),
        ("date", "yesterday"),
        ("datetime", "31.07.2013"),
    ],
)
def test_a_value_that_rest_would_refuse_is_refused_without_being_told(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        json_value(text, kind, "Z")
    assert text.strip() not in str(raised.value) or not text.strip()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (False, "false"), (3, "3"), (1.0, "1"), (2.5, "2.5"), (1e-7, "0.0000001"), (None, ""), ("x\x00", "x\ufffd"),
        ([1], ""), ({}, ""), (float("nan"), ""), (float("inf"), ""), (10**400, ""),
    ],
)  # fmt: skip
def test_json_becomes_text(value: Any, text: str) -> None:
    assert text_value(value, booleans="true/false") == text


# -- settings -----------------------------------------------------------------------------------------


def test_settings_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text(
        'on_duplicate = "most_recent"\nfield_sources = ["standard"]\n'
        '[foreign_id_fields]\nCUSTOM = "erpId"\n[fault_codes]\n"1003:record" = "20110"\n'
    )
    settings = BridgeSettings.load(path)
    assert settings == load_toml(BridgeSettings, path)
    assert settings.foreign_id_fields == {"CUSTOM": "erpId"}
    assert settings.field_sources == ("standard",)
    assert settings.fault_codes == {"1003:record": "20110"}
    assert BridgeSettings(fault_codes={1003: 20110}).fault_codes == {"1003": "20110"}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"foreign_id_fields": {"SAP": "erpId"}}, "foreign_id_fields.SAP"),
        ({"foreign_id_fields": {"CUSTOM": "erp id"}}, "foreign_id_fields.CUSTOM"),
        ({"attribute_names": {"X": ""}}, "attribute_names.X"),
        ({"workspace_partitions": {"EU": " "}}, "workspace_partitions.EU"),
        ({"field_sources": ["guess"]}, r"field_sources\[1\]"),
        ({"on_duplicate": "first"}, "on_duplicate"),
        ({"on_associate_error": "ignore"}, "on_associate_error"),
        ({"cookie_only": "maybe"}, "cookie_only"),
        ({"email_attribute": "ignore"}, "email_attribute"),
        ({"foreign_type_alone": "keep"}, "foreign_type_alone"),
        ({"empty_value": "none"}, "empty_value"),
        ({"boolean_text": "yes/no"}, "boolean_text"),
        ({"describe_file": "x.json", "field_sources": ["describe"]}, "describe_file"),
        ({"describe_seconds": 0}, "describe_seconds"),
        ({"naive_offset": "CET"}, "naive_offset"),
        ({"fault_codes": {"x": "20110"}}, "fault_codes.x"),
        ({"fault_codes": {"1003": "1"}}, "fault_codes.1003"),
        ({"drop_company_fields": "yes"}, "drop_company_fields"),
        ({"nope": 1}, "nope"),
    ],
)
def test_a_mistake_in_the_settings_is_named(data: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        structure(BridgeSettings, data)
    if named not in ("nope", "drop_company_fields"):
        with pytest.raises(ValueError, match=named.partition("\\")[0]):
            BridgeSettings(**data)


def test_every_option_is_documented() -> None:
    import attrs

    for each in attrs.fields(BridgeSettings):
        assert f"*{each.name}*" in (BridgeSettings.__doc__ or ""), each.name
