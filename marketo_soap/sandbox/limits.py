"""The vendor's call limits, kept on a clock that a test can move."""

from __future__ import annotations

import threading
from collections import deque
from datetime import date, datetime, timedelta

from marketo_soap.errors import fault
from marketo_soap.limits import Limits, today

__all__ = ["LimitKeeper", "Running"]


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


class LimitKeeper:
    """Counts the calls of a subscription; refused ones too if *count_refused*."""

    def __init__(self, limits: Limits, *, count_refused: bool = False) -> None:
        self.limits = limits
        self._count_refused = count_refused
        self._lock = threading.Lock()
        self._recent: deque[datetime] = deque()
        self._day: date | None = None
        self._today = 0

    def admit(self, now: datetime, at_once: int) -> None:
        """Count a call at *now*, with *at_once* calls in progress (this one too), or raise why not.

        20024 comes before 20023, and 20023 before 20015.
        """
        limits = self.limits
        with self._lock:
            self._forget(now)
            code = None
            if limits.at_once is not None and at_once > limits.at_once:
                code = 20024
            elif limits.calls is not None and len(self._recent) >= limits.calls:
                code = 20023
            elif limits.per_day is not None and self._today >= limits.per_day:
                code = 20015
            if code is None or self._count_refused:
                self._recent.append(now)
                self._today += 1
        if code is not None:
            raise fault(code)

    def used(self, now: datetime) -> dict[str, int]:
        """Return how much is used: calls in the window, calls today."""
        with self._lock:
            self._forget(now)
            return {"calls": len(self._recent), "per_day": self._today}

    def _forget(self, now: datetime) -> None:
        start = now - timedelta(seconds=self.limits.window)
        while self._recent and self._recent[0] <= start:
            self._recent.popleft()
        while self._recent and self._recent[-1] > now:  # the clock was moved back
            self._recent.pop()
        if today(now) != self._day:
            self._day, self._today = today(now), 0
