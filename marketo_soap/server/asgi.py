"""Servers of SOAP on real sockets: how they listen, and how uvicorn is set up. Needs the `server` extra."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import Receive
from uvicorn.protocols.http.h11_impl import H11Protocol

from marketo_soap.envelope import HEAD_BYTES
from marketo_soap.server.http import MAX_BYTES, Body, too_large

__all__ = ["Frugal", "listen", "read_body", "read_envelope", "server_config"]

_STEP = 256 * 1024  # bytes that are decompressed before others have their turn
_SLICE = 8 * 1024  # bytes that are looked at before they are counted
_FREE = 8 * 1024  # bytes that may be no part of a body; beyond them one in five

_Base: Any = H11Protocol  # see server_config


class Frugal(_Base):  # type: ignore[misc]
    """uvicorn's protocol, which drops who sends a body in crumbs: each costs time, however short it is."""

    _spare = _FREE

    def data_received(self, data: bytes) -> None:
        """Take what has come; drop the connection if too little of it is body."""
        for at in range(0, len(data), _SLICE):
            if self.transport.is_closing():
                return
            piece = data[at : at + _SLICE]
            cycle = self.cycle
            before = 0 if cycle is None else len(cycle.body)
            super().data_received(piece)
            if cycle is None or cycle is not self.cycle:
                self._spare = _FREE
                continue
            gained = len(cycle.body) - before
            self._spare = min(_FREE, self._spare + gained // 4 - (len(piece) - gained))
            if self._spare < 0:
                self.transport.abort()


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """Return a socket that listens at *host* and *port* (0: any free one), and its address, `127.0.0.1:8807`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, so that asyncio switches Nagle's algorithm off: it costs 40 ms a call.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)  # who is told the address may call at once
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen at {host} port {port}: {error}") from error
    name = f"[{host}]" if ":" in host else host
    return listener, f"{name}:{listener.getsockname()[1]}"


def server_config(
    app: Any, *, http: type[asyncio.Protocol] = Frugal, log_level: str = "warning", **options: Any
) -> uvicorn.Config:
    """Return what all servers here are set up with, and *options*.

    HTTP is read by h11, whatever is installed: httptools takes the body of a request with `Upgrade` for the next
    request (https://github.com/Kludex/uvicorn/issues/2722), and Java's HttpClient sends that header by default.
    """
    options = {"ws": "none", **options}
    return uvicorn.Config(
        app,
        http=http,
        log_level=log_level,
        access_log=False,
        lifespan="off",
        proxy_headers=False,  # who calls is said by the connection, not by a header that anybody can send
        **options,
    )


class _Pieces:
    """The body of a request, in the pieces that it comes in."""

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive, self._max_bytes, self._size = receive, max_bytes, 0
        self.more = True

    async def take(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        data: bytes = message.get("body", b"")
        self._size += len(data)
        if self._size > self._max_bytes:
            self.more = False
            raise too_large(self._max_bytes)
        self.more = message.get("more_body", False)
        return data


async def read_body(receive: Receive, max_bytes: int = MAX_BYTES) -> bytes:
    """Read the body of a request. Raises `Refused` once it is too long, `ClientDisconnect` if the caller left."""
    pieces, body = _Pieces(receive, max_bytes), bytearray()
    while pieces.more:
        body += await pieces.take()
    return bytes(body)


async def read_envelope(
    receive: Receive,
    headers: Mapping[str, str],
    allow: Callable[[bytearray], Awaitable[None]],
    max_bytes: int = MAX_BYTES,
) -> bytes:
    """Read a request of SOAP, decompressed as it comes.

    *allow* gets what there is before more than `HEAD_BYTES` are kept, and again whenever there is more. What it
    raises is raised when the rest has come and been dropped, so that the caller gets to see the answer. Raises
    what `read_body` does, before all else.
    """
    pieces = _Pieces(receive, max_bytes)
    try:
        body = Body(headers, max_bytes)
        while pieces.more:
            body.add(await pieces.take())
            while body.grow(_STEP if len(body.plain) > HEAD_BYTES else HEAD_BYTES + 1 - len(body.plain)):
                if len(body.plain) > HEAD_BYTES:
                    await allow(body.plain)
                    await asyncio.sleep(0)
        return bytes(body.plain)
    except ClientDisconnect:
        raise
    except Exception:
        while pieces.more:
            await pieces.take()
        raise
