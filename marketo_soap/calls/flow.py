"""One call as a generator of steps: get a permit, sign, send, read, decide, perhaps wait and sign again.

It holds no clock, no socket and no randomness: a client carries out the steps and answers each
`Send` with the `Received` reply or the `TransportError` that came instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeAlias, TypeVar

from marketo_soap import envelope
from marketo_soap.calls.limits import next_reset
from marketo_soap.calls.retry import RetryPolicy, in_time, retry_after
from marketo_soap.debug.durations import in_words
from marketo_soap.errors import (
    AmbiguousError,
    AmbiguousFault,
    Fault,
    LimitFault,
    MarketoError,
    ProtocolError,
    ServerFault,
    TransportError,
)
from marketo_soap.operations import Operation
from marketo_soap.privacy.late import redactor_of
from marketo_soap.privacy.vocabulary import size_only
from marketo_soap.signature import Credentials, sign, timestamp

__all__ = ["Acquire", "Received", "Send", "Step", "StepAnswer", "Wait", "exchange", "replay"]

R = TypeVar("R")

_NOT_DONE = frozenset({301, 307, 308, 501, 505, 511})
_MAYBE_DONE = frozenset({408, 460, 499})
_BLAME = re.compile(
    r"\b(required|invalid|parameter|criteria|bad|missing|must|not a"
    r"|unknown(?! (\w+ )?(error|exception|failure|problem|reason|cause)))\b",
    re.IGNORECASE,
)


class Acquire(NamedTuple):
    """Get a permit from the limiter within *seconds* (None: no timeout). The answer is None, or the error."""

    seconds: float | None


class Send(NamedTuple):
    """Post these bytes and answer with what comes back, within *seconds*. `attempt` counts from 1."""

    body: bytes
    soap_action: str
    attempt: int
    seconds: float | None = None

    def __repr__(self) -> str:
        return f"Send({size_only(self.body)}, attempt {self.attempt}, seconds={self.seconds})"


class Wait(NamedTuple):
    """Wait *seconds* before the next attempt, because of *error*."""

    seconds: float
    error: MarketoError


class Received(NamedTuple):
    """An HTTP answer, whatever it holds; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Received({self.status}, {size_only(self.body)})"


Step: TypeAlias = Acquire | Send | Wait
StepAnswer: TypeAlias = Received | MarketoError | None


def exchange(
    operation: Operation[R],
    credentials: Credentials,
    *,
    target_workspace: str | None,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    policy: RetryPolicy,
    random: Callable[[], float],
    refused: Callable[[int], None] = lambda code: None,
) -> Generator[Step, StepAnswer, R]:
    """Make one call: yield its steps, return its result.

    Every attempt is signed with the time of its own, after it has a permit. *refused* is called with the code of each
    `LimitFault`. Raises what `envelope.reply` raises, the `TransportError` that a driver answers with, one for an
    answer that is not Marketo's, and `AmbiguousFault` for a server's failure that leaves the fate of the call unknown.
    """
    left, errors = _deadline(policy, monotonic), list[MarketoError]()
    while True:
        refusal = yield from _acquire(operation.name, left)
        if refusal is not None:
            raise _final_error([*errors, refusal])
        signed = now()
        header = sign(credentials, timestamp(signed))
        body = envelope.request(operation, header, context=target_workspace)
        answer = yield Send(body, envelope.soap_action(operation), len(errors) + 1, left())
        try:
            return _read(operation, body, answer)
        except MarketoError as error:
            errors.append(_with_details(error, answer, now))
            if isinstance(error, LimitFault) and error.code is not None:
                refused(error.code)
        headers = answer.headers if isinstance(answer, Received) else {}
        asked = retry_after(headers.get("retry-after"), headers.get("date"))
        pause = policy.pause_after(operation, errors, asked, random)
        pause = in_time(operation.name, pause, left(), errors[-1])
        if pause is None:
            raise _final_error(errors)
        yield Wait(pause, errors[-1])


def replay(
    operation: type[Operation[Any]],
    request: bytes,
    credentials: Credentials,
    *,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    policy: RetryPolicy,
) -> Generator[Step, StepAnswer, None]:
    """Send the bytes of a request of *operation* once, with a new signature. Any reply is accepted.

    Raises `ProtocolError` if the bytes are not a request that can be signed, and the `TransportError` that a driver
    answers with. *policy* gives the deadline.
    """
    from marketo_soap.calls.sign_again import sign_again  # late: it is rarely needed

    left = _deadline(policy, monotonic)
    refusal = yield from _acquire(operation.name, left)
    if refusal is not None:
        raise refusal
    body = sign_again(request, credentials, timestamp(now()))
    answer = yield Send(body, envelope.soap_action(operation), 1, left())
    if isinstance(answer, MarketoError):
        raise answer


