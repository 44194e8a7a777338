"""The help of the command: groups, examples that run, and the completion of a shell."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from marketo_soap import OPERATIONS
from marketo_soap.cli.commands import cli
from tests.support import FIXTURES, run_command

STORY = FIXTURES / "story"
SERVERS = {"sandbox", "gateway"}


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """The paths of all commands, groups among them."""
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield *path, name


def help_of(*path: str) -> str:
    return run_command(*path, "--help", prog_name="marketo-soap", terminal_width=200).stdout


PATHS = list(commands(cli))
EXAMPLES = {
    example: None for path in PATHS for example in re.findall(r"^ +marketo-soap (.*)$", help_of(*path), re.MULTILINE)
}


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_shows_an_example_of_itself(path: tuple[str, ...]) -> None:
    _, _, end = help_of(*path).rpartition("\n  Example")
    shown = re.findall(r"^ +marketo-soap (.*)$", end, re.MULTILINE)
    assert shown
    assert all(shlex.split(example)[: len(path)] == list(path) for example in shown)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that examples name."""
    monkeypatch.chdir(tmp_path)
    Path("logs").mkdir()
    for name, origin in (("error.log", "php-error.log"), ("logs/a.log", "php-error.log"), ("key", "key")):
        shutil.copy(STORY / origin, name)
    for name in ("request.xml", "golden.xml", "logs/a.xml"):
        shutil.copy(STORY / "mended.xml", name)
    Path("key").chmod(0o600)
    Path("leads.csv").write_text("Email,FirstName\nt@t.com,George\n")
    Path("gateway.toml").write_text("")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_work(example: str) -> None:
    args = shlex.split(example)
    if args[0] in SERVERS and "--help" not in args:  # they serve until they are stopped
        command = cli.commands[args[0]]
        assert command.make_context(args[0], args[1:]).params
        return
    result = CliRunner().invoke(cli, args)
    # 1: what the examples look at has faults, and an empty sandbox knows no campaign
    assert result.exit_code in ((0, 1) if args[0] in ("verify", "call", "bridge-check", "doctor") else (0,)), (
        result.output
    )
    assert isinstance(result.exception, SystemExit | None)


def test_commands_are_listed_by_their_purpose() -> None:
    shown = help_of()
    titles = re.findall(r"^(\w.*):$", shown, re.MULTILINE)
    assert titles[:3] == ["Options", "Calls", "Reading and checking envelopes"]
    assert "Other commands" not in titles
    listed = [name for names in cli.sections.values() for name in names]
    assert sorted(listed) == sorted(cli.commands)
    narrow = run_command("--help").stdout
    assert not [
        line for line in narrow.splitlines() if line.startswith("  ") and line.endswith("...")
    ]  # nothing is cut off at 80 columns


def test_the_package_is_a_command_too() -> None:
    done = subprocess.run([sys.executable, "-m", "marketo_soap", "--help"], capture_output=True, text=True, check=True)
    assert "sync-lead" in done.stdout


# -- completion ---------------------------------------------------------------------------------------


def completed(words: str, shell: str = "bash") -> list[str]:
    env = {**os.environ, "_MARKETO_SOAP_COMPLETE": f"{shell}_complete", "COMP_WORDS": words}
    env["COMP_CWORD"] = str(len(words.split(" ")) - 1) if shell != "fish" else words.split(" ")[-1]
    code = "import sys; sys.argv = ['marketo-soap']; from marketo_soap.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_for_completion(shell: str) -> None:
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("click asks bash for its version")
    env = {**os.environ, "_MARKETO_SOAP_COMPLETE": f"{shell}_source"}
    code = "import sys; sys.argv = ['marketo-soap']; from marketo_soap.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert f"_MARKETO_SOAP_COMPLETE={shell}_complete" in done.stdout
    assert "marketo-soap" in done.stdout


def test_commands_operations_and_options_are_completed() -> None:
    assert "plain,parse" in completed("marketo-soap pa")
    assert [line.partition(",")[2] for line in completed("marketo-soap call ")] == list(OPERATIONS)
    assert "plain,--show-envelopes" in completed("marketo-soap call getLead --sh")
    assert completed("marketo-soap convert --style p") == ["plain,php"]
