"""The sandbox as a server: requests a second against an application that returns a constant reply."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from time import perf_counter

from attrs import frozen

from benchmarks import samples
from benchmarks.timing import Ratio
from marketo_soap import Sandbox, envelope, signature

CONNECTIONS = 8

CONSTANT = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from benchmarks import samples
from marketo_soap.sandbox.server import bound

async def constant(request):
    await request.body()
    return Response(samples.SEED_REPLY, media_type="text/xml")

listener, endpoint = bound("127.0.0.1", 0)
print(endpoint, flush=True)
app = Starlette(routes=[Route("/{path:path}", constant, methods=["POST"])])
config = uvicorn.Config(app, http=sys.argv[1], log_level="warning", access_log=False, lifespan="off")
uvicorn.Server(config).run(sockets=[listener])
"""

SANDBOX = """
import sys
from marketo_soap import Sandbox
from marketo_soap.sandbox.server import bound, serve_forever

listener, endpoint = bound("127.0.0.1", 0)
print(endpoint, flush=True)
serve_forever(Sandbox(sys.argv[1]), listener)
"""


@frozen
class Server:
    """A server that runs in a process of its own."""

    endpoint: str
    pid: int

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self.endpoint.split(":")[2].partition("/")[0])


@contextmanager
def running(code: str, *args: str) -> Iterator[Server]:
    """Run a server, whose *code* prints its endpoint first."""
    with subprocess.Popen([sys.executable, "-c", code, *args], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().strip(), process.pid)
        finally:
            process.terminate()


def _request(port: int) -> bytes:
    with Sandbox() as sandbox:
        header = signature.sign(sandbox.credentials, signature.timestamp(sandbox.now()))
    body = envelope.request(samples.operation(samples.SEED_VALUES), header)
    head = f"POST /soap/mktows/2_2 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/xml\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _seconds_each(port: int, calls: int) -> float:
    """The time of one call, with all connections busy all the time."""
    request = _request(port)

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(calls):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise AssertionError(head.decode())
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        writer.close()

    begun = perf_counter()
    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return (perf_counter() - begun) / (calls * CONNECTIONS)


def throughput_ratio(rounds: int, http: str = "h11") -> Ratio:
    """Return the requests a second of a sandbox with a database on disk, divided by those of the constant server.

    *http* is what the constant server reads HTTP with; the sandbox uses h11.
    """
    with (
        TemporaryDirectory() as folder,
        running(SANDBOX, f"{folder}/leads.db") as ours,
        running(CONSTANT, http) as theirs,
    ):
        pairs = []
        for _ in range(rounds):
            constant, sandbox = (asyncio.run(_seconds_each(each.port, 100)) for each in (theirs, ours))
            pairs.append((constant / sandbox, sandbox))
        return Ratio(*sorted(pairs)[rounds // 2])
