"""A call in progress: its counts, exchanges, logs and spans while a client carries out its steps."""

from __future__ import annotations

import logging
import random
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from attrs import evolve, frozen

from marketo_soap import envelope
from marketo_soap.calls.flow import Send, Step, StepAnswer, Wait, exchange, replay
from marketo_soap.calls.http import Attempt
from marketo_soap.calls.limiter import Permit
from marketo_soap.calls.limits import Limiter, on_refused
from marketo_soap.calls.retry import RetryPolicy
from marketo_soap.calls.waiting import Cell
from marketo_soap.errors import AmbiguousError, Fault, MarketoError, ProtocolError, clear_locals
from marketo_soap.history import Exchange
from marketo_soap.operations import Operation
from marketo_soap.signature import Credentials

__all__ = ["TERMS", "Call", "CallContext", "Stats", "Terms", "notify"]

TERMS = "marketo_soap.call"
"""The extension of an httpx request that holds its `Terms`."""

R = TypeVar("R")

logger = logging.getLogger("marketo_soap.client")
retry_logger = logging.getLogger("marketo_soap.retry")


@frozen
class Stats:
    """What a client has done: calls, attempts, attempts that were repeated, and how calls ended badly.

    `resent_unknown` are repetitions of attempts whose fate was unknown, `faults` calls that the server
    refused, `failures` calls that ended in any other `MarketoError`.
    """

    calls: int = 0
    attempts: int = 0
    retries: int = 0
    resent_unknown: int = 0
    faults: int = 0
    failures: int = 0


def count(stats: Cell[Stats], **more: int) -> None:
    """Add to the counts by name, from any thread."""
    stats.change(lambda old: (evolve(old, **{name: getattr(old, name) + by for name, by in more.items()}), None))


class Terms(NamedTuple):
    """The terms of a call for a transport that retries by itself: its policy, and the seconds that are left."""

    policy: RetryPolicy
    seconds: float | None


class CallContext(NamedTuple):
    """What all calls of a client share. With *single* the transport retries, not the call."""

    endpoint: str
    credentials: Credentials
    clock: Callable[[], datetime]
    limiter: Limiter | None
    max_response_bytes: int
    tracer: Any
    stats: Cell[Stats]
    remember: Callable[[Exchange], None]
    timed: bool
    single: bool


def notify(hook: Callable[[Exchange], object], exchange: Exchange) -> None:
    """Call a hook with an attempt. Its exceptions are logged, without their messages, which may be personal."""
    try:
        hook(exchange)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        logger.warning("on_exchange raised %s at %s:%s", type(error).__name__, place.filename, place.lineno)


