"""Keeping to the limits: the schedule by values, the queue by threads and tasks, both against the sandbox's own count."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from marketo_soap import (
    AmbiguousError,
    AsyncClient,
    Client,
    InProcessLimiter,
    LeadRecord,
    LimitFault,
    Limits,
    RetryPolicy,
    Sandbox,
    TransportError,
)
from marketo_soap.calls.limiter import Clock, Permit
from marketo_soap.calls.limits import Schedule, next_reset
from tests.support import NOW, Either, VirtualClock, fixture, interrupt_often

LEAD = LeadRecord(email="t@t.com")
ONCE = RetryPolicy(attempts=1, deadline=None)


def queue_of(limiter: InProcessLimiter) -> tuple[object, ...]:
    return limiter._cell.value.waiting


# -- the schedule -------------------------------------------------------------------------------------


def test_a_window_counts_from_the_end_of_a_call() -> None:
    schedule = Schedule(Limits(calls=2, window=20.0, at_once=None))
    for _ in range(2):
        assert schedule.wait(0.0, NOW) == 0.0
        schedule.start()
    assert schedule.wait(5.0, NOW) is None  # both are running: who knows when the server sees them
    schedule.end(6.0)
    assert schedule.wait(6.0, NOW) == 20.0
    schedule.end(8.0)
    assert schedule.wait(10.0, NOW) == 16.0
    assert schedule.wait(26.0, NOW) == 0.0
    schedule.start()
    assert schedule.wait(26.0, NOW) == 2.0


def test_calls_at_once() -> None:
    schedule = Schedule(Limits(calls=None, at_once=2))
    schedule.start()
    assert schedule.wait(0.0, NOW) == 0.0
    schedule.start()
    assert schedule.wait(0.0, NOW) is None
    schedule.end(1.0)
    assert schedule.wait(1.0, NOW) == 0.0


def test_a_day_ends_at_midnight_in_chicago() -> None:
    schedule = Schedule(Limits(calls=None, at_once=None, per_day=1))
    assert schedule.wait(0.0, NOW) == 0.0
    schedule.start()
    with pytest.raises(LimitFault) as caught:
        schedule.wait(0.0, NOW)
    assert caught.value.code == 20015
    assert caught.value.retry_at == next_reset(NOW) == datetime(2013, 8, 6, 5, tzinfo=UTC)
    assert schedule.wait(0.0, next_reset(NOW)) == 0.0


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        (datetime(2014, 1, 6, 5, 59, tzinfo=UTC), datetime(2014, 1, 6, 6, tzinfo=UTC)),
        (datetime(2014, 1, 6, 6, tzinfo=UTC), datetime(2014, 1, 7, 6, tzinfo=UTC)),
        (datetime(2014, 3, 9, 6, tzinfo=UTC), datetime(2014, 3, 10, 5, tzinfo=UTC)),  # the day has 23 hours
    ],
)
def test_the_next_reset(now: datetime, reset: datetime) -> None:
    assert next_reset(now) == reset


# -- the queue ----------------------------------------------------------------------------------------


def test_permits_come_in_the_order_of_asking() -> None:
    limiter = InProcessLimiter(Limits(calls=None, at_once=1))
    limiter.acquire()
    order: list[int] = []

    def ask(n: int) -> None:
        limiter.acquire()
        order.append(n)
        limiter.release()

    threads = []
    for n in range(20):
        threads.append(threading.Thread(target=ask, args=(n,)))
        threads[-1].start()
        while len(queue_of(limiter)) <= n:
            time.sleep(0.0005)
    limiter.release()
    for thread in threads:
        thread.join(10)
    assert order == list(range(20))


def test_a_timeout_lets_the_next_in_the_queue_go_on() -> None:
    limiter = InProcessLimiter(Limits(calls=None, at_once=1))
    limiter.acquire()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(limiter.acquire, 0.05)
        while not queue_of(limiter):
            time.sleep(0.001)
        second = pool.submit(limiter.acquire, 10)
        with pytest.raises(TransportError, match=r"no permit in 0\.1 s"):
            first.result(10)
        assert not second.done()
        limiter.release()
        second.result(10)
    assert limiter.in_progress == 1
    limiter.release()


def test_a_cancelled_task_leaves_the_queue() -> None:
    async def main() -> None:
        limiter = InProcessLimiter(Limits(calls=None, at_once=1))
        await limiter.acquire_async()
        waiting = [asyncio.create_task(limiter.acquire_async()) for _ in range(3)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
        limiter.release()
        await asyncio.wait_for(waiting[1], 5)
        assert not waiting[2].done()
        limiter.release()
        await asyncio.wait_for(waiting[2], 5)
        assert waiting[0].cancelled()
        assert len(queue_of(limiter)) == 0

    asyncio.run(main())


def test_a_waiter_that_was_taken_for_dead_queues_again(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = InProcessLimiter(Limits(calls=None, at_once=1))

    def closed(*given: object) -> None:
        raise RuntimeError("Event loop is closed")

    async def main() -> None:
        await limiter.acquire_async()
        waiting = asyncio.create_task(limiter.acquire_async(timeout=0.1))
        await asyncio.sleep(0)
        with monkeypatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", closed)
            limiter.release()
        await asyncio.wait_for(waiting, 30)
        assert limiter.in_progress == 1

    asyncio.run(main())


def test_a_real_window_of_a_moment() -> None:
    limiter = InProcessLimiter(Limits(calls=5, window=0.2, at_once=None))
    started = time.monotonic()
    for _ in range(15):
        limiter.acquire()
        limiter.release()
    assert 0.4 <= time.monotonic() - started < 5


# -- against the sandbox's own count ------------------------------------------------------------------


def test_a_limiter_tells_what_is_spent_of_the_day() -> None:
    class Days(Clock):
        day = 0

        def now(self) -> datetime:
            return NOW + timedelta(days=self.day)

    days = Days()
    limiter = InProcessLimiter(Limits(per_day=2), clock=days)
    for _ in range(2):
        limiter.acquire()
        limiter.release()
    with pytest.raises(LimitFault):
        limiter.acquire()
    assert limiter.spent_today == 2
    days.day = 1
    assert limiter.spent_today == 0
    free = InProcessLimiter(Limits(per_day=None), clock=days)
    free.acquire()
    days.day = 2
    free.acquire()
    assert free.spent_today == 1


def test_threads_and_tasks_use_the_vendors_limits_fully_and_never_exceed_them() -> None:
    """16 threads and 200 tasks, as fast as they may, for a minute of virtual time."""
    clock = VirtualClock()
    clock.limiter = limiter = InProcessLimiter(clock=clock)
    minute, done, done_lock = 60.0, [0], threading.Lock()
    refused: list[BaseException] = []

    def count() -> None:
        with done_lock:
            done[0] += clock.monotonic() < minute

    with Sandbox(clock=clock.now, limits="vendor") as sandbox:
        options: dict[str, object] = {"clock": clock.now, "limiter": limiter, "retry": ONCE}

        def work(worker: int) -> None:
            with Client(transport=sandbox.transport(), **options) as client:  # type: ignore[arg-type]
                while clock.monotonic() < minute:
                    try:
                        client.sync_lead(LeadRecord(email=f"{worker}@t.com"))
                    except Exception as error:
                        refused.append(error)
                        return
                    count()

        async def tasks() -> None:
            async with AsyncClient(transport=sandbox.transport(), **options) as client:  # type: ignore[arg-type]

                async def task(worker: int) -> None:
                    while clock.monotonic() < minute:
                        try:
                            await client.sync_lead(LeadRecord(email=f"task{worker}@t.com"))
                        except Exception as error:
                            refused.append(error)
                            return
                        count()

                await asyncio.gather(*(task(n) for n in range(200)))

        with ThreadPoolExecutor(17) as pool:
            running = [pool.submit(work, n) for n in range(16)]
            running.append(pool.submit(asyncio.run, tasks()))
            for each in running:
                each.result(120)
        verdicts = {entry.verdict for entry in sandbox.entries()}

    assert refused == []
    assert verdicts <= {"CREATED", "UPDATED"}
    assert done[0] >= 0.98 * 3 * 100  # three windows of a hundred


def test_the_vendors_limits_are_kept_for_remote_endpoints_only() -> None:
    remote = "https://100-AEK-913.mktoapi.com/soap/mktows/2_2"
    with (
        Client(remote, "u", "k") as one,
        Client(remote, "u", "k") as same,
        Client("https://100-aek-913.mktoapi.com/soap/mktows/2_3", "other", "k") as another_user,
        Client("https://200-AEK-913.mktoapi.com/soap/mktows/2_2", "u", "k") as another,
        Client(remote, "u", "k", limiter=None) as free,
        Client("http://127.0.0.1:1/", "u", "k") as local,
        Client(remote, "u", "k", transport=httpx.MockTransport(lambda request: httpx.Response(500))) as mocked,
        Sandbox() as sandbox,
        Client(transport=sandbox.transport()) as embedded,
    ):
        assert one._limiter is not None
        assert one._limiter is same._limiter
        assert one._limiter is another_user._limiter  # the limits are the subscription's
        assert one._limiter is not another._limiter
        assert (free._limiter, local._limiter, mocked._limiter, embedded._limiter) == (None, None, None, None)


def test_a_permit_is_given_back_however_a_call_ends() -> None:
    limiter = InProcessLimiter(Limits(calls=None, at_once=1))
    with Sandbox() as sandbox, Client(transport=sandbox.transport(), limiter=limiter, retry=ONCE) as client:
        rules: list[dict[str, Any]] = [{"fault": 20103}, {"close": "after"}, {"html": True}, {"truncate": 10}]
        for rule in rules:
            sandbox.fail(**rule)
            with pytest.raises(Exception, match="syncLead"):
                client.sync_lead(LeadRecord(email="t@t.com"))
            assert limiter.in_progress == 0
        client.sync_lead(LeadRecord(email="t@t.com"))


def test_a_call_without_a_permit_is_not_sent() -> None:
    busy, spent = InProcessLimiter(Limits(at_once=1)), InProcessLimiter(Limits(per_day=1))
    busy.acquire()
    spent.acquire()
    with Sandbox() as sandbox:
        with Client(transport=sandbox.transport(), limiter=busy, retry=RetryPolicy(deadline=0.05)) as client:
            with pytest.raises(TransportError, match="no permit") as late:
                client.sync_lead(LeadRecord(email="t@t.com"))
            assert not isinstance(late.value, AmbiguousError)
        with Client(transport=sandbox.transport(), limiter=spent) as client:
            with pytest.raises(LimitFault) as caught:
                client.sync_lead(LeadRecord(email="t@t.com"))
            assert caught.value.retry_at is not None
        assert sandbox.entries() == []


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "stopped"])
def test_a_task_of_a_loop_that_does_not_run_blocks_nobody(closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketo_soap.calls.waiting._LOOK_AGAIN", 0.02)
    limiter = InProcessLimiter(Limits(calls=None, at_once=1))
    limiter.acquire()
    loop = asyncio.new_event_loop()
    task = loop.create_task(limiter.acquire_async())
    loop.run_until_complete(asyncio.sleep(0.01))
    assert len(queue_of(limiter)) == 1
    if closed:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(limiter.acquire, 30)
        while len(queue_of(limiter)) < 2:
            time.sleep(0.001)
        limiter.release()
        waiter.result(30)
    limiter.release()
    limiter.acquire(timeout=30)
    assert limiter.in_progress == 1
    if not closed:
        limiter.release()
        loop.run_until_complete(task)  # it has kept its place
        loop.close()
        assert limiter.in_progress == 1


def test_a_thread_does_not_wait_for_the_tasks_that_it_keeps_from_running() -> None:
    async def main() -> None:
        limiter = InProcessLimiter(Limits(calls=None, at_once=1))
        await limiter.acquire_async()
        task = asyncio.create_task(limiter.acquire_async())
        await asyncio.sleep(0.01)
        limiter.release()
        limiter.acquire(timeout=30)  # in the loop's own thread
        limiter.release()
        await asyncio.wait_for(task, 30)

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_begins_anew() -> None:
    limiter = InProcessLimiter(Limits(at_once=2))
    held = Permit(limiter)
    held.acquire()
    child = os.fork()
    if child == 0:
        given = list[int]()

        def ask() -> None:
            with suppress(TransportError):
                limiter.acquire(timeout=0.2)
                given.append(1)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        held.release()  # as a `finally` of the parent's call does that goes on in the child
        os._exit(len(given) * 10 + limiter.in_progress)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 22
    assert limiter.in_progress == 1


# -- interruptions ------------------------------------------------------------------------------------


def test_ten_thousand_interruptions_leave_no_permit_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """At every instruction of the limiter, while another thread uses it as well."""
    monkeypatch.setattr("marketo_soap.calls.waiting._LOOK_AGAIN", 0.02)
    limiter = InProcessLimiter(Limits(calls=None, at_once=1, per_day=None))
    stop = threading.Event()

    def use() -> None:
        while not stop.is_set():
            permit = Permit(limiter)
            permit.acquire(60)
            permit.release()
            time.sleep(0.0005)

    def act() -> None:
        permit = Permit(limiter)
        try:
            permit.acquire(60)
        finally:
            permit.release()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(use)
        met = interrupt_often(act, 10_000, seed=1)
        stop.set()
        other.result(60)
    assert met > 9_000
    assert limiter.in_progress == 0
    assert queue_of(limiter) == ()
    limiter.acquire(0)


class Held:
    """A limiter's user who forgets to give back: nothing but its end does."""


