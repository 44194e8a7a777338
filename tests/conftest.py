from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

UPDATE = "--marketo-update-goldens"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(UPDATE, action="store_true", help="write goldens instead of comparing with them")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(UPDATE) and os.environ.get("CI"):
        raise pytest.UsageError(f"{UPDATE} is for people who look at the change; it is refused under CI")


Golden = Callable[[Path, bytes], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare bytes with a golden file, or write them to it when asked to."""

    def check(path: Path, actual: bytes) -> None:
        if request.config.getoption(UPDATE):
            path.write_bytes(actual)
        assert actual == path.read_bytes(), f"{path.name} differs; {UPDATE} accepts the change"

    return check
