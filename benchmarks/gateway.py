"""A SOAP call through the gateway against the bare REST call that it becomes, both over loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.samples import EMAIL, SEED_VALUES, operation
from benchmarks.served import running
from benchmarks.timing import Ratio, ratio
from marketo_soap import envelope
from marketo_soap.sandbox.settings import Settings
from marketo_soap.signature import Credentials, sign, timestamp

CALLER = Credentials("bench_1_0123456789ABCDEF", "00112233445566778899")
REST = Settings()
RECORD = {"email": EMAIL, "firstName": SEED_VALUES["FirstName"], "lastName": SEED_VALUES["LastName"]}

CONFIGURATION = """
port = 0
access_log = "access.log"
[[rest]]
base_url = "{origin}"
client_id = "{client_id}"
client_secret_env = "CLIENT_SECRET"
limits = {{calls = 100000000, per_day = 100000000}}
[[callers]]
name = "bench"
user_id = "{user_id}"
encryption_key_env = "ENCRYPTION_KEY"
"""

SANDBOX = """
import sys
from marketo_soap import Sandbox
from marketo_soap.sandbox.server import bound, serve_forever

sandbox = Sandbox()
if float(sys.argv[1]):
    sandbox.fail(times=None, operation="syncLeads", delay=float(sys.argv[1]))
listener, endpoint = bound("127.0.0.1", 0)
print(endpoint.partition("/soap/")[0], flush=True)
serve_forever(sandbox, listener)
"""


def call_ratio(seconds: float, rest_takes: float = 0.0) -> Ratio:
    """Return how many times longer a call through the gateway takes than the REST call to the same sandbox.

    Gateway and sandbox are processes of their own; both sides post ready bytes with httpx and keep their
    connections. *rest_takes* is the seconds that the sandbox waits before it answers.
    """
    header = sign(CALLER, timestamp(datetime.now(UTC)))
    soap = envelope.request(operation(SEED_VALUES), header)
    rest = json.dumps({"action": "createOrUpdate", "lookupField": "email", "input": [RECORD]}).encode()
    with (
        running(SANDBOX, str(rest_takes)) as sandbox,
        _gateway(sandbox.endpoint) as endpoint,
        httpx.Client(trust_env=False) as http,
    ):
        origin = sandbox.endpoint
        given = {"client_id": REST.client_id, "client_secret": REST.client_secret, "grant_type": "client_credentials"}
        token = http.get(f"{origin}/identity/oauth/token", params=given).json()["access_token"]
        json_headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        xml_headers = {"Content-Type": "text/xml; charset=utf-8"}

        def through_the_gateway() -> None:
            http.post(endpoint, content=soap, headers=xml_headers).raise_for_status()

        def bare() -> None:
            http.post(f"{origin}/rest/v1/leads.json", content=rest, headers=json_headers).raise_for_status()

        return ratio(through_the_gateway, bare, seconds)


@contextmanager
def _gateway(origin: str) -> Iterator[str]:
    with TemporaryDirectory() as folder:
        text = CONFIGURATION.format(origin=origin, client_id=REST.client_id, user_id=CALLER.user_id)
        configuration = Path(folder, "gateway.toml")
        configuration.touch(0o600)
        configuration.write_text(text)
        command = [sys.executable, "-m", "marketo_soap.cli", "gateway", "--config", "gateway.toml"]
        here = {"PYTHONPATH": str(Path(__file__).parents[1])}
        env = os.environ | here | {"CLIENT_SECRET": REST.client_secret, "ENCRYPTION_KEY": CALLER.encryption_key}
        with subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            try:
                lines = [process.stderr.readline().strip() for _ in range(3)]
                if lines[-1] != "ready":
                    raise RuntimeError(f"the gateway did not start: {lines}")
                yield lines[0].partition(" at ")[2]
            finally:
                process.terminate()
