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
    """A Marketo SOAP client. Threads may share one.

    *endpoint* is the address of the subscription, `https://<munchkin id>.mktoapi.com/soap/mktows/2_2`; *user_id* and
    *encryption_key* are its API user. A *transport* of this package (`SandboxTransport`, `RestBridge`) provides all
    three. Any other `httpx.BaseTransport` replaces the network.

    - *timeout*: seconds for one attempt, or an `httpx.Timeout`. Default: 10 to connect and 90 for everything else,
      120 over a `RestBridge`.
    - *clock*: returns the time that requests are signed with, a datetime with a zone.
    - *retry*: which failed attempts are made again, and how long a call may take in all.
    - *limiter*: keeps to the call limits. "vendor" is the vendor's numbers, shared by all clients of a subscription in
      this process; there are no limits for a sandbox, a mock or an address on this machine. None: no limits.
    - *max_response_bytes*: the maximum length of a reply.
    - *verify*: an `ssl.SSLContext`, also for client certificates. *proxy*: a proxy, as for httpx.
    - *allow_http*: accept plain http to other machines.
    - *tracer*: an OpenTelemetry tracer.
    - *history*: how many of the last exchanges to keep, or a `History`.
    - *on_exchange*: called with the `Exchange` of each attempt when it has ended, in the thread or task that made it.
      An exception that it raises is logged, and does not disturb the call.

    A client has one pool of ten connections. Close it by `close()` or with a `with` block. After a fork, the child
    process makes its own client. Every error of a call is a `MarketoError`. A caller's own mistakes are `ValueError`
    or `TypeError`, before anything is sent.
    """

    _http_class = httpx.Client

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

        Fault 20123, the end of the stream, ends the pages. Raises `ProtocolError` for a position that comes
        twice, or that is empty although more pages follow.
        """
        walk = PageWalk(operation)
        while (page := walk.page) is not None:
            try:
                result = self.call(page, **options)
            except Fault as fault:
                if walk.ends_with(fault):
                    return
                raise
            exchange = self.last_exchange  # before others are made with the client
            yield result
            walk.advance(result, exchange)

    def iterate(self, operation: PagedOperation[Any, ItemT], **options: Unpack[CallOptions]) -> Iterator[ItemT]:
        """Yield the records of all pages of *operation*: see `pages`."""
        for result in self.pages(operation, **options):
            yield from operation.items(result)

    def in_batches(
        self, operation: BatchOperation[R, StatusT], **options: Unpack[CallOptions]
    ) -> BatchOutcome[R, StatusT]:
        """Carry out *operation* in as many calls as its list needs. Return the outcome of each record.

        Options are those of `call`. A batch that is refused, or whose outcome is unknown, is marked on its records, and
        the next ones are sent. An error that all batches would have (credentials, a quota, no connection) ends it:
        the remaining records are marked as not sent. A batch whose outcome is unknown is sent again only if a
        repetition is harmless. All pages of a batch are read.
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
            self._check_process()
            call = Call.again(self._context, request, self._retry)
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
