"""What the gateway's process logs: to standard error, with nothing private in it."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from traceback import extract_tb
from typing import Any

from marketo_soap.privacy.redactor import Redactor

__all__ = ["quiet_logging"]

_MINUTE = 60.0  # seconds
_REMEMBERED = 1000  # complaints
_NUMBER = re.compile("[0-9]+")


class _Private(logging.Formatter):
    """Writes lines without e-mail addresses, and without the texts of exceptions, which may hold anything."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a line, and below it where an exception was raised."""
        return Redactor().text(super().format(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the kind of an exception and the places that it went through."""
        kind, _, trace = ei
        frames = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(trace)]
        return "\n".join([getattr(kind, "__name__", "no exception"), *frames])


class _Once(logging.Filter):
    """Lets a complaint pass once a minute, whatever numbers are in it, and says how often it was left out."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._until: dict[object, float] = {}
        self._missed: Counter[object] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether *record* is news."""
        text, now = record.getMessage(), self._monotonic()
        key = record.name, _NUMBER.sub("", text), record.exc_info and record.exc_info[0]
        if now < self._until.get(key, now):
            self._missed[key] += 1
            return False
        if len(self._until) >= _REMEMBERED:
            self._until.clear()
            self._missed.clear()
        self._until[key] = now + _MINUTE
        if missed := self._missed.pop(key, 0):
            record.msg, record.args = f"{text} (and {missed} times more since it was logged last)", None
        return True


def quiet_logging() -> None:
    """Log warnings to standard error, without private values; httpx's addresses hold secrets, and are not logged.

    What is said again and again is logged once a minute.
    """
    handler = logging.StreamHandler()
    handler.addFilter(_Once())
    handler.setFormatter(_Private("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
