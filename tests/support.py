"""What tests share: the samples' values, canonical XML, and envelopes made by hand."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import httpx
import pytest
from click.testing import CliRunner, Result
from lxml import etree

from marketo_soap import (
    AsyncClient,
    AuthenticationHeader,
    Client,
    Credentials,
    Exchange,
    InProcessLimiter,
    LeadRecord,
    MarketoError,
    Operation,
    RetryPolicy,
    SyncLead,
    SyncLeadResult,
    envelope,
    signature,
)
from marketo_soap.calls.waiting import Clock
from marketo_soap.cli.commands import cli

R = TypeVar("R")

FIXTURES = Path(__file__).parent.parent / "fixtures"

SEED_HEADER = AuthenticationHeader(
    "bigcorp1_461839624B16E06BA2D663",
    "92f05a7be4838ae1c0e5aafe814891ee72968a08",
    "2013-07-31T12:38:47-07:00",
)
SEED = SyncLead(LeadRecord(email="t@t.com", attributes={"FirstName": "George", "LastName": "of the Jungle"}))

CREDENTIALS = Credentials("demo17_1_809934544BFABAE58E5D27", "27272727aa")
HEADER = signature.sign(CREDENTIALS, "2013-08-05T16:34:19-07:00")
COOKIE = "id:100-AEK-913&token:_mch-example.com-1372890712966-47583"
NOW = datetime(2013, 8, 5, 23, 34, 19, tzinfo=UTC)

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MKTOWS = "http://www.marketo.com/mktows/"


def run_command(*args: object, code: int = 0, stdin: bytes | str | None = None, **options: Any) -> Result:
    """Run `marketo-soap` in this process: it ends with the exit code *code*, and never by an exception."""
    result = CliRunner().invoke(cli, [*map(str, args)], input=stdin, **options)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit | None)
    return result


def inner_settings(pytester: pytest.Pytester, *lines: str) -> None:
    """Write the settings of a pytest run inside this one, without plugins that take long to load."""
    addopts = "addopts = -p no:hypothesispytest -p no:pytest_httpx"
    pytester.makeini("\n".join(["[pytest]", "filterwarnings = error", addopts, *lines]))


def canonical(data: bytes) -> bytes:
    """Canonical XML without the white space between elements."""
    root = etree.fromstring(data, etree.XMLParser(remove_blank_text=True))
    return etree.tostring(root, method="c14n")


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def enveloped(body: str, header: str = "") -> bytes:
    """An envelope around *body*, with the prefixes S, m and xsi declared."""
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    names = f'xmlns:S="{SOAP}" xmlns:m="{MKTOWS}" xmlns:xsi="{xsi}"'
    head = f"<S:Header>{header}</S:Header>" if header else ""
    return f"<S:Envelope {names}>{head}<S:Body>{body}</S:Body></S:Envelope>".encode()


def success(result: str) -> bytes:
    return enveloped(f"<m:successSyncLead><result>{result}</result></m:successSyncLead>")


def faulted(inside: str) -> bytes:
    return enveloped(f"<S:Fault>{inside}</S:Fault>")


def signed(operation: Operation[Any], credentials: Credentials, now: datetime, workspace: str | None = None) -> bytes:
    header = signature.sign(credentials, signature.timestamp(now))
    return envelope.request(operation, header, context=workspace)


def takes_linear_time(prepare: Callable[[int], Callable[[], object]], count: int) -> bool:
    """Whether what is prepared for 10 * *count* takes less than 40 times as long as for *count*, at one of three tries.

    Quadratic time would be 100 times as long.
    """

    def seconds(count: int) -> float:
        act = prepare(count)
        started = time.process_time()
        act()
        return time.process_time() - started

    return any(seconds(10 * count) < 40 * seconds(count) + 0.05 for _ in range(3))


class Either:
    """A `Client`, or an `AsyncClient` driven to its end: one test body for both."""

    def __init__(self, kind: type[Client | AsyncClient], *args: Any, **options: Any) -> None:
        self.client: Any = kind(*args, **options)
        self.exchange: Exchange | None = None

    def __enter__(self) -> Either:
        self._runner = asyncio.Runner()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self.client.close())
        self._runner.close()

    def _do(self, result: Any) -> Any:
        if not asyncio.iscoroutine(result):
            return result

        async def with_exchange() -> Any:
            try:
                return await result
            finally:
                self.exchange = self.client.last_exchange

        return self._runner.run(with_exchange())

    def replay(self, request: bytes) -> Exchange:
        return self._do(self.client.replay(request))  # type: ignore[no-any-return]

    def result(self, call: Any) -> Any:
        """What a call of a client's method ends with."""
        return self._do(call)

    def collect(self, iterator: Any, found: list[Any] | None = None) -> list[Any]:
        """Everything that `iterate` or `pages` yields, put into *found*."""
        found = [] if found is None else found

        async def collected() -> None:
            async for each in iterator:
                found.append(each)

        if hasattr(iterator, "__next__"):
            found.extend(iterator)
        else:
            self._do(collected())
        return found

    def call(self, operation: Operation[R]) -> R:
        return self._do(self.client.call(operation))  # type: ignore[no-any-return]

    def sync_lead(self, *args: Any, **options: Any) -> SyncLeadResult:
        return self._do(self.client.sync_lead(*args, **options))  # type: ignore[no-any-return]

    @property
    def last_exchange(self) -> Exchange:
        kept = self.client.last_exchange or self.exchange
        assert isinstance(kept, Exchange)
        return kept


