"""What the ASGI servers share: sockets, uvicorn's configuration, reading of bodies. Needs the `server` extra."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import Receive
from uvicorn.protocols.http.h11_impl import H11Protocol

from marketo_soap.envelope import HEAD_BYTES
from marketo_soap.server.http import MAX_BYTES, Body, too_large

__all__ = ["BodyRateProtocol", "listen", "read_body", "read_envelope", "server_config"]

_STEP = 256 * 1024  # bytes to decompress before other tasks run
_SLICE = 8 * 1024  # bytes to process before they are counted
_OVERHEAD = 8 * 1024  # bytes of overhead; beyond them one byte in five

_Base: Any = H11Protocol  # see server_config


class BodyRateProtocol(_Base):  # type: ignore[misc]
    """uvicorn's protocol; closes connections that send a body in very small pieces, each of which costs time."""

    _allowance = _OVERHEAD

    def data_received(self, data: bytes) -> None:
        """Process received data; close the connection if too little of it is body."""
        for at in range(0, len(data), _SLICE):
            if self.transport.is_closing():
                return
            piece = data[at : at + _SLICE]
            cycle = self.cycle
            before = 0 if cycle is None else len(cycle.body)
            super().data_received(piece)
            if cycle is None or cycle is not self.cycle:
                self._allowance = _OVERHEAD
                continue
            gained = len(cycle.body) - before
            self._allowance = min(_OVERHEAD, self._allowance + gained // 4 - (len(piece) - gained))
            if self._allowance < 0:
                self.transport.abort()


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """Return a socket that listens at *host* and *port* (0: any free one), and its address, `127.0.0.1:8807`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, so that asyncio switches Nagle's algorithm off: it costs 40 ms a call.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)  # callers may connect as soon as they have the address
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen at {host} port {port}: {error}") from error
    name = f"[{host}]" if ":" in host else host
    return listener, f"{name}:{listener.getsockname()[1]}"


def server_config(
    app: Any, *, http: type[asyncio.Protocol] = BodyRateProtocol, log_level: str = "warning", **options: Any
) -> uvicorn.Config:
    """Return the configuration of all servers here, with *options*.

    HTTP is read by h11, even if httptools is installed: that parses the body of a request with `Upgrade` as the
    next request (https://github.com/Kludex/uvicorn/issues/2722), and Java's HttpClient sends that header by default.
    """
    options = {"ws": "none", **options}
    return uvicorn.Config(
        app,
        http=http,
        log_level=log_level,
        access_log=False,
        lifespan="off",
        proxy_headers=False,  # anybody can send such headers
        **options,
    )


async def _pieces(receive: Receive, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yield the body of a request, in pieces as received."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        data: bytes = message.get("body", b"")
        size += len(data)
        if size > max_bytes:
            raise too_large(max_bytes)
        more = message.get("more_body", False)
        yield data


async def read_body(receive: Receive, is_known: Callable[[], bool]) -> bytes:
    """Read the body of a request: of a caller who is not known no more than its first `HEAD_BYTES`.

    Raises `Refused` if it is too long, `ClientDisconnect` if the caller left.
    """
    body, kept = bytearray(), HEAD_BYTES
    async for piece in _pieces(receive, MAX_BYTES):
        body += piece
        if len(body) > kept:
            kept = MAX_BYTES if is_known() else kept
            del body[kept:]
    return bytes(body)


async def read_envelope(
    receive: Receive,
    headers: Mapping[str, str],
    allow: Callable[[bytearray], Awaitable[None]],
    max_bytes: int = MAX_BYTES,
) -> bytes:
    """Read a SOAP request, and decompress it as it arrives.

    *allow* is called with the beginning before more than `HEAD_BYTES` are kept, and again as the request grows.
    Its exceptions are raised after the rest is received and discarded, so that the caller can read the answer.
    Raises what `read_body` raises.
    """
    pieces = _pieces(receive, max_bytes)
    try:
        body = Body(headers, max_bytes)
        async for piece in pieces:
            body.add(piece)
            while body.grow(_STEP if len(body.plain) > HEAD_BYTES else HEAD_BYTES + 1 - len(body.plain)):
                if len(body.plain) > HEAD_BYTES:
                    await allow(body.plain)
                    await asyncio.sleep(0)
        return bytes(body.plain)
    except ClientDisconnect:
        raise
    except Exception:
        async for _ in pieces:
            pass
        raise
