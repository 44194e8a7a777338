"""Locks by keys, for threads and tasks alike: whoever asked first for a key has it first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing

from marketo_soap.errors import TransportError
from marketo_soap.limiter import Clock

__all__ = ["KeyLocks", "Ticket"]


class Ticket:
    """A place in the queues of some keys. It holds them once it is the first in all of them."""

    def __init__(self, keys: frozenset[str], wake: Callable[[], object]) -> None:
        self.keys, self.wake = keys, wake


class KeyLocks:
    """Gives sets of keys to one call at a time.

    A call queues up for all its keys in one moment, so any two calls meet in the same order at every key: none
    can wait for one that waits for it. Whoever holds keys may ask for more only if nobody does so the other way
    round.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        self._queues: dict[str, deque[Ticket]] = {}

    def acquire(self, keys: frozenset[str], timeout: float | None = None) -> Ticket:
        """Wait for *keys*, in a thread: `TransportError` after *timeout* seconds."""
        event = threading.Event()
        ticket = Ticket(keys, event.set)
        with closing(self._turns(ticket, timeout)) as turns:
            for seconds in turns:
                self._clock.wait(event, seconds)
                event.clear()
        return ticket

    async def acquire_async(self, keys: frozenset[str], timeout: float | None = None) -> Ticket:
        """Wait for *keys*, in a task; raises what `acquire` raises."""
        import asyncio

        event, loop = asyncio.Event(), asyncio.get_running_loop()
        ticket = Ticket(keys, lambda: loop.call_soon_threadsafe(event.set))
        with closing(self._turns(ticket, timeout)) as turns:
            for seconds in turns:
                await self._clock.wait_async(event, seconds)
                event.clear()
        return ticket

    def release(self, ticket: Ticket) -> None:
        """Let go of the keys that a ticket holds, or waits for."""
        with self._lock:
            self._leave(ticket)

    def _turns(self, ticket: Ticket, timeout: float | None) -> Generator[float | None, None, None]:
        """Queue up and yield the seconds to wait (None: until woken), until the ticket is the first everywhere."""
        begun = self._clock.monotonic()
        held = False
        with self._lock:
            for key in ticket.keys:
                self._queues.setdefault(key, deque()).append(ticket)
        try:
            while True:
                with self._lock:
                    held = all(self._queues[key][0] is ticket for key in ticket.keys)
                if held:
                    return
                left = None if timeout is None else timeout - (self._clock.monotonic() - begun)
                if left is not None and left <= 0:
                    raise TransportError(f"not sent: other calls for the same took longer than {timeout:.1f} s")
                yield left
        finally:
            if not held:
                self.release(ticket)

    def _leave(self, ticket: Ticket) -> None:
        """Take a ticket out of its queues and wake who comes after it; who can no longer be woken leaves as well."""
        leaving = [ticket]
        while leaving:
            gone = leaving.pop()
            for key in gone.keys:
                queue = self._queues.get(key, deque())
                if gone not in queue:
                    continue
                first = queue[0] is gone
                queue.remove(gone)
                if not queue:
                    del self._queues[key]
                elif first:
                    try:
                        queue[0].wake()
                    except RuntimeError:  # its event loop was closed: nobody is waiting there any more
                        leaving.append(queue[0])
