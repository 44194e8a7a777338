"""The command sync-leads: what it prints, its exit codes, signals and the progress."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from marketo_soap import Sandbox
from marketo_soap.bulk import Ledger, Progress, SourceChanged, SourceError
from marketo_soap.cli.commands import cli
from marketo_soap.cli.output import Lines
from marketo_soap.cli.sync_progress import OnTerminal, Pace


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def leads(rows: int, *more: str) -> str:
    Path("leads.csv").write_text("\n".join(["Email", *(f"p{row}@x.com" for row in range(rows)), *more]) + "\n")
    return "leads.csv"


def run(*args: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["sync-leads", *args], input=stdin)


def test_a_sandbox_in_memory_leaves_no_ledger() -> None:
    result = run(leads(3), "--sandbox")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("3 rows: 3 created\n  1 call in ")
    assert os.listdir() == ["leads.csv"]


def test_a_sandbox_on_disk_and_a_second_run() -> None:
    path = leads(3, ",", "not good\x01")
    first = run(path, "--sandbox-db", "s.db")
    assert first.exit_code == 1
    assert "rejects: leads.rejects.csv" in first.stdout
    again = run(path, "--sandbox-db", "s.db", "--json")
    data = json.loads(again.stdout)
    assert (again.exit_code, data["created"], data["calls"], data["complete"]) == (1, 3, 0, False)
    assert data["invalid"] == 2
    other = run(path, "--sandbox-db", "other.db")
    assert other.exit_code == 2
    assert "name another ledger" in other.stderr


def test_standard_input_and_maps() -> None:
    data = b"mail\tfirst\tskip\na@x.com\tAnn\tx\n"
    options = ["--format", "tsv", "--map", "mail=Email", "--map", "first=FirstName", "--map", "skip="]
    assert run("-", "--sandbox", *options, stdin=data).exit_code == 0
    refused = run("-", "--sandbox-db", "s.db", *options, stdin=data)
    assert refused.exit_code == 2
    assert "name one with --ledger" in refused.stderr
    assert run("-", "--sandbox-db", "s.db", "--ledger", "l", *options, stdin=data).exit_code == 0


def test_a_dry_run() -> None:
    result = run(leads(301, ","), "--dry-run", "--json")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert (data["to_send"], data["calls"], data["part_of_daily_quota"], data["invalid"]) == (301, 2, 0.0002, 1)
    assert os.listdir() == ["leads.csv"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--map", "Email"], "'Email' is no NAME=VALUE"),
        (["--types", "Email=text"], "the type of Email is 'text'"),
        (["--time-zone", "Mars/Base"], "'Mars/Base' is no time zone"),
        (["--quota", "half"], "'half' is no number of calls"),
        (["--quota", "0"], "quota is a number of calls a day"),
        (["--map", "Email=mail"], "no column is a key"),
        (["--at-once", "11"], "11 is not in the range"),
    ],
)
def test_wrong_use(args: list[str], message: str) -> None:
    result = run(leads(1), "--sandbox", *args)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_missing_file_is_wrong_use_and_a_pattern_is_expanded() -> None:
    refused = run("nofile.csv", "--sandbox")
    assert refused.exit_code == 2
    assert refused.stderr.endswith("Error: nofile.csv: No such file or directory\n")
    leads(1)
    assert run("lea*.csv", "--sandbox").stdout.startswith("1 row: 1 created\n")


def test_other_options_are_named() -> None:
    path = leads(1)
    assert run(path, "--sandbox-db", "s.db").exit_code == 0
    for args in (["--sandbox-db", "s.db"], ["--dry-run"]):
        refused = run(path, "--no-dedup", *args)
        assert refused.exit_code == 2
        assert "the rows of leads.csv.ledger were sent with other options (dedup: true, now false)" in refused.stderr
        assert refused.stderr.endswith(f"\nSee {SourceChanged.help_url}\n")
    assert "1 to send" in run(path, "--no-dedup", "--dry-run", "--sandbox").stdout  # which would have no ledger


def test_nowhere_to_send() -> None:
    result = run(leads(1))
    assert result.exit_code == 2
    assert "MARKETO_SOAP_ENDPOINT" in result.stderr


def test_a_quota_ends_it_early() -> None:
    path = leads(700)
    result = run(path, "--sandbox-db", "s.db", "--quota", "2")
    assert result.exit_code == 3
    assert "700 rows: 600 created, 100 waiting" in result.stdout
    assert re.search(r"the same command goes on after \d{4}-\d\d-\d\dT00:00:00-0[56]:00$", result.stdout.rstrip())


def test_a_source_that_breaks_is_no_wrong_use() -> None:
    Path("leads.csv").write_text('Email\na@x.com\n"b@x.com')
    result = run("leads.csv", "--sandbox")
    assert result.exit_code == 1
    assert "leads.csv:3: this is not CSV" in result.stderr
    assert result.stderr.endswith(f"\nSee {SourceError.help_url}\n")


def process(*args: str, endpoint: str, sandbox: Sandbox, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    user = sandbox.credentials
    names = {"ENDPOINT": endpoint, "USER_ID": user.user_id, "ENCRYPTION_KEY": user.encryption_key}
    env = {**os.environ, **{f"MARKETO_SOAP_{name}": value for name, value in names.items()}}
    command = [sys.executable, "-m", "marketo_soap", "sync-leads", *args]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_calls_in_progress(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from marketo_soap.sandbox.http import answer

    path = leads(9_000)
    with Sandbox("s.db") as sandbox, sandbox.serve() as endpoint:
        begun = threading.Event()

        def slowly(*args: object) -> object:
            begun.set()
            return answer(*args)  # type: ignore[arg-type]

        monkeypatch.setattr("marketo_soap.sandbox.server.answer", slowly)
        with process(path, "--json", endpoint=endpoint, sandbox=sandbox) as running:
            assert begun.wait(60)
            running.send_signal(number)
            stdout, stderr = running.communicate(timeout=60)
        assert running.returncode == 3, stderr
        assert "stopping after the calls in progress" in stderr
        data = json.loads(stdout)
        assert (data["unknown"], data["created"]) == (0, len(sandbox.leads()))


def test_over_rest_if_that_is_all_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        user = sandbox.rest_credentials
        monkeypatch.setenv("MARKETO_REST_ENDPOINT", f"{endpoint.partition('/soap/')[0]}/rest")
        monkeypatch.setenv("MARKETO_REST_CLIENT_ID", user.client_id)
        monkeypatch.setenv("MARKETO_REST_CLIENT_SECRET", user.client_secret)
        assert run(leads(3)).exit_code == 0
        assert len(sandbox.leads()) == 3


# -- progress -----------------------------------------------------------------------------------------


def clock_of(*times: float) -> Callable[[], float]:
    left = list(times)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_the_pace() -> None:
    pace = Pace(clock_of(0.0, 10.0, 20.0, 50.0))
    assert pace.describe(Progress(created=100, rows=200, calls=5, read=0.2)) == ("100 done, 0 refused", 0.1)
    text, part = pace.describe(Progress(created=1000, invalid=100, rows=1100, calls=45, read=0.2))
    assert (text, part) == (
        "1,000 done, 100 refused, 100 rows a second, 40% of the call limit, 2 min 40 s left",
        0.2,
    )
    text, _ = pace.describe(Progress(created=4000, unknown=5, rows=4005, calls=46, read=None))
    assert text == "4,000 done, 0 refused, 5 unknown"


def test_lines_come_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = clock_of(0.0, 0.0, 0.0, 1.0, 1.0, 6.0, 6.0, 7.0)
    show = Lines(Pace(clock).line, clock)
    for done in (1, 2, 3):
        show(Progress(created=done, rows=10, read=1.0))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("20%: 2 done, 0 refused")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals")
def test_the_progress_on_a_terminal() -> None:
    import pty

    shown = bytearray()
    main, of_process = pty.openpty()
    with Sandbox() as sandbox, sandbox.serve() as endpoint:  # noqa: SIM117
        with process(leads(2000, "x\x01@x.com"), endpoint=endpoint, sandbox=sandbox, stderr=of_process) as running:
            os.close(of_process)
            while True:
                try:
                    shown += os.read(main, 4096)
                except OSError:  # its end
                    break
            running.communicate(timeout=60)
    os.close(main)
    text = shown.decode("utf-8", "replace")
    assert "done" in text
    assert "1x Email contains the character U+0001" in text


def test_no_control_character_of_a_server_reaches_the_terminal() -> None:
    shown = OnTerminal()
    shown(Progress(rejected=1, reasons={"20110 \x9b31mred": 1}))
    assert shown._reasons.plain == "  1x '20110 \\x9b31mred'"


def test_a_second_signal_ends_it_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Sandbox() as sandbox:  # it never answers
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}/soap/mktows/2_2"
        with process(leads(2), endpoint=endpoint, sandbox=sandbox) as running:
            accepted, _ = server.accept()
            assert running.stderr is not None
            running.send_signal(signal.SIGINT)
            assert "stopping after the calls in progress" in running.stderr.readline()
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == -signal.SIGINT
            accepted.close()
    with Ledger("leads.csv.ledger") as ledger:
        assert [outcome.fate for outcome in ledger.outcomes()] == ["unknown"] * 2
