"""What a client does with its connections: cookies, proxies, deadlines, framing, and statuses of unknown fate."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from marketo_soap import AmbiguousError, Client, RetryPolicy, Sandbox
from marketo_soap.calls.deadline import deadline, guard
from marketo_soap.privacy.redactor import Redactor
from tests.sockets import make_certificate, over_tls, peer, read_head, read_request, reply
from tests.support import Either
from tests.test_survival import BOTH, LEAD, OK, ONCE, Kind, sync

# -- what is kept between calls, and where calls go ---------------------------------------------------


@BOTH
def test_cookies_of_a_reply_are_not_sent_back(kind: Kind) -> None:
    heads: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        while True:
            data = read_head(connection)
            heads.append(data.partition(b"\r\n\r\n")[0].lower())
            length = int(heads[-1].partition(b"content-length:")[2].partition(b"\r\n")[0])
            left = length - len(data.partition(b"\r\n\r\n")[2])
            while left:
                left -= len(connection.recv(left))
            connection.sendall(reply(OK, "Set-Cookie: session=1; Path=/"))

    with peer(answer) as endpoint, Either(kind, endpoint, "u", "k", retry=ONCE) as client:
        client.sync_lead(LEAD)
        client.sync_lead(LEAD)
    assert [b"\r\ncookie:" in head for head in heads] == [False, False]


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """The environment names a proxy, which answers whatever it is asked; gives what it was asked."""
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        asked.append(read_head(connection).partition(b"\r\n")[0])
        connection.sendall(reply(OK, "Connection: close"))

    with peer(answer) as endpoint:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, endpoint.removesuffix("/soap"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield asked


@BOTH
def test_no_proxy_of_the_environment_stands_before_this_machine(kind: Kind, proxied: list[bytes]) -> None:
    with Sandbox(user_id="u", encryption_key="k") as sandbox, sandbox.serve() as endpoint:
        sync(kind, endpoint)
        assert len(sandbox.leads()) == 1
    assert proxied == []


@BOTH
def test_a_proxy_of_the_environment_stands_before_other_machines(kind: Kind, proxied: list[bytes]) -> None:
    sync(kind, "http://marketo.invalid/soap", allow_http=True, limiter=None)
    assert proxied == [b"POST http://marketo.invalid/soap HTTP/1.1"]


def test_headers_with_credentials_are_hidden() -> None:
    given = {"Authorization": "Basic a", "Proxy-Authorization": "Basic b", "Cookie": "c=1", "Set-Cookie": "d=1"}
    shown = dict(Redactor().headers({**given, "Content-Type": "text/xml"}.items()))
    assert shown.pop("Content-Type") == "text/xml"
    assert not [name for name, value in shown.items() if value == given[name] or "Basic" in value]


# -- statuses and framing -----------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("status", [303, 408, 499])
def test_statuses_that_may_come_after_the_work(kind: Kind, status: int) -> None:
    with Sandbox(user_id="u", encryption_key="k") as sandbox, sandbox.serve() as endpoint:
        sandbox.fail(status=status, body="")
        with pytest.raises(AmbiguousError) as caught:
            sync(kind, endpoint)
    assert caught.value.status == status
    assert caught.value.fate_unknown


@BOTH
@pytest.mark.parametrize("end", [b"\r\n", b"xx", b"\n\n"])
def test_a_chunk_that_does_not_end_where_it_says_is_no_reply(kind: Kind, end: bytes) -> None:
    """Readers of HTTP that pass over what stands between chunks take one reply for another."""

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + b"%x\r\n%s%s0\r\n\r\n" % (len(OK), OK, end))

    with peer(answer) as endpoint:
        if end == b"\r\n":
            assert sync(kind, endpoint).lead_id == 1089965
            return
        with pytest.raises(AmbiguousError):
            sync(kind, endpoint)


# -- deadlines ----------------------------------------------------------------------------------------

LONG = 15.0
"""Seconds of the time-outs that must not be what ends a call here."""


def silent(done: threading.Event) -> None:
    done.wait(4 * LONG)


def test_nothing_is_written_after_the_deadline() -> None:
    came: list[bytes] = []
    closed = threading.Event()

    def answer(connection: socket.socket) -> None:
        while piece := connection.recv(65536):
            came.append(piece)
        closed.set()

    def body() -> Iterator[bytes]:
        yield b"first"
        time.sleep(0.3)
        yield b"second"

    with peer(answer) as endpoint:
        with httpx.Client(timeout=LONG, trust_env=False) as http:
            guard(http)
            with pytest.raises((TimeoutError, httpx.TimeoutException)), deadline(0.2):
                http.post(endpoint, content=body())
        assert closed.wait(LONG)
    assert b"second" not in b"".join(came)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_peer_that_neither_reads_nor_answers_is_given_up_at_the_deadline(scheme: str) -> None:
    """Over http a body that is longer than sockets hold cannot be written, over https no handshake is answered."""
    done = threading.Event()
    with peer(lambda connection: silent(done)) as endpoint:
        started = time.monotonic()
        with httpx.Client(timeout=LONG, trust_env=False) as http:
            guard(http)
            with pytest.raises((TimeoutError, httpx.TimeoutException)), deadline(0.5):
                http.post(endpoint.replace("http:", f"{scheme}:"), content=b"x" * 30_000_000)
        done.set()
    assert time.monotonic() - started < LONG


def test_a_peer_that_drips_over_tls_ends_at_the_deadline(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not done.wait(0.05):
            connection.sendall(b"X-A: b\r\n")

    with peer(over_tls(drip, tmp_path)) as endpoint:
        started = time.monotonic()
        options = {"verify": ssl.create_default_context(cafile=tmp_path / "cert.pem"), "timeout": LONG}
        with pytest.raises(AmbiguousError):
            sync(Client, endpoint.replace("http:", "https:"), retry=RetryPolicy(attempts=1, deadline=1.0), **options)
        done.set()
    assert time.monotonic() - started < LONG
