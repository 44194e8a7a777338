"""Locks by keys over processes and machines, in Redis: first come, first served.

Each key has a queue of tickets, ordered by one counter. A ticket holds its keys while it is the first in all its
queues, so holding and waiting are one thing, and a ticket that is not the first any more has lost its keys.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from secrets import token_hex
from weakref import ref

from marketo_soap.calls.redis_thread import Away, Leases, RedisThread
from marketo_soap.errors import TransportError

__all__ = ["RedisKeyLocks"]

_SECOND = 1_000_000  # the unit of the scripts is a microsecond
_PATIENCE = _SECOND // 4  # how often a waiter asks again at least, and how late it may be before its place is gone
_LATE = "not sent: other calls for the same took longer than {:.1f} s"
_AWAY = "not sent: Redis, which has the locks, is away"

# KEYS: the tickets that are alive, with the ends of their leases; the counter; the queues of the keys.
_COMMON = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ticket, lease = ARGV[1], tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local function is_first()
  for i = 3, #KEYS do
    local first = redis.call('ZRANGE', KEYS[i], 0, 0)[1]
    while first and first ~= ticket and not redis.call('ZSCORE', KEYS[1], first) do
      redis.call('ZREM', KEYS[i], first)
      first = redis.call('ZRANGE', KEYS[i], 0, 0)[1]
    end
    if first ~= ticket then return false end
  end
  return true
end
local function live(microseconds)
  redis.call('ZADD', KEYS[1], now + microseconds, ticket)
  for i = 1, #KEYS do redis.call('PEXPIRE', KEYS[i], math.ceil(2 * lease / 1000) + 60000) end
end
"""

_ACQUIRE = (
    _COMMON
    + """
if not redis.call('ZSCORE', KEYS[1], ticket) then  -- new, or too late: to the end of all queues
  local number = redis.call('INCR', KEYS[2])
  for i = 3, #KEYS do redis.call('ZADD', KEYS[i], number, ticket) end
end
if is_first() then
  live(lease)
  return 0
end
local before = 0
for i = 3, #KEYS do before = math.max(before, redis.call('ZRANK', KEYS[i], ticket)) end
local patience = tonumber(ARGV[3])
local wait = math.min(patience, 20000 * before)
live(wait + patience)
return wait
"""
)

_CHECK = (
    _COMMON
    + """
if not is_first() then return 0 end
live(lease)
return 1
"""
)

_RELEASE = """
for i = 3, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('ZREM', KEYS[1], ARGV[1])
"""


class _Ticket:
    """Holds keys in Redis, as long as the object exists."""

    def __init__(self) -> None:
        self.id = token_hex(8)


class RedisKeyLocks:
    """Gives sets of keys to one call at a time, over all processes that use the Redis server at *url* (extra `redis`).

    For `RestBridge(locks=...)`. Those with the same *name* share their locks; Redis gets digests of the keys. The
    first come is the first served, as with `KeyLocks`. A lock is leased for *lease* seconds and renewed while it is
    held, so that of a process that died ends by itself. A holder that was suspended for longer may have lost it to
    another: the bridge checks that before each write, and raises `TransportError` instead (nothing was sent). A check
    and the write after it are not one step: a process that is suspended just between them, and a write that Marketo
    still carries out when the lease of the process that sent it has ended, are not excluded, as REST knows no fencing
    tokens. Longer leases exclude more of the latter, and block the keys of a process that died for longer.

    While Redis is away, calls that need a lock are refused with `TransportError`: nothing was sent. Redis has
    *timeout* seconds for an answer. Raises `ImportError` without redis-py.
    """

    def __init__(
        self, url: str | RedisThread, *, name: str = "default", lease: float = 10.0, timeout: float = 2.0
    ) -> None:
        if not lease > 0:
            raise ValueError("lease must be more than 0")
        self._redis = url if isinstance(url, RedisThread) else RedisThread(url, timeout=timeout)
        self._own = not isinstance(url, RedisThread)
        self._name, self._lease = name, int(lease * _SECOND)
        self._base = f"marketo_soap:{{{name}}}:locks"  # one slot of a cluster
        self._queues: dict[str, list[str]] = {}  # by ticket: the keys of the scripts
        self._leases = Leases(self._redis, lease, self._renew, self._release)

    def __repr__(self) -> str:
        return f"<RedisKeyLocks {{{self._name}}}>"

    def acquire(self, keys: frozenset[str], timeout: float | None = None) -> _Ticket:
        """Wait for *keys*, in a thread: `TransportError` after *timeout* seconds. They are held by the ticket."""
        ticket = _Ticket()
        self._leases.acquire(ticket.id, self._acquired(ref(ticket), ticket.id, keys, timeout))
        return ticket

    async def acquire_async(self, keys: frozenset[str], timeout: float | None = None) -> _Ticket:
        """Wait for *keys*, in a task; raises what `acquire` raises."""
        ticket = _Ticket()
        await self._leases.acquire_async(ticket.id, self._acquired(ref(ticket), ticket.id, keys, timeout))
        return ticket

    def release(self, ticket: _Ticket) -> None:
        """Unlock the keys that a ticket holds. Does not wait, and an extra call is harmless."""
        self._leases.end(ticket.id)

    def check(self, ticket: _Ticket) -> None:
        """Renew the lease: `TransportError` if it has ended and another call has had one of the keys since."""
        self._redis.run(self._checked(ticket.id))

    async def check_async(self, ticket: _Ticket) -> None:
        """Renew the lease, in a task; raises what `check` raises."""
        await self._redis.run_async(self._checked(ticket.id))

    def close(self) -> None:
        """Unlock all keys and close the connections. The locks stay usable."""
        for each in list(self._leases.held):
            self._leases.end(each)
        if self._own:
            self._redis.close()

    # -- in the thread of Redis ------------------------------------------------------------------------

    async def _acquired(self, ticket: ref[_Ticket], number: str, keys: frozenset[str], timeout: float | None) -> None:
        from asyncio import get_running_loop, sleep

        loop = get_running_loop()
        begun = loop.time()
        digests = sorted(blake2b(key.encode(), digest_size=16).hexdigest() for key in keys)  # no addresses
        self._queues[number] = [f"{self._base}:{part}" for part in ("alive", "counter", *digests)]
        self._leases.renew()
        while wait := await self._run(_ACQUIRE, number, _PATIENCE):
            left = None if timeout is None else timeout - (loop.time() - begun)
            if left is not None and left <= 0:
                raise TransportError(_LATE.format(timeout))
            await sleep(wait / _SECOND if left is None else min(wait / _SECOND, left))
        self._leases.held[number] = ticket

    async def _checked(self, number: str) -> None:
        if not await self._run(_CHECK, number):
            raise TransportError("not sent: the lease of its lock has ended, and other calls may have had its keys")

    async def _run(self, script: str, number: str, *more: int) -> int:
        try:
            return int(await self._redis.script(script, self._queues[number], number, self._lease, *more) or 0)
        except Away:
            raise TransportError(_AWAY) from None

    async def _renew(self, *numbers: str) -> None:
        for number in numbers:
            if number in self._queues:
                await self._quietly(_CHECK, number)

    async def _release(self, *numbers: str) -> None:
        for number in numbers:
            if number in self._queues:
                await self._quietly(_RELEASE, number)
                self._queues.pop(number, None)

    async def _quietly(self, script: str, number: str) -> None:
        with suppress(TransportError):  # leases end by themselves
            await self._run(script, number)
