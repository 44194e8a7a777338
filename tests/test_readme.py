"""The README keeps its word: its Python runs, its commands print what it shows (`...` is anything)."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from marketo_soap.cli.commands import cli
from marketo_soap.config import structure
from marketo_soap.gateway.settings import GatewaySettings
from marketo_soap.sandbox.settings import Settings

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
SESSIONS = re.findall(r"^\$ marketo-soap (.*)\n((?:(?!\$ ).*\n)*)", "".join(CONSOLE), re.MULTILINE)


def test_the_first_screen_has_two_commands() -> None:
    first = README.partition("## A tour")[0]
    commands = re.findall(r"^\$ (.*)$", first, re.MULTILINE)
    assert len(commands) == 2
    assert "marketo-soap sync-lead --sandbox" in commands[0]
    assert commands[1].endswith(".venv/bin/pytest -q -n2")


def test_the_python_of_the_tour_runs() -> None:
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE):
        exec(compile(block, "README.md", "exec"), names)
    assert "sent" in names


@pytest.mark.parametrize(("command", "shown"), SESSIONS, ids=[command for command, _ in SESSIONS])
def test_the_commands_print_what_is_shown(command: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent.parent)
    before_pipe, *pipe = (shlex.split(part.removeprefix("marketo-soap ")) for part in command.split(" | "))
    result = CliRunner().invoke(cli, before_pipe)
    for part in pipe:
        result = CliRunner().invoke(cli, part, input=result.stdout_bytes)
    pattern = re.escape(shown.rstrip("\n")).replace(re.escape("..."), ".*?")
    assert re.fullmatch(pattern, result.output.rstrip("\n"), re.DOTALL), result.output


def test_the_settings_of_the_tour_are_right() -> None:
    sandbox, gateway = re.findall(r"^```toml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert structure(Settings, tomllib.loads(sandbox)).timestamp_window == 900
    assert structure(GatewaySettings, tomllib.loads(gateway)).callers[0].refuse_replays == "request"


def test_every_command_has_its_session() -> None:
    shown = {part.removeprefix("marketo-soap ").split()[0] for command, _ in SESSIONS for part in command.split(" | ")}
    assert set(cli.commands) - shown == {"gateway", "sandbox"}
