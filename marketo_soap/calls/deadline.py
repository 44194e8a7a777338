"""Safe connections: none outlasts a deadline, and none is used again with data left over."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import WeakSet

import httpx

__all__ = ["deadline", "distrust", "guard"]

_PIECE = 16 * 1024  # bytes that are written before the clock is looked at again

HttpT = TypeVar("HttpT", httpx.Client, httpx.AsyncClient)

_end: ContextVar[float | None] = ContextVar("marketo_soap_deadline", default=None)


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Set a deadline, *seconds* from now, for all reads and writes of this thread in the block."""
    token = _end.set(None if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def guard(http: HttpT) -> HttpT:
    """Return *http*, after it is made to keep to `deadline` and to use no connection again with data left over.

    httpx starts the time-out again for every read, so a peer that sends the head of a reply byte by byte is never late.
    httpcore looks whether the socket is readable before it uses a connection again, but keeps what it has read beyond
    the end of a reply, and takes it for the reply to the next request. It also leaves a connection open whose task is
    cancelled while TLS is being started. httpx has no option for any of it: this changes its connection pools.
    Transports without a pool stay as they are.
    """
    backends = _Backend if isinstance(http, httpx.Client) else _AsyncBackend
    for transport in (http._transport, *http._mounts.values()):
        pool: Any = getattr(transport, "_pool", None)
        if hasattr(pool, "create_connection"):
            _look_before_reuse(pool)
        if (backend := getattr(pool, "_network_backend", None)) is not None:
            pool._network_backend = backends(backend)
    return http


# -- connections with data left over ------------------------------------------------------------------

_distrusted: WeakSet[Any] = WeakSet()


def distrust(stream: Any) -> None:
    """Do not use a network stream (httpx's extension of a response, or None) for another request."""
    if stream is not None:
        _distrusted.add(stream)


def _look_before_reuse(pool: Any) -> None:
    create = pool.create_connection

    def create_connection(origin: Any) -> Any:
        connection = create(origin)
        has_expired = connection.has_expired
        connection.has_expired = lambda: has_expired() or (connection.is_idle() and _has_leftovers(connection))
        return connection

    pool.create_connection = create_connection


def _has_leftovers(connection: Any) -> bool:
    """Whether data was read after the last reply. A connection that cannot be looked at is not used again."""
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
    """Whether a layer of TLS or asyncio has buffered bytes."""
    bio = getattr(layer, "_read_bio", None) or getattr(layer, "_incoming", None)
    queue = getattr(getattr(layer, "_protocol", None), "read_queue", ())
    return bool(getattr(bio, "pending", 0)) or len(queue) > 0


class _Wrapper:
    """A network backend or stream of httpcore, of which a subclass replaces some methods."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)


class _AsyncBackend(_Wrapper):
    """A network backend for asyncio. It closes a stream if the start of TLS does not come to its end."""

    async def connect_tcp(self, *args: Any, **options: Any) -> Any:
        stream = await self._wrapped.connect_tcp(*args, **options)
        start_tls = stream.start_tls

        async def start_or_close(*args: Any, **options: Any) -> Any:
            try:
                return await start_tls(*args, **options)
            except BaseException:
                await stream.aclose()
                raise

        stream.start_tls = start_or_close
        return stream


# -- deadlines ----------------------------------------------------------------------------------------


def _left(timeout: float | None) -> float | None:
    end = _end.get()
    if end is None:
        return timeout
    left = max(end - time.monotonic(), 0.001)
    return left if timeout is None else min(timeout, left)


class _Backend(_Wrapper):
    """A network backend whose streams keep the deadline."""

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> Any:
        """Connect to one address after the other. They share *timeout* equally."""
        timeout = _left(timeout)
        if timeout is None:
            return _Stream(self._wrapped.connect_tcp(host, port, **options))
        end = time.monotonic() + timeout
        addresses = _addresses(host, port, timeout)
        while True:
            share = (end - time.monotonic()) / len(addresses)
            try:
                address = addresses.pop(0)
                return _Stream(self._wrapped.connect_tcp(address, port, timeout=max(share, 0.001), **options))
            except Exception:  # httpcore's, for an address that is dead
                if not addresses:
                    raise

    def connect_unix_socket(self, *args: Any, **options: Any) -> Any:
        return _Stream(self._wrapped.connect_unix_socket(*args, **options))


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """Return the addresses of *host*, at least one. If the resolver hangs, its thread is abandoned."""
    import httpcore  # as late as httpx itself imports it

    found: list[Any] = []

    def resolve(flags: int = 0) -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))
        except (OSError, UnicodeError) as error:
            found.append(error)

    resolve(socket.AI_NUMERICHOST)
    if isinstance(found.pop(), list):
        return [host]
    thread = threading.Thread(target=resolve, name="marketo_soap_resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise httpcore.ConnectTimeout(f"the name of the host was not resolved in {seconds:.1f} s")
    if not isinstance(found[0], list):
        raise httpcore.ConnectError(str(found[0])) from found[0]
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return list(dict.fromkeys(socket.getnameinfo(address, numeric)[0] for *_, address in found[0]))


class _Stream(_Wrapper):
    """A network stream, every wait of which ends at the deadline.

    TLS within TLS (*nested*, as through an https proxy) waits several times in one operation of httpcore.
    """

    def __init__(self, stream: Any, *, nested: bool = False) -> None:
        super().__init__(stream)
        self._nested = nested

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        _check()
        with self._cut_off(timeout, self._nested):
            data: bytes = self._wrapped.read(max_bytes, _left(timeout))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for at in range(0, len(buffer), _PIECE):
            _check()
            with self._cut_off(timeout, self._nested):
                self._wrapped.write(buffer[at : at + _PIECE], _left(timeout))

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        nested = self.get_extra_info("ssl_object") is not None
        with self._cut_off(timeout, nested):
            return _Stream(self._wrapped.start_tls(ssl_context, server_hostname, _left(timeout)), nested=nested)

    @contextmanager
    def _cut_off(self, timeout: float | None, nested: bool) -> Iterator[None]:
        """End the connection of a nested stream if the block takes longer than it may."""
        seconds = _left(timeout)
        if not nested or seconds is None:
            yield
            return
        end = time.monotonic() + seconds
        timer = threading.Timer(seconds, _shut_down, (self.get_extra_info("socket"),))
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if time.monotonic() >= end:
                raise TimeoutError("the connection was ended in the middle of an operation") from error
            raise
        finally:
            timer.cancel()


def _shut_down(sock: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not that of the TLS socket, which the other thread still uses


def _check() -> None:
    """Raise `TimeoutError` after the deadline, although data may be available."""
    end = _end.get()
    if end is not None and time.monotonic() > end:
        raise TimeoutError("the call's deadline has passed")
