"""What `operations` lists: every operation, and what client, sandbox and bridge do with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from marketo_soap import OPERATIONS, Client
from marketo_soap.bridge.operations import NOT_CARRIED, TRANSLATIONS
from marketo_soap.sandbox.operations import FUNCTIONS
from tests.support import run_command


def test_every_operation_is_listed_with_its_limits() -> None:
    text = run_command("operations").output
    rows = json.loads(run_command("operations", "--json").output)
    assert [row["name"] for row in rows] == list(OPERATIONS)
    for row in rows:
        name = row["name"]
        assert row["limits"] == NOT_CARRIED.get(name, {})
        assert row["rest"] == (
            "not carried" if name not in TRANSLATIONS else "approximate" if row["limits"] else "exact"
        )
        assert row["sandbox"] == ("yes" if name in FUNCTIONS else "no")
        assert hasattr(Client, row["client"].removesuffix("()"))
        assert name in text
        assert all(f"{what}: {why}" in text for what, why in row["limits"].items())
    effects = {row["name"]: row["effect"] for row in rows}
    assert effects["getLead"] == "read"
    assert effects["syncLead"].startswith("write")


def test_an_operation_without_translation_is_not_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketo_soap.bridge.operations.TRANSLATIONS", {})
    monkeypatch.setattr("marketo_soap.sandbox.operations.FUNCTIONS", {})
    rows = json.loads(run_command("operations", "--json").output)
    assert {(row["rest"], row["sandbox"]) for row in rows} == {("not carried", "no")}


def test_the_page_of_the_documentation_is_the_one_that_is_printed() -> None:
    printed = run_command("operations", "--markdown").output
    page = Path(__file__).parent.parent / "docs" / "operations.md"
    wanted = "write it again: marketo-soap operations --markdown > docs/operations.md"
    assert page.read_text(encoding="utf-8") == printed, wanted
    for name in OPERATIONS:
        assert f"| {name} |" in printed


def made(*args: str, code: int = 0, stdin: str | None = None) -> str:
    result = run_command("call", *args, code=code, stdin=stdin)
    return result.stdout if code == 0 else result.stderr


def test_any_call_is_made_from_assignments_or_a_file(tmp_path: Path) -> None:
    sandbox = ["--sandbox-db", str(tmp_path / "leads.db")]
    leads = [f"leadRecordList[{number}].Email={number}@t.com" for number in (1, 2)]
    assert made("syncMultipleLeads", *sandbox, *leads).startswith("2 CREATED\n")
    emails = ["leadSelector.keyValues=1@t.com", "leadSelector.keyValues=2@t.com"]  # a repeated name makes a list
    data = json.loads(made("getMultipleLeads", *sandbox, "--json", "leadSelector.keyType=EMAIL", *emails))
    assert [each["email"] for each in data["lead_records"]] == ["1@t.com", "2@t.com"]
    (tmp_path / "key.json").write_text('{"leadKey": {"keyType": "EMAIL", "keyValue": "1@t.com"}}')
    (tmp_path / "key.toml").write_text('[leadKey]\nkeyType = "EMAIL"\nkeyValue = "1@t.com"\n')
    shown = [made("getLead", *sandbox, "--params", str(tmp_path / name)) for name in ("key.json", "key.toml")]
    shown.append(made("getLead", *sandbox, "--params", "-", stdin=(tmp_path / "key.json").read_text()))
    assert len(set(shown)) == 1
    assert shown[0].startswith("1 lead\n  count: 1\n")
    nobody = made("getMultipleLeads", *sandbox, "leadSelector.keyType=EMAIL", "leadSelector.keyValues=0@t.com")
    assert "  return_count: 0\n  remaining_count: 0\n  new_stream_position: (empty)\n  lead_records: (empty)" in nobody
    other = made(
        "getLead",
        *sandbox,
        "--params",
        str(tmp_path / "key.json"),
        "leadKey.keyType=IDNUM",
        "leadKey.keyValue=7",
        code=1,
    )
    assert "20103" in other  # an assignment wins
    (tmp_path / "key.txt").write_text("leadKey")
    assert "neither JSON nor TOML" in made("getLead", *sandbox, "--params", str(tmp_path / "key.txt"), code=2)
    assert "'missing.json' does not exist" in made("getLead", *sandbox, "--params", "missing.json", code=2)
    assert "did you mean keyType?" in made("getLead", *sandbox, "leadKey.keytype=EMAIL", code=2)
