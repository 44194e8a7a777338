"""Keeping to the limits within a process: one queue for threads and tasks, first come, first served."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from marketo_soap.errors import TransportError
from marketo_soap.limits import VENDOR_LIMITS, Limits, Schedule

if TYPE_CHECKING:
    import asyncio

__all__ = ["Clock", "InProcessLimiter"]

logger = logging.getLogger("marketo_soap.limits")


class Clock:
    """The time, and waiting for it to pass. Another one makes a minute pass in a moment."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the aware time, which says what day it is."""
        return datetime.now(UTC)

    def wait(self, event: threading.Event, seconds: float | None) -> None:
        """Wait in a thread until *event* is set, at most *seconds*."""
        event.wait(seconds)

    async def wait_async(self, event: asyncio.Event, seconds: float | None) -> None:
        """Wait in a task until *event* is set, at most *seconds*."""
        from asyncio import wait_for

        with suppress(TimeoutError):
            await wait_for(event.wait(), seconds)


class InProcessLimiter:
    """A `Limiter` for the threads and tasks of one process.

    Whoever comes first goes first. The one at the head of the queue waits for the time that its call may
    start at, all others for it to go.
    """

    def __init__(self, limits: Limits = VENDOR_LIMITS, *, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._limits = limits
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._schedule = Schedule(self._limits)
        self._queue: deque[Callable[[], object]] = deque()

    @property
    def in_progress(self) -> int:
        """How many calls are in progress."""
        return self._schedule.running

    @property
    def spent_today(self) -> int:
        """How many calls of the day's quota are used, by this process."""
        with self._lock:
            return self._schedule.spent(self._clock.now())

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for leave to make a call: `TransportError` after *timeout* seconds, `LimitFault` for today."""
        event = threading.Event()
        with closing(self._turns(event.set, timeout)) as turns:
            for seconds in turns:
                self._clock.wait(event, seconds)
                event.clear()

    async def acquire_async(self, timeout: float | None = None) -> None:
        """Wait for leave to make a call, in a task; raises what `acquire` raises."""
        import asyncio

        event, loop = asyncio.Event(), asyncio.get_running_loop()
        with closing(self._turns(lambda: loop.call_soon_threadsafe(event.set), timeout)) as turns:
            for seconds in turns:
                await self._clock.wait_async(event, seconds)
                event.clear()

    def release(self) -> None:
        """Say that a call has ended."""
        with self._lock:
            self._schedule.end(self._clock.monotonic())
            self._wake_head()

    def _turns(self, wake: Callable[[], object], timeout: float | None) -> Generator[float | None, None, None]:
        """Queue up and yield the seconds to wait (None: until woken), until there is leave."""
        if os.getpid() != self._process:  # a forked child has none of its parent's calls, nor whoever held the lock
            self._begin_anew()
        begun = self._clock.monotonic()
        with self._lock:
            self._queue.append(wake)
            self._wake_head()
        try:
            while True:
                with self._lock:
                    seconds = None
                    if wake not in self._queue:  # it was taken for dead
                        self._queue.append(wake)
                    if self._queue[0] is wake:
                        seconds = self._schedule.wait(self._clock.monotonic(), self._clock.now())
                        if seconds == 0.0:
                            self._schedule.start()
                            break
                waited = self._clock.monotonic() - begun
                if timeout is not None:
                    if waited >= timeout:
                        raise TransportError(f"not sent: the call limits gave no leave in {timeout:.1f} s")
                    seconds = timeout - waited if seconds is None else min(seconds, timeout - waited)
                yield seconds
        finally:
            with self._lock:
                with suppress(ValueError):
                    self._queue.remove(wake)
                self._wake_head()
        if (waited := self._clock.monotonic() - begun) > 1:
            logger.info("waited %.1f s for the call limits", waited, extra={"waited": waited})

    def _wake_head(self) -> None:
        while self._queue:
            try:
                self._queue[0]()
                return
            except RuntimeError:  # its event loop was closed: nobody is waiting there any more
                self._queue.popleft()
