"""What pytest's report of a test that failed says about its sandboxes: the calls that they answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marketo_soap.privacy.redactor import EVERYTHING, Redactor
from marketo_soap.sandbox import Sandbox
from marketo_soap.sandbox.verdicts import describe
from marketo_soap.testing import SandboxServer
from marketo_soap.testing.golden_files import readable

if TYPE_CHECKING:
    import pytest

    from marketo_soap.sandbox.journal import Entry

__all__ = ["sandboxes_of", "sections"]

_MOST = 20  # calls
_LONGEST = 4000  # characters of a message


def sandboxes_of(item: pytest.Item) -> dict[str, Sandbox]:
    """Return the sandboxes among the values of a test's fixtures, by the fixture's name."""
    found: dict[str, Sandbox] = {}
    for name, value in getattr(item, "funcargs", {}).items():
        sandbox = value.sandbox if isinstance(value, SandboxServer) else value
        if isinstance(sandbox, Sandbox) and sandbox not in found.values():
            found[name.lstrip("_")] = sandbox
    return found


def sections(item: pytest.Item, *, show_values: bool) -> Iterator[tuple[str, str]]:
    """Yield a title and a text for each sandbox that has answered a call, the last calls last."""
    for name, sandbox in sandboxes_of(item).items():
        entries = sandbox.entries()
        if entries:
            left_out = f", the last {_MOST}" if len(entries) > _MOST else ""
            title = f"{name}: {len(entries)} call{'s' * (len(entries) > 1)}{left_out}"
            numbered = list(enumerate(entries, 1))[-_MOST:]
            yield title, "\n".join(_call(number, entry, show_values) for number, entry in numbered)


def _call(number: int, entry: Entry, show_values: bool) -> str:
    redactor = Redactor.of_request(entry.request, EVERYTHING if show_values else None)
    took = "" if entry.seconds is None else f", {entry.seconds * 1000:.1f} ms"
    status = "no answer" if entry.status is None else f"HTTP {entry.status}"
    lines = [f"{number}. {entry.operation or 'unknown'}: {describe(entry)[1]} ({status}{took})"]
    lines += [redactor.text(each) for each in (entry.reason, *entry.notes) if each]
    for message in filter(None, (entry.request, entry.response)):
        text = (
            redactor.message(readable(message)).strip().removeprefix('<?xml version="1.0" encoding="UTF-8"?>').strip()
        )
        cut = "" if len(text) <= _LONGEST else f"\n... and {len(text) - _LONGEST} characters"
        lines.append(f"{text[:_LONGEST]}{cut}\n")
    return "\n".join(lines)
