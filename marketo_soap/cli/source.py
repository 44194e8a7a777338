"""FILE, which the commands for envelopes read, and the options for what of it is shown."""

from __future__ import annotations

import glob
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import chain, islice
from typing import IO, Any, TypeVar

import click
from attrs import evolve

from marketo_soap.cli import output
from marketo_soap.cli.options import F, with_options
from marketo_soap.debug.found import FoundMessage
from marketo_soap.debug.importing import messages_in
from marketo_soap.errors import ProtocolError
from marketo_soap.privacy.redactor import EVERYTHING, Redactor, Visible

T = TypeVar("T")

_PART = 2**16  # bytes

_PARTS = {"user-id": "user_id", "signature": "signature", "cookie": "cookie", "emails": "emails", "values": "values"}
_REDACTION = (
    click.option(
        "--visible",
        multiple=True,
        metavar="NAME",
        help=f"Show these values: {', '.join(_PARTS)}, or an attribute's name. May be repeated.",
    ),
    click.option("--raw", is_flag=True, help="Show all values but the encryption key."),
)


class LateRedactor(Redactor):
    """A redactor that can learn a message when it first meets free text: only there values are looked for.

    To find the values in a long message takes longer than to read it.
    """

    _late = b""

    def learn_late(self, request: bytes) -> None:
        """Add the private values of *request* to those that are looked for, if anything is looked through."""
        self._late = request

    def text(self, text: str) -> str:
        """Return *text* with known values and all e-mail addresses hidden."""
        if self._late and self.visible != EVERYTHING:
            late, self._late = self._late, b""
            self.learn(late)
        return super().text(text)


def redaction_options(command: F) -> F:
    """Give *command* a `redactor`, made of --raw, --visible and the encryption key of the environment."""

    @wraps(command)
    def with_redactor(raw: bool, visible: tuple[str, ...], **others: Any) -> Any:
        parts = {_PARTS[name]: True for name in visible if name in _PARTS}
        policy = EVERYTHING if raw else Visible(**parts, attributes=frozenset(visible) - _PARTS.keys())
        key = os.environ.get("MARKETO_SOAP_ENCRYPTION_KEY")
        return command(redactor=LateRedactor(policy, (key,) if key else ()), **others)

    return with_options(*_REDACTION)(with_redactor)  # type: ignore[return-value]


class Source:
    """A FILE that can be read several times: private values are collected in a first pass."""

    def __init__(self, context: click.Context, path: str) -> None:
        self.name = "<stdin>" if path == "-" else output.printable(path)
        self._path, self._file = path, self._kept(context, path)
        self._start = 0 if self._file is None else self._file.tell()

    @staticmethod
    def _kept(context: click.Context, path: str) -> IO[bytes] | None:
        """Return standard input, or a copy of what can be read only once; None for a file."""
        if path != "-" and stat.S_ISREG(os.stat(path).st_mode):
            return None
        file: IO[bytes] = standard_input() if path == "-" else context.with_resource(open(path, "rb"))  # noqa: SIM115
        if file.seekable():
            return file
        copy: IO[bytes] = context.with_resource(tempfile.TemporaryFile())  # noqa: SIM115
        read = getattr(file, "read1", file.read)  # read() would ask a terminal for its end twice
        while part := read(_PART):
            copy.write(part)
        copy.seek(0)
        return copy

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file at its beginning."""
        if self._file is None:
            with open(self._path, "rb") as file:
                yield file
        else:
            self._file.seek(self._start)
            yield self._file

    def messages(self) -> Iterator[FoundMessage]:
        """Yield the messages in the file."""
        with self.open() as file:
            yield from messages_in(file)

    def first_message(self, read: Callable[[bytes], object]) -> bytes:
        """Return the first message that can be read, or else the first. Ends the command if there is none."""
        first: bytes | None = None
        for message in self.messages():
            first = message.data if first is None else first
            try:
                read(message.data)
            except ProtocolError:
                continue
            return message.data
        if first is None:
            raise click.ClickException(f"no SOAP envelope in {self.name}")
        return first


class Sources(list[Source]):
    """Several files, read as one. `empty` are the names of those without a message."""

    empty: tuple[str, ...] = ()

    def messages(self) -> Iterator[FoundMessage]:
        """Yield the messages in the files; of several files, with the file in their place."""
        empty = []
        for source in self:
            found = False
            for message in source.messages():
                found = True
                yield evolve(message, where=self.place(source, message.where))
            if not found:
                empty.append(source.name)
        self.empty = tuple(empty)

    def place(self, source: Source, where: str) -> str:
        """Return a place in a file, with the name of the file if there are several."""
        return ": ".join(filter(None, [source.name, where])) if len(self) > 1 else where

    def report_empty(self) -> bool:
        """Print which files hold no message, and say whether there are any. Ends the command if none holds one."""
        if len(self.empty) == len(self):
            raise click.ClickException(f"no SOAP envelope in {', '.join(self.empty)}")
        for name in self.empty:
            click.echo(f"# no SOAP envelope in {name}", err=True)
        return bool(self.empty)


def standard_input() -> IO[bytes]:
    """Return standard input; on a terminal, say that it is read."""
    if sys.stdin is None:
        raise click.UsageError("standard input is closed: name a file")
    if sys.stdin.isatty():
        end = "Ctrl-Z and Enter" if os.name == "nt" else "Ctrl-D"
        click.echo(f"reading from the terminal; end with {end}", err=True)
    return sys.stdin.buffer


def expanded(paths: Iterable[str], *, directories: bool = False) -> Iterator[str]:
    """Yield the files that *paths* name; a pattern (`*.xml`, `logs/**/*.log`) names all that match it.

    *directories* are accepted too.
    """
    for path in paths:
        if path == "-" or os.path.exists(path):
            if os.path.isdir(path) and not directories:
                pattern = output.printable(os.path.join(path, "*"))
                raise click.UsageError(
                    f"{output.printable(path)} is a directory: name files in it, such as '{pattern}'"
                )
            yield path
        elif not glob.has_magic(path):
            raise click.UsageError(f"{output.printable(path)}: No such file or directory")
        elif found := sorted(each for each in glob.glob(path, recursive=True) if os.path.isfile(each)):
            yield from found
        else:
            raise click.UsageError(f"no file matches {output.printable(path)}")


_PATH = click.Path(allow_dash=True)


def _one(context: click.Context, parameter: click.Parameter, path: str) -> Source:
    first, *more = expanded([path])
    if more:
        raise click.UsageError(f"{output.printable(path)} matches {1 + len(more)} files: name one of them")
    return Source(context, first)


def _all(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> Sources:
    return Sources([Source(context, path) for path in expanded(paths or ["-"])])


def source_argument(name: str = "source", **options: Any) -> Callable[[F], F]:
    """Return the decorator that gives a command a `Source`: a file, or standard input."""
    return click.argument(name, type=_PATH, callback=_one, **options)


def sources_argument(name: str = "sources", **options: Any) -> Callable[[F], F]:
    """Return the decorator that gives a command `Sources`: files and patterns, or standard input."""
    return click.argument(name, type=_PATH, nargs=-1, callback=_all, **options)


file_argument = source_argument(metavar="[FILE]", default="-")
files_argument = sources_argument(metavar="[FILE]...")


def peek(items: Iterator[T]) -> tuple[int, Iterator[T]]:
    """Return how many items there are, 2 standing for more, and all of them."""
    first = list(islice(items, 2))
    return len(first), chain(first, items)
