"""Connections to an instance: one call of REST over httpx, within bounds of size and time."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx

from marketo_soap.bridge.steps import Fetch
from marketo_soap.calls.deadline import deadline, guard
from marketo_soap.calls.endpoint import checked_endpoint, is_loopback
from marketo_soap.calls.flow import Received, Send
from marketo_soap.calls.http import CONNECTIONS, USER_AGENT, Attempt, trust, url_of, within
from marketo_soap.errors import TransportError

if TYPE_CHECKING:
    import asyncio

__all__ = ["Connections", "origin_of"]

TransportT = TypeVar("TransportT")


def origin_of(base_url: str, *, allow_http: bool) -> str:
    """Return the origin of an instance, from any of its addresses. `ValueError` for others."""
    url = urlsplit(checked_endpoint(base_url.strip(), allow_http=allow_http))
    url_of(url.geturl())
    if url.path.strip("/") not in ("", "rest", "identity"):
        raise ValueError("base_url must look like https://100-AEK-913.mktorest.com, with or without /rest")
    return f"{url.scheme}://{url.netloc.lower()}"


class Connections:
    """The connections to *origin*: one pool for all threads, one for each event loop.

    httpx's own `send` is not used, because it logs addresses: they contain the client secret and cookies.
    """

    def __init__(
        self,
        origin: str,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        verify: ssl.SSLContext | Literal[True],
        proxy: str | httpx.Proxy | None,
        max_bytes: int,
    ) -> None:
        self.origin = origin
        self._transport, self._proxy, self._max_bytes = transport, proxy, max_bytes
        self._verify = trust(origin, verify)
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        self._async_http: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    def fetch(self, fetch: Fetch, timeout: httpx.Timeout) -> Received | TransportError:
        """Send a request, in a thread, and return the answer or the error."""
        http, request = self._client(), self._request(fetch, timeout)
        attempt = self._attempt(fetch)
        with attempt.over(request), deadline(fetch.seconds):
            attempt.receive(http._transport_for_url(request.url).handle_request(request))
        return _without_frames(attempt.answer())

    async def fetch_async(self, fetch: Fetch, timeout: httpx.Timeout) -> Received | TransportError:
        """Send a request, in a task."""
        from asyncio import timeout as within_time

        http, request = self._async_client(), self._request(fetch, timeout)
        attempt = self._attempt(fetch)
        with attempt.over(request, is_async=True):
            async with within_time(fetch.seconds):
                await attempt.receive_async(await http._transport_for_url(request.url).handle_async_request(request))
        return _without_frames(attempt.answer())

    def close(self) -> None:
        """Close the connections of threads."""
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        from asyncio import get_running_loop

        with self._lock:
            http = self._async_http.pop(get_running_loop(), None)
        if http is not None:
            await http.aclose()

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._http is None:
                transport = _checked(self._transport, httpx.BaseTransport, "AsyncClient")
                self._http = guard(httpx.Client(transport=transport, **self._options()))
            return self._http

    def _async_client(self) -> httpx.AsyncClient:
        from asyncio import get_running_loop

        loop = get_running_loop()
        with self._lock:
            for ended in [other for other in self._async_http if other.is_closed()]:
                del self._async_http[ended]  # its sockets went with it; a pool holds on to its loop
            if loop not in self._async_http:
                transport = _checked(self._transport, httpx.AsyncBaseTransport, "Client")
                self._async_http[loop] = guard(httpx.AsyncClient(transport=transport, **self._options()))
            return self._async_http[loop]

    def _options(self) -> dict[str, Any]:
        local = is_loopback(self.origin)  # this machine is not behind a proxy
        return {"limits": CONNECTIONS, "trust_env": not local, "verify": self._verify, "proxy": self._proxy}

    def _attempt(self, fetch: Fetch) -> Attempt:
        send = Send(fetch.request.body, "", fetch.attempt, fetch.seconds)
        return Attempt(fetch.request.name, self.origin, send, datetime.now(UTC), self._max_bytes)

    def _request(self, fetch: Fetch, timeout: httpx.Timeout) -> httpx.Request:
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"}
        if fetch.token is not None:
            headers["Authorization"] = f"Bearer {fetch.token}"
        if fetch.request.content_type is not None:
            headers["Content-Type"] = fetch.request.content_type
        return httpx.Request(
            fetch.request.method,
            f"{self.origin}{fetch.request.target}",
            headers=headers,
            content=fetch.request.body,
            extensions={"timeout": within(timeout, fetch.seconds).as_dict()},
        )


def _without_frames(answer: Received | TransportError) -> Received | TransportError:
    """Drop the frames that a failure came through: error trackers show their locals, addresses with secrets too."""
    error = answer if isinstance(answer, TransportError) else None
    causes: list[BaseException | None] = [error]
    for cause in causes:
        if cause is not None and len(causes) < 100:
            cause.__traceback__ = None
            causes += cause.__cause__, cause.__context__
    return answer


def _checked(transport: Any, kind: type[TransportT], other: str) -> TransportT | None:
    """Return *transport* if a client of its *kind* can use it. `TypeError` if it is for the *other* client."""
    if transport is None or isinstance(transport, kind):
        return transport
    raise TypeError(f"the bridge's transport is for {other} alone")
