"""One request is read as one: whatever its head, a body is never taken for the next request, nor the other way round.

A proxy that reads lengths in another way than the server behind it lets strangers put requests before those of others.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol

from marketo_soap import Sandbox
from marketo_soap.gateway.timeouts import with_timeouts
from marketo_soap.server.asgi import server_config
from tests.gateway.support import PATIENCE, Served

NEXT = b"GET /smuggled?WSDL HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
BODY = b"X" + NEXT
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked"

# Fields of the head, the body as it is sent, and whether the request may be taken: then the body is one.
CASES: dict[str, tuple[list[bytes], bytes, bool]] = {
    "length": ([LENGTH], BODY, True),
    "chunks": ([CHUNKED], CHUNKS, True),
    "two lengths": ([LENGTH, b"Content-Length: 1"], BODY, False),
    "two lengths, the first is short": ([b"Content-Length: 1", LENGTH], BODY, False),
    "a list of lengths": ([LENGTH + b", 1"], BODY, False),
    "length with a sign": ([LENGTH.replace(b": ", b": +")], BODY, False),
    "length in hex": ([b"Content-Length: 0x1"], BODY, False),
    "length with a space in it": ([b"Content-Length: 1 1"], BODY, False),
    "length with a space before the colon": ([LENGTH.replace(b":", b" :")], BODY, False),
    "length without digits": ([b"Content-Length: "], BODY, False),
    "length and chunks": ([LENGTH, CHUNKED], CHUNKS, False),
    "chunks and length": ([CHUNKED, b"Content-Length: 1"], CHUNKS, False),
    "length and chunks that are not": ([LENGTH, CHUNKED.replace(b"chunked", b"xchunked")], CHUNKS, False),
    "chunks that are not": ([CHUNKED.replace(b"chunked", b"xchunked")], CHUNKS, False),
    "chunks twice": ([CHUNKED, CHUNKED], CHUNKS, False),
    "chunks and another coding": ([CHUNKED + b", identity"], CHUNKS, False),
    "another coding and chunks": ([b"Transfer-Encoding: identity", CHUNKED], CHUNKS, False),
    "chunks with a space before the colon": ([CHUNKED.replace(b":", b" :")], CHUNKS, False),
    "chunks after a control character": ([CHUNKED.replace(b": ", b": \x0b")], CHUNKS, False),
    "no coding": ([b"Transfer-Encoding: ", LENGTH], BODY, False),
    "size in another writing": ([CHUNKED], b"0x" + CHUNKS, False),
    "size with a sign": ([CHUNKED], b"+" + CHUNKS, False),
    "size after a space": ([CHUNKED], b" " + CHUNKS, False),
    "size and a lone LF": ([CHUNKED], CHUNKS.replace(b"\r\n", b"\n", 1), False),
    "extension with a lone LF": ([CHUNKED], CHUNKS.replace(b"\r\n", b";a\nb\r\n", 1), False),
    "chunk without its CRLF": ([CHUNKED], CHUNKS.replace(b"\r\n0\r\n", b"0\r\n"), False),
    "chunk with other bytes for CRLF": ([CHUNKED], CHUNKS.replace(b"\r\n0\r\n", b"XX0\r\n"), False),
    "chunk longer than its size": ([CHUNKED], b"1\r\n%s\r\n0\r\n\r\n" % BODY, False),
    "last chunk and lone LFs": ([CHUNKED], CHUNKS.replace(b"0\r\n\r\n", b"0\n\n"), False),
    "lone CR in the head": ([b"A: b\r" + CHUNKED, LENGTH], BODY, False),
    "NUL in the head": ([b"A: b\0c", LENGTH], BODY, False),
    "no colon": ([b"A", LENGTH], BODY, False),
    "two hosts": ([b"Host: other", LENGTH], BODY, False),
    "upgrade": ([b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: ", LENGTH], BODY, True),
    "upgrade, chunks": ([b"Connection: Upgrade", b"Upgrade: h2c", CHUNKED], CHUNKS, True),
    "websocket": ([b"Connection: Upgrade", b"Upgrade: websocket", LENGTH], BODY, True),
}


@pytest.fixture(scope="module", params=["gateway", "sandbox"])
def address(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    if request.param == "gateway":
        gateway: Served = request.getfixturevalue("gateway")
        url = httpx.URL(gateway.url)
        yield url.host, url.port or 0
        return
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        url = httpx.URL(endpoint)
        yield url.host, url.port or 0


def answers(address: tuple[str, int], *parts: bytes) -> list[int]:
    """The statuses of all answers to *parts*, which are sent one after the other."""
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.02)  # so that they are received apart
        received = b""
        try:
            while data := connection.recv(65536):
                received += data
        except ConnectionError:  # closed with bytes unread
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@pytest.mark.parametrize("name", CASES)
def test_a_request_is_read_as_one_or_refused(address: tuple[str, int], name: str) -> None:
    fields, body, taken = CASES[name]
    start = [b"POST /soap/mktows/2_2 HTTP/1.1", b"Host: localhost", b"Content-Type: text/xml"]
    head = b"\r\n".join([*start, *fields, b"", b""])
    statuses = answers(address, head, body + NEXT)
    if taken:
        assert len(statuses) == 2
        assert (statuses[0], statuses[1] in (200, 404)) == (500, True)  # the body is no envelope
    else:
        assert len(statuses) <= 1
        assert set(statuses) <= {400, 500}


def test_http_is_read_by_h11_whatever_is_installed() -> None:
    protocol = server_config(None).http
    assert isinstance(protocol, type)
    assert issubclass(protocol, H11Protocol)
    assert issubclass(with_timeouts(1.0, 10), H11Protocol)
