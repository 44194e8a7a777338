"""Limits in Redis: the order, the window, the day, leases, refusals of Marketo, and a server that is away."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from freezegun import freeze_time

from marketo_soap import (
    AsyncClient,
    Client,
    Fault,
    LeadRecord,
    LimitFault,
    Limits,
    RedisLimiter,
    RestBridge,
    RetryPolicy,
    Sandbox,
    SyncLead,
    TransportError,
    envelope,
)
from marketo_soap.calls.limiter import Permit
from marketo_soap.calls.limits import next_reset
from marketo_soap.calls.redis_thread import RedisThread
from marketo_soap.errors import fault
from marketo_soap.sandbox.settings import Settings
from tests.redis.support import PATIENCE, RedisServer, scores, until
from tests.support import Either, interrupt_often

ONE = Limits(calls=None, at_once=1, per_day=None)
USER = Settings()
Make = Callable[..., RedisLimiter]
OURS = "marketo_soap.calls.limiter", "marketo_soap.calls.redis_limiter", "marketo_soap.calls.redis_thread"


@pytest.fixture
def make(redis_server: RedisServer, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes limiters that share the counts of this test."""
    made: list[RedisLimiter] = []

    def limiter(limits: Limits = ONE, **options: Any) -> RedisLimiter:
        options = {"url": redis_server.url, "name": request.node.name, "timeout": 30.0, **options}
        made.append(RedisLimiter(limits=limits, **options))
        return made[-1]

    yield limiter
    for each in made:
        each.close()


def queue_of(server: RedisServer, limiter: RedisLimiter) -> int:
    return int(server.ask("ZCARD", limiter._keys[4]))


