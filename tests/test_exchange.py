"""One call as a list of steps: no sockets, no sleeping."""

from __future__ import annotations

import pickle
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketo_soap import (
    AmbiguousError,
    AmbiguousFault,
    AuthenticationFault,
    Fault,
    LeadRecord,
    LeadSyncFailed,
    LeadSyncStatus,
    LimitFault,
    MarketoError,
    ProtocolError,
    RestError,
    RetryPolicy,
    ServerFault,
    SyncLead,
    SyncLeadResult,
    SyncStatus,
    TransportError,
    envelope,
    signature,
)
from marketo_soap.calls.flow import Acquire, Received, Send, Wait, exchange, replay
from marketo_soap.calls.retry import retry_after
from marketo_soap.errors import fault
from tests.support import COOKIE, CREDENTIALS, NOW, SEED, faulted, fixture, success

BY_COOKIE = SyncLead(LeadRecord(attributes={"FirstName": "George"}), marketo_cookie=COOKIE)
XML = {"content-type": "text/xml"}
HTML = {"content-type": "text/html"}


def xml(name: str, status: int = 500, **headers: str) -> Received:
    return Received(status, {**XML, **headers}, fixture(name))


OK = xml("sync_lead/seed.response.xml", 200)
EXPIRED = xml("faults/20016.xml", date="Mon, 05 Aug 2013 22:34:19 GMT")
REFUSED = TransportError("refused")
LOST = AmbiguousError("lost")
STATUS = "<syncStatus><leadId>7</leadId><status>UPDATED</status></syncStatus>"


