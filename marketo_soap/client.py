"""The clients: two small drivers of `exchange()` over httpx."""

from __future__ import annotations

import ipaddress
import os
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast, runtime_checkable
from weakref import WeakKeyDictionary

import httpx

from marketo_soap import __version__
from marketo_soap.errors import AmbiguousError, MarketoError, TransportError
from marketo_soap.exchange import DEFAULT_RETRY, Answer, Received, RetryPolicy, Send, Step, Wait, exchange
from marketo_soap.history import Exchange, Headers
from marketo_soap.operations import Operation, SyncLead, SyncLeadResult
from marketo_soap.records import LeadRecord
from marketo_soap.signature import Credentials
from marketo_soap.xml import MAX_BYTES

__all__ = ["AsyncClient", "Client", "RetryPolicy"]

R = TypeVar("R")

DEFAULT_TIMEOUT = httpx.Timeout(90.0, connect=10.0)
"""Seconds: 10 to connect, 90 for everything else, as the vendor's samples have it."""

_LIMITS = httpx.Limits(max_connections=10, max_keepalive_connections=10)
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


@runtime_checkable
class OwnMarketo(Protocol):
    """A transport that is a Marketo itself, as the sandbox's is: it knows its address and its users."""

    endpoint: str
    credentials: Credentials


def local_now() -> datetime:
    """Return the time now, in the local zone: the default clock of the clients."""
    return datetime.now(UTC).astimezone()


_last: ContextVar[WeakKeyDictionary[Any, Exchange] | None] = ContextVar("marketo_soap_last", default=None)


class _BaseClient:
    """What both clients share: the settings, and everything about a call that does not wait."""

    def __init__(
        self,
        endpoint: str | None,
        user_id: str | None,
        encryption_key: str | None,
        transport: object,
        clock: Callable[[], datetime] | None,
        retry: RetryPolicy,
        allow_http: bool,
    ) -> None:
        if isinstance(transport, OwnMarketo):
            endpoint = endpoint or transport.endpoint
            user_id = user_id or transport.credentials.user_id
            encryption_key = encryption_key or transport.credentials.encryption_key
        missing = [
            name
            for name, value in (
                ("endpoint", endpoint),
                ("user_id", user_id),
                ("encryption_key", encryption_key),
            )
            if not value
        ]
        if missing:
            raise ValueError(f"{', '.join(missing)} missing: pass it, or use from_env()")
        self.endpoint = _checked_endpoint(cast("str", endpoint), allow_http)
        self._url = httpx.URL(self.endpoint)
        self._credentials = Credentials(cast("str", user_id), cast("str", encryption_key))
        self._clock = clock or local_now
        self._retry = retry

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.endpoint}>"

    @property
    def last_exchange(self) -> Exchange | None:
        """The last attempt that this thread or task made with this client: the exact bytes both ways.

        Each thread and each asyncio task sees its own, never another's. A call that runs in a task of its
        own (`asyncio.gather`, `create_task`, `wait_for` before Python 3.12) is seen from inside that task;
        an error brings its exchange along wherever it is caught.
        """
        exchanges = _last.get()
        return None if exchanges is None else exchanges.get(self)

    def _http_options(self, timeout: httpx.Timeout | float | None) -> dict[str, Any]:
        return {
            "timeout": timeout,
            "limits": _LIMITS,
            "follow_redirects": False,
            "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # SOAP has no sessions
            "trust_env": not _is_loopback(self.endpoint),  # no proxy stands before a local sandbox
            "headers": {
                "User-Agent": f"marketo_soap/{__version__} httpx/{httpx.__version__}",
                "Content-Type": "text/xml; charset=UTF-8",
                "Accept": "text/xml",
            },
        }

    def _steps(self, operation: Operation[R], target_workspace: str | None) -> Generator[Step, Answer, R]:
        return exchange(
            operation,
            self._credentials,
            target_workspace=target_workspace,
            now=self._clock,
            policy=self._retry,
            random=random.random,
        )

    @contextmanager
    def _attempt(self, name: str, send: Send, request: httpx.Request) -> Iterator[_Attempt]:
        """Time one attempt, keep its bytes, and turn httpx's exceptions into ours."""
        attempt = _Attempt()
        started, begun = self._clock(), time.perf_counter()
        try:
            yield attempt
        except httpx.HTTPError as error:
            attempt.error = _failed(name, error)
        finally:  # a cancelled attempt is kept too
            exchange = Exchange(
                operation=name,
                endpoint=self.endpoint,
                attempt=send.attempt,
                started=started,
                request_headers=tuple(request.headers.multi_items()),
                request=send.body,
                elapsed=time.perf_counter() - begun,
                status=attempt.status,
                response_headers=attempt.headers,
                response=None if attempt.status is None else b"".join(attempt.pieces),
            )
            # Tasks copy their parent's context by reference: a new mapping keeps them apart.
            mine = WeakKeyDictionary(_last.get() or {})
            mine[self] = exchange
            _last.set(mine)


