"""Keeping to the limits over processes and machines, with what they have in common in Redis.

All times are those of the Redis server, so the clocks of the workers do not matter. What is kept there has no
personal data.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex
from typing import Any, Literal
from weakref import ref

from marketo_soap.calls.limiter import InProcessLimiter
from marketo_soap.calls.limits import VENDOR_LIMITS, Limits, quota_spent
from marketo_soap.calls.redis_scripts import ACQUIRE, END, REFUSED, RENEW, SECOND, as_arguments, reset_after
from marketo_soap.calls.redis_thread import Away, Leases, RedisThread
from marketo_soap.errors import TransportError

__all__ = ["RedisLimiter"]

logger = logging.getLogger("marketo_soap.limits")

_PATIENCE = SECOND // 4  # how often the first waiter asks again, and how late one may be before its place is gone
_LATE = "not sent: the call limits gave no permit in {:.1f} s"


class _Waiter:
    """Holds a permit until its caller has it."""


class RedisLimiter:
    """A `Limiter` for all processes and machines that use the Redis server at *url* (extra `redis`).

    Those with the same *name* share one set of counts: give each subscription a name of its own. The first come is
    the first served. *limits* are as for `InProcessLimiter`; limiters of one name have the same `window`. *share* is
    the part of `per_day` that this one may use up (0.8 leaves the last fifth to others). A permit is leased for
    *lease* seconds, and the lease is renewed while the call is in progress: that of a worker that died ends by itself.
    After 20023, 20024 or 20015 (`refused`) the calls of others are counted in.

    While Redis is away, *on_outage* "refuse" raises `TransportError` (nothing was sent); "local" keeps to
    *local_limits* (default: *limits*) in each process alone, so that several processes may together exceed them.
    Redis has *timeout* seconds for an answer. Limiters and locks may share a `RedisThread` instead of the *url*. Raises
    `ImportError` without redis-py.
    """

    by_holder = True

    def __init__(
        self,
        url: str | RedisThread,
        limits: Limits = VENDOR_LIMITS,
        *,
        name: str = "default",
        share: float = 1.0,
        on_outage: Literal["refuse", "local"] = "refuse",
        local_limits: Limits | None = None,
        lease: float = 10.0,
        timeout: float = 2.0,
    ) -> None:
        if on_outage not in ("refuse", "local"):
            raise ValueError("on_outage is 'refuse' or 'local'")
        if not 0 < share <= 1:
            raise ValueError("share is more than 0 and at most 1")
        if not lease > 0:
            raise ValueError("lease must be more than 0")
        self.limits = limits
        self._share, self._on_outage = share, on_outage
        self._local = InProcessLimiter(local_limits or limits)
        self._redis = url if isinstance(url, RedisThread) else RedisThread(url, timeout=timeout)
        self._own = not isinstance(url, RedisThread)
        base = f"marketo_soap:{{{name}}}:limits"  # one slot of a cluster
        self._keys = [f"{base}:{part}" for part in ("running", "ended", "others", "queue", "asking", "day")]
        self._numbers = as_arguments(limits, lease, share)
        self._leases = Leases(self._redis, lease, partial(self._send, RENEW), partial(self._send, END))
        self._reset = self._spent = 0

    def __repr__(self) -> str:
        return f"<RedisLimiter {self._keys[0].split(':')[1]}>"

    @property
    def in_progress(self) -> int:
        """How many calls are in progress in this process."""
        return len(self._leases.held) + self._local.in_progress

    @property
    def spent_today(self) -> int:
        """How many calls of the day's quota all users of this name have used, as far as this process knows."""
        return self._spent

    def acquire(self, timeout: float | None = None, holder: object | None = None) -> None:
        """Wait for a permit to make a call: `TransportError` after *timeout* seconds, `LimitFault` for today.

        With a *holder*, `release(holder)` or the end of the holder gives it back.
        """
        ticket, waiter = token_hex(8), _Waiter()
        held = ref(waiter if holder is None else holder)
        local = self._leases.acquire(ticket, self._acquired(ticket, timeout, held))
        if local is not None:
            self._local.acquire(local[0], holder)
        elif holder is None:
            self._leases.held[ticket] = None  # the permit outlives its waiter

    async def acquire_async(self, timeout: float | None = None, holder: object | None = None) -> None:
        """Wait for a permit to make a call, in a task; arguments and errors are those of `acquire`."""
        ticket, waiter = token_hex(8), _Waiter()
        held = ref(waiter if holder is None else holder)
        local = await self._leases.acquire_async(ticket, self._acquired(ticket, timeout, held))
        if local is not None:
            await self._local.acquire_async(local[0], holder)
        elif holder is None:
            self._leases.held[ticket] = None

    def release(self, holder: object | None = None) -> None:
        """Give a permit back: that of *holder*, or one without. Does not wait, and an extra call is harmless."""
        for ticket, held in list(self._leases.held.items()):
            if held is None if holder is None else (held is not None and held() is holder):
                self._leases.end(ticket)
                return
        self._local.release(holder)

    def refused(self, code: int) -> None:
        """Count the calls of others in, after Marketo has refused a call with 20015, 20023 or 20024.

        After 20015 there is no permit for ten minutes: others may have spent the quota, or the day of Marketo's clock
        may end a little later. After 20023 the free part of the window counts as used by others, at evenly spread
        times; after 20024 the free places are taken for up to two seconds.
        """
        if code in (20015, 20023, 20024):
            self._redis.here.spawn(self._send, REFUSED, code)

    def close(self) -> None:
        """Give all permits back and close the connections. The limiter stays usable."""
        for ticket in list(self._leases.held):
            self._leases.end(ticket)
        if self._own:
            self._redis.close()

    # -- in the thread of Redis ------------------------------------------------------------------------

    async def _acquired(self, ticket: str, timeout: float | None, holder: ref[object]) -> tuple[float | None] | None:
        """Return None once *ticket* is a permit, and the time that is left if Redis is away."""
        from asyncio import get_running_loop, sleep

        loop = get_running_loop()
        begun = loop.time()
        self._leases.renew()
        while True:
            left = None if timeout is None else max(0.0, timeout - (loop.time() - begun))
            try:
                wait = await self._ask(ticket)
            except Away:
                if self._on_outage == "local":
                    return (left,)
                raise TransportError("not sent: Redis, which has the call limits, is away") from None
            if wait is None:
                self._leases.held[ticket] = holder
                break
            if left == 0.0:
                raise TransportError(_LATE.format(timeout))
            await sleep(wait if left is None else min(wait, left))
        if (waited := loop.time() - begun) > 1:
            logger.info("waited %.1f s for the call limits", waited, extra={"waited": waited})
        return None

    async def _ask(self, ticket: str) -> float | None:
        """Return the seconds until *ticket* should be asked for again, None if it is a permit now."""
        while True:
            status, number, spent = await self._send(ACQUIRE, ticket, self._reset, _PATIENCE)
            if status == 2:  # a new day, of which the server knows no end
                self._reset = reset_after(number)
                continue
            self._spent = spent
            if status == 3:
                fault = quota_spent(datetime.fromtimestamp(number / SECOND - 1, UTC))
                fault.hint = f"the part of the quota for this limiter is {self._share}" if self._share < 1 else ""
                raise fault
            return number / SECOND if status else None

    async def _send(self, script: str, *arguments: str | int) -> Any:
        return await self._redis.script(script, self._keys, *self._numbers, *arguments)
