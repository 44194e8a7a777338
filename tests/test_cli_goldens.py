"""`marketo-soap goldens review`: what tests left is shown, accepted or rejected."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from marketo_soap import envelope
from marketo_soap.cli.commands import cli
from marketo_soap.testing.golden_files import About, PendingGolden, pending_name, rendered, write
from tests.support import SEED, SEED_HEADER

OLD = envelope.request(SEED, SEED_HEADER)
NEW = OLD.replace(b"George", b"Jane")
ABOUT = About("test_it.py::test_one, request", "the first lead")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a golden that is to be changed, one byte for byte, and one that is new."""
    monkeypatch.chdir(tmp_path)
    for name, exact in (("meant", False), ("exact", True)):
        path = tmp_path / f"tests/goldens/{name}.xml"
        write(path, rendered(OLD, ABOUT, exact=exact))
        write(pending_name(path), rendered(NEW, ABOUT, exact=exact))
    write(pending_name(tmp_path / "tests/goldens/deep/new.xml"), rendered(NEW, ABOUT, exact=False))
    for elsewhere in (".venv", "node_modules", "env"):
        write(pending_name(tmp_path / elsewhere / "x.xml"), rendered(NEW, ABOUT, exact=True))
    (tmp_path / "env/pyvenv.cfg").touch()
    return tmp_path / "tests/goldens"


def review(*args: str) -> Result:
    return CliRunner().invoke(cli, ["goldens", "review", *args], catch_exceptions=False)


def content(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_what_differs_is_shown_and_stays(place: Path) -> None:
    before = content(place)
    for result in (review(), review("--show"), review("tests")):
        assert result.exit_code == 1
        assert result.stdout.count("source: test_it.py::test_one, request\n  description: the first lead\n") == 3
        assert [line for line in result.stdout.splitlines() if line[:1].isdigit()] == [
            "1/3 tests/goldens/exact.xml",
            "2/3 tests/goldens/meant.xml",
            "3/3 tests/goldens/deep/new.xml",
        ]
        assert result.stdout.count("  -            <attrValue>George</attrValue>\n  +            <attrValue>Jane<") == 2
        assert "  new:\n  + <?xml" in result.stdout
        assert "3 left to review" in result.stderr
    assert content(place) == before


def test_all_are_accepted(place: Path) -> None:
    result = review("--accept")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"accepted: tests/goldens/{name}.xml" for name in ("exact", "meant", "deep/new")
    ]
    indented = rendered(NEW, ABOUT, exact=False)[".xml"]
    exact = rendered(NEW, ABOUT, exact=True)
    assert content(place) == {
        "exact.xml": NEW,
        "exact.xml.txt": exact[".xml.txt"],
        "meant.xml": indented,
        "deep/new.xml": indented,
    }
    assert review().stdout == "nothing to review: no golden has a message that differs from it\n"


def test_all_are_rejected(place: Path) -> None:
    result = review("--reject", str(place))
    assert result.exit_code == 0
    assert content(place) == {
        "exact.xml": OLD,
        "exact.xml.txt": rendered(OLD, ABOUT, exact=True)[".xml.txt"],
        "meant.xml": rendered(OLD, ABOUT, exact=False)[".xml"],
    }


def test_a_file_is_reviewed_alone(place: Path) -> None:
    assert review("--accept", str(place / "meant.actual.xml")).stdout == f"accepted: {place}/meant.xml\n"
    assert {name for name in content(place) if ".actual" in name} == {
        "exact.actual.xml",
        "exact.actual.xml.txt",
        "deep/new.actual.xml",
    }
    assert review("--accept", str(place / "exact.xml")).stdout == f"accepted: {place}/exact.xml\n"
    assert "nothing to review" in review("--reject", str(place / "exact.xml")).stdout
    assert (place / "exact.xml").read_bytes() == NEW


def test_other_bytes_of_one_message_are_told_apart(place: Path) -> None:
    write(pending_name(place / "exact.xml"), {".xml": OLD.replace(b'"1.0"', b"'1.0'")})
    assert "same meaning, different bytes" in review(str(place / "exact.actual.xml")).stdout


def test_what_is_no_xml_is_shown_as_it_is(place: Path) -> None:
    path = pending_name(place / "broken.xml")
    write(path, rendered(b"<a>\xff\x1b[2J", ABOUT, exact=False))
    result = review(str(path))
    assert "source: test_it.py::test_one, request" in result.stdout
    assert "\x1b[2J" not in result.stdout
    PendingGolden(path).accept()
    assert (place / "broken.xml").read_bytes() == b"<a>\xff\x1b[2J"


def test_a_terminal_is_asked(place: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "marketo_soap", "goldens", "review"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        os.close(theirs)
        os.write(ours, b"x\na\nr\ns\n")
        out, err = running.communicate(timeout=60)
    os.close(ours)
    assert running.returncode == 1
    assert out.count("(a)ccept, (r)eject, (s)kip, (q)uit") == 4
    assert [line.rpartition("uit: ")[2] for line in out.splitlines() if "ed: tests" in line] == [
        "accepted: tests/goldens/exact.xml",
        "rejected: tests/goldens/meant.xml",
    ]
    assert "1 left to review" in err
