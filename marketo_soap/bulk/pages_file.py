"""The file that a fetch grows in: a page of leads in each line, with the place of the next page."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, Self

from marketo_soap.bulk.field_types import cells_of
from marketo_soap.bulk.selecting import LeadPage, PagePlace
from marketo_soap.errors import ErrorWithHelp

__all__ = ["PagesFile", "RequestChanged"]


_FIRST = b'{"request": {'


class RequestChanged(ErrorWithHelp, ValueError):  # noqa: N818 - what happened
    """The file was begun by a fetch of other leads."""


class PagesFile:
    """The pages fetched so far, in a file of JSON lines at *path* that only its owner may read.

    The first line is the *request*. Each page is one line, on the disk before the next page is asked for; a line that
    a killed process left unfinished is cut off when the file is opened again. Raises `RequestChanged` if the file was
    begun with another request, `ValueError` if it is something else, or (not on Windows) another process has it open.
    """

    def __init__(self, path: str | PathLike[str], request: Mapping[str, Any]) -> None:
        self.path = os.fspath(path)
        self.leads = 0
        self.place = PagePlace()
        self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        try:
            self._lock()
            self.request = self._open(dict(request))
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"{self.path}: another fetch has this file open") from None

    def _open(self, request: dict[str, Any]) -> dict[str, Any]:
        end = 0
        found: dict[str, Any] | None = None
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                data = json.loads(line)
                if found is None:
                    found = data["request"]
                else:
                    self.leads += len(data["leads"])
                    self.place = PagePlace(*data["following"])
            except (ValueError, LookupError, TypeError):
                raise ValueError(f"{self.path} was not made by a fetch: name another output") from None
            end += len(line)
        if found is None:
            self._file.seek(0)
            if not _FIRST.startswith(self._file.read(len(_FIRST))):
                raise ValueError(f"{self.path} was not made by a fetch: name another output")
        self._file.seek(end)
        self._file.truncate()
        if found is None:
            self._write({"request": request})
            return request
        if any(found.get(name) != value for name, value in request.items() if name != "now"):
            raise RequestChanged(f"{self.path} was begun for other leads: remove it, or name another output")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, page: LeadPage) -> None:
        """Append a page, and wait until it is on the disk."""
        leads = [list(cells_of(lead)) for lead in page.leads]
        self._write({"leads": leads, "following": [page.following.operation, page.following.position]})
        self.leads += len(leads)
        self.place = page.following

    def _write(self, data: Any) -> None:
        self._file.write(json.dumps(data, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def read(self) -> Iterator[Iterable[tuple[str, str, str | None]]]:
        """Yield the columns, kinds and texts of each lead, in the order in which they came."""
        with open(self.path, "rb") as file:
            next(file)
            for line in file:
                yield from json.loads(line)["leads"]
