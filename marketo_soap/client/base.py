"""What both clients share: the settings, and everything about a call that does not wait."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from threading import get_ident
from typing import Any, Generic, Literal, Self, TypedDict, TypeVar, cast
from weakref import WeakKeyDictionary, ref

import httpx

from marketo_soap.calls.call import Call, CallContext, Stats, notify
from marketo_soap.calls.deadline import guard
from marketo_soap.calls.endpoint import EmbeddedEndpoint, checked_endpoint, is_loopback
from marketo_soap.calls.flow import Send
from marketo_soap.calls.http import CONNECTIONS, USER_AGENT, trust, url_of, within
from marketo_soap.calls.limiter import InProcessLimiter
from marketo_soap.calls.limits import Limiter
from marketo_soap.calls.retry import DEFAULT_RETRY, RetryPolicy
from marketo_soap.calls.waiting import Cell
from marketo_soap.history import Exchange, History
from marketo_soap.operations import BatchOperation, Operation
from marketo_soap.signature import Credentials
from marketo_soap.wire.xml import MAX_BYTES

__all__ = ["BaseClient", "CallOptions", "Timeout", "local_now"]

R = TypeVar("R")
TransportT = TypeVar("TransportT", httpx.BaseTransport, httpx.AsyncBaseTransport)
Timeout = httpx.Timeout | float | None

DEFAULT_TIMEOUT = httpx.Timeout(90.0, connect=10.0)
"""Seconds: 10 to connect, 90 for everything else, as the vendor's samples have it."""


class CallOptions(TypedDict, total=False):
    """What every method of an operation takes besides its parameters: see `Client.call`."""

    target_workspace: str | None
    timeout: Timeout
    retry: RetryPolicy | None


def local_now() -> datetime:
    """Return the time now, in the local zone: the default clock of the clients."""
    return datetime.now(UTC).astimezone()


class _Slot:
    """What clients keep their last exchange for: a thread or a task, as long as its context lives."""

    def __init__(self, owner: object) -> None:
        self.owner = owner


_slot: ContextVar[_Slot | None] = ContextVar("marketo_soap_slot", default=None)


def _owner() -> object:
    """Return what identifies this thread or task. A task has a copy of its parent's context, so that is not enough."""
    asyncio = sys.modules.get("asyncio")
    with suppress(RuntimeError):  # no event loop runs here
        if asyncio is not None and (task := asyncio.current_task()) is not None:
            return ref(task)
    return get_ident()


_limiters: dict[bytes, InProcessLimiter] = {}


def _vendor_limiter(url: httpx.URL) -> Limiter:
    """The limiter that all clients of one subscription (one host) in this process share, as long as it lives."""
    return _limiters.setdefault(url.netloc, InProcessLimiter())  # atomic: no lock that a fork could leave held


