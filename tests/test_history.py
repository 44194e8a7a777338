"""What a client keeps of its exchanges, tells of them, writes to files, and sends again."""

from __future__ import annotations

import json
import logging
import os
import pickle
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import (
    AsyncClient,
    Client,
    Credentials,
    Exchange,
    History,
    LeadRecord,
    MarketoError,
    ProtocolError,
    Recorder,
    RetryPolicy,
    Sandbox,
    TransportError,
    Visible,
    envelope,
    signature,
)
from marketo_soap.calls.sign_again import sign_again
from tests.support import CREDENTIALS, FIXTURES, HEADER, NOW, SEED, Either, enveloped, fixture, interrupted

LEAD = LeadRecord(email="t@t.com", attributes={"FirstName": "George"})
TWICE = RetryPolicy(attempts=2, pause=0.0)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=lambda: NOW) as sandbox:
        yield sandbox


@pytest.fixture
def endpoint(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.serve() as endpoint:
        yield endpoint


@pytest.fixture(params=[Client, AsyncClient])
def connect(request: pytest.FixtureRequest, sandbox: Sandbox, endpoint: str) -> Iterator[Callable[..., Either]]:
    """A client of the sandbox, in process or (`endpoint=`) over a socket."""
    made: list[Either] = []

    def connect(**options: Any) -> Either:
        user = sandbox.credentials
        options = {"retry": TWICE, "clock": lambda: NOW, **options}
        if "endpoint" in options:
            options |= {"user_id": user.user_id, "encryption_key": user.encryption_key}
        else:
            options["transport"] = sandbox.transport()
        made.append(Either(request.param, **options).__enter__())
        return made[-1]

    yield connect
    for client in made:
        client.__exit__()


def attempt(size: int = 10, previous: Exchange | None = None) -> Exchange:
    number = 1 if previous is None else previous.attempt + 1
    return Exchange("syncLead", "https://x/", number, NOW, (), b"x" * size, 0.1, previous=previous)


# -- the last exchanges -------------------------------------------------------------------------------


def test_attempts_of_a_call_stay_together() -> None:
    history = History(4)
    first = attempt()
    second = attempt(previous=first)
    other = attempt()
    for exchange in (first, other, second):
        history.add(exchange)
    assert history.calls == ((other,), (first, second))
    assert history.exchanges == (other, first, second)
    assert len(history) == 3


def test_a_history_is_bounded_by_count_and_by_bytes() -> None:
    history = History(2)
    kept = [attempt() for _ in range(5)]
    for exchange in kept:
        history.add(exchange)
    assert history.exchanges == (*kept[-2:],)
    history = History(50, max_bytes=25)
    for exchange in kept:
        history.add(exchange)
    assert history.exchanges == (*kept[-2:],)
    history.add(attempt(100))
    assert len(history) == 1  # the last call, whatever its size
    history.clear()
    assert (len(history), history.calls) == (0, ())
    with pytest.raises(ValueError, match="at least one"):
        History(0)


def test_a_call_that_goes_on_after_it_was_dropped_is_whole_again() -> None:
    history = History(1)
    first = attempt()
    history.add(first)
    history.add(attempt())
    second = attempt(previous=first)
    history.add(second)
    assert history.calls == ((first, second),)
    assert len(history) == 2


def test_many_attempts_are_no_recursion() -> None:
    last = attempt()
    for _ in range(5000):
        last = attempt(previous=last)
    assert [each.attempt for each in last.attempts] == list(range(1, 5002))


def test_what_a_history_costs_does_not_grow_with_it() -> None:
    def steps(count: int) -> int:
        history = History(count)
        for _ in range(count):
            history.add(attempt())
        first, second = attempt(), attempt()
        history.add(first)
        history.add(second)
        with interrupted(10**9, ("marketo_soap.history",)) as done:
            history.add(attempt(previous=first))
            history.add(attempt())
        return done()

    assert steps(10) == steps(1000)


def test_an_exchange_is_kept_once() -> None:
    history, exchange = History(5), attempt()
    history.add(exchange)
    history.add(exchange)
    assert history.exchanges == (exchange,)
    assert len(history) == 1


def test_threads_share_a_history() -> None:
    history = History(100)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(history.add, [attempt() for _ in range(1000)]))
    assert len(history) == len(history.exchanges) == 100
    assert "1000 bytes" in repr(history)


