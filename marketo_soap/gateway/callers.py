"""Who calls, and whether they may: signatures, times, replays and limits. No caller gets past here unproven."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from secrets import token_hex

from marketo_soap.bridge.transport import RestBridge
from marketo_soap.calls.limits import LimitKeeper, Limits
from marketo_soap.errors import fault
from marketo_soap.gateway.instances import Instance
from marketo_soap.gateway.replays import Replays
from marketo_soap.gateway.settings import CallerSettings
from marketo_soap.signature import AuthenticationHeader, Credentials, mistake, read_timestamp, verify

__all__ = ["Caller", "Callers"]


class Caller:
    """A caller and what it has used of its limits: *share* calls at once where it has none of its own."""

    def __init__(
        self,
        settings: CallerSettings,
        credentials: Credentials,
        instance: Instance,
        bridge: RestBridge,
        share: int,
        replays: Replays | None,
    ) -> None:
        self.enabled = settings.enabled
        self.name, self.credentials, self.instance, self.bridge = settings.name, credentials, instance, bridge
        self.running = 0
        self._settings = settings
        self._limits = LimitKeeper(settings.limits or Limits(calls=None, at_once=share, per_day=None))
        self._replays = replays if settings.refuse_replays else None

    def admit(self, header: AuthenticationHeader, body: bytes, now: datetime, tick: float) -> None:
        """Return if the call, whose signature is right, may be made, and count it; else raise the fault."""
        times = read_timestamp(header.request_timestamp)
        if not times:
            raise fault(20014, "Authentication failed: requestTimestamp is not a time")
        # Without a zone it is UTC: where this machine stands must not make old signatures good.
        if abs((now - times[0]).total_seconds()) > self._settings.timestamp_window:
            raise fault(20016)
        if not self._settings.enabled:
            raise fault(20013)
        replays, kind = self._replays, self._settings.refuse_replays
        if replays is None:
            self._limits.admit(now, tick, self.running + 1)
            return
        key = header.request_signature.encode() + (b"\0" + body if kind == "request" else b"")
        user_id, signed = self.credentials.user_id, times[0].timestamp()
        repeated = fault(20016, f"Request Expired: the same {kind} has been received before, or may have been")
        if replays.knows(user_id, key, signed):
            raise repeated
        self._limits.admit(now, tick, self.running + 1)
        if not replays.add(user_id, key, signed, now.timestamp() - self._settings.timestamp_window):
            raise repeated


class Callers:
    """All callers, found by what they sign with, and their shares of the calls that are made at once, *most*."""

    def __init__(self, callers: Iterable[Caller], most: int) -> None:
        self._by_id: Mapping[str, Caller] = {caller.credentials.user_id: caller for caller in callers}
        self._enabled = [caller for caller in self._by_id.values() if caller.enabled]
        self._most = most
        alone = len(self._enabled) < 2
        self._kept = 0 if alone else most // (2 * len(self._enabled))
        self._each = most if alone else max(1, most * 3 // 4)
        self._nobody = Credentials(token_hex(16), token_hex(16))
        self._next_diagnosis = 0.0

    def diagnose(self, header: AuthenticationHeader, tick: float) -> tuple[str | None, str]:
        """Say who *header* claims to be signed by, if that is a caller, and what is wrong with the signature.

        That costs as much as some forty signatures, so strangers get it done once a second. An unknown user takes as
        long: nobody learns who is known.
        """
        claimed, wrong = self._by_id.get(header.mktows_user_id), "is wrong; one a second is diagnosed"
        if tick >= self._next_diagnosis:
            self._next_diagnosis = tick + 1.0
            wrong = mistake(self._nobody if claimed is None else claimed.credentials, header)
        return (None, "of an unknown user") if claimed is None else (claimed.name, wrong)

    def identify(self, header: AuthenticationHeader) -> Caller:
        """Return who signed *header*. Raises 20014, as late for an unknown user as for a wrong signature."""
        caller = self._by_id.get(header.mktows_user_id)
        right = verify(self._nobody if caller is None else caller.credentials, header)
        if caller is None or not right:
            raise fault(20014)
        return caller

    def make_room(self, caller: Caller) -> None:
        """Return if a call of *caller* may be made beside those that are; else raise 20024.

        Half of the room is kept in equal parts, each for one caller, and no caller of several gets more than
        three quarters, whatever its own limits are.
        """
        free = self._most - sum(each.running for each in self._enabled)
        kept = sum(max(0, self._kept - each.running) for each in self._enabled if each is not caller)
        if free <= (0 if caller.running < self._kept else kept) or caller.running >= self._each:
            raise fault(20024)
