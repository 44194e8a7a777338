"""How far a long operation is: a bar on a terminal, a plain line now and then in a pipe; always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

import click

__all__ = ["progress"]

T = TypeVar("T")

_SILENT = 2.0  # seconds: what is done sooner needs no word
_PAUSE = 5.0  # seconds between two lines


def progress(items: Iterable[T], what: str, *, clock: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """Go through *items*, saying how many of *what* are done if it takes longer than a moment."""
    total = len(items) if isinstance(items, Sized) else None
    if sys.stderr.isatty() and total is not None and total > 1:
        with click.progressbar(items, label=what, file=sys.stderr) as bar:
            yield from bar
        return
    begun = clock()
    due = begun + _SILENT
    for done, item in enumerate(items):
        if (now := clock()) >= due:
            click.echo(f"{what}: {done}{'' if total is None else f' of {total}'} after {now - begun:.0f} s", err=True)
            due = now + _PAUSE
        yield item
    if due > begun + _SILENT:
        click.echo(f"{what}: {'all' if total is None else f'{total} of {total}'}", err=True)
