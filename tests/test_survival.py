"""What a service must survive: hostile replies, hung peers, restarts, many callers, forks, and chaos."""

from __future__ import annotations

import asyncio
import gzip
import os
import resource
import socket
import ssl
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest

from marketo_soap import (
    AmbiguousError,
    AsyncClient,
    Client,
    LeadRecord,
    LeadSyncStatus,
    MarketoError,
    ProtocolError,
    RetryPolicy,
    Sandbox,
    TransportError,
)
from marketo_soap.calls import http
from tests.sockets import always, make_certificate, over_tls, peer, read_request, reply
from tests.support import Either, fixture

ONCE = RetryPolicy(attempts=1)
LEAD = LeadRecord(email="t@t.com", attributes={"FirstName": "George"})
OK = fixture("sync_lead/seed.response.xml")


Kind = type[Client] | type[AsyncClient]
BOTH = pytest.mark.parametrize("kind", [Client, AsyncClient])


def sync(kind: Kind, endpoint: str, **options: Any) -> Any:
    """One call by a client of either kind."""
    with Either(kind, endpoint, "u", "k", **{"retry": ONCE, **options}) as client:
        return client.sync_lead(LEAD)


# -- hostile replies ----------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(OK, mtime=0)),
        ("gzip", gzip.compress(OK[:100], mtime=0) + gzip.compress(OK[100:], mtime=0)),
        ("deflate", zlib.compress(OK)),
        ("x-gzip", gzip.compress(OK, mtime=0)),
        ("identity", OK),
    ],
)
def test_a_compressed_reply_is_read(kind: Kind, encoding: str, body: bytes) -> None:
    with peer(always(reply(body, f"Content-Encoding: {encoding}"))) as endpoint:
        assert sync(kind, endpoint).lead_id == 1089965


@BOTH
@pytest.mark.parametrize(
    ("encoding", "body", "says"),
    [
        ("gzip", b"no gzip", "cannot be decompressed"),
        ("gzip", gzip.compress(OK, mtime=0)[:-1], "broke off"),
        ("gzip", b"", "broke off"),
        ("br", OK, "compressed by 'br'"),
    ],
)
def test_a_reply_that_is_compressed_wrongly(kind: Kind, encoding: str, body: bytes, says: str) -> None:
    answer = always(reply(body, f"Content-Encoding: {encoding}"))
    with peer(answer) as endpoint, pytest.raises(AmbiguousError, match=says):
        sync(kind, endpoint)


