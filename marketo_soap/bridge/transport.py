"""The bridge as an httpx transport, for `Client` and `AsyncClient`: two small drivers of its steps."""

from __future__ import annotations

import logging
import os
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, Literal

import httpx

from marketo_soap.bridge.call import BridgeCall, Served
from marketo_soap.bridge.connections import Connections, origin_of
from marketo_soap.bridge.core import Core
from marketo_soap.bridge.locks import KeyLocks, Locks
from marketo_soap.bridge.names import DescribedInstance, FieldIndex
from marketo_soap.bridge.session import Steps
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.shared_memory import SharedMemory
from marketo_soap.calls.call import TERMS, Terms
from marketo_soap.calls.endpoint import EmbeddedEndpoint, is_loopback
from marketo_soap.calls.limiter import InProcessLimiter
from marketo_soap.calls.limits import Limiter, Limits, on_refused
from marketo_soap.calls.retry import DEFAULT_RETRY
from marketo_soap.envelope import Request
from marketo_soap.server import service
from marketo_soap.signature import AuthenticationHeader, Credentials
from marketo_soap.wire.xml import MAX_BYTES

__all__ = ["REST_LIMITS", "RestBridge"]

logger = logging.getLogger("marketo_soap.bridge")

REST_LIMITS = Limits(calls=100, window=20.0, at_once=10, per_day=50_000)
"""The vendor's limits of the REST API, which all callers of an instance share."""

DEFAULT_TIMEOUT = httpx.Timeout(120.0, connect=10.0)
"""The default in seconds: longer than the server takes for a lead (90)."""

_MARGIN = 0.1  # of the caller's time, at most a second: the bridge gives up first, as it knows what was sent

_limiters: dict[str, InProcessLimiter] = {}
_locks: dict[str, KeyLocks] = {}


def _open_to_all(header: AuthenticationHeader) -> None:
    """Accept every signature: the caller is in the same process."""


