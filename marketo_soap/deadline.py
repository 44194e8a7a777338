"""Connections that can be relied on: none outlasts a deadline, and none is used again with something left over."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import httpx

__all__ = ["deadline", "distrust", "drop_strays", "keep_deadlines"]

_end: ContextVar[float | None] = ContextVar("marketo_soap_deadline", default=None)


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Let no read or write of this thread in the block last longer than *seconds* from now."""
    token = _end.set(None if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def _pools(http: httpx.Client | httpx.AsyncClient) -> Iterator[Any]:
    """The connection pools of *http*. httpx offers no way to them; a transport of another kind has none."""
    for transport in (http._transport, *http._mounts.values()):
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            yield pool


# -- what is left over --------------------------------------------------------------------------------

_distrusted: WeakSet[Any] = WeakSet()


def distrust(stream: Any) -> None:
    """Have a network stream (httpx's extension of a response; None: nothing) not used for another request."""
    if stream is not None:
        _distrusted.add(stream)


def drop_strays(http: httpx.Client | httpx.AsyncClient) -> None:
    """Have *http* use no connection again on which more than the reply has come.

    httpcore looks whether the socket is readable, but keeps what it has read beyond the end of a reply, and takes
    it for the reply to the next request.
    """
    for pool in _pools(http):
        if hasattr(pool, "create_connection"):
            _look_before_reuse(pool)


def _look_before_reuse(pool: Any) -> None:
    create = pool.create_connection

    def create_connection(origin: Any) -> Any:
        connection = create(origin)
        has_expired = connection.has_expired
        connection.has_expired = lambda: has_expired() or (connection.is_idle() and _is_spoilt(connection))
        return connection

    pool.create_connection = create_connection


def _is_spoilt(connection: Any) -> bool:
    """Whether something lies between the last reply and the socket. What cannot be looked at is not used again."""
    while (inner := getattr(connection, "_connection", None)) is not None:
        connection = inner
    try:
        stream = connection._network_stream
        if stream in _distrusted:
            return True
        if hasattr(connection, "_h2_state"):  # its replies bear the numbers of their requests
            return False
        return bool(connection._h11_state.trailing_data[0]) or any(map(_holds_data, _layers(stream)))
    except AttributeError:
        return True


def _layers(stream: Any) -> Iterator[Any]:
    while stream is not None:
        yield stream
        stream = getattr(stream, "_stream", None) or getattr(stream, "transport_stream", None)


def _holds_data(layer: Any) -> bool:
    """Whether a layer of TLS or asyncio keeps bytes that it has read and nobody has taken."""
    bio = getattr(layer, "_read_bio", None) or getattr(layer, "_incoming", None)
    queue = getattr(getattr(layer, "_protocol", None), "read_queue", ())
    return bool(getattr(bio, "pending", 0)) or len(queue) > 0


# -- deadlines ----------------------------------------------------------------------------------------


def keep_deadlines(http: httpx.Client) -> None:
    """Have the connections of *http* keep to `deadline`.

    httpx counts a time-out anew for every read, so a peer that drips the head of a reply byte by byte is
    never late; and it offers no place to say otherwise. This reaches for its network backend, and does
    nothing for transports that have none.
    """
    for pool in _pools(http):
        backend = getattr(pool, "_network_backend", None)
        if backend is not None:
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
