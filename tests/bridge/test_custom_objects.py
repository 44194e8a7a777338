"""Custom objects, channels and tags answer over REST as over SOAP, but for the gaps in `custom_objects.py`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
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
from tests.bridge.custom_objects import CHANNELS, EXTRA, TAGS, TORN, VALUE_REFUSED, compare, gap, prepare
from tests.bridge.two_roads import PAIRS, Roads


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
    "nothing": GetCustomObjects("Roadshow", {"MKTOID": "99"}),
    "no number": GetCustomObjects("Roadshow", {"MKTOID": "many"}),
    "a name that is none": GetCustomObjects("Roadshow", {"city": "Rome"}),
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
    "missing_to_delete": DeleteCustomObjects("Roadshow", [{"MKTOID": "9", "rid": "a"}]),
    "no_key": GetCustomObjects("Roadshow"),
    "part_of_key": GetCustomObjects("Roadshow", {"rid": "a"}),
    "not_counted": SyncCustomObjects("Roadshow", tuple(show("1", each) for each in "cdef")),
    "further_names": GetChannels(),
    "torn_values": GetTags(),
    "value_refused": SyncCustomObjects("Roadshow", (show("1", "a", visits="many"), show("1", "z"))),
}


def filled(kind: type[Client | AsyncClient] = Client) -> Roads:
    roads = Roads(PAIRS["usual"], kind)
    prepare(roads)
    assert compare(roads, FIRST) == []
    return roads


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str, kind: type[Client | AsyncClient]) -> None:
    with closing(filled(kind)) as roads:
        assert compare(roads, EXACT[what]) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_gap_is_there(name: str) -> None:
    with closing(filled()) as roads:
        for sandbox in (roads.soap, roads.rest):
            more = evolve(sandbox.settings, channels=(*CHANNELS, EXTRA), tags=(*TAGS, TORN))
            sandbox.configure(more)
        met = compare(roads, EXAMPLES[name])
        if name == "not_counted":
            met = compare(roads, GetCustomObjects("Roadshow", {"MKTOID": "1"}, batch_size=2))
        assert met == [name]
    assert EXAMPLES.keys() == {VALUE_REFUSED, *(each.name for each in gap)}


def test_a_type_is_found_by_its_display_name() -> None:
    with closing(filled()) as roads:
        call: Any = SyncCustomObjects("vehicle", (CustomObj({"vin": "x"}),))
        result: Any = roads.by_rest.call(call)
        assert result.sync_custom_obj_statuses[0].obj_type_name == "Car"
