"""The parts of a gateway that can be looked at without a process."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketo_soap import BridgeSettings, Credentials, LeadRecord, SyncLead, envelope, signature
from marketo_soap.bridge.locks import KeyLocks
from marketo_soap.calls.call import Terms
from marketo_soap.calls.limiter import InProcessLimiter
from marketo_soap.calls.limits import Limits
from marketo_soap.errors import Fault, ProtocolError, RestError, ServerFault, fault
from marketo_soap.gateway import CallerSettings, GatewaySettings, RestSettings, callers
from marketo_soap.gateway.access_log import LineWriter, _RateFilter, quiet_logging
from marketo_soap.gateway.app import Application
from marketo_soap.gateway.budget import Budget
from marketo_soap.gateway.callers import Caller, Callers
from marketo_soap.gateway.gateway import Gateway
from marketo_soap.gateway.instances import RestInstance, instances_of
from marketo_soap.gateway.metrics import Metrics
from marketo_soap.gateway.replays import Replays
from marketo_soap.gateway.secrets import Secrets
from marketo_soap.server.http import Body, Refused
from marketo_soap.server.reader import Reader
from tests.gateway.support import parsed_metrics

CREDENTIALS = Credentials("user_1", "k3y")


def gateway(more: tuple[CallerSettings, ...] = (), **changed: Any) -> Gateway:
    settings = GatewaySettings(
        (CallerSettings("crm", "user_1", encryption_key_env="K"), *more),
        (RestSettings("https://100-AEK-913.mktorest.com", client_id="a", client_secret_env="S"),),
        access_log="",
        **changed,
    )
    keys = {caller.name: Credentials(caller.user_id, "k3y") for caller in settings.callers}
    return Gateway(settings, Secrets(keys, {"main": ("a", "b")}))


def request(**attributes: str) -> bytes:
    lead = LeadRecord(email="george@jungle.example", attributes=attributes)
    return envelope.request(SyncLead(lead), signature.sign(CREDENTIALS, signature.timestamp(datetime.now(UTC))))


def test_replays_are_known_over_restarts_and_to_other_gateways(tmp_path: Path) -> None:
    path = str(tmp_path / "replays.db")
    with closing(Replays(path)) as replays, closing(Replays(path)) as other:
        assert replays.add("a", b"1", 1000.0, 0.0)
        assert other.knows("a", b"1", 1000.0)
        assert not other.add("a", b"1", 1000.0, 0.0)
        assert not other.knows("a", b"2", 1000.0)
        assert not other.knows("b", b"1", 1000.0)
    with closing(Replays(path)) as replays:
        assert replays.knows("a", b"1", 1000.0)
    assert (tmp_path / "replays.db").stat().st_mode & 0o77 == 0


def test_what_could_be_a_forgotten_request_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketo_soap.gateway.replays._EVERY", 1)
    with closing(Replays(str(tmp_path / "replays.db"), kept=10)) as replays:
        for number in range(100):
            assert replays.add("a", b"%d" % number, float(number), 0.0)
        assert replays.add("b", b"0", 0.0, 0.0)  # one caller's flood is not another's
        assert all(replays.knows("a", b"%d" % number, float(number)) for number in range(100))
        assert not replays.knows("a", b"late", 89.5)
        assert replays.knows("a", b"late", 88.5)
        assert not replays.add("a", b"late", 88.5, 0.0)
        assert replays.add("a", b"1000", 1000.0, 900.0)
        assert replays._db.execute("SELECT count(*) FROM seen").fetchone() == (2,)
        assert replays.knows("a", b"50", 50.0)  # as after a clock that was set back


def test_calls_are_refused_while_they_cannot_be_remembered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(Replays(str(tmp_path / "replays.db"))) as replays:
        assert replays.add("a", b"0", 1.0, 0.0)
        replays._db.execute("PRAGMA query_only = on")  # as on a disk that is full
        for _ in range(3):
            assert not replays.knows("a", b"1", 1.0)
            with pytest.raises(Fault, match="20024"):
                replays.add("a", b"1", 1.0, 0.0)
        assert len(caplog.records) == 1
        replays._db.execute("PRAGMA query_only = off")
        assert replays.add("a", b"1", 1.0, 0.0)
    (tmp_path / "text").write_text("no database, " * 100)
    with pytest.raises(ValueError, match="replay_file: "):
        Replays(str(tmp_path / "text"))


def test_a_clock_that_is_set_back_frees_no_callers_window() -> None:
    limited = CallerSettings("web", "user_2", encryption_key_env="K", limits=Limits(calls=100, per_day=None))
    here, now, admitted = gateway(more=(limited,)), datetime.now(UTC), 0
    header = signature.sign(Credentials("user_2", "k3y"), signature.timestamp(now))
    for number in range(500):
        with suppress(Fault):
            caller = here._callers.identify(header)
            asyncio.run(caller.check_call(header, b"", now - timedelta(seconds=number // 100), number / 100))
            admitted += 1
    assert admitted == 100
    here.close()


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


def test_strangers_have_one_signature_a_second_diagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def mistake(credentials: Credentials, header: signature.AuthenticationHeader) -> str:
        made.append(header.mktows_user_id)
        return "odd"

    monkeypatch.setattr(callers, "mistake", mistake)
    known, unknown = (signature.sign(Credentials(user, "x"), "2013-07-31T12:38:47-07:00") for user in ("user_1", "n"))
    here = gateway()
    diagnoses = [here._callers.diagnose(header, tick) for tick in (5.0, 6.5) for header in (known, unknown, known)]
    here.close()
    assert made == ["user_1", "user_1"]
    limited = ("crm", "is wrong; one a second is diagnosed")
    assert diagnoses == [("crm", "odd"), (None, "of an unknown user"), limited] * 2


def test_nobody_has_no_key_of_its_own() -> None:
    nobody = Callers([], 1)
    with pytest.raises(Fault, match="20014"):
        nobody.identify(signature.sign(nobody._unknown, "2013-07-31T12:38:47-07:00"))


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
    assert here.running == here.call_log.in_progress == 0


def test_the_same_complaint_is_logged_once_a_minute() -> None:
    tick = [0.0]
    once = _RateFilter(lambda: tick[0])
    passed = []
    for second, text in (
        (0, "no room for %d"),
        (58, "no room for %d"),
        (59, "other"),
        (59, "no room for %d"),
        (60, "no room for %d"),
        (61, "other"),
    ):
        tick[0] = second
        record = logging.LogRecord("a", logging.ERROR, "", 0, text, (second,) if "%" in text else (), None)
        if once.filter(record):
            passed.append(record.getMessage())
    assert passed == ["no room for 0", "other", "no room for 60 (and 2 more times since it was last logged)"]
    for number in range(5000):
        once.filter(logging.LogRecord("a", logging.ERROR, "", 0, "x" * number, (), None))
    assert len(once._until) <= 1000


def test_room_for_calls_is_kept_for_each_caller() -> None:
    more = tuple(CallerSettings(f"more-{n}", f"user_{n}_", encryption_key_env="K") for n in range(2, 5))
    off = CallerSettings("off", "user_5", encryption_key_env="K", enabled=False)
    here = gateway(more=(*more, off), max_calls=24)
    everyone = list(here._callers._by_id.values())[:-1]

    def filled(caller: Caller) -> int:
        with suppress(Fault):
            while True:
                here._callers.check_room(caller)
                caller.running += 1
        return caller.running

    assert [filled(caller) for caller in everyone] == [15, 3, 3, 3]
    here.close()
    here = gateway(more=more[:1], max_calls=3)
    assert [filled(caller) for caller in here._callers._by_id.values()] == [2, 1]
    here.close()


def test_a_full_disk_does_not_stop_calls(caplog: pytest.LogCaptureFixture) -> None:
    class Disk(io.RawIOBase):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    here = gateway()
    here.call_log._log = log = LineWriter(Disk())
    for _ in range(3):
        assert asyncio.run(here.answer(b"<a/>")).outcome.code == 20012
    here.close()
    assert log.dropped == 3
    assert b"\nmarketo_gateway_log_lines_dropped_total 3.0\n" in here.call_log.metrics()
    assert [record.getMessage() for record in caplog.records] == [
        "the access log cannot be written: [Errno 28] No space left on device"
    ]


def test_a_log_that_takes_nothing_holds_nobody_up() -> None:
    class Stuck(io.RawIOBase):
        def write(self, data: Any) -> int:
            taken.set()
            free.wait(20)
            written.append(data[:3])  # what a pipe has room for
            return len(data[:3])

    taken, free = threading.Event(), threading.Event()
    written: list[bytes] = []
    log = LineWriter(Stuck(), waiting=2)
    log.write("first")
    assert taken.wait(20)
    for line in ("second", "third", "lost"):
        log.write(line)
    log.close(0.01)
    assert log.dropped == 1
    free.set()
    log.close(20)
    assert b"".join(written) == b"first\nsecond\nthird\n"


def test_names_that_strangers_send_are_not_kept() -> None:
    threads = set()
    reading = 0

    def read(body: bytes) -> None:
        nonlocal reading
        threads.add(threading.current_thread())
        reading += 1
        assert reading == 1
        time.sleep(0.001)
        reading -= 1
        raise ProtocolError("no envelope", problem="malformed")

    async def work() -> None:
        reader = Reader(max_bytes=1000)
        calls = [reader.read(read, b"<a/>" + b" " * 96) for _ in range(40)]
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(outcome, ProtocolError)
        reader.close()

    asyncio.run(work())
    assert threading.current_thread() not in threads
    assert len(threads) == 4


def test_long_requests_share_memory_by_caller() -> None:
    budget = Budget(100, 60)
    budget.take("a", 20)
    budget.take("a", 30)
    for caller, size in (("a", 11), ("b", 51)):
        with pytest.raises(Fault, match="20024"):
            budget.take(caller, size)
    budget.take("b", 50)
    budget.release("a", 50)
    budget.take("a", 50)


def test_the_memory_of_a_long_request_is_given_back() -> None:
    here, body = gateway(), request(notes="n" * 20_000)
    used: list[int] = []

    async def read() -> None:
        with here.memory() as allow:
            for size in (17_000, 20_000):
                await allow(bytearray(body[:size]))
                used.append(here._budget._used.total())

    asyncio.run(read())
    here.close()
    assert [*used, here._budget._used.total()] == [17_000, 20_000, 0]


def test_the_wait_for_a_reader_counts_as_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    here = gateway(call_seconds=5.0)
    seconds: list[float | None] = []

    def answer(request: object, *, terms: Terms) -> None:
        seconds.append(terms.seconds)
        raise fault(20011)

    monkeypatch.setattr(here._callers._by_id["user_1"].bridge, "answer", answer)
    busy = threading.Event()
    for reader in here._readers:
        reader._pool.submit(busy.wait, 0.3)
    assert asyncio.run(here.answer(request())).outcome.code == 20011
    assert seconds[0] is not None
    assert seconds[0] < 4.8
    here.close()
    late = gateway(call_seconds=0.01)
    for reader in late._readers:
        reader._pool.submit(busy.wait, 20)
    assert asyncio.run(late.answer(request())).outcome.code == 20024
    busy.set()
    late.close()


@pytest.mark.parametrize("step", [1, 7, 1000, 10**6])
@pytest.mark.parametrize("compress", [bytes, gzip.compress, zlib.compress])
def test_bodies_are_decompressed_a_little_at_a_time(compress: Callable[[bytes], bytes], step: int) -> None:
    plain = b"<a>" + b"<b/>" * 500 + b"</a>"
    sent = compress(plain)
    body = Body({} if sent == plain else {"content-encoding": "gzip"}, len(plain))
    for at in range(0, len(sent), 100):
        body.add(sent[at : at + 100])
        before = len(body.plain)
        while body.grow(step):
            assert len(body.plain) <= before + step
            before = len(body.plain)
    assert body.plain == plain
    body.add(b"x")
    with pytest.raises(Refused) if sent == plain else nullcontext():
        assert not body.grow(step)


def test_what_is_not_compressed_as_said_is_an_empty_envelope() -> None:
    sent = bytearray(gzip.compress(bytes(range(256)) * 9))
    sent[-30] ^= 255
    body = Body({"content-encoding": "gzip"})
    for piece in (bytes(sent), b"more"):
        body.add(piece)
        while body.grow(100):
            pass
        assert body.plain == b""


def asked(
    app: Application, path: str, address: str = "10.0.0.9", host: str = "localhost", **options: Any
) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
            return await http.request(options.pop("method", "GET"), path, **options)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("admin", "address", "health", "metrics"),
    [
        ("local", "10.0.0.9", 404, 404),
        ("local", "::1", 200, 200),
        ("all", "10.0.0.9", 200, 401),
        ("all", "127.0.0.1", 200, 200),
        ("none", "127.0.0.1", 404, 404),
    ],
)
def test_other_machines_see_how_it_is_where_told_to(admin: str, address: str, health: int, metrics: int) -> None:
    here = gateway()
    app = Application(here, soap=True, admin=admin)
    statuses = [asked(app, path, address).status_code for path in ("/readyz", "/healthz", "/metrics")]
    assert statuses == [health, health, metrics]
    here.close()


@pytest.mark.parametrize(
    ("changed", "host", "headers"),
    [
        ({}, "rebound.example", {}),
        ({}, "localhost", {"X-Forwarded-For": "10.0.0.9"}),
        ({"behind_proxy": True, "public_url": "https://soap.example.com/x"}, "localhost", {}),
    ],
)
def test_the_numbers_are_for_this_machine_in_fact_or_for_the_token(
    changed: dict[str, Any], host: str, headers: dict[str, str]
) -> None:
    here = gateway(**changed)
    here.metrics_token = "open sesame"
    app = Application(here, soap=True, admin="local")
    for token, status in (("", 404), ("Bearer wrong", 404), ("Bearer open sesame", 200)):
        given = headers | ({"Authorization": token} if token else {})
        assert asked(app, "/metrics", "127.0.0.1", host, headers=given).status_code == status
    here.close()


def test_the_wsdl_says_the_configured_address() -> None:
    here = gateway(public_url="https://soap.example.com/old/path", behind_proxy=True, host="0.0.0.0")
    app = Application(here, soap=True, admin="none")
    assert b'location="https://soap.example.com/old/path"' in asked(app, "/soap/mktows/2_2?wsdl").content
    assert asked(Application(here, soap=False, admin="all"), "/soap/mktows/2_2?wsdl").status_code == 404
    here.close()


@pytest.mark.parametrize(("zone", "hours", "code"), [("CST6CDT", 6, 20016), ("UTC", 6, 20016), ("CST6CDT", 0, None)])
def test_a_time_without_a_zone_is_utc_wherever_the_gateway_stands(
    monkeypatch: pytest.MonkeyPatch, zone: str, hours: int, code: int | None
) -> None:
    here = gateway()
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    header = signature.sign(CREDENTIALS, (now - timedelta(hours=hours)).isoformat().removesuffix("+00:00"))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        caller = here._callers.identify(header)
        with pytest.raises(Fault, match=str(code)) if code else nullcontext():
            asyncio.run(caller.check_call(header, b"", now, 0.0))
    finally:
        monkeypatch.undo()
        time.tzset()
        here.close()


def test_one_caller_of_several_gets_half_of_the_calls_unless_told_otherwise() -> None:
    own = CallerSettings("web", "user_2", encryption_key_env="K", limits=Limits(at_once=3))
    header = signature.sign(CREDENTIALS, signature.timestamp(now := datetime.now(UTC)))

    def at_once(*more: CallerSettings) -> list[int]:
        here = gateway(more=more, max_calls=4)
        counts = []
        for caller in here._callers._by_id.values():
            with suppress(Fault):
                for caller.running in range(9):  # which is what it counts
                    asyncio.run(caller.check_call(header, b"", now, 0.0))
            counts.append(caller.running)
        here.close()
        return counts

    assert at_once() == [4]
    assert at_once(own) == [2, 3]


def test_bridges_of_one_instance_keep_to_one_set_of_locks_and_limits() -> None:
    other = CallerSettings("web", "user_2", encryption_key_env="K", bridge=BridgeSettings(naive_offset="-06:00"))
    more = CallerSettings("app", "user_3", encryption_key_env="K")
    here = gateway(more=(other, more))
    first, second, third = (caller.bridge for caller in here._callers._by_id.values())
    assert first is third
    assert first is not second
    assert first._locks is second._locks
    assert first._limiter is second._limiter
    here.close()


def test_refused_credentials_are_known_until_they_are_news_no_more() -> None:
    tick = [0.0]
    rest = RestSettings("https://100-AEK-913.mktorest.com", client_id="a", client_secret_env="S")
    instance = RestInstance(rest, "a", "b", InProcessLimiter(Limits()), KeyLocks(), lambda: tick[0])
    refused, other, silent = fault(20014), fault(20106), fault(20011)
    refused.rest, other.rest = RestError("601", "Access token invalid"), RestError("1003", "no")
    silent.rest = RestError("", "no answer")
    assert isinstance(silent, ServerFault)
    seen = []
    for outcome in (refused, silent, other, refused, object(), refused):
        instance.record(outcome)
        seen.append(instance.refused)
    tick[0] = 61.0
    assert [*seen, instance.refused] == [True, True, False, True, False, True, False]


def test_metrics_are_written_as_the_format_has_it() -> None:
    metrics = Metrics()
    metrics.faults.labels('"quoted"\\\n').inc(2)
    for value in (0.05, 0.1, 0.5, 70.0):
        metrics.seconds.observe(value)
    text = metrics.text().decode()
    assert 'marketo_gateway_faults_total{code="\\"quoted\\"\\\\\\n"} 2.0\n' in text
    samples = parsed_metrics(text)
    buckets = [samples[f'marketo_gateway_call_seconds_bucket{{le="{bound}"}}'] for bound in ("0.1", "1.0", "+Inf")]
    assert buckets == [2, 3, 4]
    assert samples["marketo_gateway_call_seconds_sum"] == pytest.approx(70.65)


def test_bridges_of_one_instance_share_locks_and_token() -> None:
    rest = (
        RestSettings("http://127.0.0.1:1", client_id="a", client_secret_env="A"),
        RestSettings("http://127.0.0.1:1/rest", name="other", client_id="b", client_secret_env="A"),
    )
    one, other = instances_of(rest, {"main": ("a", "s"), "other": ("b", "s")}).values()
    first, second = one.bridge(BridgeSettings()), one.bridge(BridgeSettings(on_duplicate="most_recent"))
    assert first is one.bridge(BridgeSettings())
    assert first._locks is second._locks is other.bridge(BridgeSettings())._locks
    assert first._core.shared.token is second._core.shared.token
    assert other.bridge(BridgeSettings())._core.shared.token is not first._core.shared.token
