"""Read the envelopes of strangers outside the event loop and in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["Reader"]

T = TypeVar("T")

_MAX_BYTES = 16 * 1024 * 1024  # that one thread reads


class Reader:
    """Reads envelopes one at a time in a thread, which is replaced after *max_bytes*.

    libxml2 keeps each element name for as long as the thread that parsed it lives, so unsigned callers could fill
    the memory with names.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes, self._read = max_bytes, 0
        self._pool = _one_thread()

    async def read(self, how: Callable[[bytes], T], body: bytes) -> T:
        """Return `how(body)`."""
        self._read += len(body)
        if self._read > self._max_bytes:
            old, self._pool, self._read = self._pool, _one_thread(), len(body)
            self._pool.submit(old.shutdown)  # waits for it first: two threads need twice the memory
        return await asyncio.get_running_loop().run_in_executor(self._pool, how, body)

    def close(self) -> None:
        """Let the thread end after its queued work."""
        self._pool.shutdown(wait=False)


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="marketo-reader")
