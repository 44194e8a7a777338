"""The verdict of a call in words, for the page and the terminal."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from marketo_soap.errors import FAULT_TEXTS
from marketo_soap.records.lead import LeadSyncStatus
from marketo_soap.sandbox.journal import HUNG_UP, Entry

__all__ = ["Tone", "describe"]

Tone: TypeAlias = Literal["good", "changed", "bad", "waiting"]

_DIGITS_OF_FAULTS = 5  # codes of REST have other numbers of digits
_RECORDS = re.compile("[0-9]+ (CREATED|UPDATED)(, [0-9]+ (CREATED|UPDATED))*")  # of a REST call, none was skipped


def describe(entry: Entry) -> tuple[Tone, str]:
    """Return whether a call went well, and its verdict in a few words without private values."""
    if entry.response is None:
        return "waiting", "In progress"
    lost = " but hung up" if entry.status and HUNG_UP in entry.remarks else ""
    if entry.verdict == LeadSyncStatus.CREATED:
        return "good", f"Created{lost}"
    if entry.verdict == LeadSyncStatus.UPDATED:
        return "changed", f"Updated{lost}"
    if entry.verdict.isdecimal():
        if len(entry.verdict) != _DIGITS_OF_FAULTS:
            return "bad", f"Error {entry.verdict}"
        return "bad", f"Fault {entry.verdict} {FAULT_TEXTS.get(int(entry.verdict), '')}".rstrip()
    if entry.verdict == "OK":
        return "good", f"OK{lost}"
    if found := _RECORDS.fullmatch(entry.verdict):
        return ("changed" if "UPDATED" in found[0] else "good"), f"{entry.verdict.lower()}{lost}"
    if "FAILED" in entry.verdict or "skipped" in entry.verdict or entry.verdict.startswith("not "):
        return "bad", entry.verdict.capitalize()
    if entry.verdict:
        return "good", f"{entry.verdict[0].upper()}{entry.verdict[1:]}{lost}"
    return "bad", f"HTTP {entry.status}" if entry.status else "Hung up before the call"
