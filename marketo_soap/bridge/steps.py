"""What a call over REST is made of: what a translation asks for, and what a driver carries out. Pure."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from marketo_soap.bridge.rest import Lookup, RestRequest
from marketo_soap.calls.flow import Acquire, Received, Wait
from marketo_soap.privacy.redactor import hidden

__all__ = ["Ask", "Fetch", "Hold", "Note", "Release", "Step", "StepAnswer", "Translation"]

R = TypeVar("R")


@frozen
class Hold:
    """Keep everybody else from these keys, within so many seconds; answer why not. What is held at the end goes."""

    keys: frozenset[str] = field(repr=hidden)
    seconds: float | None = None


@frozen
class Release:
    """Let go of keys that are held."""

    keys: frozenset[str] = field(repr=hidden)


@frozen
class Note:
    """Tell the caller something that did not stop the call. Names of fields, never their values."""

    text: str


@frozen
class Fetch:
    """Send this and answer with what comes back, within *seconds*. `token` is None for the call that gets one."""

    request: RestRequest
    token: str | None = field(repr=hidden)
    attempt: int
    seconds: float | None


Ask: TypeAlias = RestRequest | Lookup[Any] | Hold | Note
Step: TypeAlias = Acquire | Fetch | Wait | Hold | Release | Note
StepAnswer: TypeAlias = Received | Exception | None
Translation: TypeAlias = Generator[Ask, Any, R]
"""One operation in terms of REST: asks, gets replies (or has errors thrown into it), returns a result."""
