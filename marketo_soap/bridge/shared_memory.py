"""What bridges of several processes keep for each other: access tokens, and the numbers of imports."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any, Protocol

from marketo_soap.bridge.steps import Kept
from marketo_soap.calls.redis_thread import Away, RedisThread
from marketo_soap.errors import TransportError

__all__ = ["RedisMemory", "SharedMemory"]


class SharedMemory(Protocol):
    """Keeps values by keys. A value is what JSON can hold."""

    def get(self, key: str) -> Kept | None:
        """Return what is kept."""

    async def get_async(self, key: str) -> Kept | None:
        """Return what is kept, in a task."""

    def put(self, key: str, value: Any, seconds: float) -> None:
        """Keep a value."""

    async def put_async(self, key: str, value: Any, seconds: float) -> None:
        """Keep a value, in a task."""


class RedisMemory:
    """A `SharedMemory` for all processes that use the Redis server at *url* and the same *name* (extra `redis`).

    The server holds access tokens, which are valid for an hour at most: protect it with a password and TLS. While it
    is away, calls that need it are refused with `TransportError`.
    """

    def __init__(self, url: str | RedisThread, *, name: str = "default", timeout: float = 2.0) -> None:
        self._redis = url if isinstance(url, RedisThread) else RedisThread(url, timeout=timeout)
        self._base = f"marketo_soap:{{{name}}}:kept"

    def get(self, key: str) -> Kept | None:
        """Return what is kept."""
        return self._redis.run(self._get(key))

    async def get_async(self, key: str) -> Kept | None:
        """Return what is kept, in a task."""
        return await self._redis.run_async(self._get(key))

    def put(self, key: str, value: Any, seconds: float) -> None:
        """Keep a value."""
        self._redis.run(self._put(key, value, seconds))

    async def put_async(self, key: str, value: Any, seconds: float) -> None:
        """Keep a value, in a task."""
        await self._redis.run_async(self._put(key, value, seconds))

    def _key(self, key: str) -> str:
        return f"{self._base}:{blake2b(key.encode(), digest_size=16).hexdigest()}"

    async def _get(self, key: str) -> Kept | None:
        script = "return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}"
        try:
            value, milliseconds = await self._redis.script(script, [self._key(key)])
        except Away:
            raise TransportError("not sent: Redis, which has the tokens and imports, is away") from None
        return None if value is None else Kept(json.loads(value), milliseconds / 1000)

    async def _put(self, key: str, value: Any, seconds: float) -> None:
        try:
            await self._redis.command("SET", self._key(key), json.dumps(value), "PX", max(1, int(seconds * 1000)))
        except Away:
            return  # a token is asked for again; the status of an import is not known then
