"""Eight processes at the limits, some of them killed: never over, nearly all of it used, no permit lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from marketo_soap import Limits, RedisLimiter
from tests.redis.support import PATIENCE, RedisServer, until

SECONDS = float(os.environ.get("MARKETO_SOAP_REDIS_SECONDS", "7.5"))
PROCESSES = 8
LIMITS = Limits(calls=30, window=2.5, at_once=8)
LEASE = 2.0


class Recorder:
    """Accepts calls, takes a moment for each, and counts by itself."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    @contextmanager
    def serving(self) -> Iterator[int]:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        threads = [threading.Thread(target=self._serve, args=(listener,), daemon=True) for _ in range(30)]
        for thread in threads:
            thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                call, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.starts.append(time.monotonic())
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
            time.sleep(0.002)
            with self._lock:
                self._at_once -= 1
            with call:
                try:
                    call.send(b".")
                except OSError:  # killed
                    continue

    def most_in(self, window: float) -> int:
        most, recent = 0, deque[float]()
        for start in sorted(self.starts):
            recent.append(start)
            while recent[0] <= start - window:
                recent.popleft()
            most = max(most, len(recent))
        return most


def test_eight_processes_keep_to_the_limits_and_use_them_although_some_are_killed(redis_server: RedisServer) -> None:
    recorder = Recorder()
    numbers = json.dumps({"calls": LIMITS.calls, "window": LIMITS.window, "at_once": LIMITS.at_once})

    def worker(number: int) -> subprocess.Popen[bytes]:
        hours = {1: "1", 2: "-1"}.get(number, "0")  # the clocks of two are an hour off
        rest = [str(port), numbers, str(LEASE), str(SECONDS + 60), hours]
        return subprocess.Popen([sys.executable, "-m", "tests.redis.worker", redis_server.url, *rest])

    with recorder.serving() as port:
        workers = [worker(number) for number in range(PROCESSES)]
        try:
            until(lambda: len(recorder.starts) > 0)
            time.sleep(LIMITS.window)  # until all of them run
            begun, kills = time.monotonic(), 0
            while (now := time.monotonic()) < begun + SECONDS:
                if now > begun + 2.0 * (kills + 1):
                    victim = kills % PROCESSES
                    workers[victim].send_signal(signal.SIGKILL)
                    workers[victim].wait(PATIENCE)
                    workers[victim] = worker(victim)
                    kills += 1
                assert all(each.poll() is None for each in workers)
                time.sleep(0.05)
        finally:
            for each in workers:
                each.kill()
                each.wait(PATIENCE)
    assert LIMITS.calls is not None
    assert LIMITS.at_once is not None
    made = sum(begun <= start < begun + SECONDS for start in recorder.starts)
    used = made / (LIMITS.calls * SECONDS / LIMITS.window)
    print(f"{made} calls in {SECONDS:.0f} s, {used:.1%} of the limit; {kills} processes were killed")
    assert recorder.most_in(LIMITS.window) <= LIMITS.calls
    assert recorder.most_at_once <= LIMITS.at_once
    assert used >= 0.97
    assert kills >= 3

    # All were killed, so every lease must end: then there is room for as many as before.
    left = RedisLimiter(redis_server.url, LIMITS, name="proof", lease=LEASE)
    for _ in range(LIMITS.at_once):
        left.acquire(PATIENCE)
    assert left.in_progress == LIMITS.at_once
    assert left.spent_today >= len(recorder.starts)
    left.close()
