"""The steps of a call over REST: requests of a translation, and steps that a driver carries out. Pure."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from marketo_soap.bridge.rest import Lookup, RestRequest
from marketo_soap.calls.flow import Acquire, Wait
from marketo_soap.privacy.vocabulary import secret

__all__ = ["Ask", "CheckLocks", "Fetch", "Hold", "Kept", "Note", "Recall", "Release", "Remember", "Step", "Translation"]

R = TypeVar("R")


@frozen
class Hold:
    """Lock these keys within *seconds*; the answer is None or the error. Locks end with the call."""

    keys: frozenset[str] = field(repr=secret)
    seconds: float | None = None


@frozen
class Release:
    """Unlock these keys."""

    keys: frozenset[str] = field(repr=secret)


@frozen
class CheckLocks:
    """Check that the call still holds its locks; the answer is None or the error."""


@frozen
class Note:
    """A warning for the caller. It contains names of fields, never values."""

    text: str


@frozen
class Remember:
    """Keep a value, which JSON can hold, for later calls: in memory, or for *seconds* in a `SharedMemory`."""

    key: str
    value: Any = field(repr=secret)
    seconds: float = 7 * 86_400.0


@frozen
class Recall:
    """Answer with what was kept under a key: `Kept`, or None."""

    key: str


@frozen
class Kept:
    """A value that was kept, and the seconds that it will be."""

    value: Any = field(repr=secret)
    seconds: float = float("inf")


@frozen
class Fetch:
    """Send a request, and answer with the reply, within *seconds*. *token* is None for the request of a token."""

    request: RestRequest
    token: str | None = field(repr=secret)
    attempt: int
    seconds: float | None


Ask: TypeAlias = RestRequest | Lookup[Any] | Hold | Note | Remember | Recall
Step: TypeAlias = Acquire | Fetch | Wait | Hold | CheckLocks | Release | Note | Remember | Recall
Translation: TypeAlias = Generator[Ask, Any, R]
"""An operation over REST: yields asks, is sent replies (or errors are thrown into it), returns a result."""
