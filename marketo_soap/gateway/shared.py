"""What the workers and machines of a gateway share in Redis: limits of callers, and the requests that came."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from secrets import token_hex
from typing import Any
from weakref import ref

from marketo_soap.calls.limits import Limits
from marketo_soap.calls.redis_scripts import as_arguments, reset_after
from marketo_soap.calls.redis_thread import Away, Leases, RedisThread
from marketo_soap.errors import fault
from marketo_soap.gateway.redis_settings import RedisSettings

__all__ = ["RedisReplays", "SharedLimitKeeper", "SharedState"]

_KEPT = 100_000  # requests of a caller

# As `LimitKeeper` counts. KEYS: the starts of calls, the calls in progress with the ends of their leases, the day.
_COUNT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local calls, window, at_once = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local per_day, lease, reset = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {0, 0} end  -- an answer was lost
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local known = redis.call('HMGET', KEYS[3], 'reset', 'spent')
local till, spent = tonumber(known[1]), tonumber(known[2]) or 0
if not till or till <= now then
  if reset <= now then return {2, now} end
  spent = 0
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], 'reset', reset)
  redis.call('PEXPIREAT', KEYS[3], math.floor(reset / 1000) + 86400000)
end
if at_once >= 0 and redis.call('ZCARD', KEYS[2]) >= at_once then return {20024, 0} end
if calls >= 0 and redis.call('ZCARD', KEYS[1]) >= calls then return {20023, 0} end
if per_day >= 0 and spent >= per_day then return {20015, 0} end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZADD', KEYS[2], now + lease, ARGV[1])
redis.call('HINCRBY', KEYS[3], 'spent', 1)
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 60000)
redis.call('PEXPIRE', KEYS[2], math.ceil(2 * lease / 1000) + 60000)
return {0, 0}
"""

_RENEW = """
local time = redis.call('TIME')
for i = 2, #ARGV do redis.call('ZADD', KEYS[2], time[1] * 1000000 + time[2] + ARGV[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[2], math.ceil(2 * ARGV[1] / 1000) + 60000)
"""

# As `Replays`. KEYS: the requests of a caller by the time of their signatures; the time up to which all are refused.
_ADD = """
local signed, request, expired, kept = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local forgotten = redis.call('GET', KEYS[2])
if not forgotten then  -- Redis has lost its data
  redis.call('SET', KEYS[2], redis.call('TIME')[1])
  return 0
end
if tonumber(signed) <= tonumber(forgotten) then return 0 end
if redis.call('ZADD', KEYS[1], 'NX', signed, request) == 0 then return 0 end
local last = redis.call('ZREVRANGEBYSCORE', KEYS[1], '(' .. ARGV[3], '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
local above = redis.call('ZREVRANGE', KEYS[1], kept, kept, 'WITHSCORES')[2]
if above and (not last or tonumber(above) > tonumber(last)) then last = above end
if last then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', last)
  redis.call('SET', KEYS[2], last)
end
return 1
"""

_KNOWS = """
local forgotten = redis.call('GET', KEYS[2])
if not forgotten or tonumber(ARGV[1]) <= tonumber(forgotten) then return 1 end
return redis.call('ZSCORE', KEYS[1], ARGV[2]) and 1 or 0
"""

_BEGIN = "return redis.call('SET', KEYS[1], redis.call('TIME')[1] - 1, 'NX')"


class SharedState:
    """The Redis server of a gateway, and the names of what is kept there."""

    def __init__(self, settings: RedisSettings, password: str | None) -> None:
        self.settings = settings
        self.thread = RedisThread(settings.url, timeout=settings.timeout, password=password)

    def begin(self) -> None:
        """Raise `OSError` unless the server can be used."""
        try:
            self.thread.run(self.thread.command("PING"))
        except Away as error:
            raise OSError(f"redis: the server cannot be used: {error}") from None

    async def is_away(self) -> bool:
        """Ask the server for a sign of life."""
        try:
            await self.thread.run_async(self.thread.command("PING"))
        except Away:
            return True
        return False

    def name(self, of: str) -> str:
        """Return the name of what the limiter, the locks or the memory of *of* share."""
        return f"{self.settings.name}:{of.replace(':', '_')}"

    def close(self) -> None:
        """Close the connections."""
        self.thread.close()


