"""HTTP connections that end when nothing useful comes: uvicorn itself waits for ever for the head of a request."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

__all__ = ["impatient"]

_Base: Any = AutoHTTPProtocol


def impatient(seconds: float) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol, made to drop connections that take longer than *seconds* to send a head."""

    class Impatient(_Base):  # type: ignore[misc]
        _alarm: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._calm()
            super().connection_lost(exc)

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

    return Impatient