class Script:
    """Answers each request with the next of its replies, and keeps the requests.

    A reply is a result or a fault, a function of the operation that returns one, an HTTP status, or an exception.
    """

    def __init__(self, replies: tuple[Any, ...]) -> None:
        self.replies, self.requests = list(replies), list[envelope.Request[Any]]()

    @property
    def calls(self) -> list[Any]:
        return [request.operation for request in self.requests]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(envelope.read_request(request.read()))
        call, reply = self.calls[-1], self.replies.pop(0)
        if isinstance(reply, int):
            return httpx.Response(reply)
        if isinstance(reply, Exception) and not isinstance(reply, MarketoError):
            raise reply
        return httpx.Response(200, content=envelope.write_reply(type(call), reply(call) if callable(reply) else reply))


@contextmanager
def scripted(kind: type[Client | AsyncClient], retry: RetryPolicy) -> Iterator[Callable[..., tuple[Either, Script]]]:
    """Give a function that makes clients, each of which gets the replies of its script."""
    with ExitStack() as stack:

        def connect(*replies: Any) -> tuple[Either, Script]:
            script, user = Script(replies), (CREDENTIALS.user_id, CREDENTIALS.encryption_key)
            transport = httpx.MockTransport(script)
            client = Either(kind, "https://x.example/soap", *user, transport=transport, retry=retry)
            return stack.enter_context(client), script

        yield connect


class VirtualClock(Clock):
    """A clock that jumps to when something is due, as soon as no call of its limiter is in progress."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.limiter: InProcessLimiter | None = None
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def wait(self, event: threading.Event, seconds: float | None) -> None:
        if seconds is None:
            event.wait(0.5)
            return
        due = self.seconds + seconds
        while self.limiter and self.limiter.in_progress:
            time.sleep(0.0002)
        self._jump(due)

    async def wait_async(self, event: asyncio.Event, seconds: float | None) -> None:
        if seconds is None:
            await super().wait_async(event, 0.5)
            return
        due = self.seconds + seconds
        while self.limiter and self.limiter.in_progress:
            await asyncio.sleep(0.0002)
        self._jump(due)

    def _jump(self, due: float) -> None:
        with self._lock:
            self.seconds = max(self.seconds, due)


class Interrupt(BaseException):
    """An exception between two instructions, as Ctrl-C is."""


@contextmanager
def interrupted(after: int, modules: tuple[str, ...]) -> Iterator[Callable[[], int]]:
    """Raise `Interrupt` in the block after so many instructions of *modules*; gives how many there were."""
    left = after

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal left
        if not frame.f_globals.get("__name__", "").startswith(modules):
            return None
        # Python 3.13 traces instructions of a frame that has f_trace; 3.12 if a frame asked for it before settrace.
        frame.f_trace_opcodes, frame.f_trace_lines, frame.f_trace = True, False, trace
        if event == "opcode":
            left -= 1
            if left == 0:
                raise Interrupt
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True
    sys.settrace(trace)
    try:
        yield lambda: after - left
    finally:
        sys.settrace(before)


def interrupt_often(
    act: Callable[[], object], times: int, seed: int, modules: tuple[str, ...] = ("marketo_soap.",)
) -> int:
    """Interrupt *act* at random instructions; return in how many of *times* the interruption came out of it."""
    with interrupted(10**9, modules) as count:
        act()
    total, drawn, met = count(), random.Random(seed), 0
    for _ in range(times):
        try:
            with interrupted(drawn.randint(1, total), modules):
                act()
        except Interrupt:
            met += 1
    return met