class RestBridge(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Makes a client's SOAP calls over Marketo's REST API: `Client(transport=RestBridge(...))`.

    *base_url* is the instance's, `https://100-AEK-913.mktorest.com`, with or without `/rest`. *client_id* and
    *client_secret* are those of a custom service (Admin > LaunchPoint), whose user may read and write leads.

    - *settings*: what to do where the two APIs differ.
    - *limiter*: counts REST calls. "vendor": the vendor's limits, shared by all bridges to an instance in this process;
      no limits for a sandbox, a mock or an address on this machine. None: no limits.
    - *transport*: replaces the network. *verify*, *proxy*, *max_response_bytes* and *allow_http* are as for `Client`.
    - *on_warning*: called with each non-fatal warning, in the thread or task of the call. Warnings are also logged, and
      sent in the headers `X-Bridge-Warning` of the answer.
    - *locks*: calls for one lead are made one after the other, because upserts that race make duplicates. All bridges
      to an instance in this process share these locks. Give the same *locks* to bridges that do not share them by
      themselves: those to a sandbox, a mock or an address on this machine.
    - *memory*: keeps tokens and the numbers of imports for several processes (`RedisMemory`); without it, each bridge
      keeps them for itself.
    - *share_with*: a bridge with the same credentials; its token and its locks are shared.

    The client's `RetryPolicy` applies to each REST call, within the deadline of the whole call. So do its timeouts: 120
    seconds unless the client has others, because the server may take 90 seconds for a lead. The header `X-Rest-Calls`
    of an answer is the number of REST calls that it took, and `rest_calls` is their sum, without requests of tokens.
    `Fault.rest` has REST's own error. One bridge may serve many clients, threads and event loops. Closing a client
    closes its connections; the next call opens new ones.
    """

    endpoint = "https://bridge.invalid/soap/mktows/2_2"
    retries_itself = True
    default_timeout = DEFAULT_TIMEOUT

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        settings: BridgeSettings | None = None,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
        limiter: Limiter | Literal["vendor"] | None = "vendor",
        verify: ssl.SSLContext | Literal[True] = True,
        proxy: str | httpx.Proxy | None = None,
        max_response_bytes: int = MAX_BYTES,
        on_warning: Callable[[str], object] | None = None,
        allow_http: bool = False,
        locks: Locks | None = None,
        memory: SharedMemory | None = None,
        share_with: RestBridge | None = None,
    ) -> None:
        for name, value in (("client_id", client_id), ("client_secret", client_secret)):
            if not isinstance(value, str) or not value.strip() or value != value.strip():
                raise ValueError(f"{name} is empty or has white space around it: copy it from Admin > LaunchPoint")
        self.credentials = Credentials("bridge", "bridge")
        self.settings = settings or BridgeSettings()
        self._origin = origin_of(base_url, allow_http=allow_http)
        token = None if share_with is None else share_with._core.shared.token
        self._memory = memory
        elsewhere = memory is not None
        described = _described(self.settings)
        self._core: Core = Core(client_id, client_secret, self.settings, described, token, elsewhere=elsewhere)
        self._local = isinstance(transport, EmbeddedEndpoint | httpx.MockTransport) or is_loopback(self._origin)
        if limiter == "vendor":
            limiter = None if self._local else _limiters.setdefault(self._origin, InProcessLimiter(REST_LIMITS))
        self._limiter = limiter
        self._connect = partial(Connections, self._origin, transport, verify, proxy, max_response_bytes)
        self._on_warning = on_warning
        self.rest_calls = 0
        if locks is None and share_with is not None:
            locks = share_with._locks
        if locks is None:
            locks = KeyLocks() if self._local else _locks.setdefault(self._origin, KeyLocks())
        self._locks: Locks = locks
        self._begin_anew()

    def __repr__(self) -> str:
        return f"<RestBridge to {self._origin}>"

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._busy: Counter[object] = Counter()  # calls by event loop; None: those of threads
        self._connections = self._connect()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a synchronous client."""
        terms, timeout = _terms(request)
        return _response(self.answer(request.read(), terms=terms, timeout=timeout))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer an asyncio client."""
        terms, timeout = _terms(request)
        return _response(await self.answer_async(await request.aread(), terms=terms, timeout=timeout))

    def answer(
        self,
        data: bytes | Request[Any],
        *,
        terms: Terms = Terms(DEFAULT_RETRY, None),  # noqa: B008 - a value
        timeout: httpx.Timeout = DEFAULT_TIMEOUT,
        authenticate: Callable[[AuthenticationHeader], None] = _open_to_all,
    ) -> Served:
        """Answer the bytes of a SOAP request, or one that was read, as a service does.

        Raises what `Core.serve` raises.
        """
        steps = self._steps(data, terms, authenticate)
        del data  # error trackers show the locals of the frames that an error passes through
        with self._call(steps, None, timeout) as call:
            return call.run()

    async def answer_async(
        self,
        data: bytes | Request[Any],
        *,
        terms: Terms = Terms(DEFAULT_RETRY, None),  # noqa: B008 - a value
        timeout: httpx.Timeout = DEFAULT_TIMEOUT,
        authenticate: Callable[[AuthenticationHeader], None] = _open_to_all,
    ) -> Served:
        """Answer in a task; arguments and errors are those of `answer`."""
        steps = self._steps(data, terms, authenticate)
        del data
        with self._call(steps, _loop(), timeout) as call:
            return await call.run_async()

    @contextmanager
    def _call(self, steps: Steps[service.Answer], loop: object, timeout: httpx.Timeout) -> Iterator[BridgeCall]:
        if os.getpid() != self._process:  # a forked child has none of its parent's connections and calls
            self._begin_anew()
        with self._lock:
            self._busy[loop] += 1
        call = BridgeCall(steps, self._connections, timeout, self._locks, self._limiter, self._memory, self._warn)
        try:
            with closing(call):
                yield call
        finally:
            with self._lock:
                self._busy[loop] -= 1
                if not self._busy[loop]:
                    del self._busy[loop]
                self.rest_calls += call.rest_calls

    def _steps(
        self, data: bytes | Request[Any], terms: Terms, authenticate: Callable[[AuthenticationHeader], None]
    ) -> Steps[service.Answer]:
        seconds = terms.policy.deadline if terms.seconds is None else terms.seconds
        return self._core.serve(
            data,
            policy=terms.policy,
            seconds=None if seconds is None else seconds - min(seconds * _MARGIN, 1.0),
            authenticate=authenticate,
            monotonic=time.monotonic,
            random=random.random,
            refused=on_refused(self._limiter),
        )

    def _warn(self, text: str) -> None:
        logger.warning("%s", text)
        if self._on_warning is not None:
            try:
                self._on_warning(text)
            except Exception as error:  # the lead may have been written by now
                logger.warning("on_warning raised %s", type(error).__name__)

    def close(self) -> None:
        """Close the connections of threads, unless other calls are in progress; the bridge stays usable."""
        if not self._busy[None]:
            self._connections.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop, unless calls are in progress; the bridge stays usable."""
        if not self._busy[_loop()]:
            await self._connections.aclose()


def _loop() -> object:
    from asyncio import get_running_loop

    return get_running_loop()


def _described(settings: BridgeSettings) -> FieldIndex | None:
    if settings.describe_file is None:
        return None
    try:
        with open(settings.describe_file, "rb") as file:
            return DescribedInstance.read(file.read()).index
    except ValueError as error:
        raise ValueError(f"describe_file {settings.describe_file}: {error}") from None


def _terms(request: httpx.Request) -> tuple[Terms, httpx.Timeout]:
    """Return the terms and the time-outs that the client passes with the request."""
    terms = request.extensions.get(TERMS)
    timeout = request.extensions.get("timeout")
    return (
        terms if isinstance(terms, Terms) else Terms(DEFAULT_RETRY, None),
        httpx.Timeout(**timeout) if isinstance(timeout, dict) and len(timeout) == 4 else DEFAULT_TIMEOUT,
    )


def _response(served: Served) -> httpx.Response:
    headers = [("Content-Type", "text/xml; charset=UTF-8"), ("X-Rest-Calls", str(served.rest_calls))]
    headers += [("X-Bridge-Warning", text.encode("ascii", "backslashreplace").decode()) for text in served.notes]
    return httpx.Response(served.answer.status, headers=headers, content=served.answer.body)