@BOTH
@pytest.mark.parametrize("limit", [1000, 1024 * 1024])
def test_a_reply_that_is_too_long_is_cut_off(kind: Kind, limit: int) -> None:
    with peer(always(reply(b" " * (limit + 1)))) as endpoint:
        with pytest.raises(AmbiguousError, match=f"longer than {limit} bytes") as caught:
            sync(kind, endpoint, max_response_bytes=limit)
        assert caught.value.exchange is not None
        assert caught.value.exchange.response is not None
    with peer(always(reply(OK))) as endpoint:
        sync(kind, endpoint, max_response_bytes=len(OK))


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """The block takes fewer bytes. The most that the process ever had does not show it: other tests had more."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def test_a_compressed_bomb_costs_no_more_than_the_limit() -> None:
    packer = zlib.compressobj(9)
    pieces = [packer.compress(b" " * 1_000_000) for _ in range(100)]
    bomb = b"".join(pieces) + packer.flush()  # 100 kB that unpack to 100 MB
    answer = always(reply(bomb, "Content-Encoding: deflate"))
    with peer(answer) as endpoint, memory_below(20_000_000), pytest.raises(AmbiguousError, match="longer than"):
        sync(Client, endpoint, max_response_bytes=1_000_000)


def test_a_reply_of_a_few_thousand_pieces_is_read() -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in OK + b" " * 5_000) + b"0\r\n\r\n"
    with peer(always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)) as endpoint:
        assert sync(Client, endpoint).lead_id == 1089965


BLOCK = zlib.compressobj(wbits=31).flush(zlib.Z_FULL_FLUSH)
FLOODS = {
    "pieces of two bytes": ("", b"2\r\n  \r\n" * 10_000),
    "empty blocks of gzip": ("Content-Encoding: gzip\r\n", b"ff00\r\n" + b"\0\0\0\xff\xff" * 13_056 + b"\r\n"),
    "empty files of gzip": ("Content-Encoding: gzip\r\n", b"ff00\r\n" + gzip.compress(b"", mtime=0) * 3_264 + b"\r\n"),
}


@BOTH
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_pieces_that_hold_next_to_nothing_is_cut_off(
    kind: Kind, flood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_MOST_PIECES", 20_000)
    header, piece = FLOODS[flood]
    first = b"a\r\n" + BLOCK[:10] + b"\r\n" if "blocks" in flood else b""

    def pour(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + header.encode() + b"\r\n" + first)
        for _ in range(3_000):
            connection.sendall(piece)

    cut_off = pytest.raises(AmbiguousError, match=r"too many pieces|longer than")
    with peer(pour) as endpoint, memory_below(40_000_000), cut_off:
        sync(kind, endpoint, retry=RetryPolicy(attempts=1, deadline=60.0), max_response_bytes=5_000_000)


HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPS = {
    "body": (HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
    "head": (HEAD + b"X-Long: ", b"x"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "chunk extension": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
    "status line": (b"HTTP/1.1 ", b""),
}


@BOTH
@pytest.mark.parametrize("where", DRIPS)
def test_a_dripping_peer_ends_at_the_deadline(kind: Kind, where: str) -> None:
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        first, piece = DRIPS[where]
        connection.sendall(first)
        for _ in range(500):
            connection.sendall(piece)
            time.sleep(0.02)

    with peer(drip) as endpoint:
        started = time.monotonic()
        with pytest.raises(AmbiguousError, match=r"before the deadline of the call|ReadTimeout|deadline"):
            sync(kind, endpoint, retry=RetryPolicy(attempts=1, deadline=1.0), timeout=60)
        assert time.monotonic() - started < 6


@contextmanager
def dead(*hosts: str, port: int = 0) -> Iterator[int]:
    """Addresses that never answer an attempt to connect: their queues are full."""
    with ExitStack() as stack:
        for host in hosts:
            server = stack.enter_context(socket.create_server((host, port), backlog=0))
            port = server.getsockname()[1]
            for _ in range(4):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex((host, port))
        yield port


def named(monkeypatch: pytest.MonkeyPatch, *hosts: str, wait: threading.Event | None = None) -> None:
    """Let the name marketo.test have these addresses, and be resolved when *wait* is set."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in ("marketo.test", b"marketo.test"):
            return resolve(host, port, *args, **options)
        if options.get("flags", 0) & socket.AI_NUMERICHOST or (len(args) == 4 and args[3] & socket.AI_NUMERICHOST):
            raise socket.gaierror("no number")
        assert wait is None or wait.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@contextmanager
def never_sent(seconds: float) -> Iterator[None]:
    """The block ends in less than so many seconds, with a call that was not sent."""
    started = time.monotonic()
    with pytest.raises(TransportError, match="was not sent") as caught:
        yield
    assert time.monotonic() - started < seconds
    assert not caught.value.fate_unknown


LATE = pytest.mark.parametrize(
    "late", [{"retry": RetryPolicy(attempts=1, deadline=0.4)}, {"retry": ONCE, "timeout": 0.4}], ids=["call", "attempt"]
)


