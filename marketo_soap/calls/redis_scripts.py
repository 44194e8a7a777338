"""The Lua scripts of `RedisLimiter`, and their arguments. Times are microseconds of the server's clock.

The keys: `running` has the permits and the ends of their leases, `ended` the calls of the window and the times of their
ends ("~": calls of others), `others` the permits that others hold, `queue` the tickets in their order, `asking` until
when each of these is asked for, `day` how much of the quota is spent until its reset.
"""

from __future__ import annotations

from datetime import UTC, datetime

from marketo_soap.calls.limits import Limits, next_reset

__all__ = ["ACQUIRE", "END", "REFUSED", "RENEW", "SECOND", "as_arguments", "reset_after"]

SECOND = 1_000_000


def as_arguments(limits: Limits, lease: float, share: float = 1.0) -> list[int]:
    """Return *limits*, with a *share* of the quota, and *lease* as the arguments of a script; -1 is no limit."""
    per_day = None if limits.per_day is None else limits.per_day * share
    numbers = (limits.calls, limits.window * SECOND, limits.at_once, per_day, lease * SECOND)
    return [-1 if number is None else int(number) for number in numbers]


def reset_after(now: int) -> int:
    """Return when the daily quota is reset after *now*, which the server does not know."""
    return round(next_reset(datetime.fromtimestamp(now / SECOND, UTC)).timestamp()) * SECOND


_COMMON = """
local running, ended, others, queue, asking, day = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local calls, window, at_once = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local per_day, lease = tonumber(ARGV[4]), tonumber(ARGV[5])
local late = redis.call('ZRANGEBYSCORE', running, '-inf', now, 'WITHSCORES')
for i = 1, #late, 2 do  -- the worker has died; its call had begun before that
  redis.call('ZREM', running, late[i])
  redis.call('ZADD', ended, late[i + 1], late[i])
end
redis.call('ZREMRANGEBYSCORE', ended, '-inf', now - window)
redis.call('ZREMRANGEBYSCORE', others, '-inf', now)
for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', asking, '-inf', now)) do
  redis.call('ZREM', asking, ticket)
  redis.call('ZREM', queue, ticket)
end
local in_progress, counted = redis.call('ZCARD', running), redis.call('ZCARD', ended)
local function keep()
  for _, key in ipairs({running, ended, others, queue, asking}) do
    redis.call('PEXPIRE', key, math.ceil((window + 2 * lease) / 1000) + 60000)
  end
end
"""

ACQUIRE = (
    _COMMON
    + """
local ticket, reset, patience = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local known = redis.call('HMGET', day, 'reset', 'spent', 'closed')
local till, spent, closed = tonumber(known[1]), tonumber(known[2]) or 0, tonumber(known[3]) or 0
if redis.call('ZSCORE', running, ticket) then return {0, 0, spent} end  -- an answer was lost
if not till or till <= now then
  if reset <= now then return {2, now, 0} end
  if till then closed = 0 end  -- the day is over; otherwise Redis has lost it, but not the refusal after that
  till, spent = reset, 0
  redis.call('DEL', day)
  redis.call('HSET', day, 'reset', till, 'spent', 0, 'closed', closed)
  redis.call('PEXPIREAT', day, math.floor(till / 1000) + 86400000)
end
if closed > now or (per_day >= 0 and spent >= per_day) then
  redis.call('ZREM', queue, ticket)
  redis.call('ZREM', asking, ticket)
  return {3, till, spent}
end
redis.call('ZADD', queue, 'NX', now, ticket)
local before = redis.call('ZRANK', queue, ticket)
local wait = 0
if calls >= 0 and before >= calls - in_progress - counted then
  wait = window  -- of a call that is running it is unknown when it ends
  local nth = before - (calls - in_progress - counted)
  local frees = redis.call('ZRANGE', ended, nth, nth, 'WITHSCORES')
  if frees[2] then wait = math.max(1, frees[2] + window - now) end
end
local busy = in_progress + redis.call('ZCARD', others)
if at_once >= 0 and before >= at_once - busy then
  wait = math.max(wait, 10000 * (before - (at_once - busy) + 1))
end
if wait > 0 then
  wait = math.min(wait, patience * (1 + before / 8))  -- the first ones are soon missed if they have died
  redis.call('ZADD', asking, now + wait + patience, ticket)
  keep()
  return {1, math.ceil(wait), spent}
end
redis.call('ZREM', queue, ticket)
redis.call('ZREM', asking, ticket)
redis.call('ZADD', running, now + lease, ticket)
keep()
return {0, 0, redis.call('HINCRBY', day, 'spent', 1)}
"""
)

END = (
    _COMMON
    + """
for i = 6, #ARGV do
  redis.call('ZREM', queue, ARGV[i])
  redis.call('ZREM', asking, ARGV[i])
  if redis.call('ZREM', running, ARGV[i]) == 1 then redis.call('ZADD', ended, now, ARGV[i]) end
end
keep()
"""
)

RENEW = (
    _COMMON
    + """
for i = 6, #ARGV do
  redis.call('ZREM', ended, ARGV[i])
  redis.call('ZADD', running, now + lease, ARGV[i])
end
keep()
"""
)

REFUSED = (
    _COMMON
    + """
local code, second, name = ARGV[6], 1000000, '~' .. time[1] .. time[2] .. '.'
if code == '20015' then
  redis.call('HSET', day, 'closed', now + 600 * second)
  if redis.call('PTTL', day) < 0 then redis.call('PEXPIRE', day, 600000) end
elseif code == '20023' and calls >= 0 then  -- the rest of the window is full of calls of others
  local free = calls - in_progress - counted
  for i = 1, free do redis.call('ZADD', ended, now - window + window * i / free, name .. i) end
elseif code == '20024' and at_once >= 0 then
  local free = at_once - in_progress - redis.call('ZCARD', others)
  for i = 1, free do redis.call('ZADD', others, now + 2 * second * i / free, name .. i) end
end
keep()
"""
)
