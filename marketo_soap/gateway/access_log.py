"""The logs of the gateway: the access log, written by a thread of its own, and warnings on standard error."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from io import RawIOBase
from queue import Full, Queue
from traceback import extract_tb
from typing import Any

from marketo_soap.privacy.redactor import Redactor

__all__ = ["LineWriter", "open_log", "quiet_logging"]

logger = logging.getLogger("marketo_soap.gateway")

_MAX_WAITING = 10_000  # lines: about 3 MB
_MINUTE = 60.0  # seconds
_MAX_REMEMBERED = 1000  # messages
_NUMBER = re.compile("[0-9]+")


def open_log(path: str) -> RawIOBase:
    """Open a log: a file to append to, or standard output for "-". Raises `OSError`."""
    if path == "-":  # not sys.stdout: a blocked write there holds a lock that the interpreter needs at exit
        return open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)
    return open(path, "ab", buffering=0)


class LineWriter:
    """Write lines to *sink* in a thread. At most *waiting* lines are queued: more are dropped and counted."""

    def __init__(self, sink: RawIOBase, waiting: int = _MAX_WAITING) -> None:
        self.dropped = 0
        self._sink = sink
        self._failed = False
        self._lines: Queue[str | None] = Queue(waiting)
        self._thread = threading.Thread(target=self._work, name="marketo-log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queue a line, without waiting."""
        try:
            self._lines.put_nowait(line)
        except Full:
            self._drop("the reader is too slow")

    def close(self, seconds: float) -> None:
        """Wait at most *seconds* until the queued lines are written."""
        try:
            self._lines.put(None, timeout=seconds)
        except Full:
            return
        self._thread.join(seconds)

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._write(f"{line}\n".encode())
                self._failed = False
            except (OSError, ValueError) as error:
                self._drop(str(error))
        self._sink.close()

    def _write(self, data: bytes) -> None:
        while data:
            done = self._sink.write(data)
            if done is None:
                raise BlockingIOError("the destination accepts no more")
            data = data[done:]

    def _drop(self, why: str) -> None:
        """Count a lost line; only the first failure in a row is logged."""
        self.dropped += 1
        if not self._failed:
            self._failed = True
            logger.error("the access log cannot be written: %s", why)


class _PrivateFormatter(logging.Formatter):
    """Formats records without e-mail addresses and without exception messages, which may contain private data."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it."""
        return Redactor().text(super().format(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the type of an exception and the places of its traceback."""
        kind, _, trace = ei
        frames = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(trace)]
        return "\n".join([getattr(kind, "__name__", "no exception"), *frames])


class _RateFilter(logging.Filter):
    """Lets each message pass once a minute, ignoring the numbers in it, and adds how often it was suppressed."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._until: dict[object, float] = {}
        self._suppressed: Counter[object] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether *record* is to be logged."""
        text, now = record.getMessage(), self._monotonic()
        key = record.name, _NUMBER.sub("", text), record.exc_info and record.exc_info[0]
        if now < self._until.get(key, now):
            self._suppressed[key] += 1
            return False
        if len(self._until) >= _MAX_REMEMBERED:
            self._until.clear()
            self._suppressed.clear()
        self._until[key] = now + _MINUTE
        if count := self._suppressed.pop(key, 0):
            record.msg, record.args = f"{text} (and {count} more times since it was last logged)", None
        return True


def quiet_logging() -> None:
    """Log warnings to standard error, without private values and each at most once a minute.

    httpx is silenced: the addresses that it logs contain secrets.
    """
    handler = logging.StreamHandler()
    handler.addFilter(_RateFilter())
    handler.setFormatter(_PrivateFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
