"""One call over the bridge: the locks and permits that it holds, its warnings and its answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from marketo_soap.bridge.connections import Connections
from marketo_soap.bridge.locks import Locks
from marketo_soap.bridge.session import Steps
from marketo_soap.bridge.shared_memory import SharedMemory
from marketo_soap.bridge.steps import CheckLocks, Fetch, Hold, Note, Recall, Release, Remember, Step
from marketo_soap.calls.flow import Acquire, StepAnswer, Wait
from marketo_soap.calls.limiter import Permit
from marketo_soap.calls.limits import Limiter
from marketo_soap.errors import MarketoError
from marketo_soap.server import service

__all__ = ["BridgeCall", "Served"]

logger = logging.getLogger("marketo_soap.bridge")


@frozen
class Served:
    """The answer to a SOAP request, the warnings, and the number of REST calls that it took."""

    answer: service.Answer
    notes: tuple[str, ...]
    rest_calls: int


class BridgeCall:
    """Carries out the steps of one call. `close` gives back the locks and the permit that it holds."""

    def __init__(
        self,
        steps: Steps[service.Answer],
        connections: Connections,
        timeout: Any,  # an httpx.Timeout
        locks: Locks,
        limiter: Limiter | None,
        memory: SharedMemory | None,
        warn: Callable[[str], None],
    ) -> None:
        self._steps, self._connections, self._timeout = steps, connections, timeout
        self._locks, self._warn = locks, warn
        self._memory: Any = memory  # there is one if a step needs it
        self._held: dict[frozenset[str], Any] = {}
        self._permit = Permit(limiter)
        self.rest_calls = 0
        self._notes: list[str] = []

    def close(self) -> None:
        """Unlock what the call has locked, and give its permit back."""
        self._steps.close()
        self._permit.release()
        for ticket in self._held.values():
            self._locks.release(ticket)

    def run(self) -> Served:
        """Carry out the steps, in a thread, and return the answer."""
        answer: StepAnswer = None
        while not isinstance(step := self._advance(answer), Served):
            try:
                answer = self._do(step)
            except MarketoError as error:
                answer = error
        return step

    async def run_async(self) -> Served:
        """Carry out the steps, in a task."""
        answer: StepAnswer = None
        while not isinstance(step := self._advance(answer), Served):
            try:
                answer = await self._do_async(step)
            except MarketoError as error:
                answer = error
        return step

    def _advance(self, answer: StepAnswer) -> Step | Served:
        """Return the next step that takes time, or the answer to the call."""
        while True:
            try:
                step = self._steps.send(answer)
            except StopIteration as done:
                return Served(done.value, tuple(self._notes), self.rest_calls)
            answer = None
            if isinstance(step, Note):
                self._notes.append(step.text)
                self._warn(step.text)
            elif isinstance(step, Release):
                self._locks.release(self._held.pop(step.keys))
            else:
                if isinstance(step, Wait):
                    logger.warning("tried again in %.2f s: %s", step.seconds, step.error)
                return step

    def _do(self, step: Step) -> Any:
        """Return the answer to *step*, or raise the error that answers it."""
        if isinstance(step, Fetch):
            with self._attempt(step):
                return self._connections.fetch(step, self._timeout)
        if isinstance(step, Wait):
            time.sleep(step.seconds)
        elif isinstance(step, Hold):
            self._held[step.keys] = self._locks.acquire(step.keys, step.seconds)
        elif isinstance(step, CheckLocks):
            for ticket in self._held.values():
                self._locks.check(ticket)
        elif isinstance(step, Acquire):
            self._permit.release()
            self._permit.acquire(step.seconds)
        elif isinstance(step, Remember):
            self._memory.put(step.key, step.value, step.seconds)
        elif isinstance(step, Recall):
            return self._memory.get(step.key)
        return None

    async def _do_async(self, step: Step) -> Any:
        if isinstance(step, Fetch):
            with self._attempt(step):
                return await self._connections.fetch_async(step, self._timeout)
        if isinstance(step, Wait):
            from asyncio import sleep

            await sleep(step.seconds)
        elif isinstance(step, Hold):
            self._held[step.keys] = await self._locks.acquire_async(step.keys, step.seconds)
        elif isinstance(step, CheckLocks):
            for ticket in self._held.values():
                await self._locks.check_async(ticket)
        elif isinstance(step, Acquire):
            self._permit.release()
            await self._permit.acquire_async(step.seconds)
        elif isinstance(step, Remember):
            await self._memory.put_async(step.key, step.value, step.seconds)
        elif isinstance(step, Recall):
            return await self._memory.get_async(step.key)
        return None

    @contextmanager
    def _attempt(self, fetch: Fetch) -> Iterator[None]:
        """Count the attempt in the block, and release its permit in the end."""
        self.rest_calls += fetch.token is not None
        try:
            yield
        finally:
            self._permit.release()
        logger.debug("%s, attempt %d", fetch.request.name, fetch.attempt)
