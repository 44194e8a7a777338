"""The command for the goldens of the pytest plugin: look at what differs, accept or reject it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from marketo_soap.cli.help import examples
from marketo_soap.cli.output import printable
from marketo_soap.debug.compare import compare, describe
from marketo_soap.testing.golden_files import PendingGolden, pending_goldens, readable

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.group(short_help="Review the goldens of tests.", epilog=examples("goldens review"))
def goldens() -> None:
    """Review the messages that tests with goldens left beside their files."""


@goldens.command(
    short_help="Show what differs, accept or reject it.",
    epilog=examples("goldens review", "goldens review --accept"),
)
@click.argument("places", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PLACE]...")
@click.option("--accept", "choice", flag_value="accept", help="Accept all without asking.")
@click.option("--reject", "choice", flag_value="reject", help="Reject all without asking.")
@click.option("--show", "choice", flag_value="show", help="Print all, and change nothing.")
def review(places: tuple[Path, ...], choice: str | None) -> None:
    """Show each message that differs from its golden, and ask whether to accept it.

    A PLACE is a directory, a golden or a `*.actual.xml` file; default: this directory. Accepting replaces the
    golden. Rejecting deletes the message and keeps the golden. Exit code 1 if any are left.
    """
    found = list(pending_goldens(places or (Path(),)))
    if not found:
        click.echo("nothing to review: no golden has a message that differs from it")
        return
    choice = choice or ("ask" if sys.stdin.isatty() else "show")
    left = 0
    for number, pending in enumerate(found, 1):
        if choice in ("ask", "show"):
            click.secho(f"{number}/{len(found)} {printable(str(pending.golden))}", bold=True)
            for line in _difference(pending):
                click.secho(f"  {printable(line)}", fg=_COLOURS.get(line[:1]))
        answer = _ask() if choice == "ask" else choice
        if answer == "quit":
            left += len(found) - number + 1
            break
        if act := _ACTS.get(answer):
            act(pending)
            click.echo(f"{answer}ed: {printable(str(pending.golden))}")
        else:
            left += 1
    if left:
        click.echo(f"{left} left to review: marketo-soap goldens review [--accept|--reject]", err=True)
        raise SystemExit(1)


_ACTS: dict[str, Callable[[PendingGolden], None]] = {"accept": PendingGolden.accept, "reject": PendingGolden.reject}


def _ask() -> str:
    words = {word[0]: word for word in ("accept", "reject", "skip", "quit")}
    keys = click.prompt("(a)ccept, (r)eject, (s)kip, (q)uit", type=click.Choice([*words]), show_choices=False)
    return words[keys]


def _difference(pending: PendingGolden) -> Iterator[str]:
    """Yield the lines that show what is new: what its test says, then the difference of the indented messages."""
    yield from pending.about
    data = pending.path.read_bytes()
    if not pending.golden.exists():
        yield "new:"
        yield from (f"+ {line}" for line in readable(data).decode(errors="replace").splitlines())
        return
    golden = pending.golden.read_bytes()
    old, new = (readable(each).decode(errors="replace").splitlines() for each in (golden, data))
    lines = list(difflib.unified_diff(old, new, "golden", "new", n=2, lineterm=""))
    if lines:
        yield from lines[2:]
    else:  # a matter of bytes alone
        yield from describe(compare(golden, data, signed=True), sides=("golden", "new"))
