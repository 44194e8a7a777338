"""The `marketo_golden` fixture, as its users have it: whole pytest runs inside this one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

# Loaded here: pytester drops the modules that a run inside this process was the first to load, and half a package
# that is loaded twice has two classes of each name.
import marketo_soap.client
import marketo_soap.sandbox.server
import marketo_soap.testing.goldens  # noqa: F401
from marketo_soap import envelope
from tests.support import SEED, SEED_HEADER, fixture, inner_settings

UPDATE = "--marketo-update-goldens"
PRETTY = fixture("sync_lead/seed.request.xml")
COMPACT = envelope.request(SEED, SEED_HEADER)

CALLS = """
import asyncio
from datetime import UTC, datetime
from pathlib import Path
import pytest
from marketo_soap import Client, Fault, LeadRecord, RetryPolicy, Sandbox, TransportError

LEAD = LeadRecord(email="t@t.com")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

@pytest.fixture
def marketo_clock():
    return lambda: NOON
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("MARKETO_SOAP_ENCRYPTION_KEY", raising=False)
    inner_settings(pytester)
    return pytester


def golden(pytester: pytest.Pytester, name: str, data: bytes) -> Path:
    path = pytester.path / "goldens" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def files(pytester: pytest.Pytester) -> list[str]:
    return sorted(str(p.relative_to(pytester.path)) for p in pytester.path.rglob("*.xml"))


ONE = """
def test_one(marketo_golden, marketo_client):
    marketo_client.sync_lead(LEAD)
    marketo_golden.assert_request(marketo_client, "one/request.xml")
    marketo_golden.assert_reply(marketo_client, "one/reply.xml")
"""

# -- Making them, and failing -------------------------------------------------------------------------


def test_a_golden_that_is_missing_is_made_as_the_failure_says(inner: pytest.Pytester) -> None:
    inner.makepyfile(test_it=CALLS + ONE)
    failed = inner.runpytest()
    failed.assert_outcomes(failed=1)
    failed.stdout.fnmatch_lines(
        [
            "E*there is no golden goldens/one/request.xml",
            "E*the request:  goldens/one/request.actual.xml",
            "E*make it by: pytest --marketo-update-goldens test_it.py::test_one",
        ]
    )
    failed.stdout.no_fnmatch_line("*in _check*")
    assert files(inner) == ["goldens/one/request.actual.xml"]
    sent = (inner.path / "goldens/one/request.actual.xml").read_bytes()

    written = inner.runpytest(UPDATE, "test_it.py::test_one")
    assert written.ret == 0
    written.stdout.fnmatch_lines(
        ["*= marketo goldens =*", "written: goldens/one/reply.xml", "written: goldens/one/request.xml"]
    )
    assert files(inner) == ["goldens/one/reply.xml", "goldens/one/request.xml"]
    assert (inner.path / "goldens/one/request.xml").read_bytes() == sent
    for arguments in ([], [UPDATE]):
        again = inner.runpytest(*arguments)
        again.assert_outcomes(passed=1)
        again.stdout.no_fnmatch_line("*marketo goldens*")


def test_a_failure_shows_what_differs_and_keeps_what_came(inner: pytest.Pytester) -> None:
    golden(inner, "one/request.xml", b"x")
    inner.makepyfile(test_it=CALLS + ONE)
    assert inner.runpytest(UPDATE).ret == 0
    path = inner.path / "goldens/one/request.xml"
    sent = path.read_bytes()
    path.write_bytes(sent.replace(b"t@t.com", b"other@t.com"))
    result = inner.runpytest()
    result.stdout.fnmatch_lines(
        [
            "E*the request is not that of goldens/one/request.xml (mode bytes)",
            "E*different",
            "E*- Email: 'other@t.com' -> 't@t.com'",
            "E*first differing byte: 502 (line 2, column 464)",
            "E*  golden: ><ns1:paramsSyncLead><leadRecord><Email>other@t.com</Email></leadRecord>*",
            "E*  actual: ><ns1:paramsSyncLead><leadRecord><Email>t@t.com</Email></leadRecord>*",
            "E* ^",
            "E*the request:    goldens/one/request.actual.xml",
            "E*accept it by: pytest --marketo-update-goldens test_it.py::test_one",
            "E*or review it: marketo-soap goldens review",
        ],
        consecutive=True,
    )
    actual = inner.path / "goldens/one/request.actual.xml"
    assert actual.read_bytes() == sent
    path.write_bytes(sent)
    assert inner.runpytest().ret == 0
    assert not actual.exists()


