"""What checks say: verdicts, findings, and the lines of the report."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from attrs import frozen

__all__ = ["Check", "Finding", "Place", "Skipped", "Verdict", "fail", "warn"]


class Verdict(StrEnum):
    """How a check ended: WARN is what the real server let pass, SKIP what could not be looked at."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@frozen
class Check:
    """One line of the report: what was looked at, how it ended, what was found and what to do, and where."""

    name: str
    verdict: Verdict
    says: str
    path: str = ""
    line: int | None = None


@frozen
class Finding:
    """What a check found: a `Check` that does not yet know its name."""

    verdict: Verdict
    says: str
    path: str = ""
    line: int | None = None


class Skipped(Exception):  # noqa: N818  # it is a way out, not an error
    """A check cannot run; the text is the reason. Raised before anything is found."""


class Place(Protocol):
    """Something that stands in the document."""

    @property
    def path(self) -> str:
        """Where: the names from the header or the message element down."""
        ...

    @property
    def line(self) -> int | None:
        """On which line it starts."""
        ...


def warn(says: str, at: Place | None = None, *, line: int | None = None) -> Finding:
    """Return the finding that the real server let pass what stands *at* that place, or on that *line*."""
    return _finding(Verdict.WARN, says, at, line)


def fail(says: str, at: Place | None = None, *, line: int | None = None) -> Finding:
    """Return the finding that what stands *at* that place, or on that *line*, is wrong."""
    return _finding(Verdict.FAIL, says, at, line)


def _finding(verdict: Verdict, says: str, at: Place | None, line: int | None) -> Finding:
    if at is None:
        return Finding(verdict, says, line=line)
    return Finding(verdict, says, at.path, at.line)
