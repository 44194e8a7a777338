"""Pages of leads: reading one, what it costs in memory, and how a sandbox's page grows with the number of leads."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from functools import partial

from lxml import etree

from benchmarks.timing import Ratio, fastest, ratio
from marketo_soap import (
    Attribute,
    GetMultipleLeads,
    GetMultipleLeadsResult,
    LastUpdateAtSelector,
    LeadKeySelector,
    LeadRecord,
    Sandbox,
    StaticListSelector,
    envelope,
)
from marketo_soap.records.lead_keys import LeadSelector
from marketo_soap.sandbox.operations.get_multiple_leads import get_multiple_leads
from marketo_soap.sandbox.operations.outcome import World

LEADS, ATTRIBUTES = 1_000, 30
_MEMORY = """
import re, sys
from pathlib import Path
from benchmarks import pages

def peak():
    return int(re.search("VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1]) * 1024

data = sys.stdin.buffer.read()
read = pages.raw if sys.argv[1] == "raw" else pages.parse
read(pages.reply(1))
before = peak()
kept = read(data)
print((peak() - before) / len(data))
"""


def reply(leads: int = LEADS) -> bytes:
    """Return a page of leads with 30 attributes each."""
    records = tuple(
        LeadRecord(
            id=1_000_000 + number,
            email=f"lead{number}@example.com",
            attributes=[Attribute(f"Field{each:02}", f"value {number} {each}", "string") for each in range(ATTRIBUTES)],
        )
        for number in range(leads)
    )
    return envelope.write_reply(GetMultipleLeads, GetMultipleLeadsResult(leads, 0, "", records))


def raw(data: bytes) -> list[dict[str, object]]:
    """Read a page into dicts, with one pass over lxml's tree."""
    found: list[dict[str, object]] = []
    for record in etree.fromstring(data).iter("leadRecord"):
        lead: dict[str, object] = {}
        for child in record:
            if child.tag == "leadAttributeList":
                lead["attributes"] = {name.text: (kind.text, value.text) for name, kind, value in child}
            else:
                lead[str(child.tag)] = child.text
        found.append(lead)
    return found


def parse(data: bytes) -> GetMultipleLeadsResult:
    """Read a page with the library."""
    return envelope.reply(GetMultipleLeads, data)


def reading_ratio(seconds: float) -> Ratio:
    """Return how much longer the library takes to read a page than one pass over lxml's tree."""
    data = reply()
    return ratio(partial(parse, data), partial(raw, data), seconds)


def memory(how: str) -> float:
    """Return what reading a page costs in memory at most, in sizes of the reply: in a process of its own."""
    command = [sys.executable, "-c", _MEMORY, how]
    return float(subprocess.run(command, input=reply(), capture_output=True, check=True).stdout)


def page_times(leads: int, seconds: float) -> dict[str, float]:
    """Return the seconds that a page of 100 leads takes in a sandbox of so many, for each selector."""
    members = tuple(str(number) for number in range(1_000_001, 1_000_001 + leads))
    with Sandbox() as sandbox:
        sandbox.seed({"email": f"lead{number}@example.com", "lists": ["All"]} for number in range(leads))
        now = sandbox.now()
        selectors: dict[str, LeadSelector] = {
            "LeadKeySelector": LeadKeySelector("IDNUM", members[-100:]),
            "StaticListSelector": StaticListSelector("All"),
            "LastUpdateAtSelector": LastUpdateAtSelector(
                latest_updated_at=now, oldest_updated_at=now - timedelta(days=1)
            ),
        }
        with sandbox.store.reading() as kept:
            world = World(kept, sandbox.settings, now)
            found = {}
            for name, selector in selectors.items():
                call = GetMultipleLeads(selector, batch_size=100)
                found[name] = fastest(partial(get_multiple_leads, call, world), seconds)
        return found