class Time:
    """Seconds that pass when a step says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


def start(
    time: Time, policy: RetryPolicy, operation: SyncLead = SEED, workspace: str | None = None
) -> Generator[Any, Any, Any]:
    return exchange(
        operation,
        CREDENTIALS,
        target_workspace=workspace,
        now=time.now,
        monotonic=time.monotonic,
        policy=policy,
        random=lambda: 0.5,
    )


def run(
    *answers: Received | TransportError,
    policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - a value
    operation: SyncLead = SEED,
    each: float = 1.0,
) -> tuple[list[Any], Any]:
    """The steps of a call that gets *answers*, *each* after so many seconds, and what it ends with."""
    time = Time()
    call, steps, waiting = start(time, policy, operation), list[Any](), list(answers)
    answer: Any = None
    try:
        while True:
            step = call.send(answer)
            steps.append(step)
            answer = None
            if isinstance(step, Send):
                answer = waiting.pop(0)
                time.seconds += each
            elif isinstance(step, Wait):
                time.seconds += step.seconds
    except StopIteration as done:
        outcome = done.value
    except MarketoError as error:
        outcome = error
    assert waiting == []
    return steps, outcome


def kinds(steps: list[Any]) -> str:
    """The steps in short: `a` for a permit, `s` for a send, seconds for a wait."""
    letters = {Acquire: "a", Send: "s"}
    return " ".join(f"{step.seconds:g}" if isinstance(step, Wait) else letters[type(step)] for step in steps)


def sends(steps: list[Any]) -> list[Send]:
    return [step for step in steps if isinstance(step, Send)]


def test_a_call_asks_for_a_permit_signs_and_sends() -> None:
    steps, result = run(OK)
    header = signature.sign(CREDENTIALS, signature.timestamp(NOW))
    assert steps == [Acquire(300.0), Send(envelope.request(SEED, header), envelope.soap_action(SyncLead), 1, 300.0)]
    assert result.lead_id == 1089965


def test_it_is_signed_after_the_permit_not_before() -> None:
    time = Time()
    call = start(time, RetryPolicy())
    assert isinstance(next(call), Acquire)
    time.seconds = 200
    header = envelope.read_request(call.send(None).body).header
    assert header is not None
    assert header.request_timestamp == "2013-08-05T23:37:39+00:00"


def test_the_workspace_goes_into_the_header() -> None:
    call = start(Time(), RetryPolicy(), workspace="Default")
    next(call)
    assert b"<ns1:MktowsContextHeader><targetWorkspace>Default<" in call.send(None).body


def test_every_attempt_is_signed_anew() -> None:
    steps, result = run(REFUSED, REFUSED, OK)
    assert [step.attempt for step in sends(steps)] == [1, 2, 3]
    times = [envelope.read_request(step.body).header for step in sends(steps)]
    assert len({header and header.request_timestamp for header in times}) == 3
    assert len({header and header.request_signature for header in times}) == 3
    assert result.lead_id == 1089965


# -- the table ----------------------------------------------------------------------------------------

BUSY = Received(503, HTML, b"busy")
PROXY = Received(502, HTML, b"<html>Bad gateway</html>")
RESENT = "a s 0.25 a s"
ONCE = "a s"


@pytest.mark.parametrize(
    ("first", "operation", "steps"),
    [
        (REFUSED, BY_COOKIE, RESENT),
        (Received(429, HTML, b""), BY_COOKIE, RESENT),
        (BUSY, SEED, RESENT),
        (Received(503, {"retry-after": "7"}, b""), SEED, "a s 7 a s"),
        (Received(429, {"retry-after": "7"}, b""), BY_COOKIE, "a s 7 a s"),
        (xml("faults/20024.xml", 503), BY_COOKIE, RESENT),
        (EXPIRED, BY_COOKIE, "a s 0 a s"),
        (xml("faults/20023.xml"), BY_COOKIE, "a s 15 a s"),
        (xml("faults/20024.xml"), BY_COOKIE, RESENT),
        (LOST, SEED, RESENT),
        (PROXY, SEED, RESENT),
        (Received(504, {}, b""), SEED, RESENT),
        (xml("faults/10001.xml"), SEED, RESENT),
        (xml("faults/20011.xml"), SEED, RESENT),
    ],
    ids=str,
)
def test_what_is_sent_again(first: Any, operation: SyncLead, steps: str) -> None:
    done, result = run(first, OK, operation=operation)
    assert kinds(done) == steps
    assert result.lead_id == 1089965


@pytest.mark.parametrize(
    ("first", "operation", "policy", "kind"),
    [
        (LOST, BY_COOKIE, RetryPolicy(), AmbiguousError),
        (PROXY, BY_COOKIE, RetryPolicy(), AmbiguousError),
        (BUSY, BY_COOKIE, RetryPolicy(), AmbiguousError),
        (xml("faults/10001.xml"), BY_COOKIE, RetryPolicy(), AmbiguousFault),
        (xml("faults/20011.xml"), BY_COOKIE, RetryPolicy(), AmbiguousFault),
        (LOST, SEED, RetryPolicy(resend_unknown=False), AmbiguousError),
        (xml("faults/20011.xml"), SEED, RetryPolicy(resend_unknown=False), AmbiguousFault),
        (xml("faults/10001-parameter-required.xml"), SEED, RetryPolicy(), ServerFault),
        (xml("faults/20015.xml"), SEED, RetryPolicy(), LimitFault),
        (xml("faults/20014.xml"), SEED, RetryPolicy(), AuthenticationFault),
        (xml("faults/20103.xml"), SEED, RetryPolicy(), Fault),
        (xml("faults/20106.xml"), SEED, RetryPolicy(), ServerFault),
        (xml("sync_lead/failed.response.xml", 200), SEED, RetryPolicy(), LeadSyncFailed),
        (Received(404, HTML, b"<html>"), SEED, RetryPolicy(), TransportError),
        (Received(301, HTML, b""), SEED, RetryPolicy(), TransportError),
        (Received(302, HTML, b""), SEED, RetryPolicy(), AmbiguousError),
        (Received(200, HTML, b"<html>Log in"), SEED, RetryPolicy(), ProtocolError),
        (REFUSED, SEED, RetryPolicy(attempts=1), TransportError),
        (Received(503, {"retry-after": "9" * 30}, b""), SEED, RetryPolicy(deadline=None), TransportError),
        (
            Received(503, {"retry-after": "Mon, 01 Jan 2020 00:00:00 +9999999999999"}, b""),
            SEED,
            RetryPolicy(attempts=1),
            TransportError,
        ),
        (REFUSED, SEED, RetryPolicy(deadline=1.1), TransportError),
        (Received(503, {"retry-after": "400"}, b""), SEED, RetryPolicy(), TransportError),
    ],
    ids=str,
)
def test_what_is_never_sent_again(first: Any, operation: SyncLead, policy: RetryPolicy, kind: type[Exception]) -> None:
    steps, error = run(first, operation=operation, policy=policy)
    assert kinds(steps) == ONCE
    assert isinstance(error, kind)
    assert isinstance(error, AmbiguousError) == issubclass(kind, AmbiguousError)


def test_a_second_expiry_says_how_far_the_clocks_are_apart() -> None:
    steps, error = run(EXPIRED, EXPIRED)
    assert kinds(steps) == "a s 0 a s"
    assert error.code == 20016
    assert "(the clocks differ: the server's is 60 minutes behind this one)" in str(error)
    _, silent = run(xml("faults/20016.xml"), xml("faults/20016.xml"))
    assert "the reply has no valid Date header" in str(silent)


UNDONE: list[tuple[Any, type[MarketoError]]] = [
    (REFUSED, AmbiguousError),
    (BUSY, AmbiguousError),
    (xml("faults/20015.xml"), LimitFault),
    (xml("faults/20103.xml"), Fault),
]


@pytest.mark.parametrize(("last", "kind"), UNDONE, ids=str)
def test_what_comes_after_does_not_hide_an_unknown_fate(last: Any, kind: type[MarketoError]) -> None:
    _, error = run(LOST, last, policy=RetryPolicy(attempts=2))
    assert isinstance(error, kind)
    assert error.fate_unknown
    assert "an earlier attempt may have been carried out" in str(error)
    _, alone = run(last, policy=RetryPolicy(attempts=1))
    assert not alone.fate_unknown


@pytest.mark.parametrize("refusal", [TransportError("no permit"), LimitFault("no permit", code=20015)], ids=str)
def test_no_permit_for_a_repetition_does_not_hide_it_either(refusal: MarketoError) -> None:
    call = start(Time(), RetryPolicy(pause=0.0))
    next(call)
    call.send(None)
    assert isinstance(call.send(LOST), Wait)
    assert isinstance(call.send(None), Acquire)
    with pytest.raises(MarketoError) as caught:
        call.send(refusal)
    assert caught.value.fate_unknown


def test_a_permit_that_comes_too_late_sends_nothing() -> None:
    time = Time()
    call = start(time, RetryPolicy(deadline=5.0))
    next(call)
    time.seconds = 5.0
    with pytest.raises(TransportError, match="permit came after"):
        call.send(None)


def test_a_replay_whose_permit_comes_too_late_is_not_sent() -> None:
    time, policy = Time(), RetryPolicy(deadline=5.0)
    stored = envelope.request(SEED, signature.sign(CREDENTIALS, signature.timestamp(NOW)))
    call = replay(SyncLead, stored, CREDENTIALS, now=time.now, monotonic=time.monotonic, policy=policy)
    assert next(call) == Acquire(5.0)
    time.seconds = 6.0
    with pytest.raises(TransportError, match="syncLead was not sent: the permit came after"):
        call.send(None)


def test_a_wait_that_ended_after_the_deadline_asks_for_a_permit_at_once() -> None:
    """A limiter is never given a negative time-out, which some locks refuse and others take for none."""
    time = Time()
    call = start(time, RetryPolicy(deadline=5.0, pause=0.0))
    next(call)
    call.send(None)
    assert isinstance(call.send(REFUSED), Wait)
    time.seconds = 7.0
    assert call.send(None) == Acquire(0.0)


@pytest.mark.parametrize(
    ("name", "repeated"),
    [
        ("10001 - Internal Error", True),
        ("Severe failure, try later", True),
        ("Parameter required", False),
        ("ForeignSysType is not a known system", False),
        ("Invalid value", False),
        ("Unknown attribute", False),
        ("An unknown error occurred", True),
        ("Unknown system failure", True),
    ],
)
def test_10001_is_repeated_unless_its_text_blames_the_request(name: str, repeated: bool) -> None:
    detail = "<detail><m:serviceException><code>10001</code></m:serviceException></detail>"
    reply = Received(500, XML, faulted(f"<faultstring>{name}</faultstring>{detail}"))
    steps, _ = run(*([reply, OK] if repeated else [reply]))
    assert kinds(steps) == (RESENT if repeated else ONCE)


@pytest.mark.parametrize(
    ("faultcode", "faultstring", "fate_unknown"),
    [
        ("S:Server", "Internal error", True),
        ("soapenv:Server.generalException", "", True),
        ("S:Server", "Parameter required", False),
        ("S:Client", "Internal error", False),
    ],
)
def test_a_fault_without_a_code_that_blames_the_server(faultcode: str, faultstring: str, fate_unknown: bool) -> None:
    text = f"<faultcode>{faultcode}</faultcode><faultstring>{faultstring}</faultstring>"
    steps, error = run(Received(500, XML, faulted(text)))
    assert (kinds(steps), type(error), error.fate_unknown) == (ONCE, Fault, fate_unknown)


def limit_after_a_part() -> Received:
    """The reply of a gateway to a call that met a limit after a part of it was carried out."""
    refused = fault(20023)
    refused.rest, refused.fate_unknown = RestError("606", "too many calls"), True
    return Received(500, XML, envelope.write_reply(SyncLead, refused))


def test_a_limit_after_a_part_of_the_call_is_repeated_only_where_that_is_harmless() -> None:
    steps, error = run(limit_after_a_part(), operation=BY_COOKIE)
    assert (kinds(steps), type(error), error.fate_unknown) == ("a s", LimitFault, True)
    steps, error = run(limit_after_a_part(), policy=RetryPolicy(resend_unknown=False))
    assert (kinds(steps), type(error), error.hint) == ("a s", LimitFault, "")
    steps, error = run(limit_after_a_part(), xml("faults/20103.xml"))
    assert (kinds(steps), error.code, error.fate_unknown) == ("a s 15 a s", 20103, True)


def test_an_expiry_after_another_trouble_is_still_the_first() -> None:
    steps, result = run(REFUSED, EXPIRED, OK)
    assert kinds(steps) == "a s 0.25 a s 0 a s"
    assert result.lead_id == 1089965


def test_a_spent_quota_says_when_it_is_reset() -> None:
    _, error = run(xml("faults/20015.xml"))
    assert error.retry_at.astimezone(UTC) == datetime(2013, 8, 6, 5, tzinfo=UTC)


def test_attempts_end_and_waits_grow() -> None:
    steps, error = run(REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, policy=RetryPolicy(attempts=5, longest_pause=1.5))
    assert kinds(steps) == "a s 0.25 a s 0.5 a s 0.75 a s 0.75 a s"
    assert error is REFUSED


def test_the_deadline_spans_attempts_and_waits() -> None:
    steps, error = run(LOST, LOST, policy=RetryPolicy(attempts=9, deadline=10.0, pause=2.0), each=4.0)
    assert kinds(steps) == "a s 1 a s"
    assert [step.seconds for step in steps] == [10.0, 10.0, 1.0, 5.0, 5.0]
    assert error is LOST


def test_a_wait_that_would_pass_the_deadline_is_logged_and_said(caplog: pytest.LogCaptureFixture) -> None:
    steps, error = run(xml("faults/20023.xml"), policy=RetryPolicy(deadline=5.0))
    assert kinds(steps) == "a s"
    assert "not tried again: the wait of 15.0 s would have passed the call's deadline" in str(error)
    (record,) = caplog.records
    assert (record.name, record.operation, record.code) == ("marketo_soap.retry", "syncLead", 20023)  # type: ignore[attr-defined]
    assert record.getMessage().startswith("syncLead after LimitFault 20023 is not tried again: the wait")


def test_a_wait_that_would_pass_the_deadline_does_not_hide_an_unknown_fate() -> None:
    policy = RetryPolicy(deadline=5.0, pause=0.0)
    _, error = run(AmbiguousError("lost"), xml("faults/20023.xml"), policy=policy)
    assert error.fate_unknown
    assert "carried out" in error.hint
    assert "not tried again" in error.hint


def test_no_deadline_is_no_deadline() -> None:
    steps, _ = run(OK, policy=RetryPolicy(deadline=None))
    assert [step.seconds for step in steps] == [None, None]


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"deadline": 0}, {"deadline": -1.0}])
def test_a_policy_without_an_attempt_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="must be more than 0"):
        RetryPolicy(**wrong)


@pytest.mark.parametrize("name", ["pause", "longest_pause", "window"])
def test_waits_are_not_negative(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative"):
        RetryPolicy(**{name: -1.0})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        (None, None, None),
        ("", None, None),
        ("120", None, 120.0),
        (" 0 ", None, 0.0),
        ("-1", None, None),
        ("soon", None, None),
        ("Mon, 05 Aug 2013 23:34:29 GMT", "Mon, 05 Aug 2013 23:34:19 GMT", 10.0),
        ("Mon, 05 Aug 2013 23:34:09 GMT", "Mon, 05 Aug 2013 23:34:19 GMT", 0.0),
        ("Mon, 05 Aug 2013 23:34:29 GMT", None, None),
        ("Mon, 05 Aug 2013 23:34:29 GMT", "today", None),
        ("9" * 400, None, float("inf")),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str | None, date: str | None, seconds: float | None) -> None:
    assert retry_after(text, date) == seconds


# -- what came instead --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (Received(502, HTML, b"<html>Bad gateway"), AmbiguousError, "HTTP 502 text/html.*Bad gateway"),
        (Received(504, {}, b""), AmbiguousError, "HTTP 504 without a content type, beginning nothing"),
        (Received(520, HTML, b"<html>No"), AmbiguousError, "HTTP 520"),
        (Received(408, HTML, b"<html>No"), AmbiguousError, "HTTP 408"),
        (Received(404, HTML, b"<html>No"), TransportError, "HTTP 404"),
        (Received(501, HTML, b"<html>No"), TransportError, "HTTP 501"),
        (Received(301, HTML, b""), TransportError, "a redirect is not followed"),
        (Received(302, HTML, b""), AmbiguousError, "a redirect is not followed"),
        (Received(200, HTML, b"<html>Log in"), ProtocolError, "HTTP 200 text/html.*<html>Log in"),
        (Received(200, XML, OK.body[:300]), ProtocolError, "not well-formed.*HTTP 200 text/xml"),
        (Received(500, XML, OK.body[:300]), AmbiguousError, "HTTP 500 text/xml"),
        (Received(200, XML, b""), ProtocolError, "empty; came HTTP 200"),
        (
            Received(200, XML, OK.body.replace(b"leadId", b"LeadId")),
            ProtocolError,
            "successSyncLead/result/syncStatus/leadId is missing",
        ),
    ],
)
def test_what_came_instead_is_said(answer: Received, kind: type[MarketoError], says: str) -> None:
    _, error = run(answer, policy=RetryPolicy(attempts=1))
    assert type(error) is kind
    with pytest.raises(kind, match=says):
        raise error
    if isinstance(error, TransportError):
        assert error.status == answer.status


NOT_DONE = {301, 307, 308, *range(400, 500), 501, 505, 511} - {408, 460, 499}


@pytest.mark.parametrize("operation", [SEED, BY_COOKIE], ids=["repeatable", "once"])
def test_what_every_status_means(operation: SyncLead) -> None:
    for status in [*range(300, 600), 600, 999]:
        not_done = status in NOT_DONE or (status == 503 and operation.effect != "once")
        again = status == 429 or (operation.effect != "once" and (status == 503 or (status >= 400 and not not_done)))
        answers = [Received(status, HTML, b"<html>")] * (1 + again)
        _, error = run(*answers, operation=operation, policy=RetryPolicy(attempts=2))
        assert type(error) is (TransportError if not_done else AmbiguousError), status
        assert (error.fate_unknown, error.status) == (not not_done, status)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Log in", OK.body[:300], OK.body[:-30], OK.body.replace(b"leadId", b"LeadId")],
    ids=["nothing", "a page", "cut off", "the end cut off", "without what is required"],
)
@pytest.mark.parametrize("status", [200, 202])
def test_a_broken_reply_is_of_unknown_fate(body: bytes, status: int) -> None:
    steps, error = run(Received(status, XML, body))
    assert kinds(steps) == ONCE
    assert isinstance(error, ProtocolError)
    assert error.fate_unknown
    assert str(error).endswith("(it may have been carried out)")
    assert pickle.loads(pickle.dumps(error)).fate_unknown


KEYED = LeadRecord(email="T@t.com", attributes={"Email": "new@t.com"})
FOREIGN = LeadRecord(foreign_sys_person_id="F1", foreign_sys_type="CUSTOM", email="t@t.com")


def answered(result: str) -> Received:
    return Received(200, XML, success(f"<leadId>7</leadId>{STATUS}{result}"))


@pytest.mark.parametrize(
    ("operation", "came", "wrong"),
    [
        (SyncLead(LeadRecord(id=7)), "", ""),
        (SyncLead(LeadRecord(id=8)), "", "leadId"),
        (SyncLead(LeadRecord(email="t@t.com")), "", ""),
        (SyncLead(LeadRecord(email="t@t.com")), "<Id>8</Id>", "leadRecord/Id"),
        (SyncLead(LeadRecord(email="t@t.com")), "<Email>t@t.com</Email>", ""),
        (SyncLead(KEYED), "<Email> t@T.com</Email>", ""),
        (SyncLead(KEYED), "<Email>new@t.com</Email>", ""),
        (SyncLead(KEYED), "<Email>other@t.com</Email>", "leadRecord/Email"),
        (SyncLead(KEYED, marketo_cookie=COOKIE), "<Email>other@t.com</Email>", ""),
        (SyncLead(FOREIGN), "<ForeignSysPersonId>F1</ForeignSysPersonId><Email>other@t.com</Email>", ""),
        (SyncLead(FOREIGN), "<ForeignSysPersonId>F2</ForeignSysPersonId>", "leadRecord/ForeignSysPersonId"),
    ],
)
def test_the_reply_to_another_call_is_not_taken(operation: SyncLead, came: str, wrong: str) -> None:
    answer = answered(f"<leadRecord>{came}</leadRecord>" if came else "")
    steps, result = run(answer, operation=operation)
    assert kinds(steps) == ONCE
    if not wrong:
        assert result.lead_id == 7
        return
    assert isinstance(result, ProtocolError)
    assert (result.path, result.fate_unknown) == (f"successSyncLead/result/{wrong}", True)
    assert "the reply to another call" in str(result)
    assert "t.com" not in str(result)


@pytest.mark.parametrize("status", [200, 400, 500, 503])
def test_a_fault_counts_whatever_the_status(status: int) -> None:
    _, error = run(xml("faults/20105.xml", status))
    assert isinstance(error, Fault)
    assert error.code == 20105


def test_a_fault_of_unknown_fate_is_both() -> None:
    _, error = run(
        Received(500, XML, faulted("<faultstring>20011 - Internal Error</faultstring>")), operation=BY_COOKIE
    )
    assert isinstance(error, ServerFault)
    assert isinstance(error, AmbiguousError)
    assert (error.code, error.operation, error.message) == (20011, "syncLead", "Internal Error")


def test_what_came_instead_holds_no_private_value() -> None:
    page = b"<html>You sent George, of the Jungle, t@t.com to us"
    _, error = run(Received(200, HTML, page))
    for private in ("George", "Jungle", "t@t.com"):
        assert private not in str(error)


@pytest.mark.parametrize("name", ["Email", "email", " EMAIL "])
def test_the_lead_of_a_reply_may_have_an_address_that_an_attribute_gave(name: str) -> None:
    call = SyncLead(LeadRecord(email="t@t.com", attributes={name: "new@t.com", "City": "x"}), return_lead=True)
    status = SyncStatus(7, LeadSyncStatus.UPDATED)
    call.check_reply(SyncLeadResult(7, status, LeadRecord(id=7, email="New@t.com")))
    with pytest.raises(ProtocolError, match="the reply to another call"):
        call.check_reply(SyncLeadResult(7, status, LeadRecord(id=7, email="other@t.com")))
