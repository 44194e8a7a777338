"""A real Redis server without persistence, at a socket in a folder of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60.0  # seconds that anything here may take


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class RedisServer:
    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("no redis-server: install it to run the tests with Redis")
        if find_spec("redis") is None:
            pytest.skip("no redis-py: install marketo_soap[redis] to run the tests with Redis")
        self.folder = folder
        self.url = f"unix://{folder}/socket"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", f"{self.folder}/socket", "--save", "", "--appendonly", "no"]
        command = ["redis-server", *options, "--dir", str(self.folder), "--logfile", f"{self.folder}/log"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self._is_up)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def _is_up(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(f"{self.folder}/socket")
            except OSError:
                return False
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"

    def ask(self, *command: Any) -> Any:
        """What the server answers to a command."""
        with import_module("redis").Redis.from_url(self.url) as client:
            return client.execute_command(*command)


def scores(server: RedisServer, key: str) -> list[tuple[str, float]]:
    """The members of a sorted set, with their scores."""
    with import_module("redis").Redis.from_url(server.url) as client:
        return [(member.decode(), score) for member, score in client.zrange(key, 0, -1, withscores=True)]


def running(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for all that does not stop it."""
    yield from running(tmp_path_factory.mktemp("redis"))


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that may be stopped."""
    yield from running(tmp_path)
