"""Other people's SOAP clients drive every operation: against a served sandbox, and through a gateway over REST."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from marketo_soap import Sandbox
from marketo_soap.bridge.operations import TRANSLATIONS
from marketo_soap.config import structure
from marketo_soap.operations import OPERATIONS
from marketo_soap.sandbox.settings import Settings
from tests.gateway.support import KEYS, serving
from tests.peers.test_peers import Call, Outcome, Peer, peer
from tests.support import CREDENTIALS

__all__ = ["peer"]

CALLS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "calls.json").read_text(encoding="utf-8"))
SETTINGS: Settings = structure(
    Settings,
    {
        "lists": [{"name": "News"}, {"name": "Guests", "program": "Launch"}],
        "campaigns": [
            {"name": "Welcome", "program": "Launch", "triggerable": True},
            {"name": "Nightly", "program": "Launch"},
        ],
        "custom_object_types": [{"name": "Roadshow", "keys": ["MKTOID", "rid"], "fields": ["city"]}],
        "channels": [{"name": "Webinar", "statuses": [{"name": "Invited", "step": 10}]}],
        "tags": [{"type": "Region", "values": ["EU", "US"]}],
    },
)


def holds(given: Any, expected: Any) -> bool:
    """Say whether what a client made of an answer holds what is expected: single items may be a list or not."""
    if isinstance(expected, dict):
        return isinstance(given, dict) and all(holds(given.get(name), each) for name, each in expected.items())
    if isinstance(expected, list):
        found = given if isinstance(given, list) else [given]
        return all(any(holds(each, wanted) for each in found) for wanted in expected)
    if isinstance(expected, bool):
        return str(given).lower() == str(expected).lower()
    return str(given) == str(expected)


def only_child(expected: dict[str, Any]) -> Any:
    """What zeep gives in place of a result with one child."""
    return next(iter(expected.values())) if len(expected) == 1 else expected


def of(operations: Collection[str]) -> list[dict[str, Any]]:
    """The calls of these operations, and not those that need what another one does."""
    return [each for each in CALLS if each["operation"] in operations and each.get("needs", "getLead") in operations]


def signed_by(user_id: str, key: str, calls: list[dict[str, Any]]) -> list[Call]:
    user = {"userId": user_id, "encryptionKey": key}
    return [{"operation": each["operation"], "params": each["params"], **user} for each in calls]


def test_the_calls_are_of_all_operations() -> None:
    assert set(OPERATIONS) <= {each["operation"] for each in CALLS}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    user = CREDENTIALS
    with Sandbox(user_id=user.user_id, encryption_key=user.encryption_key, settings=SETTINGS) as sandbox:
        yield sandbox


def check(calls: list[dict[str, Any]], outcomes: list[Outcome]) -> None:
    wrong = [
        f"{call['operation']}: {outcome}"
        for call, outcome in zip(calls, outcomes, strict=True)
        if not holds(outcome, call["expect"]) and not holds(outcome, only_child(call["expect"]))
    ]
    assert not wrong, "\n".join(wrong)


def test_every_operation_is_driven_from_the_wsdl(peer: Peer, sandbox: Sandbox) -> None:
    calls = of(OPERATIONS)
    with sandbox.serve() as endpoint:
        check(calls, peer(endpoint, signed_by(CREDENTIALS.user_id, CREDENTIALS.encryption_key, calls)))
    (asked,), (run,) = sandbox.requested_campaigns(), sandbox.scheduled_campaigns()
    assert (asked.lead_ids, asked.tokens) == ((1000001, 1000002), {"{{my.x}}": "é"})
    assert (run.name, run.tokens) == ("Nightly", {"{{my.x}}": "y"})


def test_operations_are_driven_through_a_gateway(peer: Peer, tmp_path: Path) -> None:
    calls = [{**each, "expect": each.get("rest", each["expect"])} for each in of(TRANSLATIONS)]
    with Sandbox(settings=SETTINGS) as sandbox, serving(tmp_path, sandbox) as gateway:
        check(calls, peer(gateway.url, signed_by("user_0_0123456789", KEYS["KEY_0"], calls)))
        assert [each.name for each in sandbox.requested_campaigns()] == ["Welcome"]
