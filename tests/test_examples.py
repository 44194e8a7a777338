"""The programs in docs/examples run; tests/gateway/test_examples.py has those that call a gateway."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

import httpx
import pytest

from marketo_soap import Sandbox

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs/examples"


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("CI", None)  # goldens are written here
    return subprocess.run([sys.executable, *command], cwd=cwd, env=env, timeout=60, capture_output=True, text=True)


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
