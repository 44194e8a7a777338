"""The callers in docs/examples, in PHP and Java, send a lead through a gateway."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gateway.support import KEYS, Served
from tests.peers.test_peers import succeeds

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


def has_php() -> bool:
    return succeeds("php", "-r", "exit(class_exists('SoapClient') ? 0 : 1);")


CALLERS = [
    pytest.param(("php", "gateway_caller.php"), has_php, id="PHP"),
    pytest.param(
        ("java", "-XX:TieredStopAtLevel=1", "GatewayCaller.java"), lambda: shutil.which("javac") is not None, id="Java"
    ),
]


@pytest.mark.parametrize(("command", "is_there"), CALLERS)
def test_a_caller_sends_a_lead(gateway: Served, command: tuple[str, ...], is_there: Callable[[], bool]) -> None:
    if not is_there():
        pytest.skip(f"needs {command[0]}")

    def call(email: str, key: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {
            "MARKETO_SOAP_ENDPOINT": gateway.url,
            "MARKETO_SOAP_USER_ID": "user_0_0123456789",
            "MARKETO_SOAP_ENCRYPTION_KEY": key,
        }
        arguments = [*command[:-1], str(EXAMPLES / command[-1]), email, "Ŝan & <Co>"]
        return subprocess.run(arguments, env=env, timeout=60, capture_output=True, text=True)

    email = f"{command[0]}.example@jungle.example"
    done = call(email, KEYS["KEY_0"])
    assert done.returncode == 0, done.stderr
    [lead] = [each for each in gateway.sandbox.leads() if each.email == email]
    assert done.stdout == f"CREATED lead {lead.id}\n"
    assert lead.get("FirstName") == "Ŝan & <Co>"

    refused = call(email, "another key")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("refused (20014): ")
