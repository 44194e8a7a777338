"""Reading envelopes of whoever sends them: beside the event loop, in bounded memory, without keeping their words."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from marketo_soap.errors import fault

__all__ = ["Budget", "Reader", "Share"]

T = TypeVar("T")

_WORN = 16 * 1024 * 1024  # bytes


class Reader:
    """Reads envelopes in a thread, one after the other, in a new thread after so many bytes.

    libxml2 keeps every name of an element that it ever met for as long as the thread lives that it met it in:
    callers nobody knows could fill the memory with names.
    """

    def __init__(self, worn: int = _WORN) -> None:
        self._worn, self._read = worn, 0
        self._pool = _one_thread()

    async def read(self, how: Callable[[bytes], T], body: bytes) -> T:
        """Return what *how* makes of *body*; raises what it raises."""
        self._read += len(body)
        if self._read > self._worn:
            old, self._pool, self._read = self._pool, _one_thread(), len(body)
            self._pool.submit(old.shutdown)  # first wait for its end: two that read at once need twice the memory
        return await asyncio.get_running_loop().run_in_executor(self._pool, how, body)

    def close(self) -> None:
        """Let the thread end after what it is about to read."""
        self._pool.shutdown(wait=False)


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="marketo-reader")


class Budget:
    """How many bytes long requests may have together; one caller's never more than *each*."""

    def __init__(self, most: int, each: int) -> None:
        self._most, self._each = most, each
        self._used: Counter[str] = Counter()

    def take(self, caller: str, size: int) -> None:
        """Take *size* more bytes for a caller. Raises 20024 if they are not there."""
        if self._used.total() + size > self._most or self._used[caller] + size > self._each:
            raise fault(20024)
        self._used[caller] += size

    def give_back(self, caller: str, size: int) -> None:
        """Give back what was taken."""
        self._used[caller] -= size


class Share:
    """What one request takes of a budget, until it is closed. *caller* is who it is for, once that is known."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._size = budget, 0
        self.caller = ""

    def grow(self, size: int) -> None:
        """Take what a request of *size* bytes needs. Raises 20024."""
        self._budget.take(self.caller, size - self._size)
        self._size = size

    def close(self) -> None:
        """Give all of it back."""
        self._budget.give_back(self.caller, self._size)
        self._size = 0
