"""What callers without a signature send to real processes costs bounded memory, and holds nobody else up."""

from __future__ import annotations

import gzip
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import httpx
import pytest

from marketo_soap import Credentials, LeadRecord, Sandbox, SyncLead, envelope, signature
from marketo_soap.sandbox.state import ENCRYPTION_KEY, USER_ID
from tests.gateway.support import FIELDS, PATIENCE, Served, outcome, serving, signed

BODIES = int(os.environ.get("MARKETO_SOAP_BOMBS", "40"))
"""How many hostile requests come at once; 300 in a full run, whose times are checked too."""

MEGABYTES = 250
MANY = b"<b/>" * 2_000_000

Target = tuple[int, str, Callable[[], bytes]]


@contextmanager
def gateway_process(folder: Path) -> Iterator[Target]:
    with Sandbox(settings=FIELDS) as sandbox, serving(folder, sandbox, rest="limits = {calls = 100000}") as gateway:
        yield gateway.process.pid, gateway.url, signed


@contextmanager
def sandbox_process(folder: Path, *options: str) -> Iterator[Target]:
    def call() -> bytes:
        header = signature.sign(Credentials(USER_ID, ENCRYPTION_KEY), signature.timestamp(datetime.now(UTC)))
        return envelope.request(SyncLead(LeadRecord(email="a@jungle.example")), header)

    command = [sys.executable, "-W", "error", "-m", "marketo_soap.cli", "sandbox", "--port", "0", *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = next(filter(None, (re.search(r"http://\S+/soap/mktows/2_2", line) for line in process.stdout)))
        yield process.pid, found[0], call
    finally:
        process.kill()
        process.communicate()


def hostile() -> list[tuple[bytes, bytes]]:
    """Requests, each with the code of the fault that is due."""
    wrong = signed(key="wrong")
    head, _, rest = wrong.partition(b"<SOAP-ENV:Body>")
    bodies = [
        (b"<a>" + MANY + b"</a>", b"20012"),
        (head + b"<SOAP-ENV:Body>" + MANY + rest, b"20014"),
        (wrong.partition(b"<SOAP-ENV:Header>")[0] + b"<SOAP-ENV:Header>" + MANY, b"20014"),
        (b"<a " + b" ".join(b'a%x=""' % n for n in range(500_000)) + b"/>", b"20012"),
    ]
    return [(gzip.compress(body, 9), code) for body, code in bodies]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by Linux's own means")
@pytest.mark.parametrize("process", [gateway_process, sandbox_process])
def test_hostile_requests_of_nobody_known_cost_little_and_hold_up_nobody(
    process: Callable[[Path], AbstractContextManager[Target]], tmp_path: Path
) -> None:
    kinds = hostile()
    answers: list[tuple[bytes, bytes]] = []
    with ExitStack() as stack:
        pid, url, call = stack.enter_context(process(tmp_path))
        http = stack.enter_context(
            httpx.Client(trust_env=False, timeout=PATIENCE, headers={"Content-Type": "text/xml"})
        )
        assert outcome(http.post(url, content=call())) == "CREATED"
        where = httpx.URL(url)
        head = f"POST {where.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Encoding: gzip\r\n"
        connections = []
        for number in range(BODIES):
            connection = socket.create_connection((where.host, where.port or 80), timeout=PATIENCE * 3)
            connections.append(stack.enter_context(connection))
            body = kinds[number % len(kinds)][0]
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

        def read() -> None:
            for number, connection in enumerate(connections):
                answer = b""
                while b"Envelope>" not in answer and (piece := connection.recv(65536)):
                    answer += piece
                answers.append((answer, kinds[number % len(kinds)][1]))

        reader = threading.Thread(target=read)
        reader.start()
        seconds: list[float] = []
        while reader.is_alive() or len(seconds) < 3:
            begun = time.monotonic()
            assert outcome(http.post(url, content=call())) == "UPDATED"
            seconds.append(time.monotonic() - begun)
        reader.join()
        peak = peak_of(pid)
    measured = f"{BODIES} bodies: peak {peak:.0f} MB, {len(seconds)} small calls, the slowest {max(seconds):.2f} s"
    print(measured)
    assert len(answers) == BODIES
    for answer, code in answers:
        assert b"HTTP/1.1 500 " in answer
        assert b"<code>" + code in answer
    assert peak < MEGABYTES, measured
    assert BODIES < 300 or max(seconds) < 2, measured


@pytest.fixture(scope="module")
def sandbox_with_a_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("sandbox")
    token = folder / "token"
    token.write_text("right")
    token.chmod(0o600)
    with sandbox_process(folder, "--control-token-file", str(token)) as target:
        yield target


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by Linux's own means")
@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/rest/v1/leads.json", b'"601"'),
        ("/identity/oauth/token", b"unsupported_grant_type"),
        ("/_sandbox/seed", b"the token is needed"),
    ],
)
def test_long_bodies_without_a_token_are_not_kept(sandbox_with_a_token: Target, path: str, answer: bytes) -> None:
    megabytes, (pid, url, _) = 7, sandbox_with_a_token
    with ExitStack() as stack:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer wrong\r\nContent-Length: {megabytes << 20}\r\n\r\n"
        connections = [stack.enter_context(connected(url)) for _ in range(15)]
        before = peak_of(pid)
        for connection in connections:
            connection.sendall(head.encode() + b"x" * ((megabytes << 20) - 1))
        grown = peak_of(pid) - before
        for connection in connections:
            connection.sendall(b"x")
            received = b""
            while answer not in received:
                piece = connection.recv(65536)
                assert piece, received
                received += piece
    assert grown < 30


