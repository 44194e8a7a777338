"""A move off SOAP, rehearsed from its first step to its last. It needs no account: sandboxes stand for Marketo.

    pip install 'marketo_soap[cli]'
    python migration.py

1. While SOAP works, record the calls of a program.
2. Check the recordings: will each call work over REST? Nothing is sent.
3. Answer with settings what the check asks.
4. Make the same calls over REST, with the same program.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from marketo_soap import EVERYTHING, BridgeSettings, Client, LeadKey, LeadRecord, Recorder, RestBridge, Sandbox
from marketo_soap.sandbox import Settings

ANSWERS = 'foreign_id_fields = { CUSTOM = "erpId" }\n'  # REST has no foreign ids: a custom field takes them
INSTANCE = Settings(custom_fields={"erpId": "string"})


def program(client: Client) -> list[str]:
    """Do what the program has always done. It does not know what its calls travel over."""
    george = LeadRecord(
        email="t@t.com",
        foreign_sys_person_id="4711",
        foreign_sys_type="CUSTOM",
        attributes={"FirstName": "George"},
    )
    done = [client.sync_lead(george).sync_status.status for _ in range(2)]
    [lead] = client.get_lead(LeadKey("EMAIL", "t@t.com")).lead_records
    return [*done, str(lead.get("FirstName"))]


def check(recordings: Path, settings: Path, *options: str) -> str:
    """Print what `marketo-soap bridge-check` says of the recordings, and return its last line, the verdict."""
    command = [sys.executable, "-m", "marketo_soap", "bridge-check", *options]
    files = ["--envelopes", str(recordings), "--config", str(settings)]
    done = subprocess.run([*command, *files], check=False, capture_output=True, text=True)
    print(done.stdout or done.stderr)
    return done.stdout.rpartition("\n\n")[2].strip()


def rehearse(folder: Path) -> None:
    """Go through the four steps."""
    recordings, config = folder / "recordings", folder / "bridge.toml"
    config.touch()

    with Sandbox() as marketo:  # Marketo, as long as it had SOAP
        record = Recorder(recordings, visible=EVERYTHING)  # with all values: keep the files as safe as the leads
        with Client(transport=marketo.transport(), on_exchange=record) as client:
            over_soap = program(client)

    before = check(recordings, config)
    config.write_text(ANSWERS, encoding="utf-8")
    after = check(recordings, config, "--foreign-ids-filled")  # say so once the existing leads have their ids there

    with Sandbox(settings=INSTANCE) as marketo:  # Marketo's REST API
        user = marketo.rest_credentials
        bridge = RestBridge(
            "https://sandbox.invalid",  # https://100-AEK-913.mktorest.com
            user.client_id,
            user.client_secret,
            settings=BridgeSettings.load(config),
            transport=marketo.transport(),  # not for Marketo itself
        )
        with Client(transport=bridge) as client:
            over_rest = program(client)

    print("before the settings:", before)
    print("after the settings:", after)
    print("over SOAP:", *over_soap)
    print("over REST:", *over_rest)
    if over_rest != over_soap:
        raise SystemExit("the results differ")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        rehearse(Path(folder))
