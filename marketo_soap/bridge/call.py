"""One call over the bridge: the locks and permits that it holds, its warnings and its answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from attrs import frozen

from marketo_soap.bridge.locks import Locks
from marketo_soap.bridge.session import Steps
from marketo_soap.bridge.shared_memory import SharedMemory
from marketo_soap.bridge.steps import CheckLocks, Fetch, Hold, Note, Recall, Release, Remember, Step
from marketo_soap.calls.flow import Acquire, StepAnswer, Wait
from marketo_soap.calls.limiter import Permit
from marketo_soap.calls.limits import Limiter
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
    """What one call holds; leaving the `with` block gives it back."""

    served: Served

    def __init__(
        self,
        steps: Steps[service.Answer],
        locks: Locks,
        limiter: Limiter | None,
        memory: SharedMemory | None,
        warn: Callable[[str], None],
    ) -> None:
        self._steps, self._locks, self._warn = steps, locks, warn
        self._memory: Any = memory  # there is one if a step needs it
        self.held: dict[frozenset[str], Any] = {}
        self.permit = Permit(limiter)
        self.rest_calls = 0
        self._notes: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._steps.close()
        self.permit.release()
        for ticket in self.held.values():
            self._locks.release(ticket)

    def advance(self, answer: StepAnswer) -> Step | None:
        """Return the next step that takes time; None when `served` is there."""
        while True:
            try:
                step = self._steps.send(answer)
            except StopIteration as done:
                self.served = Served(done.value, tuple(self._notes), self.rest_calls)
                return None
            answer = None
            if isinstance(step, Note):
                self._notes.append(step.text)
                self._warn(step.text)
            elif isinstance(step, Release):
                self._locks.release(self.held.pop(step.keys))
            else:
                if isinstance(step, Wait):
                    logger.warning("tried again in %.2f s: %s", step.seconds, step.error)
                return step

    def do(self, step: Step) -> Any:
        """Do what *step* says, in a thread; not a `Fetch`. Raises the error that answers it."""
        if isinstance(step, Wait):
            time.sleep(step.seconds)
        elif isinstance(step, Hold):
            self.held[step.keys] = self._locks.acquire(step.keys, step.seconds)
        elif isinstance(step, CheckLocks):
            for ticket in self.held.values():
                self._locks.check(ticket)
        elif isinstance(step, Acquire):
            self.permit.release()
            self.permit.acquire(step.seconds)
        elif isinstance(step, Remember):
            self._memory.put(step.key, step.value, step.seconds)
        elif isinstance(step, Recall):
            return self._memory.get(step.key)
        return None

    async def do_async(self, step: Step) -> Any:
        """Do what *step* says, in a task."""
        if isinstance(step, Wait):
            from asyncio import sleep

            await sleep(step.seconds)
        elif isinstance(step, Hold):
            self.held[step.keys] = await self._locks.acquire_async(step.keys, step.seconds)
        elif isinstance(step, CheckLocks):
            for ticket in self.held.values():
                await self._locks.check_async(ticket)
        elif isinstance(step, Acquire):
            self.permit.release()
            await self.permit.acquire_async(step.seconds)
        elif isinstance(step, Remember):
            await self._memory.put_async(step.key, step.value, step.seconds)
        elif isinstance(step, Recall):
            return await self._memory.get_async(step.key)
        return None

    @contextmanager
    def attempt(self, fetch: Fetch) -> Iterator[None]:
        """Count the attempt in the block, and release its permit in the end."""
        self.rest_calls += fetch.token is not None
        try:
            yield
        finally:
            self.permit.release()
        logger.debug("%s, attempt %d", fetch.request.name, fetch.attempt)
