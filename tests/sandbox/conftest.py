from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from marketo_soap import Client, Sandbox
from tests.support import CREDENTIALS, NOW


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    user = CREDENTIALS
    with Sandbox(user_id=user.user_id, encryption_key=user.encryption_key, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox, clock: Clock) -> Iterator[Client]:
    with Client(transport=sandbox.transport(), clock=clock) as client:
        yield client
