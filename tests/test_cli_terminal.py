"""The command on a real terminal: what it shows there and nowhere else."""

from __future__ import annotations

import io
import logging
import os
import pty
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from marketo_soap import Sandbox
from marketo_soap.calls.limits import Limits
from marketo_soap.cli import waiting
from marketo_soap.cli.commands import cli
from tests.support import FIXTURES, fixture

if sys.platform == "win32":
    pytest.skip("pseudo-terminals of POSIX", allow_module_level=True)

SYNC = ["sync-lead", "--sandbox", "--show-envelopes", "--email", "t@t.com", "FirstName=George", "City= Rome\x85"]
CALL = ["call", "syncLead", "--sandbox", "--show-envelopes", "leadRecord.Email=t@t.com"]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(
    *args: str, typed: bytes = b"", code: int = 0, stdout: int | None = None, env: dict[str, str] | None = None
) -> str:
    """What the command prints on a pseudo-terminal; *stdout* goes elsewhere."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MARKETO_")}
    environ.pop("NO_COLOR", None)
    environ |= {"TERM": "xterm-256color", "COLUMNS": "200", **(env or {})}
    command = [sys.executable, "-m", "marketo_soap", *args]
    ours, its = pty.openpty()
    try:
        process = subprocess.Popen(
            command, stdin=its, stdout=its if stdout is None else stdout, stderr=its, env=environ
        )
        os.close(its)
        if typed:
            os.write(ours, typed)
        shown = b""
        watch = threading.Timer(60, process.kill)
        watch.start()
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not data:
                break
            shown += data
        watch.cancel()
        assert process.wait(60) == code, shown
    finally:
        os.close(ours)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("args", [SYNC, CALL], ids=["sync-lead", "call"])
def test_a_terminal_shows_the_envelopes_of_the_own_lead(args: list[str]) -> None:
    shown = on_terminal(*args)
    assert "\x1b[" in shown
    lines = [line.rstrip() for line in COLOUR.sub("", shown).splitlines()]
    assert "        <Email>t@t.com</Email>" in lines
    assert "  <SOAP-ENV:Body>" in lines
    assert "      <result>" in lines  # of the response
    assert not re.search(r"\[(email|value|user|signature)-\d+\]", shown)
    if args is SYNC:
        assert "            <attrValue>George</attrValue>" in lines
        assert "            <attrValue> Rome&#x85;</attrValue>" in lines  # what moves the cursor is shown by its number


def test_redact_hides_them_there_too() -> None:
    shown = COLOUR.sub("", on_terminal(*SYNC, "--redact"))
    assert "        <Email>[email-1]</Email>" in [line.rstrip() for line in shown.splitlines()]
    for private in ("t@t.com", "George", "Rome"):
        assert private not in shown
    refused = CliRunner().invoke(cli, [*SYNC, "--redact", "--raw"])
    assert refused.exit_code == 2
    assert "give one of them" in refused.stderr


def test_no_color_is_respected() -> None:
    shown = on_terminal(*SYNC, env={"NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[0-9;]*(3[0-9]|9[0-9])", shown)
    assert "<Email>t@t.com</Email>" in shown


def test_a_file_and_a_log_get_them_redacted(tmp_path: Path) -> None:
    with (tmp_path / "shown").open("wb") as file:
        on_terminal(*SYNC, stdout=file.fileno())
    shown = (tmp_path / "shown").read_text()
    assert "\x1b" not in shown
    assert "<Email>[email-1]</Email><leadAttributeList>" in shown  # as sent, not indented
    # with --json the envelopes go to standard error, which is the terminal here
    with (tmp_path / "shown").open("wb") as file:
        assert "t@t.com" in on_terminal(*SYNC, "--json", stdout=file.fileno())
    assert (tmp_path / "shown").read_text().startswith("{")


def test_an_endpoint_gets_them_redacted_on_a_terminal() -> None:
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        env = {"MARKETO_SOAP_ENDPOINT": endpoint, "MARKETO_SOAP_USER_ID": sandbox.credentials.user_id}
        env["MARKETO_SOAP_ENCRYPTION_KEY"] = sandbox.credentials.encryption_key
        remote = [arg for arg in SYNC if arg != "--sandbox"]
        shown = COLOUR.sub("", on_terminal(*remote, env=env))
        raw = COLOUR.sub("", on_terminal(*remote, "--raw", env=env))
    assert "        <Email>[email-1]</Email>" in [line.rstrip() for line in shown.splitlines()]
    for private in ("t@t.com", "George", sandbox.credentials.user_id):
        assert private not in shown
    assert "<Email>t@t.com</Email>" in raw


def test_a_stored_request_is_redacted_on_a_terminal() -> None:
    """It need not be the user's own: it may be out of a log."""
    shown = COLOUR.sub("", on_terminal("send", str(FIXTURES / "sync_lead" / "seed.request.xml")))
    assert "t@t.com" not in shown
    assert "        <Email>[email-1]</Email>" in [line.rstrip() for line in shown.splitlines()]


@pytest.mark.parametrize("args", [["parse"], ["call", "getLead", "--params", "-"]])
def test_reading_from_a_terminal_is_announced(args: list[str]) -> None:
    typed = (
        b'{"leadKey": {"keyType": "EMAIL", "keyValue": "t@t.com"}}'
        if args[0] == "call"
        else fixture("faults/20103.xml")
    )
    given = [*args, "--sandbox"] if args[0] == "call" else args
    shown = on_terminal(*given, typed=typed.strip() + b"\n\x04", code=0 if args[0] == "parse" else 1)
    assert "reading from the terminal; end with Ctrl-D\n" in shown


class _Busy(BaseHTTPRequestHandler):
    """Asks the first caller to come back after a second, and knows no lead."""

    calls = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).calls += 1
        body = fixture("faults/20103.xml")
        self.send_response(503 if self.calls == 1 else 500)
        for name, value in {"Retry-After": "1", "Content-Type": "text/xml", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"x" * len(body) if self.calls == 1 else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_waiting_for_another_attempt_is_announced() -> None:
    with HTTPServer(("127.0.0.1", 0), _Busy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            endpoint = f"http://127.0.0.1:{server.server_port}/"
            env = {"MARKETO_SOAP_ENDPOINT": endpoint, "MARKETO_SOAP_USER_ID": "u", "MARKETO_SOAP_ENCRYPTION_KEY": "k"}
            shown = on_terminal("call", "getLead", "leadKey.keyType=EMAIL", "leadKey.keyValue=t@t.com", code=1, env=env)
        finally:
            server.shutdown()
            thread.join()
    assert shown.startswith("waiting 1 s: then getLead is tried again, after TransportError\nError: NotFoundFault")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_waiting_for_the_call_limits_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(waiting, "_SILENT", 0.01)
    monkeypatch.setattr(waiting, "VENDOR_LIMITS", Limits(calls=1, window=0.3))
    with waiting.waits_shown("https://x.example/soap") as limiter:
        assert not isinstance(limiter, str)
        limiter.acquire()
        limiter.release()
        limiter.acquire()
    assert terminal.getvalue() == "waiting for the call limits of Marketo\n"


def test_a_pipe_has_no_announcements_of_its_own() -> None:
    with waiting.waits_shown("https://x.example/soap") as limiter:
        assert limiter == "vendor"
        assert logging.getLogger("marketo_soap.retry").handlers == []
