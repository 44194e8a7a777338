"""One attempt over httpx: its bytes within bounds, its time, and what httpx's exceptions mean."""

from __future__ import annotations

import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache, cached_property
from typing import Any, Literal

import httpx

from marketo_soap import __version__, envelope
from marketo_soap.calls.deadline import distrust
from marketo_soap.calls.flow import Received, Send
from marketo_soap.errors import AmbiguousError, TransportError
from marketo_soap.history import Exchange, Headers, Timings

__all__ = ["CONNECTIONS", "USER_AGENT", "Attempt", "Phases", "trust", "url_of", "within"]

CONNECTIONS = httpx.Limits(max_connections=10, max_keepalive_connections=10)
USER_AGENT = f"marketo_soap/{__version__} httpx/{httpx.__version__}"

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_EXPECTED = (
    *(httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError),
    *(TimeoutError, UnicodeError),
)
_COMPRESSED = {"gzip", "x-gzip", "deflate"}
_GZIP_OR_ZLIB = 47
_MOST_PIECES = 100_000  # chunks, and members of gzip: each costs time, however little it holds
_OVERHEAD = 64 * 1024  # bytes that a compressed reply may be longer than what it holds


@cache
def _no_authorities() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it trusts no certificate


def trust(url: str, verify: ssl.SSLContext | Literal[True]) -> ssl.SSLContext | Literal[True]:
    """Return *verify* for httpx. Plain http gets an empty context, as httpx loads the certificate store for True."""
    return _no_authorities() if verify is True and url.lower().startswith("http:") else verify


def url_of(endpoint: str) -> httpx.URL:
    """Return *endpoint* as a URL of httpx, which accepts fewer hosts than `checked_endpoint`. Raises `ValueError`."""
    try:
        return httpx.URL(endpoint)
    except httpx.InvalidURL as error:
        raise ValueError(f"endpoint is not a URL: {error}") from None


def within(timeout: httpx.Timeout, seconds: float | None) -> httpx.Timeout:
    """Return *timeout* with no part of it longer than *seconds*.

    The wait for the pool ends a little earlier, because only httpx's own time-out shows what was waited for.
    """
    if seconds is None:
        return timeout
    longest = max(seconds, 0.001)
    bounds = {"connect": longest, "read": longest, "write": longest, "pool": 0.9 * longest}
    parts: dict[str, float | None] = timeout.as_dict()
    for name, value in parts.items():
        bounds[name] = bounds[name] if value is None else min(value, bounds[name])
    return httpx.Timeout(**bounds)


class Phases:
    """The times of the phases of an attempt, from httpx's `trace` extension."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._sending = False

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Record an event of a synchronous client: `http11.send_request_body.complete`."""
        name = event.partition(".")[2]
        if name == "send_request_headers.started" and getattr(info.get("request"), "method", b"") != b"CONNECT":
            self._sending = True
        self._at[name] = time.perf_counter()

    async def note_async(self, event: str, info: Mapping[str, Any]) -> None:
        """Record an event of an asyncio client."""
        self.note(event, info)

    @property
    def maybe_sent(self) -> bool | None:
        """Whether a byte of the request may have been sent; None without events. A proxy's CONNECT does not count."""
        return self._sending if self._at else None

    @property
    def timings(self) -> Timings | None:
        """The durations of the phases; None without events, as from a transport in this process."""
        if not self._at:
            return None
        at = self._at.get
        sent, head = at("send_request_body.complete"), at("receive_response_headers.complete")
        return Timings(
            connect=_between(at("connect_tcp.started"), at("connect_tcp.complete")),
            tls=_between(at("start_tls.started"), at("start_tls.complete")),
            send=_between(at("send_request_headers.started"), sent),
            wait=_between(sent, head),
            receive=_between(head, max(self._at.values())),
        )


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start


