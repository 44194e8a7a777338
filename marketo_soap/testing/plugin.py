"""The pytest plugin: a sandbox, and clients of it, as fixtures.

Every pytest run in an environment with this package loads it, so it imports nothing before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marketo_soap.client import AsyncClient, Client
    from marketo_soap.sandbox import Sandbox
    from marketo_soap.testing import SandboxServer

__all__ = [
    "marketo_async_client",
    "marketo_client",
    "marketo_sandbox",
    "marketo_sandbox_server",
]


@pytest.fixture
def marketo_sandbox() -> Iterator[Sandbox]:
    """Give an empty in-memory `marketo_soap.Sandbox`, a new one for each test."""
    from marketo_soap.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def marketo_client(marketo_sandbox: Sandbox) -> Iterator[Client]:
    """Give a `marketo_soap.Client` of this test's `marketo_sandbox`, in process: no socket is opened."""
    from marketo_soap.client import Client

    with Client(transport=marketo_sandbox.transport()) as client:
        yield client


@pytest.fixture
def marketo_async_client(marketo_sandbox: Sandbox) -> AsyncClient:
    """Give a `marketo_soap.AsyncClient` of this test's `marketo_sandbox`, for whatever runs async tests."""
    from marketo_soap.client import AsyncClient

    # Nobody closes it: that needs the test's event loop, and there is no socket to give back.
    return AsyncClient(transport=marketo_sandbox.transport())


@pytest.fixture(scope="session")
def _marketo_sandbox_served() -> Iterator[SandboxServer]:
    """Serve one sandbox at a free port for the whole session; under pytest-xdist, one for each worker."""
    from marketo_soap.sandbox import Sandbox
    from marketo_soap.testing import SandboxServer

    try:
        import marketo_soap.sandbox.server  # noqa: F401
    except ModuleNotFoundError as error:
        pytest.fail(f"marketo_sandbox_server needs {error.name}: pip install 'marketo_soap[server]'", pytrace=False)
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        yield SandboxServer(endpoint, sandbox)


@pytest.fixture
def marketo_sandbox_server(_marketo_sandbox_served: SandboxServer) -> SandboxServer:
    """Give a sandbox behind a real socket, for clients in other threads, processes and languages.

    It has `.endpoint`, `.credentials`, `.sandbox`, and makes clients: `with marketo_sandbox_server.client()`.
    One server is started for the session, and is emptied for each test. Needs the `server` extra.
    """
    _marketo_sandbox_served.sandbox.reset()
    return _marketo_sandbox_served
