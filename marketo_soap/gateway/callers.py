"""Authentication of callers: signatures, timestamps, replays and limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from secrets import token_hex

from marketo_soap.bridge.transport import RestBridge
from marketo_soap.calls.limits import LimitKeeper, Limits
from marketo_soap.errors import fault
from marketo_soap.gateway.instances import RestInstance
from marketo_soap.gateway.replays import Replays
from marketo_soap.gateway.settings import CallerSettings
from marketo_soap.gateway.shared import RedisReplays, SharedLimitKeeper, SharedState
from marketo_soap.signature import AuthenticationHeader, Credentials, mistake, read_timestamp, verify

__all__ = ["Caller", "Callers"]


class Caller:
    """A caller and its use of its limits. Without limits of its own it may make *share* calls at once."""

    def __init__(
        self,
        settings: CallerSettings,
        credentials: Credentials,
        instance: RestInstance,
        bridge: RestBridge,
        share: int,
        replays: Replays | RedisReplays | None,
        state: SharedState | None = None,
    ) -> None:
        self.enabled = settings.enabled
        self.name, self.credentials, self.instance, self.bridge = settings.name, credentials, instance, bridge
        self.running = 0
        self._settings = settings
        self._limits = LimitKeeper(settings.limits or Limits(calls=None, at_once=share, per_day=None))
        self._shared_limits: SharedLimitKeeper | None = None
        if state is not None and settings.limits is not None:
            self._shared_limits = SharedLimitKeeper(state, settings.name, settings.limits)
        self._replays = replays if settings.refuse_replays else None

    async def check_call(
        self, header: AuthenticationHeader, body: bytes, now: datetime, tick: float
    ) -> Callable[[], None]:
        """Count a call with a valid signature, or raise the fault that refuses it.

        Return a function that is to be called when the call has ended.
        """
        times = read_timestamp(header.request_timestamp)
        if not times:
            raise fault(20014, "Authentication failed: requestTimestamp is not a timestamp")
        # Without a zone it is UTC: the zone of this machine must not make old signatures valid.
        if abs((now - times[0]).total_seconds()) > self._settings.timestamp_window:
            raise fault(20016)
        if not self._settings.enabled:
            raise fault(20013)
        replays, kind = self._replays, self._settings.refuse_replays
        if replays is None:
            return await self._count_call(now, tick)
        key = header.request_signature.encode() + (b"\0" + body if kind == "request" else b"")
        user_id, signed = self.credentials.user_id, times[0].timestamp()
        repeated = fault(20016, f"Request Expired: the same {kind} has been received before, or may have been")
        expired = now.timestamp() - self._settings.timestamp_window
        if await _value(replays.knows(user_id, key, signed)):
            raise repeated
        ended = await self._count_call(now, tick)
        try:
            if not await _value(replays.add(user_id, key, signed, expired)):
                raise repeated
        except BaseException:
            ended()
            raise
        return ended

    async def _count_call(self, now: datetime, tick: float) -> Callable[[], None]:
        if self._shared_limits is not None:
            return partial(self._shared_limits.end, await self._shared_limits.count_call())
        self._limits.count_call(now, tick, self.running + 1)
        return _nothing


def _nothing() -> None:
    """What is to be done when a call has ended that is counted in this process."""


async def _value(value: bool | Awaitable[bool]) -> bool:
    """Return a value of this process, or of Redis."""
    return value if isinstance(value, bool) else await value


class Callers:
    """All callers by user id, and their shares of the *max_calls* that run at once."""

    def __init__(self, callers: Iterable[Caller], max_calls: int) -> None:
        self._by_id: Mapping[str, Caller] = {caller.credentials.user_id: caller for caller in callers}
        self._enabled = [caller for caller in self._by_id.values() if caller.enabled]
        self._max_calls = max_calls
        alone = len(self._enabled) < 2
        self._reserved = 0 if alone else max_calls // (2 * len(self._enabled))
        self._max_per_caller = max_calls if alone else max(1, max_calls * 3 // 4)
        self._unknown = Credentials(token_hex(16), token_hex(16))
        self._next_diagnosis = 0.0

    def diagnose(self, header: AuthenticationHeader, tick: float) -> tuple[str | None, str]:
        """Return the caller that *header* claims to be from, if there is one, and what is wrong with its signature.

        A diagnosis costs about forty signatures, so only one a second is made. It takes as long for an unknown user,
        so that nobody learns which users exist.
        """
        claimed, wrong = self._by_id.get(header.mktows_user_id), "is wrong; one a second is diagnosed"
        if tick >= self._next_diagnosis:
            self._next_diagnosis = tick + 1.0
            wrong = mistake(self._unknown if claimed is None else claimed.credentials, header)
        return (None, "of an unknown user") if claimed is None else (claimed.name, wrong)

    def identify(self, header: AuthenticationHeader) -> Caller:
        """Return the caller that signed *header*. Raises 20014, no faster for unknown users."""
        caller = self._by_id.get(header.mktows_user_id)
        right = verify(self._unknown if caller is None else caller.credentials, header)
        if caller is None or not right:
            raise fault(20014)
        return caller

    def check_room(self, caller: Caller) -> None:
        """Raise 20024 if too many calls are running for another one of *caller*.

        Half of the capacity is reserved in equal parts for the callers. Where there are several, none gets more than
        three quarters of it, whatever its own limits are.
        """
        free = self._max_calls - sum(each.running for each in self._enabled)
        reserved = sum(max(0, self._reserved - each.running) for each in self._enabled if each is not caller)
        if free <= (0 if caller.running < self._reserved else reserved) or caller.running >= self._max_per_caller:
            raise fault(20024)
