"""Make `sandbox-page.png`: the page of a sandbox that a service has called, photographed by headless Chromium.

Run `python docs/picture.py` with the `server` extra and `chromium` installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from marketo_soap import Client, Fault, LeadKey, LeadRecord, Sandbox, SyncLead, envelope, signature
from marketo_soap.calls.retry import NO_RETRY

PICTURE = Path(__file__).with_name("sandbox-page.png")
NOW = datetime(2013, 8, 5, 16, 34, 19, tzinfo=UTC)
PEOPLE = ("Ada Lovelace", "Grace Hopper", "Alan Turing")


def make_calls(sandbox: Sandbox) -> int:
    """Call the sandbox as a service might, and return the number of the call to be shown."""
    with Client(transport=sandbox.transport(), retry=NO_RETRY, clock=lambda: NOW) as client:
        for person in PEOPLE:
            first, last = person.split()
            names = {"FirstName": first, "LastName": last}
            client.sync_lead(LeadRecord(email=f"{first.lower()}@example.com", attributes=names))
        client.get_lead(LeadKey("EMAIL", "ada@example.com"))
        for refused in (LeadRecord(id=7), LeadRecord(email="ada@example.com", attributes={"Town": "London"})):
            with suppress(Fault):
                client.sync_lead(refused)
        client.sync_lead(LeadRecord(email="ada@example.com", attributes={"City": "London"}))
    lead = SyncLead(LeadRecord(id=1000001, email="ada.lovelace@example.com"))
    data = envelope.request(lead, signature.sign(sandbox.credentials, signature.timestamp(NOW)))
    sandbox.respond(data.replace(b"<Id>1000001</Id>", b"<id>1000001</id>"))
    return sandbox.entries()[-1].number


def photograph(url: str, width: int = 1280, height: int = 1000) -> None:
    """Write the picture of a page."""
    browser = shutil.which("chromium") or sys.exit("chromium is not installed")
    with TemporaryDirectory() as profile:
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        command += [f"--user-data-dir={profile}", f"--window-size={width},{height}", "--force-device-scale-factor=0.85"]
        command += [f"--screenshot={PICTURE}"]
        subprocess.run([*command, "--timeout=3000", url], check=True, timeout=60, capture_output=True)


def main() -> None:
    """Serve a sandbox and write the picture."""
    with Sandbox(clock=lambda: NOW) as sandbox, sandbox.serve() as endpoint:
        number = make_calls(sandbox)
        photograph(endpoint.replace("/soap/mktows/2_2", f"/_sandbox/page/calls/{number}"))


if __name__ == "__main__":
    main()
