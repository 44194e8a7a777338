"""Keep the workers of a gateway running: processes that accept at the same sockets."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from tempfile import TemporaryDirectory
from typing import Any

from attrs import define

from marketo_soap.gateway.access_log import quiet_logging
from marketo_soap.gateway.metrics import worker_ended
from marketo_soap.gateway.secrets import Secrets
from marketo_soap.gateway.settings import GatewaySettings

__all__ = ["Run", "supervise"]

logger = logging.getLogger("marketo_soap.gateway")

_MARGIN = 5.0  # seconds beyond those of a stop, before a worker is killed
_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before a worker is replaced that has died at its beginning; doubled

Run = Callable[[GatewaySettings, Secrets, Sequence[socket.socket], Callable[[], None], str | None], None]
"""Serves at sockets until SIGTERM: settings, secrets, sockets, what to call when ready, the folder of the metrics."""


@define
class _Worker:
    process: Any
    pipe: Any
    is_ready: bool = False

    def begins(self) -> bool:
        """Read whether the worker is ready now, or has died."""
        with suppress(EOFError):
            self.is_ready = self.pipe.recv()
        return self.is_ready


class _Failed(Exception):  # noqa: N818 - becomes an exit code
    """A worker cannot begin."""


def supervise(
    run: Run, settings: GatewaySettings, secrets: Secrets, listeners: list[socket.socket], ready: Callable[[], None]
) -> bool:
    """Let `settings.workers` processes *run* until SIGTERM or SIGINT; return whether all ended well.

    *ready* is called when all of them accept calls. One that dies is replaced. If one cannot even begin at the start,
    all are stopped.
    """
    awake, waker = os.pipe()
    os.set_blocking(waker, False)

    def wake(*_: object) -> None:
        with suppress(BlockingIOError):
            os.write(waker, b".")

    before = {number: signal.signal(number, wake) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with TemporaryDirectory(prefix="marketo-gateway-") as folder:
            workers = _Workers(run, settings, secrets, listeners, folder)
            try:
                workers.keep(awake, ready)
                good = True
            except _Failed as failure:
                logger.error("%s", failure)
                good = False
            finally:
                for listener in listeners:
                    listener.close()
                ended = workers.stop()
            return good and ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(awake)
        os.close(waker)


class _Workers:
    """The workers that run. *folder* is for their metrics."""

    def __init__(
        self, run: Run, settings: GatewaySettings, secrets: Secrets, listeners: list[socket.socket], folder: str
    ) -> None:
        self._settings, self._folder = settings, folder
        self._arguments = run, settings, secrets, listeners, folder
        self._context = get_context("spawn")  # a fork would copy threads' locks and parsed XML
        self._running: list[_Worker] = []
        self._pause = _PAUSE

    def keep(self, awake: int, ready: Callable[[], None]) -> None:
        """Replace workers that die, until something can be read from *awake*."""
        for _ in range(self._settings.workers):
            self._start()
        announced, due = False, 0.0
        while True:
            missing = self._settings.workers - len(self._running)
            sources = [each.process.sentinel if each.is_ready else each.pipe for each in self._running]
            found = wait([*sources, awake], max(0.0, due - time.monotonic()) if missing else None)
            if awake in found:
                return
            for worker in list(self._running):
                if worker.pipe in found and worker.begins():
                    self._pause = _PAUSE
                elif worker.pipe in found or worker.process.sentinel in found:
                    self._forget(worker)
                    code = worker.process.exitcode
                    if not announced:
                        raise _Failed(f"a worker could not begin (exit code {code})")
                    logger.error("a worker has ended (exit code %s): another one begins", code)
                    due = time.monotonic() + (0.0 if worker.is_ready else self._pause)
                    self._pause = _PAUSE if worker.is_ready else min(_LONGEST_PAUSE, 2 * self._pause)
            if missing and time.monotonic() >= due:
                self._start()
            if not announced and all(each.is_ready for each in self._running):
                announced = True
                ready()

    def stop(self) -> bool:
        """Stop all workers, and return whether each ended well, in time."""
        for worker in self._running:
            worker.process.terminate()
        end = time.monotonic() + self._settings.stop_delay + self._settings.stop_seconds + _MARGIN
        good = True
        for worker in list(self._running):
            worker.process.join(max(0.0, end - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            # One that has just begun has no handler yet.
            good = good and (worker.process.exitcode == 0 or not worker.is_ready)
            self._forget(worker)
        return good

    def _start(self) -> None:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(*self._arguments, sender), name="marketo-gateway")
        process.start()
        sender.close()
        self._running.append(_Worker(process, receiver))

    def _forget(self, worker: _Worker) -> None:
        self._running.remove(worker)
        worker.process.join()
        worker.pipe.close()
        worker_ended(worker.process.pid, self._folder)


def _work(
    run: Run,
    settings: GatewaySettings,
    secrets: Secrets,
    listeners: Sequence[socket.socket],
    folder: str,
    pipe: Connection,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the supervisor too
    quiet_logging()

    def ready() -> None:
        with suppress(OSError):  # the supervisor is gone
            pipe.send(True)

    try:
        run(settings, secrets, listeners, ready, folder)
    except (OSError, ValueError) as error:
        logger.error("%s", error)
        sys.exit(1)
