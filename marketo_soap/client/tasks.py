"""The client for asyncio tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

import httpx

from marketo_soap.calls.call import Call
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

__all__ = ["AsyncClient"]

R = TypeVar("R")
ItemT = TypeVar("ItemT")
StatusT = TypeVar("StatusT")


class AsyncClient(Operations, BaseClient[httpx.AsyncBaseTransport]):
    """The client for asyncio. It has the arguments and methods of `Client`, with `async with` and `await`.

    A cancelled call stops at once and leaves the client usable.
    """

    _http_class = httpx.AsyncClient

    async def call(
        self,
        operation: Operation[R],
        *,
        target_workspace: str | None = None,
        timeout: Timeout = None,
        retry: RetryPolicy | None = None,
    ) -> R:
        """Carry out *operation* and return its result; arguments and errors are those of `Client.call`."""
        return (await self._run(self._begin(operation, target_workspace, retry), timeout)).result

    async def pages(self, operation: PagedOperation[R, Any], **options: Unpack[CallOptions]) -> AsyncIterator[R]:
        """Yield the results of all pages of *operation*: see `Client.pages`."""
        walk = PageWalk(operation)
        while (page := walk.page) is not None:
            try:
                result = await self.call(page, **options)
            except Fault as fault:
                if walk.ends_with(fault):
                    return
                raise
            exchange = self.last_exchange  # before others are made with the client
            yield result
            walk.advance(result, exchange)

    async def iterate(
        self, operation: PagedOperation[Any, ItemT], **options: Unpack[CallOptions]
    ) -> AsyncIterator[ItemT]:
        """Yield the records of all pages of *operation*: see `Client.pages`."""
        async for result in self.pages(operation, **options):
            for item in operation.items(result):
                yield item

    async def in_batches(
        self, operation: BatchOperation[R, StatusT], **options: Unpack[CallOptions]
    ) -> BatchOutcome[R, StatusT]:
        """Carry out *operation* in as many calls as its list needs: see `Client.in_batches`."""
        from marketo_soap.client.batches import BatchWalk

        walk = BatchWalk(operation)
        while (call := walk.call) is not None:
            try:
                walk.advance(await self.call(call, **options), self.last_exchange)
            except MarketoError as error:
                walk.fail(error)
        return walk.outcome

    async def replay(self, request: bytes, *, timeout: Timeout = None) -> Exchange:
        """Send the bytes of a stored request once, with a new signature: see `Client.replay`."""
        try:
            self._check_process()
            call = Call.again(self._context, request, self._retry)
        finally:
            del request
        return (await self._run(call, timeout)).last_exchange

    async def _run(self, call: Call[R], timeout: Timeout) -> Call[R]:
        with call:
            answer: StepAnswer = None
            while (step := call.advance(answer)) is not None:
                answer = None
                if isinstance(step, Send):
                    answer = await self._send(call, step, timeout)
                elif isinstance(step, Wait):
                    from asyncio import sleep  # a client for threads needs none of asyncio

                    await sleep(step.seconds)
                else:
                    try:
                        await call.permit.acquire_async(step.seconds)
                    except MarketoError as error:
                        answer = error
        return call

    async def _send(self, call: Call[Any], send: Send, timeout: Timeout) -> StepAnswer:
        request = self._request(send, timeout)
        from asyncio import timeout as within_time

        with call.attempt(send, request, is_async=True) as attempt:
            async with within_time(send.seconds):
                await attempt.receive_async(await self._http.send(request, stream=True))
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