class _Attempt:
    """What has come of an attempt so far."""

    def __init__(self) -> None:
        self.error: TransportError | None = None
        self.status: int | None = None
        self.headers: Headers = ()
        self.pieces: list[bytes] = []
        self.size = 0

    def begin(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = tuple(response.headers.multi_items())

    def take(self, piece: bytes) -> bool:
        """Keep a piece of the body; False if that is enough of it."""
        self.pieces.append(piece)
        self.size += len(piece)
        if self.size > MAX_BYTES:
            self.error = AmbiguousError(f"the reply is longer than {MAX_BYTES} bytes", status=self.status)
        return self.error is None

    def answer(self) -> Received | TransportError:
        if self.error is not None:
            return self.error
        content_type = next((value for name, value in self.headers if name.lower() == "content-type"), "")
        return Received(self.status or 0, content_type, b"".join(self.pieces))


def _failed(name: str, error: httpx.HTTPError) -> TransportError:
    kind = type(error).__name__
    what = f"{kind}: {error}" if str(error) else kind
    if isinstance(error, _NOT_SENT):
        failure = TransportError(f"{name} was not sent: {what}")
    else:
        failure = AmbiguousError(f"{name} was sent, but its answer was lost, so it may have been done: {what}")
    failure.__cause__ = error
    return failure


def _is_loopback(endpoint: str) -> bool:
    host = httpx.URL(endpoint).host
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_endpoint(endpoint: str, allow_http: bool) -> str:
    try:
        url = httpx.URL(endpoint)
        url.host.encode("idna")
    except (httpx.InvalidURL, TypeError, UnicodeError) as error:
        raise ValueError(f"endpoint is not a URL: {error}") from None
    if url.port is not None and not 0 < url.port < 65536:
        raise ValueError(f"endpoint has the port {url.port}, which does not exist")
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("endpoint must look like https://100-AEK-913.mktoapi.com/soap/mktows/2_2")
    if url.userinfo:
        raise ValueError("endpoint must not hold a user name or password")
    if url.query or url.fragment:
        raise ValueError("endpoint must have no query: leave out what follows the ? (the WSDL is not needed)")
    if url.scheme == "http" and not (allow_http or _is_loopback(endpoint)):
        raise ValueError("endpoint must be https (or http on this machine); allow_http=True accepts it all the same")
    return endpoint


def _from_env(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {
        "endpoint": "MARKETO_SOAP_ENDPOINT",
        "user_id": "MARKETO_SOAP_USER_ID",
        "encryption_key": "MARKETO_SOAP_ENCRYPTION_KEY",
    }
    missing = [variable for variable in names.values() if not environ.get(variable)]
    if missing:
        raise ValueError(f"not set in the environment: {', '.join(missing)}")
    return {name: environ[variable] for name, variable in names.items()}


class Client(_BaseClient):
    """A Marketo SOAP client.

    *endpoint* is the subscription's own address, `https://<munchkin id>.mktoapi.com/soap/mktows/2_2`;
    *user_id* and *encryption_key* are its API user. A *transport* that is a Marketo itself
    (`SandboxTransport`) brings all three. Any other `httpx.BaseTransport` carries the calls instead of
    the network: proxies, client certificates and test doubles come in there. *timeout* is httpx's, in
    seconds. *clock* returns the aware time that requests are signed with. *retry* says which failed
    attempts are made again. Plain http is accepted on this machine only, unless *allow_http*.

    A client holds one pool of ten connections, may be shared by threads, and is closed by `close()` or a
    `with` block. Every error of a call is a `MarketoError` with its `exchange`; a caller's own mistakes are
    `ValueError` or `TypeError` before anything is sent.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        user_id: str | None = None,
        encryption_key: str | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        timeout: httpx.Timeout | float | None = DEFAULT_TIMEOUT,
        clock: Callable[[], datetime] | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        allow_http: bool = False,
    ) -> None:
        super().__init__(endpoint, user_id, encryption_key, transport, clock, retry, allow_http)
        self._http = httpx.Client(transport=transport, **self._http_options(timeout))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Self:
        """Make a client from MARKETO_SOAP_ENDPOINT, MARKETO_SOAP_USER_ID and MARKETO_SOAP_ENCRYPTION_KEY.

        *options* go to the constructor. `ValueError` names the variables that are not set.
        """
        return cls(**_from_env(environ), **options)

    def sync_lead(
        self,
        lead: LeadRecord,
        *,
        return_lead: bool = False,
        marketo_cookie: str | None = None,
        target_workspace: str | None = None,
    ) -> SyncLeadResult:
        """Insert or update one lead: see `SyncLead`. *target_workspace* names the workspace of a new lead."""
        return self.call(SyncLead(lead, return_lead, marketo_cookie), target_workspace=target_workspace)

    def call(self, operation: Operation[R], *, target_workspace: str | None = None) -> R:
        """Carry out *operation* and return its result.

        Raises `Fault` when the server says no, `LeadSyncFailed` for a lead that was not written,
        `ProtocolError` for a reply that breaks the contract, and `TransportError` when no usable reply came
        (`AmbiguousError` when the call may have been carried out all the same).
        """
        steps = self._steps(operation, target_workspace)
        answer: Answer = None
        try:
            while True:
                step = steps.send(answer)
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                    answer = None
                else:
                    answer = self._send(operation.name, step)
        except StopIteration as done:
            return cast("R", done.value)
        except MarketoError as error:
            error.exchange = self.last_exchange
            raise

    def _send(self, name: str, send: Send) -> Answer:
        headers = {"SOAPAction": send.soap_action}
        request = self._http.build_request("POST", self._url, content=send.body, headers=headers)
        with self._attempt(name, send, request) as attempt:
            response = self._http.send(request, stream=True)
            try:
                attempt.begin(response)
                for piece in response.iter_bytes():
                    if not attempt.take(piece):
                        break
            finally:
                response.close()
        return attempt.answer()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_BaseClient):
    """The same client for asyncio: `Client`'s arguments, `async with`, `await client.sync_lead(...)`."""

    def __init__(
        self,
        endpoint: str | None = None,
        user_id: str | None = None,
        encryption_key: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout | float | None = DEFAULT_TIMEOUT,
        clock: Callable[[], datetime] | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        allow_http: bool = False,
    ) -> None:
        super().__init__(endpoint, user_id, encryption_key, transport, clock, retry, allow_http)
        self._http = httpx.AsyncClient(transport=transport, **self._http_options(timeout))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Self:
        """Make a client from the environment, as `Client.from_env` does."""
        return cls(**_from_env(environ), **options)

    async def sync_lead(
        self,
        lead: LeadRecord,
        *,
        return_lead: bool = False,
        marketo_cookie: str | None = None,
        target_workspace: str | None = None,
    ) -> SyncLeadResult:
        """Insert or update one lead: see `SyncLead`. *target_workspace* names the workspace of a new lead."""
        return await self.call(SyncLead(lead, return_lead, marketo_cookie), target_workspace=target_workspace)

    async def call(self, operation: Operation[R], *, target_workspace: str | None = None) -> R:
        """Carry out *operation* and return its result; raises what `Client.call` raises."""
        steps = self._steps(operation, target_workspace)
        answer: Answer = None
        try:
            while True:
                step = steps.send(answer)
                if isinstance(step, Wait):
                    from asyncio import sleep  # a client for threads needs none of asyncio

                    await sleep(step.seconds)
                    answer = None
                else:
                    answer = await self._send(operation.name, step)
        except StopIteration as done:
            return cast("R", done.value)
        except MarketoError as error:
            error.exchange = self.last_exchange
            raise

    async def _send(self, name: str, send: Send) -> Answer:
        headers = {"SOAPAction": send.soap_action}
        request = self._http.build_request("POST", self._url, content=send.body, headers=headers)
        with self._attempt(name, send, request) as attempt:
            response = await self._http.send(request, stream=True)
            try:
                attempt.begin(response)
                async for piece in response.aiter_bytes():
                    if not attempt.take(piece):
                        break
            finally:
                await response.aclose()
        return attempt.answer()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
