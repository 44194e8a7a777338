"""How fast a sync goes, and how that is shown in place on a terminal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from marketo_soap.calls.limits import VENDOR_LIMITS
from marketo_soap.cli.output import printable

if TYPE_CHECKING:
    from marketo_soap.bulk import Progress


class Pace:
    """How fast a sync goes: over the last window of the call limits, and in all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._first: float | None = None
        self._recent: deque[tuple[float, int, int]] = deque()

    def describe(self, progress: Progress) -> tuple[str, float | None]:
        """Return the progress as text, and which part of the source is done."""
        now = self._clock()
        settled = progress.done + progress.refused + progress.duplicates
        self._recent.append((now, settled, progress.calls))
        while self._recent[0][0] < now - VENDOR_LIMITS.window:
            self._recent.popleft()
        then, before, calls = self._recent[0]
        parts = [f"{progress.done:,} done", f"{progress.refused:,} refused"]
        if progress.unknown:
            parts.append(f"{progress.unknown:,} unknown")
        if now > then:
            used = (progress.calls - calls) / (VENDOR_LIMITS.calls or 1)
            parts.append(f"{(settled - before) / (now - then):,.0f} rows a second")
            parts.append(f"{used:.0%} of the call limit")
        part = None if progress.read is None or not progress.rows else progress.read * settled / progress.rows
        if part is not None:
            first = self._first = part if self._first is None else self._first
            if part > first and now > self._begun:
                parts.append(f"{_time((1 - part) * (now - self._begun) / (part - first))} left")
        return ", ".join(parts), part

    def line(self, progress: Progress) -> str:
        """Return the progress as a line."""
        text, part = self.describe(progress)
        return f"{'' if part is None else f'{part:.0%}: '}{text}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class OnTerminal:
    """Shows a bar, the numbers and the reasons of refused rows, in place."""

    def __init__(self) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        self._pace = Pace()
        self._bar, self._numbers, self._reasons = ProgressBar(total=1.0, width=40), Text(), Text()
        group = Group(self._bar, self._numbers, self._reasons)
        self._live: Any = Live(group, console=Console(stderr=True), refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show the progress."""
        text, part = self._pace.describe(progress)
        self._bar.update(completed=part or 0.0)
        self._numbers.plain = text
        self._reasons.plain = "\n".join(
            f"  {count:,}x {printable(reason)}" for reason, count in progress.reasons.items()
        )
