"""The commands for a person who holds an envelope."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest
from click.testing import CliRunner

from marketo_soap import Client, Exchange, LeadRecord, Sandbox, SyncLead, envelope, signature
from marketo_soap.cli.commands import cli
from marketo_soap.debug import importing as imports
from marketo_soap.debug.exporting import har
from marketo_soap.privacy.redactor import EVERYTHING, Redactor
from marketo_soap.wire import xml
from tests.support import CREDENTIALS, FIXTURES, HEADER, NOW, SEED_HEADER, fixture
from tests.support import run_command as run

SEED = FIXTURES / "sync_lead" / "seed.request.xml"
REQUEST = SEED.read_bytes()
PRIVATE = (SEED_HEADER.mktows_user_id, SEED_HEADER.request_signature, "t@t.com", "George", "Jungle")
ENV = {"MARKETO_SOAP_USER_ID": CREDENTIALS.user_id, "MARKETO_SOAP_ENCRYPTION_KEY": CREDENTIALS.encryption_key}
EXCHANGE = Exchange(
    "syncLead", "https://x.example/soap", 1, NOW, (), REQUEST, 0.1, 500, (), fixture("faults/20103.xml")
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "some.har"
    path.write_bytes(har([EXCHANGE, EXCHANGE], visible=EVERYTHING))
    return path


# -- parse --------------------------------------------------------------------------------------------


def test_parse_points_at_what_is_ignored() -> None:
    data = REQUEST.replace(b"<Email>t@t.com</Email>", b"<id>7</id><Email>t@t.com</Email>")
    shown = run("parse", stdin=data).stdout
    assert "  ! paramsSyncLead/leadRecord/id: <id> is ignored by Marketo: did you mean <Id>?\n" in shown
    assert json.loads(run("parse", "--json", stdin=data).stdout)["ignored"] == [shown.splitlines()[-1][4:]]


def test_parse_reads_both_sides_of_an_archive(archive: Path) -> None:
    shown = run("parse", archive).stdout
    assert [line for line in shown.splitlines() if not line.startswith(" ")] == [
        "entry 1, request: request syncLead",
        "entry 1, response: fault NotFoundFault",
        "entry 2, request: request syncLead",
        "entry 2, response: fault NotFoundFault",
    ]
    data = json.loads(run("parse", "--json", archive).stdout)
    assert [each["where"] for each in data][:2] == ["entry 1, request", "entry 1, response"]
    assert data[0]["parameters"]["lead_record"]["email"] == data[2]["parameters"]["lead_record"]["email"] == "[email-1]"


def test_parse_goes_on_after_what_it_cannot_read() -> None:
    shown = run("parse", stdin=b"log: " + REQUEST[:400] + b"\nlog: " + REQUEST, code=1).stdout
    assert "line 1: unreadable" in shown
    assert re.search(r"line \d+: request syncLead", shown)


@pytest.mark.parametrize(
    "command", [["parse"], ["parse", "--json"], ["redact"], ["export", "--as", "curl"], ["verify"]]
)
def test_private_values_are_not_shown(command: list[str]) -> None:
    result = CliRunner().invoke(cli, command, input=REQUEST, env=ENV)
    for private in (*PRIVATE, ENV["MARKETO_SOAP_ENCRYPTION_KEY"]):
        assert private not in result.output


def test_what_may_be_seen_is_named() -> None:
    shown = run("parse", "--visible", "emails", "--visible", "FirstName", SEED).stdout
    assert "t@t.com" in shown
    assert "George" in shown
    assert "Jungle" not in shown
    env = {"MARKETO_SOAP_ENCRYPTION_KEY": SEED_HEADER.mktows_user_id}  # a key where the user id belongs
    assert SEED_HEADER.mktows_user_id not in run("parse", "--raw", SEED, env=env).stdout


# -- verify -------------------------------------------------------------------------------------------


def test_verify_says_that_all_is_well() -> None:
    data = envelope.request(SyncLead(LeadRecord(email="t@t.com")), HEADER)
    shown = run("verify", "--no-age", stdin=data, env=ENV).stdout
    assert "pass  well-formed" in shown
    assert re.search(r"pass  signature +requestSignature is right", shown)
    assert not re.search(r"^(fail|warn)", shown, re.MULTILINE)
    (report,) = json.loads(run("verify", "--no-age", "--json", stdin=data, env=ENV).stdout)
    assert {check["verdict"] for check in report["checks"]} == {"pass", "skip"}


def test_verify_names_the_likely_mistake() -> None:
    user, stamp = CREDENTIALS, HEADER.request_timestamp
    wrong = signature.sign(type(user)(stamp, user.encryption_key), user.user_id).request_signature  # the other order
    data = envelope.request(SyncLead(LeadRecord(email="t@t.com")), HEADER).replace(
        HEADER.request_signature.encode(), wrong.encode()
    )
    shown = run("verify", stdin=data, env=ENV, code=1).stdout
    assert re.search(r"^fail  signature .*mktowsUserId came before requestTimestamp", shown, re.MULTILINE)
    assert re.search(r"^fail  age ", shown, re.MULTILINE)
    assert user.encryption_key not in shown


def test_verify_looks_at_the_requests_of_an_archive(archive: Path) -> None:
    shown = run("verify", "--no-age", archive).stdout
    assert shown.count("entry 1, request\n") == shown.count("entry 2, request\n") == 1
    assert "response" not in shown


# -- diff ---------------------------------------------------------------------------------------------


def test_diff_is_like_diff(tmp_path: Path) -> None:
    other = tmp_path / "other.xml"
    other.write_bytes(REQUEST)
    assert run("diff", SEED, other).stdout == "identical bytes\n"
    other.write_bytes(REQUEST.replace(b"ns1", b"m"))
    assert run("diff", SEED, other).stdout.startswith("same meaning, different bytes\n")
    run("diff", "--bytes", SEED, other, code=1)
    other.write_bytes(REQUEST.replace(b"George", b"Jane").replace(b"12:38", b"12:39"))
    shown = run("diff", SEED, "-", stdin=other.read_bytes(), code=1).stdout
    assert "- attribute FirstName: '[value-1]' -> '[value-3]'\n" in shown
    assert "- header requestTimestamp" not in shown
    assert "- header requestTimestamp" in run("diff", "--signed", SEED, other, code=1).stdout
    assert "- attribute FirstName: 'George' -> 'Jane'\n" in run("diff", "--raw", SEED, other, code=1).stdout
    for private in PRIVATE:
        assert private not in shown
        assert private not in run("diff", "--json", SEED, other, code=1).stdout
    data = json.loads(run("diff", "--json", SEED, other, code=1).stdout)
    assert data["verdict"] == "different"
    assert data["differences"] == [
        {"part": "body", "name": "attribute FirstName", "old": "[value-1]", "new": "[value-3]"}
    ]
    assert data["first_byte"]["line"] == 7


# -- redact, export, convert --------------------------------------------------------------------------


def test_redact_keeps_everything_else(archive: Path) -> None:
    shown = run("redact", SEED).stdout_bytes
    assert envelope.read_request(shown).operation == SyncLead(
        LeadRecord(email="[email-1]", attributes={"FirstName": "[value-1]", "LastName": "[value-2]"})
    )
    assert run("redact", stdin=b"no envelope, t@t.com").stdout == "no envelope, [email-1]"
    log = b"said: " + REQUEST + b"\nescaped: &lt;attrValue&gt;George&lt;/attrValue&gt; and t@t.com"
    assert run("redact", stdin=log).stdout.endswith("&lt;attrValue&gt;[value-1]&lt;/attrValue&gt; and [email-1]")
    redacted = json.loads(run("redact", archive).stdout)
    assert len(redacted["log"]["entries"]) == 2
    assert "George" not in json.dumps(redacted)


@pytest.mark.parametrize("form", ["har", "http", "curl"])
def test_an_export_can_be_read_again(form: str, archive: Path) -> None:
    exported = run("export", "--as", form, "--raw", SEED).stdout_bytes
    assert envelope.read_request(SEED.read_bytes()) == envelope.read_request(
        run("convert", "--style", "marketo", stdin=exported).stdout_bytes
    )
    assert b"http://127.0.0.1:8807/soap/mktows/2_2" in exported
    assert b'"http://www.marketo.com/mktows/syncLead"' in exported.replace(b'\\"', b'"')
    assert b"https://x.example/soap" in run("export", "--as", form, archive).stdout_bytes


def test_an_export_of_files(archive: Path, tmp_path: Path) -> None:
    run("export", "--as", "xml", archive, code=2)
    run("export", "--as", "xml", "--raw", "-o", tmp_path / "out", archive)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0001-syncLead.request.xml",
        "0001-syncLead.response.xml",
        "0002-syncLead.request.xml",
        "0002-syncLead.response.xml",
    ]
    assert (tmp_path / "out" / "0001-syncLead.request.xml").read_bytes() == REQUEST
    assert "no exchange in" in run("export", "--as", "har", stdin=b"nothing", code=1).stderr


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GET / +ADw-mktowsUserId+AD4-Wolfgangus+ADw-/mktowsUserId+AD4-", "a private name"),
        (gzip.compress(REQUEST, mtime=0), "not text"),
        (REQUEST.decode().encode("cp037"), "not text"),
        (b"sent: " + REQUEST.replace(b"<", b"%" + b"25" * 12 + b"3C"), "too deep"),
    ],
)
def test_what_redact_cannot_read_is_reported(data: bytes, message: str) -> None:
    assert message in run("redact", stdin=data, code=1).stderr
    assert message in run("redact", "--best-effort", stdin=data).stderr


def test_redact_reads_a_log_that_is_escaped() -> None:
    log = json.dumps({"sent": REQUEST.decode()}).replace("<", "\\u003c").replace(">", "\\u003E")
    shown = run("redact", stdin=f"{log}\n{log}\n".encode()).stdout
    assert json.loads(shown.splitlines()[1])["sent"] == run("redact", SEED).stdout
    for private in PRIVATE:
        assert private not in shown


@pytest.mark.parametrize(
    "data",
    [
        REQUEST.replace(b"George", "Jörg".encode("latin-1")),
        REQUEST.replace(b"George", b"&undefined7;"),
        REQUEST.replace(b"George", b"&Wolfgangus;"),
        REQUEST.replace(b"George", b"x" * 100_000),
    ],
)
def test_parse_refuses_what_others_refuse_and_for_the_same_reason(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MAX_BYTES", 100_000)
    raw = run("parse", "--raw", stdin=data, code=1).stderr
    shown = run("parse", stdin=data, code=1).stderr
    assert shown.partition(";")[0] == raw.partition(";")[0]
    assert "Wolfgangus" not in shown
    assert "fail  " in run("verify", "--no-age", stdin=data, code=1).stdout


def test_parse_says_what_is_wrong_with_the_message() -> None:
    assert "Entity 'nbsp' not defined" in run("parse", stdin=REQUEST.replace(b"George", b"&nbsp;"), code=1).stderr
    assert "expected '>'" in run("parse", stdin=REQUEST.replace(b"</Email>", b"</Email"), code=1).stderr


def test_parse_hides_what_it_prints() -> None:
    fault = fixture("faults/20103.xml").replace(b"Lead not found", b"no George, t@t.com")
    data = json.loads(run("parse", "--json", stdin=b"log: " + REQUEST + b"\nlog: " + fault).stdout)
    assert data[0]["parameters"]["lead_record"]["attributes"][0] == {
        "name": "FirstName",
        "type": None,
        "value": "[value-1]",
    }
    assert data[0]["header"]["mktows_user_id"] == "[user-1]"
    assert "no [value-1], [email-1]" in data[1]["message"]


def test_convert_warns_of_what_is_lost() -> None:
    data = REQUEST.replace(b"Email>", b"email>")
    lost = run("convert", "--style", "php", stdin=data, code=1)
    assert "<email> is ignored by Marketo: did you mean <Email>?" in lost.stderr
    assert run("convert", "--style", "php", "--lenient", stdin=data).stdout == lost.stdout
    assert run("convert", "--style", "php", SEED).stderr == ""


@pytest.mark.parametrize("style", ["marketo", "php", "savon", "zeep"])
def test_convert_writes_as_others_do(style: str) -> None:
    shown = run("convert", "--style", style, SEED).stdout_bytes
    assert envelope.read_request(shown) == envelope.read_request(REQUEST)
    assert (shown == REQUEST) == (style == "marketo")


# -- send ---------------------------------------------------------------------------------------------


@pytest.fixture
def served() -> Iterator[tuple[Sandbox, dict[str, str]]]:
    user = CREDENTIALS
    with Sandbox(user_id=user.user_id, encryption_key=user.encryption_key) as sandbox, sandbox.serve() as endpoint:
        yield sandbox, {**ENV, "MARKETO_SOAP_ENDPOINT": endpoint}


def test_a_stored_request_goes_to_a_sandbox_of_its_own(tmp_path: Path) -> None:
    shown = run("send", "--sandbox-db", tmp_path / "leads.db", SEED).stdout
    assert "<-- HTTP 200" in shown
    assert "<status>CREATED</status>" in shown
    for private in PRIVATE:
        assert private not in shown
    with Sandbox(tmp_path / "leads.db") as sandbox:
        assert sandbox.leads()[0].get("LastName") == "of the Jungle"


def test_nothing_goes_to_an_endpoint_unasked(served: tuple[Sandbox, dict[str, str]]) -> None:
    sandbox, env = served
    assert "give --yes" in run("send", SEED, env=env, code=2).stderr
    assert sandbox.leads() == []
    assert "CREATED" in run("send", "--yes", SEED, env=env).stdout
    assert len(sandbox.leads()) == 1
    assert "CREATED" in run("send", "--sandbox", SEED, env=env).stdout  # the embedded one, not that of the environment
    sandbox.fail(fault=20103)
    assert "20103" in run("send", "--yes", SEED, env=env, code=1).stdout
    sandbox.fail(close="before")
    assert "AmbiguousError" in run("send", "--yes", SEED, env=env, code=1).stderr


def test_a_dry_run_shows_what_would_go(served: tuple[Sandbox, dict[str, str]]) -> None:
    sandbox, env = served
    shown = run("send", "--dry-run", "--raw", SEED, env=env)
    header = envelope.read_request(shown.stdout_bytes).header
    assert header is not None
    assert signature.verify(CREDENTIALS, header)
    assert env["MARKETO_SOAP_ENDPOINT"] in shown.stderr
    assert sandbox.entries() == []
    assert "an embedded sandbox" in run("send", "--dry-run", SEED).stderr
    refused = run("send", "--dry-run", "--endpoint", "https://x.example/", SEED, code=2).stderr
    assert "MARKETO_SOAP_USER_ID, MARKETO_SOAP_ENCRYPTION_KEY are not set" in refused


def test_what_is_no_request_is_not_sent() -> None:
    assert "successSyncLead" in run("send", FIXTURES / "sync_lead" / "seed.response.xml", code=1).stderr


def test_a_request_out_of_a_recording_is_sent(tmp_path: Path) -> None:
    with Sandbox() as sandbox, Client(transport=sandbox.transport(), history=1) as client:
        client.sync_lead(LeadRecord(email="again@t.com"))
        assert client.history is not None
        (tmp_path / "x.har").write_bytes(har(client.history.exchanges, visible=EVERYTHING))
    shown = run("send", "--raw", tmp_path / "x.har").stdout
    assert "<Email>again@t.com</Email>" in shown


# -- logs of any length -------------------------------------------------------------------------------

MEASURED = """
import sys
from marketo_soap.cli.commands import cli
try:
    cli(sys.argv[1:], standalone_mode=False)
