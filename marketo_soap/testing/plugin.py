"""The pytest plugin: a sandbox, clients of it, and goldens, as fixtures.

Every pytest run in an environment with this package loads it, so it imports nothing before it is used.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from marketo_soap.client import AsyncClient, Client
    from marketo_soap.sandbox import Sandbox
    from marketo_soap.testing import SandboxServer
    from marketo_soap.testing.goldens import Goldens

__all__ = [
    "marketo_async_client",
    "marketo_client",
    "marketo_clock",
    "marketo_golden",
    "marketo_sandbox",
    "marketo_sandbox_server",
]

UPDATE = "--marketo-update-goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option and the settings of goldens."""
    group = parser.getgroup("marketo_soap")
    group.addoption(UPDATE, action="store_true", help="write goldens where they differ, instead of failing")
    parser.addini("marketo_goldens_dir", "goldens: their directory, beside each test module", default="goldens")
    parser.addini("marketo_unused_goldens", "goldens that no test uses: report, error or ignore", default="report")
    parser.addini("marketo_golden_secrets", "environment variables whose values no golden may hold", type="args")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse settings that are wrong, and note from now on which goldens are used."""
    if config.getoption(UPDATE) and os.environ.get("CI"):
        raise pytest.UsageError(f"{UPDATE} is for people who look at the change; it is refused under CI")
    folder = Path(config.getini("marketo_goldens_dir"))
    if folder.is_absolute() or ".." in folder.parts or not folder.parts:
        raise pytest.UsageError("marketo_goldens_dir must name a directory below that of the test module")
    if config.getini("marketo_unused_goldens") not in ("report", "error", "ignore"):
        raise pytest.UsageError("marketo_unused_goldens must be report, error or ignore")
    config.pluginmanager.register(GoldenRun(config), GoldenRun.name)


class GoldenRun:
    """What one run does with goldens, and what it must have done for an unused one to be called that.

    Under pytest-xdist each worker tells the controller, which alone judges.
    """

    name = "marketo_golden_run"

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.used: dict[str, set[str]] = {}  # by the directory of the test modules
        self.written: dict[str, bool] = {}
        self.settled: dict[str, bytes] = {}
        self.collected: dict[str, str] = {}  # the module's path by the test's node id, deselected ones too
        self.passed: set[str] = set()
        self.spoiled: set[str] = set()
        self.unused: list[str] = []
        self.unjudged: list[str] = []
        self.complete = True

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self.collected[item.nodeid] = str(item.path)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.spoiled.add(report.nodeid)
        elif report.when == "call":
            self.passed.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        told = getattr(self.config, "workeroutput", None)
        if told is not None:
            told["marketo_goldens"] = self._to_tell()
        elif self.used and self.config.getini("marketo_unused_goldens") != "ignore":
            from marketo_soap.testing.goldens import unused

            self.unused, self.unjudged = unused(self)
            if self.unused and self.config.getini("marketo_unused_goldens") == "error" and session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _to_tell(self) -> dict[str, Any]:
        collected = {test: path for test, path in self.collected.items() if os.path.dirname(path) in self.used}
        used = {folder: sorted(paths) for folder, paths in self.used.items()}
        return {"used": used, "written": sorted(self.written), "collected": collected}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {}).get("marketo_goldens")
        if told is None:  # it crashed, and nobody knows what it used
            self.complete = False
            return
        for folder, paths in told["used"].items():
            self.used.setdefault(folder, set()).update(paths)
        self.written.update(dict.fromkeys(told["written"], True))
        self.collected.update(told["collected"])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.written or self.unused or self.unjudged:
            terminalreporter.section("marketo goldens")
        for path in sorted(self.written):
            terminalreporter.line(f"written: {self.shown(path)}")
        for path in self.unused:
            terminalreporter.line(f"unused:  {self.shown(path)}")
        if self.unjudged:
            count = len(self.unjudged)
            terminalreporter.line(f"not used, and not judged as not all tests beside them ran and passed: {count}")
        if self.unused:
            fails = self.config.getini("marketo_unused_goldens") == "error"
            terminalreporter.line(f"no test compared anything with the unused: delete them{' (an error)' * fails}")

    def shown(self, path: str | Path) -> str:
        """Return a path as people type it: from the directory that pytest was called in."""
        return os.path.relpath(path, self.config.invocation_params.dir)

    def address(self, test: pytest.Item) -> str:
        """Return what selects *test* on the command line."""
        return "::".join([self.shown(test.path), *test.nodeid.split("::")[1:]])


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
    """Give goldens: `marketo_golden.assert_request(client, "case.xml")`, `.assert_reply(...)`.

    The files live in `goldens/` beside the test module (ini `marketo_goldens_dir`), and are written by `pytest
    --marketo-update-goldens`, which is refused where CI is set in the environment. What a test got instead lies
    beside its golden as `case.actual.xml`: keep `*.actual.xml` out of version control.

    Goldens that nobody uses are told at the end, or fail the run (ini `marketo_unused_goldens = error`). They are
    judged for a directory of tests only if every test file in it was collected whole and every test in it passed:
    none failed, skipped, deselected or left out, no node id or --lf on the command line, no worker lost. Else
    nothing is said.

    A golden that would hold a secret is refused: the encryption key of the client or of the test's sandbox,
    MARKETO_SOAP_ENCRYPTION_KEY, the variables in the ini's `marketo_golden_secrets`, and what a test puts into
    `marketo_golden.secrets`, a dict of names and values.
    """
    from marketo_soap.testing.goldens import Goldens

    run = request.config.pluginmanager.get_plugin(GoldenRun.name)
    assert isinstance(run, GoldenRun)
    return Goldens(request, run)
