"""What the gateway's process logs: to standard error, with nothing private in it."""

from __future__ import annotations

import logging
from traceback import extract_tb
from typing import Any

from marketo_soap.redaction import Redactor

__all__ = ["quiet_logging"]


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


def quiet_logging() -> None:
    """Log warnings to standard error, without private values; httpx's addresses hold secrets, and are not logged."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Private("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
