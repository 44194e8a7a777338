"""Times for people: "13 years"."""

from __future__ import annotations

_YEAR = 365.25 * 86_400
_UNITS = (
    (2 * _YEAR, _YEAR, "years"),
    (2 * _YEAR / 12, _YEAR / 12, "months"),
    (2 * 86_400, 86_400, "days"),
    (2 * 3600, 3600, "hours"),
    (20 * 60, 60, "minutes"),  # limits are seconds: "901 seconds, 900 are allowed"
)
"""From how many seconds on a unit is used, its length, and its name."""


def in_words(seconds: float) -> str:
    """Return how long *seconds* are: "13 years", "40 minutes", "901 seconds"."""
    seconds = abs(seconds)
    for least, size, unit in _UNITS:
        if seconds >= least:
            return f"{int(seconds / size)} {unit}"
    return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"
