"""What memory it takes to iterate over very many leads of a served sandbox: `python -m benchmarks.iterating [leads]`.

The sandbox and the client are processes of their own. Only Linux tells how much memory they take.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.served import SANDBOX, running
from marketo_soap import Client, GetMultipleLeads, LastUpdateAtSelector, Sandbox, StaticListSelector
from marketo_soap.records.lead_keys import LeadSelector
from marketo_soap.sandbox.store.leads import StoredLead

LEADS = 20_000
PAGE = 1_000
SHARES = (10, 50, 100)
LIST = "Everyone"
_BATCH = 10_000
_ITERATE = """
import sys
from benchmarks.iterating import iterate

endpoint, server, leads, selector = sys.argv[1:]
for line in iterate(endpoint, int(server), int(leads), selector):
    print(line, flush=True)
"""
_ATTRIBUTES = {"FirstName": "George", "LastName": "of the Jungle", "Company": "Ape Man Inc.", "City": "Bukuvu"}


def resident(process: int | str = "self") -> float:
    """Return how many MB of memory a process takes now."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+([0-9]+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def fill(path: str, leads: int) -> None:
    """Write so many leads to a sandbox's file, all of them members of one list."""
    with Sandbox(path) as sandbox:
        for start in range(0, leads, _BATCH):
            with sandbox.store.transaction() as kept:
                members = kept.lists.ensure(LIST)
                for number in range(start, min(start + _BATCH, leads)):
                    lead = StoredLead(
                        email=f"lead{number}@example.com", attributes={**_ATTRIBUTES, "Phone": str(number)}
                    )
                    kept.lists.add_member(members.id, kept.insert(lead, sandbox.now()).id)


def selectors(sandbox: Sandbox) -> dict[str, LeadSelector]:
    """Return the selectors that name all leads."""
    since = sandbox.now() - timedelta(days=1)
    return {
        "LastUpdateAtSelector": LastUpdateAtSelector(since, latest_updated_at=sandbox.now()),
        "StaticListSelector": StaticListSelector(LIST),
    }


def iterate(endpoint: str, server: int, leads: int, name: str) -> Iterator[str]:
    """Iterate over all leads; yield what this process and the server take when a share of them has come."""
    with Sandbox() as known, Client(endpoint, *_credentials(known), allow_http=True) as client:
        call = GetMultipleLeads(selectors(known)[name], batch_size=PAGE)
        marks = {max(1, leads * share // 100): share for share in SHARES}
        seen, last = 0, 0
        begun = perf_counter()
        for seen, lead in enumerate(client.iterate(call), 1):
            if lead.id is None or lead.id <= last:
                raise AssertionError(f"lead {lead.id} came after {last}")
            last = lead.id
            if share := marks.get(seen):
                took = perf_counter() - begun
                yield (
                    f"{name}, {share:3} % ({seen:,} leads, {took:.0f} s): "
                    f"client {resident():.1f} MB, sandbox {resident(server):.1f} MB"
                )
        if seen != leads:
            raise AssertionError(f"{seen} of {leads} leads came")


def _credentials(sandbox: Sandbox) -> tuple[str, str]:
    return sandbox.credentials.user_id, sandbox.credentials.encryption_key


def measure(leads: int) -> Iterator[str]:
    """Fill a sandbox, serve it, and iterate over it with each selector, in a new process each time."""
    with TemporaryDirectory() as folder:
        path = f"{folder}/leads.db"
        begun = perf_counter()
        fill(path, leads)
        yield f"{leads:,} leads written in {perf_counter() - begun:.0f} s, {Path(path).stat().st_size >> 20} MB"
        for name in ("LastUpdateAtSelector", "StaticListSelector"):
            with running(SANDBOX, path) as server:
                command = [sys.executable, "-c", _ITERATE, server.endpoint, str(server.pid), str(leads), name]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
                    assert client.stdout is not None
                    yield from map(str.rstrip, client.stdout)
                if client.returncode:
                    raise SystemExit(client.returncode)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.iterating", description=__doc__)
    parser.add_argument("leads", type=int, nargs="?", default=LEADS, help="how many (default: %(default)s)")
    for line in measure(parser.parse_args().leads):
        print(line, flush=True)


if __name__ == "__main__":
    main()