def test_the_address_of_a_call_is_shown_though_a_user_has_its_name(sandbox: Sandbox) -> None:
    with Client(transport=sandbox.transport(), clock=lambda: NOW) as client:
        client.sync_lead(LEAD)
        exchange = client.last_exchange
    assert exchange is not None
    lines = str(exchange).splitlines()
    assert lines[:2] == ["POST https://sandbox.invalid/soap/mktows/2_2", "host: sandbox.invalid"]
    assert sandbox.credentials.user_id not in str(exchange)
    elsewhere = evolve(exchange, endpoint="https://sandbox:pw@sandbox.invalid:8443/George?q=George")
    assert elsewhere.show().startswith("POST https://[secret-1]@sandbox.invalid:8443/[value-1]?q=[")
    odd = evolve(exchange, endpoint="https://George t@t.com/", request_headers=(("Host", "George t@t.com"),))
    assert "George" not in odd.show()
    assert "t@t.com" not in odd.show()


def test_a_client_keeps_what_it_is_told_to(connect: Callable[..., Either], sandbox: Sandbox) -> None:
    sandbox.fail(status=503, body="")
    client = connect(history=3)
    client.sync_lead(LEAD)
    (call,) = client.client.history.calls
    assert [(each.attempt, each.status) for each in call] == [(1, 503), (2, 200)]
    client.sync_lead(LEAD)
    client.sync_lead(LEAD)
    assert [len(call) for call in client.client.history.calls] == [1, 1]
    assert connect().client.history is None


