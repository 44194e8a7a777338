"""What happens at the same time: a lease is renewed while it is given back, a task ends while its permit comes."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from unittest.mock import Mock

import pytest

from marketo_soap.calls.limits import Limits
from marketo_soap.gateway import RedisSettings
from tests.redis.support import until

pytest.importorskip("redis")

from marketo_soap.calls.redis_thread import Leases, RedisThread
from marketo_soap.gateway.shared import SharedLimitKeeper, SharedState

NOWHERE = "redis://127.0.0.1:1"


def test_a_thread_whose_start_was_interrupted_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    thread = RedisThread(NOWHERE)

    async def work() -> str:
        return "done"

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            _ = thread.here
    assert thread.start(work()).result(10) == "done"
    thread.close()


def test_what_is_given_back_while_it_is_renewed_is_given_back_again() -> None:
    """Two connections: the server may see the renewal after the end."""
    thread, seen = RedisThread(NOWHERE), list[str]()

    async def renew(*ids: str) -> None:
        leases.end(*ids)
        while "end" not in seen:
            await asyncio.sleep(0.001)
        seen.append("renew")

    async def end(*ids: str) -> None:
        seen.append("end")

    async def start() -> None:
        leases.renew()

    leases = Leases(thread, 0.01, renew, end)
    leases.held["a"] = None
    thread.run(start())
    until(lambda: seen == ["end", "renew", "end"])
    thread.close()


def test_a_task_that_ends_while_its_call_is_counted_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    state = SharedState(RedisSettings(NOWHERE, lease=0.03), None)
    keeper = SharedLimitKeeper(state, "caller", Limits())
    ended = threading.Event()

    async def main() -> None:
        task = asyncio.create_task(keeper.count_call())
        task.add_done_callback(lambda _: ended.set())
        loop = asyncio.get_running_loop()

        async def script(*_: Any) -> Any:
            loop.call_soon_threadsafe(task.cancel)
            assert ended.wait(10)  # the answer is there, and the thread of Redis has not seen the end yet
            return 0, 0

        monkeypatch.setattr(state.thread, "script", script)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    until(lambda: not keeper._leases.held)
    state.close()
