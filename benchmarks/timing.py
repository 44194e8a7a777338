"""Ratios of two works, stable on a noisy machine."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Self

Work = Callable[[], object]

ROUND = 0.002
"""Seconds for one side before the other's turn."""


class Ratio(float):
    """How many times longer a work takes than another; `seconds` is what the work itself takes."""

    seconds: float

    def __new__(cls, value: float, seconds: float) -> Self:
        """Return the ratio *value* of a work that takes *seconds*."""
        found = super().__new__(cls, value)
        found.seconds = seconds
        return found


def ratio(work: Work, against: Work, seconds: float) -> Ratio:
    """Return how many times longer *work* takes than *against*: the median over many short rounds.

    The sides take turns, so a slow period of the machine affects both sides of a round, or only few rounds.
    """
    calls = _calls_in(ROUND, work), _calls_in(ROUND, against)
    rounds: list[float] = []
    times: list[float] = []
    end = perf_counter() + seconds
    while len(rounds) < 5 or perf_counter() < end:
        times.append(_each(work, calls[0]))
        rounds.append(times[-1] / _each(against, calls[1]))
    return Ratio(median(rounds), median(times))


def fastest(work: Work, seconds: float) -> float:
    """Return the seconds that *work* takes undisturbed: the minimum of many tries."""
    end = perf_counter() + seconds
    best = _each(work, 1)
    while perf_counter() < end:
        best = min(best, _each(work, 1))
    return best


def _calls_in(seconds: float, work: Work) -> int:
    work()
    return max(1, round(seconds / _each(work, 1)))


def _each(work: Work, calls: int) -> float:
    begun = perf_counter()
    for _ in range(calls):
        work()
    return (perf_counter() - begun) / calls
