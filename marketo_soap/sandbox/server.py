"""The sandbox over real HTTP: an ASGI application on uvicorn. Needs the `server` extra."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marketo_soap.envelope import HEAD_BYTES
from marketo_soap.errors import Fault, ProtocolError
from marketo_soap.sandbox.http import answer, carries_soap, is_known
from marketo_soap.sandbox.messages import CONTROL, PATH, HttpAnswer, HttpRequest, refused, text_answer
from marketo_soap.sandbox.state import State
from marketo_soap.server.asgi import listen, read_body, read_envelope, server_config
from marketo_soap.server.http import Refused
from marketo_soap.server.reader import Reader
from marketo_soap.server.service import early_header
from marketo_soap.signature import AuthenticationHeader, verify

__all__ = ["application", "bound", "serve_forever", "serving"]

_NAMES = "mktowsUserId", "requestSignature", "requestTimestamp"
_HEADER = re.compile(rb"<(?:\w+:)?(%s)>([^<&]*)<" % "|".join(_NAMES).encode())


class _Unsigned(Exception):  # noqa: N818 - what a request is
    """A long request is not signed; only its *beginning* is kept."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__()
        self.beginning = beginning


class _Endpoint:
    """The ASGI application of one sandbox."""

    def __init__(self, sandbox: State, own_hosts: tuple[str, ...]) -> None:
        self._sandbox, self._own_hosts = sandbox, own_hosts
        self._reader = Reader()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._answer(scope, receive)
        try:
            if reply.pieces is not None:
                await StreamingResponse(reply.pieces, reply.status, dict(reply.headers))(scope, receive, send)
            elif reply.plain:
                await send(_start(reply))
                await send({"type": "http.response.body", "body": reply.body})
            else:
                await _deliver(reply, receive, send)
        finally:
            reply.done()

    async def _answer(self, scope: Scope, receive: Receive) -> HttpAnswer:
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
        if "content-length" in headers and "transfer-encoding" in headers:
            both = "Content-Length and Transfer-Encoding contradict each other.\n"  # a proxy may have read another body
            return text_answer(400, both, ("Connection", "close"))
        peer = scope["client"][0] if scope.get("client") else ""
        address = scope["scheme"], scope["path"], scope["query_string"].decode("latin-1")
        read = HttpRequest(scope["method"], *address, headers, b"", peer, self._own_hosts)
        try:
            read.body = await self._body(receive, headers, read)
        except Refused as refusal:
            return refused(refusal)
        if read.path.startswith(CONTROL):  # a page may take long: calls must not wait for it
            return await run_in_threadpool(answer, self._sandbox, read)
        if carries_soap(read.method, read.path) and not self._seems_signed(read.body):
            return await self._reader.read(lambda _: answer(self._sandbox, read), read.body)
        with self._sandbox.store.reserved() as free:
            if free:
                return answer(self._sandbox, read)
        # Another process is writing to the file: other callers must not wait for this call.
        return await run_in_threadpool(answer, self._sandbox, read)

    async def _body(self, receive: Receive, headers: dict[str, str], read: HttpRequest) -> bytes:
        """Read a body. Of a long one that is not signed, or comes without a good token, the beginning is enough."""
        if not carries_soap(read.method, read.path):
            return await read_body(receive, lambda: is_known(self._sandbox, read))
        known = False

        async def allow(plain: bytearray) -> None:
            nonlocal known
            beginning = bytes(plain[: HEAD_BYTES + 1])
            if not known and not await self._reader.read(self._signed, beginning):
                raise _Unsigned(beginning)
            known = True

        try:
            return await read_envelope(receive, headers, allow)
        except _Unsigned as unsigned:
            return unsigned.beginning
        finally:
            headers.pop("content-encoding", None)

    def _seems_signed(self, body: bytes) -> bool:
        """Return whether a signature of this sandbox is found without parsing; others are read in a thread."""
        found = {name.decode(): text.decode("utf-8", "replace") for name, text in _HEADER.findall(body, 0, HEAD_BYTES)}
        try:
            header = AuthenticationHeader(*(found[name] for name in _NAMES))
        except (KeyError, ValueError):
            return False
        return verify(self._sandbox.credentials, header)

    def _signed(self, beginning: bytes) -> bool:
        try:
            return verify(self._sandbox.credentials, early_header(beginning))
        except (Fault, ProtocolError):
            return False


def _start(reply: HttpAnswer) -> Message:
    headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    return {"type": "http.response.start", "status": reply.status, "headers": headers}


async def _deliver(reply: HttpAnswer, receive: Receive, send: Send) -> None:
    """Deliver an answer as the fault script demands: late, slowly, cut off, or not at all."""
    await asyncio.sleep(reply.delay)
    if reply.close:
        await _hang_up(receive)
        return
    await send(_start(reply))
    for part in reply.parts():
        await asyncio.sleep(reply.dribble or 0)
        await send({"type": "http.response.body", "body": part, "more_body": True})
    if reply.is_cut:
        await asyncio.sleep(0)
        await _hang_up(receive)
    else:
        await send({"type": "http.response.body", "body": b""})


async def _hang_up(receive: Receive) -> None:
    """Close the connection without an answer. ASGI has no message for that, so uvicorn's transport is closed."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("this server cannot hang up: serve the sandbox with uvicorn")
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass


def application(sandbox: State, *own_hosts: str) -> ASGIApp:
    """Return the ASGI application that answers for *sandbox* at every path; *own_hosts* are its server's names."""
    return _Endpoint(sandbox, own_hosts)


def bound(host: str, port: int) -> tuple[socket.socket, str]:
    """Return a socket that listens at *host* and *port* (0: any free one), and the endpoint's address."""
    listener, address = listen(host, port)
    return listener, f"http://{address}{PATH}"


def _server(sandbox: State, *own_hosts: str) -> uvicorn.Server:
    # No date: the sandbox has a clock of its own.
    config = server_config(application(sandbox, *own_hosts), timeout_graceful_shutdown=5, date_header=False)
    return uvicorn.Server(config)


def serve_forever(sandbox: State, listener: socket.socket, *own_hosts: str) -> None:
    """Serve until SIGINT or SIGTERM comes; requests in progress are answered first."""
    with listener:
        _server(sandbox, *own_hosts).run(sockets=[listener])


@contextmanager
def serving(sandbox: State, host: str, port: int) -> Iterator[str]:
    """Serve from a thread while the block runs; gives the endpoint."""
    listener, endpoint = bound(host, port)
    server = _server(sandbox, host)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the sandbox's server did not start: see its log")
            time.sleep(0.005)
        yield endpoint
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
