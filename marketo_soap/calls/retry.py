"""What to do after a failed attempt: the retry policy. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import field, frozen

from marketo_soap.config import not_negative, positive
from marketo_soap.errors import AmbiguousError, AuthenticationFault, LimitFault, MarketoError, TransportError
from marketo_soap.operations import Operation

__all__ = ["DEFAULT_RETRY", "NO_RETRY", "RetryPolicy", "in_time", "retry_after"]

logger = logging.getLogger("marketo_soap.retry")

_LONGEST_ASKED = 3600.0  # seconds; a longer Retry-After is not waited for


@frozen
class RetryPolicy:
    """Which failed attempts are made again, and after how long. Every attempt has a new signature.

    *attempts* is the maximum of attempts, including the first. *deadline* is the seconds that a call may take in all,
    with waiting (None: no limit). Waits are random, up to *pause* seconds, doubled each time, at most *longest_pause*,
    so that callers that failed together do not retry together.

    - No connection, HTTP 429 and 503: sent again, not before Retry-After. After a 503, only if `effect` is not "once".
    - 20016, the signature was too old on arrival: signed and sent again at once, one time.
    - 20023, too many calls: sent again after half of *window* seconds or more.
    - 20024, too many at once: sent again.
    - The outcome is unknown (`AmbiguousError`): sent again if *resend_unknown*, unless `effect` is "once".
    - 20015, a redirect and everything else: the error is raised.
    """

    attempts: int = field(default=4, validator=positive)
    deadline: float | None = field(default=300.0, validator=positive)
    pause: float = field(default=0.5, validator=not_negative)
    longest_pause: float = field(default=20.0, validator=not_negative)
    window: float = field(default=20.0, validator=not_negative)
    resend_unknown: bool = True

    def pause_after(
        self,
        operation: Operation[Any],
        errors: list[MarketoError],
        asked: float | None,
        random: Callable[[], float],
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or None to raise the last error.

        *errors* are those of the attempts so far, *asked* the Retry-After of the last one in seconds, *random*
        gives a number in [0, 1).
        """
        error = errors[-1]
        if len(errors) >= self.attempts or (asked or 0.0) > _LONGEST_ASKED:
            return None
        backoff = random() * min(self.longest_pause, self.pause * 2.0 ** (len(errors) - 1))
        if isinstance(error, AmbiguousError):
            again = self.resend_unknown and operation.effect != "once" and not 300 <= (error.status or 0) < 400
            return max(backoff, asked or 0.0) if again else None
        if error.fate_unknown and (operation.effect == "once" or not self.resend_unknown):
            return None  # such as a limit that a gateway met after it had carried out a part of the call
        if isinstance(error, TransportError):
            return max(backoff, asked or 0.0) if error.status in (None, 429, 503) else None
        if isinstance(error, LimitFault) and error.code == 20023:
            return self.window * (0.5 + random() / 2)
        if isinstance(error, LimitFault) and error.code == 20024:
            return backoff
        if isinstance(error, AuthenticationFault) and error.code == 20016:
            first = sum(isinstance(each, AuthenticationFault) for each in errors) == 1
            return 0.0 if first else None
        return None


DEFAULT_RETRY = RetryPolicy()
NO_RETRY = RetryPolicy(attempts=1)


def retry_after(text: str | None, date: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number, or a time after the Date header's.

    None for no header and for one that cannot be read.
    """
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        asked = (parsedate_to_datetime(text) - parsedate_to_datetime(date or "")).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, asked)


def in_time(name: str, pause: float | None, left: float | None, error: MarketoError) -> float | None:
    """Return *pause* if it ends within the seconds that are *left*, else None, with a log record and a hint."""
    if pause is None or left is None or pause < left:
        return pause
    late = f"not tried again: the wait of {pause:.1f} s would have passed the call's deadline"
    if late not in error.hint:
        error.hint = f"{error.hint}; {late}" if error.hint else late
    kind, code = type(error).__name__, getattr(error, "code", None)
    facts = {"operation": name, "error": kind, "code": code, "pause": pause, "left": left}
    logger.warning("%s after %s%s is %s", name, kind, "" if code is None else f" {code}", late, extra=facts)
    return None