def _deadline(policy: RetryPolicy, monotonic: Callable[[], float]) -> Callable[[], float | None]:
    """Return a function that returns the seconds that are left of a call that begins now; None for no limit."""
    begun, whole = monotonic(), policy.deadline
    return lambda: None if whole is None else max(0.0, whole - (monotonic() - begun))


def _acquire(name: str, left: Callable[[], float | None]) -> Generator[Step, StepAnswer, MarketoError | None]:
    """Get a permit; return the error if there is none in time."""
    refusal = yield Acquire(left())
    if isinstance(refusal, MarketoError):
        return refusal
    if left() == 0.0:
        return TransportError(f"{name} was not sent: the permit came after the deadline of the call")
    return None


def _read(operation: Operation[R], request: bytes, answer: StepAnswer) -> R:
    if isinstance(answer, MarketoError):
        raise answer
    if answer is None:
        raise TypeError("a Send is answered with what was received")
    try:
        result = envelope.reply(type(operation), answer.body)
        operation.check_reply(result)
    except ProtocolError as error:
        raise _unusable_reply(operation, request, answer, error) from None
    return result


def _final_error(errors: list[MarketoError]) -> MarketoError:
    """Return the last error, marked if an earlier attempt may have been carried out."""
    last = errors[-1]
    if isinstance(last, AmbiguousError) or not any(error.fate_unknown for error in errors[:-1]):
        return last
    if isinstance(last, TransportError):
        unknown = AmbiguousError(f"{last} - but an earlier attempt may have been carried out", status=last.status)
        unknown.__cause__ = last
        return unknown
    last.fate_unknown = True
    last.hint = "; ".join(filter(None, ["an earlier attempt may have been carried out", last.hint]))
    return last


def _with_details(error: MarketoError, answer: StepAnswer, now: Callable[[], datetime]) -> MarketoError:
    """Return the error with details: an unknown outcome, the difference of the clocks, or the next reset."""
    if isinstance(error, ServerFault) and _is_vague(error):
        error = AmbiguousFault.of(error)
    elif isinstance(error, Fault) and error.code is None and _is_vague(error):
        error.fate_unknown = True
    elif isinstance(error, Fault) and error.code == 20016 and isinstance(answer, Received):
        error.hint = _skew(answer.headers.get("date"), now())
    elif isinstance(error, LimitFault) and error.code == 20015:
        error.retry_at = next_reset(now())
    return error


def _is_vague(error: Fault) -> bool:
    """Whether the call may have been carried out: 20011, and 10001 unless its text blames the request.

    Recorded: 10001 with `Parameter required`, where a retry is useless. The faults of a bridge say it themselves. By
    SOAP 1.1, a fault of the server without a code is none of the request either.
    """
    if error.rest is not None:
        return error.fate_unknown and error.code in (10001, 20011)
    if error.code == 10001 or (error.code is None and error.faultcode.rpartition(":")[2].startswith("Server")):
        return not _BLAME.search(f"{error.faultstring} {error.message}")
    return error.code == 20011


def _skew(date: str | None, now: datetime) -> str:
    try:
        seconds = (parsedate_to_datetime(date or "") - now).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return "the clocks may differ; the reply has no valid Date header"
    side = "ahead of" if seconds > 0 else "behind"
    return f"the clocks differ: the server's is {in_words(seconds)} {side} this one"


def _unusable_reply(operation: Operation[Any], request: bytes, answer: Received, error: ProtocolError) -> MarketoError:
    """Return the error for an answer that is not a valid reply: a broken one, or one of a proxy."""
    status, problem = answer.status, error.problem
    redactor = redactor_of(request)
    begins = redactor.snippet(answer.body) if answer.body else "nothing"
    content_type = answer.headers.get("content-type") or "without a content type"
    came = f"HTTP {status} {content_type}, beginning {begins}"
    if 200 <= status < 300 or problem not in ("malformed", "unknown"):
        reason = str(error).partition("; it begins ")[0]
        text = redactor.text(f"{operation.name}: {reason}; came {came}")
        broken = ProtocolError(text, path=error.path, line=error.line, problem=problem)
        broken.fate_unknown, broken.hint = True, "it may have been carried out"
        return broken
    redirected = 300 <= status < 400
    reason = "a redirect is not followed, the signature stays here" if redirected else "no SOAP reply"
    kind = AmbiguousError if _maybe_done(operation, status) else TransportError
    return kind(redactor.text(f"{operation.name}: {reason}; came {came}"), status=status)


def _maybe_done(operation: Operation[Any], status: int) -> bool:
    """Whether the call may have been carried out although a proxy or server answered with *status*.

    Many servers send 302 after a POST that they carried out. A 503 is usually a refusal, but a proxy may send it
    after it has forwarded the request: that matters only for calls that must not be repeated.
    """
    if status == 503:
        return operation.effect == "once"
    return status in _MAYBE_DONE if 400 <= status < 500 else status not in _NOT_DONE
