"""A real gateway: a process of its own, with a served sandbox behind it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define, evolve

from marketo_soap import Credentials, Fault, LeadRecord, Sandbox, SyncLead, SyncLeadResult, envelope, signature
from marketo_soap.sandbox import server
from marketo_soap.sandbox.settings import Settings

KEYS = {f"KEY_{number}": f"{number}f00dfeedf00d" for number in range(10)}
FIELDS = Settings(custom_fields={"erpId": "string", "notes": "text"})
PATIENCE = 60.0  # seconds that anything here may take

Serve = Callable[..., "Served"]
"""The fixture `serve`: serves a gateway, and a sandbox behind it, until the test ends; arguments of `serving`."""

LEAD = LeadRecord(email="george@jungle.example", attributes={"FirstName": "George"})


@define
class Served:
    """A gateway process; `sandbox` is what stands behind it."""

    process: subprocess.Popen[str]
    url: str
    admin: str
    sandbox: Sandbox
    folder: Path
    http: httpx.Client

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        return self.http.post(self.url, content=body, headers={"Content-Type": "text/xml; charset=utf-8"} | headers)

    def call(self, caller: int = 0, lead: LeadRecord = LEAD, **signing: Any) -> str:
        """The status of a syncLead, or the code of its fault."""
        return outcome(self.post(signed(caller, lead, **signing)))

    def log(self) -> list[dict[str, Any]]:
        """The access log, once all that was answered stands in it."""
        end = time.monotonic() + PATIENCE
        while True:
            text = (self.folder / "access.log").read_text()
            lines = text[: text.rfind("\n") + 1].splitlines()  # the last may be half written
            if self.process.poll() is not None or time.monotonic() > end:
                break
            if len(lines) >= self.metrics()["marketo_gateway_call_seconds_count"]:
                break
            time.sleep(0.01)
        return [json.loads(line) for line in lines]

    def metrics(self) -> dict[str, float]:
        response = self.http.get(f"{self.admin}/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        return parsed_metrics(response.text)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def signed(
    caller: int = 0, lead: LeadRecord = LEAD, *, seconds: float = 0, key: str | None = None, user: str | None = None
) -> bytes:
    """A request of a caller, signed so many *seconds* from now."""
    credentials = Credentials(user or f"user_{caller}_0123456789", key or KEYS[f"KEY_{caller}"])
    time = datetime.now(UTC) + timedelta(seconds=seconds)
    return envelope.request(SyncLead(lead), signature.sign(credentials, signature.timestamp(time)))


def outcome(response: httpx.Response) -> str:
    assert response.headers["content-type"].startswith("text/xml")
    message = envelope.read(response.content)
    if isinstance(message, Fault):
        assert response.status_code in (500, 408, 413)
        assert message.name == "mktServiceException"
        return str(message.code)
    assert response.status_code == 200
    assert isinstance(message, envelope.Reply)
    assert isinstance(message.result, SyncLeadResult)
    return str(message.result.sync_status.status)


def configuration(sandbox_url: str, callers: list[str], *, top: str = "", rest: str = "") -> str:
    origin = sandbox_url.partition("/soap/")[0]
    lines = [
        "port = 0",
        top,
        f'[[rest]]\nbase_url = "{origin}/rest"\nclient_id = "{Settings().client_id}"',
        f'client_secret_env = "SECRET"\n{rest}',
    ]
    for number, more in enumerate(callers):
        who = f'name = "caller-{number}"\nuser_id = "user_{number}_0123456789"\nencryption_key_env = "KEY_{number}"'
        lines.append(f"[[callers]]\n{who}\n{more}")
    return "\n".join(lines)


def environment() -> dict[str, str]:
    return {**os.environ, **KEYS, "SECRET": Settings().client_secret}


def run(
    folder: Path, text: str, *options: str, env: Mapping[str, str] | None = None, before: str = ""
) -> subprocess.Popen[str]:
    """A process of the command; *before* is code that it begins with."""
    (folder / "gateway.toml").write_text(text)
    (folder / "gateway.toml").chmod(0o600)
    code = f"{before}\nfrom marketo_soap.cli.commands import cli\ncli()"
    module = ["-c", code] if before else ["-m", "marketo_soap.cli"]
    command = [sys.executable, "-W", "error", *module, "gateway", "--config", "gateway.toml"]
    pipe = subprocess.PIPE
    env = {"PYTHONPATH": str(Path(__file__).parents[2]), **(environment() if env is None else env)}
    return subprocess.Popen([*command, *options], cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True)


@contextmanager
def serving(
    folder: Path,
    sandbox: Sandbox,
    callers: list[str] | None = None,
    *,
    top: str = "",
    rest: str = "",
    log: str = "access.log",
    before: str = "",
    verify: ssl.SSLContext | bool = True,
    endpoint: str | None = None,
) -> Iterator[Served]:
    """Serve a gateway to *sandbox*, which is served at *endpoint* or here."""
    top = f'access_log = "{log}"\n{top}'
    with sandbox.serve() if endpoint is None else nullcontext(endpoint) as endpoint:
        process = run(folder, configuration(endpoint, callers or [""], top=top, rest=rest), before=before)
        assert process.stderr is not None
        lines = [process.stderr.readline().strip() for _ in range(3)]
        assert lines[2] == "ready", lines
        url, admin = (line.partition(" at ")[2] for line in lines[:2])
        try:
            with httpx.Client(trust_env=False, timeout=PATIENCE, verify=verify) as http:
                yield Served(process, url, admin.removesuffix("/readyz"), sandbox, folder, http)
        finally:
            process.kill()
            process.communicate()


@contextmanager
def held(sandbox: Sandbox) -> Iterator[list[Any]]:
    """Let REST answer no write of a lead before the block ends; gives the answers that wait."""
    waiting: list[Any] = []
    over, deliver = threading.Event(), server._deliver

    async def late(answer: Any, *arguments: Any) -> None:
        if answer.delay:
            waiting.append(answer)
        while answer.delay and not over.is_set():
            await asyncio.sleep(0.01)
        await deliver(evolve(answer, delay=0.0), *arguments)

    sandbox.fail(times=None, delay=1.0, operation="syncLeads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_deliver", late)
        try:
            yield waiting
        finally:
            sandbox.script.clear()
            over.set()


def parsed_metrics(text: str) -> dict[str, float]:
    """The samples of a document in the text exposition format, which is read strictly."""
    names: dict[str, str] = {}
    samples: dict[str, float] = {}
    label = r'[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"'
    assert text.endswith("\n")
    helped = ""
    for line in text.splitlines():
        if found := re.fullmatch(r"# HELP ([a-z_]+) \S.*", line):
            helped = found[1]
            assert helped not in names
        elif found := re.fullmatch(r"# TYPE ([a-z_]+) (counter|gauge|histogram)", line):
            assert found[1] == helped
            names[found[1]] = found[2]
        else:
            found = re.fullmatch(rf"([a-z_]+)(\{{{label}(?:,{label})*\}})? (\d+(?:\.\d+)?(?:e[+-]?\d+)?)", line)
            assert found, line
            name = re.sub("_(bucket|sum|count)$", "", found[1]) if names[helped] == "histogram" else found[1]
            assert name == helped
            assert found[0].rpartition(" ")[0] not in samples
            samples[found[0].rpartition(" ")[0]] = float(found[3])
    for name, kind in names.items():
        assert (kind == "counter") == name.endswith("_total")
        if kind == "histogram":
            buckets = [value for sample, value in samples.items() if sample.startswith(f"{name}_bucket")]
            assert buckets == sorted(buckets)
            assert buckets[-1] == samples[f'{name}_bucket{{le="+Inf"}}'] == samples[f"{name}_count"]
    return samples