@pytest.mark.parametrize(
    ("rule", "status", "response", "failure"),
    [
        ({"body": "<a>"}, 200, b"<a>", ""),
        ({"html": True}, 502, None, ""),
        ({"body": ""}, 200, b"", ""),
        ({"truncate": 100}, 200, None, "RemoteProtocolError"),
        ({"close": "before"}, None, None, "RemoteProtocolError"),
        ({"delay": 5.0}, None, None, "ReadTimeout"),
        ({"fault": 20103}, 500, None, ""),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_it_survives_whatever_comes(
    connect: Callable[..., Either],
    sandbox: Sandbox,
    rule: dict[str, Any],
    status: int | None,
    response: bytes | None,
    failure: str,
) -> None:
    sandbox.fail(**rule, times=None)
    notified: list[Exchange] = []
    client = connect(history=50, on_exchange=notified.append, timeout=0.05, retry=RetryPolicy(attempts=1))
    with pytest.raises(MarketoError) as raised:
        client.sync_lead(LEAD)
    (kept,) = client.client.history.exchanges
    assert [kept] == notified
    assert raised.value.exchange is kept is not None
    assert kept.status == status
    assert failure in kept.failure
    assert bool(kept.failure) == bool(failure)
    if response is not None:
        assert kept.response == response
    if "truncate" in rule:
        assert kept.response is not None
        assert len(kept.response) == 100
    assert (kept.fault is None) == ("fault" not in rule)
    assert "t@t.com" not in kept.show()
    assert pickle.loads(pickle.dumps(kept)) == kept


def test_phases_are_timed_over_a_socket(connect: Callable[..., Either], sandbox: Sandbox, endpoint: str) -> None:
    sandbox.fail(delay=0.2)
    client = connect(endpoint=endpoint, history=5)
    client.sync_lead(LEAD)
    client.sync_lead(LEAD)
    first, second = client.client.history.exchanges
    assert first.timings.connect > 0
    assert first.timings.send + first.timings.wait >= 0.2  # the server may begin before the client is done sending
    assert first.timings.tls is None
    assert second.timings.connect is None  # it went over the same connection
    for timings in (first.timings, second.timings):
        assert min(timings.send, timings.wait, timings.receive) >= 0
    assert first.elapsed >= first.timings.wait


def test_without_a_history_nothing_is_timed(connect: Callable[..., Either], endpoint: str) -> None:
    client = connect(endpoint=endpoint)
    client.sync_lead(LEAD)
    assert client.last_exchange.timings is None


def test_a_hook_that_fails_harms_no_call(connect: Callable[..., Either], caplog: pytest.LogCaptureFixture) -> None:
    def hook(exchange: Exchange) -> None:
        raise KeyError("t@t.com")

    with caplog.at_level(logging.WARNING):
        connect(on_exchange=hook).sync_lead(LEAD)
    assert "on_exchange raised KeyError at " in caplog.text
    assert "test_history.py:" in caplog.text
    assert "t@t.com" not in caplog.text


# -- the recorder -------------------------------------------------------------------------------------


def test_each_exchange_is_a_file_of_its_own(connect: Callable[..., Either], sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fail(fault=20103)
    directory = tmp_path / "a" / "exchanges"
    client = connect(on_exchange=Recorder(directory))
    with pytest.raises(MarketoError):
        client.sync_lead(LEAD)
    client.sync_lead(LEAD)
    names = sorted(path.name for path in directory.iterdir())
    assert [name.rpartition("-")[2] for name in names] == ["500.har", "200.har"]
    assert names[0].startswith("20130805T233419.000000-syncLead-")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in names:
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
        text = (directory / name).read_text()
        assert json.loads(text)["log"]["entries"][0]["_operation"] == "syncLead"
        assert "t@t.com" not in text
        assert sandbox.credentials.user_id not in text


def test_a_recorder_shows_what_it_is_told_to_but_never_a_key(tmp_path: Path) -> None:
    key = "key_of_nobody"
    data = fixture("sync_lead/seed.request.xml").replace(b"bigcorp1_461839624B16E06BA2D663", key.encode())
    exchange = Exchange("../../etc/passwd", "https://x/", 1, NOW, (), data, 0.1)
    Recorder(tmp_path, visible=Visible(user_id=True, emails=True), secrets=[key])(exchange)
    (path,) = tmp_path.iterdir()
    assert "______etc_passwd" in path.name
    assert "lost" in path.name
    assert "t@t.com" in path.read_text()
    assert key not in path.read_text()


def test_the_oldest_files_go_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "20130805T233419.000000-mine.har").touch()
    (tmp_path / "notes.txt").touch()
    recorder = Recorder(tmp_path, keep=3)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(recorder, [attempt() for _ in range(20)]))
    assert len([path for path in tmp_path.iterdir() if "syncLead" in path.name]) == 3
    last = attempt()
    recorder(evolve(last, started=NOW + timedelta(hours=1)))
    assert max(path.name for path in tmp_path.iterdir() if "syncLead" in path.name).startswith("20130806T003419")
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / "20130805T233419.000000-mine.har").exists()
    with pytest.raises(ValueError, match="keep"):
        Recorder(tmp_path, keep=0)


def test_a_recorder_does_not_list_its_directory_for_each_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = list[object]()
    scandir = os.scandir

    def counted(path: Any) -> Any:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    recorder = Recorder(tmp_path, keep=80)
    for _ in range(110):
        recorder(attempt())
    assert len(listed) == 10
    assert len(os.listdir(tmp_path)) == 80


