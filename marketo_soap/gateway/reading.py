"""Reading envelopes of whoever sends them, beside the event loop, and without keeping their words."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from marketo_soap import envelope

__all__ = ["Reader"]

_WORN = 16 * 1024 * 1024  # bytes


class Reader:
    """Reads envelopes in a thread, a new one after so many bytes.

    libxml2 keeps every name of an element that it ever met for as long as the thread lives that it met it in:
    callers nobody knows could fill the memory with names.
    """

    def __init__(self, worn: int = _WORN) -> None:
        self._worn, self._read = worn, 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="marketo-reader")

    async def open(self, body: bytes) -> envelope.OpenedRequest[Any]:
        """Read the envelope of a request; raises what `envelope.open_request` raises."""
        self._read += len(body)
        if self._read > self._worn:
            self.close()
            self._pool, self._read = ThreadPoolExecutor(1, thread_name_prefix="marketo-reader"), len(body)
        return await asyncio.get_running_loop().run_in_executor(self._pool, envelope.open_request, body)

    def close(self) -> None:
        """Let the thread end after what it is about to read."""
        self._pool.shutdown(wait=False)
