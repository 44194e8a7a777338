"""What checks report: their names, verdicts and messages."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from marketo_soap.wire.tree import Child, Part


class Verdict(StrEnum):
    """How a check ended: WARN is what the real server accepted, SKIP what could not be checked."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@frozen
class Check:
    """One line of the report: the name of the check, its verdict, what was found and what to do, and where."""

    name: str
    verdict: Verdict
    message: str
    path: str = ""
    line: int | None = None


class Skipped(Exception):  # noqa: N818  # not an error
    """A check cannot run; the text is the reason. Raised before anything is found."""


def passed(message: str) -> Check:
    """Return a pass; the name of the check is added later."""
    return Check("", Verdict.PASS, message)


def warn(message: str, at: Child | Part | None = None, *, line: int | None = None) -> Check:
    """Return a warning about what is *at* that place, or on that *line*."""
    return Check("", Verdict.WARN, message, at.path if at else "", at.line if at else line)


def fail(message: str, at: Child | Part | None = None, *, line: int | None = None) -> Check:
    """Return a failure of what is *at* that place, or on that *line*."""
    return Check("", Verdict.FAIL, message, at.path if at else "", at.line if at else line)
