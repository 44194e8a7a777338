"""Several files and patterns where a command takes a file, and how long a long message takes."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from marketo_soap import LeadRecord, SyncMultipleLeads, envelope
from marketo_soap.debug.exporting import har
from marketo_soap.debug.importing import exchanges
from marketo_soap.privacy.redactor import EVERYTHING
from tests.support import HEADER, NOW, fixture
from tests.support import run_command as run

REQUEST = fixture("sync_lead/seed.request.xml")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.xml").write_bytes(REQUEST)
    (tmp_path / "b.xml").write_bytes(REQUEST.replace(b"George", b"Jane"))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "c.log").write_bytes(b"a line\nsent: " + REQUEST)
    (tmp_path / "empty.txt").write_bytes(b"nothing")
    return tmp_path


def titles(shown: str) -> list[str]:
    return [line for line in shown.splitlines() if line.endswith("request syncLead")]


@pytest.mark.parametrize(
    ("paths", "places"),
    [
        (["a.xml", "b.xml"], ["a.xml", "b.xml"]),
        (["*.xml"], ["a.xml", "b.xml"]),
        (["[ab].xml", "deep/**/*.log"], ["a.xml", "b.xml", "deep/er/c.log: line 2"]),
        (["-", "a.xml"], ["<stdin>: line 1", "a.xml"]),
    ],
)
def test_parse_names_the_file_of_each_message(paths: list[str], places: list[str]) -> None:
    log = b"sent: " + REQUEST
    assert titles(run("parse", *paths, stdin=log).stdout) == [f"{place}: request syncLead" for place in places]
    data = json.loads(run("parse", "--json", *paths, stdin=log).stdout)
    assert [each["where"] for each in data] == places
    tokens = {each["parameters"]["lead_record"]["email"] for each in data}
    assert tokens == {"[email-1]"}  # one token in all files


def test_one_file_has_no_name_in_front() -> None:
    assert titles(run("parse", "a.*").stdout) == ["request syncLead"]
    os.rename("a.xml", "[a].xml")  # a file of the name itself is no pattern
    assert titles(run("parse", "[a].xml").stdout) == ["request syncLead"]


@pytest.mark.parametrize(
    "command", ["parse", "verify", "redact", "export --as har", "diff a.xml", "convert --style php"]
)
def test_what_is_no_file_is_wrong_use(command: str) -> None:
    args = command.split()
    assert "Error: none.xml: No such file or directory" in run(*args, "none.xml", code=2).stderr
    assert "Error: no file matches *.none" in run(*args, "*.none", code=2).stderr
    assert "Error: deep is a directory: name files in it, such as 'deep/*'" in run(*args, "deep", code=2).stderr


def test_a_file_without_a_message_is_named() -> None:
    for command in (["parse"], ["verify", "--no-age"]):
        result = run(*command, "a.xml", "empty.txt", code=1)
        assert result.stderr == "# no SOAP envelope in empty.txt\n"
        assert "a.xml" in result.stdout
    assert "Error: no SOAP envelope in empty.txt, empty.txt" in run("parse", "empty.txt", "empty.txt", code=1).stderr


def test_a_command_for_one_request_says_how_many_there_are() -> None:
    assert "Error: *.xml matches 2 files: name one of them" in run("convert", "--style", "php", "*.xml", code=2).stderr
    assert run("convert", "--style", "marketo", "a*").stdout_bytes == REQUEST


def test_verify_checks_the_requests_of_all_files() -> None:
    shown = run("verify", "--no-age", "*.xml", "deep/er/c.log").stdout
    assert [line for line in shown.splitlines() if not line.startswith(("pass", "warn", "skip")) and "." in line] == [
        "a.xml",
        "b.xml",
        "deep/er/c.log: line 2",
    ]


def test_diff_compares_each_new_file_with_the_old_one() -> None:
    shown = run("diff", "a.xml", "*.xml", code=1).stdout
    assert shown.startswith(
        "a.xml\nidentical bytes\nb.xml\ndifferent\n- attribute FirstName: '[value-1]' -> '[value-3]'"
    )
    data = json.loads(run("diff", "--json", "a.xml", "*.xml", code=1).stdout)
    assert [(each["new"], each["verdict"]) for each in data] == [("a.xml", "identical bytes"), ("b.xml", "different")]
    assert run("diff", "a.xml", "[a]*").stdout == "identical bytes\n"


def test_redact_prints_all_files_or_writes_each(folder: Path) -> None:
    shown = run("redact", "*.xml").stdout
    assert shown.count("[email-1]") == 2
    assert "George" not in shown
    assert "Jane" not in shown
    assert run("redact", "--output", "shared", "*.xml").stdout == "shared/a.xml\nshared/b.xml\n"
    assert (folder / "shared" / "a.xml").read_text() + (folder / "shared" / "b.xml").read_text() == shown
    assert (folder / "shared" / "a.xml").stat().st_mode & 0o077 == 0
    assert "File exists" in run("redact", "--output", "shared", "*.xml", code=1).stderr
    assert "File exists" in run("redact", "--output", ".", "a.xml", code=1).stderr  # not the file that is read
    assert (folder / "a.xml").read_bytes() == REQUEST
    shutil.copy("a.xml", "deep/a.xml")
    assert "the same name" in run("redact", "--output", "other", "a.xml", "deep/a.xml", code=2).stderr


def test_several_archives_are_not_printed_into_one(folder: Path) -> None:
    for name in ("a.har", "b.har"):
        (folder / name).write_bytes(har(exchanges(REQUEST, started=NOW), visible=EVERYTHING))
    assert "a.har is a HAR file" in run("redact", "*.har", code=2).stderr
    run("redact", "--output", "shared", "*.har")
    written = [json.loads((folder / "shared" / name).read_text()) for name in ("a.har", "b.har")]
    assert written[0] == written[1]
    assert "[email-1]" in json.dumps(written[0])


def test_export_joins_the_two_sides_of_an_exchange(folder: Path) -> None:
    (folder / "1.request.xml").write_bytes(REQUEST)
    (folder / "1.response.xml").write_bytes(fixture("sync_lead/seed.response.xml"))
    entries = json.loads(run("export", "--as", "har", "*.xml").stdout)["log"]["entries"]
    assert [each["response"]["status"] for each in entries] == [200, 0, 0]
    again = json.loads(run("export", "--as", "har", "1.response.xml", "1.request.xml", "a.xml").stdout)["log"][
        "entries"
    ]
    assert [each["response"]["status"] for each in again] == [200, 0]
    assert run("export", "--as", "curl", "[ab].xml").stdout.count("curl ") == 2


def test_bridge_check_takes_several_tables_and_patterns(folder: Path) -> None:
    for name in ("1.csv", "2.csv"):
        (folder / name).write_text("Email,FirstName\nt@t.com,George\n")
    for given in (["1.csv", "2.csv"], ["*.csv"], ["--envelopes", "?.xml"], ["1.csv", "--envelopes", "a.*"]):
        assert json.loads(run("bridge-check", "--json", *given).stdout)["calls"] == 2
    assert "no file matches" in run("bridge-check", "*.tsv", code=2).stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are of POSIX")
def test_a_pipe_is_read_once(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    writer = threading.Thread(target=(folder / "pipe").write_bytes, args=[b"sent: " + REQUEST])
    writer.start()
    assert titles(run("parse", "pipe").stdout) == ["line 1: request syncLead"]
    writer.join()


# -- long messages ------------------------------------------------------------------------------------


def long_request(leads: int) -> bytes:
    attributes = {f"Field{number}": f"value {number}" for number in range(20)}
    records = [LeadRecord(email=f"{number}@t.com", attributes=attributes) for number in range(leads)]
    return envelope.request(SyncMultipleLeads(records), HEADER)


def seconds_to_parse(path: Path) -> float:
    """The least processor time of three runs."""
    times = []
    for _ in range(3):
        before = time.process_time()
        run("parse", str(path))
        times.append(time.process_time() - before)
    return min(times)


@pytest.mark.parametrize("compact", [True, False], ids=["one line", "many lines"])
def test_the_time_of_parse_grows_with_the_length_of_the_message(compact: bool, folder: Path) -> None:
    """Four times the length takes about four times as long; if time grew with the square, sixteen times."""
    for name, leads in (("short", 100), ("long", 400)):
        data = long_request(leads)
        (folder / name).write_bytes(data if compact else data.replace(b"><", b">\n<"))
    assert seconds_to_parse(folder / "long") < 8 * seconds_to_parse(folder / "short")


def test_a_long_message_is_not_looked_through_for_values_that_no_free_text_can_hold(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    def scanned(*_: object, **__: object) -> list[object]:
        raise AssertionError("looked through")

    monkeypatch.setattr("marketo_soap.privacy.redactor.scanned", scanned)
    (folder / "long").write_bytes(long_request(3))
    assert "t@t.com" not in run("parse", "long").stdout


def test_a_lone_reply_hides_its_values_in_its_texts() -> None:
    reply = fixture("sync_lead/failed.response.xml").replace(b"nameasdf", b"t@t.com, sent by t@t.com")
    assert "[email-1], sent by [email-1]" in run("parse", stdin=reply).stdout
    ignored = REQUEST.replace(b"<Email>t@t.com</Email>", b"<Email>Wolfgangus</Email><Wolfgangus/>")
    shown = run("parse", stdin=ignored).stdout
    assert "Wolfgangus" not in shown
