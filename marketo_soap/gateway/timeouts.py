"""Close idle HTTP connections, and the oldest when there are too many.

uvicorn itself waits forever for a head or for a reader, and refuses new connections when there are many.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable
from typing import Any

from marketo_soap.server.asgi import BodyRateProtocol

__all__ = ["with_timeouts"]


def with_timeouts(seconds: float, total: int, per_address: int | None = None) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with timeouts and a maximum of connections.

    A peer has *seconds* to send a head, and *seconds* to read a response. There are at most *total* connections,
    and *per_address* from one address (None: no limit). Beyond that the connection that is idle longest is closed, or
    the oldest with an incomplete request. Connections whose requests are being answered stay open.
    """
    connections: set[TimeoutProtocol] = set()

    class TimeoutProtocol(BodyRateProtocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.set_write_buffer_limits(high=1, low=0)  # pause_writing is called for any unread byte
            self._timers: dict[str, asyncio.TimerHandle] = {}
            self._since = self.loop.time()
            self._network = _network(self.client)
            self._watch()
            self._make_room()
            connections.add(self)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            self._since = self.loop.time()
            super().on_response_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            connections.discard(self)
            self._stop("head")
            self._stop("unread")
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._start("unread")

        def resume_writing(self) -> None:
            self._stop("unread")
            super().resume_writing()

        def _make_room(self) -> None:
            same = [other for other in connections if other._network == self._network]
            if per_address is not None and len(same) >= per_address:
                if not _drop(same):
                    self.transport.abort()
            elif len(connections) >= total:
                _drop(connections)  # otherwise uvicorn answers 503

        def _stage(self) -> int:
            """0: idle, 1: a request is incomplete, 2: it is being answered."""
            if self.cycle is None or self.cycle.response_complete:
                return 0
            return 1 if self.cycle.more_body else 2

        def _watch(self) -> None:
            """Start the timeout when a head is expected; the body has a deadline of its own."""
            if self._stage():
                self._stop("head")
            else:
                self._start("head")

        def _start(self, timer: str) -> None:
            if timer not in self._timers:
                self._timers[timer] = self.loop.call_later(seconds, self.transport.abort)

        def _stop(self, timer: str) -> None:
            if timer in self._timers:
                self._timers.pop(timer).cancel()

    def _drop(candidates: Iterable[TimeoutProtocol]) -> bool:
        idle = [each for each in candidates if each._stage() < 2]
        if not idle:
            return False
        longest = min(idle, key=lambda each: (each._stage(), each._since))
        connections.discard(longest)
        longest.transport.abort()
        return True

    return TimeoutProtocol


def _network(client: tuple[str, int] | None) -> object:
    """Return what counts as one address: for IPv6, where one machine has many, the first 64 bits."""
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return None
    return address if address.version == 4 else ipaddress.ip_network((address, 64), strict=False)
