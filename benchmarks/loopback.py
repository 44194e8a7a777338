"""A whole call over a real socket, to a server in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

import httpx

from benchmarks.samples import EMAIL, SEED_VALUES
from benchmarks.served import CONSTANT, running
from benchmarks.timing import Ratio, ratio
from marketo_soap import Client, Sandbox
from marketo_soap.calls.limits import Limiter
from marketo_soap.records.lead import LeadRecord
from marketo_soap.sandbox.state import ENCRYPTION_KEY, USER_ID

START = 30.0
"""Seconds that the server's process may take to start and to stop."""


def sync_lead_ratio(
    seconds: float, limiter: Limiter | None = None, history: int | None = None, *, constant: bool = False
) -> Ratio:
    """Return how many times longer `Client.sync_lead` takes than to post the same bytes with httpx.

    The server is a sandbox, or returns a *constant* reply. Both sides keep their connection alive. *limiter* and
    *history* are the client's.
    """
    lead = LeadRecord(email=EMAIL, attributes=SEED_VALUES)
    with (
        _constant() if constant else _sandbox() as endpoint,
        Client(endpoint, USER_ID, ENCRYPTION_KEY, limiter=limiter, history=history) as client,
        httpx.Client(trust_env=False) as http,
    ):
        client.sync_lead(lead)
        sent = client.last_exchange
        assert sent is not None
        body, headers = sent.request, httpx.Headers(sent.request_headers)

        def post() -> None:
            http.post(endpoint, content=body, headers=headers).raise_for_status()

        return ratio(lambda: client.sync_lead(lead), post, seconds)


@contextmanager
def _constant() -> Iterator[str]:
    with running(CONSTANT) as port:
        yield f"http://127.0.0.1:{port}/soap/mktows/2_2"


@contextmanager
def _sandbox() -> Iterator[str]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(START):
            raise RuntimeError("the sandbox's process did not start")
        yield ours.recv()
    finally:
        ours.close()  # the other end reads its end of file, and stops
        process.join(START)


def _serve(connection: Connection) -> None:
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        connection.send(endpoint)
        with suppress(EOFError):
            connection.recv()
