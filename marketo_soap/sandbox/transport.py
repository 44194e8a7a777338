"""The sandbox as an httpx transport, for `Client` and `AsyncClient` alike."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import httpx

from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import PATH, HttpAnswer, HttpRequest
from marketo_soap.sandbox.state import State

__all__ = ["SandboxTransport"]


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries a client's calls to a `Sandbox` in this process. It brings the address and the credentials.

    Simulated failures of the connection are raised as httpx's exceptions, timeouts included. Closing a client does not
    close the sandbox. A call to a closed sandbox is a `RuntimeError`.
    """

    endpoint = f"https://sandbox.invalid{PATH}"

    def __init__(self, sandbox: State) -> None:
        self.sandbox = sandbox
        self.credentials = sandbox.credentials

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a synchronous client."""
        reply = self._answer(request, request.read())
        try:
            if reply.delay:
                time.sleep(min(reply.delay, _read_timeout(request)))
            return _response(request, reply)
        finally:
            reply.done()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer an asyncio client. Without a delay it waits for nothing: the database is local."""
        reply = self._answer(request, await request.aread())
        try:
            if reply.delay:
                from asyncio import sleep

                await sleep(min(reply.delay, _read_timeout(request)))
            return _response(request, reply)
        finally:
            reply.done()

    def _answer(self, request: httpx.Request, body: bytes) -> HttpAnswer:
        if self.sandbox.closed:
            raise RuntimeError(
                "the sandbox is closed: make the call before Sandbox.close(), or within its `with` block"
            )
        url = request.url
        read = HttpRequest(request.method, url.scheme, url.path, url.query.decode(), request.headers, body)
        return answer(self.sandbox, read)


def _read_timeout(request: httpx.Request) -> float:
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return float("inf") if seconds is None else seconds


def _response(request: httpx.Request, reply: HttpAnswer) -> httpx.Response:
    if reply.delay > _read_timeout(request):
        raise httpx.ReadTimeout("The read operation timed out", request=request)
    if reply.close:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
    headers = [*reply.headers, *([] if reply.pieces is not None else [("Content-Length", str(len(reply.body)))])]
    if reply.pieces is None and reply.truncate is None and reply.dribble is None:
        return httpx.Response(reply.status, headers=headers, content=reply.body)
    return httpx.Response(reply.status, headers=headers, stream=_Body(reply))


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces, slowly, or not to its end."""

    def __init__(self, reply: HttpAnswer) -> None:
        self._reply = reply

    def _end(self) -> None:
        if self._reply.is_cut:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    def __iter__(self) -> Iterator[bytes]:
        for part in self._reply.parts():
            time.sleep(self._reply.dribble or 0)
            yield part
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from asyncio import sleep

        for part in self._reply.parts():
            await sleep(self._reply.dribble or 0)
            yield part
        self._end()
