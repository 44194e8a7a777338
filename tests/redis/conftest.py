from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis.support import RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for all that does not stop it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that may be stopped."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
