"""One call as a list of steps: no sockets, no sleeping."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

import pytest

from marketo_soap import (
    AmbiguousError,
    Fault,
    MarketoError,
    ProtocolError,
    RetryPolicy,
    SyncLead,
    TransportError,
    envelope,
    signature,
)
from marketo_soap.exchange import Received, Send, Wait, exchange
from tests.support import CREDENTIALS, NOW, SEED, fixture

OK = Received(200, "text/xml", fixture("sync_lead/seed.response.xml"))
EXPIRED = Received(500, "text/xml", fixture("faults/20016.xml"))
REFUSED = TransportError("refused")
LOST = AmbiguousError("lost")


def start(policy: RetryPolicy | None = None, *, workspace: str | None = None) -> Generator[Any, Any, Any]:
    ticks = iter(NOW + timedelta(seconds=n) for n in range(100))

    def now() -> datetime:
        return next(ticks)

    return exchange(
        SEED,
        CREDENTIALS,
        target_workspace=workspace,
        now=now,
        policy=policy or RetryPolicy(),
        random=lambda: 0.5,
    )


def run(*answers: Received | TransportError, policy: RetryPolicy | None = None) -> tuple[list[Any], Any]:
    """The steps of a call that gets *answers*, and what it ends with."""
    call, steps, waiting = start(policy), [], list(answers)
    answer: Any = None
    try:
        while True:
            step = call.send(answer)
            steps.append(step)
            answer = waiting.pop(0) if isinstance(step, Send) else None
    except StopIteration as done:
        outcome = done.value
    except MarketoError as error:
        outcome = error
    assert waiting == []
    return steps, outcome


def sends(steps: list[Any]) -> list[Send]:
    return [step for step in steps if isinstance(step, Send)]


def test_a_call_is_one_signed_envelope_and_its_result() -> None:
    steps, result = run(OK)
    header = signature.sign(CREDENTIALS, signature.timestamp(NOW))
    assert steps == [Send(envelope.request(SEED, header), envelope.soap_action(SyncLead), 1)]
    assert result.lead_id == 1089965


def test_the_workspace_goes_into_the_header() -> None:
    step = next(start(workspace="Default"))
    assert b"<ns1:MktowsContextHeader><targetWorkspace>Default<" in step.body


def test_what_was_not_sent_is_sent_again_signed_anew() -> None:
    steps, result = run(REFUSED, REFUSED, OK)
    first, second, third = sends(steps)
    assert [step.attempt for step in (first, second, third)] == [1, 2, 3]
    assert len({first.body, second.body, third.body}) == 3
    times = [envelope.read_request(step.body).header for step in (first, second, third)]
    assert [header and header.request_timestamp[-9:-6] for header in times] == [":19", ":20", ":21"]
    assert [step for step in steps if isinstance(step, Wait)] == [Wait(0.25), Wait(0.5)]
    assert result.lead_id == 1089965


def test_the_wait_is_spread_and_has_an_end() -> None:
    policy = RetryPolicy(attempts=4, pause=1.0, longest_pause=1.5)
    steps, _ = run(REFUSED, REFUSED, REFUSED, OK, policy=policy)
    assert [step for step in steps if isinstance(step, Wait)] == [Wait(0.5), Wait(0.75), Wait(0.75)]


def test_attempts_end() -> None:
    steps, error = run(REFUSED, REFUSED, REFUSED)
    assert error is REFUSED
    assert len(sends(steps)) == 3


def test_an_expired_signature_is_made_anew_at_once_and_once() -> None:
    steps, result = run(EXPIRED, OK)
    assert [type(step) for step in steps] == [Send, Send]
    assert result.lead_id == 1089965
    _, error = run(EXPIRED, EXPIRED)
    assert isinstance(error, Fault)
    assert error.code == 20016


@pytest.mark.parametrize(
    "answer",
    [
        LOST,
        Received(502, "text/html", b"<html>Bad gateway</html>"),
        Received(504, "text/html", b""),
        Received(500, "text/html", b"oops"),
        Received(200, "text/html", b"<html>Log in</html>"),
        Received(404, "text/html", b"<html>Nothing here</html>"),
        Received(302, "", b""),
        Received(500, "text/xml", fixture("faults/10001.xml")),
        Received(500, "text/xml", fixture("faults/20023.xml")),
        Received(500, "text/xml", fixture("faults/20103.xml")),
        Received(200, "text/xml", fixture("sync_lead/failed.response.xml")),
    ],
)
def test_everything_else_is_said_and_not_repeated(answer: Received | TransportError) -> None:
    steps, error = run(answer)
    assert len(steps) == 1
    assert isinstance(error, MarketoError)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(status: int) -> None:
    steps, _ = run(Received(status, "text/html", b"busy"), OK)
    assert [type(step) for step in steps] == [Send, Wait, Send]


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (Received(502, "text/html", b"<html>Bad gateway"), AmbiguousError, "HTTP 502 text/html.*Bad gateway"),
        (Received(504, "", b""), AmbiguousError, "HTTP 504 without a content type, beginning nothing"),
        (Received(404, "text/html", b"<html>No"), TransportError, "HTTP 404"),
        (Received(302, "text/html", b""), TransportError, "a redirect is not followed"),
        (Received(200, "text/html", b"<html>Log in"), ProtocolError, "HTTP 200 text/html.*<html>Log in"),
        (Received(200, "text/xml", OK.body[:300]), ProtocolError, "not well-formed.*HTTP 200 text/xml"),
        (Received(500, "text/xml", OK.body[:300]), AmbiguousError, "HTTP 500 text/xml"),
        (Received(200, "text/xml", b""), ProtocolError, "empty; came HTTP 200"),
        (
            Received(200, "text/xml", OK.body.replace(b"leadId", b"LeadId")),
            ProtocolError,
            "successSyncLead/result/syncStatus/leadId is missing",
        ),
    ],
)
def test_what_came_instead_is_said(answer: Received, kind: type[MarketoError], says: str) -> None:
    _, error = run(answer)
    assert type(error) is kind
    with pytest.raises(kind, match=says):
        raise error
    if isinstance(error, TransportError):
        assert error.status == answer.status


def test_a_fault_counts_whatever_the_status() -> None:
    for status in (200, 400, 500, 503):
        _, error = run(Received(status, "text/xml", fixture("faults/20105.xml")))
        assert isinstance(error, Fault)
        assert error.code == 20105


def test_what_came_instead_holds_no_private_value() -> None:
    page = b"<html>You sent George, of the Jungle, t@t.com to us"
    _, error = run(Received(200, "text/html", page))
    for private in ("George", "of the Jungle", "t@t.com"):
        assert private not in str(error)


def test_one_attempt_means_one() -> None:
    _, error = run(REFUSED, policy=RetryPolicy(attempts=1))
    assert error is REFUSED
