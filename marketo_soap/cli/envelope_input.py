"""What the commands for envelopes share: reading FILE, and what of it may be shown."""

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
from marketo_soap.debug.importing import Found, messages_in
from marketo_soap.errors import ProtocolError
from marketo_soap.privacy.redactor import EVERYTHING, Visible

__all__ = ["file_argument", "first_message", "messages_found", "name_of", "only_one", "policy_options", "rewindable"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

file_argument = click.argument("file", type=click.File("rb"), default="-")
_POLICY = {"user-id": "user_id", "signature": "signature", "cookie": "cookie", "emails": "emails", "values": "values"}


def policy_options(command: F) -> F:
    """Give *command* `visible`, made of --raw and --visible, and `secrets`: the key of the environment."""

    @wraps(command)
    def with_policy(raw: bool, visible: tuple[str, ...], **others: Any) -> Any:
        parts = {_POLICY[name]: True for name in visible if name in _POLICY}
        attributes = frozenset(visible) - _POLICY.keys()
        policy = EVERYTHING if raw else Visible(**parts, attributes=attributes)
        key = os.environ.get("MARKETO_SOAP_ENCRYPTION_KEY")
        return command(visible=policy, secrets=(key,) if key else (), **others)

    decorated: Any = click.option("--raw", is_flag=True, help="Hide nothing but the encryption key.")(with_policy)
    names = ", ".join(_POLICY)
    return click.option(  # type: ignore[no-any-return]
        "--visible", multiple=True, metavar="NAME", help=f"What may be seen: {names}, or an attribute's name."
    )(decorated)


def rewindable(file: IO[bytes]) -> IO[bytes]:
    """Return *file*, or a copy of it if it can be read only once: private values are collected in a first pass."""
    if file.seekable():
        return file
    kept = click.get_current_context().with_resource(tempfile.TemporaryFile())  # noqa: SIM115
    shutil.copyfileobj(file, kept)
    kept.seek(0)
    return kept


def messages_found(file: IO[bytes], name: str) -> Iterator[Found]:
    """Return the messages in *file*, or end the command if there is none."""
    found = messages_in(file)
    first = next(found, None)
    if first is None:
        raise click.ClickException(f"no SOAP envelope in {name}")
    return chain([first], found)


def name_of(file: IO[bytes]) -> str:
    """Return the name of a file as messages show it."""
    return output.printable(getattr(file, "name", "<stdin>"))


def first_message(file: IO[bytes], read: Callable[[bytes], object]) -> bytes:
    """Return the first message in *file* that can be read, or else the first."""
    first: bytes | None = None
    for message in messages_found(file, name_of(file)):
        first = message.data if first is None else first
        try:
            read(message.data)
        except ProtocolError:
            continue
        return message.data
    assert first is not None
    return first


def only_one(items: Iterator[T]) -> tuple[bool, Iterator[T]]:
    """Return whether there is only one item, and all of them."""
    first = list(islice(items, 2))
    return len(first) == 1, chain(first, items)
