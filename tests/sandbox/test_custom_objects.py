"""Custom objects, channels and tags in the sandbox."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import Client, CustomObj, Fault, GetCustomObjects, Sandbox, SyncCustomObjStatus, Tag, envelope
from marketo_soap.config import structure
from marketo_soap.sandbox.settings import Settings
from tests.support import signed

SETTINGS: Settings = structure(
    Settings,
    tomllib.loads("""
[[custom_object_types]]
name = "Roadshow"
keys = ["MKTOID", "rid"]
fields = ["city", "zip"]

[[channels]]
name = "Webinar"
statuses = [
    { name = "Invited", step = 10 },
    { name = "Attended", step = 40, success = true, attribs = { "Webinar Behavior" = "Attended" } },
]

[[channels]]
name = "Email"

[[tags]]
type = "Region"
values = ["EU", "US"]

[[tags]]
type = "Owner"
values = ["Ann"]

[[tags]]
type = "Channel"
values = ["Webinar"]
"""),
)


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    sandbox.configure(SETTINGS)
    return sandbox


def show(mktoid: object, rid: object, **attributes: str) -> CustomObj:
    return CustomObj({"MKTOID": str(mktoid), "rid": str(rid)}, attributes)


def sync(client: Client, *objects: CustomObj, how: str = "UPSERT", name: str = "roadSHOW") -> list[str]:
    result = client.sync_custom_objects(name, objects, how)
    assert {each.obj_type_name for each in result.sync_custom_obj_statuses} == {"Roadshow"}
    assert [each.custom_obj_keys for each in result.sync_custom_obj_statuses] == [e.custom_obj_keys for e in objects]
    return [str(each.status) for each in result.sync_custom_obj_statuses]


def texts(objects: Any) -> list[dict[str, str]]:
    return [{a.name: a.value for a in (*each.custom_obj_keys, *each.custom_obj_attributes)} for each in objects]


def refused(client: Client, call: GetCustomObjects) -> tuple[int | None, str]:
    with pytest.raises(Fault) as caught:
        client.call(call)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("how", "known", "new"),
    [
        ("UPSERT", "UPDATED", "CREATED"),
        ("INSERT", "SKIPPED", "CREATED"),
        ("UPDATE", "UPDATED", "SKIPPED"),
        (None, "UPDATED", "CREATED"),
    ],
)
def test_what_a_sync_may_do(sandbox: Sandbox, client: Client, how: Any, known: str, new: str) -> None:
    sync(client, show(1, "a", city="Rome", zip="1"))
    assert sync(client, show(1, "a", city="Oslo", zip=""), show(1, "b"), how=how) == [known, new]
    (found,) = texts(client.get_custom_objects("Roadshow", {"MKTOID": 1, "rid": "a"}).custom_objs)
    assert found.get("city") == ("Oslo" if known == "UPDATED" else "Rome")
    assert ("zip" in found) == (known != "UPDATED")  # an empty value clears
    sandbox.configure(evolve(sandbox.settings, skipped_objects="FAILED"))
    assert "SKIPPED" not in sync(client, show(1, "a"), show(9, "z"), how=how)


def test_what_fails_stops_no_other(sandbox: Sandbox, client: Client) -> None:
    objects = [show(1, "a", nameasdf="x"), show(1, "b"), CustomObj({"rid": "c"}), CustomObj({"city": "Rome", "rid": 1})]
    result = client.sync_custom_objects("Roadshow", objects)
    assert [(str(each.status), each.error) for each in result.sync_custom_obj_statuses] == [
        ("FAILED", "Unknown name attribute list: nameasdf"),  # recorded
        ("CREATED", None),
        ("FAILED", "Missing key attribute: MKTOID"),
        ("FAILED", "Unknown name attribute list: city"),
    ]
    assert sandbox.entries()[-1].verdict == "1 CREATED, 3 FAILED"


def test_objects_come_by_a_part_of_their_key_in_pages(sandbox: Sandbox, client: Client) -> None:
    client.sync_custom_objects("Roadshow", [show(number % 2, number, city=f"c{number}") for number in range(7)])
    calls = {
        "part": GetCustomObjects("roadshow", {"MKTOID": "1"}, batch_size=2),
        "other part": GetCustomObjects("roadshow", {"rid": "3"}),
        "whole": GetCustomObjects("roadshow", {"rid": "3", "MKTOID": "1"}),
        "all": GetCustomObjects("roadshow", batch_size=3),
    }
    rids = {name: [each["rid"] for each in texts(client.iterate(call))] for name, call in calls.items()}
    assert rids == {"part": ["1", "3", "5"], "other part": ["3"], "whole": ["3"], "all": [*"0123456"]}
    first, last = client.pages(calls["part"])
    assert (first.return_count, first.remaining_count, last.remaining_count) == (2, 1, 0)
    assert first.new_stream_position.startswith('{"ky":["1"],"os":2')
    made_up = evolve(calls["part"], stream_position='{"ky":["1"],"os":2}')
    assert client.call(made_up).custom_objs == last.custom_objs
    limited = client.get_custom_objects("Roadshow", {"rid": "3"}, include_attributes=["zip"])
    assert texts(limited.custom_objs) == [{"MKTOID": "1", "rid": "3"}]


def test_after_the_last_page_comes_an_empty_one_or_a_fault(sandbox: Sandbox, client: Client) -> None:
    sync(client, show(1, "a"))
    after = client.get_custom_objects("Roadshow").new_stream_position
    call = GetCustomObjects("Roadshow", stream_position=after)
    assert client.call(call).return_count == 0
    sandbox.configure(evolve(sandbox.settings, stream_end="fault"))
    assert refused(client, call)[0] == 20123
    assert [*client.iterate(call)] == []


@pytest.mark.parametrize("position", [None, "", '{"ky":["123"],"os":0}', "id:1:ts:1:os:0:rc:1"])
def test_no_match_is_no_fault(sandbox: Sandbox, client: Client, position: str | None) -> None:
    call = GetCustomObjects("Roadshow", {"MKTOID": "123"}, stream_position=position)
    result = client.call(call)
    assert (result.return_count, result.remaining_count) == (0, 0)
    assert result.new_stream_position == '{"ky":["123"],"os":0}'  # recorded
    data = signed(call, sandbox.credentials, sandbox.now())
    assert b"<customObjList/>" in sandbox.respond(data).body


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (GetCustomObjects("Rodeo"), 20110),
        (GetCustomObjects("Roadshow", {"city": "Rome"}), 20110),
        *[
            (GetCustomObjects("Roadshow", {"rid": "1"}, stream_position=position), 20122)
            for position in (
                *("x", "[]", '{"ky":["2"],"os":1}', '{"ky":["1"],"os":-1}', '{"ky":["1"]}', "[" * 9999),
                *('{"ky":["1"],"os":1.5}', '{"ky":["1"],"os":"1"}', '{"ky":["1"],"os":true}'),
            )
        ],
    ],
)
def test_calls_that_are_refused(sandbox: Sandbox, client: Client, call: GetCustomObjects, code: int) -> None:
    assert refused(client, call)[0] == code
    assert refused(client, GetCustomObjects("Rodeo")) == (20110, "Object name is not valid (20110)")


def test_objects_are_deleted_by_their_whole_key(sandbox: Sandbox, client: Client) -> None:
    sync(client, show(1, "a"), show(1, "b"))
    keys: list[dict[str, str | int]] = [{"MKTOID": 1, "rid": "a"}, {"MKTOID": 1, "rid": "a"}, {"MKTOID": 1}, {"x": 1}]
    found: tuple[SyncCustomObjStatus, ...] = client.delete_custom_objects("Roadshow", keys).sync_custom_obj_statuses
    assert [str(each.status) for each in found] == ["DELETED", "UNCHANGED", "FAILED", "FAILED"]
    assert [each["rid"] for each in texts(client.iterate(GetCustomObjects("Roadshow")))] == ["b"]


def test_too_many_objects_and_objects_without_a_key(sandbox: Sandbox, client: Client) -> None:
    for objects, text in (
        ([show(1, n) for n in range(101)], "at most 100"),
        ([CustomObj()], "has no key"),
        ([], "there is no object"),
    ):
        with pytest.raises(ValueError, match=text):
            client.sync_custom_objects("Roadshow", objects)
        with pytest.raises(ValueError, match=text):
            client.delete_custom_objects("Roadshow", [each.custom_obj_keys for each in objects])


def test_the_attributes_may_be_left_out_of_a_request(sandbox: Sandbox) -> None:
    data = signed(GetCustomObjects("Roadshow"), sandbox.credentials, sandbox.now())
    assert b"<includeAttributes/>" in data
    assert envelope.read_request(data.replace(b"<includeAttributes/>", b"")) == envelope.read_request(data)


def test_channels_and_their_statuses_come_by_name(sandbox: Sandbox, client: Client) -> None:
    email, webinar = client.get_channels().tag_statuses
    assert (email.tag_value, email.statuses, webinar.tag_value) == ("Email", (), "Webinar")
    assert [[(a.name, a.value) for a in status.attribs] for status in webinar.statuses] == [
        [("Status", "Attended"), ("Step", "40"), ("Webinar Behavior", "Attended"), ("Success", "true")],
        [("Status", "Invited"), ("Step", "10"), ("Success", "false")],
    ]
    assert webinar.statuses[0].get("Step") == "40"
    assert client.get_channels(Tag(None, ["Webinar", "Nope"])).tag_statuses == (webinar,)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([], [("Owner", ("Ann",)), ("Region", ("EU", "US"))]),
        ([Tag("Region")], [("Region", ("EU", "US"))]),
        ([Tag("Region", ["US", "Asia"])], [("Region", ("US",))]),
        ([Tag(None, ["Ann"])], [("Owner", ("Ann",))]),
        ([Tag("Owner"), Tag("Region", ["EU"])], [("Owner", ("Ann",)), ("Region", ("EU",))]),
        ([Tag("Channel")], []),
        ([Tag("Nope")], []),
    ],
)
def test_tags_are_chosen_by_type_and_value(sandbox: Sandbox, client: Client, asked: Any, found: Any) -> None:
    assert [(each.type, each.values) for each in client.get_tags(asked).tags] == found


def test_a_dump_carries_all_of_it(sandbox: Sandbox, client: Client) -> None:
    sync(client, show(1, "a", city="Rome"))
    dump = sandbox.dump()
    with Sandbox() as other:
        other.seed(dump)
        assert other.dump() == dump
        with pytest.raises(ValueError, match="no type of custom objects"):
            other.seed([{"kind": "custom_object", "type": "Rodeo", "values": {}}])
        with pytest.raises(ValueError, match="the key has no rid"):
            other.seed([{"kind": "custom_object", "type": "Roadshow", "values": {"MKTOID": "1"}}])
    sandbox.reset()
    assert sandbox.dump() == []
    sandbox.seed([{"kind": "channel", "name": "Email"}])
    assert [each.tag_value for each in client.get_channels().tag_statuses] == ["Email"]


@pytest.mark.parametrize(
    "wrong",
    [{"keys": []}, {"name": " "}, {"link": "x"}, {"fields": [f"f{number}" for number in range(51)]}, {"fields": 1}],
)
def test_a_type_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"custom_object_types\[1\]"):
        structure(Settings, {"custom_object_types": [{"name": "Roadshow", "keys": ["rid"], **wrong}]})
