"""Keeping to the limits within a process: one queue for threads and tasks, first come, first served.

It takes no lock, which an exception between two instructions could leave locked. Whoever waits or holds a permit is
known by a weak reference: a caller that an exception cuts off gives its place back when its frames are gone.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import closing
from weakref import ref

from attrs import frozen

from marketo_soap.calls.limits import VENDOR_LIMITS, Limiter, Limits, Schedule
from marketo_soap.calls.waiting import Cell, Clock, Waiter
from marketo_soap.errors import TransportError

__all__ = ["Clock", "InProcessLimiter", "Permit"]

logger = logging.getLogger("marketo_soap.limits")


@frozen(eq=False)
class _State:
    """The waiters, the holders of permits (None: whoever will say `release()`), and what the limits have counted."""

    schedule: Schedule
    queue: tuple[ref[Waiter], ...] = ()
    holders: tuple[ref[object] | None, ...] = ()


class InProcessLimiter:
    """A `Limiter` for the threads and tasks of one process.

    Whoever comes first goes first. The one at the head of the queue waits for the time that its call may
    start at, all others for it to go. A forked child has a queue and counts of its own.
    """

    def __init__(self, limits: Limits = VENDOR_LIMITS, *, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._cell = Cell(lambda: _State(Schedule(limits)))

    @property
    def in_progress(self) -> int:
        """How many calls are in progress."""
        return sum(holder is None or holder() is not None for holder in self._cell.value.holders)

    @property
    def spent_today(self) -> int:
        """How many calls of the day's quota are used, by this process."""
        return self._cell.value.schedule.copy().spent(self._clock.now())

    def acquire(self, timeout: float | None = None, holder: object | None = None) -> None:
        """Wait for a permit to make a call: `TransportError` after *timeout* seconds, `LimitFault` for today.

        With a *holder* it is given back by `release(holder)`, or when the holder is no more. `Permit` is one.
        """
        waiter = Waiter()
        with closing(self._turns(waiter, holder, timeout)) as turns:
            for seconds in turns:
                self._clock.wait(waiter.event, seconds)
                waiter.event.clear()
        if holder is None:
            self._hand_over(waiter)

    async def acquire_async(self, timeout: float | None = None, holder: object | None = None) -> None:
        """Wait for a permit to make a call, in a task; arguments and errors are those of `acquire`."""
        import asyncio

        waiter = Waiter(asyncio.get_running_loop())
        with closing(self._turns(waiter, holder, timeout)) as turns:
            for seconds in turns:
                await self._clock.wait_async(waiter.event, seconds)
                waiter.event.clear()
        if holder is None:
            self._hand_over(waiter)

    def release(self, holder: object | None = None) -> None:
        """Say that a call has ended: that of *holder*, or one without. Once too often is harmless."""
        ended, tick = None if holder is None else ref(holder), self._clock.monotonic()

        def end(state: _State) -> tuple[_State, None]:
            if ended not in state.holders:
                return state, None
            holders, schedule = list(state.holders), state.schedule.copy()
            holders.remove(ended)
            schedule.end(tick)
            return _State(schedule, state.queue, tuple(holders)), None

        self._cell.change(end)
        self._wake_head()

    def _hand_over(self, waiter: Waiter) -> None:
        """Keep the permit of *waiter*, who is about to be no more, until somebody says `release()`."""

        def keep(state: _State) -> tuple[_State, None]:
            holders = [None if holder is not None and holder() is waiter else holder for holder in state.holders]
            return _State(state.schedule, state.queue, tuple(holders)), None

        self._cell.change(keep)

    def _turns(
        self, waiter: Waiter, holder: object | None, timeout: float | None
    ) -> Generator[float | None, None, None]:
        """Queue up and yield the seconds to wait (None: until woken), until there is a permit."""
        begun, place, permit = self._clock.monotonic(), ref(waiter), ref(waiter if holder is None else holder)
        try:
            self._cell.change(lambda state: (_State(state.schedule, (*state.queue, place), state.holders), None))
            while (seconds := self._cell.change(lambda state: self._try_acquire(state, waiter, permit))) != 0.0:
                waited = self._clock.monotonic() - begun
                if timeout is not None:
                    if waited >= timeout:
                        raise TransportError(f"not sent: the call limits gave no permit in {timeout:.1f} s")
                    seconds = timeout - waited if seconds is None else min(seconds, timeout - waited)
                yield seconds
        finally:
            self._cell.change(lambda state: _without(state, place))
            self._wake_head()
        if (waited := self._clock.monotonic() - begun) > 1:
            logger.info("waited %.1f s for the call limits", waited, extra={"waited": waited})

    def _try_acquire(self, state: _State, waiter: Waiter, permit: ref[object]) -> tuple[_State, float | None]:
        """Let *waiter* go if it is its turn; return the seconds until it may be: 0.0 if it is, None if nobody knows."""
        tick = self._clock.monotonic()
        front, places = list[ref[Waiter]](), iter(state.queue)
        for place in places:
            ahead = place()
            if ahead is waiter:
                break
            if ahead is not None:
                if ahead.holds_up(waiter):
                    return state, None
                front.append(place)
        holders = [holder for holder in state.holders if holder is None or holder() is not None]
        schedule = state.schedule.copy()
        for _ in range(len(state.holders) - len(holders)):
            schedule.end(tick)  # its caller is gone: nobody knows since when
        seconds = schedule.wait(tick, self._clock.now())
        if seconds == 0.0:
            schedule.start()
            return _State(schedule, (*front, *places), (*holders, permit)), 0.0
        if len(holders) < len(state.holders):
            state = _State(schedule, state.queue, tuple(holders))
        return state, seconds

    def _wake_head(self) -> None:
        for place in self._cell.value.queue:
            waiter = place()
            if waiter is not None and waiter.wake():
                return


def _without(state: _State, place: ref[Waiter]) -> tuple[_State, None]:
    if place not in state.queue:
        return state, None
    queue = list(state.queue)
    queue.remove(place)
    return _State(state.schedule, tuple(queue), state.holders), None


class Permit:
    """What one call has of a limiter (None: no limits). It is given back once, however often `release` is called.

    An `InProcessLimiter` has it back even when an exception stops `release` itself, once nobody refers to it.
    """

    def __init__(self, limiter: Limiter | None) -> None:
        self._limiter = limiter
        self._holds = False

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for a permit to make a call; raises what the limiter raises."""
        if isinstance(self._limiter, InProcessLimiter):
            self._limiter.acquire(timeout, self)
        elif self._limiter is not None:
            self._limiter.acquire(timeout)
            self._holds = True

    async def acquire_async(self, timeout: float | None = None) -> None:
        """Wait for a permit to make a call, in a task."""
        if isinstance(self._limiter, InProcessLimiter):
            await self._limiter.acquire_async(timeout, self)
        elif self._limiter is not None:
            await self._limiter.acquire_async(timeout)
            self._holds = True

    def release(self) -> None:
        """Say that the call has ended, or was not made."""
        if isinstance(self._limiter, InProcessLimiter):
            self._limiter.release(self)
        elif self._holds and self._limiter is not None:
            self._holds = False
            self._limiter.release()
