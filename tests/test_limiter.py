"""Keeping to the limits: the schedule by values, the queue by threads and tasks, both against the sandbox's own count."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

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
from marketo_soap.limiter import Clock
from marketo_soap.limits import Schedule, next_reset
from tests.support import NOW

ONCE = RetryPolicy(attempts=1, deadline=None)

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


def test_leave_comes_in_the_order_of_asking() -> None:
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
        while len(limiter._queue) <= n:
            time.sleep(0.0005)
    limiter.release()
    for thread in threads:
        thread.join(10)
    assert order == list(range(20))


def test_patience_ends_and_the_next_in_the_queue_goes_on() -> None:
    limiter = InProcessLimiter(Limits(calls=None, at_once=1))
    limiter.acquire()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(limiter.acquire, 0.05)
        while not limiter._queue:
            time.sleep(0.001)
        second = pool.submit(limiter.acquire, 10)
        with pytest.raises(TransportError, match=r"no leave in 0\.1 s"):
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
        assert len(limiter._queue) == 0

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


class VirtualClock(Clock):
    """A clock that jumps to when something is due, as soon as nobody is calling."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.limiter: InProcessLimiter | None = None
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def _jump(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds

    def wait(self, event: threading.Event, seconds: float | None) -> None:
        if seconds is None:
            event.wait(5)
            return
        while self.limiter and self.limiter.in_progress:
            time.sleep(0.0002)
        self._jump(seconds)

    async def wait_async(self, event: asyncio.Event, seconds: float | None) -> None:
        if seconds is None:
            await super().wait_async(event, 5)
            return
        while self.limiter and self.limiter.in_progress:
            await asyncio.sleep(0.0002)
        self._jump(seconds)


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


def test_leave_is_given_back_however_a_call_ends() -> None:
    limiter = InProcessLimiter(Limits(calls=None, at_once=1))
    with Sandbox() as sandbox, Client(transport=sandbox.transport(), limiter=limiter, retry=ONCE) as client:
        for rule in ({"fault": 20103}, {"close": "after"}, {"html": True}, {"truncate": 10}):
            sandbox.fail(**rule)
            with pytest.raises(Exception, match="syncLead"):
                client.sync_lead(LeadRecord(email="t@t.com"))
            assert limiter.in_progress == 0
        client.sync_lead(LeadRecord(email="t@t.com"))


def test_a_call_without_leave_is_not_sent() -> None:
    busy, spent = InProcessLimiter(Limits(at_once=1)), InProcessLimiter(Limits(per_day=1))
    busy.acquire()
    spent.acquire()
    with Sandbox() as sandbox:
        with Client(transport=sandbox.transport(), limiter=busy, retry=RetryPolicy(deadline=0.05)) as client:
            with pytest.raises(TransportError, match="no leave") as late:
                client.sync_lead(LeadRecord(email="t@t.com"))
            assert not isinstance(late.value, AmbiguousError)
        with Client(transport=sandbox.transport(), limiter=spent) as client:
            with pytest.raises(LimitFault) as caught:
                client.sync_lead(LeadRecord(email="t@t.com"))
            assert caught.value.retry_at is not None
        assert sandbox.entries() == []


def test_a_task_of_a_closed_loop_blocks_nobody() -> None:
    limiter = InProcessLimiter(Limits(calls=None, at_once=1))
    limiter.acquire()
    loop = asyncio.new_event_loop()
    task = loop.create_task(limiter.acquire_async())
    loop.run_until_complete(asyncio.sleep(0.01))
    assert len(limiter._queue) == 1
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    limiter.release()
    limiter.acquire(timeout=2)
    assert limiter.in_progress == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_begins_anew() -> None:
    limiter = InProcessLimiter(Limits(at_once=1))
    limiter.acquire()
    with limiter._lock:  # as another thread of the parent may have it
        child = os.fork()
        if child == 0:
            limiter.acquire(timeout=2)
            os._exit(limiter.in_progress)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


@pytest.mark.parametrize("name", ["calls", "window", "at_once", "per_day"])
def test_limits_are_more_than_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0"):
        Limits(**{name: 0})
