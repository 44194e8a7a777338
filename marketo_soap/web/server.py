"""Servers of SOAP on real sockets: how they listen, and how uvicorn is set up. Needs the `server` extra."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import Receive
from uvicorn.protocols.http.h11_impl import H11Protocol

from marketo_soap.web.http import MAX_BYTES, too_large

__all__ = ["listen", "read_body", "server_config"]


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


def server_config(app: Any, *, log_level: str = "warning", **options: Any) -> uvicorn.Config:
    """Return what all servers here are set up with, and *options*.

    HTTP is read by h11, whatever is installed: httptools takes the body of a request with `Upgrade` for the next
    request (https://github.com/Kludex/uvicorn/issues/2722), and Java's HttpClient sends that header by default.
    """
    options = {"http": H11Protocol, "ws": "none", **options}
    return uvicorn.Config(
        app,
        log_level=log_level,
        access_log=False,
        lifespan="off",
        proxy_headers=False,  # who calls is said by the connection, not by a header that anybody can send
        **options,
    )


async def read_body(receive: Receive, max_bytes: int = MAX_BYTES) -> bytes:
    """Read the body of a request. Raises `Refused` once it is too long, `ClientDisconnect` if the caller left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise too_large(max_bytes)
        if not message.get("more_body", False):
            return bytes(body)