def test_permits_come_in_the_order_of_asking_over_limiters_threads_and_tasks(
    make: Make, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketo_soap.calls.redis_limiter._PATIENCE", 10**6)  # one that is late keeps its place
    limiters = [make(), make()]
    limiters[0].acquire()
    order: list[int] = []

    def ask(number: int) -> None:
        limiter = limiters[number % 2]
        if number % 3:
            limiter.acquire(PATIENCE)
        else:
            asyncio.run(limiter.acquire_async(PATIENCE))
        order.append(number)
        limiter.release()

    with ThreadPoolExecutor(6) as pool:
        for number in range(6):
            pool.submit(ask, number)
            until(lambda number=number: queue_of(redis_server, limiters[0]) == number + 1)  # type: ignore[misc]
        limiters[0].release()
    assert order == list(range(6))


@pytest.mark.parametrize("wait", ["acquire", "acquire_async"])
def test_a_timeout_says_that_nothing_was_sent_and_leaves_the_queue(
    make: Make, redis_server: RedisServer, wait: str
) -> None:
    limiter, other = make(), make()
    limiter.acquire()
    with pytest.raises(TransportError, match=r"not sent: the call limits gave no permit in 0\.1 s"):
        other.acquire(0.1) if wait == "acquire" else asyncio.run(other.acquire_async(0.1))
    until(lambda: queue_of(redis_server, limiter) == 0)
    limiter.release()
    limiter.release()  # harmless
    other.acquire(PATIENCE)
    assert (limiter.in_progress, other.in_progress) == (0, 1)


def test_a_cancelled_task_leaves_the_queue(make: Make, redis_server: RedisServer) -> None:
    limiter = make()

    async def main() -> None:
        await limiter.acquire_async()
        waiting = asyncio.create_task(limiter.acquire_async())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    until(lambda: queue_of(redis_server, limiter) == 0)
    assert limiter.in_progress == 1


def test_a_call_counts_until_a_window_after_its_end(make: Make) -> None:
    limiter = make(Limits(calls=2, window=0.6, at_once=None, per_day=None))
    limiter.acquire()
    limiter.acquire()
    time.sleep(0.4)
    begun = time.monotonic()
    limiter.release()
    limiter.release()
    limiter.acquire(PATIENCE)
    assert time.monotonic() - begun > 0.55


@pytest.mark.parametrize("hours", [-30, 0, 30])
def test_the_day_is_that_of_the_servers_clock(make: Make, redis_server: RedisServer, hours: int) -> None:
    seconds, _ = redis_server.ask("TIME")
    reset = next_reset(datetime.fromtimestamp(seconds, UTC))
    with freeze_time(datetime.now(UTC) + timedelta(hours=hours), tick=True):
        limiter = make(Limits(calls=None, at_once=None, per_day=2))
        for _ in range(2):
            limiter.acquire()
            limiter.release()
        with pytest.raises(LimitFault) as caught:
            limiter.acquire()
    assert caught.value.code == 20015
    assert caught.value.retry_at == reset
    assert limiter.spent_today == 2
    assert int(redis_server.ask("HGET", limiter._keys[5], "reset")) == reset.timestamp() * 1e6


def test_a_new_day_begins_with_nothing_spent(make: Make, redis_server: RedisServer) -> None:
    limiter = make(Limits(calls=None, at_once=None, per_day=1))
    limiter.acquire()
    redis_server.ask("HSET", limiter._keys[5], "reset", 1)  # a day that is over
    limiter.acquire()
    assert limiter.spent_today == 1


def test_a_share_leaves_the_rest_of_the_day_to_others(make: Make) -> None:
    bulk, other = (make(Limits(calls=None, at_once=None, per_day=10), share=share) for share in (0.8, 1.0))
    for _ in range(8):
        bulk.acquire()
    with pytest.raises(LimitFault) as caught:
        bulk.acquire()
    assert "0.8" in caught.value.hint
    other.acquire()
    other.acquire()
    with pytest.raises(LimitFault):
        other.acquire()


def test_a_lease_is_renewed_as_long_as_the_call_runs(make: Make, redis_server: RedisServer) -> None:
    limiter, other = make(lease=2.0), make(lease=2.0)
    limiter.acquire()
    ((_, until_first),) = scores(redis_server, limiter._keys[0])
    until(lambda: scores(redis_server, limiter._keys[0])[0][1] > until_first)
    with pytest.raises(TransportError):
        other.acquire(0.1)
    limiter.release()
    other.acquire(PATIENCE)


def test_a_permit_whose_caller_is_gone_comes_back(make: Make) -> None:
    limiter, permit = make(lease=0.3), None
    permit = Permit(limiter)
    permit.acquire()
    del permit
    gc.collect()
    limiter.acquire(PATIENCE)


@pytest.mark.filterwarnings("ignore:.*was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupted_callers_leave_nothing_behind(make: Make) -> None:
    limiter = make(Limits(calls=None, at_once=3, per_day=None), lease=0.3)

    def call() -> None:
        permit = Permit(limiter)
        permit.acquire(PATIENCE)
        permit.release()

    met = interrupt_often(call, 60, seed=7, modules=OURS)
    assert met > 30
    for _ in range(3):
        limiter.acquire(PATIENCE)
    assert limiter.in_progress == 3


def test_a_forked_child_renews_only_its_own(make: Make, redis_server: RedisServer) -> None:
    limiter = make(Limits(calls=None, at_once=2, per_day=None), lease=0.3)
    limiter.acquire()
    code = f"""
import os, sys, time
from marketo_soap import Limits, RedisLimiter
limits = Limits(calls=None, at_once=2, per_day=None)
limiter = RedisLimiter({redis_server.url!r}, limits, name="fork", lease=0.3, timeout=30.0)
limiter.acquire()
if child := os.fork():
    limiter.release()
    assert os.waitpid(child, 0)[1] == 0
else:
    limiter.acquire()
    time.sleep(0.7)
    assert limiter.in_progress == 1
    limiter.acquire({PATIENCE})  # the parent's has ended
    os._exit(0)
begun = time.monotonic()
if (child := os.fork()) == 0:
    sys.exit()  # which does not wait for the thread of the parent
os.waitpid(child, 0)
assert time.monotonic() - begun < 20
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


# -- refusals -----------------------------------------------------------------------------------------


def refuse(limiter: RedisLimiter, server: RedisServer, code: int) -> None:
    def state() -> tuple[Any, ...]:
        _, ended, others, _, _, day = limiter._keys
        return server.ask("ZCARD", ended), server.ask("ZCARD", others), server.ask("HGETALL", day)

    before = state()
    limiter.refused(code)
    until(lambda: state() != before)


def test_after_20023_the_free_part_of_the_window_is_that_of_others(make: Make, redis_server: RedisServer) -> None:
    limiter = make(Limits(calls=5, window=1.0, at_once=None, per_day=None))
    limiter.acquire()
    begun = time.monotonic()
    refuse(limiter, redis_server, 20023)
    others = [end for ticket, end in scores(redis_server, limiter._keys[1]) if ticket.startswith("~")]
    assert [round(later - earlier) for earlier, later in pairwise(others)] == [250_000] * 3
    for _ in range(2):
        limiter.acquire(PATIENCE)
    assert time.monotonic() - begun > 0.49  # one of others after the other


def test_after_20024_others_hold_the_free_places_for_a_moment(make: Make, redis_server: RedisServer) -> None:
    limiter = make(Limits(calls=None, at_once=4, per_day=None))
    begun = time.monotonic()
    refuse(limiter, redis_server, 20024)
    others = [end for _, end in scores(redis_server, limiter._keys[2])]
    assert [round(later - earlier) for earlier, later in pairwise(others)] == [500_000] * 3
    limiter.acquire(PATIENCE)
    assert time.monotonic() - begun > 0.49


def test_after_20015_nobody_calls_for_a_while(make: Make, redis_server: RedisServer) -> None:
    limiter, other = make(Limits()), make(Limits())
    limiter.acquire()
    refuse(limiter, redis_server, 20015)
    with pytest.raises(LimitFault, match="20015"):
        other.acquire()
    redis_server.ask("HSET", limiter._keys[5], "closed", 1)  # the while is over
    other.acquire()


def test_20015_is_heard_although_redis_has_lost_the_day(make: Make, redis_server: RedisServer) -> None:
    limiter = make(Limits())
    refuse(limiter, redis_server, 20015)
    assert redis_server.ask("PTTL", limiter._keys[5]) > 0
    for _ in range(2):
        with pytest.raises(LimitFault, match="20015"):
            limiter.acquire()
    assert redis_server.ask("PTTL", limiter._keys[5]) > 0


class Heard:
    """A limiter that keeps what was refused."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    def acquire(self, timeout: float | None = None) -> None: ...

    async def acquire_async(self, timeout: float | None = None) -> None: ...

    def release(self) -> None: ...

    def refused(self, code: int) -> None:
        self.codes.append(code)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_limiters_hear_of_refusals_over_soap(kind: type[Client | AsyncClient]) -> None:
    heard, codes = Heard(), iter([20023, 20024, 20110])
    answers = httpx.MockTransport(
        lambda request: httpx.Response(500, content=envelope.write_reply(SyncLead, fault(next(codes))))
    )
    retry = RetryPolicy(pause=0, window=0)
    options: dict[str, Any] = {"transport": answers, "limiter": heard, "retry": retry}
    with Either(kind, "https://a.mktoapi.com/soap/mktows/2_2", "u", "k", **options) as client, pytest.raises(Fault):
        client.sync_lead(LeadRecord(email="t@t.com"))
    assert heard.codes == [20023, 20024]


@pytest.mark.parametrize(("rest", "code"), [("606", 20023), ("607", 20015), ("615", 20024), ("1003", None)])
def test_limiters_hear_of_refusals_over_rest(rest: str, code: int | None) -> None:
    heard = Heard()
    with Sandbox() as sandbox:
        sandbox.fail(rest=rest, operation="syncLeads")
        bridge = RestBridge(
            "https://a.mktorest.com", USER.client_id, USER.client_secret, transport=sandbox.transport(), limiter=heard
        )
        with Client(transport=bridge, retry=RetryPolicy(attempts=1)) as client, pytest.raises(Fault):
            client.sync_lead(LeadRecord(email="t@t.com"))
    assert heard.codes == ([] if code is None else [code])


# -- a server that is away ----------------------------------------------------------------------------


@pytest.mark.parametrize("wait", ["acquire", "acquire_async"])
def test_a_server_that_is_away_refuses_or_leaves_each_process_to_itself(
    own_server: RedisServer, caplog: pytest.LogCaptureFixture, wait: str
) -> None:
    def acquire(limiter: RedisLimiter) -> None:
        limiter.acquire(0.2) if wait == "acquire" else asyncio.run(limiter.acquire_async(0.2))

    two = Limits(calls=None, at_once=2, per_day=None)
    strict = RedisLimiter(own_server.url, two)
    local = RedisLimiter(own_server.url, two, on_outage="local", local_limits=ONE)
    acquire(strict)
    own_server.stop()
    with pytest.raises(TransportError, match="not sent: Redis, which has the call limits, is away"):
        acquire(strict)
    acquire(local)
    with pytest.raises(TransportError, match="no permit"):  # it has limits of its own
        acquire(local)
    local.release()
    acquire(local)
    assert [each.message for each in caplog.records if "cannot be used" in each.message]
    assert own_server.url not in caplog.text

    own_server.start()
    while True:
        with suppress(TransportError):
            acquire(strict)
            break
    assert strict.in_progress == 2
    until(lambda: own_server.ask("ZCARD", strict._keys[0]) == 2)  # what was in progress is counted again
    with pytest.raises(TransportError, match="no permit"):
        acquire(strict)
    strict.close()
    local.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "http://a"}, "url: a URL such as redis://"),
        ({"url": "redis://:sec/ret@127.0.0.1:1"}, "must be percent-encoded$"),
        ({"on_outage": "ignore"}, "on_outage is 'refuse' or 'local'"),
        ({"share": 1.5}, "share is more than 0 and at most 1"),
        ({"lease": 0}, "lease must be more than 0"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], message: str) -> None:
    pytest.importorskip("redis")
    with pytest.raises(ValueError, match=message):
        RedisLimiter(**{"url": "redis://127.0.0.1:1", **options})


def test_no_repr_has_the_password() -> None:
    pytest.importorskip("redis")
    shown = repr(RedisThread("redis://user:s3cr3t@127.0.0.1:1")) + repr(RedisLimiter("redis://:s3cr3t@127.0.0.1:1"))
    assert "s3cr3t" not in shown


def test_a_missing_redis_py_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ImportError, match=r"marketo_soap\[redis\]"):
        RedisLimiter("redis://127.0.0.1:1")
