"""FILE, which the commands for envelopes read, and the options for what of it is shown."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import chain, islice
from typing import IO, Any, TypeVar

import click

from marketo_soap.cli import output
from marketo_soap.cli.options import F, with_options
from marketo_soap.debug.found import FoundMessage
from marketo_soap.debug.importing import messages_in
from marketo_soap.errors import ProtocolError
from marketo_soap.privacy.redactor import EVERYTHING, Redactor, Visible

T = TypeVar("T")

_PARTS = {"user-id": "user_id", "signature": "signature", "cookie": "cookie", "emails": "emails", "values": "values"}
_REDACTION = (
    click.option(
        "--visible",
        multiple=True,
        metavar="NAME",
        help=f"What stays visible: {', '.join(_PARTS)}, or an attribute's name.",
    ),
    click.option("--raw", is_flag=True, help="Hide nothing but the encryption key."),
)


def redaction_options(command: F) -> F:
    """Give *command* a `redactor`, made of --raw, --visible and the encryption key of the environment."""

    @wraps(command)
    def with_redactor(raw: bool, visible: tuple[str, ...], **others: Any) -> Any:
        parts = {_PARTS[name]: True for name in visible if name in _PARTS}
        policy = EVERYTHING if raw else Visible(**parts, attributes=frozenset(visible) - _PARTS.keys())
        key = os.environ.get("MARKETO_SOAP_ENCRYPTION_KEY")
        return command(redactor=Redactor(policy, (key,) if key else ()), **others)

    return with_options(*_REDACTION)(with_redactor)  # type: ignore[return-value]


class Source:
    """A FILE that can be read several times: private values are collected in a first pass."""

    def __init__(self, context: click.Context, file: IO[bytes]) -> None:
        self.name = output.printable(getattr(file, "name", "<stdin>"))
        if not file.seekable():
            copy: IO[bytes] = context.with_resource(tempfile.TemporaryFile())  # noqa: SIM115
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            file = copy
        self._file, self._start = file, file.tell()

    def open(self) -> IO[bytes]:
        """Return the file at its beginning."""
        self._file.seek(self._start)
        return self._file

    def messages(self) -> Iterator[FoundMessage]:
        """Return the messages in the file, or end the command if there is none."""
        count, found = peek(messages_in(self.open()))
        if not count:
            raise click.ClickException(f"no SOAP envelope in {self.name}")
        return found

    def first_message(self, read: Callable[[bytes], object]) -> bytes:
        """Return the first message that can be read, or else the first."""
        first: bytes | None = None
        for message in self.messages():
            first = message.data if first is None else first
            try:
                read(message.data)
            except ProtocolError:
                continue
            return message.data
        assert first is not None
        return first


def source_argument(name: str = "source", **options: Any) -> Callable[[F], F]:
    """Return the decorator that gives a command a `Source`: FILE, or standard input."""
    return click.argument(
        name, type=click.File("rb"), callback=lambda context, _, file: Source(context, file), **options
    )


file_argument = source_argument(metavar="[FILE]", default="-")


def peek(items: Iterator[T]) -> tuple[int, Iterator[T]]:
    """Return how many items there are, 2 standing for more, and all of them."""
    first = list(islice(items, 2))
    return len(first), chain(first, items)
