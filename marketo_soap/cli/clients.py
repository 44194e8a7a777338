"""The clients that commands call with: of a sandbox of their own, or of an endpoint. Imported where they are used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from marketo_soap.client import Client


@contextmanager
def client_of_sandbox(path: str | None) -> Iterator[Client]:
    """Serve an embedded sandbox over a real socket, its leads in *path* or in memory, and open a client of it."""
    from marketo_soap.client import Client
    from marketo_soap.sandbox import Sandbox

    with Sandbox(path or ":memory:") as sandbox, sandbox.serve() as endpoint:
        user = sandbox.credentials
        with Client(endpoint, user.user_id, user.encryption_key) as client:
            yield client


@contextmanager
def client_of_endpoint(endpoint: str | None, user_id: str | None, key: str | None) -> Iterator[Client]:
    """Open a client of an endpoint; wrong use if something is missing."""
    from marketo_soap.client import Client

    needed = {"--endpoint": endpoint, "--user-id": user_id, "the encryption key": key}
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise click.UsageError(
            f"{', '.join(missing)} missing: set MARKETO_SOAP_ENDPOINT, MARKETO_SOAP_USER_ID and "
            "MARKETO_SOAP_ENCRYPTION_KEY, or use --sandbox"
        )
    with Client(endpoint, user_id, key) as client:
        yield client
