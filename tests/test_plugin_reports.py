"""What pytest reports of failed tests that use a sandbox: the calls, and the values of its leads."""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import attrs
import pytest

import marketo_soap
import marketo_soap.client
import marketo_soap.sandbox.server
import marketo_soap.testing.sandbox_report  # as in test_plugin: loaded once
from marketo_soap.privacy.vocabulary import hidden
from tests.support import inner_settings

TESTS = """
import pytest
from marketo_soap import Client, LeadRecord, Sandbox, SyncLead
from marketo_soap.signature import Credentials

LEAD = LeadRecord(email="someone@t.com", attributes={"FirstName": "George"})
KEY = Credentials("user-4711", "key-4711")
"""
FAILS = """
def test_fails(marketo_client, marketo_sandbox):
    marketo_client.sync_lead(LEAD)
    keys = marketo_sandbox.credentials, KEY
    assert marketo_sandbox.leads() == [keys]
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    inner_settings(pytester)
    return pytester


def report_of(pytester: pytest.Pytester, body: str, *args: str, failed: int = 1, passed: int = 0) -> str:
    pytester.makepyfile(TESTS + body)
    result = pytester.runpytest(*args)
    result.assert_outcomes(failed=failed, passed=passed)
    return result.stdout.str()


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["one", "xdist"])
def test_a_failure_shows_the_calls(inner: pytest.Pytester, workers: list[str]) -> None:
    body = """
def test_fails(marketo_client):
    marketo_client.sync_lead(LEAD)
    marketo_client.list_m_objects()
    assert False

def test_passes(marketo_client):
    marketo_client.sync_lead(LEAD)
"""
    report = report_of(inner, body, *workers, passed=1)
    calls = report.partition(" marketo_sandbox: 2 calls -")[2].partition("= short test summary")[0]
    lines = re.sub(r"\(HTTP 200, \d+\.\d ms\)", "(HTTP 200)", calls).splitlines()
    assert [line for line in lines if line[:1].isdigit()] == [
        "1. syncLead: Created (HTTP 200)",
        "2. listMObjects: 4 types (HTTP 200)",
    ]
    for line in ("        <Email>someone@t.com</Email>", "          <status>CREATED</status>"):
        assert lines.count(line) == 1
    assert report.count("marketo_sandbox:") == 1


def test_the_calls_of_every_sandbox_among_the_fixtures_are_shown(inner: pytest.Pytester) -> None:
    body = """
@pytest.fixture
def own():
    with Sandbox() as sandbox:
        yield sandbox

@pytest.fixture
def seeded(marketo_sandbox_server):
    with marketo_sandbox_server.client() as client:
        client.sync_lead(LEAD)

@pytest.fixture
def broken(seeded):
    assert False

def test_over_http(marketo_sandbox_server, seeded, own, marketo_sandbox):
    with Client(transport=own.transport()) as client:
        client.sync_lead(LEAD)
    assert False

def test_set_up(broken, marketo_sandbox_server): ...
"""
    inner.makepyfile(TESTS + body)
    result = inner.runpytest()
    result.assert_outcomes(failed=1, errors=1)
    titles = [line.strip("- ") for line in result.outlines if line.startswith("---") and "call" in line]
    assert titles == ["marketo_sandbox_server: 1 call", "marketo_sandbox_server: 1 call", "own: 1 call"]


def test_a_long_journal_is_cut(inner: pytest.Pytester) -> None:
    body = """
def test_fails(marketo_client):
    for number in range(30):
        marketo_client.sync_lead(LeadRecord(email="t@t.com", attributes={"LastName": "x" * 9000}))
    assert False
"""
    report = report_of(inner, body)
    assert "marketo_sandbox: 30 calls, the last 20" in report
    assert "\n10. syncLead" not in report
    assert "\n30. syncLead: Updated" in report
    assert re.search(r"\n\.\.\. and \d+ characters\n", report)


def test_assertions_show_the_data_of_the_test_but_no_keys(inner: pytest.Pytester) -> None:
    body = (
        FAILS
        + """
def test_in_words(marketo_client, marketo_sandbox):
    marketo_client.sync_lead(LEAD)
    assert not marketo_sandbox.leads()
"""
    )
    report = report_of(inner, body, "-vv", failed=2)
    assert "LeadRecord(id=1000001, email='someone@t.com'" in report
    assert re.search(r"assert not \[LeadRecord\(id=1000001, email='someone@t\.com'", report)
    assert "Credentials(user_id=***, encryption_key=***)" in report
    assert "key-4711" not in report.replace('Credentials("user-4711", "key-4711")', "")
    assert "00112233445566778899AABBCCDDEEFF0011" not in report


def test_an_ini_setting_hides_the_data(inner: pytest.Pytester) -> None:
    inner.makeini("[pytest]\nmarketo_show_values = false\n")
    report = report_of(inner, FAILS)
    assert "marketo_sandbox: 1 call" in report
    assert "<Email>[email-1]</Email>" in report
    assert "email=***" in report
    assert "someone@t.com" not in report


def test_other_tests_and_the_rest_of_a_test_stay_redacted(inner: pytest.Pytester) -> None:
    body = """
def test_fails(marketo_client):
    marketo_client.sync_lead(LEAD)
    assert "[email-1]" in str(marketo_client.last_exchange)
    assert "email='someone@t.com'" in repr(LEAD)
    assert False

def test_without_a_sandbox():
    assert "email=***" in repr(LEAD)

def test_with_one_of_its_own():
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        client.sync_lead(LEAD)
        assert "someone" not in repr(sandbox.leads())
"""
    report_of(inner, body, "-p", "no:randomly", passed=2)
    assert repr(marketo_soap.LeadRecord(email="a@t.com")) == (
        "LeadRecord(id=None, email=***, foreign_sys_person_id=None, foreign_sys_type=None, attributes=())"
    )


PERSONAL = (
    *("records", "operations", "sandbox.store", "sandbox.seeded_activities", "debug.compare", "bridge.operations"),
    *("bulk", "errors.RestError", "client.batches.RecordOutcome", "migration.report.Finding"),
)


def test_only_personal_data_is_shown_in_tests_never_keys() -> None:
    shown: dict[str, list[str]] = {}
    for module in walk_packages(marketo_soap.__path__, "marketo_soap."):
        if module.name.endswith("__main__"):
            continue
        try:
            found = import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name in ("ray", "dlt"):  # of an extra that is not installed
                continue
            raise
        for kind in vars(found).values():
            fields: tuple[attrs.Attribute[Any], ...] = (
                attrs.fields(kind) if isinstance(kind, type) and attrs.has(kind) else ()
            )
            if names := [field.name for field in fields if field.repr is hidden]:
                shown[f"{kind.__module__}.{kind.__name__}"] = names
    places = tuple(f"marketo_soap.{name}." for name in PERSONAL)
    assert {name for name in shown if not f"{name}.".startswith(places)} == set()
    words = re.compile("secret|token|password|signature|encryption|user_id|client_id")
    assert {name for names in shown.values() for name in names if words.search(name)} == {"tokens"}
