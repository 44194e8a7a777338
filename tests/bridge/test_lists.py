"""syncMultipleLeads and listOperation answer over REST as over SOAP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketo_soap import (
    Attribute,
    Fault,
    LeadKey,
    LeadRecord,
    ListKey,
    ListOperation,
    ListOperationType,
    SyncMultipleLeads,
)
from tests.bridge import lists
from tests.bridge.two_roads import PAIRS, Roads

ADD, ASK, REMOVE = ListOperationType
A, B, NONE = (LeadKey("EMAIL", f"{name}@y.com") for name in ("a", "b", "none"))


@pytest.fixture
def roads() -> Iterator[Roads]:
    with closing(Roads(PAIRS["usual"])) as roads:
        lists.prepare(roads)
        yield roads


SAME: Mapping[str, list[Any]] = {
    "members": [ListOperation(ASK, "News", [A, B, NONE]), ListOperation(ASK, "Launch.Inside", [B])],
    "added": [ListOperation(ADD, "News", [B]), ListOperation(ASK, "News", [A, B])],
    "partly": [ListOperation(ADD, "News", [NONE, B]), ListOperation(ASK, "News", [B])],
    "removed": [ListOperation(REMOVE, "News", [A, B]), ListOperation(ASK, "News", [A])],
    "strict": [
        ListOperation(ADD, "News", [B, NONE], strict=True),
        ListOperation(REMOVE, "News", [A, B], strict=True),
        ListOperation(ASK, "News", [A, B]),
    ],
    "by ids": [ListOperation(ADD, "News", [LeadKey("IDNUM", "1000002"), LeadKey("IDNUM", "7"), LeadKey("IDNUM", "x")])],
    "in a program": [ListOperation(ADD, "Launch.Inside", [A]), ListOperation(REMOVE, "Nope", [A])],
    "leads": [
        SyncMultipleLeads(
            [
                LeadRecord(email="a@y.com", attributes={"FirstName": "Ann"}),
                LeadRecord(email="new@y.com"),
                LeadRecord(id=7),
                LeadRecord(email="x@y.com", attributes={"pants": "x"}),
            ]
        )
    ],
    "a key that occurs twice": [SyncMultipleLeads([LeadRecord(email="n@y.com"), LeadRecord(email="N@y.com")])],
    "without dedup": [SyncMultipleLeads([LeadRecord(email="a@y.com")] * 2, dedup_enabled=False)],
    "an address beside an id": [
        SyncMultipleLeads([LeadRecord(id=1_000_001, email="x@y.com"), LeadRecord(email="b@y.com")]),
        SyncMultipleLeads([LeadRecord(id=1_000_001, email="x@y.com", attributes={"Email": "z@y.com"})]),
    ],
    "a new address": [SyncMultipleLeads([LeadRecord(email="a@y.com", attributes=[Attribute("Email", "q@y.com")])])],
}


@pytest.mark.parametrize("what", SAME)
def test_both_answer_the_same(roads: Roads, what: str) -> None:
    for operation in SAME[what]:
        assert lists.compare(roads, operation) == []
        assert roads.soap_state() == roads.rest_state()


@settings(max_examples=40, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(pair=st.sampled_from([*PAIRS]), operations=st.lists(lists.calls(), max_size=6))
def test_both_do_the_same_in_any_order(pair: str, operations: list[Any]) -> None:
    with closing(Roads(PAIRS[pair])) as roads:
        lists.prepare(roads)
        for operation in operations:
            assert lists.compare(roads, operation) == []
            assert roads.soap_state() == roads.rest_state()


def test_a_list_of_an_owner_is_unknown_to_rest(roads: Roads) -> None:
    """4.1 row 6: REST does not know lists by their owners, SOAP finds none."""
    call: Any = ListOperation(ADD, ListKey("MKTOSALESUSERID", "x"), [A])
    codes = []
    for client in (roads.by_soap, roads.by_rest):
        with pytest.raises(Fault) as caught:
            client.call(call)
        codes.append(caught.value.code)
    assert codes == [20111, 20110]
