"""Locks by keys, for threads and tasks alike: whoever asked first for a key has it first.

As in `limiter`, nothing takes a lock that an exception could leave locked, and a caller that is gone holds nothing.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from weakref import ref

from attrs import frozen

from marketo_soap.calls.waiting import Cell, Clock, Waiter
from marketo_soap.errors import TransportError

__all__ = ["KeyLocks", "Ticket"]


class Ticket(Waiter):
    """A place in the queue for some keys, and then the keys themselves, for as long as somebody refers to it."""

    keys: frozenset[str] = frozenset()


@frozen(eq=False)
class _State:
    """The tickets that hold their keys, and those that wait, the oldest first."""

    held: tuple[ref[Ticket], ...] = ()
    waiting: tuple[ref[Ticket], ...] = ()


class KeyLocks:
    """Gives sets of keys to one call at a time.

    A call queues up for all its keys in one moment, so any two calls meet in the same order at every key: none
    can wait for one that waits for it. Whoever holds keys may ask for more only if nobody does so the other way
    round. A forked child has locks of its own.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._cell = Cell(_State)

    def acquire(self, keys: frozenset[str], timeout: float | None = None) -> Ticket:
        """Wait for *keys*, in a thread: `TransportError` after *timeout* seconds. They are held by the ticket."""
        ticket = Ticket()
        ticket.keys = keys
        with closing(self._turns(ticket, timeout)) as turns:
            for seconds in turns:
                self._clock.wait(ticket.event, seconds)
                ticket.event.clear()
        return ticket

    async def acquire_async(self, keys: frozenset[str], timeout: float | None = None) -> Ticket:
        """Wait for *keys*, in a task; raises what `acquire` raises."""
        import asyncio

        ticket = Ticket(asyncio.get_running_loop())
        ticket.keys = keys
        with closing(self._turns(ticket, timeout)) as turns:
            for seconds in turns:
                await self._clock.wait_async(ticket.event, seconds)
                ticket.event.clear()
        return ticket

    def release(self, ticket: Ticket) -> None:
        """Let go of the keys that a ticket holds, or waits for. Once too often is harmless."""
        gone = ref(ticket)
        self._cell.change(lambda state: (_State(_without(state.held, gone), _without(state.waiting, gone)), None))
        self._wake()

    def _turns(self, ticket: Ticket, timeout: float | None) -> Generator[float | None, None, None]:
        """Queue up and yield the seconds to wait (None: until woken), until the ticket holds its keys."""
        begun, place, held = self._clock.monotonic(), ref(ticket), False
        try:
            self._cell.change(lambda state: (_State(state.held, (*state.waiting, place)), None))
            while not (held := self._cell.change(lambda state: _try_acquire(state, ticket))):
                left = None if timeout is None else timeout - (self._clock.monotonic() - begun)
                if left is not None and left <= 0:
                    raise TransportError(f"not sent: other calls for the same took longer than {timeout:.1f} s")
                yield left
        finally:
            if not held:
                self.release(ticket)

    def _wake(self) -> None:
        """Wake whoever may have its keys now."""
        state = self._cell.value
        taken = _keys(state.held)
        for place in state.waiting:
            ticket = place()
            if ticket is not None and (not taken.isdisjoint(ticket.keys) or ticket.wake()):
                taken |= ticket.keys


def _try_acquire(state: _State, ticket: Ticket) -> tuple[_State, bool]:
    """Give *ticket* its keys if nobody has them and nobody came earlier who can take them."""
    if not _keys(state.held).isdisjoint(ticket.keys):
        return state, False
    for place in state.waiting:
        ahead = place()
        if ahead is ticket:
            break
        if ahead is not None and not ahead.keys.isdisjoint(ticket.keys) and ahead.holds_up(ticket):
            return state, False
    mine = ref(ticket)
    return _State((*_without(state.held, None), mine), _without(state.waiting, mine)), True


def _keys(places: tuple[ref[Ticket], ...]) -> set[str]:
    return {key for place in places if (ticket := place()) is not None for key in ticket.keys}


def _without(places: tuple[ref[Ticket], ...], gone: ref[Ticket] | None) -> tuple[ref[Ticket], ...]:
    """Return the places without *gone* and without those whose caller is no more."""
    return tuple([place for place in places if place() is not None and place != gone])
