"""README and docs: their Python runs, their commands print what they show (`...` is any text), their links work."""

from __future__ import annotations

import re
import shlex
import tomllib
from datetime import date
from pathlib import Path
from socket import socket
from typing import Any, get_args

import attrs
import pytest
from click.testing import CliRunner

import marketo_soap
from marketo_soap import (
    OPERATIONS,
    Attrib,
    BridgeSettings,
    Client,
    CustomObj,
    DeleteCustomObjects,
    DeleteMObjects,
    GetMObjects,
    GetMultipleLeads,
    ImportToList,
    LeadKey,
    LeadRecord,
    ListOperation,
    MergeLeads,
    MObject,
    Operation,
    RequestCampaign,
    Sandbox,
    ScheduleCampaign,
    StaticListSelector,
    SyncCustomObjects,
    SyncLead,
    SyncMObjects,
    SyncMultipleLeads,
    SyncOperationEnum,
    TypeAttrib,
)
from marketo_soap.cli.commands import cli
from marketo_soap.config import structure
from marketo_soap.errors import FAULT_TEXTS, FAULTS
from marketo_soap.gateway.settings import GatewaySettings
from marketo_soap.sandbox.settings import Settings

ROOT = Path(__file__).parent.parent
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [  # test_examples.py has the tutorial; bulk/test_ray.py and bulk/test_dlt.py have ray-and-dlt.md
    path for path in FILES if path.name not in ("tutorial.md", "ray-and-dlt.md")
]
README = FILES[0].read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands_of(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that is shown."""
    return re.findall(r"^\$ marketo-soap (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)


SESSIONS = {
    f"{name_of(path)}: {commands[0][0]}": commands
    for path in EXAMPLES
    for block in blocks(path, "console")
    if (commands := commands_of(block))
}


def anchors_of(path: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_readme_is_short_and_begins_with_two_commands() -> None:
    assert README.count("\n") <= 120
    commands = re.findall(r"^\$ (.*)$", README.partition("## What works")[0], re.MULTILINE)
    assert len(commands) == 2
    assert "marketo-soap sync-lead --sandbox" in commands[0]
    assert commands[1].endswith(".venv/bin/pytest -q -n2")


@pytest.mark.parametrize("path", [path for path in EXAMPLES if blocks(path, "python")], ids=name_of)
def test_python_runs(path: Path) -> None:
    names: dict[str, object] = {}
    if any("RedisLimiter(" in block for block in blocks(path, "python")):
        pytest.importorskip("redis", reason="needs redis-py, which the extra redis has")
    for block in blocks(path, "python"):
        exec(compile(block, name_of(path), "exec"), names)


@pytest.mark.parametrize("commands", SESSIONS.values(), ids=SESSIONS.keys())
def test_commands_print_what_is_shown(
    commands: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    for command, shown in commands:
        before_pipe, *pipe = (shlex.split(part.removeprefix("marketo-soap ")) for part in command.split(" | "))
        result = CliRunner().invoke(cli, before_pipe)
        for part in pipe:
            result = CliRunner().invoke(cli, part, input=result.stdout_bytes)
        assert result.exit_code != 2, result.output  # wrong use
        pattern = re.escape(shown.rstrip("\n")).replace(re.escape("..."), ".*?")
        assert re.fullmatch(pattern, result.output.rstrip("\n"), re.DOTALL), result.output


def test_every_command_is_shown() -> None:
    commands = [command for session in SESSIONS.values() for command, _ in session]
    shown = {part.removeprefix("marketo-soap ").split()[0] for command in commands for part in command.split(" | ")}
    assert set(cli.commands) - shown == {"gateway", "sandbox"}


def test_the_settings_of_the_gateway_are_right() -> None:
    whole, *parts = map(tomllib.loads, blocks(ROOT / "docs/gateway.md", "toml"))
    for part in ({}, *parts):
        merged = whole | part
        if "redis" in part:
            del merged["replay_file"]
        assert structure(GatewaySettings, merged)


def timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("created_at", "updated_at")}


def test_a_sandbox_has_what_its_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = blocks(ROOT / "docs/sandbox.md", "toml")
    config, seed = tmp_path / "sandbox.toml", tmp_path / "leads.csv"
    config.write_text(block, encoding="utf-8")
    seed.write_text("Email,FirstName\nt@t.com,George\n", encoding="utf-8")
    served = []

    def look(sandbox: Sandbox, listener: socket, host: str) -> None:
        listener.close()
        served.append(sandbox.settings)
        with Client(transport=sandbox.transport()) as client:
            (george,) = client.iterate(GetMultipleLeads(StaticListSelector("Newsletter")))
            log = client.get_lead_activity(LeadKey("IDNUM", str(george.id))).activity_records
            assert "Visit Webpage" in [each.activity_type for each in log]
            assert [each.name for each in client.get_campaigns_for_source().campaign_records] == ["Launch.Welcome"]
            assert client.schedule_campaign("Launch", "Nightly").success
            assert [each.get("Name") for each in client.iterate(GetMObjects("Program"))] == ["Launch"]
            assert len(client.get_channels().tag_statuses) == len(client.get_tags().tags) == 1
            assert client.get_custom_objects("Roadshow").custom_objs == ()
            assert client.import_to_list("Launch", "Email Address", ["t@t.com"], "UPSERTLEADS", "Guests").import_status
            with Sandbox() as other:
                assert other.seed(sandbox.dump()) == 1
                assert [timeless(row) for row in other.dump()] == [timeless(row) for row in sandbox.dump()]

    monkeypatch.setattr("marketo_soap.sandbox.server.serve_forever", look)
    args = ["sandbox", "--config", str(config), "--seed", str(seed), "--port", "0"]
    CliRunner().invoke(cli, args, catch_exceptions=False)
    assert served == [Settings.load(config)]
    tables = {"lists", "programs", "campaigns", "channels", "tags", "custom_object_types", "activities", "faults"}
    assert tables <= tomllib.loads(block).keys()


@pytest.mark.parametrize(("page", "settings"), [("sandbox.md", Settings), ("moving-off-soap.md", BridgeSettings)])
def test_every_setting_is_named(page: str, settings: type[Any]) -> None:
    words = set(re.findall(r"\w+", (ROOT / "docs" / page).read_text(encoding="utf-8")))
    assert [each.name for each in attrs.fields(settings) if each.name not in words] == []


def settings_in(kind: Any) -> set[type]:
    """The classes of settings that a type consists of."""
    parts = {each for part in get_args(kind) for each in settings_in(part)}
    if isinstance(kind, type) and attrs.has(kind):
        attrs.resolve_types(kind)
        parts |= {kind, *(each for field in attrs.fields(kind) for each in settings_in(field.type))}
    return parts


def test_every_class_of_settings_is_in_the_reference() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\.\. autoclass:: [\w.]+\.(\w+)$", page, re.MULTILINE))
    classes = {each for top in (Settings, BridgeSettings, GatewaySettings) for each in settings_in(top)}
    assert {each.__name__ for each in classes} <= shown


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_links_between_files_work(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            assert file.is_file(), target
            assert not anchor or anchor in anchors_of(file), target


def test_the_index_names_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs/README.md").read_text(encoding="utf-8")))
    assert linked == {path.name for path in FILES[1:]} - {"README.md", "index.md"}


def test_the_built_pages_have_every_guide() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert {f"{name}.md" for name in re.findall(r"^([\w/-]+)$", index, re.MULTILINE)} == pages - {
        "README.md",
        "index.md",
    }


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs/reference").glob("*.md")))
    shown = re.findall(r"^\.\. auto\w+:: marketo_soap\.(\w+)(?:\(\w*\))?$", pages, re.MULTILINE)
    assert sorted(shown) == sorted(marketo_soap.__all__)


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    [unreleased, *released] = re.findall(r"^## \[(\S+)\](?: - (\d{4}-\d\d-\d\d))?$", text, re.MULTILINE)
    assert unreleased == ("Unreleased", "")
    assert released[0][0] == marketo_soap.__version__
    assert [date.fromisoformat(day) for _, day in released]
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= {
        *("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
    }


def rows_of(path: Path, heading: str) -> list[list[str]]:
    """The rows of the table whose heading begins so, without heading and rule."""
    table = path.read_text(encoding="utf-8").partition(f"\n| {heading}")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table[2:]]


def test_the_readme_names_every_operation_once() -> None:
    named = [name for row in rows_of(ROOT / "README.md", "group |") for name in re.findall(r"`(\w+)`", row[1])]
    assert sorted(named) == sorted(OPERATIONS)
    assert README.count(f"{len(OPERATIONS)} operations") == 2


def test_every_fault_is_explained() -> None:
    rows = rows_of(ROOT / "docs/faults.md", "code | name")
    known = [(str(code), FAULT_TEXTS[code], f"`{kind.__name__}`") for code, kind in FAULTS.items()]
    assert [tuple(row[:3]) for row in rows] == known
    assert all(len(row) == 5 and all(row) for row in rows)


MEMBERS = (LeadKey("IDNUM", "1"),)
NAMED = MObject("Opportunity", external_key=Attrib("ErpId", "1"))
COST = MObject("Program", 1, type_attribs=(TypeAttrib("Cost", [Attrib("Amount", "1")]),))
BY_COOKIE = SyncLead(LeadRecord(), marketo_cookie="id:1&token:x")
WRITES: dict[str, list[Operation[Any]]] = {
    "listOperation": [ListOperation("ISMEMBEROFLIST", "News", MEMBERS), ListOperation("ADDTOLIST", "News", MEMBERS)],
    "syncLead": [SyncLead(LeadRecord(id=1)), BY_COOKIE],
    "syncMultipleLeads": [
        SyncMultipleLeads([LeadRecord(email="t@t.com")]),
        SyncMultipleLeads([LeadRecord(email="t@t.com")], dedup_enabled=False),
    ],
    "mergeLeads": [MergeLeads({"IDNUM": 1}, [{"IDNUM": 2}])],
    "importToList": [ImportToList("Launch", "Email Address", ["t@t.com"], "UPSERTLEADS", "Guests")],
    "requestCampaign": [RequestCampaign("MKTOWS", campaign_id=1, lead_keys=MEMBERS)],
    "scheduleCampaign": [ScheduleCampaign("Launch", "Nightly")],
    "syncCustomObjects": [SyncCustomObjects("Car", (CustomObj({"vin": "1"}),), each) for each in SyncOperationEnum],
    "deleteCustomObjects": [DeleteCustomObjects("Car", [{"vin": "1"}])],
    "syncMObjects": [
        *(SyncMObjects([NAMED], each) for each in SyncOperationEnum),
        SyncMObjects([MObject("Opportunity")], "UPSERT"),
        SyncMObjects([COST], "UPDATE"),
    ],
    "deleteMObjects": [DeleteMObjects([MObject("Opportunity", 1)]), DeleteMObjects([NAMED])],
}


def test_what_a_repetition_does_is_told_for_every_operation() -> None:
    reads, *writes = rows_of(ROOT / "docs/retries-and-limits.md", "operation |")
    assert reads[1:] == ["always", "", ""]
    assert {name for name in OPERATIONS if OPERATIONS[name].effect is Operation.effect} == {
        name for name in OPERATIONS if re.match(r"get|list|describe", name) and name != "listOperation"
    }
    assert [row[0] for row in writes] == list(WRITES)
    for name, *cells in writes:
        documented = {effect for effect, cell in zip(("read", "repeatable", "once"), cells, strict=True) if cell}
        assert documented == {call.effect for call in WRITES[name]}, name


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_method_says_what_a_repetition_does(operation: type[Operation[Any]]) -> None:
    text = " ".join((getattr(Client, operation.__module__.rpartition(".")[2]).__doc__ or "").split())
    effects = {call.effect for call in WRITES.get(operation.name, [])} or {"read"}
    assert ("It only reads: repeating it is harmless." in text) == (effects == {"read"})
    assert ("Do not repeat it blindly: " in text) == (effects == {"once"})
    assert "epeating it " in text or effects == {"once"}
