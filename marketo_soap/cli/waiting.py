"""Says on a terminal that a call waits: for the call limits, or before it is tried again."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import click

from marketo_soap.calls.endpoint import is_loopback
from marketo_soap.calls.limiter import InProcessLimiter
from marketo_soap.calls.limits import VENDOR_LIMITS, Limiter

_SILENT = 0.5  # seconds without a message


class _Retries(logging.Handler):
    """Prints the waits that the log of retries tells."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a wait of some length; other records as they are."""
        pause = getattr(record, "pause", None)
        if hasattr(record, "left") or not isinstance(pause, float):
            click.echo(record.getMessage(), err=True)
        elif pause >= _SILENT:
            code = getattr(record, "code", None)
            why = f"{getattr(record, 'error', '')}{f' {code}' if code else ''}"
            operation = getattr(record, "operation", "the call")
            click.echo(f"waiting {pause:.0f} s: then {operation} is tried again, after {why}", err=True)


class _TalkingLimiter(InProcessLimiter):
    """A limiter with the vendor's limits that says when a call waits for them."""

    def acquire(self, timeout: float | None = None, holder: object | None = None) -> None:
        """Wait for a permit to make a call."""
        timer = threading.Timer(_SILENT, click.echo, ["waiting for the call limits of Marketo"], {"err": True})
        timer.daemon = True
        timer.start()
        try:
            super().acquire(timeout, holder)
        finally:
            timer.cancel()


@contextmanager
def waits_shown(endpoint: str, announce: bool = True) -> Iterator[Limiter | Literal["vendor"]]:
    """Print each wait on a terminal, within the block; gives the limiter for a client of *endpoint*."""
    if not announce or not sys.stderr.isatty():
        yield "vendor"
        return
    handler = _Retries()
    logger = logging.getLogger("marketo_soap.retry")
    logger.addHandler(handler)
    try:
        yield "vendor" if is_loopback(endpoint) else _TalkingLimiter(VENDOR_LIMITS)
    finally:
        logger.removeHandler(handler)
