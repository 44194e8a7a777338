"""The vendor's call limits: the numbers, when a day ends, and when a call may start. Reads no clock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Protocol

from attrs import field, frozen

from marketo_soap.config import positive
from marketo_soap.errors import LimitFault, fault

__all__ = ["VENDOR_LIMITS", "LimitKeeper", "Limiter", "Limits", "Schedule", "next_reset", "today"]


@frozen
class Limits:
    """Call limits: *calls* in any *window* seconds (20023), *at_once* (20024), *per_day* (20015).

    None: no limit. The defaults are the vendor's. A day begins at midnight in America/Chicago.
    """

    calls: int | None = field(default=100, validator=positive)
    window: float = field(default=20.0, validator=positive)
    at_once: int | None = field(default=10, validator=positive)
    per_day: int | None = field(default=10_000, validator=positive)


VENDOR_LIMITS = Limits()


def _central() -> tzinfo:
    from zoneinfo import ZoneInfo  # late: it takes a few milliseconds

    return ZoneInfo("America/Chicago")


def central(time: datetime) -> datetime:
    """Return a time in the zone of the vendor's servers, America/Chicago."""
    return time.astimezone(_central())


def today(now: datetime) -> date:
    """Return the day that a call at *now* is counted for: that of US Central time."""
    return central(now).date()


def next_reset(now: datetime) -> datetime:
    """Return when the daily quota is reset: the next midnight in US Central time."""
    return datetime.combine(today(now) + timedelta(days=1), time(), _central())


def quota_spent(now: datetime) -> LimitFault:
    """Return the fault of a day's quota that is used up, with `retry_at`."""
    refusal = fault(20015)
    assert isinstance(refusal, LimitFault)
    refusal.retry_at = next_reset(now)
    return refusal


class Limiter(Protocol):
    """Gives permits to call. Threads and tasks may share one; write your own to share it between machines.

    Every `acquire` that returned is followed by one `release`, when the call has ended. It raises `TransportError`
    after *timeout* seconds (nothing was sent), and `LimitFault` if there is no permit before tomorrow.

    A limiter may also have a method `refused(code)`, which must not wait. It is called when Marketo has refused a call
    for a limit: 20015, 20023 or 20024; over REST for 607, 606 or 615.
    """

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for a permit to make a call."""

    async def acquire_async(self, timeout: float | None = None) -> None:
        """Wait for a permit to make a call, in a task."""

    def release(self) -> None:
        """Say that the call has ended."""


def on_refused(limiter: Limiter | None) -> Callable[[int], None]:
    """Return the method `refused` of a limiter, or a function that does nothing."""
    refused: Callable[[int], None] = getattr(limiter, "refused", lambda code: None)
    return refused


class Schedule:
    """When limits allow the next call. Times are arguments: seconds of a monotonic clock, and the date.

    A call counts from its start until *window* seconds after its end, so that the server's count is never higher,
    whenever it saw the call.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.running = 0
        self._ended: deque[float] = deque()
        self._day: date | None = None
        self._spent = 0

    def copy(self) -> Schedule:
        """Return another one that has counted the same."""
        other = Schedule(self.limits)
        other.running, other._ended, other._day, other._spent = self.running, self._ended.copy(), self._day, self._spent
        return other

    def wait(self, tick: float, now: datetime) -> float | None:
        """Return the seconds until a call may start: 0.0 for now, None for when a running one has ended.

        Raises `LimitFault` (20015) if the day's quota is spent.
        """
        limits = self.limits
        while self._ended and self._ended[0] + limits.window <= tick:
            self._ended.popleft()
        spent = self.spent(now)
        if limits.per_day is not None and spent >= limits.per_day:
            raise quota_spent(now)
        if limits.at_once is not None and self.running >= limits.at_once:
            return None
        if limits.calls is not None and self.running + len(self._ended) >= limits.calls:
            return self._ended[0] + limits.window - tick if self._ended else None
        return 0.0

    def spent(self, now: datetime) -> int:
        """Return how many calls have started on the day of *now*."""
        if today(now) != self._day:
            self._day, self._spent = today(now), 0
        return self._spent

    def start(self) -> None:
        """Count a call that starts now."""
        self.running += 1
        self._spent += 1

    def end(self, tick: float) -> None:
        """Say that a call has ended."""
        self.running -= 1
        if self.limits.calls is not None:
            self._ended.append(tick)


class LimitKeeper:
    """The limits of a server: counts received calls, with *count_refused* refused ones too.

    Windows are measured in *tick*, seconds of a monotonic clock, so that a step of the machine's clock frees no call.
    If a test's clock goes back, counted calls keep their age.
    """

    def __init__(self, limits: Limits, *, count_refused: bool = False) -> None:
        self.limits = limits
        self._count_refused = count_refused
        self._lock = threading.Lock()
        self._recent: deque[float] = deque()
        self._last = 0.0
        self._day: date | None = None
        self._today = 0

    def count_call(self, now: datetime, tick: float, at_once: int) -> None:
        """Count a call at *now*, or raise the fault that refuses it. *at_once* calls are in progress, with this one.

        20024 comes before 20023, and 20023 before 20015.
        """
        limits = self.limits
        with self._lock:
            self._forget(now, tick)
            code = None
            if limits.at_once is not None and at_once > limits.at_once:
                code = 20024
            elif limits.calls is not None and len(self._recent) >= limits.calls:
                code = 20023
            elif limits.per_day is not None and self._today >= limits.per_day:
                code = 20015
            if code is None or self._count_refused:
                self._recent.append(tick)
                self._today += 1
        if code is not None:
            raise fault(code)

    def used(self, now: datetime, tick: float) -> dict[str, int]:
        """Return how much is used: calls in the window, calls today."""
        with self._lock:
            self._forget(now, tick)
            return {"calls": len(self._recent), "per_day": self._today}

    def _forget(self, now: datetime, tick: float) -> None:
        if tick < self._last:
            back = self._last - tick
            self._recent = deque(each - back for each in self._recent)
        self._last = tick
        while self._recent and self._recent[0] + self.limits.window <= tick:
            self._recent.popleft()
        if today(now) != self._day:
            self._day, self._today = today(now), 0
