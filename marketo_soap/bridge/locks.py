"""Locks by keys for threads and tasks: first come, first served."""

from __future__ import annotations

from typing import Any, Protocol
from weakref import ref

from marketo_soap.calls.waiting import Clock, Line, Queue, Waiter

__all__ = ["KeyLocks", "Locks", "Ticket"]


class Locks(Protocol):
    """Locks by keys. What `acquire` returns holds the keys until `release`, or until it is gone."""

    def acquire(self, keys: frozenset[str], timeout: float | None = None) -> Any:
        """Wait for *keys*, in a thread: `TransportError` after *timeout* seconds."""

    async def acquire_async(self, keys: frozenset[str], timeout: float | None = None) -> Any:
        """Wait for *keys*, in a task."""

    def release(self, ticket: Any) -> None:
        """Unlock the keys that a ticket holds. An extra call is harmless."""

    def check(self, ticket: Any) -> None:
        """Raise `TransportError` unless the ticket still holds its keys; called before each write."""

    async def check_async(self, ticket: Any) -> None:
        """Check a ticket, in a task."""


class Ticket(Waiter):
    """A place in the queue for some keys. Later it holds them, as long as the object exists."""

    keys: frozenset[str] = frozenset()


class KeyLocks(Queue[None]):
    """Gives sets of keys to one call at a time.

    A call queues up for all its keys at once, so that two calls have the same order at every key and never wait for
    each other. A call that holds keys may ask for more only if no other call does so in the opposite order. A
    forked child has locks of its own.
    """

    late = "not sent: other calls for the same took longer than {:.1f} s"

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(lambda: None, clock)

    def acquire(self, keys: frozenset[str], timeout: float | None = None) -> Ticket:
        """Wait for *keys*, in a thread: `TransportError` after *timeout* seconds. They are held by the ticket."""
        ticket = Ticket()
        ticket.keys = keys
        self._wait(ticket, ticket, timeout)
        return ticket

    async def acquire_async(self, keys: frozenset[str], timeout: float | None = None) -> Ticket:
        """Wait for *keys*, in a task; raises what `acquire` raises."""
        from asyncio import get_running_loop

        ticket = Ticket(get_running_loop())
        ticket.keys = keys
        await self._wait_async(ticket, ticket, timeout)
        return ticket

    def release(self, ticket: Ticket) -> None:
        """Unlock the keys that a ticket holds. An extra call is harmless."""
        gone = ref(ticket)
        self._cell.change(lambda line: (Line(None, line.without(gone), _others(line, gone)), None))
        self._wake()

    def check(self, ticket: Ticket) -> None:
        """Do nothing: what a process holds, it holds."""

    async def check_async(self, ticket: Ticket) -> None:
        """Do nothing."""

    def _wake(self) -> None:
        """Wake the waiters whose keys are free."""
        line = self._cell.value
        taken = _keys(line)
        for place in line.waiting:
            ticket = place()
            if isinstance(ticket, Ticket) and (not taken.isdisjoint(ticket.keys) or ticket.wake()):
                taken |= ticket.keys

    def _try_acquire(self, line: Line[None], waiter: Ticket, holder: ref[object]) -> tuple[Line[None], float | None]:
        taken = not _keys(line).isdisjoint(waiter.keys)
        if taken or line.blocks(waiter, lambda other: not other.keys.isdisjoint(waiter.keys)):
            return line, None
        return Line(None, line.without(ref(waiter)), (*_others(line, holder), holder)), 0.0


def _keys(line: Line[None]) -> set[str]:
    return {key for place in line.holders if place and (ticket := place()) is not None for key in ticket.keys}


def _others(line: Line[None], ticket: ref[Any]) -> tuple[ref[Any], ...]:
    """Return the holders without *ticket*, and without those that are gone."""
    return tuple([place for place in line.holders if place and place != ticket and place() is not None])
