"""The sandbox as an httpx transport, for `Client` and `AsyncClient` alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from marketo_soap.sandbox.http import PATH, HttpRequest, answer

if TYPE_CHECKING:
    from marketo_soap.sandbox.sandbox import Sandbox

__all__ = ["SandboxTransport"]


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries a client's calls to a `Sandbox` in this process. It brings the address and the credentials.

    Closing a client does not close the sandbox.
    """

    endpoint = f"https://sandbox.invalid{PATH}"

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.credentials = sandbox.credentials

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a synchronous client."""
        return self._answer(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer an asyncio client. It does not wait for anything: the database is local."""
        return self._answer(request, await request.aread())

    def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        said = answer(self.sandbox, HttpRequest(request.method, str(request.url), headers, body))
        return httpx.Response(said.status, headers=list(said.headers), content=said.body)
