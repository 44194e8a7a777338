"""The pytest plugin: a sandbox, clients of it, and goldens, as fixtures.

Every pytest run in an environment with this package loads it, so it imports nothing before it is used.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from datetime import datetime

    from marketo_soap.client import AsyncClient, Client
    from marketo_soap.sandbox import Sandbox
    from marketo_soap.testing import SandboxServer
    from marketo_soap.testing.goldens import Goldens

UPDATE = "--marketo-update-goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option and the settings of goldens."""
    group = parser.getgroup("marketo_soap")
    for option, value, what in (
        (UPDATE, "all", "that differ or are missing"),
        (f"{UPDATE}=new", "new", "that are missing"),
    ):
        # Two options: one with an optional value would take the path of a test for it.
        group.addoption(
            option,
            dest="marketo_update_goldens",
            action="store_const",
            const=value,
            default=False,
            help=f"write goldens {what}, instead of failing",
        )
    parser.addini("marketo_goldens_dir", "goldens: their directory, beside each test module", default="goldens")
    parser.addini("marketo_unused_goldens", "goldens that no test uses: report, error or ignore", default="report")
    parser.addini("marketo_golden_secrets", "environment variables whose values no golden may hold", type="args")
    parser.addini(
        "marketo_show_values", "show the data of tests of a sandbox in their reports", type="bool", default=True
    )


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


def _shows_values(item: pytest.Item) -> bool:
    """Whether a test has a sandbox among its fixtures, and its data may be shown."""
    if "marketo_soap.sandbox" not in sys.modules or not item.config.getini("marketo_show_values"):
        return False
    from marketo_soap.testing.sandbox_report import sandboxes_of

    return bool(sandboxes_of(item))


def _with_values(item: pytest.Item) -> AbstractContextManager[None]:
    if not _shows_values(item):
        return nullcontext()
    from marketo_soap.privacy.vocabulary import values_shown

    return values_shown()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let the assertions of a test of a sandbox show its data."""
    with _with_values(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the calls that a sandbox answered to the report of a test that failed."""
    with _with_values(item):
        report = yield
    if report.failed and "marketo_soap.sandbox" in sys.modules:
        from marketo_soap.testing.sandbox_report import sections

        report.sections += sections(item, show_values=item.config.getini("marketo_show_values"))
    return report


@pytest.fixture
def marketo_clock(request: pytest.FixtureRequest) -> Callable[[], datetime] | None:
    """Give the clock of this test's sandbox and clients: None, which is real time.

    In a test that requests `marketo_golden` it is always noon on 2026-01-01 (UTC), so that the signatures are the same
    in each run. Override it for another time: a fixture of this name in a module or a `conftest.py`. A client of your
    own takes it as `clock=marketo_clock`. `marketo_sandbox_server` lives as long as the session and keeps real time.
    """
    if "marketo_golden" not in request.fixturenames:
        return None
    from datetime import UTC, datetime

    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return lambda: noon


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
def _marketo_sandbox_server() -> Iterator[SandboxServer]:
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
def marketo_sandbox_server(_marketo_sandbox_server: SandboxServer) -> SandboxServer:
    """Give a sandbox behind a real socket, for clients in other threads, processes and languages.

    It has `.endpoint`, `.credentials`, `.sandbox`, and makes clients: `with marketo_sandbox_server.client()`.
    One server is started for the session, and is emptied for each test. Needs the `server` extra.
    """
    _marketo_sandbox_server.sandbox.reset()
    return _marketo_sandbox_server


@pytest.fixture
def marketo_golden(request: pytest.FixtureRequest) -> Goldens:
    """Compare messages with files: `marketo_golden.assert_request(client, "case.xml")`, `.assert_reply(...)`.

    The files are in `goldens/` beside the test module (ini `marketo_goldens_dir`). `pytest
    --marketo-update-goldens` writes them, `--marketo-update-goldens=new` only those that are missing; both are refused
    where CI is set in the environment. If a comparison fails, the message is written beside its golden as
    `case.actual.xml`, for `marketo-soap goldens review`: keep `*.actual.xml*` out of version control. Those that are
    left from an earlier run are removed when all tests of a directory pass.

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