def peak_of(pid: int) -> float:
    """The most megabytes that a process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def connected(url: str, source: str = "127.0.0.1") -> socket.socket:
    where = httpx.URL(url)
    return socket.create_connection((where.host, where.port or 80), PATIENCE, (source, 0))


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /soap/mktows/2_2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"


@pytest.fixture(scope="module")
def small_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        Sandbox(settings=FIELDS) as sandbox,
        serving(tmp_path_factory.mktemp("small"), sandbox, top="max_connections = 20") as gateway,
    ):
        yield gateway


@pytest.mark.parametrize("data", [b"", b"POST /soap", HEALTH, POST + b"Content-Length: 9\r\n\r\n<a"], ids=count())
def test_connections_that_do_nothing_make_room(small_gateway: Served, data: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(45):
            stack.enter_context(connected(small_gateway.url)).sendall(data)
        outcomes: list[str] = []
        while len(outcomes) < 2:
            with suppress(httpx.ReadError, httpx.RemoteProtocolError):  # this connection made room for a later one
                outcomes.append(small_gateway.call())
        assert outcomes[-1] == "UPDATED"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one address of their own")
def test_one_address_gets_half_of_the_connections(small_gateway: Served) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(connected(small_gateway.url))
        assert is_answered(first)
        others = [stack.enter_context(connected(small_gateway.url, "127.0.0.2")) for _ in range(40)]
        assert is_answered(others[-1])
        assert is_answered(first)
        for connection in others:
            connection.setblocking(False)
        assert sum(is_open(connection) for connection in others) == 10


def is_answered(connection: socket.socket) -> bool:
    connection.sendall(HEALTH)
    answer = b""
    while not answer.endswith(b"}") and (piece := connection.recv(9999)):
        answer += piece
    return answer.startswith(b"HTTP/1.1 200 ")


def is_open(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(9999))
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the number of descriptors is limited by Linux's own means")
def test_few_descriptors_do_not_fill_the_log(tmp_path: Path) -> None:
    few = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))"
    with (
        Sandbox(settings=FIELDS) as sandbox,
        serving(tmp_path, sandbox, before=few) as gateway,
        ExitStack() as stack,
    ):
        for _ in range(200):
            stack.enter_context(connected(gateway.url))
        time.sleep(2.5)  # asyncio tries again every second
        assert gateway.call() == "CREATED"
        assert gateway.stop() == 0
        assert gateway.process.stderr is not None
        output = gateway.process.stderr.read()
        assert "max_connections is lowered to 25" in output
        assert len(output) < 10_000, output[:3000]


def chunks(size: int, total: int) -> bytes:
    body = b"<a>".ljust(total)
    pieces = (body[at : at + size] for at in range(0, total, size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("process", [gateway_process, sandbox_process])
def test_a_body_of_crumbs_is_not_read_to_its_end(
    process: Callable[[Path], AbstractContextManager[Target]], tmp_path: Path
) -> None:
    with process(tmp_path) as (_, url, _):
        for size, answered in ((1, False), (40, True), (4000, True)):
            answer = b""
            with connected(url) as connection, suppress(ConnectionError):
                connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(size, 60_000))
                answer = connection.recv(9999)
            assert answer.startswith(b"HTTP/1.1 500 ") == answered
            assert bool(answer) == answered
