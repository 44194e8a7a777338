"""The Marketo instances of a gateway: their bridges, limits, and whether REST accepts the credentials."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from marketo_soap.bridge.locks import KeyLocks, Locks
from marketo_soap.bridge.redis_locks import RedisKeyLocks
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.shared_memory import RedisMemory, SharedMemory
from marketo_soap.bridge.transport import RestBridge
from marketo_soap.calls.limiter import InProcessLimiter
from marketo_soap.calls.redis_limiter import RedisLimiter
from marketo_soap.errors import Fault
from marketo_soap.gateway.settings import RestSettings
from marketo_soap.gateway.shared import SharedState

__all__ = ["RestInstance", "instances_of"]

_REFUSALS = {"401", "600", "601", "602"}
_REFUSED_FOR = 60.0  # seconds: a gateway that is not ready gets no calls, so this must expire without one


class RestInstance:
    """A `[[rest]]` in use, with one bridge for each distinct `BridgeSettings`."""

    def __init__(
        self,
        settings: RestSettings,
        client_id: str,
        client_secret: str,
        limiter: InProcessLimiter | RedisLimiter,
        locks: Locks,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        memory: SharedMemory | None = None,
    ) -> None:
        self.settings, self.limiter, self._locks, self._memory = settings, limiter, locks, memory
        self._client_id, self._client_secret = client_id, client_secret
        self._bridges: list[RestBridge] = []
        self._monotonic = monotonic
        self._refused_at: float | None = None

    def bridge(self, settings: BridgeSettings) -> RestBridge:
        """Return the bridge with *settings*."""
        for bridge in self._bridges:
            if bridge.settings == settings:
                return bridge
        rest = self.settings
        bridge = RestBridge(
            rest.base_url,
            self._client_id,
            self._client_secret,
            settings=settings,
            limiter=self.limiter,
            allow_http=rest.allow_http,
            locks=self._locks,
            memory=self._memory,
            share_with=self._bridges[0] if self._bridges else None,
        )
        self._bridges.append(bridge)
        return bridge

    @property
    def rest_calls(self) -> int:
        """The number of REST calls made, without those for tokens."""
        return sum(bridge.rest_calls for bridge in self._bridges)

    @property
    def refused(self) -> bool:
        """Whether REST has recently refused the credentials."""
        return self._refused_at is not None and self._monotonic() < self._refused_at + _REFUSED_FOR

    def record(self, outcome: object) -> None:
        """Update `refused` from the *outcome* of a call."""
        if not isinstance(outcome, Fault):
            self._refused_at = None
        elif outcome.rest is not None and (outcome.rest.status == 401 or outcome.rest.code in _REFUSALS):
            self._refused_at = self._monotonic()
        elif outcome.rest is not None and outcome.rest.code:
            self._refused_at = None

    def close(self) -> None:
        """Close the connections."""
        for bridge in self._bridges:
            bridge.close()


def instances_of(
    rest: tuple[RestSettings, ...], secrets: Mapping[str, tuple[str, str]], state: SharedState | None = None
) -> dict[str, RestInstance]:
    """Return the instances by name. Those with the same origin share limits and locks, with *state* in all workers."""
    shared: dict[str, tuple[InProcessLimiter | RedisLimiter, Locks]] = {}
    found = {}
    for each in rest:
        memory = None
        if state is None:
            shared.setdefault(each.origin, (InProcessLimiter(each.limits), KeyLocks()))
        else:
            redis, name, lease = state.thread, state.name(each.origin), state.settings.lease
            limiter = RedisLimiter(redis, each.limits, name=name, lease=lease)
            shared.setdefault(each.origin, (limiter, RedisKeyLocks(redis, name=name, lease=lease)))
            memory = RedisMemory(redis, name=state.name(each.name))
        found[each.name] = RestInstance(each, *secrets[each.name], *shared[each.origin], memory=memory)
    return found
