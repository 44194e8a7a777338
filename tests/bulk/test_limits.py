"""The vendor's limits on a virtual clock: used as far as they go, never exceeded. And memory that does not grow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from marketo_soap import Client, InProcessLimiter, LeadRecord, RetryPolicy, Sandbox, bulk
from marketo_soap.calls.limits import VENDOR_LIMITS
from tests.support import VirtualClock

NO_DEADLINE = RetryPolicy(deadline=None)  # it would be a wait of the virtual clock
CALLS = int(os.environ.get("MARKETO_SOAP_CALLS", "600"))


def test_the_limits_are_used_and_never_exceeded() -> None:
    clock = VirtualClock()
    limiter = clock.limiter = InProcessLimiter(VENDOR_LIMITS, clock=clock)
    leads = [LeadRecord(email=f"p{row}@x.com") for row in range(2 * CALLS)]
    with (
        Sandbox(clock=clock.now, limits="vendor") as sandbox,
        Client(transport=sandbox.transport(), limiter=limiter, clock=clock.now, retry=NO_DEADLINE) as client,
    ):
        summary = bulk.sync_leads(leads, client, batch_size=2, clock=clock)
        assert (summary.created, summary.calls) == (2 * CALLS, CALLS)
        assert (client.stats.attempts, client.stats.retries, client.stats.faults) == (CALLS, 0, 0)
        assert all(entry.status == 200 for entry in sandbox.entries())
    least = 20.0 * (CALLS / 100 - 1)  # the first 100 calls need no time
    assert least / clock.seconds >= 0.99


GROWTH = """
import resource, sys
from pathlib import Path
from marketo_soap import Client, bulk
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeadsResult
from marketo_soap.records.lead import SyncStatus

class Constant:
    endpoint = "https://x.invalid"
    last_exchange = None
    def call(self, operation):
        return SyncMultipleLeadsResult((SyncStatus(1, "CREATED"),) * len(operation.lead_records))

path, rows = Path(sys.argv[1]), int(sys.argv[2])
with path.open("w") as file:
    file.write("Email," + ",".join(f"A{n}" for n in range(20)) + "\\n")
    for row in range(rows):
        file.write(f"p{row}@x.com," + ",".join(f"value {n} of {row}" for n in range(20)) + "\\n")
assert bulk.sync_leads(path, Constant()).created == rows
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(path: Path, rows: int) -> int:
    """The kilobytes that a process takes at most which syncs so many rows."""
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(path), str(rows)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def test_the_memory_does_not_grow_with_the_source(tmp_path: Path) -> None:
    few, many = peak(tmp_path / "few.csv", 8_000), peak(tmp_path / "many.csv", 24_000)
    assert many < 1.15 * few