class Call(Generic[R]):
    """A call in progress: its steps, its attempts, its permit, its logs and spans. A `with` block."""

    result: R

    def __init__(
        self, context: CallContext, name: str, steps: Generator[Step, StepAnswer, R], policy: RetryPolicy
    ) -> None:
        self._context, self._name, self._steps, self._policy = context, name, steps, policy
        self.exchange: Exchange | None = None
        self.permit = Permit(context.limiter)
        self._attempt: Attempt | None = None
        self._span: Any = None

    @classmethod
    def of(
        cls, context: CallContext, operation: Operation[R], target_workspace: str | None, policy: RetryPolicy
    ) -> Call[R]:
        """Begin to carry out *operation*."""
        steps = exchange(
            operation,
            context.credentials,
            target_workspace=target_workspace,
            now=context.clock,
            monotonic=time.monotonic,
            policy=evolve(policy, attempts=1) if context.single else policy,
            random=random.random,
            refused=on_refused(context.limiter),
        )
        return Call(context, operation.name, steps, policy)

    @classmethod
    def again(cls, context: CallContext, request: bytes, policy: RetryPolicy) -> Call[None]:
        """Begin to send the bytes of a request again, with a new signature."""
        try:
            operation = envelope.open_request(request).operation_type
        except MarketoError as error:
            clear_locals(error)
            del request
            raise
        now, monotonic = context.clock, time.monotonic
        steps = replay(operation, request, context.credentials, now=now, monotonic=monotonic, policy=policy)
        return Call(context, operation.name, steps, evolve(policy, attempts=1))

    def advance(self, answer: StepAnswer) -> Step | None:
        """Return the next step; None when `result` is there."""
        try:
            step = self._steps.send(answer)
        except StopIteration as done:
            self.result = done.value
            return None
        if isinstance(step, Wait):
            self._log_retry(step)
        return step

    @property
    def last_exchange(self) -> Exchange:
        """The last attempt that was made."""
        if self.exchange is None:
            raise RuntimeError("no attempt was made")
        return self.exchange

    @contextmanager
    def attempt(self, send: Send, request: httpx.Request, *, is_async: bool = False) -> Iterator[Attempt]:
        """Make one attempt in the block. However it ends, it is kept and its permit released."""
        context = self._context
        attempt = Attempt(
            self._name, context.endpoint, send, context.clock(), context.max_response_bytes, context.timed
        )
        self._attempt = attempt
        count(context.stats, attempts=1)
        request.extensions[TERMS] = Terms(self._policy, send.seconds)
        try:
            with attempt.over(request, is_async=is_async):
                yield attempt
        finally:
            self.permit.release()
            self.exchange = attempt.exchange(self.exchange)
            context.remember(self.exchange)
        self._log_attempt(attempt, self.exchange)

    def _log_attempt(self, attempt: Attempt, exchange: Exchange) -> None:
        """Log the attempt and add it to the span, with the HTTP status or the type of the error."""
        known: dict[str, Any] = {}
        if exchange.status is not None:
            known["http.response.status_code"] = exchange.status
        if exchange.failure:
            lost = attempt.answer()
            known["error.type"] = type(getattr(lost, "__cause__", None) or lost).__name__
        ended = f"HTTP {exchange.status}" if exchange.status is not None else f"no answer, {known.get('error.type')}"
        facts = self._facts(status=exchange.status, elapsed=exchange.elapsed, attempt=exchange.attempt)
        logger.debug("%s, attempt %d: %s in %.3f s", self._name, exchange.attempt, ended, exchange.elapsed, extra=facts)
        if self._span is not None:
            self._span.add_event("attempt", {"attempt": exchange.attempt, **known})

    def _log_retry(self, wait: Wait) -> None:
        error = wait.error
        kind, code = type(error).__name__, getattr(error, "code", None)
        unknown = isinstance(error, AmbiguousError)
        count(self._context.stats, retries=1, resent_unknown=int(unknown))
        retry_logger.warning(
            "%s is tried again in %.2f s after %s%s",
            self._name,
            wait.seconds,
            kind,
            "" if code is None else f" {code}",
            extra=self._facts(error=kind, code=code, pause=wait.seconds, fate_unknown=unknown),
        )

    def _facts(self, **facts: Any) -> dict[str, Any]:
        return {"operation": self._name, **facts}

    def __enter__(self) -> Self:
        count(self._context.stats, calls=1)
        if self._context.tracer is not None:
            from opentelemetry.trace import SpanKind  # there is a tracer, so it is installed

            server = urlsplit(self._context.endpoint)
            attributes: dict[str, Any] = {
                "rpc.system.name": "soap",
                "rpc.method": self._name,
                "server.address": server.hostname,
            }
            if server.port is not None:
                attributes["server.port"] = server.port
            self._span = self._context.tracer.start_span(self._name, kind=SpanKind.CLIENT, attributes=attributes)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        self.permit.release()
        self._steps.close()
        if isinstance(error, ProtocolError) and self._attempt is not None:
            self._attempt.distrust()
        if isinstance(error, MarketoError):
            error.exchange = error.exchange or self.exchange
            is_fault = isinstance(error, Fault)
            count(self._context.stats, faults=int(is_fault), failures=int(not is_fault))
        if self._span is not None:
            self._end_span(error)
        if error is not None:
            clear_locals(error)

    def _end_span(self, error: BaseException | None) -> None:
        if self.exchange is not None and self.exchange.status is not None:
            self._span.set_attribute("http.response.status_code", self.exchange.status)
        if error is not None:
            from opentelemetry.trace import StatusCode

            kind = type(error).__qualname__
            trace = "".join(traceback.format_tb(error.__traceback__))
            facts = {"exception.type": f"{type(error).__module__}.{kind}", "exception.stacktrace": f"{trace}{kind}"}
            self._span.add_event("exception", facts)  # by hand: messages may be personal
            self._span.set_attribute("error.type", kind)
            if isinstance(error, Fault) and error.code is not None:
                self._span.set_attribute("rpc.response.status_code", str(error.code))
                self._span.set_attribute("marketo.fault.code", error.code)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
