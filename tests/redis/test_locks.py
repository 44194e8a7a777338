"""Locks by keys in Redis: one call at a time over processes, and a holder that comes back late."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from marketo_soap import (
    AsyncClient,
    Client,
    LeadRecord,
    MarketoError,
    RedisKeyLocks,
    RestBridge,
    RetryPolicy,
    Sandbox,
    TransportError,
)
from marketo_soap.sandbox.settings import Settings
from tests.redis.support import PATIENCE, RedisServer, scores, until
from tests.support import Either, interrupt_often

Make = Callable[..., RedisKeyLocks]
USER = Settings()


@pytest.fixture
def make(redis_server: RedisServer, request: pytest.FixtureRequest) -> Iterator[Make]:
    made: list[RedisKeyLocks] = []

    def locks(**options: Any) -> RedisKeyLocks:
        made.append(RedisKeyLocks(redis_server.url, name=request.node.name, timeout=30.0, **options))
        return made[-1]

    yield locks
    for each in made:
        each.close()


def keys(*names: str) -> frozenset[str]:
    return frozenset(names)


def free(server: RedisServer, locks: RedisKeyLocks) -> bool:
    return not server.ask("KEYS", f"{locks._base}:alive") and len(server.ask("KEYS", f"{locks._base}:*")) <= 1


def test_a_key_is_held_by_one_at_a_time_and_others_are_free(make: Make, redis_server: RedisServer) -> None:
    one, two = make(), make()
    held = one.acquire(keys("a", "b"))
    other = two.acquire(keys("c"), 1)
    with pytest.raises(TransportError, match=r"not sent: other calls for the same took longer than 0\.1 s"):
        two.acquire(keys("b", "c"), 0.1)
    two.release(other)
    one.release(held)
    one.release(held)  # harmless
    two.release(two.acquire(keys("b", "c"), PATIENCE))
    two.release(two.acquire(keys()))
    until(lambda: free(redis_server, one))


def test_whoever_asked_first_comes_first_threads_and_tasks_alike(make: Make, redis_server: RedisServer) -> None:
    locks = [make(), make()]
    held = locks[0].acquire(keys("a"))
    order: list[int] = []

    def ask(number: int) -> None:
        mine = locks[number % 2]
        if number % 3:
            ticket = mine.acquire(keys("a", f"own {number}"), PATIENCE)
        else:
            ticket = asyncio.run(mine.acquire_async(keys("a", f"own {number}"), PATIENCE))
        order.append(number)
        mine.release(ticket)

    with ThreadPoolExecutor(9) as pool:
        for number in range(9):
            pool.submit(ask, number)
            until(lambda number=number: redis_server.ask("ZCARD", f"{locks[0]._base}:alive") == number + 2)  # type: ignore[misc]
        locks[0].release(held)
    assert order == list(range(9))


def test_sets_of_keys_in_any_order_never_wait_for_each_other(make: Make) -> None:
    locks = [make(), make()]

    def work(number: int) -> None:
        for turn in range(15):
            mine = locks[(number + turn) % 2]
            wanted = keys(*(f"k{(number * step + turn) % 4}" for step in (1, 2, 3)))
            ticket = mine.acquire(wanted, PATIENCE)
            with guard:
                assert not wanted & taken
                taken.update(wanted)
            with guard:
                taken.difference_update(wanted)
            mine.release(ticket)

    guard, taken = threading.Lock(), set[str]()
    with ThreadPoolExecutor(6) as pool:
        for each in [pool.submit(work, number) for number in range(6)]:
            each.result(2 * PATIENCE)


@pytest.mark.filterwarnings("ignore:.*was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupted_callers_leave_nothing_behind(make: Make, redis_server: RedisServer) -> None:
    locks = make(lease=0.3)

    def call() -> None:
        locks.release(locks.acquire(keys("a"), PATIENCE))

    assert (
        interrupt_often(
            call, 40, seed=3, modules=("marketo_soap.bridge.redis_locks", "marketo_soap.calls.redis_thread")
        )
        > 20
    )
    ticket = locks.acquire(keys("a"), PATIENCE)
    del ticket  # holds its keys as long as it exists
    gc.collect()
    locks.acquire(keys("a"), PATIENCE)


LATE_HOLDER = """
import sys
from marketo_soap import RedisKeyLocks, TransportError
locks = RedisKeyLocks(sys.argv[1], name=sys.argv[2], lease=0.5, timeout=30.0)
ticket = locks.acquire(frozenset(["t@t.com"]))
locks.check(ticket)
print("holds it", flush=True)
sys.stdin.readline()
try:
    locks.check(ticket)
    print("may write")
