"""The client for threads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

import httpx

from marketo_soap.calls.call import Call
from marketo_soap.calls.deadline import deadline
from marketo_soap.calls.flow import Send, StepAnswer, Wait
from marketo_soap.calls.http import open_client
from marketo_soap.calls.retry import RetryPolicy
from marketo_soap.client.base import BaseClient, CallOptions, Timeout
from marketo_soap.client.operations import Operations
from marketo_soap.client.paging import PageWalk
from marketo_soap.errors import Fault, MarketoError
from marketo_soap.history import Exchange
from marketo_soap.operations import Operation
from marketo_soap.operations.base import BatchOperation, PagedOperation

if TYPE_CHECKING:
    from marketo_soap.client.batches import BatchOutcome

__all__ = ["Client"]

R = TypeVar("R")
ItemT = TypeVar("ItemT")
StatusT = TypeVar("StatusT")


class Client(Operations, BaseClient[httpx.BaseTransport]):
    """A Marketo SOAP client.

    *endpoint* is the subscription's own address, `https://<munchkin id>.mktoapi.com/soap/mktows/2_2`; *user_id* and
    *encryption_key* are its API user. A *transport* of this package (`SandboxTransport`, `RestBridge`) provides all
    three; any other `httpx.BaseTransport` replaces the network. *timeout* is httpx's, in seconds, for one attempt (10
    to connect and 90 for all else, 120 over a `RestBridge`). *clock* returns the aware time that requests are signed
    with. *retry* says which failed attempts are made again, and how long a call may take in all. *limiter* keeps to the
    call limits: "vendor" is the vendor's numbers, shared by all clients of a subscription in this process, and none for
    a sandbox, a mock or an address on this machine; None is none. A reply may be *max_response_bytes* long. *verify* is
    an `ssl.SSLContext` (with client certificates, if need be), *proxy* httpx's, *tracer* an OpenTelemetry tracer. Plain
    http is accepted on this machine only, unless *allow_http*. *history* keeps the last exchanges, so many (or a
    `History` of your own), and *on_exchange* is called with each attempt's `Exchange` as soon as it has ended, in the
    thread or task that made it; what it raises is logged and harms no call.

    A client holds one pool of ten connections, may be shared by threads, and is closed by `close()` or a
    `with` block; after a fork the child makes its own. Every error of a call is a `MarketoError` with its
    `exchange`; a caller's own mistakes are `ValueError` or `TypeError` before anything is sent.
    """

    def _open(self, transport: httpx.BaseTransport | None, options: dict[str, Any]) -> None:
        self._http = open_client(transport=transport, **options)

    def call(
        self,
        operation: Operation[R],
        *,
        target_workspace: str | None = None,
        timeout: Timeout = None,
        retry: RetryPolicy | None = None,
    ) -> R:
        """Carry out *operation* and return its result. *timeout* and *retry* are the client's unless given.

        Raises `Fault` when the server refuses, `OperationFailed` when the reply says that nothing was done,
        `ProtocolError` for a reply that breaks the contract, and `TransportError` when no usable reply came
        (`AmbiguousError` when the call may have been carried out).
        """
        return self._run(self._begin(operation, target_workspace, retry), timeout).result

    def pages(self, operation: PagedOperation[R, Any], **options: Unpack[CallOptions]) -> Iterator[R]:
        """Yield the results of all pages of *operation*. Each page is a call of its own; options are those of `call`.

        Fault 20123, the end of the stream, ends it. Raises `ProtocolError` for a position that comes back twice.
        """
        walk = PageWalk(operation)
        while (page := walk.page) is not None:
            try:
                result = self.call(page, **options)
            except Fault as fault:
                if walk.ends_with(fault):
                    return
                raise
            yield result
            walk.advance(result, self.last_exchange)

    def iterate(self, operation: PagedOperation[Any, ItemT], **options: Unpack[CallOptions]) -> Iterator[ItemT]:
        """Yield the records of all pages of *operation*: see `pages`."""
        for result in self.pages(operation, **options):
            yield from operation.items(result)

    def in_batches(
        self, operation: BatchOperation[R, StatusT], **options: Unpack[CallOptions]
    ) -> BatchOutcome[R, StatusT]:
        """Carry out *operation* in as many calls as its list needs, one after the other; return what came of each item.

        Options are those of `call`. A batch that is refused, or whose fate is unknown, is marked on its records and
        the others go on; credentials, a quota or a connection that would fail all of them end it, and the rest is
        marked as not sent. A batch whose fate is unknown is made again only as the retry policy allows: never
        where a repetition would double. Walks all pages of a batch.
        """
        from marketo_soap.client.batches import BatchWalk

        walk = BatchWalk(operation)
        while (call := walk.call) is not None:
            try:
                walk.advance(self.call(call, **options), self.last_exchange)
            except MarketoError as error:
                walk.fail(error)
        return walk.outcome

    def replay(self, request: bytes, *, timeout: Timeout = None) -> Exchange:
        """Send the bytes of a stored request once, with a new signature, and return the exchange.

        A fault is returned like any other answer. Raises `ProtocolError` if the bytes are not a request that can be
        signed, and `TransportError` when no answer came.
        """
        try:
            call = self._begin_again(request)
        finally:
            del request  # error trackers record the locals of frames
        return self._run(call, timeout).last_exchange

    def _run(self, call: Call[R], timeout: Timeout) -> Call[R]:
        with call:
            answer: StepAnswer = None
            while (step := call.advance(answer)) is not None:
                answer = None
                if isinstance(step, Send):
                    answer = self._send(call, step, timeout)
                elif isinstance(step, Wait):
                    time.sleep(step.seconds)
                else:
                    try:
                        call.permit.acquire(step.seconds)
                    except MarketoError as error:
                        answer = error
        return call

    def _send(self, call: Call[Any], send: Send, timeout: Timeout) -> StepAnswer:
        request = self._request(send, timeout)
        with call.attempt(send, request) as attempt, deadline(send.seconds):
            attempt.receive(self._http.send(request, stream=True))
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
