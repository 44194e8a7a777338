"""HTTP connections that end when nothing comes or goes: uvicorn itself waits for ever for a head, or for a reader."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["impatient"]

_Base: Any = H11Protocol  # see server_config


def impatient(seconds: float) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol, made to drop connections whose peers do not go on.

    A peer has *seconds* to send a head, and as long to take what it is sent.
    """

    class Impatient(_Base):  # type: ignore[misc]
        _alarm: asyncio.TimerHandle | None = None
        _unread: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.set_write_buffer_limits(high=1, low=0)  # whatever is not taken is told of
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._calm()
            self._taken()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            if self._unread is None:
                self._unread = self.loop.call_later(seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._taken()
            super().resume_writing()

        def _watch(self) -> None:
            """Set the alarm when a head begins to come; a request that is there has a deadline of its own."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._calm()
            elif self._alarm is None:
                self._alarm = self.loop.call_later(seconds, self.transport.abort)

        def _calm(self) -> None:
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None

        def _taken(self) -> None:
            if self._unread is not None:
                self._unread.cancel()
                self._unread = None

    return Impatient
