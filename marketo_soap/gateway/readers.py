"""Read envelopes outside the event loop and in bounded memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from marketo_soap.errors import fault

__all__ = ["Budget", "Reader"]

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


class Budget:
    """The bytes that long requests may take: *total* for all, *per_caller* for each caller."""

    def __init__(self, total: int, per_caller: int) -> None:
        self._total, self._per_caller = total, per_caller
        self._used: Counter[str] = Counter()

    def take(self, caller: str, size: int) -> None:
        """Take *size* more bytes for a caller. Raises 20024 if they are not available."""
        if self._used.total() + size > self._total or self._used[caller] + size > self._per_caller:
            raise fault(20024)
        self._used[caller] += size

    def release(self, caller: str, size: int) -> None:
        """Return bytes that were taken."""
        self._used[caller] -= size
