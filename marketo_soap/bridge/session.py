"""One call over REST as a generator of steps: tokens, permits, retries, deadlines, cached lookups. Pure.

It holds no clock, socket or lock: a driver (`transport.py`) carries out the steps. What threads and tasks share
is in `Shared`; only one call at a time requests it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from copy import copy
from typing import Any, TypeAlias, TypeVar, cast

from attrs import Factory, define, evolve, field

from marketo_soap.bridge import rest
from marketo_soap.bridge.codes import Retry, final_error, partly_done, refused_call, retry_of
from marketo_soap.bridge.rest import Lookup, RestReply, RestRequest, SharedToken, Token
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Ask, CheckLocks, Fetch, Hold, Kept, Recall, Release, Remember, Step, Translation
from marketo_soap.calls.flow import Acquire, Received, StepAnswer, Wait
from marketo_soap.calls.retry import RetryPolicy, in_time, retry_after
from marketo_soap.errors import AmbiguousError, Fault, MarketoError, TransportError, fault
from marketo_soap.privacy.vocabulary import secret

__all__ = ["Session", "Shared", "Steps"]

R = TypeVar("R")
Steps: TypeAlias = Generator[Step, StepAnswer, R]

_EARLY = 60.0  # seconds before a token's end that it is renewed
_MOST_KEPT = 1_000
_LIMITS = {"606": 20023, "607": 20015, "615": 20024}
_REFUSED_FOR = 300.0  # seconds that a refused lookup is not asked again


class Shared:
    """What all calls of a bridge share: the token, cached lookups, and the last failures of both.

    With *elsewhere*, what is kept for later calls and the token are kept by the driver too, for other processes.
    """

    def __init__(self, token: SharedToken | None = None, *, elsewhere: bool = False) -> None:
        self.token = token or SharedToken()
        self.elsewhere = elsewhere
        self.lookups: dict[str, tuple[Any, float]] = {}
        self.failures: dict[str, tuple[MarketoError, float]] = {}  # and when they ended
        self.kept: dict[str, Any] = {}

    def keep(self, key: str, value: Any) -> None:
        """Keep a value for later calls; of too many the oldest is dropped."""
        self.kept.pop(key, None)
        self.kept[key] = value
        if len(self.kept) > _MOST_KEPT:
            self.kept.pop(next(iter(self.kept)), None)


@define
class Session:
    """One call: its policy, its deadline in *seconds* (None: no limit), the credentials, and what it has done."""

    shared: Shared
    client_id: str = field(repr=secret)
    client_secret: str = field(repr=secret)
    settings: BridgeSettings
    policy: RetryPolicy
    seconds: float | None
    monotonic: Callable[[], float]
    random: Callable[[], float]
    refused: Callable[[int], None]
    holds_locks: bool = field(init=False, default=False)
    has_written: bool = field(init=False, default=False)
    gave_up_early: bool = field(init=False, default=False)
    begun: float = field(init=False, default=Factory(lambda self: self.monotonic(), takes_self=True))

    def carry_out(self, translation: Translation[R]) -> Steps[R]:
        """Do what *translation* asks for, and return its result.

        Raises what it raises. If a write was carried out before, `fate_unknown` of the error is true.
        """
        answer: Any = None
        error: MarketoError | None = None
        try:
            while True:
                try:
                    ask = translation.send(answer) if error is None else translation.throw(error)
                except StopIteration as done:
                    return cast("R", done.value)
                except MarketoError as failure:
                    if self.has_written and not failure.fate_unknown:
                        raise partly_done(failure, "a part of the call was carried out before") from None
                    raise
                answer = error = None
                try:
                    answer = yield from self._answer(ask)
                except MarketoError as failure:
                    error = failure
        finally:
            translation.close()

    def _answer(self, ask: Ask) -> Steps[Any]:
        if isinstance(ask, RestRequest):
            return (yield from self._send(ask))
        if isinstance(ask, Lookup):
            return (yield from self._look_up(ask))
        if isinstance(ask, Hold):
            yield from self._hold(ask.keys)
            self.holds_locks = True
            return None
        if isinstance(ask, Remember) and not self.shared.elsewhere:
            return self.shared.keep(ask.key, ask.value)
        if isinstance(ask, Recall):
            return (yield from self._recall(ask.key))
        yield ask
        return None

    # -- what is shared -------------------------------------------------------------------------------

    def _look_up(self, lookup: Lookup[Any]) -> Steps[Any]:
        path = lookup.request.path

        def known() -> tuple[Any, float] | None:
            found = self.shared.lookups.get(path)
            return found if found is not None and self.monotonic() < found[1] else None

        value, _ = yield from self._once(f"lookup:{path}", known, lambda: self._asked(lookup))
        return value

    def _asked(self, lookup: Lookup[Any]) -> Steps[tuple[Any, float]]:
        path = lookup.request.path
        before, _ = self.shared.lookups.get(path, (None, 0.0))
        try:
            reply = yield from self._send(lookup.request)
            value, good = lookup.read(reply, before)
        except MarketoError:
            if before is None:
                raise
            value, good = before, False
        seconds = lookup.seconds if good else min(lookup.seconds, _REFUSED_FOR)
        self.shared.lookups[path] = found = value, self.monotonic() + seconds
        return found

    def _recall(self, key: str) -> Steps[Kept | None]:
        if not self.shared.elsewhere:
            return Kept(self.shared.kept[key]) if key in self.shared.kept else None
        answer: Any = yield Recall(key)
        _raise_if_error(answer)
        return cast("Kept | None", answer)

    def _token(self) -> Steps[Token]:
        return (yield from self._once("token", self._valid_token, self._renewed_token))

    def _valid_token(self) -> Token | None:
        token = self.shared.token.value
        return token if token is not None and self.monotonic() < token.until else None

    def _renewed_token(self) -> Steps[Token]:
        asked, key = self.monotonic(), f"token:{self.client_id}"
        kept = (yield from self._recall(key)) if self.shared.elsewhere else None
        if kept is not None and kept.value != self.shared.token.refused:
            self.shared.token.value = Token(kept.value, asked + kept.seconds)
            return self.shared.token.value
        reply = yield from self._send(rest.token_request(self.client_id, self.client_secret), with_token=False)
        if not reply.success:
            raise refused_call(reply, self.settings, unknown=20014)
        text, lifetime = reply.result[0]["access_token"], reply.result[0]["expires_in"]
        # A short-lived one is the old one, about to end. Half of what it has left is safe, too.
        seconds = lifetime - _EARLY if lifetime > 2 * _EARLY else lifetime / 2
        self.shared.token.value = token = Token(text, asked + seconds)
        if self.shared.elsewhere and seconds > 0:
            yield Remember(key, text, seconds)
        return token

    def _once(self, key: str, known: Callable[[], R | None], find: Callable[[], Steps[R]]) -> Steps[R]:
        """Return what is *known*, or *find* it while no other call does.

        If another call failed at it while this one waited, this one fails with the same error at once: otherwise each
        call would wait for an outage in turn. A call that failed because its own time was up does not count.
        """
        if (value := known()) is not None:
            return value
        keys, asked = frozenset({key}), self.monotonic()
        yield from self._hold(keys)
        failure, ended = self.shared.failures.get(key, (None, 0.0))
        if failure is not None and ended > asked:  # its time stays: calls that asked later are to try again
            yield Release(keys)
            raise copy(failure)
        try:
            if (value := known()) is None:  # else another call has found it meanwhile
                value = yield from find()
            self.shared.failures.pop(key, None)
        except MarketoError as error:
            had_time = not self.gave_up_early and self._left() != 0.0
            if had_time and (isinstance(error, Fault) or error.__cause__ is not None):
                self.shared.failures[key] = copy(error), self.monotonic()
            yield Release(keys)
            raise
        yield Release(keys)
        return value

    def _hold(self, keys: frozenset[str]) -> Steps[None]:
        _raise_if_error((yield Hold(keys, self._left())))

    # -- one call of REST -----------------------------------------------------------------------------

    def _send(self, request: RestRequest, *, with_token: bool = True) -> Steps[RestReply]:
        """Send a request until there is a final reply, or raise the final error.

        A reply to a write is in doubt if it, or an earlier attempt, may have been carried out.
        """
        errors: list[MarketoError] = []
        doubt = renewed = False
        while True:
            try:
                token: Token | None = (yield from self._token()) if with_token else None
                yield from self._acquire(request, counted=with_token)
            except MarketoError as error:
                if doubt:
                    raise final_error(error, doubt=True) from None
                raise
            answer = yield Fetch(request, None if token is None else token.text, len(errors) + 1, self._left())
            reply = None
            if isinstance(answer, Received):
                reply = rest.read_reply(answer) if with_token else rest.read_token(answer)
                if reply.success:
                    self.has_written = self.has_written or (request.effect != "read" and _has_effect(reply))
                    return evolve(reply, in_doubt=doubt)  # its record may be refused
                if code := _LIMITS.get(reply.code):
                    self.refused(code)
            retry = retry_of(answer if reply is None else reply.errors[0])
            if retry is Retry.TOKEN and token is not None and not renewed:
                renewed = True
                if self.shared.token.value is token:  # else another call has dropped it
                    self.shared.token.value, self.shared.token.refused = None, token.text
                continue
            if retry is Retry.FORM and request.method == "GET":
                request = request.as_form()
                continue
            doubt = doubt or (retry is Retry.DOUBT and request.effect != "read")
            errors.append(_as_soap_error(retry, request))
            pause = self._pause(request, errors, answer)
            if pause is None:
                break
            yield Wait(pause, errors[-1])
        if reply is not None:
            return evolve(reply, in_doubt=doubt)
        assert isinstance(answer, MarketoError)
        raise final_error(answer, doubt=doubt)

    def _acquire(self, request: RestRequest, *, counted: bool) -> Steps[None]:
        if counted:
            _raise_if_error((yield Acquire(self._left())))
        left = self._left()
        if left is not None and left <= 0:
            raise TransportError(f"{request.name} was not sent: the deadline of the call had passed")
        if self.holds_locks and request.effect != "read":
            _raise_if_error((yield CheckLocks()))

    def _pause(self, request: RestRequest, errors: list[MarketoError], answer: StepAnswer) -> float | None:
        headers = answer.headers if isinstance(answer, Received) else {}
        asked = retry_after(headers.get("retry-after"), headers.get("date"))
        # The policy asks of an operation only whether it is repeatable.
        pause = self.policy.pause_after(cast("Any", request), errors, asked, self.random)
        pause_in_time = in_time(request.name, pause, self._left(), errors[-1])
        self.gave_up_early = pause_in_time != pause
        return pause_in_time

    def _left(self) -> float | None:
        return None if self.seconds is None else max(0.0, self.seconds - (self.monotonic() - self.begun))


def _raise_if_error(answer: object) -> None:
    if isinstance(answer, Exception):
        raise answer


def _has_effect(reply: RestReply) -> bool:
    """Whether a successful reply to a write does not say of all its records that they were skipped."""
    return not reply.result or any(record.get("status") != "skipped" for record in reply.result)


def _as_soap_error(retry: Retry, request: RestRequest) -> MarketoError:
    """Return the SOAP error that a `RetryPolicy` treats as this failure is to be treated."""
    if retry in (Retry.RATE, Retry.BUSY):
        return fault(20023 if retry is Retry.RATE else 20024, f"{request.name} was not carried out")
    if retry is Retry.DOUBT and request.effect != "read":
        return AmbiguousError(f"{request.name}: it is unknown whether it was carried out")
    if retry in (Retry.DOUBT, Retry.LATER):
        return TransportError(f"{request.name} was not carried out")
    return fault(20012)  # any that is not repeated
