"""Servers that do with their connections what a test says, also over TLS, and messages of HTTP."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def peer(answer: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[str]:
    """A server that does with each connection, in a thread of its own, what the test says."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        connections: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections.append(connection)
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            try:
                with connection:
                    answer(connection)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{server.getsockname()[1]}/soap"
        server.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            connection.close()


def read_head(connection: socket.socket) -> bytes:
    """Read the head of a request, and what came with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("closed")
        data += piece
    return data


def read_request(connection: socket.socket) -> bytes:
    """Read one whole request."""
    head, _, body = read_head(connection).partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return body


def reply(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/xml", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def always(data: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            connection.sendall(data)

    return answer


def make_certificate(folder: Path) -> None:
    """Write `cert.pem` and `key.pem` of this machine."""
    names = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 {names} -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, timeout=60)


def over_tls(answer: Callable[[Any], None], folder: Path) -> Callable[[socket.socket], None]:
    """The same peer, behind TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    def secured(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inside:
            answer(inside)

    return secured
