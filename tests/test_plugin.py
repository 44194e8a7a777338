"""The pytest plugin, as its users have it: whole pytest runs inside this one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Loaded here: pytester drops the modules that a run inside this process was the first to load, and half a package
# that is loaded twice has two classes of each name.
import marketo_soap.client
import marketo_soap.sandbox.server  # noqa: F401
from tests.support import inner_settings

LEAD = """
import pytest
from marketo_soap import LeadRecord, LeadSyncStatus

LEAD = LeadRecord(email="t@t.com")
FIRST = (1000001, LeadSyncStatus.CREATED)

def written(result):
    return result.sync_status.lead_id, result.sync_status.status
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    inner_settings(pytester)
    return pytester


def passes(pytester: pytest.Pytester, body: str, count: int, *args: str) -> None:
    """Run the tests of *body* in a session of their own: all of them must pass."""
    pytester.makepyfile(LEAD + body)
    result = pytester.runpytest(*args)
    result.assert_outcomes(passed=count)
    assert result.ret == 0


# -- In process ---------------------------------------------------------------------------------------


def test_each_test_has_a_sandbox_and_clients_of_its_own(inner: pytest.Pytester) -> None:
    body = """
import asyncio

seen = []

@pytest.mark.parametrize("turn", range(3))
def test_the_first_lead(turn, marketo_client, marketo_sandbox):
    assert marketo_sandbox.leads() == []
    assert written(marketo_client.sync_lead(LEAD)) == FIRST
    assert [lead.email for lead in marketo_sandbox.leads()] == ["t@t.com"]
    assert marketo_sandbox not in seen
    seen.append(marketo_sandbox)

def test_only_the_client_is_asked_for(marketo_client):
    assert written(marketo_client.sync_lead(LEAD)) == FIRST

def test_both_clients_reach_the_same_sandbox(marketo_client, marketo_async_client):
    marketo_client.sync_lead(LEAD)
    again = asyncio.run(marketo_async_client.sync_lead(LEAD))
    assert written(again) == (1000001, LeadSyncStatus.UPDATED)

def test_the_async_client_may_be_closed(marketo_async_client):
    async def main():
        async with marketo_async_client as client:
            return await client.sync_lead(LEAD)

    assert written(asyncio.run(main())) == FIRST
"""
    passes(inner, body, 6)


def test_what_is_given_is_closed_after_the_test(inner: pytest.Pytester) -> None:
    body = """
import sqlite3

kept = []

def test_it_is_kept(marketo_client, marketo_sandbox):
    marketo_client.sync_lead(LEAD)
    kept.extend([marketo_client, marketo_sandbox])

def test_it_is_closed():
    client, sandbox = kept
    with pytest.raises(RuntimeError, match="closed"):
        client.sync_lead(LEAD)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        sandbox.leads()
"""
    passes(inner, body, 2)


def test_async_tests_have_a_client(inner: pytest.Pytester) -> None:
    body = """
@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
@pytest.mark.parametrize("turn", range(2))
async def test_in_process(turn, marketo_async_client, marketo_sandbox):
    assert written(await marketo_async_client.sync_lead(LEAD)) == FIRST
    assert len(marketo_sandbox.leads()) == 1

@pytest.mark.anyio
@pytest.mark.parametrize("turn", range(2))
async def test_over_a_socket(turn, marketo_sandbox_server):
    async with marketo_sandbox_server.async_client() as client:
        assert written(await client.sync_lead(LEAD)) == FIRST
"""
    passes(inner, body, 4)


def test_test_cases_of_unittest_have_the_fixtures(inner: pytest.Pytester) -> None:
    body = """
import unittest

class TestLeads(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def marketo(self, marketo_client, marketo_sandbox_server):
        self.client, self.server = marketo_client, marketo_sandbox_server

    def test_in_process(self):
        self.assertEqual(written(self.client.sync_lead(LEAD)), FIRST)

    def test_in_process_again(self):
        self.assertEqual(written(self.client.sync_lead(LEAD)), FIRST)

    def test_over_a_socket(self):
        with self.server.client() as client:
            self.assertEqual(written(client.sync_lead(LEAD)), FIRST)
"""
    passes(inner, body, 3)


# -- Over a socket ------------------------------------------------------------------------------------


