"""Bulk sync: rows a second without limits, and the memory of a large run: `python -m benchmarks.bulk [--memory ROWS]`.

The memory is that of a process that reads the file, sends it to a sandbox in the same process, whose database is on
disk, and keeps the ledger.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from marketo_soap import Client, LeadRecord, Sandbox, bulk
from marketo_soap.records.lead_fields import standard_fields

ATTRIBUTES = 20
ROWS = 6_000


def attributes() -> list[str]:
    """Return the names of standard fields of text."""
    fields = standard_fields().values()
    names = [field.soap_name for field in fields if field.soap_name not in (None, "Email") and field.type == "string"]
    return [str(name) for name in names[:ATTRIBUTES]]


def write_leads(path: Path, rows: int) -> None:
    """Write a CSV of leads."""
    names = attributes()
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(["Email", *names]) + "\n")
        for row in range(rows):
            cells = ",".join(f"{name} {row}" for name in names)
            file.write(f"person{row}@example.com,{cells}\n")


def peak_memory(rows: int) -> tuple[int, float]:
    """Return the bytes of memory that a process takes at most to sync so many rows, and its seconds."""
    with TemporaryDirectory() as folder:
        write_leads(Path(folder, "leads.csv"), rows)
        command = [sys.executable, "-m", "benchmarks.bulk", "--in", folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        kilobytes, seconds = done.stdout.split()
        return int(kilobytes) * 1024, float(seconds)


def _sync_in(folder: Path) -> None:
    with Sandbox(folder / "sandbox.db") as sandbox, Client(transport=sandbox.transport()) as client:
        summary = bulk.sync_leads(folder / "leads.csv", client)
    if not summary.complete:
        raise AssertionError(summary)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, summary.seconds)


# -- rates --------------------------------------------------------------------------------------------


def by_bulk(leads: list[LeadRecord], endpoint: str, user: Any) -> None:
    """Sync by batches, with a ledger on disk."""
    with Client(endpoint, user.user_id, user.encryption_key) as client, TemporaryDirectory() as folder:
        summary = bulk.sync_leads(leads, client, ledger=f"{folder}/ledger")
        if summary.done != len(leads):
            raise AssertionError(summary)


def by_sync_lead(leads: list[LeadRecord], endpoint: str, user: Any) -> None:
    """Sync one lead after the other."""
    with Client(endpoint, user.user_id, user.encryption_key) as client:
        for lead in leads:
            client.sync_lead(lead)


def by_zeep(leads: list[LeadRecord], endpoint: str, user: Any) -> None:
    """Sync by zeep's syncMultipleLeads, 300 leads after the other."""
    import zeep

    from marketo_soap import signature
    from marketo_soap.client.base import local_now

    untyped: Any = zeep.Client
    client = untyped(f"{endpoint}?WSDL")
    service = client.create_service(next(iter(client.wsdl.bindings)), endpoint)
    for first in range(0, len(leads), 300):
        header = signature.sign(user, signature.timestamp(local_now()))
        records = [
            {
                "Email": lead.email,
                "leadAttributeList": {
                    "attribute": [{"attrName": each.name, "attrValue": each.value} for each in lead.attributes]
                },
            }
            for lead in leads[first : first + 300]
        ]
        authentication = {
            "mktowsUserId": header.mktows_user_id,
            "requestSignature": header.request_signature,
            "requestTimestamp": header.request_timestamp,
        }
        service.syncMultipleLeads(
            leadRecordList={"leadRecord": records},
            dedupEnabled=True,
            _soapheaders={"authentication": authentication},
        )


def rate(work: Callable[[list[LeadRecord], str, Any], None], rows: int) -> float:
    """Return how many leads a second a way of syncing sends to a sandbox on disk, which runs in another process."""
    from benchmarks.served import SANDBOX, running

    names = attributes()
    leads = [
        LeadRecord(email=f"person{row}@example.com", attributes={name: f"{name} {row}" for name in names})
        for row in range(rows)
    ]
    with Sandbox() as sandbox:
        user = sandbox.credentials
    with TemporaryDirectory() as folder, running(SANDBOX, f"{folder}/leads.db") as server:
        begun = perf_counter()
        work(leads, server.endpoint, user)
        return rows / (perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description=__doc__)
    parser.add_argument("--memory", type=int, metavar="ROWS", help="the memory of a run of so many rows instead")
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder is not None:
        _sync_in(options.folder)
    elif options.memory:
        size, seconds = peak_memory(options.memory)
        print(f"{options.memory:,} rows of {ATTRIBUTES} attributes: at most {size / 1e6:.0f} MB, {seconds:.0f} s")
    else:
        ways = {"bulk.sync_leads": (by_bulk, ROWS), "sync_lead in a loop": (by_sync_lead, ROWS // 20)}
        ways["zeep's syncMultipleLeads"] = (by_zeep, ROWS // 2)
        rates = {name: median(rate(work, rows) for _ in range(3)) for name, (work, rows) in ways.items()}
        for name, found in rates.items():
            against = rates["bulk.sync_leads"] / found
            print(f"| {name} | {found:,.0f} leads a second | {against:.1f}x |")


if __name__ == "__main__":
    main()