class _Waiter:
    """Holds a counted call until its task knows of it: one that is cancelled before that leaves nothing behind."""


class SharedLimitKeeper:
    """The limits of one caller over all workers; a worker that died holds its calls for the length of a lease."""

    def __init__(self, state: SharedState, caller: str, limits: Limits) -> None:
        self._redis, lease = state.thread, state.settings.lease
        base = f"marketo_soap:{{{state.name(caller)}}}:caller"
        self._keys = [f"{base}:{part}" for part in ("starts", "running", "day")]
        self._numbers = as_arguments(limits, lease)
        self._leases = Leases(self._redis, lease, self._renew, self._end)
        self._reset = 0

    async def count_call(self) -> str:
        """Count a call that begins, and return its number for `end`. Raises the fault that refuses it."""
        number, waiter = token_hex(8), _Waiter()
        try:
            code = await self._leases.acquire_async(number, self._count(number, ref(waiter)))
        except Away:
            raise fault(20024) from None
        if code:
            raise fault(code)
        self._leases.held[number] = None  # it outlives its waiter
        return number

    def end(self, number: str) -> None:
        """Say that a call has ended."""
        self._leases.end(number)

    async def _count(self, number: str, waiter: ref[_Waiter]) -> int:
        self._leases.renew()
        while True:
            code, now = await self._redis.script(_COUNT, self._keys, number, *self._numbers, self._reset)
            if code != 2:
                break
            self._reset = reset_after(now)
        if not code:
            self._leases.held[number] = waiter
        return int(code)

    async def _renew(self, *numbers: str) -> None:
        await self._redis.script(_RENEW, self._keys, self._numbers[4], *numbers)

    async def _end(self, *numbers: str) -> None:
        await self._redis.command("ZREM", self._keys[1], *numbers)


class RedisReplays:
    """The digests of requests in Redis, as `Replays` has them in a file.

    Requests signed before Redis lost its data are refused.
    """

    def __init__(self, state: SharedState, callers: Sequence[str], kept: int = _KEPT) -> None:
        self._redis, self._base, self._kept = state.thread, f"marketo_soap:{{{state.name('replays')}}}", kept
        for caller in callers:
            try:
                self._redis.run(self._redis.script(_BEGIN, self._keys(caller)[1:]))
            except Away as error:
                raise OSError(f"redis: the server cannot be used: {error}") from None

    async def knows(self, caller: str, key: bytes, time: float) -> bool:
        """Return whether a request that *caller* signed at *time* was received before, or may have been."""
        return bool(await self._script(_KNOWS, caller, repr(time), _digest(time, key)))

    async def add(self, caller: str, key: bytes, time: float, expired: float) -> bool:
        """Store a request and return True, or False if it is known. Requests signed before *expired* may be deleted."""
        return bool(await self._script(_ADD, caller, repr(time), _digest(time, key), repr(expired), self._kept))

    async def _script(self, source: str, caller: str, *arguments: str | int) -> Any:
        try:
            return await self._redis.run_async(self._redis.script(source, self._keys(caller), *arguments))
        except Away:  # the call could be repeated if it is not stored
            raise fault(20024) from None

    def _keys(self, caller: str) -> list[str]:
        digest = hashlib.sha256(caller.encode()).hexdigest()[:32]
        return [f"{self._base}:{digest}:{part}" for part in ("seen", "forgotten")]


def _digest(time: float, key: bytes) -> str:
    return hashlib.sha256(repr(time).encode() + b"\0" + key).hexdigest()
