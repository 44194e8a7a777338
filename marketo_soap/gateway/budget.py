"""The memory of a gateway for long requests."""

from __future__ import annotations

from collections import Counter

from marketo_soap.errors import fault

__all__ = ["Budget"]


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