def test_recorders_of_one_directory_find_each_others_files(tmp_path: Path) -> None:
    recorders = [Recorder(tmp_path, keep=40) for _ in range(3)]  # as three processes have
    for number in range(200):
        recorders[number % 3](evolve(attempt(), started=NOW + timedelta(seconds=number)))
    times = sorted(path.name[:15] for path in tmp_path.iterdir())
    assert 40 <= len(times) <= 40 + 3 * (40 // 8)
    assert times[-1] == f"{NOW + timedelta(seconds=199):%Y%m%dT%H%M%S}"


# -- once more ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/*.request.xml")), ids=lambda path: path.name)
def test_only_the_authentication_is_replaced(path: Path) -> None:
    other, data = Credentials("other <&> user", "other key"), path.read_bytes()
    signed = sign_again(data, other, "2026-11-21T12:00:00+00:00")
    read, before = envelope.read_request(signed), envelope.read_request(data)
    assert read.header is not None
    assert signature.verify(other, read.header)
    assert (read.operation, read.context) == (before.operation, before.context)
    header, rest = data.split(b"</ns1:AuthenticationHeader>")
    assert signed.endswith(rest)
    assert sign_again(signed, CREDENTIALS, HEADER.request_timestamp) == sign_again(
        data, CREDENTIALS, HEADER.request_timestamp
    )
    assert sign_again(data, CREDENTIALS, HEADER.request_timestamp).startswith(header.split(b"<mktowsUserId>")[0])


M = "http://www.marketo.com/mktows/"
BODY = "<m:paramsSyncLead><leadRecord><Email>t@t.com</Email></leadRecord></m:paramsSyncLead>"


@pytest.mark.parametrize(
    "header",
    [
        "<m:AuthenticationHeader><mktowsUserId>u</mktowsUserId><requestSignature/>"
        "<requestTimestamp>t</requestTimestamp></m:AuthenticationHeader>",
        f'<AuthenticationHeader xmlns="{M}"><requestTimestamp\n>t</requestTimestamp ><mktowsUserId xmlns="">u'
        '</mktowsUserId><requestSignature xsi:nil="true"></requestSignature></AuthenticationHeader>',
        '<m:AuthenticationHeader S:mustUnderstand="0"><m:requestTimestamp>t</m:requestTimestamp>'
        "<m:mktowsUserId>u</m:mktowsUserId><m:requestSignature><!-- s --></m:requestSignature></m:AuthenticationHeader>",
    ],
)
def test_the_headers_of_other_clients_are_signed_too(header: str) -> None:
    for encoding in ("utf-8", "utf-8-sig"):
        data = enveloped(BODY, header).decode().encode(encoding)
        if b"<!--" in data:
            with pytest.raises(ProtocolError, match="cannot be signed in place"):
                sign_again(data, CREDENTIALS, HEADER.request_timestamp)
        else:
            assert envelope.read_request(sign_again(data, CREDENTIALS, HEADER.request_timestamp)).header == HEADER


@pytest.mark.parametrize(
    "header", ["", "<m:AuthenticationHeader><mktowsUserId>u</mktowsUserId></m:AuthenticationHeader>"]
)
def test_what_has_no_whole_header_is_not_signed(header: str) -> None:
    with pytest.raises(ProtocolError, match="AuthenticationHeader"):
        sign_again(enveloped(BODY, header), CREDENTIALS, HEADER.request_timestamp)


def test_a_stored_request_is_sent_again(connect: Callable[..., Either], sandbox: Sandbox) -> None:
    stored = fixture("sync_lead/seed.request.xml")
    client = connect(history=5)
    exchange = client.replay(stored)
    assert exchange.status == 200
    assert exchange.request.endswith(stored.split(b"</requestTimestamp>")[1])
    assert client.client.history.exchanges == (exchange,)
    assert dict(exchange.request_headers)["soapaction"] == envelope.soap_action(SEED)
    assert [lead.email for lead in sandbox.leads()] == ["t@t.com"]
    sandbox.fail(fault=20103)
    fault = client.replay(stored).fault
    assert fault is not None
    assert fault.code == 20103
    sandbox.fail(close="before")
    with pytest.raises(TransportError) as raised:
        client.replay(stored)
    assert raised.value.exchange is not None
    assert len(client.client.history) == 3  # it is never sent twice
    with pytest.raises(ProtocolError):
        client.replay(b"<a/>")
