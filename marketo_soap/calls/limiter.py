"""Keeping to the limits within a process: one queue for threads and tasks, and the permit of a call."""

from __future__ import annotations

import logging
from typing import Any
from weakref import ref

from marketo_soap.calls.limits import VENDOR_LIMITS, Limiter, Limits, Schedule
from marketo_soap.calls.waiting import Clock, Line, Queue, Waiter

__all__ = ["Clock", "InProcessLimiter", "Permit"]

logger = logging.getLogger("marketo_soap.limits")


class InProcessLimiter(Queue[Schedule]):
    """A `Limiter` for the threads and tasks of one process.

    First come, first served. The first in the queue waits for the time that its call may
    start at; all others wait for it. A forked child has a queue and counts of its own.
    """

    by_holder = True  # `acquire` and `release` take one
    late = "not sent: the call limits gave no permit in {:.1f} s"

    def __init__(self, limits: Limits = VENDOR_LIMITS, *, clock: Clock | None = None) -> None:
        super().__init__(lambda: Schedule(limits), clock)

    @property
    def in_progress(self) -> int:
        """How many calls are in progress."""
        return sum(holder is None or holder() is not None for holder in self._cell.value.holders)

    @property
    def spent_today(self) -> int:
        """How many calls of the day's quota are used, by this process."""
        return self._cell.value.count.copy().spent(self._clock.now())

    def acquire(self, timeout: float | None = None, holder: object | None = None) -> None:
        """Wait for a permit to make a call: `TransportError` after *timeout* seconds, `LimitFault` for today.

        With a *holder*, such as a `Permit`, `release(holder)` or the end of the holder gives it back.
        """
        waiter, begun = Waiter(), self._clock.monotonic()
        self._wait(waiter, waiter if holder is None else holder, timeout)
        self._acquired(waiter, holder, begun)

    async def acquire_async(self, timeout: float | None = None, holder: object | None = None) -> None:
        """Wait for a permit to make a call, in a task; arguments and errors are those of `acquire`."""
        from asyncio import get_running_loop

        waiter, begun = Waiter(get_running_loop()), self._clock.monotonic()
        await self._wait_async(waiter, waiter if holder is None else holder, timeout)
        self._acquired(waiter, holder, begun)

    def release(self, holder: object | None = None) -> None:
        """Give a permit back: that of *holder*, or one without. An extra call is harmless."""
        ended, tick = None if holder is None else ref(holder), self._clock.monotonic()

        def end(line: Line[Schedule]) -> tuple[Line[Schedule], None]:
            if ended not in line.holders:
                return line, None
            holders, schedule = list(line.holders), line.count.copy()
            holders.remove(ended)
            schedule.end(tick)
            return Line(schedule, line.waiting, tuple(holders)), None

        self._cell.change(end)
        self._wake()

    def _acquired(self, waiter: Waiter, holder: object | None, begun: float) -> None:
        if holder is None:  # the permit outlives the waiter that holds it

            def keep(line: Line[Schedule]) -> tuple[Line[Schedule], None]:
                holders = tuple([None if each is not None and each() is waiter else each for each in line.holders])
                return Line(line.count, line.waiting, holders), None

            self._cell.change(keep)
        if (waited := self._clock.monotonic() - begun) > 1:
            logger.info("waited %.1f s for the call limits", waited, extra={"waited": waited})

    def _try_acquire(
        self, line: Line[Schedule], waiter: Waiter, holder: ref[object]
    ) -> tuple[Line[Schedule], float | None]:
        if line.blocks(waiter):
            return line, None
        tick, schedule = self._clock.monotonic(), line.count.copy()
        holders = tuple([each for each in line.holders if each is None or each() is not None])
        for _ in range(len(line.holders) - len(holders)):
            schedule.end(tick)  # its caller is gone, at an unknown time
        seconds = schedule.wait(tick, self._clock.now())
        if seconds == 0.0:
            schedule.start()
            return Line(schedule, line.without(ref(waiter)), (*holders, holder)), 0.0
        return line if len(holders) == len(line.holders) else Line(schedule, line.waiting, holders), seconds


class Permit:
    """The permit of one call (*limiter* None: no limits). It is given back once, however often `release` is called.

    A limiter with `by_holder` gets it back even if an exception interrupts `release`, when the object is gone.
    """

    def __init__(self, limiter: Limiter | None) -> None:
        self._limiter: Any = limiter
        self._by_holder = getattr(limiter, "by_holder", False)
        self._holds = False

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for a permit to make a call; raises what the limiter raises."""
        if self._by_holder:
            self._limiter.acquire(timeout, self)
        elif self._limiter is not None:
            self._limiter.acquire(timeout)
            self._holds = True

    async def acquire_async(self, timeout: float | None = None) -> None:
        """Wait for a permit to make a call, in a task."""
        if self._by_holder:
            await self._limiter.acquire_async(timeout, self)
        elif self._limiter is not None:
            await self._limiter.acquire_async(timeout)
            self._holds = True

    def release(self) -> None:
        """Give the permit back, if there is one."""
        if self._by_holder:
            self._limiter.release(self)
        elif self._holds:
            self._holds = False
            self._limiter.release()
