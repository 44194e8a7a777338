"""The sandbox as an httpx transport, for `Client` and `AsyncClient` alike."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator

import httpx

from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import PATH, HttpAnswer, HttpRequest
from marketo_soap.sandbox.state import State

__all__ = ["SandboxTransport"]


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries a client's calls to a `Sandbox` in this process. It brings the address and the credentials.

    What the fault script does to a connection comes as httpx's exceptions, time-outs too. Closing a client
    does not close the sandbox; a call to a sandbox that is closed is a `RuntimeError`.
    """

    endpoint = f"https://sandbox.invalid{PATH}"

    def __init__(self, sandbox: State) -> None:
        self.sandbox = sandbox
        self.credentials = sandbox.credentials

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a synchronous client."""
        said = self._answer(request, request.read())
        try:
            if said.delay:
                time.sleep(_patience(request, said))
            return _response(request, said)
        finally:
            said.done()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer an asyncio client. Without a delay it waits for nothing: the database is local."""
        said = self._answer(request, await request.aread())
        try:
            if said.delay:
                from asyncio import sleep

                await sleep(_patience(request, said))
            return _response(request, said)
        finally:
            said.done()

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


def _patience(request: httpx.Request, said: HttpAnswer) -> float:
    """How long to wait: no longer than the client does."""
    return min(said.delay, _read_timeout(request))


def _response(request: httpx.Request, said: HttpAnswer) -> httpx.Response:
    if said.delay > _read_timeout(request):
        raise httpx.ReadTimeout("The read operation timed out", request=request)
    if said.close:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
    if said.pieces is not None:
        return httpx.Response(said.status, headers=said.headers, stream=_Broken(request, said))
    headers = [*said.headers, ("Content-Length", str(len(said.body)))]
    if said.truncate is None and said.dribble is None:
        return httpx.Response(said.status, headers=headers, content=said.body)
    return httpx.Response(said.status, headers=headers, stream=_Broken(request, said))


class _Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces, slowly, or not to its end."""

    def __init__(self, request: httpx.Request, said: HttpAnswer) -> None:
        self._request, self._said = request, said

    def _pieces(self) -> Iterable[bytes]:
        if self._said.pieces is not None:
            return self._said.pieces
        body = self._said.body[: self._said.truncate]
        return [body] if self._said.dribble is None else [body[at : at + 1] for at in range(len(body))]

    def _end(self) -> None:
        if self._said.truncate is not None and self._said.truncate < len(self._said.body):
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces():
            time.sleep(self._said.dribble or 0)
            yield piece
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from asyncio import sleep

        for piece in self._pieces():
            await sleep(self._said.dribble or 0)
            yield piece
        self._end()