def test_one_server_for_the_session_clean_for_each_test(inner: pytest.Pytester) -> None:
    body = """
endpoints = set()

@pytest.mark.parametrize("turn", range(3))
def test_clean(turn, marketo_sandbox_server):
    assert marketo_sandbox_server.sandbox.leads() == []
    with marketo_sandbox_server.client() as client:
        assert written(client.sync_lead(LEAD)) == FIRST
    assert [lead.email for lead in marketo_sandbox_server.sandbox.leads()] == ["t@t.com"]
    endpoints.add(marketo_sandbox_server.endpoint)

def test_one():
    assert len(endpoints) == 1
"""
    inner.makepyfile(
        test_another="""
import test_one_server_for_the_session_clean_for_each_test as other

def test_another_module_has_the_same_server(marketo_sandbox_server):
    assert {marketo_sandbox_server.endpoint} == other.endpoints
    assert marketo_sandbox_server.sandbox.leads() == []
"""
    )
    files = ["test_one_server_for_the_session_clean_for_each_test.py", "test_another.py"]
    passes(inner, body, 5, *files)


def test_a_test_that_fails_leaves_nothing_to_the_next(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        LEAD
        + """
def test_fails(marketo_sandbox_server, marketo_client):
    with marketo_sandbox_server.client() as client:
        client.sync_lead(LEAD)
    marketo_client.sync_lead(LEAD)
    assert False

def test_is_clean(marketo_sandbox_server, marketo_sandbox):
    assert marketo_sandbox_server.sandbox.leads() == marketo_sandbox.leads() == []
"""
    )
    inner.runpytest().assert_outcomes(failed=1, passed=1)


def test_trouble_made_for_one_test_does_not_strike_the_next(inner: pytest.Pytester) -> None:
    body = """
from marketo_soap import Fault

@pytest.mark.parametrize("turn", range(2))
def test_trouble(turn, marketo_sandbox_server):
    sandbox = marketo_sandbox_server.sandbox
    assert not sandbox.entries()
    sandbox.fail(fault=20103)
    with marketo_sandbox_server.client() as client:
        with pytest.raises(Fault, match="20103"):
            client.sync_lead(LEAD)
        sandbox.advance(100_000)
        with pytest.raises(Fault, match="20016"):
            client.sync_lead(LEAD)
    sandbox.fail(fault=20103, times=None)

def test_no_trouble(marketo_sandbox_server):
    with marketo_sandbox_server.client() as client:
        assert written(client.sync_lead(LEAD)) == FIRST
    assert len(marketo_sandbox_server.sandbox.entries()) == 1
"""
    passes(inner, body, 3, "-p", "no:randomly")


def test_the_server_is_for_anyone_who_knows_it(inner: pytest.Pytester) -> None:
    body = """
import dataclasses, os, subprocess, sys
from marketo_soap import AuthenticationFault, Client

def test_another_process(marketo_sandbox_server):
    user = marketo_sandbox_server.credentials
    environ = os.environ | {
        "MARKETO_SOAP_ENDPOINT": marketo_sandbox_server.endpoint,
        "MARKETO_SOAP_USER_ID": user.user_id,
        "MARKETO_SOAP_ENCRYPTION_KEY": user.encryption_key,
    }
    code = (
        "from marketo_soap import Client, LeadRecord\\n"
        "with Client.from_env() as client: client.sync_lead(LeadRecord(email='other@t.com'))"
    )
    subprocess.run([sys.executable, "-c", code], env=environ, check=True, timeout=60)
    assert [lead.email for lead in marketo_sandbox_server.sandbox.leads()] == ["other@t.com"]

def test_it_knows_who_calls(marketo_sandbox_server):
    server = marketo_sandbox_server
    with Client(server.endpoint, server.credentials.user_id, "other") as client:
        with pytest.raises(AuthenticationFault):
            client.sync_lead(LEAD)

def test_options_are_the_clients(marketo_sandbox_server):
    from datetime import UTC, datetime
    old = datetime(2013, 7, 31, tzinfo=UTC)
    with marketo_sandbox_server.client(clock=lambda: old) as client:
        with pytest.raises(AuthenticationFault) as caught:
            client.sync_lead(LEAD)
    assert caught.value.code == 20016

def test_it_is_frozen_and_hides_the_key(marketo_sandbox_server):
    with pytest.raises(dataclasses.FrozenInstanceError):
        marketo_sandbox_server.endpoint = "http://elsewhere"
    assert marketo_sandbox_server.credentials.encryption_key not in repr(marketo_sandbox_server)
"""
    passes(inner, body, 4)


