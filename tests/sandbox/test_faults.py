"""Trouble on demand, in process and over a real socket."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from inspect import signature
from typing import Any

import pytest

from marketo_soap import (
    AmbiguousError,
    AsyncClient,
    Client,
    Fault,
    LeadRecord,
    LeadSyncFailed,
    MarketoError,
    ProtocolError,
    RetryPolicy,
    Sandbox,
    TransportError,
)
from marketo_soap.sandbox.faults import FaultScript
from marketo_soap.sandbox.settings import FaultRule
from tests.support import CREDENTIALS, NOW, SEED, signed

ONCE = RetryPolicy(attempts=1)
LEAD = LeadRecord(email="t@t.com", attributes={"FirstName": "George"})


@pytest.fixture(params=["in process", "socket"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Client]]:
    with Sandbox() as sandbox:
        if request.param == "in process":
            with Client(transport=sandbox.transport(), retry=ONCE, timeout=0.5) as client:
                yield sandbox, client
        else:
            user = sandbox.credentials
            with (
                sandbox.serve() as url,
                Client(url, user.user_id, user.encryption_key, retry=ONCE, timeout=0.5) as client,
            ):
                yield sandbox, client


def outcome(client: Client, lead: LeadRecord = LEAD) -> MarketoError | None:
    try:
        client.sync_lead(lead)
    except MarketoError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("rule", "kind", "says", "written"),
    [
        ({"fault": 20023}, Fault, "20023 Rate Limit Exceeded", 0),
        ({"fault": 10001, "message": "No room"}, Fault, "10001 No room", 0),
        ({"failed": "no room"}, LeadSyncFailed, "no room", 0),
        ({"close": "before"}, AmbiguousError, "disconnected", 0),
        ({"close": "after"}, AmbiguousError, "disconnected", 1),
        ({"html": True}, AmbiguousError, "HTTP 502 text/html", 0),
        ({"html": True, "status": 503}, TransportError, "HTTP 503 text/html", 0),
        ({"status": 404, "body": "nothing", "content_type": "text/plain"}, TransportError, "HTTP 404 text/plain", 0),
        ({"body": "<a/>"}, ProtocolError, "not a SOAP 1.1 envelope", 0),
        ({"truncate": 100}, AmbiguousError, "complete message body|without sending", 1),
        ({"truncate": 0}, AmbiguousError, "complete message body|without sending", 1),
        ({"delay": 1.0}, AmbiguousError, "ReadTimeout", 1),
        ({"delay": 0.1}, None, "", 1),
        ({"dribble": 0.0001}, None, "", 1),
    ],
    ids=str,
)
def test_what_a_rule_does(
    pair: tuple[Sandbox, Client], rule: dict[str, Any], kind: type[MarketoError] | None, says: str, written: int
) -> None:
    sandbox, client = pair
    sandbox.fail(**rule)
    error = outcome(client)
    if kind is None:
        assert error is None
    else:
        assert isinstance(error, kind)
        assert re.search(says, str(error))
    assert len(sandbox.leads()) == written
    assert any("a fault rule applied" in note for note in sandbox.entries()[-1].notes)
    assert outcome(client) is None
    assert len(sandbox.leads()) == 1
    assert _calls_end(sandbox)


def _calls_end(sandbox: Sandbox) -> bool:
    end = time.monotonic() + 5
    while sandbox.in_progress and time.monotonic() < end:
        time.sleep(0.01)
    return sandbox.in_progress == 0


def test_fail_takes_the_fields_of_a_rule(pair: tuple[Sandbox, Client]) -> None:
    sandbox, _ = pair
    assert list(signature(sandbox.fail).parameters) == list(signature(FaultRule).parameters)
    with pytest.raises(TypeError, match="unexpected keyword argument 'fualt'"):
        sandbox.fail(fualt=20103)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def test_a_delay_lasts(pair: tuple[Sandbox, Client]) -> None:
    sandbox, client = pair
    sandbox.fail(delay=0.2)
    started = time.perf_counter()
    client.sync_lead(LEAD)
    assert time.perf_counter() - started >= 0.2


@pytest.mark.parametrize("rule", [{"close": "before"}, {"truncate": 50}, {"delay": 1.0}], ids=str)
def test_an_async_client_meets_the_same(rule: dict[str, Any]) -> None:
    async def main() -> None:
        with Sandbox() as sandbox:
            sandbox.fail(**rule)
            async with AsyncClient(transport=sandbox.transport(), retry=ONCE, timeout=0.2) as client:
                with pytest.raises(AmbiguousError):
                    await client.sync_lead(LEAD)
                await client.sync_lead(LEAD)
            assert sandbox.in_progress == 0

    asyncio.run(main())


def struck(script: FaultScript, calls: int, email: str = "t@t.com") -> list[bool]:
    lead = LeadRecord(email=email, attributes={"FirstName": "George", "City": "Rome"})
    data = signed(type(SEED)(lead), CREDENTIALS, NOW)
    return [script.rule_for(data) is not None for _ in range(calls)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (FaultRule(times=2), [1, 1, 0, 0, 0, 0]),
        (FaultRule(times=None), [1, 1, 1, 1, 1, 1]),
        (FaultRule(times=None, every=3), [0, 0, 1, 0, 0, 1]),
        (FaultRule(times=1, every=2), [0, 1, 0, 0, 0, 0]),
        (FaultRule(operation="syncLead"), [1, 0, 0, 0, 0, 0]),
        (FaultRule(operation="getLead"), [0, 0, 0, 0, 0, 0]),
        (FaultRule(email=" T@t.com "), [1, 0, 0, 0, 0, 0]),
        (FaultRule(email="other@t.com"), [0, 0, 0, 0, 0, 0]),
        (FaultRule(attribute={"City": "Rome"}), [1, 0, 0, 0, 0, 0]),
        (FaultRule(attribute={"City": "Rome", "FirstName": "Ursula"}), [0, 0, 0, 0, 0, 0]),
        (FaultRule(times=None, chance=0.0), [0, 0, 0, 0, 0, 0]),
    ],
    ids=str,
)
def test_which_calls_a_rule_strikes(rule: FaultRule, expected: list[int]) -> None:
    assert struck(FaultScript([rule]), 6) == [bool(n) for n in expected]


def test_a_rule_goes_by_the_attribute_email_too() -> None:
    data = signed(type(SEED)(LeadRecord(attributes={"Email": "T@t.com"})), CREDENTIALS, NOW)
    assert FaultScript([FaultRule(email="t@t.com")]).rule_for(data) is not None


def test_chance_is_the_same_every_time() -> None:
    def draw(seed: int) -> list[bool]:
        return struck(FaultScript([FaultRule(times=None, chance=0.5)], seed=seed), 40)

    assert draw(1) == draw(1) != draw(2)
    assert 5 < sum(draw(1)) < 35


def test_rules_strike_in_their_order_and_are_gone_when_spent() -> None:
    script = FaultScript([FaultRule(fault=20023), FaultRule(fault=20024)])
    data = signed(SEED, CREDENTIALS, NOW)
    first, second, third = (script.rule_for(data) for _ in range(3))
    assert [rule and rule.fault for rule in (first, second, third)] == [20023, 20024, None]
    assert script.rules() == []


def test_what_cannot_be_read_meets_only_rules_without_conditions() -> None:
    assert FaultScript([FaultRule(email="t@t.com")]).rule_for(b"nonsense") is None
    assert FaultScript([FaultRule()]).rule_for(b"nonsense") is not None


def test_a_rule_for_an_unknown_operation_is_refused() -> None:
    script = FaultScript([FaultRule(operation="getLead"), FaultRule(operation="getLeadById"), FaultRule()])
    with pytest.raises(ValueError, match="there is no operation 'getLeads'"):
        script.add(FaultRule(operation="getLeads"))
    assert len(script.rules()) == 3
