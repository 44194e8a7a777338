"""Custom objects, channels and tags are the same over REST as over SOAP, with differences: `custom_objects.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import (
    AsyncClient,
    Client,
    CustomObj,
    DeleteCustomObjects,
    GetChannels,
    GetCustomObjects,
    GetTags,
    SyncCustomObjects,
    Tag,
)
from marketo_soap.sandbox.assets import Channel, ChannelStatus, TagType
from tests.bridge.soap_vs_rest.custom_objects import CHANNELS, DIFFERENCES, TAGS, compare, prepare
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair


def show(mktoid: str, rid: str, **attributes: str) -> CustomObj:
    return CustomObj({"MKTOID": mktoid, "rid": rid}, attributes)


FIRST = SyncCustomObjects("Roadshow", (show("1", "a", city="Rome"), show("1", "b"), show("2", "a")))
EXACT: Mapping[str, Any] = {
    "upsert": SyncCustomObjects("roadSHOW", (show("1", "a", city=""), show("3", "a", visits="3"))),
    "insert": SyncCustomObjects("Roadshow", (show("1", "a"), show("3", "a")), "INSERT"),
    "update": SyncCustomObjects("Roadshow", (show("1", "a"), show("3", "a")), "UPDATE"),
    "the same key twice": SyncCustomObjects("Roadshow", (show("3", "a"), show("3", " a", city="x"), show("3", "b"))),
    "unknown names": SyncCustomObjects("Roadshow", (show("1", "a", nameasdf="x"), CustomObj({"rid": "a"}))),
    "by the whole key": GetCustomObjects("Roadshow", {"MKTOID": "1", "rid": "a"}),
    "by the link": GetCustomObjects("Roadshow", {"MKTOID": "2"}, include_attributes=["city"]),
    "an unknown key": GetCustomObjects("Roadshow", {"MKTOID": "99"}),
    "an invalid number": GetCustomObjects("Roadshow", {"MKTOID": "many"}),
    "an attribute that is no key": GetCustomObjects("Roadshow", {"city": "Rome"}),
    "an unknown type": GetCustomObjects("Rodeo", {"MKTOID": "1"}),
    "a damaged position": GetCustomObjects("Roadshow", {"MKTOID": "1"}, stream_position="x"),
    "a key with a comma": SyncCustomObjects("Car", (CustomObj({"vin": "a,b"}, {"MKTOID": "1", "colour": "red"}),)),
    "delete": DeleteCustomObjects("Roadshow", [{"MKTOID": "1", "rid": "a"}, {"MKTOID": "1"}]),
    "channels": GetChannels(),
    "a channel": GetChannels(Tag(None, ["Email", "Nope"])),
    "tags": GetTags(),
    "a tag": GetTags((Tag("Region", ["US"]),)),
}
EXAMPLES: Mapping[str, Any] = {
    "invalid_value": SyncCustomObjects("Roadshow", (show("1", "a", visits="many"), show("1", "z"))),
    "missing_object_not_deleted": DeleteCustomObjects("Roadshow", [{"MKTOID": "9", "rid": "a"}]),
    "no_key": GetCustomObjects("Roadshow"),
    "part_of_key": GetCustomObjects("Roadshow", {"rid": "a"}),
    "remaining_not_counted": SyncCustomObjects("Roadshow", tuple(show("1", each) for each in "cdef")),
    "additional_attributes": GetChannels(),
    "split_values": GetTags(),
}


CHECK_IN = Channel("Show", (ChannelStatus("Seen", 1, attribs={"Check-in Status": "Yes"}),))
CITY = TagType("City", ("Rome, Italy",))


def test_every_difference_has_an_example() -> None:
    DIFFERENCES.check_examples(EXAMPLES)


def filled(kind: type[Client | AsyncClient] = Client) -> SandboxPair:
    pair = SandboxPair(kind=kind)
    prepare(pair)
    assert compare(pair, FIRST) == []
    return pair


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str, kind: type[Client | AsyncClient]) -> None:
    with filled(kind) as pair:
        assert compare(pair, EXACT[what]) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_difference(name: str) -> None:
    with filled() as pair:
        for sandbox in pair.sandboxes:
            more = evolve(sandbox.settings, channels=(*CHANNELS, CHECK_IN), tags=(*TAGS, CITY))
            sandbox.configure(more)
        applied = compare(pair, EXAMPLES[name])
        if name == "remaining_not_counted":
            applied = compare(pair, GetCustomObjects("Roadshow", {"MKTOID": "1"}, batch_size=2))
        assert applied == [name]


def test_a_type_is_found_by_its_display_name() -> None:
    with filled() as pair:
        call: Any = SyncCustomObjects("vehicle", (CustomObj({"vin": "x"}),))
        result: Any = pair.rest_client.call(call)
        assert result.sync_custom_obj_statuses[0].obj_type_name == "Car"
