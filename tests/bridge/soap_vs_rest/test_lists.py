"""syncMultipleLeads and listOperation do the same over REST as over SOAP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

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
from tests.bridge.soap_vs_rest import lists
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair

ADD, ASK, REMOVE = ListOperationType
A, B, NONE = (LeadKey("EMAIL", f"{name}@y.com") for name in ("a", "b", "none"))


@pytest.fixture
def pair() -> Iterator[SandboxPair]:
    with SandboxPair() as pair:
        lists.prepare(pair)
        yield pair


EXACT: Mapping[str, list[Any]] = {
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
    "an address and an id": [
        SyncMultipleLeads([LeadRecord(id=1_000_001, email="x@y.com"), LeadRecord(email="b@y.com")]),
        SyncMultipleLeads([LeadRecord(id=1_000_001, email="x@y.com", attributes={"Email": "z@y.com"})]),
    ],
    "a new address": [SyncMultipleLeads([LeadRecord(email="a@y.com", attributes=[Attribute("Email", "q@y.com")])])],
}


@pytest.mark.parametrize("what", EXACT)
def test_exact(pair: SandboxPair, what: str) -> None:
    for operation in EXACT[what]:
        lists.compare(pair, operation)


def test_rest_does_not_know_the_lists_of_an_owner(pair: SandboxPair) -> None:
    """4.1 row 6: over REST, lists cannot be named by their owners; SOAP finds none."""
    call: Any = ListOperation(ADD, ListKey("MKTOSALESUSERID", "x"), [A])
    codes = []
    for client in (pair.soap_client, pair.rest_client):
        with pytest.raises(Fault) as caught:
            client.call(call)
        codes.append(caught.value.code)
    assert codes == [20111, 20110]
