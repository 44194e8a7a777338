"""A Redis server that threads and tasks use alike, over an event loop in a thread of its own.

One thread means one code path for both clients, calls that an exception can interrupt anywhere, and a place for what
happens without a caller: leases are renewed and given back there. redis-py is imported when the thread starts.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit
from weakref import ref

__all__ = ["Away", "Leases", "RedisThread"]

T = TypeVar("T")

logger = logging.getLogger("marketo_soap.redis")

_CONNECTIONS = 16
_RETRIES, _PAUSE = 1, 0.05  # of a command whose connection was lost, or that had no answer in time; and seconds
_DOWN = 1.0  # seconds that a server that was away is not asked again
_FLUSH = 2.0  # seconds for what is under way at the end


class Away(Exception):  # noqa: N818 - a caller turns it into an error of its own
    """Redis does not answer, or refuses."""


class RedisThread:
    """Runs coroutines that use the server at *url*, which has *timeout* seconds for an answer.

    A forked child has a thread and connections of its own. Raises `ImportError` without redis-py.
    """

    def __init__(self, url: str, *, timeout: float = 2.0, password: str | None = None) -> None:
        try:
            parts = urlsplit(url)
            _ = parts.port  # checked when it is read
            is_valid = parts.scheme in ("redis", "rediss", "unix")
        except ValueError:  # its message may have a part of the password
            is_valid = False
        if not is_valid:
            raise ValueError(
                "url: a URL such as redis://127.0.0.1:6379/0, rediss://... or unix://... is expected; a password with "
                "'/', '?' or '#' must be percent-encoded"
            )
        try:
            import_module("redis.asyncio")
        except ImportError as error:
            raise ImportError("redis-py is missing: pip install 'marketo_soap[redis]'") from error
        self._url, self._timeout, self._password = url, timeout, password
        self._running: dict[int, _Running] = {}

    def __repr__(self) -> str:
        return f"<RedisThread to {urlsplit(self._url).hostname or 'a socket'}>"  # the URL may hold a password

    @property
    def here(self) -> _Running:
        """The thread of this process; started when first needed."""
        process = os.getpid()
        if (found := self._running.get(process)) is None:
            made = _Running(self._url, self._timeout, self._password)
            if (found := self._running.setdefault(process, made)) is not made:
                made.loop.close()
        found.start()
        return found

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run *work* in the thread, and return its future."""
        from asyncio import run_coroutine_threadsafe

        return run_coroutine_threadsafe(work, self.here.loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* and wait for it, in a thread."""
        future = self.start(work)
        try:
            return future.result()
        finally:
            future.cancel()  # of use only if an exception came in between

    async def run_async(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* and wait for it, in a task."""
        from asyncio import wrap_future

        return await wrap_future(self.start(work))

    async def script(self, source: str, keys: Sequence[str], *arguments: str | int | bytes) -> Any:
        """Run a Lua script, in the thread. Raises `Away`."""
        here = self.here
        return await here.ask(lambda redis: here.scripts(redis, source)(keys=keys, args=arguments))

    async def command(self, *arguments: str | int | bytes) -> Any:
        """Run a command, in the thread. Raises `Away`."""
        return await self.here.ask(lambda redis: redis.execute_command(*arguments))

    def close(self) -> None:
        """Wait a moment for what is under way, and close the connections. It may be used again afterwards."""
        found = self._running.pop(os.getpid(), None)
        if found is not None:
            found.close()


class Leases:
    """What this process holds in Redis, with its holders: leased for *seconds*, and renewed until it is given back.

    *renew* and *end* tell Redis which ids are still held, and which are not. They may raise `Away`: leases end by
    themselves. What is held for an object (None: for nobody) ends with it, so an interrupted caller leaves nothing
    behind. A forked child holds nothing.
    """

    def __init__(
        self,
        redis: RedisThread,
        seconds: float,
        renew: Callable[..., Coroutine[Any, Any, None]],
        end: Callable[..., Coroutine[Any, Any, None]],
    ) -> None:
        self._redis, self._seconds, self._renew, self._end = redis, seconds, renew, end
        self._of_process: dict[int, dict[str, ref[Any] | None]] = {}
        self._task: Any = None

    @property
    def held(self) -> dict[str, ref[Any] | None]:
        """The ids that this process holds, and for whom."""
        return self._of_process.setdefault(os.getpid(), {})

    def acquire(self, id_: str, work: Coroutine[Any, Any, T]) -> T:
        """Run *work*, which acquires an id, and wait for it in a thread. Give the id back after any exception."""
        try:
            return self._redis.run(work)
        except BaseException:
            self.end(id_)
            raise

    async def acquire_async(self, id_: str, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* and wait for it in a task, as `acquire` does."""
        try:
            return await self._redis.run_async(work)
        except BaseException:
            self.end(id_)
            raise

    def end(self, *ids: str) -> None:
        """Give ids back, whether they are held or still waited for; does not wait."""
        for each in ids:
            self.held.pop(each, None)
        self._redis.here.spawn(self._end, *ids)

    def renew(self) -> None:
        """Renew what will be held from now on. Called in the thread of Redis."""
        from asyncio import get_running_loop

        if self._task is None or self._task.get_loop() is not get_running_loop():
            self._task = get_running_loop().create_task(self._keep_renewing())

    async def _keep_renewing(self) -> None:
        from asyncio import sleep

        while True:
            await sleep(self._seconds / 3)
            if lost := [each for each, holder in list(self.held.items()) if holder is not None and holder() is None]:
                self.end(*lost)
            if ids := list(self.held):
                with suppress(Away):
                    await self._renew(*ids)
            if ended := [each for each in ids if each not in self.held]:  # meanwhile: perhaps renewed after its end
                self.end(*ended)


class _Running:
    """The thread, its loop and its connections, of one process."""

    def __init__(self, url: str, timeout: float, password: str | None) -> None:
        from asyncio import new_event_loop

        self.loop = new_event_loop()
        self._url, self._timeout, self._password = url, timeout, password
        self._redis: Any = None
        self._scripts: dict[str, Any] = {}
        self._process: int | None = os.getpid()  # None: it is closed
        self._down_until: float | None = None
        self._started = threading.Lock()
        self._tasks: set[Any] = set()

    def start(self) -> None:
        """Start the thread, unless it runs. An exception can interrupt this, so the thread itself takes the lock."""
        if not self._started.locked():
            threading.Thread(target=self._work, name="marketo-redis", daemon=True).start()

    def _work(self) -> None:
        from asyncio import set_event_loop

        if not self._started.acquire(blocking=False):  # another one was faster
            return
        atexit.register(self.close)
        set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
        """Run *work* in the thread, without waiting for it and if Redis is there. An interpreter that ends drops it."""

        async def attempted() -> None:
            with suppress(Away):
                await work(*arguments)

        def begin() -> None:
            task = self.loop.create_task(attempted())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        with suppress(RuntimeError):  # closed
            self.loop.call_soon_threadsafe(begin)

    async def ask(self, how: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        """Return what the server answers to *how*. A server that was away is left alone for a moment."""
        errors = import_module("redis.exceptions")
        if self._down_until is not None and self.loop.time() < self._down_until:
            raise Away("Redis was away a moment ago")
        try:
            answer = await how(self._client())
        except (errors.RedisError, OSError) as error:
            if self._down_until is None:
                logger.error("Redis cannot be used: %s: %s", type(error).__name__, error)
            self._down_until = self.loop.time() + _DOWN
            raise Away(type(error).__name__) from None
        if self._down_until is not None:
            self._down_until = None
            logger.warning("Redis can be used again")
        return answer

    def scripts(self, redis: Any, source: str) -> Any:
        """Return the script with this *source*, which sends its digest if the server knows it."""
        if source not in self._scripts:
            self._scripts[source] = redis.register_script(source)
        return self._scripts[source]

    def _client(self) -> Any:
        if self._redis is None:
            redis = import_module("redis.asyncio")
            retry = import_module("redis.asyncio.retry")
            password = {} if self._password is None else {"password": self._password}
            pool = redis.BlockingConnectionPool.from_url(
                self._url,
                max_connections=_CONNECTIONS,
                timeout=self._timeout,
                socket_timeout=self._timeout,
                socket_connect_timeout=self._timeout,
                health_check_interval=30,
                **password,
                retry=retry.Retry(import_module("redis.backoff").ConstantBackoff(_PAUSE), _RETRIES),
            )
            self._redis = redis.Redis(connection_pool=pool)
        return self._redis

    def close(self) -> None:
        """End the thread, once. A forked child that ends has no thread."""
        if self._process != os.getpid():
            return
        self._process = None
        atexit.unregister(self.close)
        from asyncio import run_coroutine_threadsafe

        with suppress(Exception):
            run_coroutine_threadsafe(self._end(), self.loop).result(_FLUSH + self._timeout)
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.loop.stop)

    async def _end(self) -> None:
        from asyncio import all_tasks, current_task, gather, wait

        if self._tasks:
            await wait(list(self._tasks), timeout=_FLUSH)
        others = all_tasks() - {current_task()}
        for task in others:
            task.cancel()
        await gather(*others, return_exceptions=True)
        if self._redis is not None:
            await self._redis.connection_pool.disconnect()
