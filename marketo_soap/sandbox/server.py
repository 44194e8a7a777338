"""The sandbox over real HTTP: a Starlette application on uvicorn. Needs the `server` extra."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from marketo_soap.sandbox.http import MAX_BYTES, PATH, HttpAnswer, HttpRequest, answer, too_large

if TYPE_CHECKING:
    from marketo_soap.sandbox.sandbox import Sandbox

__all__ = ["application", "bound", "serve_forever", "serving"]

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def application(sandbox: Sandbox) -> Starlette:
    """Return the ASGI application that answers for *sandbox* at every path."""

    async def soap(request: Request) -> Response:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_BYTES:
                return _response(too_large())
        said = answer(sandbox, HttpRequest(request.method, str(request.url), request.headers, bytes(body)))
        return _response(said)

    return Starlette(routes=[Route("/{path:path}", soap, methods=_METHODS)])


def _response(said: HttpAnswer) -> Response:
    return Response(said.body, said.status, dict(said.headers))


def bound(host: str, port: int) -> tuple[socket.socket, str]:
    """Return a socket that is bound to *host* and *port* (0: any free one), and the endpoint's address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, so that asyncio switches Nagle's algorithm off: it costs 40 ms a call.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen at {host} port {port}: {error}") from error
    name = f"[{host}]" if ":" in host else host
    return listener, f"http://{name}:{listener.getsockname()[1]}{PATH}"


def _server(sandbox: Sandbox) -> uvicorn.Server:
    config = uvicorn.Config(
        application(sandbox),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def serve_forever(sandbox: Sandbox, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM comes; requests in progress are answered first."""
    with listener:
        _server(sandbox).run(sockets=[listener])


@contextmanager
def serving(sandbox: Sandbox, host: str, port: int) -> Iterator[str]:
    """Serve from a thread while the block runs; gives the endpoint."""
    listener, endpoint = bound(host, port)
    server = _server(sandbox)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the sandbox's server did not start: its log says why")
            time.sleep(0.005)
        yield endpoint
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