@BOTH
@LATE
def test_dead_addresses_take_no_longer_than_one(kind: Kind, late: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = [f"127.0.0.{n}" for n in range(2, 18)]
    named(monkeypatch, *hosts)
    with dead(*hosts) as port, never_sent(4):
        sync(kind, f"http://marketo.test:{port}/soap", allow_http=True, limiter=None, **late)


@BOTH
def test_a_living_address_is_found_behind_dead_ones(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = ["127.0.0.2", "127.0.0.3", "127.0.0.1"]
    named(monkeypatch, *hosts)
    with peer(always(reply(OK))) as endpoint, dead(*hosts[:2], port=httpx.URL(endpoint).port or 0):
        endpoint = endpoint.replace("127.0.0.1", "marketo.test")
        retry = RetryPolicy(attempts=1, deadline=3.0)
        assert sync(kind, endpoint, allow_http=True, limiter=None, retry=retry).lead_id == 1089965


@BOTH
@LATE
def test_a_slow_resolver_is_not_waited_for(kind: Kind, late: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    named(monkeypatch, "127.0.0.1", wait=released)
    with Either(kind, "http://marketo.test:9/soap", "u", "k", allow_http=True, limiter=None, **late) as client:
        with never_sent(4):
            client.sync_lead(LEAD)
        released.set()


def test_a_name_that_does_not_exist_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=socket.gaierror(-2, "Name or service not known")))
    with pytest.raises(TransportError, match=r"was not sent: ConnectError: .*Name or service not known"):
        sync(Client, "http://marketo.test:9/soap", allow_http=True, limiter=None)


@contextmanager
def https_proxy(folder: Path, serve: Callable[[ssl.SSLSocket], None]) -> Iterator[httpx.Proxy]:
    """A proxy that is spoken to by TLS, and does with a tunnel what the test says."""

    def tunnel(connection: Any) -> None:
        assert connection.recv(65536).startswith(b"CONNECT ")
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        serve(connection)

    with peer(over_tls(tunnel, folder)) as address:
        url = address.replace("http:", "https:").removesuffix("/soap")
        yield httpx.Proxy(url, ssl_context=ssl.create_default_context(cafile=folder / "cert.pem"))


@BOTH
def test_a_slow_start_of_tls_keeps_the_deadline(kind: Kind) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")
        for _ in range(500):
            connection.sendall(b"\x02")
            time.sleep(0.02)

    with peer(drip) as endpoint, never_sent(4):
        sync(kind, endpoint.replace("http:", "https:"), retry=RetryPolicy(attempts=1, deadline=0.5), timeout=60)


@BOTH
def test_tls_within_an_https_proxy_keeps_the_deadline(kind: Kind, certificate: Path) -> None:
    def drip(connection: ssl.SSLSocket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB, byte by byte
        for _ in range(500):
            connection.sendall(b"\x02")
            time.sleep(0.02)

    with https_proxy(certificate, drip) as proxy, never_sent(4):
        retry = RetryPolicy(attempts=1, deadline=0.5)
        sync(kind, "https://100-AEK-913.mktoapi.com/soap", proxy=proxy, limiter=None, retry=retry)


@BOTH
def test_a_reply_within_an_https_proxy_keeps_the_deadline(kind: Kind, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    asked = threading.Event()

    def answer(connection: Any) -> None:
        read_request(connection)
        asked.set()
        time.sleep(0.2)
        connection.sendall(reply(OK))

    def pass_on(outside: ssl.SSLSocket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as inside:
            outside.settimeout(0.02)
            inside.settimeout(0.02)
            for _ in range(500):
                with suppress(TimeoutError):
                    inside.sendall(outside.recv(65536))
                with suppress(TimeoutError):
                    outside.sendall(inside.recv(1 if asked.is_set() else 65536))

    with peer(over_tls(answer, certificate)) as endpoint, https_proxy(certificate, pass_on) as proxy:
        port = httpx.URL(endpoint).port
        started = time.monotonic()
        retry = RetryPolicy(attempts=1, deadline=2.0)
        endpoint = endpoint.replace("http:", "https:")
        with pytest.raises(AmbiguousError, match="before the deadline of the call"):
            sync(kind, endpoint, proxy=proxy, verify=trusting, limiter=None, retry=retry, timeout=60)
        assert time.monotonic() - started < 8
        assert asked.is_set()


def test_a_peer_that_reads_slowly_keeps_nobody_beyond_the_deadline() -> None:
    def sip(connection: socket.socket) -> None:
        for _ in range(500):
            connection.recv(60_000)
            time.sleep(0.02)

    lead = LeadRecord(email="t@t.com", attributes={f"A{n}": "x" * 4_000_000 for n in range(7)})
    with peer(sip) as endpoint, Client(endpoint, "u", "k", retry=RetryPolicy(deadline=3.0)) as client:
        with pytest.raises(AmbiguousError):
            client.sync_lead(lead)
        assert client.last_exchange is not None
        assert client.last_exchange.elapsed < 7


def test_a_call_that_waited_for_a_connection_in_vain_was_not_sent() -> None:
    hanging, released = threading.Semaphore(0), threading.Event()

    def hang(connection: socket.socket) -> None:
        read_request(connection)
        hanging.release()
        released.wait(30)

    with peer(hang) as endpoint, Client(endpoint, "u", "k", retry=ONCE) as client, ThreadPoolExecutor(10) as pool:
        busy = [pool.submit(client.sync_lead, LEAD) for _ in range(10)]
        assert all(hanging.acquire(timeout=30) for _ in busy)
        with never_sent(10):
            client.sync_lead(LEAD, retry=RetryPolicy(attempts=1, deadline=0.3))
        released.set()
        assert {type(running.exception()) for running in busy} == {AmbiguousError}


def test_the_wait_for_a_connection_ends_before_the_call_does() -> None:
    """Else a task's own time-out ends it first, which does not tell that nothing was sent."""
    given = http.within(httpx.Timeout(60, connect=5, write=None), 10.0)
    assert given.as_dict() == {"connect": 5, "read": 10.0, "write": 10.0, "pool": 9.0}
    assert http.within(httpx.Timeout(1), 10.0) == http.within(httpx.Timeout(1), None) == httpx.Timeout(1)


@BOTH
def test_a_client_is_well_after_a_deadline(kind: Kind) -> None:
    with Sandbox(user_id="u", encryption_key="k") as sandbox, sandbox.serve() as endpoint:
        sandbox.fail(delay=3.0)
        with Either(kind, endpoint, "u", "k") as client:
            with pytest.raises(TransportError):
                client.sync_lead(LEAD, retry=RetryPolicy(deadline=0.2))
            client.sync_lead(LEAD, retry=RetryPolicy(deadline=30.0))


# -- peers that come and go ---------------------------------------------------------------------------


@BOTH
def test_a_connection_that_the_peer_closed_while_idle_is_replaced(kind: Kind) -> None:
    def one_reply(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(reply(OK))

    with peer(one_reply) as endpoint, Either(kind, endpoint, "u", "k", retry=ONCE) as client:
        for _ in range(3):
            client.sync_lead(LEAD)
            client.result(asyncio.sleep(0.05))  # the loop of an `AsyncClient` runs meanwhile


STRAYS = {
    "nothing": (0, b""),
    "a second reply at once": (1, b""),
    "a second reply a little later": (1, b"pause"),
    "half a reply": (0, b"HTTP/1.1 200 OK\r\n"),
    "a line": (0, b"\r\n"),
    "a reply that fills what is read at once": (1, b"fill"),
}


def misplacing(extra: int, what: bytes, connections: list[int], stop: threading.Event) -> Callable[[Any], None]:
    """A peer that answers each request with its number in the id, and with something more after that."""

    def answer(connection: Any) -> None:
        connections.append(0)
        while not stop.is_set():
            email = read_request(connection).partition(b"<Email>")[2].partition(b"@")[0]
            connections[-1] += 1
            data = reply(OK.replace(b"1089965", email))
            if what == b"fill":
                data = reply(OK.replace(b"1089965", email) + b" " * (65536 - len(data) - 2))
                assert len(data) == 65536
            if what == b"pause":
                connection.sendall(data)
                time.sleep(0.05)
                connection.sendall(data * extra)
            else:
                connection.sendall(data * (1 + extra) + (what if what != b"fill" else b""))

    return answer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    make_certificate(folder)
    return folder


@BOTH
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("stray", STRAYS)
def test_a_stray_reply_answers_no_other_call(kind: Kind, tls: bool, stray: str, certificate: Path) -> None:
    calls, connections, stop = 4, list[int](), threading.Event()
    answer = misplacing(*STRAYS[stray], connections, stop)
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    with peer(over_tls(answer, certificate) if tls else answer) as endpoint:
        endpoint = endpoint.replace("http:", "https:") if tls else endpoint
        made = Either(kind, endpoint, "u", "k", retry=ONCE, verify=trusting, limiter=None)
        with made as client:
            for n in range(1, calls + 1):
                assert client.sync_lead(LeadRecord(email=f"{n}@t.com")).lead_id == n
                time.sleep(0.15 if "later" in stray else 0)
        stop.set()
    assert connections == ([calls] if stray == "nothing" else [1] * calls)


@BOTH
def test_a_connection_is_dropped_after_the_reply_to_another_call(kind: Kind) -> None:
    connections: list[int] = []
    with (
        peer(misplacing(0, b"", connections, threading.Event())) as endpoint,
        Either(kind, endpoint, "u", "k", retry=ONCE) as client,
    ):
        client.sync_lead(LeadRecord(email="5@t.com"))
        with pytest.raises(ProtocolError, match="the reply to another call"):
            client.sync_lead(LeadRecord(id=7, email="5@t.com"))
        client.sync_lead(LeadRecord(email="5@t.com"))
    assert connections == [2, 1]


def test_a_server_that_restarts_in_the_middle(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "leads.db") as sandbox:
        with sandbox.serve() as endpoint:
            port = int(endpoint.split(":")[2].partition("/")[0])
        user, stop, made = sandbox.credentials, threading.Event(), list[str]()
        patient = RetryPolicy(attempts=50, pause=0.02, longest_pause=0.1)

        def work() -> None:
            with Client(endpoint, user.user_id, user.encryption_key, retry=patient) as client:
                while not stop.is_set():
                    email = f"{len(made)}@t.com"
                    client.sync_lead(LeadRecord(email=email))
                    made.append(email)

        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(3):
            with sandbox.serve(port=port):
                time.sleep(0.15)
        with sandbox.serve(port=port):
            stop.set()
            thread.join(20)
        assert not thread.is_alive()
        assert made
        assert [lead.email for lead in sandbox.leads()][: len(made)] == made


@BOTH
def test_ipv6(kind: Kind) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    with Sandbox(user_id="u", encryption_key="k") as sandbox, sandbox.serve("::1") as endpoint:
        assert "[::1]" in endpoint
        assert sync(kind, endpoint).sync_status.status == LeadSyncStatus.CREATED


@pytest.mark.parametrize("size", [0, -1, 33 * 1024 * 1024])
def test_the_bound_of_a_reply_is_no_more_than_a_parser_takes(size: int) -> None:
    with pytest.raises(ValueError, match="max_response_bytes must be between 1 and"):
        Client("https://x/", "u", "k", max_response_bytes=size)


def test_certificates_are_checked_unless_a_context_says_otherwise() -> None:
    with pytest.raises(ValueError, match=r"ssl\.SSLContext"):
        Client("https://x/", "u", "k", verify=False)  # type: ignore[arg-type]
    Client("https://x/", "u", "k", verify=ssl.create_default_context()).close()


@BOTH
def test_a_proxy_is_passed_through(kind: Kind) -> None:
    seen: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with peer(proxy) as address, pytest.raises(TransportError) as caught:
        sync(kind, "https://100-AEK-913.mktoapi.com/soap", proxy=address.removesuffix("/soap"), limiter=None)
    assert not isinstance(caught.value, AmbiguousError)
    assert seen[0].startswith(b"CONNECT 100-aek-913.mktoapi.com:443")


# -- many callers -------------------------------------------------------------------------------------


def test_a_cancelled_call_stops_at_once_and_leaves_the_pool_usable() -> None:
    async def main() -> None:
        with Sandbox(user_id="u", encryption_key="k") as sandbox, sandbox.serve() as endpoint:
            async with AsyncClient(endpoint, "u", "k", retry=ONCE) as client:
                sandbox.fail(delay=5.0, times=10)
                hanging = [asyncio.create_task(client.sync_lead(LEAD)) for _ in range(10)]
                await asyncio.sleep(0.3)
                started = time.monotonic()
                for task in hanging:
                    task.cancel()
                await asyncio.gather(*hanging, return_exceptions=True)
                assert time.monotonic() - started < 1
                assert all(task.cancelled() for task in hanging)
                results = await asyncio.gather(*(client.sync_lead(LEAD) for _ in range(20)))
                assert {result.lead_id for result in results} == {1000001}

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_client_refuses_to_work_in_a_forked_child() -> None:
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                client.sync_lead(LEAD)
            except RuntimeError as error:
                os.write(writing, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert b"before the process forked" in os.read(reading, 1000)
        os.close(reading)
        os.close(writing)
        client.sync_lead(LEAD)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(sys.platform != "linux", reason="files and memory are counted in /proc")
def test_chaos() -> None:
    """50 workers sync 1,000 leads while the server refuses, resets, stalls, truncates, duplicates and delays."""
    leads, workers = 1000, 50
    outcomes: list[object] = []
    policy = RetryPolicy(attempts=9, pause=0.01, longest_pause=0.1, window=0.05, deadline=60.0)
    trouble: list[dict[str, Any]] = [
        {"close": "before", "chance": 0.03},
        {"close": "after", "chance": 0.03},
        {"truncate": 150, "chance": 0.03},
        {"truncate": 0, "chance": 0.02},
        {"html": True, "chance": 0.02},
        {"status": 503, "body": "busy", "chance": 0.02},
        {"fault": 20011, "chance": 0.03},
        {"fault": 20023, "chance": 0.02},
        {"fault": 20024, "chance": 0.02},
        {"twice": True, "chance": 0.05},
        {"twice": True, "close": "after", "chance": 0.02},
        {"delay": 0.05, "chance": 0.05},
        {"delay": 2.0, "chance": 0.003},
    ]
    files = open_files()
    with Sandbox(user_id="u", encryption_key="k") as sandbox:
        for rule in trouble:
            sandbox.fail(**rule, times=None)
        with sandbox.serve() as endpoint, Client(endpoint, "u", "k", retry=policy, timeout=1.0) as client:

            def work(worker: int) -> None:
                for n in range(worker, leads, workers):
                    for turn in range(2 if n % 10 == 0 else 1):
                        lead = LeadRecord(email=f"{n}@t.com", attributes={"LeadScore": n + turn})
                        try:
                            outcomes.append(client.sync_lead(lead))
                        except MarketoError as error:
                            outcomes.append(error)
                            client.sync_lead(lead, retry=RetryPolicy(attempts=30, pause=0.01, window=0.05))

            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with ThreadPoolExecutor(workers) as pool:
                for running in [pool.submit(work, worker) for worker in range(workers)]:
                    running.result(120)
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100_000  # kB
            stats = client.stats
        kept = {lead.email: lead.get("LeadScore") for lead in sandbox.leads()}
        assert len(sandbox.leads()) == leads
    assert kept == {f"{n}@t.com": str(n + (n % 10 == 0)) for n in range(leads)}
    assert len(outcomes) == leads + leads // 10
    assert stats.retries > 100
    assert stats.resent_unknown > 50
    deadline = time.monotonic() + 5
    while open_files() > files and time.monotonic() < deadline:
        time.sleep(0.05)
    assert open_files() <= files


def test_httpx_is_asked_for_no_more_than_it_promises() -> None:
    """What the clients rely on in httpx: a response from a transport in this process is already read."""
    with httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, content=b"x"))) as http:
        response = http.send(http.build_request("POST", "https://x/"), stream=True)
        assert response.is_stream_consumed
        assert list(response.iter_bytes()) == [b"x"]
        response.close()


def test_an_answer_that_is_there_whole_is_not_lost_for_being_late() -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        time.sleep(0.3)
        return httpx.Response(200, content=OK)

    with Client("https://x/", "u", "k", transport=httpx.MockTransport(slow), retry=RetryPolicy(deadline=0.2)) as client:
        assert client.sync_lead(LEAD).lead_id > 0
