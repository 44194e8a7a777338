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
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from marketo_soap import Credentials, LeadRecord, Sandbox, SyncLead, envelope, signature
from marketo_soap.sandbox.sandbox import ENCRYPTION_KEY, USER_ID
from tests.gateway.support import FIELDS, PATIENCE, outcome, serving, signed

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
def sandbox_process(folder: Path) -> Iterator[Target]:
    def call() -> bytes:
        header = signature.sign(Credentials(USER_ID, ENCRYPTION_KEY), signature.timestamp(datetime.now(UTC)))
        return envelope.request(SyncLead(LeadRecord(email="a@jungle.example")), header)

    command = [sys.executable, "-W", "error", "-m", "marketo_soap.cli", "sandbox", "--port", "0"]
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
        head = f"POST {where.path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Encoding: gzip\r\n"
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
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024  # type: ignore[index]
    said = f"{BODIES} bodies: peak {peak:.0f} MB, {len(seconds)} small calls, the slowest {max(seconds):.2f} s"
    print(said)
    assert len(answers) == BODIES
    for answer, code in answers:
        assert b"HTTP/1.1 500 " in answer
        assert b"<code>" + code in answer
    assert peak < MEGABYTES, said
    assert BODIES < 300 or max(seconds) < 2, said
