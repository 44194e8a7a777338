"""The queue of a limiter, where a waiter was taken for dead."""

from __future__ import annotations

import asyncio

import pytest

from marketo_soap import InProcessLimiter, Limits


def test_a_waiter_that_was_taken_for_dead_queues_again(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = InProcessLimiter(Limits(calls=None, at_once=1))

    def closed(*given: object) -> None:
        raise RuntimeError("Event loop is closed")

    async def main() -> None:
        await limiter.acquire_async()
        waiting = asyncio.create_task(limiter.acquire_async(timeout=0.1))
        await asyncio.sleep(0)
        with monkeypatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", closed)
            limiter.release()
        await asyncio.wait_for(waiting, 30)
        assert limiter.in_progress == 1

    asyncio.run(main())
