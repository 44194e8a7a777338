"""A deadline that holds for every read and write of a socket, whatever the peer drips in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx

__all__ = ["deadline", "keep_deadlines"]

_end: ContextVar[float | None] = ContextVar("marketo_soap_deadline", default=None)


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Let no read or write of this thread in the block last longer than *seconds* from now."""
    token = _end.set(None if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def keep_deadlines(http: httpx.Client) -> None:
    """Have the connections of *http* keep to `deadline`.

    httpx counts a time-out anew for every read, so a peer that drips the head of a reply byte by byte is
    never late; and it offers no place to say otherwise. This reaches for its network backend, and does
    nothing for transports that have none.
    """
    for transport in (http._transport, *http._mounts.values()):
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if pool is not None and backend is not None:
            pool._network_backend = _Backend(backend)


def _left(timeout: float | None) -> float | None:
    end = _end.get()
    if end is None:
        return timeout
    left = max(end - time.monotonic(), 0.001)
    return left if timeout is None else min(timeout, left)


class _Backend:
    """Another network backend, whose streams keep the deadline."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def connect_tcp(self, *args: Any, **options: Any) -> Any:
        options["timeout"] = _left(options.get("timeout"))
        return _Stream(self._backend.connect_tcp(*args, **options))

    def connect_unix_socket(self, *args: Any, **options: Any) -> Any:
        return _Stream(self._backend.connect_unix_socket(*args, **options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _Stream:
    """Another network stream, every wait of which ends at the deadline."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        _check()
        data: bytes = self._stream.read(max_bytes, _left(timeout))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _check()
        self._stream.write(buffer, _left(timeout))

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _check() -> None:
    """Raise `TimeoutError` once the deadline has passed: what is there already would still be read."""
    end = _end.get()
    if end is not None and time.monotonic() > end:
        raise TimeoutError("the call's deadline has passed")
