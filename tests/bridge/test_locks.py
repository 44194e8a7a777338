"""Locks by keys, between threads and tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from marketo_soap import TransportError
from marketo_soap.bridge.locks import KeyLocks, Ticket
from tests.support import interrupt_often


def keys(*names: str) -> frozenset[str]:
    return frozenset(names)


def waiting(locks: KeyLocks, key: str) -> int:
    """How many hold *key* or wait for it."""
    state = locks._cell.value
    tickets = [place() for place in (*state.holders, *state.waiting) if place is not None]
    return sum(isinstance(ticket, Ticket) and key in ticket.keys for ticket in tickets)


def free(locks: KeyLocks) -> bool:
    state = locks._cell.value
    return not state.holders and not state.waiting


def until(condition: object) -> None:
    for _ in range(2000):
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.002)
    raise AssertionError("it never came to be")


def test_a_key_is_held_by_one_at_a_time_and_others_are_free() -> None:
    locks = KeyLocks()
    held = locks.acquire(keys("a", "b"))
    other = locks.acquire(keys("c"), 0.0)
    with pytest.raises(TransportError, match="not sent"):
        locks.acquire(keys("b", "c"), 0.01)
    locks.release(other)
    locks.release(held)
    locks.release(locks.acquire(keys("b", "c"), 0.0))
    assert free(locks)


def test_no_keys_are_nobodys() -> None:
    locks = KeyLocks()
    locks.release(locks.acquire(keys()))
    assert free(locks)


def test_whoever_asked_first_comes_first_threads_and_tasks_alike() -> None:
    locks, order = KeyLocks(), list[int]()
    first = locks.acquire(keys("a"))

    def in_thread(number: int) -> None:
        ticket = locks.acquire(keys("a"), 10.0)
        order.append(number)
        locks.release(ticket)

    async def in_task(number: int) -> None:
        ticket = await locks.acquire_async(keys("a"), 10.0)
        order.append(number)
        locks.release(ticket)

    with ThreadPoolExecutor(6) as pool:
        for number in range(6):
            pool.submit(in_thread, number) if number % 2 else pool.submit(asyncio.run, in_task(number))
            until(lambda: waiting(locks, "a") == number + 2)  # noqa: B023
        locks.release(first)
    assert order == [0, 1, 2, 3, 4, 5]


def test_calls_whose_keys_cross_do_not_wait_for_each_other_for_ever() -> None:
    locks, inside = KeyLocks(), list[int]()
    sets = [keys("a", "b"), keys("b", "c"), keys("c", "a")]

    def work(number: int) -> None:
        for _ in range(50):
            ticket = locks.acquire(sets[number % 3], 20.0)
            inside.append(number)
            assert len(inside) == 1  # any two of the sets have a key in common
            inside.pop()
            locks.release(ticket)

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, number) for number in range(6)]:
            done.result(30)
    assert free(locks)


def test_whoever_gives_up_leaves_the_queue() -> None:
    async def main() -> None:
        locks = KeyLocks()
        held = await locks.acquire_async(keys("a"))
        waiter = asyncio.create_task(locks.acquire_async(keys("a", "b")))
        await asyncio.sleep(0.01)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        locks.release(await locks.acquire_async(keys("b"), 0.0))
        with pytest.raises(TransportError):
            await locks.acquire_async(keys("a"), 0.01)
        locks.release(held)
        assert free(locks)

    asyncio.run(main())


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "stopped"])
def test_a_waiter_whose_loop_is_gone_holds_up_nobody(closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketo_soap.calls.waiting._LOOK_AGAIN", 0.02)
    locks = KeyLocks()
    held = locks.acquire(keys("a"))
    loop = asyncio.new_event_loop()
    task = loop.create_task(locks.acquire_async(keys("a", "b")))
    loop.run_until_complete(asyncio.sleep(0.01))
    if closed:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(locks.acquire, keys("a"), 10.0)
        until(lambda: waiting(locks, "a") == 3)
        locks.release(held)
        locks.release(waiter.result(10))
    if not closed:
        locks.release(loop.run_until_complete(task))  # it has kept its place
        loop.close()
    else:
        task.get_coro().close()  # not at a random moment of a later test
        assert free(locks)


def test_interruptions_leave_no_key_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketo_soap.calls.waiting._LOOK_AGAIN", 0.02)
    locks, stop = KeyLocks(), threading.Event()

    def use() -> None:
        while not stop.is_set():
            locks.release(locks.acquire(keys("b", "c"), 60))
            time.sleep(0.0005)

    def act() -> None:
        ticket = locks.acquire(keys("a", "b"), 60)
        locks.release(ticket)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(use)
        try:
            assert interrupt_often(act, 2_000, seed=3) > 1_500
        finally:
            stop.set()
        other.result(60)
    locks.release(locks.acquire(keys("a", "b", "c"), 0.0))
    assert free(locks)


def test_a_ticket_that_nobody_has_any_more_holds_nothing() -> None:
    locks = KeyLocks()
    locks.acquire(keys("a"))
    locks.release(locks.acquire(keys("a"), 0.0))
    assert free(locks)
