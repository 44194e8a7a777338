"""The parts of a gateway that can be looked at without a process."""

from __future__ import annotations

import asyncio
import io
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from marketo_soap import Credentials, SyncLead, envelope, signature
from marketo_soap.errors import Fault, ServerFault, fault
from marketo_soap.gateway import CallerSettings, GatewaySettings, RestSettings, callers
from marketo_soap.gateway.callers import Callers, Replays
from marketo_soap.gateway.gateway import Gateway
from marketo_soap.gateway.instances import Instance, Meter
from marketo_soap.gateway.logs import quiet_logging
from marketo_soap.gateway.metrics import Counter, Histogram, exposition
from marketo_soap.gateway.secrets import Secrets
from marketo_soap.limits import Limits
from tests.gateway.support import LEAD, parsed_metrics

CREDENTIALS = Credentials("user_1", "k3y")


def gateway(**changed: Any) -> Gateway:
    settings = GatewaySettings(
        (CallerSettings("crm", "user_1", encryption_key_env="K"),),
        (RestSettings("https://100-AEK-913.mktorest.com", client_id="a", client_secret_env="S"),),
        access_log="",
        **changed,
    )
    return Gateway(settings, Secrets({"crm": CREDENTIALS}, {"main": ("a", "b")}))


def request(credentials: Credentials = CREDENTIALS) -> bytes:
    return envelope.request(SyncLead(LEAD), signature.sign(credentials, signature.timestamp(datetime.now(UTC))))


def test_replays_are_forgotten_in_time_and_never_many() -> None:
    replays = Replays(10.0, kept=100)
    for number in range(1000):
        assert not replays.knows(b"%d" % number, float(number) / 1000)
        replays.add(b"%d" % number, float(number) / 1000)
        assert len(replays._seen) <= 101
    assert replays.knows(b"999", 10.9)
    assert not replays.knows(b"999", 11.0)
    assert not replays._seen


def test_an_unknown_user_costs_a_signature_too(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bool] = []

    def verify(*given: Any) -> bool:
        checked.append(signature.verify(*given))
        return checked[-1]

    monkeypatch.setattr(callers, "verify", verify)
    for user in ("nobody", "user_1"):
        header = signature.sign(Credentials(user, "wrong"), "2013-07-31T12:38:47-07:00")
        with pytest.raises(Fault, match="20014"):
            gateway()._callers.identify(header)
    assert checked == [False, False]


def test_nobody_has_no_key_of_its_own() -> None:
    nobody = Callers([])
    with pytest.raises(Fault, match="20014"):
        nobody.identify(signature.sign(nobody._nobody, "2013-07-31T12:38:47-07:00"))


def test_an_unexpected_exception_is_a_fault_and_its_text_is_not_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    here = gateway()

    def fail(*given: Any, **options: Any) -> None:
        raise KeyError("george@jungle.example, George")

    monkeypatch.setattr(here._callers._by_id["user_1"].bridge, "answer", fail)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    try:
        quiet_logging()
        root.handlers[0].stream = stream  # type: ignore[attr-defined]
        answer = asyncio.run(here.answer(request()))
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        here.close()
    assert (answer.status, answer.outcome.code) == (500, 10001)
    assert "the backend failed\nKeyError\n" in stream.getvalue()
    assert "_over_rest" in stream.getvalue()
    assert "jungle" not in stream.getvalue()
    assert "George" not in stream.getvalue()
    assert here.running == here.journal.in_progress == 0


def test_a_full_disk_does_not_stop_calls(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    here = gateway()
    here.journal._file = Full()
    for _ in range(3):
        assert asyncio.run(here.answer(b"<a/>")).outcome.code == 20012
    here.close()
    assert [record.getMessage() for record in caplog.records] == [
        "the access log cannot be written: [Errno 28] No space left on device"
    ]


def test_long_requests_are_read_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    here = gateway()
    assert asyncio.run(here.answer(b"<a>" + b" " * 100_000 + b"</a>")).outcome.code == 20012
    here.close()


def test_refused_credentials_are_known_until_they_are_news_no_more() -> None:
    tick = [0.0]
    rest = RestSettings("https://100-AEK-913.mktorest.com", client_id="a", client_secret_env="S")
    from marketo_soap.bridge.locks import KeyLocks
    from marketo_soap.errors import RestError

    instance = Instance(rest, "a", "b", Meter(Limits()), KeyLocks(), lambda: tick[0])
    refused, other, silent = fault(20014), fault(20106), fault(20011)
    refused.rest, other.rest = RestError("601", "Access token invalid"), RestError("1003", "no")
    silent.rest = RestError("", "no answer")
    assert isinstance(silent, ServerFault)
    seen = []
    for outcome in (refused, silent, other, refused, object(), refused):
        instance.learn(outcome)
        seen.append(instance.refused)
    tick[0] = 61.0
    assert [*seen, instance.refused] == [True, True, False, True, False, True, False]


def test_a_meter_counts_what_it_let_through() -> None:
    meter = Meter(Limits(per_day=2))
    for _ in range(2):
        meter.acquire()
        meter.release()
    with pytest.raises(Fault, match="20015"):
        meter.acquire()
    assert meter.used_today == 2


def test_metrics_are_written_as_the_format_has_it() -> None:
    counter = Counter("a_total", "What.", "who")
    counter.add('"quoted"\\\n', by=2)
    histogram = Histogram("b_seconds", "How long.", (0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.25):
        histogram.observe(value)
    text = exposition(counter.lines, histogram.lines).decode()
    assert 'a_total{who="\\"quoted\\"\\\\\\n"} 2\n' in text
    samples = parsed_metrics(text)
    assert [samples[f'b_seconds_bucket{{le="{bound}"}}'] for bound in ("0.1", "1", "+Inf")] == [2, 3, 4]
    assert samples["b_seconds_sum"] == pytest.approx(7.9)
