"""One call over REST by its steps: no sockets, no sleeping."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from marketo_soap import (
    AmbiguousError,
    AmbiguousFault,
    AuthenticationFault,
    BridgeSettings,
    Fault,
    LimitFault,
    RetryPolicy,
    TransportError,
)
from marketo_soap.bridge.rest import Lookup, RestReply, RestRequest, Token, read, write
from marketo_soap.bridge.session import Session, Shared
from marketo_soap.bridge.steps import CheckLocks, Fetch, Hold, Note, Release
from marketo_soap.calls.flow import Acquire, Received, Wait
from tests.bridge.support import CREATED, DESCRIBED, SKIPPED, TOKEN, received

READ = read("/rest/v1/leads.json", filterType="id")
UPDATE = write("/rest/v1/leads.json", {"action": "updateOnly"}, effect="repeatable")
CREATE = write("/rest/v1/leads.json", {"action": "createOrUpdate"}, effect="once")
OK = received(CREATED)
LOST = AmbiguousError("POST was sent, but its answer was lost")
REFUSED = TransportError("POST was not sent: ConnectError")


def error_reply(code: str, status: int = 200, **headers: str) -> Received:
    body = f'{{"requestId":"r#9","success":false,"errors":[{{"code":"{code}","message":"Sorry"}}]}}'
    return received(body, status, **headers)


class World:
    """The time, which passes when a step says so, and what the calls share."""

    def __init__(self, token: str | None = "tok-0", until: float = 1000.0) -> None:
        self.now = 0.0
        self.shared = Shared()
        self.limits_hit: list[int] = []
        if token is not None:
            self.shared.token.value = Token(token, until)

    def session(self, policy: RetryPolicy, seconds: float | None) -> Session:
        left = policy.deadline if seconds is None else seconds
        return Session(
            self.shared,
            "the-id",
            "the-secret",
            BridgeSettings(),
            policy,
            left,
            monotonic=lambda: self.now,
            random=lambda: 0.5,
            refused=self.limits_hit.append,
        )


def asking(*asks: Any) -> Generator[Any, Any, list[Any]]:
    answers = []
    for ask in asks:
        answers.append((yield ask))
    return answers


class Run:
    """The steps of a call whose fetches get *answers*, *each* after so many seconds, and what it ends with."""

    def __init__(
        self,
        *answers: Received | Exception,
        asks: tuple[Any, ...] = (CREATE,),
        world: World | None = None,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - a value
        seconds: float | None = None,
        each: float = 1.0,
        admit: Callable[[], Exception | None] = lambda: None,
    ) -> None:
        self.world = world or World()
        self.steps: list[Any] = []
        self.result: Any = None
        self.error: Any = None
        left = list(answers)
        session = self.world.session(policy, seconds).carry_out(asking(*asks))
        answer: Any = None
        try:
            for _ in range(60):
                step = session.send(answer)
                self.steps.append(step)
                answer = None
                if isinstance(step, Fetch):
                    self.world.now += each
                    answer = left.pop(0)
                elif isinstance(step, Wait):
                    self.world.now += step.seconds
                elif isinstance(step, Acquire):
                    answer = admit()
        except StopIteration as done:
            self.result = done.value
        except Exception as error:
            self.error = error
        assert not left, f"not fetched: {left}; error: {self.error!r}"

    def of(self, kind: type[Any]) -> list[Any]:
        return [step for step in self.steps if isinstance(step, kind)]

    @property
    def fetched(self) -> list[tuple[str, str | None]]:
        return [(step.request.path.rpartition("/")[2], step.token) for step in self.of(Fetch)]

    @property
    def reply(self) -> RestReply:
        (reply,) = self.result
        assert isinstance(reply, RestReply)
        return reply


def test_a_call_with_a_token_is_one_admission_and_one_fetch() -> None:
    run = Run(OK)
    assert [type(step) for step in run.steps] == [Acquire, Fetch]
    assert run.fetched == [("leads.json", "tok-0")]
    assert run.reply.result[0]["id"] == 1141


def test_notes_and_holds_are_passed_on_with_the_time_that_is_left() -> None:
    run = Run(OK, asks=(Hold(frozenset({"id:1"})), CREATE, Note("well")), seconds=10.0)
    assert run.steps[0] == Hold(frozenset({"id:1"}), 10.0)
    assert run.steps[-1] == Note("well")


def test_a_write_under_a_lock_is_sent_only_if_the_lock_is_still_held() -> None:
    run = Run(OK, OK, OK, asks=(CREATE, Hold(frozenset({"id:1"})), READ, CREATE))
    assert [type(step) for step in run.steps] == [Acquire, Fetch, Hold, Acquire, Fetch, Acquire, CheckLocks, Fetch]
    session = World().session(RetryPolicy(), None).carry_out(asking(Hold(frozenset({"id:1"})), CREATE))
    for _ in range(2):
        session.send(None)
    assert isinstance(session.send(None), CheckLocks)
    with pytest.raises(TransportError) as caught:
        session.send(REFUSED)
    assert caught.value is REFUSED


# -- tokens -------------------------------------------------------------------------------------------


def test_a_token_is_asked_for_once_and_not_counted() -> None:
    world = World(token=None)
    run = Run(received(TOKEN), OK, OK, asks=(CREATE, CREATE), world=world)
    assert [type(step) for step in run.steps] == [Hold, Fetch, Release, Acquire, Fetch, Acquire, Fetch]
    assert run.fetched == [("token", None), ("leads.json", "tok-1"), ("leads.json", "tok-1")]
    identity = run.of(Fetch)[0].request
    assert identity.target == (
        "/identity/oauth/token?grant_type=client_credentials&client_id=the-id&client_secret=the-secret"
    )
    assert "the-secret" not in repr(run.of(Fetch)) + repr(world.session(RetryPolicy(), None))
    assert "tok-" not in repr(run.of(Fetch)) + repr(world.shared.token.value)


@pytest.mark.parametrize(
    ("lifetime", "valid"),
    [("3599", 3539.0), ("121", 61.0), ("120", 60.0), ("50", 25.0), ("0", 0.0), ('"long"', 0.0), ("null", 0.0), ("true", 0.0)],
)  # fmt: skip
def test_a_token_is_renewed_a_minute_before_its_end(lifetime: str, valid: float) -> None:
    world = World(token=None)
    token = received(f'{{"access_token":"tok-1","expires_in":{lifetime}}}')
    Run(token, OK, world=world, each=0.0)
    world.now = valid - 0.5
    if valid:
        assert Run(OK, world=world, each=0.0).fetched == [("leads.json", "tok-1")]
    world.now = valid
    assert Run(token, OK, world=world, each=0.0).fetched[0] == ("token", None)


@pytest.mark.parametrize("code", ["600", "601", "602"])
def test_a_refused_token_is_renewed_once_and_the_call_replayed_once(code: str) -> None:
    run = Run(error_reply(code), received(TOKEN), OK)
    assert run.fetched == [("leads.json", "tok-0"), ("token", None), ("leads.json", "tok-1")]
    assert not run.of(Wait)
    twice = Run(error_reply(code), received(TOKEN), error_reply(code))
    assert twice.reply.code == code
    assert not twice.reply.in_doubt


def test_a_token_that_another_call_has_renewed_meanwhile_is_used() -> None:
    world = World()
    session = world.session(RetryPolicy(), None).carry_out(asking(CREATE))
    session.send(None)
    session.send(None)
    world.shared.token.value = Token("tok-2", 1000.0)
    assert isinstance(session.send(error_reply("601")), Acquire)
    fetch = session.send(None)
    assert isinstance(fetch, Fetch)
    assert fetch.token == "tok-2"


def test_one_renewal_serves_all_who_wait_for_it() -> None:
    world = World(token=None)
    first, second = (world.session(RetryPolicy(), None).carry_out(asking(CREATE)) for _ in range(2))
    assert first.send(None) == second.send(None) == Hold(frozenset({"token"}), 300.0)
    assert isinstance(first.send(None), Fetch)
    assert first.send(received(TOKEN)) == Release(frozenset({"token"}))
    assert second.send(None) == Release(frozenset({"token"}))
    assert isinstance(second.send(None), Acquire)


@pytest.mark.parametrize("answer", [received("{}", 401), received("", 503)])
def test_a_failed_renewal_is_told_to_all_who_waited_for_it(answer: Received) -> None:
    world = World(token=None)
    first, second = (world.session(RetryPolicy(attempts=1), None).carry_out(asking(CREATE)) for _ in range(2))
    first.send(None)
    second.send(None)
    assert isinstance(first.send(None), Fetch)
    world.now += 1.0
    assert isinstance(first.send(answer), Release)
    assert second.send(None) == Release(frozenset({"token"}))  # and no Fetch
    errors = []
    for call in (first, second):
        with pytest.raises(Fault) as raised:
            call.send(None)
        errors.append(raised.value)
    assert errors[0].code == errors[1].code
    assert errors[0] is not errors[1]
    later = Run(received(TOKEN), OK, world=world)  # who comes afterwards asks anew
    assert later.error is None


def test_time_that_one_call_lacks_is_no_failure_of_others() -> None:
    world = World(token=None)
    first, second = (world.session(RetryPolicy(attempts=1), each).carry_out(asking(CREATE)) for each in (1.0, 100.0))
    first.send(None)
    second.send(None)
    world.now += 5.0
    assert isinstance(first.send(None), Release)  # its time is over
    assert isinstance(second.send(None), Fetch)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_wrong_credentials_are_20014_and_not_tried_again(status: int) -> None:
    run = Run(received('{"error":"invalid_client"}', status), world=World(token=None))
    assert isinstance(run.error, AuthenticationFault)
    assert run.error.code == 20014
    assert run.steps[-1] == Release(frozenset({"token"}))


@pytest.mark.parametrize(
    "answer",
    [received("", 500), received("{}"), received("[]"), received('{"access_token":5}'), LOST, error_reply("611"),
     received('{"access_token":"a\\nb","expires_in":9}'), received(TOKEN, 503), received('{"success":true}')],
)  # fmt: skip
def test_an_identity_service_in_trouble_is_asked_again(answer: Received | Exception) -> None:
    run = Run(answer, received(TOKEN), OK, world=World(token=None))
    assert run.reply.success
    assert len(run.of(Wait)) == 1
    given_up = Run(*[answer] * 2, world=World(token=None), policy=RetryPolicy(attempts=2))
    assert given_up.error.code == 20011
    assert not given_up.error.fate_unknown


# -- retries ------------------------------------------------------------------------------------------

NOT_DONE = ["606", "608", "614", "615", "713", "1016", "1019", "1029"]
IN_DOUBT = [
    error_reply("604"),
    error_reply("611"),
    error_reply("601", 502),
    received("<html>", 500),
    received("<html>", 200),
    received("", 404),
    LOST,
]
FINAL = ["603", "605", "607", "609", "610", "612", "613", "616", "701", "702", "703", "704", "709", "718", "1003", "1004",
         "1006", "1007", "1012", "9999"]  # fmt: skip


@pytest.mark.parametrize("request_", [READ, UPDATE, CREATE])
@pytest.mark.parametrize("answer", [*map(error_reply, NOT_DONE), REFUSED, received("", 429)])
def test_what_was_not_done_is_sent_again(request_: RestRequest, answer: Received | Exception) -> None:
    run = Run(answer, OK, asks=(request_,))
    assert run.reply.success
    assert len(run.of(Wait)) == 1
    assert len(run.of(Acquire)) == 2


@pytest.mark.parametrize("request_", [READ, UPDATE])
@pytest.mark.parametrize("answer", IN_DOUBT)
def test_what_may_have_been_done_is_sent_again_if_it_may_be(
    request_: RestRequest, answer: Received | Exception
) -> None:
    run = Run(answer, OK, asks=(request_,))
    assert run.reply.success
    assert len(run.of(Wait)) == 1


@pytest.mark.parametrize("answer", IN_DOUBT)
def test_a_lead_that_may_have_been_made_is_not_made_again(answer: Received | Exception) -> None:
    run = Run(answer)
    assert not run.of(Wait)
    if isinstance(answer, Received):
        assert run.reply.in_doubt
    else:
        assert isinstance(run.error, AmbiguousFault)
        assert (run.error.code, run.error.fate_unknown) == (20011, True)
        assert "outcome is unknown" in run.error.message


@pytest.mark.parametrize("code", FINAL)
def test_what_will_not_change_is_not_sent_again(code: str) -> None:
    run = Run(error_reply(code), asks=(READ,))
    assert run.reply.code == code
    assert not run.of(Wait)


@pytest.mark.parametrize(("code", "soap"), [("606", 20023), ("607", 20015), ("615", 20024), ("608", None)])
def test_a_limiter_hears_of_limits_that_the_instance_has_reached(code: str, soap: int | None) -> None:
    world = World()
    Run(error_reply(code), world=world, policy=RetryPolicy(attempts=1))
    assert world.limits_hit == ([] if soap is None else [soap])


def test_over_the_rate_a_good_part_of_the_window_is_waited_for() -> None:
    (wait,) = Run(error_reply("606"), OK).of(Wait)
    assert wait.seconds == 15.0
    (busy,) = Run(error_reply("615"), OK).of(Wait)
    assert busy.seconds == 0.25


def test_retry_after_is_kept() -> None:
    (wait,) = Run(received("", 503, **{"retry-after": "7"}), OK, asks=(READ,)).of(Wait)
    assert wait.seconds == 7.0


def test_the_attempts_are_those_of_the_callers_policy() -> None:
    policy = RetryPolicy(attempts=3)
    run = Run(*[error_reply("608")] * 3, policy=policy)
    assert run.reply.code == "608"
    assert [step.attempt for step in run.of(Fetch)] == [1, 2, 3]
    assert Run(error_reply("608"), policy=RetryPolicy(attempts=1)).reply.code == "608"
    once = Run(LOST, asks=(UPDATE,), policy=RetryPolicy(resend_unknown=False))
    assert once.error.fate_unknown


def test_the_time_of_the_call_is_kept() -> None:
    run = Run(error_reply("606"), seconds=10.0)
    assert run.reply.code == "606"
    assert not run.of(Wait)
    slow = Run(error_reply("608"), OK, seconds=10.0, each=4.0)
    assert [step.seconds for step in slow.of(Fetch)] == [10.0, 5.75]
    forever = Run(OK, policy=RetryPolicy(deadline=None))
    assert forever.of(Fetch)[0].seconds is None


def test_leave_that_comes_too_late_is_no_leave() -> None:
    world = World()

    def late() -> None:
        world.now += 11.0

    run = Run(world=world, seconds=10.0, admit=late)
    assert type(run.error) is TransportError
    assert "was not sent" in str(run.error)


def test_limits_that_give_no_leave_are_the_callers_error() -> None:
    refusal = LimitFault("spent", code=20015)
    assert Run(admit=lambda: refusal).error is refusal
    assert not refusal.fate_unknown


# -- what must not be hidden --------------------------------------------------------------------------


def test_a_call_that_was_not_sent_is_a_transport_error() -> None:
    run = Run(*[REFUSED] * 4)
    assert run.error is REFUSED
    assert not run.error.fate_unknown


@pytest.mark.parametrize("last", [REFUSED, LOST])
def test_a_call_that_was_carried_out_in_part_says_so(last: Exception) -> None:
    run = Run(OK, last, asks=(UPDATE, CREATE), policy=RetryPolicy(attempts=1))
    assert isinstance(run.error, AmbiguousFault)
    assert ("carried out before" in run.error.message) == (last is REFUSED)
    leaves = iter([None, LimitFault("spent", code=20015)])
    run = Run(OK, asks=(CREATE, READ), admit=lambda: next(leaves))
    assert (run.error.code, run.error.fate_unknown) == (20015, True)


@pytest.mark.parametrize("answer", [error_reply("1003"), received(SKIPPED)])
def test_a_write_that_was_refused_is_no_part_of_a_call(answer: Received) -> None:
    run = Run(answer, REFUSED, asks=(CREATE, CREATE), policy=RetryPolicy(attempts=1))
    assert run.error is REFUSED


@pytest.mark.parametrize("last", [REFUSED, LOST])
def test_an_earlier_sending_that_may_have_been_done_is_not_forgotten(last: Exception) -> None:
    run = Run(LOST, last, asks=(UPDATE,), policy=RetryPolicy(attempts=2))
    assert isinstance(run.error, Fault)
    assert (run.error.code, run.error.fate_unknown) == (20011, True)


def test_a_refusal_after_a_sending_that_may_have_been_done_is_in_doubt() -> None:
    assert Run(LOST, error_reply("1004"), asks=(UPDATE,)).reply.in_doubt
    assert not Run(LOST, error_reply("1004"), asks=(READ,)).reply.in_doubt


def test_limits_that_give_no_leave_for_a_second_sending_do_not_hide_the_first() -> None:
    leaves = iter([None, LimitFault("spent", code=20015)])
    run = Run(LOST, asks=(UPDATE,), admit=lambda: next(leaves))
    assert (run.error.code, run.error.fate_unknown) == (20015, True)


def test_a_read_that_is_lost_in_the_end_has_done_nothing() -> None:
    run = Run(*[LOST] * 4, asks=(READ,))
    assert (run.error.code, run.error.fate_unknown) == (20011, False)


def test_an_address_that_is_too_long_after_all_goes_by_post() -> None:
    run = Run(received("", 414), OK, asks=(READ,))
    assert [step.request.method for step in run.of(Fetch)] == ["GET", "POST"]
    assert Run(received("", 414)).reply.errors[0].status == 414


# -- what is looked up --------------------------------------------------------------------------------

DESCRIBE: Lookup[int] = Lookup(
    read("/rest/v1/leads/describe.json"), lambda reply, _: (len(reply.result), reply.success), 86_400.0
)


def test_a_lookup_is_made_once_a_day() -> None:
    world = World(until=1e9)
    run = Run(received(DESCRIBED), asks=(DESCRIBE, DESCRIBE), world=world, each=0.0)
    assert run.result == [13, 13]
    world.now = 86_399.0
    assert Run(asks=(DESCRIBE,), world=world).result == [13]
    world.now = 86_400.0
    assert Run(received(DESCRIBED), asks=(DESCRIBE,), world=world).result == [13]


def test_a_refused_lookup_is_asked_again_soon() -> None:
    world = World()
    assert Run(error_reply("603"), asks=(DESCRIBE, DESCRIBE), world=world, each=0.0).result == [0, 0]
    world.now = 300.0
    assert Run(received(DESCRIBED), asks=(DESCRIBE,), world=world).result == [13]


def test_a_lookup_that_another_call_made_meanwhile_is_used() -> None:
    world = World()
    session = world.session(RetryPolicy(), None).carry_out(asking(DESCRIBE))
    assert isinstance(session.send(None), Hold)
    Run(received(DESCRIBED), asks=(DESCRIBE,), world=world)
    assert isinstance(session.send(None), Release)


def test_a_lookup_that_fails_lets_the_next_one_try() -> None:
    run = Run(*[LOST] * 4, asks=(DESCRIBE,))
    assert run.error.code == 20011
    assert isinstance(run.steps[-1], Release)


def test_what_was_looked_up_before_serves_when_it_cannot_be_looked_up_now() -> None:
    world = World(until=1e9)
    Run(received(DESCRIBED), asks=(DESCRIBE,), world=world)
    world.now += 100_000.0
    run = Run(*[LOST] * 4, asks=(DESCRIBE,), world=world)
    assert run.error is None
    assert run.result
    world.now += 299.0
    assert not [step for step in Run(asks=(DESCRIBE,), world=world).steps if isinstance(step, Fetch)]


def test_an_error_is_thrown_into_the_translation() -> None:
    caught = []

    def careful() -> Generator[Any, Any, str]:
        try:
            yield CREATE
        except TransportError as error:
            caught.append(error)
        reply = yield READ
        return reply.code  # type: ignore[no-any-return]

    world = World()
    session = world.session(RetryPolicy(attempts=1), None).carry_out(careful())
    steps = [session.send(None), session.send(None), session.send(REFUSED), session.send(None)]
    assert [type(step) for step in steps] == [Acquire, Fetch, Acquire, Fetch]
    with pytest.raises(StopIteration) as done:
        session.send(error_reply("603"))
    assert (done.value.value, caught) == ("603", [REFUSED])


def waiting_for_a_token(world: World, seconds: float | None = None) -> Generator[Any, Any, Any]:
    """A call that waits for the lock of the token."""
    call = world.session(RetryPolicy(attempts=1), seconds).carry_out(asking(READ))
    assert call.send(None) == Hold(frozenset({"token"}), 300.0 if seconds is None else seconds)
    return call


def test_a_failure_is_that_of_the_calls_that_waited_for_it_and_of_no_later_one() -> None:
    world = World(token=None)
    first, second = waiting_for_a_token(world), waiting_for_a_token(world)
    assert isinstance(first.send(None), Fetch)
    world.now = 1.0
    first.send(received("", 401))
    world.now = 2.0
    third = waiting_for_a_token(world)
    world.now = 3.0
    assert isinstance(second.send(None), Release)  # it waited for the first, and fails as that did
    with pytest.raises(AuthenticationFault):
        second.send(None)
    assert isinstance(third.send(None), Fetch)


@pytest.mark.parametrize(("seconds", "shared"), [(None, True), (60.0, True), (2.0, False)])
def test_a_call_whose_own_time_was_up_does_not_fail_others(seconds: float | None, shared: bool) -> None:
    world = World(token=None)
    first, second = waiting_for_a_token(world, seconds), waiting_for_a_token(world)
    assert isinstance(first.send(None), Fetch)
    world.now = 2.0
    first.send(LOST)
    assert isinstance(second.send(None), Release if shared else Fetch)