except SystemExit:
    pass
lines = open("/proc/self/status").read().splitlines()
print(*(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), file=sys.stderr)
"""
IDLE = b"2026-01-01 00:00:00 DEBUG " + b"nothing to do for anybody here " * 33 + b"\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is measured otherwise")
@pytest.mark.parametrize(
    ("command", "megabytes"), [("verify -q --no-age", 5), ("parse", 15), ("export --as har", 5), ("redact", 4)]
)
def test_a_long_log_takes_bounded_memory(command: str, megabytes: int, tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    with path.open("wb") as file:
        for number in range(megabytes):
            file.write(b"sent: " + REQUEST.replace(b"t@t.com", b"t%d@t.com" % number) + IDLE * 1000)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command.split(), path], capture_output=True, timeout=300, check=True
    )
    assert int(done.stderr.split()[-1]) < 80  # 40 before the file is opened
    if command == "redact":
        assert done.stdout.count(b"@t.com") == 0
        assert done.stdout.count(b"<Email>[email-") == megabytes
    if command.startswith("export"):
        assert len(json.loads(done.stdout)["log"]["entries"]) == megabytes


def test_what_cannot_be_read_twice_is_kept() -> None:
    log = b"sent: " + REQUEST + IDLE * 3000 + b"sent: " + REQUEST
    done = subprocess.run(
        [sys.executable, "-m", "marketo_soap.cli", "parse"], input=log, capture_output=True, timeout=60, check=True
    )
    places = [line.partition(b":")[0] for line in done.stdout.splitlines() if b"request syncLead" in line]
    assert places == [b"line 1", b"line %d" % (REQUEST.count(b"\n") + 3001)]


@pytest.mark.parametrize("command", ["verify", "parse", "export --as har", "redact"])
@pytest.mark.parametrize("begin", [b'{"log": {', b"curl 'https://x/' ", b"POST https://x/\n\n", b"\xff\xfe"])
def test_what_is_read_as_a_whole_has_a_limit(command: str, begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketo_soap.debug.pieces.LONGEST_WHOLE", 2**20)
    done = CliRunner().invoke(cli, command.split(), input=begin + bytes(2**20))
    assert done.exit_code == 2
    assert "the file is not a log and has more than 1 MiB: split it" in done.stderr


@pytest.mark.parametrize("size", [900, 1500, 5000])
def test_a_log_is_cut_between_messages(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = base64.encodebytes(REQUEST)
    quoted = json.dumps(REQUEST.decode()).replace("<", "\\u003c").replace("/", "\\u002f").encode()
    log = b"".join([b"in: ", REQUEST, b"out:\n", encoded, b"as JSON: ", quoted, b"\n", IDLE] * 5)
    whole = list(imports.messages(log))
    monkeypatch.setattr("marketo_soap.debug.pieces._PIECE", size)
    cut = list(imports.pieces(io.BytesIO(log)))
    assert len(cut) > 3
    assert b"".join(piece.data for piece in cut) == log
    assert all(piece.complete for piece in cut)
    starts = accumulate((piece.data.count(b"\n") for piece in cut), initial=1)
    assert [piece.line for piece in cut] == list(starts)[:-1]
    found = [(each.data, each.where) for each in imports.messages_in(io.BytesIO(log))]
    assert {(each.data, each.where) for each in whole} <= set(found)
    redactor = Redactor()
    for piece in cut:
        redactor.learn(piece.data)
    shown = b"".join(redactor.data(piece.data) for piece in cut)
    assert not any(private.encode() in shown for private in PRIVATE)
    assert base64.encodebytes(REQUEST)[:200] not in shown