def test_each_worker_of_xdist_has_a_server_of_its_own(inner: pytest.Pytester, tmp_path: Path) -> None:
    body = """
import json, os
from pathlib import Path

@pytest.mark.parametrize("n", range(12))
def test_clean(n, marketo_sandbox_server, marketo_client):
    with marketo_sandbox_server.client() as client:
        assert written(client.sync_lead(LEAD)) == FIRST
    assert written(marketo_client.sync_lead(LEAD)) == FIRST
    seen = [os.environ["PYTEST_XDIST_WORKER"], marketo_sandbox_server.endpoint]
    Path(os.environ["SEEN"], f"{n}.json").write_text(json.dumps(seen))
"""
    seen = tmp_path / "seen"
    seen.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEN", str(seen))
        passes(inner, body, 12, "-n", "2")
    pairs = {tuple(json.loads(path.read_bytes())) for path in seen.iterdir()}
    workers, endpoints = zip(*sorted(pairs), strict=True)
    assert workers == ("gw0", "gw1")
    assert len(set(endpoints)) == 2


def test_without_the_server_extra_it_says_what_to_install(inner: pytest.Pytester) -> None:
    inner.makeconftest("import sys; sys.modules['uvicorn'] = None")
    inner.makepyfile(
        LEAD
        + """
def test_over_a_socket(marketo_sandbox_server): ...
def test_over_a_socket_again(marketo_sandbox_server): ...
def test_in_process(marketo_client):
    marketo_client.sync_lead(LEAD)
"""
    )
    result = inner.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["marketo_sandbox_server needs uvicorn: pip install 'marketo_soap[[]server[]]'"] * 2)
    result.stdout.no_fnmatch_line("*Traceback*")


# -- The plugin itself --------------------------------------------------------------------------------


def test_a_run_that_does_not_use_it_loads_nothing_of_it(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
import sys

def test_nothing_is_loaded():
    ours = {name for name in sys.modules if name.startswith("marketo_soap")}
    assert ours == {"marketo_soap", *(f"marketo_soap.testing{name}" for name in ("", ".golden_run", ".plugin"))}
    assert not {"attr", "attrs", "httpx", "lxml", "sqlite3", "uvicorn"} & set(sys.modules)
""")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        result = inner.runpytest_subprocess("-p", "marketo_soap.testing.plugin")
    result.assert_outcomes(passed=1)


def test_it_is_registered_by_its_name_and_can_be_switched_off(inner: pytest.Pytester) -> None:
    inner.makepyfile("def test_it(marketo_client): ...")
    inner.runpytest_subprocess().assert_outcomes(passed=1)
    result = inner.runpytest_subprocess("-p", "no:marketo_soap")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'marketo_client' not found*"])


def test_pytest_shows_what_the_fixtures_are(inner: pytest.Pytester) -> None:
    shown = inner.runpytest("--fixtures", "-v").stdout.str()
    ours = shown.partition("fixtures defined from marketo_soap.testing.plugin")[2].partition("fixtures defined")[0]
    names = [line.split()[0] for line in ours.splitlines() if line.startswith("marketo_")]
    assert set(names) == {
        "marketo_clock",
        "marketo_sandbox",
        "marketo_client",
        "marketo_async_client",
        "marketo_sandbox_server",
        "marketo_golden",
    }
    assert "no docstring" not in ours
    assert "Needs the `server` extra." in ours


def test_scripts_need_no_pytest(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("""
import sys
from marketo_soap import Client, LeadRecord, Sandbox

with Sandbox() as s, Client(transport=s.transport()) as client:
    assert client.sync_lead(LeadRecord(email="t@t.com")).sync_status.status == "CREATED"
assert not {"pytest", "marketo_soap.testing"} & set(sys.modules)
""")
    subprocess.run([sys.executable, "-W", "error", str(script)], check=True, timeout=60)


def test_unittest_needs_no_pytest(tmp_path: Path) -> None:
    (tmp_path / "test_leads.py").write_text("""
import sys, unittest
from marketo_soap import AsyncClient, Client, LeadRecord, Sandbox

class TestLeads(unittest.TestCase):
    def setUp(self):
        self.sandbox = self.enterContext(Sandbox())
        self.client = self.enterContext(Client(transport=self.sandbox.transport()))

    def test_created(self):
        self.assertEqual(self.client.sync_lead(LeadRecord(email="t@t.com")).sync_status.status, "CREATED")

    def test_created_again(self):
        self.assertEqual(self.client.sync_lead(LeadRecord(email="t@t.com")).sync_status.status, "CREATED")

    def test_no_pytest(self):
        self.assertNotIn("pytest", sys.modules)

class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def test_created(self):
        with Sandbox() as sandbox:
            async with AsyncClient(transport=sandbox.transport()) as client:
                result = await client.sync_lead(LeadRecord(email="t@t.com"))
        self.assertEqual(result.sync_status.status, "CREATED")
""")
    command = [sys.executable, "-W", "error", "-m", "unittest", "-v"]
    done = subprocess.run(command, cwd=tmp_path, check=True, timeout=60, capture_output=True, text=True)
    assert "Ran 4 tests" in done.stderr
