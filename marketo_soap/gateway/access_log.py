"""Lines for a log, written by a thread of their own: a disk or a reader that is slow holds nothing else up."""

from __future__ import annotations

import logging
import sys
import threading
from io import RawIOBase
from queue import Full, Queue
from typing import Protocol

__all__ = ["LineWriter", "Sink", "opened"]

logger = logging.getLogger("marketo_soap.gateway")

_WAITING = 10_000  # lines: some 3 MB


class Sink(Protocol):
    """Where bytes go, unbuffered."""

    def write(self, data: bytes, /) -> int | None:
        """Write what can be written, and say how much; None if that is nothing."""

    def close(self) -> None:
        """Write no more."""


def opened(path: str) -> RawIOBase:
    """Open a log: a file to go on with, or standard output for "-". Raises `OSError`."""
    if path == "-":  # not sys.stdout: who waits to write there holds a lock that the interpreter needs to end
        return open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)
    return open(path, "ab", buffering=0)


class LineWriter:
    """Writes lines to *sink* one after the other. At most *waiting* wait for it: more are dropped, and counted."""

    def __init__(self, sink: Sink, waiting: int = _WAITING) -> None:
        self.dropped = 0
        self._sink = sink
        self._failed = False
        self._lines: Queue[str | None] = Queue(waiting)
        self._thread = threading.Thread(target=self._work, name="marketo-log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Take a line, without waiting."""
        try:
            self._lines.put_nowait(line)
        except Full:
            self._drop("it is not read fast enough")

    def close(self, seconds: float) -> None:
        """Wait for what was taken to be written, at most *seconds*."""
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
                raise BlockingIOError("it takes no more")
            data = data[done:]

    def _drop(self, why: str) -> None:
        """Count a line that is lost; a disk that is full is told of once."""
        self.dropped += 1
        if not self._failed:
            self._failed = True
            logger.error("the access log cannot be written: %s", why)
