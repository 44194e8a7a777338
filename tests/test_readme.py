"""README and docs: their Python runs, their commands print what they show (`...` is any text), their links work."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from marketo_soap.cli.commands import cli
from marketo_soap.config import structure
from marketo_soap.gateway.settings import GatewaySettings
from marketo_soap.sandbox.settings import Settings

ROOT = Path(__file__).parent.parent
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
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
    for path in FILES
    for block in blocks(path, "console")
    if (commands := commands_of(block))
}


def anchors_of(path: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_readme_is_short_and_begins_with_two_commands() -> None:
    assert README.count("\n") <= 150
    commands = re.findall(r"^\$ (.*)$", README.partition("## What works")[0], re.MULTILINE)
    assert len(commands) == 2
    assert "marketo-soap sync-lead --sandbox" in commands[0]
    assert commands[1].endswith(".venv/bin/pytest -q -n2")


@pytest.mark.parametrize("path", [path for path in FILES if blocks(path, "python")], ids=name_of)
def test_python_runs(path: Path) -> None:
    names: dict[str, object] = {}
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


@pytest.mark.parametrize(("name", "settings"), [("sandbox.md", Settings), ("gateway.md", GatewaySettings)])
def test_settings_are_right(name: str, settings: type[Any]) -> None:
    [block] = blocks(ROOT / "docs" / name, "toml")
    assert structure(settings, tomllib.loads(block))


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
    assert linked == {path.name for path in FILES[1:]} - {"README.md"}
