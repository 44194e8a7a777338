"""The steps of a call over REST: requests of a translation, and steps that a driver carries out. Pure."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from marketo_soap.bridge.rest import Lookup, RestRequest
from marketo_soap.calls.flow import Acquire, Wait
from marketo_soap.privacy.redactor import hidden

__all__ = ["Ask", "CheckLocks", "Fetch", "Hold", "Note", "Recall", "Release", "Remember", "Step", "Translation"]

R = TypeVar("R")


@frozen
class Hold:
    """Lock these keys within *seconds*; the answer is None or the error. Locks end with the call."""

    keys: frozenset[str] = field(repr=hidden)
    seconds: float | None = None


@frozen
class Release:
    """Unlock these keys."""

    keys: frozenset[str] = field(repr=hidden)


@frozen
class CheckLocks:
    """Check that the call still holds its locks; the answer is None or the error."""


@frozen
class Note:
    """A warning for the caller. It contains names of fields, never values."""

    text: str


@frozen
class Remember:
    """Keep a value for later calls of this bridge, in memory."""

    key: str
    value: Any = field(repr=hidden)


@frozen
class Recall:
    """Answer with the value that was kept under a key; None if there is none."""

    key: str


@frozen
class Fetch:
    """Send a request, and answer with the reply, within *seconds*. *token* is None for the request of a token."""

    request: RestRequest
    token: str | None = field(repr=hidden)
    attempt: int
    seconds: float | None


Ask: TypeAlias = RestRequest | Lookup[Any] | Hold | Note | Remember | Recall
Step: TypeAlias = Acquire | Fetch | Wait | Hold | CheckLocks | Release | Note
Translation: TypeAlias = Generator[Ask, Any, R]
"""An operation over REST: yields asks, is sent replies (or errors are thrown into it), returns a result."""