except TransportError as error:
    print(error)
"""


@pytest.mark.parametrize(("taken", "answer"), [(False, "may write"), (True, "the lease of its lock has ended")])
def test_a_holder_that_comes_back_late_finds_out_before_it_writes(
    make: Make, redis_server: RedisServer, taken: bool, answer: str
) -> None:
    locks = make(lease=0.5)
    command = [sys.executable, "-c", LATE_HOLDER, locks._redis._url, locks._name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds it\n"
        ((_, lease),) = scores(redis_server, f"{locks._base}:alive")
        until(lambda: scores(redis_server, f"{locks._base}:alive")[0][1] > lease)  # it is renewed
        holder.send_signal(signal.SIGSTOP)
        if taken:
            locks.release(locks.acquire(keys("t@t.com"), PATIENCE))
        else:
            time.sleep(1.0)
        holder.send_signal(signal.SIGCONT)
        assert answer in holder.communicate("go on\n", timeout=PATIENCE)[0]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_bridge_that_has_lost_its_lock_writes_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, kind: type[Client | AsyncClient]
) -> None:
    locks = make()
    with Sandbox() as sandbox:
        bridge = RestBridge(
            "https://a.mktorest.com", USER.client_id, USER.client_secret, transport=sandbox.transport(), locks=locks
        )
        with Either(kind, transport=bridge, retry=RetryPolicy(attempts=1)) as client:
            client.sync_lead(LeadRecord(email="t@t.com", attributes={"FirstName": "George"}))

            # What an operator's FLUSHALL does, right before the write.
            acquire = locks._redis.script

            async def flushed(source: str, *arguments: Any) -> Any:
                if "return 1" in source:
                    await locks._redis.command("FLUSHALL")
                return await acquire(source, *arguments)

            monkeypatch.setattr(locks._redis, "script", flushed)
            with pytest.raises(MarketoError, match="lease of its lock has ended") as caught:
                client.sync_lead(LeadRecord(email="t@t.com", attributes={"FirstName": "Ursula"}))
            assert not caught.value.fate_unknown
        assert [lead.get("FirstName") for lead in sandbox.leads()] == ["George"]


def test_a_server_that_is_away_refuses(own_server: RedisServer) -> None:
    locks = RedisKeyLocks(own_server.url)
    ticket = locks.acquire(keys("a"))
    own_server.stop()
    for call in (lambda: locks.check(ticket), lambda: locks.acquire(keys("b"))):
        with pytest.raises(TransportError, match="not sent: Redis, which has the locks, is away"):
            call()
    locks.release(ticket)
    locks.close()


WRITER = """
import sys, time
from marketo_soap import Client, LeadRecord, RedisKeyLocks, RestBridge, RetryPolicy, TransportError
url, endpoint, client_id, secret, number = sys.argv[1:]
locks = RedisKeyLocks(url, name="writers", lease=1.0, timeout=30.0)
bridge = RestBridge(endpoint, client_id, secret, locks=locks, limiter=None)
with Client(transport=bridge, retry=RetryPolicy(attempts=1)) as client:
    for turn in range(1000):
        lead = LeadRecord(email=f"{turn % 5}@t.com", attributes={"FirstName": number})
        try:
            client.sync_lead(lead)
            print(lead.email, flush=True)
        except TransportError as error:  # the machine is slow: its lease has ended, or Redis did not answer in time
            assert not error.fate_unknown
"""


def test_writers_in_several_processes_make_each_lead_once_although_some_are_killed(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        origin = endpoint.partition("/soap/")[0]

        def writer(number: int) -> subprocess.Popen[str]:
            output = open(tmp_path / str(number), "w")  # noqa: SIM115 - the child's
            command = [sys.executable, "-c", WRITER, redis_server.url, origin, USER.client_id, USER.client_secret]
            with output:
                return subprocess.Popen([*command, str(number)], stdout=output, text=True, env=os.environ)

        def lines(number: int) -> int:
            return len((tmp_path / str(number)).read_text().splitlines())

        writers = [writer(number) for number in range(3)]
        try:
            until(lambda: all(lines(number) > 5 for number in range(3)))
            writers[0].kill()
            before = [lines(number) for number in (1, 2)]
            until(lambda: all(lines(number) > then + 20 for number, then in zip((1, 2), before, strict=True)))
        finally:
            for each in writers:
                each.kill()
                each.wait(PATIENCE)
        assert sorted(str(lead.email) for lead in sandbox.leads()) == [f"{number}@t.com" for number in range(5)]
