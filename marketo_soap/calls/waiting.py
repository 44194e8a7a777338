"""A queue for threads and tasks, and what it is made of: a clock, a value that changes without a lock, waiters.

An exception can be raised between any two instructions: by Ctrl-C, by a signal handler, by a debugger. So nothing
here takes a lock that such an exception could leave locked. Waiters and holders are weak references: an interrupted
caller gives its place back when its frames are gone.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import ref

from attrs import frozen

from marketo_soap.errors import TransportError

if TYPE_CHECKING:
    import asyncio

__all__ = ["Cell", "Clock", "Line", "Queue", "Waiter"]

C = TypeVar("C")
S = TypeVar("S")
R = TypeVar("R")

_LOOK_AGAIN = 2.0  # seconds: a waiter looks this often at whether those before it are still there


class Clock:
    """The time, and waiting for it to pass. Another one makes a minute pass in a moment."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the aware time; it decides what day it is."""
        return datetime.now(UTC)

    def wait(self, event: threading.Event, seconds: float | None) -> None:
        """Wait in a thread until *event* is set, at most *seconds* or a little while."""
        event.wait(_LOOK_AGAIN if seconds is None else min(seconds, _LOOK_AGAIN))

    async def wait_async(self, event: asyncio.Event, seconds: float | None) -> None:
        """Wait in a task until *event* is set, at most *seconds* or a little while."""
        from asyncio import timeout

        with suppress(TimeoutError):
            async with timeout(_LOOK_AGAIN if seconds is None else min(seconds, _LOOK_AGAIN)):
                await event.wait()


class Cell(Generic[S]):
    """An immutable value that threads replace by turns, without a lock. A forked child begins with a new one.

    Each value has a dict that gets its successor. `dict.setdefault` is one step of the interpreter, so a change
    is atomic wherever a thread is interrupted, and of two changes to one value the first wins.
    """

    def __init__(self, make: Callable[[], S]) -> None:
        self._make = make
        self._nodes: dict[int, tuple[S, dict[str, Any]]] = {}

    @property
    def value(self) -> S:
        """The value now."""
        return self._last()[0]

    def change(self, edit: Callable[[S], tuple[S, R]]) -> R:
        """Replace the value by what *edit* makes of it, and return what else it returns. It may run several times."""
        node = successor = None
        try:
            while True:
                node = self._last()
                value, result = edit(node[0])
                if value is node[0]:
                    return result
                successor = value, dict[str, Any]()
                if node[1].setdefault("next", successor) is successor:
                    self._nodes[os.getpid()] = successor
                    return result
        finally:
            del node, successor  # else a traceback that is kept would hold all later values

    def _last(self) -> tuple[S, dict[str, Any]]:
        process = os.getpid()
        node = self._nodes.get(process) or self._nodes.setdefault(process, (self._make(), {}))
        while following := node[1].get("next"):
            node = following
        return node


class _Signal(threading.Event):
    """An event without a `Condition`, whose lock an exception can leave locked. Waiting for it clears it."""

    def __init__(self) -> None:
        self._unset = threading.Lock()
        self._unset.acquire()

    def is_set(self) -> bool:
        return not self._unset.locked()

    def set(self) -> None:
        with suppress(RuntimeError):  # it is set already
            self._unset.release()

    def clear(self) -> None:
        self._unset.acquire(blocking=False)

    def wait(self, timeout: float | None = None) -> bool:
        return self._unset.acquire(timeout=-1 if timeout is None else timeout)


class Waiter:
    """A caller who waits, in this thread or in a task of *loop*."""

    event: Any

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop, self._thread = loop, threading.get_ident()
        if loop is None:
            self.event = _Signal()
        else:
            from asyncio import Event

            self.event = Event()

    def wake(self) -> bool:
        """Wake the caller; False if its event loop does not run, so that it cannot go on."""
        if self._loop is None:
            self.event.set()
            return True
        if not self._loop.is_running():
            return False
        try:
            self._loop.call_soon_threadsafe(self.event.set)
        except RuntimeError:  # closed meanwhile
            return False
        return True

    def holds_up(self, other: Waiter) -> bool:
        """Whether *other*, who came later, must wait for this one: not if it cannot go on before the other does."""
        if self._loop is None:
            return True
        blocked = other._loop is None and other._thread == self._thread
        return self._loop.is_running() and not blocked


@frozen(eq=False)
class Line(Generic[C]):
    """The waiters of a queue, the oldest first, the holders (None: one that ends with `release()`), and a count."""

    count: C
    waiting: tuple[ref[Waiter], ...] = ()
    holders: tuple[ref[Any] | None, ...] = ()

    def without(self, waiter: ref[Any]) -> tuple[ref[Waiter], ...]:
        """Return the waiters without *waiter*, and without those that are gone."""
        return tuple([place for place in self.waiting if place != waiter and place() is not None])

    def blocks(self, waiter: Waiter, competes: Callable[[Any], bool] = lambda other: True) -> bool:
        """Whether a waiter that *competes* came before *waiter* and can go on."""
        for place in self.waiting:
            ahead = place()
            if ahead is waiter:
                break
            if ahead is not None and competes(ahead) and ahead.holds_up(waiter):
                return True
        return False


class Queue(Generic[C]):
    """Threads and tasks that wait for their turn: first come, first served. A forked child has a queue of its own."""

    late: str
    """The message of the timeout, with a placeholder for the seconds."""

    def __init__(self, count: Callable[[], C], clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._cell = Cell(lambda: Line(count()))

    def _wait(self, waiter: Waiter, holder: object, timeout: float | None) -> None:
        """Wait, in a thread, until *holder* has what *waiter* waits for: `TransportError` after *timeout* seconds."""
        with closing(self._turns(waiter, ref(holder), timeout)) as turns:
            for seconds in turns:
                self._clock.wait(waiter.event, seconds)
                waiter.event.clear()

    async def _wait_async(self, waiter: Waiter, holder: object, timeout: float | None) -> None:
        with closing(self._turns(waiter, ref(holder), timeout)) as turns:
            for seconds in turns:
                await self._clock.wait_async(waiter.event, seconds)
                waiter.event.clear()

    def _turns(self, waiter: Waiter, holder: ref[object], timeout: float | None) -> Generator[float | None, None, None]:
        """Queue up and yield the seconds to wait (None: until woken), until it is the waiter's turn."""
        begun, place = self._clock.monotonic(), ref(waiter)
        try:
            self._cell.change(lambda line: (Line(line.count, (*line.waiting, place), line.holders), None))
            while (seconds := self._cell.change(lambda line: self._try_acquire(line, waiter, holder))) != 0.0:
                left = None if timeout is None else timeout - (self._clock.monotonic() - begun)
                if left is not None and left <= 0:
                    raise TransportError(self.late.format(timeout))
                yield left if seconds is None else seconds if left is None else min(seconds, left)
        finally:
            self._cell.change(lambda line: (Line(line.count, line.without(place), line.holders), None))
            self._wake()

    def _try_acquire(self, line: Line[C], waiter: Any, holder: ref[object]) -> tuple[Line[C], float | None]:
        """Make *holder* a holder if it is the turn of *waiter*.

        Return the line and the seconds until it may be: 0.0 if it is, None if that is unknown.
        """
        raise NotImplementedError

    def _wake(self) -> None:
        """Wake the first that can go on."""
        for place in self._cell.value.waiting:
            waiter = place()
            if waiter is not None and waiter.wake():
                return
