"""A call in progress: what is counted, remembered and logged while a client carries out its steps."""

from __future__ import annotations

import logging
import random
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from attrs import evolve, frozen

from marketo_soap import envelope
from marketo_soap.calls.flow import Answer, Send, Step, Wait, exchange, replay
from marketo_soap.calls.http import Attempt
from marketo_soap.calls.limiter import Permit
from marketo_soap.calls.limits import Limiter
from marketo_soap.calls.retry import RetryPolicy
from marketo_soap.calls.waiting import Cell
from marketo_soap.errors import AmbiguousError, Fault, MarketoError, ProtocolError, clear_locals
from marketo_soap.history import Exchange
from marketo_soap.operations import Operation
from marketo_soap.signature import Credentials

__all__ = ["TERMS", "Call", "Caller", "Counter", "Stats", "Terms", "notify"]

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


class Counter:
    """Counts for `Stats`, from any thread."""

    def __init__(self) -> None:
        self._cell = Cell(Stats)

    @property
    def stats(self) -> Stats:
        """The counts so far."""
        return self._cell.value

    def add(self, **more: int) -> None:
        """Add to the counts by name."""
        self._cell.change(
            lambda stats: (evolve(stats, **{name: getattr(stats, name) + by for name, by in more.items()}), None)
        )


@frozen
class Terms:
    """What a transport that retries by itself knows of a call: its policy, and the seconds that are left."""

    policy: RetryPolicy
    seconds: float | None


@frozen
class Caller:
    """What every call of a client has in common. With *single* the transport does the repeating."""

    endpoint: str
    credentials: Credentials
    clock: Callable[[], datetime]
    limiter: Limiter | None
    max_response_bytes: int
    tracer: Any
    counter: Counter
    remember: Callable[[Exchange], None]
    timed: bool = False
    single: bool = False


def notify(hook: Callable[[Exchange], object], exchange: Exchange) -> None:
    """Call a hook with an attempt. What it raises is logged without its text, which may be personal."""
    try:
        hook(exchange)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        logger.warning("on_exchange raised %s at %s:%s", type(error).__name__, place.filename, place.lineno)


class Call(Generic[R]):
    """A call in progress: its steps, its attempts, its permit, its logs and spans. A `with` block."""

    result: R

    def __init__(self, caller: Caller, name: str, steps: Generator[Step, Answer, R], policy: RetryPolicy) -> None:
        self._caller, self._name, self._steps, self._policy = caller, name, steps, policy
        self.exchange: Exchange | None = None
        self.permit = Permit(caller.limiter)
        self._attempt: Attempt | None = None
        self._span: Any = None

    @classmethod
    def of(cls, caller: Caller, operation: Operation[R], target_workspace: str | None, policy: RetryPolicy) -> Call[R]:
        """Begin to carry out *operation*."""
        steps = exchange(
            operation,
            caller.credentials,
            target_workspace=target_workspace,
            now=caller.clock,
            monotonic=time.monotonic,
            policy=evolve(policy, attempts=1) if caller.single else policy,
            random=random.random,
        )
        return Call(caller, operation.name, steps, policy)

    @classmethod
    def again(cls, caller: Caller, request: bytes, policy: RetryPolicy) -> Call[None]:
        """Begin to send the bytes of a request once more, signed anew."""
        try:
            name = envelope.open_request(request).operation_type.name
        except MarketoError as error:
            clear_locals(error)
            del request
            raise
        steps = replay(request, caller.credentials, now=caller.clock, monotonic=time.monotonic, policy=policy)
        return Call(caller, name, steps, evolve(policy, attempts=1))

    def advance(self, answer: Answer) -> Step | None:
        """Return the next step; None when `result` is there."""
        try:
            step = self._steps.send(answer)
        except StopIteration as done:
            self.result = done.value
            return None
        if isinstance(step, Wait):
            self._tell_of(step)
        return step

    @property
    def last_exchange(self) -> Exchange:
        """The last attempt that was made."""
        if self.exchange is None:
            raise RuntimeError("no attempt was made")
        return self.exchange

    @contextmanager
    def attempt(self, send: Send, request: httpx.Request, *, is_async: bool = False) -> Iterator[Attempt]:
        """Make one attempt in the block: it is remembered, and its permit given back, however it ends."""
        caller = self._caller
        attempt = Attempt(self._name, caller.endpoint, send, caller.clock(), caller.max_response_bytes, caller.timed)
        self._attempt = attempt
        caller.counter.add(attempts=1)
        request.extensions[TERMS] = Terms(self._policy, send.seconds)
        try:
            with attempt.over(request, is_async=is_async):
                yield attempt
        finally:
            self.permit.release()
            self.exchange = attempt.exchange(self.exchange)
            caller.remember(self.exchange)
        self._tell_of_attempt(attempt, self.exchange)

    def _tell_of_attempt(self, attempt: Attempt, exchange: Exchange) -> None:
        """Log the attempt, and note it on the span: an HTTP status only if one came, and what kind of error else."""
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

    def _tell_of(self, wait: Wait) -> None:
        error = wait.error
        kind, code = type(error).__name__, getattr(error, "code", None)
        unknown = isinstance(error, AmbiguousError)
        self._caller.counter.add(retries=1, resent_unknown=int(unknown))
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
        self._caller.counter.add(calls=1)
        if self._caller.tracer is not None:
            from opentelemetry.trace import SpanKind  # whoever has a tracer has it

            server = urlsplit(self._caller.endpoint)
            attributes: dict[str, Any] = {
                "rpc.system.name": "soap",
                "rpc.method": self._name,
                "server.address": server.hostname,
            }
            if server.port is not None:
                attributes["server.port"] = server.port
            self._span = self._caller.tracer.start_span(self._name, kind=SpanKind.CLIENT, attributes=attributes)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        self.permit.release()
        self._steps.close()
        if isinstance(error, ProtocolError) and self._attempt is not None:
            self._attempt.distrust()
        if isinstance(error, MarketoError):
            error.exchange = error.exchange or self.exchange
            is_fault = isinstance(error, Fault)
            self._caller.counter.add(faults=int(is_fault), failures=int(not is_fault))
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
