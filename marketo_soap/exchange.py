"""One call as a generator of steps: sign, send, read, decide, perhaps wait and sign again.

It holds no clock, no socket and no randomness: a driver (`client.py`) carries out the steps and answers each
`Send` with the `Received` reply or the `TransportError` that came instead.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from itertools import count
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from marketo_soap import envelope
from marketo_soap.errors import (
    AmbiguousError,
    AuthenticationFault,
    MarketoError,
    ProtocolError,
    TransportError,
)
from marketo_soap.operations import Operation
from marketo_soap.redaction import Redactor, size_only
from marketo_soap.signature import Credentials, sign, timestamp

__all__ = ["DEFAULT_RETRY", "Received", "RetryPolicy", "Send", "Step", "Wait", "exchange"]

R = TypeVar("R")

_NOT_DONE = frozenset({501, 503, 505})
_MAYBE_DONE = frozenset({303, 408, 499})


@frozen
class Send:
    """Post these bytes and answer with what comes back. `attempt` counts from 1."""

    body: bytes = field(repr=size_only)
    soap_action: str
    attempt: int


@frozen
class Wait:
    """Let so many seconds pass before the next step."""

    seconds: float


@frozen
class Received:
    """An HTTP answer, whatever it holds. `content_type` is the header's text, "" without one."""

    status: int
    content_type: str
    body: bytes = field(repr=size_only)


Step: TypeAlias = Send | Wait
Answer: TypeAlias = Received | TransportError | None


@frozen
class RetryPolicy:
    """Which failed attempts are made again, and after how long.

    Only what was surely not carried out is sent again: a connection that did not come about, HTTP 429 and
    503 (after *pause* seconds, doubled each time, at most *longest_pause*), and once, at once, a signature
    that was too old on arrival (20016). *attempts* counts all of them, the first too. An attempt whose fate
    is unknown is never repeated: that is the caller's decision.
    """

    attempts: int = 3
    pause: float = 0.5
    longest_pause: float = 20.0

    def pause_after(self, attempt: int, error: MarketoError, random: Callable[[], float]) -> float | None:
        """Return the seconds to wait before the next attempt, or None to let *error* stand.

        *random* gives a number in [0, 1): the wait is spread over its whole length, so that callers that
        failed together do not come back together.
        """
        if attempt >= self.attempts:
            return None
        if isinstance(error, AuthenticationFault) and error.code == 20016:
            return 0.0 if attempt == 1 else None
        if isinstance(error, TransportError) and not isinstance(error, AmbiguousError):
            if error.status not in (None, 429, 503):
                return None
            return random() * min(self.longest_pause, self.pause * 2.0 ** (attempt - 1))
        return None


DEFAULT_RETRY = RetryPolicy()


def exchange(
    operation: Operation[R],
    credentials: Credentials,
    *,
    target_workspace: str | None,
    now: Callable[[], datetime],
    policy: RetryPolicy,
    random: Callable[[], float],
) -> Generator[Step, Answer, R]:
    """Make one call: yield its steps, return its result.

    Every attempt is signed with the time of its own. Raises what `envelope.reply` raises, the
    `TransportError` that a driver answers with, and one for an answer that is not Marketo's.
    """
    for attempt in count(1):
        header = sign(credentials, timestamp(now()))
        body = envelope.request(operation, header, context=target_workspace)
        answer = yield Send(body, envelope.soap_action(operation), attempt)
        try:
            return _read(operation, body, answer)
        except MarketoError as error:
            pause = policy.pause_after(attempt, error, random)
            if pause is None:
                raise
        if pause:
            yield Wait(pause)
    raise AssertionError("unreachable")


def _read(operation: Operation[R], request: bytes, answer: Answer) -> R:
    if isinstance(answer, TransportError):
        raise answer
    if answer is None:
        raise TypeError("a Send is answered with what was received")
    try:
        return envelope.reply(type(operation), answer.body)
    except ProtocolError as error:
        raise _explain(operation, request, answer, error) from None


def _explain(operation: Operation[Any], request: bytes, answer: Received, error: ProtocolError) -> MarketoError:
    """Say what came instead of a reply: a broken one, or an answer of something on the way."""
    status, problem = answer.status, error.problem
    redactor = Redactor.of_request(request)
    begins = redactor.snippet(answer.body) if answer.body else "nothing"
    came = f"HTTP {status} {answer.content_type or 'without a content type'}, beginning {begins}"
    if 200 <= status < 300 or problem not in ("malformed", "unknown"):
        reason = str(error).partition("; it begins ")[0]
        text = redactor.text(f"{operation.name}: {reason}; came {came}")
        return ProtocolError(text, path=error.path, line=error.line, problem=problem)
    said = "no SOAP reply"
    if 300 <= status < 400:
        said = "a redirect is not followed, the signature stays here"
    in_doubt = status in _MAYBE_DONE or (status >= 500 and status not in _NOT_DONE)
    kind = AmbiguousError if in_doubt else TransportError
    return kind(redactor.text(f"{operation.name}: {said}; came {came}"), status=status)
