"""How many calls are in progress."""

from __future__ import annotations

import threading

__all__ = ["Running"]


class Running:
    """Counts the calls in progress."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def begin(self) -> None:
        """Count a call that starts."""
        with self._lock:
            self.count += 1

    def end(self) -> None:
        """Say that a call has ended."""
        with self._lock:
            self.count -= 1