def test_the_time_of_signing_is_hinted_at(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        test_it=CALLS.replace("lambda: NOON", "None")
        + """
@pytest.mark.parametrize("key", ["0011223344", "another key"])
@pytest.mark.parametrize("clock", [None, lambda: NOON], ids=["now", "noon"])
def test_it(marketo_golden, clock, key):
    with Sandbox(clock=clock or (lambda: datetime.now(UTC)), encryption_key=key) as sandbox:
        with Client(transport=sandbox.transport(), clock=clock) as client:
            client.sync_lead(LEAD)
    marketo_golden.assert_request(client, "it.xml")
    marketo_golden.assert_request(client, "meant.xml", "meaning")
"""
    )
    assert inner.runpytest(UPDATE, "test_it.py::test_it[noon-0011223344]").ret == 0
    result = inner.runpytest()
    result.assert_outcomes(passed=1, failed=3)
    time = "E*hint: only the time of signing differs: pass clock=marketo_clock to the client"
    result.stdout.fnmatch_lines([time, time])
    result.stdout.fnmatch_lines(
        ["E*hint: only the signature differs: sign with the same test credentials*", "E*test_it.py::test_it[[]noon-another key[]]'"]
    )  # fmt: skip


def test_two_tests_cannot_want_different_bytes_of_one_golden(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
import pytest

@pytest.mark.parametrize("data", [b"a", b"a", b"b"])
def test_it(marketo_golden, data):
    marketo_golden.assert_reply(data, "it.xml")
""")
    result = inner.runpytest(UPDATE)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["E*goldens/it.xml is wanted twice in this run, with different bytes"])


# -- What is compared, and how ------------------------------------------------------------------------


def test_messages_come_from_clients_exchanges_and_bytes(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        test_it=CALLS
        + """
def test_it(marketo_golden, marketo_client, marketo_async_client, marketo_sandbox):
    def both(source):
        marketo_golden.assert_request(source, "request.xml")
        marketo_golden.assert_reply(source, "reply.xml")

    async def main():
        await marketo_async_client.sync_lead(LEAD)
        both(marketo_async_client)

    marketo_client.sync_lead(LEAD)
    marketo_sandbox.reset()
    marketo_client.sync_lead(LEAD)
    both(marketo_client)
    both(marketo_client.last_exchange)
    marketo_golden.assert_request(marketo_client.last_exchange.request, "request.xml")
    marketo_sandbox.reset()
    asyncio.run(main())
    with pytest.raises(AssertionError, match="no call in this thread or task"):
        both(marketo_async_client)
    with pytest.raises(TypeError, match="must be bytes, an Exchange or a client, not a str"):
        both("<a/>")

    marketo_sandbox.fail(fault=20103)
    with pytest.raises(Fault) as caught:
        marketo_client.sync_lead(LEAD)
    marketo_golden.assert_reply(caught.value.exchange, "fault.xml")
    marketo_sandbox.fail(close="before")
    with pytest.raises(TransportError):
        marketo_client.sync_lead(LEAD, retry=RetryPolicy(attempts=1))
    with pytest.raises(AssertionError, match="the exchange has no reply"):
        marketo_golden.assert_reply(marketo_client, "fault.xml")
"""
    )
    for arguments in ([UPDATE], []):
        result = inner.runpytest(*arguments)
        result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("data", "modes"),
    [
        (PRETTY, ["bytes", "c14n", "meaning"]),
        (PRETTY.replace(b'"1.0"', b"'1.0'").replace(b">George", b">&#71;eorge"), ["c14n", "meaning"]),
        (PRETTY.replace(b"<Email>", b"<!-- x --><Email>"), ["c14n", "meaning"]),
        (COMPACT, ["c14n", "meaning"]),
        (PRETTY.replace(b">George<", b"> George<"), []),
        (PRETTY.replace(b"ns1", b"m"), ["meaning"]),
        (PRETTY.replace(b"12:38:47", b"12:38:48"), ["meaning"]),
        (PRETTY.replace(b"George", b"Jane"), []),
        (b"<a", []),
    ],
)
def test_a_mode_says_what_counts(inner: pytest.Pytester, data: bytes, modes: list[str]) -> None:
    golden(inner, "it.xml", PRETTY)
    inner.makepyfile(
        test_it=f"""
import pytest

@pytest.mark.parametrize("mode", ["bytes", "c14n", "meaning"])
def test_it(marketo_golden, mode):
    if mode in {modes!r}:
        marketo_golden.assert_request({data!r}, "it.xml", mode=mode)
    else:
        with pytest.raises(AssertionError, match="not that of goldens/it.xml"):
            marketo_golden.assert_request({data!r}, "it.xml", mode=mode)

def test_no_mode(marketo_golden):
    with pytest.raises(ValueError, match="mode must be"):
        marketo_golden.assert_request({data!r}, "it.xml", mode="xml")
"""
    )
    inner.runpytest().assert_outcomes(passed=4)


def test_files_stay_in_their_directory(inner: pytest.Pytester) -> None:
    inner_settings(inner, "marketo_goldens_dir = data/xml")
    inner.makepyfile(**{"sub/test_it": """
import pytest
from pathlib import Path

@pytest.mark.parametrize("name", ["../x.xml", "a/../../x.xml", "/tmp/x.xml", "..\\\\x.xml", "linked/x.xml", "link.xml"])
def test_outside(marketo_golden, name):
    with pytest.raises(ValueError, match="would lie outside of its directory"):
        marketo_golden.assert_reply(b"a", name)

@pytest.mark.parametrize("name", ["x.txt", "x", "", "x.actual.xml"])
def test_no_name(marketo_golden, name):
    with pytest.raises(ValueError, match="must be called"):
        marketo_golden.assert_reply(b"a", name)

def test_inside(marketo_golden, tmp_path):
    marketo_golden.assert_reply(b"a", "deep/x.xml")
    marketo_golden.within(Path(__file__).parents[1] / "other").assert_reply(b"b", "x.xml")
"""})  # fmt: skip
    directory = inner.path / "sub/data/xml"
    directory.mkdir(parents=True)
    elsewhere = inner.mkdir("elsewhere")
    (directory / "linked").symlink_to(elsewhere)
    (directory / "link.xml").symlink_to(elsewhere / "x.xml")
    inner.runpytest(UPDATE).assert_outcomes(passed=11)
    assert (directory / "deep/x.xml").read_bytes() == b"a"
    assert (inner.path / "other/x.xml").read_bytes() == b"b"
    assert list(elsewhere.iterdir()) == []


# -- Files --------------------------------------------------------------------------------------------

MODES = """
@pytest.mark.parametrize("case", ["a", "b"])
def test_modes(case, marketo_golden, marketo_client):
    marketo_client.sync_lead(LEAD)
    for mode in ("bytes", "c14n", "meaning"):
        marketo_golden.assert_request(marketo_client, f"{mode}.xml", mode, description="the lead --\\n t@t.com")
"""
ABOUT = "source: test_it.py::test_modes, request\ndescription: the lead {} t@t.com\n"


def test_files_are_indented_and_say_where_they_are_from_and_bytes_stay_bytes(inner: pytest.Pytester) -> None:
    inner.makepyfile(test_it=CALLS + MODES)
    inner.runpytest(UPDATE).assert_outcomes(passed=2)
    folder = inner.path / "goldens"
    assert sorted(path.name for path in folder.iterdir()) == ["bytes.xml", "bytes.xml.txt", "c14n.xml", "meaning.xml"]
    declaration, _, rest = (folder / "meaning.xml").read_text().partition("\n")
    assert declaration == '<?xml version="1.0" encoding="UTF-8"?>'
    about, _, text = rest.removeprefix("<!--\n").partition("-->\n")
    assert about == ABOUT.format("- -")
    assert "\n        <Email>t@t.com</Email>\n" in text
    assert (folder / "c14n.xml").read_bytes() == (folder / "meaning.xml").read_bytes()
    assert (folder / "bytes.xml.txt").read_text() == f"{ABOUT.format('--')}\n{declaration}\n{text}"
    exact = (folder / "bytes.xml").read_bytes()
    assert exact.count(b"\n") == 1
    assert envelope.read_request(exact) == envelope.read_request((folder / "meaning.xml").read_bytes())
    for arguments in ([], [UPDATE]):
        inner.runpytest(*arguments).assert_outcomes(passed=2)
    assert (folder / "bytes.xml").read_bytes() == exact


def test_a_failure_names_the_line_of_the_file(inner: pytest.Pytester) -> None:
    inner.makepyfile(test_it=CALLS + MODES.replace('("bytes", "c14n", "meaning")', '["meaning"]'))
    inner.runpytest(UPDATE)
    path = inner.path / "goldens/meaning.xml"
    path.write_bytes(path.read_bytes().replace(b"<Email>t@t", b"<Email>a@t"))
    [line] = [number for number, text in enumerate(path.read_text().splitlines(), 1) if "<Email>" in text]
    result = inner.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["E*- Email: 'a@t.com' -> 't@t.com'", f"E*first differing byte: * (line {line}, column 16)"]
    )
    result.stdout.no_fnmatch_line("E*~ *")


def test_a_changed_mode_leaves_no_file_of_the_other(inner: pytest.Pytester) -> None:
    inner.makepyfile(test_it=CALLS + ONE)
    inner.runpytest(UPDATE)
    inner.makepyfile(
        test_it=CALLS + ONE.replace('xml")', 'xml", "meaning")').replace("LEAD", 'LeadRecord(email="a@t.com")')
    )
    inner.runpytest(UPDATE).assert_outcomes(passed=1)
    assert sorted(path.name for path in (inner.path / "goldens/one").iterdir()) == [
        "reply.xml",
        "reply.xml.txt",
        "request.xml",
    ]


def test_no_run_is_too_late_for_a_golden(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        test_it=ONE.replace("LEAD", 'LeadRecord(email="t@t.com")').replace(
            "\n", "\nfrom marketo_soap import LeadRecord\n", 1
        )
    )
    inner.runpytest(UPDATE).assert_outcomes(passed=1)
    assert b"<requestTimestamp>2026-01-01T12:00:00+00:00<" in (inner.path / "goldens/one/request.xml").read_bytes()
    inner.runpytest().assert_outcomes(passed=1)


def test_the_page_works_as_typed(inner: pytest.Pytester) -> None:
    page = Path(__file__).parent.parent / "docs/tests-and-goldens.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    inner.makepyfile(test_page="\n".join(blocks))
    inner.runpytest().assert_outcomes(passed=3, failed=1)
    for arguments in ([f"{UPDATE}=new"], [], []):
        inner.runpytest(*arguments).assert_outcomes(passed=4)
    assert files(inner) == ["goldens/george.reply.xml", "goldens/george.xml"]


def test_only_tests_of_goldens_have_a_fixed_clock(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        test_it=CALLS.partition("@pytest.fixture")[0]
        + """
def test_real_time(marketo_client, marketo_sandbox, marketo_clock):
    assert marketo_clock is None
    assert abs(marketo_sandbox.now() - datetime.now(UTC)).total_seconds() < 60
    marketo_client.sync_lead(LEAD)

def test_noon(marketo_client, marketo_sandbox, marketo_clock, marketo_golden):
    assert marketo_sandbox.now() == marketo_clock() == NOON
    marketo_client.sync_lead(LEAD)
    with Client(transport=marketo_sandbox.transport(), clock=marketo_clock) as own:
        own.sync_lead(LEAD)

class TestOwn:
    @pytest.fixture
    def marketo_clock(self):
        return lambda: NOON.replace(year=2020)

    def test_own(self, marketo_client, marketo_sandbox, marketo_golden):
        assert marketo_sandbox.now().year == 2020
        marketo_client.sync_lead(LEAD)
"""
    )
    inner.runpytest().assert_outcomes(passed=3)


# -- Options ------------------------------------------------------------------------------------------


def test_goldens_are_not_written_under_ci(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    inner.makepyfile(test_it=CALLS + ONE)
    monkeypatch.setenv("CI", "true")
    result = inner.runpytest(UPDATE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --marketo-update-goldens is for people*it is refused under CI"])
    assert files(inner) == []


def test_only_new_goldens_are_written(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    inner.makepyfile(test_it=CALLS + ONE)
    golden(inner, "one/request.xml", b"<a/>")
    new = f"{UPDATE}=new"
    result = inner.runpytest(new, "test_it.py::test_one")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*the request is not that of goldens/one/request.xml (mode bytes)"])
    assert files(inner) == ["goldens/one/request.actual.xml", "goldens/one/request.xml"]
    (inner.path / "goldens/one/request.xml").unlink()
    inner.runpytest(new).assert_outcomes(passed=1)
    assert files(inner) == ["goldens/one/reply.xml", "goldens/one/request.xml"]
    monkeypatch.setenv("CI", "true")
    assert inner.runpytest(new).ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("option", ["--marketo-update-goldens=old", "--update-goldens", "--marketo-update", "--update"])
def test_no_other_option_is_ours(inner: pytest.Pytester, option: str) -> None:
    assert inner.runpytest(option).ret == pytest.ExitCode.USAGE_ERROR


def test_other_plugins_keep_their_names(inner: pytest.Pytester) -> None:
    inner.makeconftest("""
import pytest

def pytest_addoption(parser):
    parser.getgroup("golden").addoption("--update-goldens", action="store_true", dest="update_goldens")
    parser.addini("golden_dir", "theirs")

@pytest.fixture
def golden(request):
    return request.config.getoption("update_goldens"), request.config.getoption("marketo_update_goldens")
""")
    inner.makepyfile("""
def test_both(golden, marketo_golden):
    assert golden == (True, False)
    try:
        marketo_golden.assert_reply(b"a", "it.xml")
    except AssertionError as error:
        assert "there is no golden" in str(error)
""")
    inner.runpytest("--update-goldens").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "line",
    [
        "marketo_goldens_dir = ../x",
        "marketo_goldens_dir = /x",
        "marketo_goldens_dir = .",
        "marketo_unused_goldens = x",
    ],
)
def test_settings_that_are_wrong_are_refused(inner: pytest.Pytester, line: str) -> None:
    inner_settings(inner, line)
    result = inner.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {line.split()[0]} must *"])


# -- Secrets ------------------------------------------------------------------------------------------

HELD = """
@pytest.fixture(autouse=True)
def own(monkeypatch, marketo_golden):
    monkeypatch.setenv("MARKETO_SOAP_ENCRYPTION_KEY", "ENVIRONMENT&KEY")
    monkeypatch.setenv("CRM_TOKEN", "crm-token-1")
    monkeypatch.setenv("PIN", "1234567")
    marketo_golden.secrets["the partner's password"] = "pass word 12"

@pytest.mark.parametrize(("name", "value"), [
    ("MARKETO_SOAP_ENCRYPTION_KEY", "ENVIRONMENT&KEY"),
    ("MARKETO_SOAP_ENCRYPTION_KEY", "environment&key"),
    ("CRM_TOKEN", "crm-token-1"),
    ("the partner's password", "pass word 12"),
    ("the encryption key of the client", "client-key-1"),
    ("the encryption key of the marketo_sandbox", "00112233445566778899AABBCCDDEEFF0011"),
])
def test_refused(marketo_golden, marketo_sandbox, name, value):
    with Sandbox(encryption_key="client-key-1") as own, Client(transport=own.transport()) as client:
        client.sync_lead(LeadRecord(email="t@t.com", attributes={"FirstName": f"x{value}x"}))
    held = Path(__file__).parent / "goldens/held.xml"
    sources = [client]
    if "client" not in name:
        sources += [client.last_exchange.request, f"<a>{value}</a>".encode("utf-16")]
    for source in sources:
        with pytest.raises(AssertionError, match=f"the request for .*new.xml holds a secret, {name}:") as caught:
            marketo_golden.assert_request(source, "new.xml")
        assert value not in str(caught.value)
    held.write_bytes(client.last_exchange.request)
    with pytest.raises(AssertionError, match=f"the golden .*held.xml holds a secret, {name}:"):
        marketo_golden.assert_reply(client, "held.xml")
    held.unlink()
    assert not list(held.parent.glob("new*"))

def test_no_secrets(marketo_golden):
    marketo_golden.assert_reply(b"<a>1234567</a>", "short.xml")
    marketo_golden.assert_reply(b"<a>client-key-1</a>", "other.xml")
"""


def test_a_golden_holds_no_secret(inner: pytest.Pytester) -> None:
    inner_settings(inner, "marketo_golden_secrets = CRM_TOKEN PIN NOT_SET", "marketo_unused_goldens = ignore")
    golden(inner, "other.xml", b"<a>client-key-1</a>")
    golden(inner, "short.xml", b"<a>1234567</a>")
    inner.makepyfile(test_it=CALLS + HELD)
    for arguments in ([], [UPDATE]):
        inner.runpytest(*arguments).assert_outcomes(passed=7)


# -- Unused ones --------------------------------------------------------------------------------------

USES = """
import pytest

@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test_uses(marketo_golden, name):
    marketo_golden.assert_reply(b"<a/>", f"{name}.xml")

def test_plain():
    pass
"""
NOT_JUDGED = {
    "-k": (["-k", "uses"], ""),
    "a node id": (["test_it.py::test_uses[a]", "test_other.py"], ""),
    "one file": (["test_it.py"], ""),
    "--lf": (["--lf"], ""),
    "a failure": ([], "def test_fails(): assert 0"),
    "an error afterwards": (
        [],
        "@pytest.fixture\ndef broken():\n    yield\n    assert 0\ndef test_passes(broken): ...",
    ),
    "a skipped test": ([], "def test_skips(): pytest.skip()"),
    "a skipped module": ([], "pytest.skip(allow_module_level=True)"),
    "a broken module": (["--continue-on-collection-errors"], "1/0"),
}


def with_unused(pytester: pytest.Pytester, more: str = "") -> None:
    for name in ("a", "b", "c", "d", "old"):
        golden(pytester, f"{name}.xml", b"<a/>")
    golden(pytester, "old.actual.xml", b"")
    pytester.makepyfile(test_it=USES, test_other=f"import pytest\n{more}\ndef test_last(): ...")


@pytest.mark.parametrize(
    ("setting", "workers", "code"), [("report", [], 0), ("ignore", [], 0), ("error", [], 1), ("error", ["-n2"], 1)]
)
def test_goldens_that_no_test_uses_are_told(
    inner: pytest.Pytester, setting: str, workers: list[str], code: int
) -> None:
    inner_settings(inner, f"marketo_unused_goldens = {setting}")
    with_unused(inner)
    result = inner.runpytest(*workers)
    result.assert_outcomes(passed=6)
    assert result.ret == code
    reported = [line for line in result.outlines if line.startswith("unused:")]
    assert reported == ([] if setting == "ignore" else ["unused:  goldens/old.xml"])
    assert ("delete the unused goldens (an error)" in result.outlines) == code


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["one", "xdist"])
def test_what_waits_for_a_review_goes_when_all_tests_pass(inner: pytest.Pytester, workers: list[str]) -> None:
    inner_settings(inner, "marketo_unused_goldens = ignore")
    with_unused(inner)
    golden(inner, "deep/b.actual.xml.txt", b"")
    stays = golden(inner, "deep/b.xml", b"")
    stale = [path for path in (inner.path / "goldens").rglob("*") if ".actual." in path.name]
    assert len(stale) == 2
    inner.runpytest(*workers, "-k", "uses").assert_outcomes(passed=4)
    assert all(path.exists() for path in stale)
    inner.runpytest(*workers).assert_outcomes(passed=6)
    assert not any(path.exists() for path in stale)
    assert stays.exists()


@pytest.mark.parametrize("why", NOT_JUDGED)
def test_no_golden_is_called_unused_after_a_part_of_a_run(inner: pytest.Pytester, why: str) -> None:
    arguments, more = NOT_JUDGED[why]
    with_unused(inner, more)
    result = inner.runpytest(*arguments)
    result.stdout.no_fnmatch_line("*unused:*")
    assert result.parseoutcomes()["passed"]
    if "-k" in arguments:
        result.stdout.fnmatch_lines("* unused (not checked: some tests failed or did not run)")


def test_no_golden_is_called_unused_after_a_worker_was_lost(inner: pytest.Pytester) -> None:
    with_unused(inner)
    inner.makepyfile(**{"sub/test_dies": "import os\ndef test_dies(): os._exit(1)"})
    result = inner.runpytest_subprocess("-n2")
    result.assert_outcomes(passed=6, failed=1)
    result.stdout.no_fnmatch_line("*unused:*")


def test_each_directory_is_judged_by_its_own_tests(inner: pytest.Pytester) -> None:
    with_unused(inner)
    inner.makepyfile(**{"sub/test_sub": USES + "def test_fails(): assert 0"})
    for name in ("a", "b", "c", "d", "old"):
        golden(inner, f"../sub/goldens/{name}.xml", b"<a/>")
    result = inner.runpytest()
    assert [line for line in result.outlines if line.startswith("unused:")] == ["unused:  goldens/old.xml"]


def test_workers_tell_what_they_wrote(inner: pytest.Pytester) -> None:
    inner.makepyfile(test_it=USES)
    result = inner.runpytest(UPDATE, "-n2")
    result.assert_outcomes(passed=5)
    assert [line for line in result.outlines if line.startswith("written:")] == [
        f"written: goldens/{name}.xml" for name in "abcd"
    ]


def test_goldens_need_no_plugin_of_workers(inner: pytest.Pytester) -> None:
    with_unused(inner)
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist"]
    done = subprocess.run(command, cwd=inner.path, timeout=60, capture_output=True, text=True)
    assert "unused:  goldens/old.xml" in done.stdout