class BaseClient(Generic[TransportT]):
    """The arguments and properties of both clients; a subclass carries out the steps of a call."""

    _http: Any
    _http_class: Any

    def __init__(
        self,
        endpoint: str | None = None,
        user_id: str | None = None,
        encryption_key: str | None = None,
        *,
        transport: TransportT | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        clock: Callable[[], datetime] | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        limiter: Limiter | Literal["vendor"] | None = "vendor",
        max_response_bytes: int = MAX_BYTES,
        verify: ssl.SSLContext | Literal[True] = True,
        proxy: str | httpx.Proxy | None = None,
        tracer: Any = None,
        allow_http: bool = False,
        history: int | History | None = None,
        on_exchange: Callable[[Exchange], object] | None = None,
    ) -> None:
        if isinstance(transport, EmbeddedEndpoint):
            endpoint = endpoint or transport.endpoint
            user_id = user_id or transport.credentials.user_id
            encryption_key = encryption_key or transport.credentials.encryption_key
        needed = {"endpoint": endpoint, "user_id": user_id, "encryption_key": encryption_key}
        missing = [name for name, value in needed.items() if not value]
        if missing:
            raise ValueError(f"{', '.join(missing)} missing: pass it, or use from_env()")
        self.endpoint = checked_endpoint(cast("str", endpoint), allow_http=allow_http)
        self._url = url_of(self.endpoint)
        if limiter == "vendor":
            local = isinstance(transport, EmbeddedEndpoint | httpx.MockTransport) or is_loopback(self.endpoint)
            limiter = None if local else _vendor_limiter(self._url)
        if not 0 < max_response_bytes <= MAX_BYTES:
            raise ValueError(f"max_response_bytes must be between 1 and {MAX_BYTES}")
        self.history = history if isinstance(history, History) or history is None else History(history)
        self._on_exchange = on_exchange
        self._last: WeakKeyDictionary[_Slot, Exchange] = WeakKeyDictionary()
        self._limiter = limiter
        if timeout is DEFAULT_TIMEOUT:
            timeout = getattr(transport, "default_timeout", timeout)
        self._timeout = httpx.Timeout(timeout)
        self._retry = retry
        self._process = os.getpid()
        self._context = CallContext(
            self.endpoint,
            Credentials(cast("str", user_id), cast("str", encryption_key)),
            clock or local_now,
            limiter,
            max_response_bytes,
            tracer,
            Cell(Stats),
            self._remember,
            timed=self.history is not None or on_exchange is not None,
            single=getattr(transport, "retries_itself", False),
        )
        self._http = guard(self._http_class(transport=transport, **self._http_options(verify, proxy)))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Self:
        """Make a client from MARKETO_SOAP_ENDPOINT, MARKETO_SOAP_USER_ID and MARKETO_SOAP_ENCRYPTION_KEY.

        Without the first of them, MARKETO_REST_ENDPOINT, MARKETO_REST_CLIENT_ID and MARKETO_REST_CLIENT_SECRET
        make one whose calls go over REST (`RestBridge`). *options* go to the constructor, and win. `ValueError`
        names the variables that are not set.
        """
        return cls(**{**_from_env(environ), **options})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.endpoint}>"

    @property
    def stats(self) -> Stats:
        """What this client has done so far."""
        return self._context.stats.value

    @property
    def last_exchange(self) -> Exchange | None:
        """The last attempt that this thread or task made with this client: the exact bytes both ways.

        Each thread and each asyncio task sees its own, never another's. A call that runs in a task of its
        own (`asyncio.gather`, `create_task`, `wait_for` before Python 3.12) is seen from inside that task;
        an error brings its exchange along wherever it is caught. `last_exchange.attempts` are all attempts
        of the call.
        """
        slot = _slot.get()
        return None if slot is None or slot.owner != _owner() else self._last.get(slot)

    def _http_options(self, verify: ssl.SSLContext | Literal[True], proxy: str | httpx.Proxy | None) -> dict[str, Any]:
        if not isinstance(verify, ssl.SSLContext) and verify is not True:
            raise ValueError("verify takes an ssl.SSLContext; certificates are always checked unless it disables that")
        return {
            "timeout": self._timeout,
            "limits": CONNECTIONS,
            "follow_redirects": False,
            "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # SOAP has no sessions
            "trust_env": not is_loopback(self.endpoint),  # a local sandbox is not behind a proxy
            "verify": trust(self.endpoint, verify),
            "proxy": proxy,
            "headers": {
                "User-Agent": USER_AGENT,
                "Content-Type": "text/xml; charset=UTF-8",
                "Accept": "text/xml",
                "Accept-Encoding": "gzip",
            },
        }

    def _begin(self, operation: Operation[R], target_workspace: str | None, retry: RetryPolicy | None) -> Call[R]:
        self._check_process()
        if isinstance(operation, BatchOperation):
            for excess in operation.excess():
                raise ValueError(f"{excess.message}: use in_batches")
        return Call.of(self._context, operation, target_workspace, retry or self._retry)

    def _request(self, send: Send, timeout: Timeout) -> httpx.Request:
        request: httpx.Request = self._http.build_request(
            "POST",
            self._url,
            content=send.body,
            headers={"SOAPAction": send.soap_action},
            timeout=within(self._timeout if timeout is None else httpx.Timeout(timeout), send.seconds),
        )
        return request

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError("this client was made before the process forked: make one in the child")

    def _remember(self, exchange: Exchange) -> None:
        slot, owner = _slot.get(), _owner()
        if slot is None or slot.owner != owner:
            slot = _Slot(owner)
            _slot.set(slot)
        self._last[slot] = exchange
        if self.history is not None:
            self.history.add(exchange)
        if self._on_exchange is not None:
            notify(self._on_exchange, exchange)


_REST = ("MARKETO_REST_ENDPOINT", "MARKETO_REST_CLIENT_ID", "MARKETO_REST_CLIENT_SECRET")


def _from_env(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {
        "endpoint": "MARKETO_SOAP_ENDPOINT",
        "user_id": "MARKETO_SOAP_USER_ID",
        "encryption_key": "MARKETO_SOAP_ENCRYPTION_KEY",
    }
    rest = [environ.get(variable, "") for variable in _REST]
    if all(rest) and not environ.get(names["endpoint"]):
        return {"transport": import_module("marketo_soap.bridge").RestBridge(*rest)}
    missing = [variable for variable in names.values() if not environ.get(variable)]
    if missing:
        instead = f"or instead, to call over REST: {', '.join(_REST)}"
        raise ValueError(f"not set in the environment: {', '.join(missing)} ({instead})")
    return {name: environ[variable] for name, variable in names.items()}
