"""A hook that writes each exchange to a HAR file, in a directory with a maximum of files."""

from __future__ import annotations

import itertools
import os
import re
import threading
from collections.abc import Iterable
from datetime import UTC
from heapq import heapify, heappop, heappush
from pathlib import Path

from marketo_soap.debug.exporting import har, safe_name
from marketo_soap.history import Exchange
from marketo_soap.privacy.redactor import Visible

_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}-\w{1,40}-\d+-\d+-\w{1,16}\.har")


class Recorder:
    """Writes each exchange to its own file: `Client(on_exchange=Recorder("exchanges"))`.

    The files are HAR 1.2, with private values replaced by tokens unless *visible* allows them, and readable by their
    owner only. Their names, `20130731T193847.000000-syncLead-4711-000001-500.har`, contain time, operation, process
    id, a count, and the HTTP status; they sort by time. Beyond *keep* files the oldest are deleted; other files in
    *directory* are untouched. Threads, tasks and processes may share a directory: each process may exceed *keep* by
    an eighth before it lists the directory again. Files are written atomically. *secrets* (encryption keys) are
    always replaced.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        keep: int = 1000,
        visible: Visible | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        if keep < 1:
            raise ValueError("keep must be at least 1")
        self._directory = Path(directory)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._keep, self._visible, self._secrets = keep, visible, tuple(secrets)
        self._numbers = itertools.count(1)
        self._names: list[str] = []  # a heap: the oldest first
        self._unseen = 0  # files to write until the directory is listed again
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        """Write *exchange*. `OSError` if the file cannot be written."""
        data = har([exchange], visible=self._visible, secrets=self._secrets)
        operation = safe_name(exchange.operation)
        time = exchange.started.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")
        ended = exchange.status or "lost"
        name = f"{time}-{operation}-{os.getpid()}-{next(self._numbers):06}-{ended}.har"
        unfinished = self._directory / f".{name}.part"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            with self._lock:
                unfinished.rename(self._directory / name)
                self._rotate(name)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def _rotate(self, name: str) -> None:
        if self._unseen:
            self._unseen -= 1
            heappush(self._names, name)
        else:  # other processes may have written files
            self._unseen = self._keep // 8
            self._names = [entry.name for entry in os.scandir(self._directory) if _NAME.fullmatch(entry.name)]
            heapify(self._names)
        while len(self._names) > self._keep:
            (self._directory / heappop(self._names)).unlink(missing_ok=True)  # another process may have deleted it
