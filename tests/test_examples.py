"""The tutorial works as typed, and the programs in docs/examples run.

tests/gateway/test_examples.py has the programs that call a gateway.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from runpy import run_path
from typing import Any

import httpx
import pytest

from marketo_soap import Sandbox

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs/examples"


def environment(**more: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MARKETO_", "PYTEST_"))}
    env.pop("CI", None)  # goldens are written here
    fast = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "marketo_soap.testing.plugin"}
    return env | fast | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | more


def run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    env = env or environment()
    return subprocess.run([sys.executable, *command], cwd=cwd, env=env, timeout=60, capture_output=True, text=True)


TUTORIAL = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
STEPS = re.compile(r"(?:Save this as `(\S+?)`[^`]*)?^```(?:python|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMANDS = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
MODULES = {"marketo-soap": ["-m", "marketo_soap"], "pytest": ["-m", "pytest"], "python": []}


def is_shown(shown: str, output: str) -> bool:
    return bool(re.fullmatch(re.escape(shown.strip()).replace(r"\.\.\.", ".*?"), output.strip(), re.DOTALL))


class Terminals:
    """The reader of the tutorial: one terminal for commands, another one for the sandbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = environment()
        self.sandbox: subprocess.Popen[str] | None = None

    def type(self, line: str, shown: str) -> None:
        """Run a command, and check that it prints what is *shown*."""
        words = shlex.split(line)
        if words[0] == "unset":
            del self.env[words[1]]
        elif words == ["marketo-soap", "sandbox"]:
            self.start_sandbox(shown)
        elif words[0] not in ("python3", "pip"):  # this is what has been installed
            variables = dict(word.split("=") for word in takewhile(lambda word: "=" in word, words))
            program, *arguments = words[len(variables) :]
            done = run(*MODULES[program], *arguments, cwd=self.folder, env=self.env | variables)
            assert is_shown(shown, done.stdout + done.stderr), (line, done.stdout + done.stderr)

    def start_sandbox(self, shown: str) -> None:
        """Serve at a free port instead of 8807, and copy the lines that begin with export."""
        command = [sys.executable, "-m", "marketo_soap", "sandbox", "--port", "0"]
        self.sandbox = subprocess.Popen(
            command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.sandbox.stdout is not None
        lines = [self.sandbox.stdout.readline() for _ in range(6)]
        assert is_shown(shown.replace("8807", "..."), "".join([*lines, "and more"]))
        self.env |= dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)


def test_the_tutorial_works_as_typed(tmp_path: Path) -> None:
    terminals = Terminals(tmp_path)
    try:
        for file, block in STEPS.findall(TUTORIAL):
            if file:
                (tmp_path / file).write_text(block, encoding="utf-8")
            for line, shown in COMMANDS.findall(block):
                terminals.type(line, shown)
    finally:
        if terminals.sandbox is not None:
            terminals.sandbox.kill()
            terminals.sandbox.communicate()
    assert {path.name for path in tmp_path.glob("*.py")} == {"signup.py", "test_signup.py"}
    assert "MARKETO_SOAP_ENDPOINT" not in terminals.env


def test_the_migration_ends_with_the_same_results_over_rest(tmp_path: Path) -> None:
    done = run(str(EXAMPLES / "migration.py"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-4:] == [
        "before the settings: needs work: 1 work, 1 settings, 1 risk",
        "after the settings: ready: 1 risk",
        "over SOAP: CREATED UPDATED George",
        "over REST: CREATED UPDATED George",
    ]


def test_the_pytest_project_passes_again_and_again_until_a_message_changes(tmp_path: Path) -> None:
    project = Path(shutil.copytree(EXAMPLES / "pytest_project", tmp_path / "project"))
    for _ in range(2):
        done = run("-m", "pytest", "-q", cwd=project)
        assert done.returncode == 0, done.stdout
        assert "3 passed" in done.stdout
    program = project / "newsletter.py"
    program.write_text(program.read_text().replace('"website"', '"web"'))
    done = run("-m", "pytest", "-q", cwd=project)
    assert "2 failed, 1 passed" in done.stdout
    assert "LeadSource: 'website' -> 'web'" in done.stdout


async def use_the_service(app: Any, sandbox: Sandbox) -> None:
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:  # as a server does it
            await app(scope | {"state": dict(state)}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(with_state), base_url="http://service") as http:
            form = {"email": "t@t.com", "first_name": "George"}
            made = await http.post("/signups", json=form)
            assert (made.status_code, made.json()["status"]) == (201, "CREATED")
            assert (await http.get("/signups/t@t.com")).json()["id"] == made.json()["id"]
            assert (await http.get("/signups/u@t.com")).status_code == 404
            assert (await http.post("/signups", json=form | {"first_name": "\0"})).status_code == 422
            for code, status in ((20015, 503), (20106, 502)):
                sandbox.fail(fault=code)
                assert (await http.post("/signups", json=form)).status_code == status


def test_the_fastapi_service_answers(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("fastapi", reason="needs fastapi, which the extra dev has")
    with Sandbox() as sandbox, sandbox.serve() as url:
        monkeypatch.setenv("MARKETO_SOAP_ENDPOINT", url)
        monkeypatch.setenv("MARKETO_SOAP_USER_ID", sandbox.credentials.user_id)
        monkeypatch.setenv("MARKETO_SOAP_ENCRYPTION_KEY", sandbox.credentials.encryption_key)
        asyncio.run(use_the_service(run_path(str(EXAMPLES / "fastapi_service.py"))["app"], sandbox))
    assert "#limitfault" in caplog.text
