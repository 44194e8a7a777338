"""The pytest plugin: a sandbox, clients of it, and goldens, as fixtures.

Every pytest run in an environment with this package loads it, so it imports nothing before it is used.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from marketo_soap.client import AsyncClient, Client
    from marketo_soap.sandbox import Sandbox
    from marketo_soap.testing import SandboxServer
    from marketo_soap.testing.goldens import Goldens

UPDATE = "--marketo-update-goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option and the settings of goldens."""
    group = parser.getgroup("marketo_soap")
    group.addoption(UPDATE, action="store_true", help="write goldens where they differ, instead of failing")
    parser.addini("marketo_goldens_dir", "goldens: their directory, beside each test module", default="goldens")
    parser.addini("marketo_unused_goldens", "goldens that no test uses: report, error or ignore", default="report")
    parser.addini("marketo_golden_secrets", "environment variables whose values no golden may hold", type="args")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse wrong settings, and start to record which goldens are used."""
    from marketo_soap.testing.golden_run import GoldenRun

    if config.getoption(UPDATE) and os.environ.get("CI"):
        raise pytest.UsageError(f"{UPDATE} is for people who review the change; it is refused under CI")
    folder = Path(config.getini("marketo_goldens_dir"))
    if folder.is_absolute() or ".." in folder.parts or not folder.parts:
        raise pytest.UsageError("marketo_goldens_dir must name a directory below that of the test module")
    if config.getini("marketo_unused_goldens") not in ("report", "error", "ignore"):
        raise pytest.UsageError("marketo_unused_goldens must be report, error or ignore")
    config.pluginmanager.register(GoldenRun(config), GoldenRun.name)


@pytest.fixture
def marketo_clock() -> Callable[[], datetime] | None:
    """Give the clock of this test's sandbox and clients: None, which is real time.

    Override it where signatures must be the same in each run, as in goldens: a fixture of this name in a module or
    a `conftest.py` that returns `lambda: datetime(2026, 1, 1, tzinfo=UTC)`. `marketo_sandbox_server` lives as long
    as the session and keeps real time.
    """
    return None


@pytest.fixture
def marketo_sandbox(marketo_clock: Callable[[], datetime] | None) -> Iterator[Sandbox]:
    """Give an empty in-memory `marketo_soap.Sandbox`, a new one for each test."""
    from marketo_soap.sandbox import Sandbox

    with Sandbox() if marketo_clock is None else Sandbox(clock=marketo_clock) as sandbox:
        yield sandbox


@pytest.fixture
def marketo_client(marketo_sandbox: Sandbox, marketo_clock: Callable[[], datetime] | None) -> Iterator[Client]:
    """Give a `marketo_soap.Client` of this test's `marketo_sandbox`, in process: no socket is opened."""
    from marketo_soap.client import Client

    with Client(transport=marketo_sandbox.transport(), clock=marketo_clock) as client:
        yield client


@pytest.fixture
def marketo_async_client(marketo_sandbox: Sandbox, marketo_clock: Callable[[], datetime] | None) -> AsyncClient:
    """Give a `marketo_soap.AsyncClient` of this test's `marketo_sandbox`, for whatever runs async tests."""
    from marketo_soap.client import AsyncClient

    # Nobody closes it: that needs the test's event loop, and there is no socket to give back.
    return AsyncClient(transport=marketo_sandbox.transport(), clock=marketo_clock)


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


@pytest.fixture
def marketo_golden(request: pytest.FixtureRequest) -> Goldens:
    """Compare messages with files: `marketo_golden.assert_request(client, "case.xml")`, `.assert_reply(...)`.

    The files are in `goldens/` beside the test module (ini `marketo_goldens_dir`). `pytest
    --marketo-update-goldens` writes them; it is refused where CI is set in the environment. If a comparison fails,
    the message is written beside its golden as `case.actual.xml`: keep `*.actual.xml` out of version control.

    Unused goldens are listed at the end, or fail the run (ini `marketo_unused_goldens = error`). A directory is
    checked only if every test file in it was collected and every test in it passed: none failed, was skipped or
    deselected, no node id or --lf was given, and no worker was lost.

    A golden that would contain a secret is refused: the encryption key of the client or of the test's sandbox,
    MARKETO_SOAP_ENCRYPTION_KEY, the variables in the ini's `marketo_golden_secrets`, and the values of the dict
    `marketo_golden.secrets`.
    """
    from marketo_soap.testing.golden_run import GoldenRun
    from marketo_soap.testing.goldens import Goldens

    run = request.config.pluginmanager.get_plugin(GoldenRun.name)
    assert isinstance(run, GoldenRun)
    return Goldens(request, run)
