"""What a gateway promises about time, order and its log, without a process where none is needed."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from marketo_soap import Credentials, RetryPolicy, SyncLead, envelope, signature
from marketo_soap.errors import Fault
from marketo_soap.gateway import CallerSettings, GatewaySettings, RestSettings
from marketo_soap.gateway.gateway import Gateway
from marketo_soap.gateway.secrets import Secrets
from tests.gateway.support import LEAD, Served

CREDENTIALS = Credentials("user_1", "k3y")


def alone(replay_file: Path | None = None, **caller: Any) -> Gateway:
    """One whose REST is at an address of this machine where nobody listens."""
    rest = RestSettings("http://127.0.0.1:1", client_id="a", client_secret_env="S", retry=RetryPolicy(attempts=1))
    who = CallerSettings("crm", "user_1", encryption_key_env="K", **caller)
    settings = GatewaySettings((who,), (rest,), access_log="", replay_file=str(replay_file) if replay_file else None)
    return Gateway(settings, Secrets({"crm": CREDENTIALS}, {"main": ("a", "b")}))


class Clock:
    """Stands in for the class `datetime` of a module."""

    at = datetime(2026, 1, 5, 12, tzinfo=UTC)

    def now(self, zone: object) -> datetime:
        return self.at


def test_a_request_that_is_ahead_is_remembered_until_it_has_expired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("marketo_soap.gateway.gateway.datetime", clock)
    monkeypatch.setattr("marketo_soap.gateway.replays._EVERY", 1)
    here = alone(tmp_path / "replays.db", refuse_replays="request", timestamp_window=60.0)
    header = signature.sign(CREDENTIALS, signature.timestamp(clock.at + timedelta(seconds=50)))
    first, other, third = (envelope.request(SyncLead(LEAD), header, context=name) for name in (None, "A", "B"))
    codes = []
    for body, seconds in ((first, 0), (first, 100), (other, 0), (third, 0)):  # 50 seconds behind is still in time
        clock.at += timedelta(seconds=seconds)
        outcome = asyncio.run(here.answer(body)).outcome
        assert isinstance(outcome, Fault)
        codes.append(outcome.code)
    here.close()
    assert [code == 20016 for code in codes] == [False, True, False, False]


def test_a_short_request_does_not_wait_for_long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    here, free, read = alone(), threading.Event(), envelope.open_request

    def slowly(body: bytes) -> Any:
        assert len(body) < 100_000 or free.wait(60)
        return read(body)

    async def both() -> int | None:
        long = asyncio.create_task(here.answer(b"<a>" + b" " * 100_000 + b"</a>"))
        await asyncio.sleep(0.05)
        short = await asyncio.wait_for(here.answer(b"<a/>"), 30)
        assert not long.done()
        free.set()
        await long
        assert isinstance(short.outcome, Fault)
        return short.outcome.code

    monkeypatch.setattr(envelope, "open_request", slowly)
    try:
        assert asyncio.run(both()) == 20012
    finally:
        free.set()
        here.close()


@pytest.mark.parametrize(("request_id", "logged"), [("e42b#14272d07d78", True), ("george@jungle.example", False)])
def test_the_log_holds_no_request_id_that_is_none(gateway: Served, request_id: str, logged: bool) -> None:
    refused = {"requestId": request_id, "success": False, "errors": [{"code": "610", "message": "Not found"}]}
    gateway.call()
    gateway.sandbox.fail(times=9, status=200, body=json.dumps(refused), operation="syncLeads")
    try:
        gateway.call()
        assert gateway.log()[-1]["rest_request_id"] == (request_id if logged else None)
    finally:
        gateway.sandbox.script.clear()
