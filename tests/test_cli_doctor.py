"""`marketo-soap doctor`: what it finds in an environment, and what it says to do first."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import Sandbox
from marketo_soap.cli import diagnosis
from marketo_soap.cli.diagnosis import REST, SOAP
from marketo_soap.debug.checks import Verdict
from tests.gateway.support import KEYS, serving
from tests.support import fixture, run_command

GONE = "https://100-AEK-913.mktoapi.com/soap/mktows/2_2"
REST_VALUES = ("https://100-AEK-913.mktorest.com/rest", "6e1f3b52-0000-4000-8000-5a9db0c0ffee", "x" * 32)


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def examined(*args: str, code: int, env: Mapping[Any, str]) -> tuple[str | None, dict[str, list[tuple[str, str]]]]:
    """What to do first, and the verdicts and messages by name."""
    result = run_command("doctor", "--json", *args, code=code, env=env)
    for value in env.values():
        assert len(value) < 2 or value not in result.output  # no value of a variable is printed
    data = json.loads(result.stdout)
    found: dict[str, list[tuple[str, str]]] = {}
    for each in data["findings"]:
        assert each["todo"] or each["verdict"] in ("pass", "skip")
        found.setdefault(each["name"], []).append((each["verdict"], each["message"]))
    return data["first"], found


def test_an_empty_environment_is_told_how_to_begin() -> None:
    first, found = examined(code=1, env={})
    assert first is not None
    assert "marketo-soap sandbox" in first
    assert found["SOAP variables"] == found["REST variables"] == [("skip", "none is set")]


@pytest.mark.parametrize(
    ("env", "name", "message", "first"),
    [
        (
            {SOAP[0]: "https://x.example/soap", SOAP[1]: "somebody"},
            "SOAP variables",
            "MARKETO_SOAP_ENCRYPTION_KEY is not set; MARKETO_SOAP_ENDPOINT, MARKETO_SOAP_USER_ID are set",
            "set MARKETO_SOAP_ENCRYPTION_KEY (",
        ),
        (
            dict(zip(REST[:2], REST_VALUES[:2], strict=True)),
            "REST variables",
            "MARKETO_REST_CLIENT_SECRET is not set; MARKETO_REST_ENDPOINT, MARKETO_REST_CLIENT_ID are set",
            "set MARKETO_REST_CLIENT_SECRET (Admin > LaunchPoint",
        ),
        (
            dict(zip(SOAP, (GONE, "somebody", "secret"), strict=True)),
            "SOAP endpoint",
            "MARKETO_SOAP_ENDPOINT is a host of mktoapi.com: Marketo removed its SOAP API on 2026-07-31",
            "call over REST: set MARKETO_REST_ENDPOINT",
        ),
        ({SOAP[0]: GONE}, "SOAP endpoint", "MARKETO_SOAP_ENDPOINT is a host of mktoapi.com", "call over REST: set"),
        (
            dict(zip((*SOAP, *REST), (GONE, "somebody", "secret", *REST_VALUES), strict=True)),
            "SOAP endpoint",
            "MARKETO_SOAP_ENDPOINT is a host of mktoapi.com",
            "call over REST, and unset MARKETO_SOAP_ENDPOINT",
        ),
        (
            dict(zip(SOAP, ("http://x.example/soap", "somebody", "secret"), strict=True)),
            "SOAP endpoint",
            "MARKETO_SOAP_ENDPOINT must be https",
            "correct MARKETO_SOAP_ENDPOINT",
        ),
        (
            dict(zip(SOAP, ("https://x.example:secret/", "somebody", "key"), strict=True)),
            "SOAP endpoint",
            "MARKETO_SOAP_ENDPOINT is not a URL",
            "correct MARKETO_SOAP_ENDPOINT",
        ),
        (
            dict(zip(SOAP, ("https://x.example/soap", "somebody", "secret \n"), strict=True)),
            "SOAP credentials",
            "encryption_key has leading or trailing white space",
            "correct MARKETO_SOAP_USER_ID or MARKETO_SOAP_ENCRYPTION_KEY",
        ),
        (
            dict(zip(SOAP, ("https://x.example/soap", "ABC-123", "ABC-123"), strict=True)),
            "SOAP credentials",
            "user id and encryption key are the same",
            "correct MARKETO_SOAP_ENCRYPTION_KEY",
        ),
        (
            dict(zip(REST, (GONE.partition("/soap")[0], *REST_VALUES[1:]), strict=True)),
            "REST endpoint",
            "MARKETO_REST_ENDPOINT is a host of mktoapi.com, which has no REST API",
            "correct MARKETO_REST_ENDPOINT",
        ),
        (
            dict(zip(REST, (*REST_VALUES[:2], "two words"), strict=True)),
            "REST credentials",
            "MARKETO_REST_CLIENT_SECRET has white space",
            "correct MARKETO_REST_CLIENT_SECRET",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(env: Mapping[Any, str], name: str, message: str, first: str) -> None:
    todo, found = examined(code=1, env=env)
    assert next(text for verdict, text in found[name] if verdict == "fail").startswith(message)
    assert str(todo).startswith(first)


def test_what_is_not_needed_is_no_failure() -> None:
    """A user id and a key to verify signatures, together with complete variables for REST."""
    env = dict(zip((*REST, *SOAP[1:]), (*REST_VALUES, "somebody", "secret"), strict=True))
    first, found = examined(code=0, env=env)
    assert first is None
    assert found["SOAP variables"][0][0] == "skip"
    first, found = examined(code=0, env=dict(zip(REST, (*REST_VALUES[:2], "short"), strict=True)))
    assert found["REST credentials"][0][0] == "warn"
    assert str(first).startswith("correct MARKETO_REST_CLIENT_SECRET")


def test_files_that_hold_secrets_are_looked_at(tmp_path: Path) -> None:
    env = dict(zip(REST, REST_VALUES, strict=True))
    (tmp_path / "a.key").write_text("key")
    (tmp_path / "a.key").chmod(0o600)
    (tmp_path / "b.key").write_text("key")
    (tmp_path / "b.key").chmod(0o644)
    (tmp_path / ".env").write_text("x")
    (tmp_path / ".env").chmod(0o666)
    first, found = examined("*.key", code=1, env=env)
    assert found["files"] == [
        ("fail", "every user of this machine can read b.key"),
        ("pass", "only you and your group can read a.key"),
    ]
    assert first == "chmod 600 b.key"
    first, found = examined(code=1, env=env)
    assert found["files"] == [("fail", "every user of this machine can change .env")]
    (tmp_path / ".env").unlink()
    soap = {SOAP[0]: "https://x.example/soap", SOAP[1]: "somebody"}
    _, found = examined("--encryption-key-file", "a.key", code=0, env=soap)
    assert found["SOAP credentials"] == [("pass", "well formed")]
    assert found["files"] == [("pass", "only you and your group can read a.key")]


def test_extras_are_listed_with_their_versions() -> None:
    _, found = examined(code=0, env=dict(zip(REST, REST_VALUES, strict=True)))
    assert "lxml 6." in found["packages"][0][1]
    assert found["extra cli"][0][0] == "pass"
    assert not {"extra dev", "extra test"} & found.keys()
    declared = ("lxml>=6.1", "tzdata; sys_platform == 'win32'", 'redis>=5; extra == "redis"', "a>=1.10; extra == 'new'")
    known = {"lxml": "6.1.1", "a": "1.9.3"}
    missing, old = [each for each in diagnosis.extras(declared, known.get) if each.verdict is not Verdict.PASS]
    assert (missing.verdict, missing.message) == (Verdict.SKIP, "not installed: redis")
    assert missing.todo == "pip install 'marketo_soap[redis]'"
    assert (old.verdict, old.message) == (Verdict.FAIL, "too old: a 1.9.3; needed: a>=1.10")


def test_the_zone_of_timestamps_is_shown() -> None:
    found = diagnosis.clock(datetime(2026, 8, 1, 12, 0, tzinfo=timezone(timedelta(hours=2), "CEST")))
    assert "2026-08-01T12:00:00+02:00, in the zone CEST" in found.message


# -- with calls ---------------------------------------------------------------------------------------


@pytest.fixture
def served() -> Iterator[tuple[Sandbox, dict[str, str]]]:
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        user, rest = sandbox.credentials, sandbox.rest_credentials
        origin = endpoint.partition("/soap")[0]
        values = (endpoint, user.user_id, user.encryption_key, f"{origin}/rest", rest.client_id, rest.client_secret)
        yield sandbox, dict(zip((*SOAP, *REST), values, strict=True))


def test_nothing_is_sent_unless_it_is_asked_for(served: tuple[Sandbox, dict[str, str]]) -> None:
    sandbox, env = served
    _, found = examined(code=0, env=env)
    assert "SOAP call" not in found
    assert sandbox.entries() == []
    shown = run_command("doctor", env=env).stdout
    assert shown.endswith("nothing was sent: --call makes calls that change nothing, to check the credentials\n")


def test_real_calls_check_both_sides_of_a_sandbox(served: tuple[Sandbox, dict[str, str]]) -> None:
    sandbox, env = served
    first, found = examined("--call", code=0, env=env)
    assert first is None
    assert found["SOAP call"][0][0] == "pass"
    assert [text.partition(":")[0] for _, text in found["REST call"]] == [
        "credentials",
        "describe",
        "partitions",
        "workspace_partitions.Default",
    ]
    assert sandbox.leads() == []
    shown = run_command("doctor", "--call", env=env).stdout
    assert shown.endswith("nothing must be done\n")


def test_what_calls_are_refused_for_is_explained(served: tuple[Sandbox, dict[str, str]]) -> None:
    sandbox, env = served
    wrong = {**env, SOAP[2]: "other", REST[2]: "y" * 32}
    first, found = examined("--call", code=1, env=wrong)
    assert str(first).startswith("correct MARKETO_SOAP_USER_ID or MARKETO_SOAP_ENCRYPTION_KEY")
    assert "what-went-wrong.html#authenticationfault" in str(first)
    assert "20014" in found["SOAP call"][0][1]
    assert found["REST call"] == [("fail", "credentials: the client id or the client secret is refused (HTTP 401)")]
    sandbox.configure(evolve(sandbox.settings, access=False))
    first, found = examined("--call", code=1, env=env)
    assert "20013" in found["SOAP call"][0][1]
    assert str(first).startswith("allow calls for this user")
    nobody = {**env, SOAP[0]: "http://127.0.0.1:1/", REST[0]: "http://127.0.0.1:1/rest"}
    first, found = examined("--call", code=1, env=nobody)
    assert "check that a server runs" in str(first)
    assert "no answer from" in found["REST call"][0][1]
    _, found = examined("--call", code=1, env={SOAP[0]: GONE})
    assert found["SOAP call"][0] == ("skip", "not made: what is needed for it is not set, or wrong")


@contextmanager
def answering(body: bytes, **headers: str) -> Iterator[str]:
    """A server that answers every POST with *body*."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response_only(500)
            for name, value in {"Content-Type": "text/xml", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("away", "verdict", "message"),
    [
        (timedelta(0), "pass", "it agrees with the clock of this machine"),
        (timedelta(minutes=5), "warn", "seconds ahead of the clock of this machine; 900 seconds are allowed"),
        (timedelta(hours=-5.5), "fail", "it is 5 hours behind the clock of this machine"),
        (None, "skip", "the server sends no Date header"),
    ],
)
def test_the_clock_is_compared_with_that_of_the_server(away: timedelta | None, verdict: str, message: str) -> None:
    headers = {} if away is None else {"Date": format_datetime(datetime.now(UTC) + away, usegmt=True)}
    with answering(fixture("faults/20103.xml"), **headers) as endpoint:
        env = dict(zip(SOAP, (endpoint, "somebody", "secret"), strict=True))
        first, found = examined("--call", code=1 if verdict == "fail" else 0, env=env)
    assert found["clock of the server"][0][0] == verdict
    assert message in found["clock of the server"][0][1]
    assert (first is None) == (verdict in ("pass", "skip"))
    assert found["SOAP call"][0][0] == "pass"  # fault 20103: nobody has this address


def test_a_role_without_permissions_is_named() -> None:
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        rest = sandbox.rest_credentials
        sandbox.fail(rest="603")
        values = (endpoint.partition("/soap")[0], rest.client_id, rest.client_secret)
        first, found = examined("--call", code=1, env=dict(zip(REST, values, strict=True)))
    assert any("603" in text for _, text in found["REST call"])
    assert "permissions" in str(first)


def test_a_gateway_is_called_too(tmp_path: Path) -> None:
    with Sandbox() as sandbox, serving(tmp_path, sandbox) as gateway:
        env = dict(zip(SOAP, (gateway.url, "user_0_0123456789", KEYS["KEY_0"]), strict=True))
        _, found = examined("--call", code=0, env=env)
        assert found["SOAP call"][0][0] == found["clock of the server"][0][0] == "pass"
        first, found = examined("--call", code=1, env={**env, SOAP[2]: "other"})
        assert "20014" in found["SOAP call"][0][1]
        assert str(first).startswith("correct MARKETO_SOAP_USER_ID or MARKETO_SOAP_ENCRYPTION_KEY")