def test_a_permit_comes_back_with_the_end_of_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketo_soap.calls.waiting._LOOK_AGAIN", 0.02)
    limiter = InProcessLimiter(Limits(calls=1, window=0.1, at_once=1))
    holder = Held()
    limiter.acquire(0, holder)
    assert limiter.in_progress == 1
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(limiter.acquire, 30)
        while not queue_of(limiter):
            time.sleep(0.001)
        del holder  # without a notification
        waiter.result(30)
    limiter.release()
    limiter.release()  # once too often
    assert limiter.in_progress == 0


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # it was interrupted before
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_interrupted_calls_leave_no_permit_behind(
    kind: type[Client | AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = InProcessLimiter(Limits(calls=None, at_once=1, per_day=None))
    reply = httpx.MockTransport(lambda request: httpx.Response(200, content=fixture("sync_lead/seed.response.xml")))
    credentials = ("https://x.invalid/", "u", "k")
    monkeypatch.setattr("marketo_soap.calls.waiting._LOOK_AGAIN", 0.02)
    with Either(kind, *credentials, transport=reply, limiter=limiter) as client:
        ours = (
            "marketo_soap.calls.limiter",
            "marketo_soap.calls.waiting",
            "marketo_soap.calls.call",
            "marketo_soap.client",
        )
        met = interrupt_often(lambda: client.sync_lead(LEAD), 1_000, seed=2, modules=ours)
        assert met > 500
        gc.collect()  # the frames of an error refer to it
        assert limiter.in_progress == 0
        client.sync_lead(LEAD)


@pytest.mark.parametrize("name", ["calls", "window", "at_once", "per_day"])
def test_limits_are_more_than_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0"):
        Limits(**{name: 0})