class Attempt:
    """One attempt in progress.

    The reply is read in pieces. Reading stops at *max_bytes* after decompression, or at the call's deadline, even if
    the server sends single bytes; what was read is kept.
    """

    def __init__(
        self,
        operation: str,
        endpoint: str,
        send: Send,
        started: datetime,
        max_bytes: int,
        timed: bool = False,
    ) -> None:
        self._phases, self._timed = Phases(), timed
        self._operation, self._endpoint, self._send, self._started = operation, endpoint, send, started
        self._max_bytes = max_bytes
        self._begun = time.perf_counter()
        self._request_headers: Headers = ()
        self._status: int | None = None
        self._headers: Headers = ()
        self._body = bytearray()
        self._received = 0  # bytes, before decompression
        self._pieces = 0
        self._inflater: Any = None
        self._error: TransportError | None = None
        self._stopped = ""
        self._whole = False
        self._connection: Any = None

    @contextmanager
    def over(self, request: httpx.Request, *, is_async: bool = False) -> Iterator[None]:
        """Turn an exception in the block into the attempt's answer.

        Other exceptions than httpx's that come before the request is sent are mistakes of the caller, and raised.
        """
        self._request_headers = tuple(request.headers.multi_items())
        request.extensions["trace"] = self._phases.note_async if is_async else self._phases.note
        try:
            yield
        except BaseException as error:
            if isinstance(error, Exception) and (self._phases.maybe_sent or isinstance(error, _EXPECTED)):
                self._fail(error)
            else:
                self._stopped = f"it was stopped: {type(error).__name__}"
                raise

    def _fail(self, error: Exception) -> None:
        """Note how the attempt failed. Its fate is unknown once a byte of the request may have left."""
        maybe_sent = self._phases.maybe_sent
        if maybe_sent is None:  # a transport without events: go by the meaning of the exception
            maybe_sent = self._status is not None or not isinstance(error, _NOT_SENT)
        what = f"{type(error).__name__}: {error}".removesuffix(": ")
        if isinstance(error, TimeoutError):
            which = "reply did not come" if maybe_sent else "connection was not there"
            what = f"the {which} before the deadline of the call"
        if maybe_sent:
            self._lose(what)
        else:
            self._error = TransportError(f"{self._operation} was not sent: {what}")
        if self._error is not None and not isinstance(error, TimeoutError):
            self._error.__cause__ = error

    def receive(self, response: httpx.Response) -> None:
        """Read the reply, within the limits, and close it."""
        try:
            for piece in response.iter_raw() if self.begin(response) else response.iter_bytes():
                if not self.take(piece):
                    break
        finally:
            response.close()

    async def receive_async(self, response: httpx.Response) -> None:
        """Read the reply, in a task."""
        try:
            async for piece in response.aiter_raw() if self.begin(response) else response.aiter_bytes():
                if not self.take(piece):
                    break
        finally:
            await response.aclose()

    def begin(self, response: httpx.Response) -> bool:
        """Record the head of the reply; return whether its body is to be read raw, not by httpx."""
        self._status = response.status_code
        self._headers = tuple(response.headers.multi_items())
        self._connection = response.extensions.get("network_stream")
        self._whole = response.is_stream_consumed
        if self._whole:  # from a transport in this process: all of it is there
            return False
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding in _COMPRESSED:
            self._inflater = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
        elif encoding not in ("", "identity"):
            self._lose(f"the reply is compressed by {encoding!r}, which was not asked for")
        return True

    def take(self, piece: bytes) -> bool:
        """Add a piece of the body; return False if no more is wanted."""
        if self._error is not None:
            return False
        self._received += len(piece)
        self._pieces += 1
        if self._inflater is None:
            self._body += piece
        else:
            try:
                self._inflate(piece)
            except zlib.error as error:
                self._lose(f"the reply cannot be decompressed: {error}")
                return False
        if max(len(self._body), self._received - _OVERHEAD) > self._max_bytes:
            self._lose(f"the reply is longer than {self._max_bytes} bytes")
        elif self._pieces > _MOST_PIECES:
            self._lose(f"the reply comes in too many pieces, more than {_MOST_PIECES}")
        elif not self._whole and self._send.seconds is not None and self._elapsed > self._send.seconds:
            self._lose("the reply did not end before the deadline of the call")
        return self._error is None

    def _inflate(self, piece: bytes) -> None:
        """Decompress a piece, which may have several gzip members, up to the limit."""
        while piece and (room := self._max_bytes - len(self._body)) >= 0 and self._pieces <= _MOST_PIECES:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
                self._pieces += 1
            self._body += self._inflater.decompress(piece, room + 1)
            piece = self._inflater.unused_data

    @property
    def _elapsed(self) -> float:
        return time.perf_counter() - self._begun

    def _lose(self, what: str) -> None:
        text = f"{self._operation} was sent, but its answer was lost, so it may have been done: {what}"
        self._error = AmbiguousError(text, status=self._status)

    def distrust(self) -> None:
        """Do not use the connection again: its reply may belong to another call."""
        distrust(self._connection)

    def answer(self) -> Received | TransportError:
        """Return what the attempt has ended with."""
        if self._error is None and self._inflater is not None and not self._inflater.eof:
            self._lose("the compressed reply broke off")
        if self._error is not None:
            return self._error
        return Received(self._status or 0, {name.lower(): value for name, value in self._headers}, self._content)

    @cached_property
    def _content(self) -> bytes:
        """The body, after the last piece."""
        return bytes(self._body)

    def exchange(self, previous: Exchange | None) -> Exchange:
        """Return the attempt as an `Exchange`."""
        return Exchange(
            operation=self._operation,
            endpoint=self._endpoint,
            attempt=self._send.attempt,
            started=self._started,
            request_headers=self._request_headers,
            request=self._send.body,
            elapsed=self._elapsed,
            status=self._status,
            response_headers=self._headers,
            response=None if self._status is None else self._content,
            previous=previous,
            failure=self._stopped if self._error is None else str(self._error),
            timings=self._phases.timings if self._timed else None,
            read_fault=envelope.fault_of,
        )
