"""The clients that commands call with: of a sandbox of their own, or of an endpoint. Imported where they are used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import click

from marketo_soap.cli.waiting import waits_shown

if TYPE_CHECKING:
    from marketo_soap.client import Client

SOAP = ("MARKETO_SOAP_ENDPOINT", "MARKETO_SOAP_USER_ID", "MARKETO_SOAP_ENCRYPTION_KEY")
REST = ("MARKETO_REST_ENDPOINT", "MARKETO_REST_CLIENT_ID", "MARKETO_REST_CLIENT_SECRET")
ENDPOINT, USER_ID, KEY = SOAP
_OPTIONS = {ENDPOINT: "--endpoint", USER_ID: "--user-id", KEY: "--encryption-key-file"}


def open_client(
    *,
    sandbox: bool,
    sandbox_db: str | None,
    endpoint: str | None,
    user_id: str | None,
    encryption_key: str | None,
    announce: bool = True,
) -> AbstractContextManager[Client]:
    """Open the client that options name: of an embedded sandbox, of an endpoint, or over REST if only that is set.

    Waits are announced on a terminal if *announce* is true. It is wrong use if something is missing.
    """
    if sandbox or sandbox_db is not None:
        return _client_of_sandbox(sandbox_db)
    return _client_of_endpoint(endpoint, user_id, encryption_key, announce)


@contextmanager
def _client_of_sandbox(path: str | None) -> Iterator[Client]:
    """Serve an embedded sandbox over a real socket, its leads in *path* or in memory, and open a client of it."""
    from marketo_soap.client import Client
    from marketo_soap.sandbox import Sandbox

    with Sandbox(path or ":memory:") as sandbox, sandbox.serve() as endpoint:
        user = sandbox.credentials
        with Client(endpoint, user.user_id, user.encryption_key) as client:
            yield client


@contextmanager
def _client_of_endpoint(endpoint: str | None, user_id: str | None, key: str | None, announce: bool) -> Iterator[Client]:
    from marketo_soap.client import Client

    if not endpoint and os.environ.get(REST[0]):
        check_given({name: os.environ.get(name) for name in REST})
        rest = {name: os.environ[name] for name in REST}
        with waits_shown(rest[REST[0]], announce), Client.from_env(rest) as client:
            yield client
        return
    check_given({ENDPOINT: endpoint, USER_ID: user_id, KEY: key})
    with waits_shown(str(endpoint), announce) as limiter, Client(endpoint, user_id, key, limiter=limiter) as client:
        yield client


def target_of(sandbox: bool, sandbox_db: str | None) -> str | None:
    """Return what a ledger calls a sandbox; None for an endpoint, which names itself."""
    return f"the sandbox {os.path.abspath(sandbox_db)}" if sandbox_db else "a sandbox" if sandbox else None


def check_given(needed: dict[str, str | None]) -> None:
    """Raise a usage error with the variables that have no value in *needed*, and what to do."""
    missing = [name for name, value in needed.items() if not value]
    if not missing:
        return
    verb, it = ("is", "it") if len(missing) == 1 else ("are", "them")
    options = " and ".join(_OPTIONS[name] for name in missing if name in _OPTIONS)
    instead = (f", or give {options}" if options else "") + (", or use --sandbox" if ENDPOINT in missing else "")
    raise click.UsageError(f"{', '.join(missing)} {verb} not set: set {it}{instead}")
