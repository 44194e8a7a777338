"""The REST side of a gateway: bridges to instances of Marketo, what they may use, and whether they are let in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from marketo_soap.bridge.locks import KeyLocks
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.transport import RestBridge
from marketo_soap.calls.limiter import InProcessLimiter
from marketo_soap.errors import Fault
from marketo_soap.gateway.settings import RestSettings

__all__ = ["Instance", "instances_of"]

_REFUSALS = {"401", "600", "601", "602"}
_KNOWN_FOR = 60.0  # seconds: without calls there is no news, and nobody calls a gateway that is never ready again


class Instance:
    """A `[[rest]]` in use: one bridge for each way of translating."""

    def __init__(
        self,
        settings: RestSettings,
        client_id: str,
        client_secret: str,
        limiter: InProcessLimiter,
        locks: KeyLocks,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.limiter, self._locks = settings, limiter, locks
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
            limiter=self.limiter,
            allow_http=rest.allow_http,
            locks=self._locks,
            beside=self._bridges[0] if self._bridges else None,
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
    """Return the instances by their names; those at one origin share its limits and its locks."""
    shared: dict[str, tuple[InProcessLimiter, KeyLocks]] = {}
    found = {}
    for each in rest:
        of_origin = shared.setdefault(each.origin, (InProcessLimiter(each.limits), KeyLocks()))
        found[each.name] = Instance(each, *secrets[each.name], *of_origin)
    return found
