"""The call limits that the processes of a Ray job share. Needs Ray."""

# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
from secrets import token_hex
from typing import Any

import ray
from ray.exceptions import RayTaskError

from marketo_soap.calls.limiter import InProcessLimiter
from marketo_soap.calls.limits import Limiter, Limits

__all__ = ["LimiterActor", "SharedLimiter", "limiter_actor", "redis_limiter"]

Owner = tuple[str, str]
"""What holds permits, and which process it is at present."""

_limiters: dict[str, tuple[Any, Limits]] = {}  # the handles keep the actors alive until the job ends


def redis_limiter(url: str, name: str, limits: Limits, owner: str) -> Limiter:
    """Return the limiter that all users of a subscription share by Redis. Its leases need no *owner*."""
    from marketo_soap.calls.redis_limiter import RedisLimiter

    return RedisLimiter(url, limits, name=name)


def limiter_actor(name: str, limits: Limits) -> str:
    """Return the name of the actor that limits the calls of this Ray job to a subscription. Starts it if need be."""
    full = f"marketo_soap limits of {name} in {ray.get_runtime_context().get_job_id()}"
    if full not in _limiters:
        actor: Any = ray.remote(LimiterActor)
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "max_concurrency": 1000}
        _limiters[full] = actor.options(name=full, get_if_exists=True, **options).remote(limits), limits
    _, others = _limiters[full]
    if others != limits:
        raise ValueError(f"this Ray job has other limits of the subscription {name!r}: {others}")
    return full


class SharedLimiter:
    """A `Limiter` whose permits come from the actor. A new one for the same owner gives those of the former back."""

    def __init__(self, actor: str, owner: str) -> None:
        self._actor: Any = ray.get_actor(actor)
        self._owner = (owner, token_hex(8))
        ray.get(self._actor.begin.remote(self._owner))

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for a permit: as `InProcessLimiter` does."""
        try:
            ray.get(self._actor.acquire.remote(self._owner, timeout))
        except RayTaskError as error:
            raise error.cause from None

    async def acquire_async(self, timeout: float | None = None) -> None:
        """Wait for a permit, in a task."""
        await asyncio.to_thread(self.acquire, timeout)

    def release(self) -> None:
        """Give a permit back."""
        ray.get(self._actor.release.remote(self._owner))  # waits: this process may be ended next


class LimiterActor:
    """Gives permits to the partitions of a job. Those of a process that died come back when its successor begins."""

    def __init__(self, limits: Limits) -> None:
        self._limiter = InProcessLimiter(limits)
        self._held: dict[Owner, list[object]] = {}
        self._current: dict[str, Owner] = {}
        self._gone: set[Owner] = set()
        # A successor does not know which calls its predecessor has allowed.
        self._pause = limits.window if ray.get_runtime_context().was_current_actor_reconstructed else 0.0

    async def begin(self, owner: Owner) -> None:
        """Take the permits of the owner's predecessor back."""
        before = self._current.get(owner[0])
        self._current[owner[0]] = owner
        if before is not None:
            self._gone.add(before)
            for permit in self._held.pop(before, ()):
                self._limiter.release(permit)

    async def acquire(self, owner: Owner, timeout: float | None) -> None:
        """Wait for a permit."""
        if self._pause:
            await asyncio.sleep(self._pause)
            self._pause = 0.0
        permit = _Permit()
        await self._limiter.acquire_async(timeout, permit)
        if owner in self._gone:
            self._limiter.release(permit)
        else:
            self._held.setdefault(owner, []).append(permit)

    async def release(self, owner: Owner) -> None:
        """Give a permit back."""
        if self._held.get(owner):
            self._limiter.release(self._held[owner].pop())


class _Permit:
    """A permit."""
