"""Times without a zone, on a machine whose own zone is not UTC."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from marketo_soap import Sandbox, envelope, signature
from tests.support import CREDENTIALS, SEED


@pytest.fixture
def in_chicago(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CST6CDT")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_chicago")
@pytest.mark.parametrize(
    ("text", "status"),
    [("2013-08-05T23:34:19", 200), ("2013-08-05T18:34:19", 200), ("2013-08-05T16:34:19", 500)],
    ids=["UTC", "local", "neither"],
)
def test_a_time_without_a_zone_is_read_both_ways(sandbox: Sandbox, text: str, status: int) -> None:
    data = envelope.request(SEED, signature.sign(CREDENTIALS, text))
    assert sandbox.respond(data).status == status
