"""Which goldens a test run used. Imported in every pytest run, so it imports nothing heavy."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest


class GoldenRun:
    """Record the goldens that a test run uses, and report the unused ones.

    Under pytest-xdist each worker sends its record to the controller, which makes the report.
    """

    name = "marketo_golden_run"

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.used: dict[str, set[str]] = {}  # by the directory of the test modules
        self.written: set[str] = set()
        self.updates: dict[str, bytes] = {}
        self.collected: dict[str, str] = {}  # the module's path by the test's node id, deselected ones too
        self.passed: set[str] = set()
        self.not_passed: set[str] = set()
        self.unused: list[str] = []
        self.unchecked: list[str] = []
        self.complete = True

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Record the module of a test."""
        self.collected[item.nodeid] = str(item.path)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the outcome of a test."""
        if not report.passed:
            self.not_passed.add(report.nodeid)
        elif report.when == "call":
            self.passed.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Find the unused goldens; in a worker of pytest-xdist, send the record."""
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["marketo_goldens"] = self._worker_record()
        elif self.used:
            self._look_through()
            if self.unused and self.config.getini("marketo_unused_goldens") == "error" and session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _worker_record(self) -> dict[str, Any]:
        collected = {test: path for test, path in self.collected.items() if os.path.dirname(path) in self.used}
        used = {folder: sorted(paths) for folder, paths in self.used.items()}
        return {"used": used, "written": sorted(self.written), "collected": collected}

    def _look_through(self) -> None:
        """Find the unused goldens, and remove what waits for a review although every test has passed."""
        from marketo_soap.testing.golden_files import PENDING

        config = self.config
        ignored = config.getini("marketo_unused_goldens") == "ignore"
        partial = not self.complete or config.getoption("lf", False) or any("::" in each for each in config.args)
        patterns = [str(pattern).rpartition("/")[2] for pattern in config.getini("python_files")]
        for folder, used in sorted(self.used.items()):
            modules = {test: path for test, path in self.collected.items() if os.path.dirname(path) == folder}
            files = {str(p) for p in Path(folder).glob("*.py") if any(fnmatch(p.name, each) for each in patterns)}
            whole = not partial and files <= set(modules.values()) and set(modules) <= self.passed - self.not_passed
            goldens = Path(folder) / str(config.getini("marketo_goldens_dir"))
            if whole:
                for stale in [*goldens.rglob(f"*{PENDING}"), *goldens.rglob(f"*{PENDING}.txt")]:
                    stale.unlink(missing_ok=True)
            left = [str(p) for p in goldens.rglob("*.xml") if not p.name.endswith(PENDING) and str(p) not in used]
            if not ignored:
                (self.unused if whole else self.unchecked).extend(sorted(left))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add the record of a worker."""
        record = getattr(node, "workeroutput", {}).get("marketo_goldens")
        if record is None:  # the worker crashed: what it used is unknown
            self.complete = False
            return
        for folder, paths in record["used"].items():
            self.used.setdefault(folder, set()).update(paths)
        self.written.update(record["written"])
        self.collected.update(record["collected"])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Report written and unused goldens."""
        if self.written or self.unused or self.unchecked:
            terminalreporter.section("marketo goldens")
        for path in sorted(self.written):
            terminalreporter.line(f"written: {self.shown(path)}")
        for path in self.unused:
            terminalreporter.line(f"unused:  {self.shown(path)}")
        if self.unchecked:
            goldens = f"{len(self.unchecked)} golden{'s' * (len(self.unchecked) > 1)}"
            terminalreporter.line(f"{goldens} unused (not checked: some tests failed or did not run)")
        if self.unused:
            fails = self.config.getini("marketo_unused_goldens") == "error"
            terminalreporter.line(f"delete the unused goldens{' (an error)' * fails}")

    def shown(self, path: str | Path) -> str:
        """Return *path* relative to the directory that pytest was called in."""
        return os.path.relpath(path, self.config.invocation_params.dir)

    def address(self, test: pytest.Item) -> str:
        """Return the command line argument that selects *test*."""
        return "::".join([self.shown(test.path), *test.nodeid.split("::")[1:]])
