"""The REST side of a gateway: bridges to instances of Marketo, what they may use, and whether they are let in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.transport import RestBridge
from marketo_soap.errors import Fault
from marketo_soap.gateway.settings import RestSettings
from marketo_soap.limiter import InProcessLimiter
from marketo_soap.limits import Limits, today

__all__ = ["Instance", "Meter", "instances_of"]

_REFUSALS = {"401", "600", "601", "602"}
_KNOWN_FOR = 60.0  # seconds: without calls there is no news, and nobody calls a gateway that is never ready again


class Meter:
    """A limiter that tells how many calls it gave leave to today."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._limiter = InProcessLimiter(limits)
        self._lock = threading.Lock()
        self._day: date | None = None
        self._used = 0

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for leave to make a call."""
        self._limiter.acquire(timeout)
        with self._lock:
            self._begin_day()
            self._used += 1

    async def acquire_async(self, timeout: float | None = None) -> None:
        """Wait for leave to make a call, in a task."""
        await self._limiter.acquire_async(timeout)
        with self._lock:
            self._begin_day()
            self._used += 1

    def release(self) -> None:
        """Say that the call has ended."""
        self._limiter.release()

    @property
    def used_today(self) -> int:
        """How many calls of the day's quota are used, by this gateway."""
        with self._lock:
            self._begin_day()
            return self._used

    def _begin_day(self) -> None:
        day = today(datetime.now(UTC))
        if day != self._day:
            self._day, self._used = day, 0


class Instance:
    """A `[[rest]]` in use: one bridge for each way of translating."""

    def __init__(
        self,
        settings: RestSettings,
        client_id: str,
        client_secret: str,
        meter: Meter,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.meter = settings, meter
        self._client_id, self._client_secret = client_id, client_secret
        self._bridges: list[RestBridge] = []
        self._monotonic = monotonic
        self._refused_at: float | None = None

    def bridge(self, settings: BridgeSettings) -> RestBridge:
        """Return the bridge that translates as *settings* say."""
        for bridge in self._bridges:
            if bridge.settings == settings:
                return bridge
        rest = self.settings
        bridge = RestBridge(
            rest.base_url,
            self._client_id,
            self._client_secret,
            settings=settings,
            limiter=self.meter,
            allow_http=rest.allow_http,
        )
        self._bridges.append(bridge)
        return bridge

    @property
    def rest_calls(self) -> int:
        """How many calls of REST were made, tokens not counted."""
        return sum(bridge.rest_calls for bridge in self._bridges)

    @property
    def refused(self) -> bool:
        """Whether REST is known to refuse the credentials."""
        return self._refused_at is not None and self._monotonic() < self._refused_at + _KNOWN_FOR

    def learn(self, outcome: object) -> None:
        """Note what the *outcome* of a call says of the credentials."""
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


def instances_of(rest: tuple[RestSettings, ...], secrets: Mapping[str, tuple[str, str]]) -> dict[str, Instance]:
    """Return the instances by their names; those at one origin share its limits, as they share its locks."""
    meters: dict[str, Meter] = {}
    found = {}
    for each in rest:
        meter = meters.setdefault(each.origin, Meter(each.limits))
        found[each.name] = Instance(each, *secrets[each.name], meter)
    return found
