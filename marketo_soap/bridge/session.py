"""One call over REST as a generator of steps: tokens, permits, retries, deadlines, cached lookups. Pure.

It holds no clock, socket or lock: a driver (`transport.py`) carries out the steps. What threads and tasks share
is in `Shared`; only one call at a time requests it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from copy import copy
from typing import Any, TypeAlias, TypeVar, cast

from attrs import Factory, evolve, field, frozen

from marketo_soap.bridge import rest
from marketo_soap.bridge.codes import Retry, code_of, no_answer, refusal, with_rest_error
from marketo_soap.bridge.rest import Lookup, RestReply, RestRequest, SharedToken, Token
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Ask, CheckLocks, Fetch, Hold, Kept, Recall, Release, Remember, Step, Translation
from marketo_soap.calls.flow import Acquire, Received, StepAnswer, Wait
from marketo_soap.calls.retry import RetryPolicy, in_time, retry_after
from marketo_soap.errors import AmbiguousError, Fault, MarketoError, RestError, TransportError, fault
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


@frozen
class Session:
    """The settings of one call: its policy, its deadline in *seconds* (None: the policy's), and the credentials."""

    shared: Shared
    client_id: str = field(repr=secret)
    client_secret: str = field(repr=secret)
    settings: BridgeSettings
    policy: RetryPolicy
    seconds: float | None
    monotonic: Callable[[], float]
    random: Callable[[], float]
    refused: Callable[[int], None] = lambda code: None
    locked: set[str] = field(init=False, factory=set, repr=secret)
    begun: float = field(init=False, default=Factory(lambda self: self.monotonic(), takes_self=True))

    def carry_out(self, translation: Translation[R]) -> Steps[R]:
        """Do what *translation* asks for, and return its result. Raises what it raises."""
        answer: Any = None
        error: MarketoError | None = None
        try:
            while True:
                try:
                    ask = translation.send(answer) if error is None else translation.throw(error)
                except StopIteration as done:
                    return cast("R", done.value)
                answer = error = None
                try:
                    answer = yield from self._answer(ask)
                except MarketoError as failure:
                    error = failure
        finally:
            translation.close()

    def _answer(self, ask: Ask) -> Steps[Any]:
        if isinstance(ask, RestRequest):
            return (yield from self._call(ask))
        if isinstance(ask, Lookup):
            return (yield from self._look_up(ask))
        if isinstance(ask, Hold):
            yield from self._hold(ask.keys)
            return self.locked.update(ask.keys)
        if isinstance(ask, Remember) and not self.shared.elsewhere:
            return self.shared.keep(ask.key, ask.value)
        if isinstance(ask, Recall):
            return (yield from self._recall(ask.key))
        yield ask
        return None

    # -- what is shared -------------------------------------------------------------------------------

    def _look_up(self, lookup: Lookup[Any]) -> Steps[Any]:
        path = lookup.request.path
        if (known := self._known(path)) is not None:
            return known[0]
        return (yield from self._exclusively(f"lookup:{path}", self._asked(lookup)))

    def _known(self, path: str) -> tuple[Any, float] | None:
        known = self.shared.lookups.get(path)
        return known if known is not None and self.monotonic() < known[1] else None

    def _asked(self, lookup: Lookup[Any]) -> Steps[Any]:
        path = lookup.request.path
        if (known := self._known(path)) is not None:  # another call may have asked meanwhile
            return known[0]
        before, _ = self.shared.lookups.get(path, (None, 0.0))
        try:
            reply = yield from self._call(lookup.request)
            value, good = lookup.read(reply, before)
        except MarketoError:
            if before is None:
                raise
            value, good = before, False
        seconds = lookup.seconds if good else min(lookup.seconds, _REFUSED_FOR)
        self.shared.lookups[path] = value, self.monotonic() + seconds
        return value

    def _recall(self, key: str) -> Steps[Kept | None]:
        if not self.shared.elsewhere:
            return Kept(self.shared.kept[key]) if key in self.shared.kept else None
        answer: Any = yield Recall(key)
        if isinstance(answer, Exception):
            raise answer
        return cast("Kept | None", answer)

    def _token(self) -> Steps[Token]:
        token = self._valid_token()
        return token or (yield from self._exclusively("token", self._renewed_token()))

    def _valid_token(self) -> Token | None:
        token = self.shared.token.value
        return token if token is not None and self.monotonic() < token.until else None

    def _renewed_token(self) -> Steps[Token]:
        if (token := self._valid_token()) is not None:  # another call has renewed it meanwhile
            return token
        asked, key = self.monotonic(), f"token:{self.client_id}"
        kept = (yield from self._recall(key)) if self.shared.elsewhere else None
        if kept is not None and kept.value != self.shared.token.refused:
            self.shared.token.value = Token(kept.value, asked + kept.seconds)
            return self.shared.token.value
        request = rest.token_request(self.client_id, self.client_secret)
        answer = yield from self._send(request, rest.read_token, with_token=False)
        if isinstance(answer, RestReply):
            raise refusal(answer.errors[0], self.settings, level="response", unknown=20014)
        text, lifetime = answer
        # A short-lived one is the old one, about to end. Half of what it has left is safe, too.
        seconds = lifetime - _EARLY if lifetime > 2 * _EARLY else lifetime / 2
        self.shared.token.value = token = Token(text, asked + seconds)
        if self.shared.elsewhere and seconds > 0:
            yield Remember(key, text, seconds)
        return token

    def _exclusively(self, key: str, work: Steps[R]) -> Steps[R]:
        """Do *work* while no other call does the work with this key.

        If another call failed at it while this one waited, this one fails with the same error at once: otherwise each
        call would wait for an outage in turn.
        """
        keys, asked = frozenset({key}), self.monotonic()
        yield from self._hold(keys)
        try:
            failure, ended = self.shared.failures.get(key, (None, 0.0))
            if failure is not None and ended > asked:
                work.close()
                raise copy(failure)
            result = yield from work
            self.shared.failures.pop(key, None)
        except MarketoError as error:
            if _is_of_the_server(error):
                self.shared.failures[key] = copy(error), self.monotonic()
            yield Release(keys)
            raise
        yield Release(keys)
        return result

    def _hold(self, keys: frozenset[str]) -> Steps[None]:
        refused = yield Hold(keys, self._left())
        if isinstance(refused, Exception):
            raise refused

    # -- one call of REST -----------------------------------------------------------------------------

    def _call(self, request: RestRequest) -> Steps[RestReply]:
        return (yield from self._send(request, rest.read_reply, with_token=True))

    def _send(self, request: RestRequest, read: Callable[[Received], R], *, with_token: bool) -> Steps[R]:
        """Send until there is a final answer: the reply as *read*, or the error instead.

        A reply of a write is in doubt when it, or an earlier sending, may have been carried out.
        """
        errors: list[MarketoError] = []
        doubt = renewed = False
        while True:
            try:
                token: Token | None = (yield from self._token()) if with_token else None
                yield from self._acquire(request, counted=with_token)
                if self.locked and request.effect != "read" and isinstance(lost := (yield CheckLocks()), Exception):
                    raise lost
            except MarketoError as error:
                raise _final_error(error, doubt) from None
            answer = yield Fetch(request, None if token is None else token.text, len(errors) + 1, self._left())
            reply = read(answer) if isinstance(answer, Received) else None
            if isinstance(reply, RestReply) and reply.success:
                return cast("R", evolve(reply, in_doubt=doubt))  # its record may be refused
            if reply is not None and not isinstance(reply, RestReply):
                return reply
            retry = _kind(reply, answer)
            if isinstance(reply, RestReply) and (code := _LIMITS.get(reply.code)):
                self.refused(code)
            if retry is Retry.TOKEN and token is not None and not renewed:
                renewed = True
                if self.shared.token.value is token:  # else another call has dropped it
                    self.shared.token.value, self.shared.token.refused = None, token.text
                continue
            if retry is Retry.FORM and request.method == "GET":
                request = request.as_form()
                continue
            doubt = doubt or (retry is Retry.DOUBT and request.effect != "read")
            errors.append(_as_soap_error(retry, request, answer))
            pause = self._pause(request, errors, answer)
            if pause is None:
                break
            yield Wait(pause, errors[-1])
        if isinstance(reply, RestReply):
            return cast("R", evolve(reply, in_doubt=doubt))
        assert isinstance(answer, Exception)
        raise _final_error(answer, doubt)

    def _acquire(self, request: RestRequest, *, counted: bool) -> Steps[None]:
        refused = (yield Acquire(self._left())) if counted else None
        if isinstance(refused, Exception):
            raise refused
        left = self._left()
        if left is not None and left <= 0:
            raise TransportError(f"{request.name} was not sent: the deadline of the call had passed")

    def _pause(self, request: RestRequest, errors: list[MarketoError], answer: StepAnswer) -> float | None:
        headers = answer.headers if isinstance(answer, Received) else {}
        asked = retry_after(headers.get("retry-after"), headers.get("date"))
        # The policy asks of an operation only whether it is repeatable.
        pause = self.policy.pause_after(cast("Any", request), errors, asked, self.random)
        return in_time(request.name, pause, self._left(), errors[-1])

    def _left(self) -> float | None:
        seconds = self.policy.deadline if self.seconds is None else self.seconds
        return None if seconds is None else max(0.0, seconds - (self.monotonic() - self.begun))


def _is_of_the_server(error: MarketoError) -> bool:
    """Whether *error* comes from the server, not from the deadline of one call."""
    return isinstance(error, Fault) or error.__cause__ is not None


def _kind(reply: Any, answer: StepAnswer) -> Retry:
    if isinstance(reply, RestReply):
        return code_of(reply.errors[0]).retry
    if isinstance(answer, AmbiguousError):
        return Retry.DOUBT
    if isinstance(answer, TransportError):
        return Retry.LATER
    raise answer if isinstance(answer, Exception) else TypeError("a Fetch is answered with what was received")


def _as_soap_error(retry: Retry, request: RestRequest, answer: StepAnswer) -> MarketoError:
    """Return the SOAP error that a `RetryPolicy` treats as this failure is to be treated."""
    if retry in (Retry.RATE, Retry.BUSY):
        return fault(20023 if retry is Retry.RATE else 20024, f"{request.name} was not carried out")
    if retry is Retry.DOUBT and request.effect != "read":
        return AmbiguousError(f"{request.name}: it is unknown whether it was carried out")
    if retry in (Retry.DOUBT, Retry.LATER):
        return TransportError(f"{request.name} was not carried out")
    return fault(20012)  # any that is not repeated


def _final_error(error: Exception, doubt: bool) -> Exception:
    """Return the final error, marked if an earlier attempt may have been carried out."""
    if isinstance(error, Fault):
        return with_rest_error(error, error.rest or RestError("", error.message), True) if doubt else error
    if isinstance(error, AmbiguousError):
        return no_answer(str(error), fate_unknown=doubt, status=error.status)
    return no_answer(str(error), fate_unknown=True) if doubt else error
