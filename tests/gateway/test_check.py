"""`--check`: what it finds before anybody is let in."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketo_soap import Sandbox
from marketo_soap.gateway import GatewaySettings
from marketo_soap.gateway.check import check
from marketo_soap.gateway.secrets import resolve
from marketo_soap.sandbox.settings import Settings, Workspace, Workspaces
from tests.gateway.support import PATIENCE, configuration, environment, run

FIELDS = Settings(
    custom_fields={"erpId": "string", "notes": "text"},
    workspaces=Workspaces(enabled=True, workspaces=(Workspace("Default", "Default"), Workspace("Europe", "EU"))),
)
BRIDGE = "bridge = {foreign_id_fields = {CUSTOM = '%s'}, workspace_partitions = {Europe = '%s'}, attribute_names = {A = '%s'}}"


def problems(folder: Path, sandbox: Sandbox, bridge: str = "", **environ: str) -> list[str]:
    with sandbox.serve() as endpoint:
        (folder / "gateway.toml").write_text(configuration(endpoint, [bridge, ""]))
        settings = GatewaySettings.load(folder / "gateway.toml")
        return [each.message for each in check(settings, resolve(settings, environment() | environ)) if not each.ok]


def test_all_is_well(tmp_path: Path) -> None:
    with Sandbox(settings=FIELDS) as sandbox:
        assert problems(tmp_path, sandbox, BRIDGE % ("erpId", "EU", "firstName")) == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("nope", "EU", "firstName"), "foreign_id_fields.CUSTOM: the instance has no field nope"),
        (("notes", "EU", "firstName"), "foreign_id_fields.CUSTOM: the field notes is of type text, not string, "),
        (("mktoName", "EU", "firstName"), "foreign_id_fields.CUSTOM: the field mktoName cannot be written"),
        (
            ("erpId", "US", "firstName"),
            "workspace_partitions.Europe: the partition US does not exist; there are Default, EU",
        ),
        (("erpId", "EU", "nope"), "attribute_names.A: the instance has no field nope"),
    ],
)
def test_each_problem_is_told(tmp_path: Path, names: tuple[str, str, str], message: str) -> None:
    with Sandbox(settings=FIELDS) as sandbox:
        (found,) = problems(tmp_path, sandbox, BRIDGE % names)
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        ({"operation": "identity", "status": 503, "html": True}, ["credentials: HTTP 503 without a token"]),
        ({"operation": "identity", "close": "before"}, ["credentials: no answer from http://127.0.0.1:"]),
        ({"operation": "describeLead", "rest": "603"}, ["describe: REST 603: access denied: the role"]),
        (
            {"operation": "describeLead", "body": '{"success":true,"result":[7]}'},
            ["describe: the reply has an unexpected form"],
        ),
        ({"operation": "getLeadPartitions", "rest": "610"}, ["partitions: REST 610: there is no such call"]),
    ],
)
def test_what_rest_refuses_is_told(tmp_path: Path, rule: dict[str, Any], messages: list[str]) -> None:
    with Sandbox(settings=FIELDS) as sandbox:
        sandbox.fail(**rule)
        found = problems(tmp_path, sandbox)
    assert len(found) == len(messages)
    assert all(each.startswith(begin) for each, begin in zip(found, messages, strict=True))


def test_an_address_where_nobody_listens_is_told(tmp_path: Path) -> None:
    with socket.socket() as silent:  # it has a port, and does not listen
        silent.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        (tmp_path / "gateway.toml").write_text(configuration(f"http://{address}/soap/", [""]))
        settings = GatewaySettings.load(tmp_path / "gateway.toml")
        (result,) = check(settings, resolve(settings, environment()))
    assert result.message.startswith(f"credentials: no answer from http://{address}: ConnectError (")
    assert FIELDS.client_secret not in result.message


def test_a_wrong_secret_is_told(tmp_path: Path) -> None:
    with Sandbox(settings=FIELDS) as sandbox:
        (message,) = problems(tmp_path, sandbox, SECRET="wrong-wrong")
    assert message == "credentials: the client id or the client secret is refused (HTTP 401)"


def test_odd_replies_hide_nothing_and_break_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = BRIDGE % ("erpId", "Nowhere", "firstName")
    (tmp_path / "gateway.toml").write_text(configuration("https://100-AEK-913.mktorest.com/soap/", [text]))
    settings = GatewaySettings.load(tmp_path / "gateway.toml")
    fields: list[Any] = [{"id": 1}, {"rest": "x"}, {"rest": {"name": ["y"]}}, 7]
    fields += [{"rest": {"name": name}, "dataType": "string"} for name in ("erpId", "firstName")]
    replies = {
        "/identity/oauth/token": {"access_token": "t0ken"},
        "/rest/v1/leads/describe.json": {"success": True, "result": fields},
        "/rest/v1/leads/partitions.json": {"success": True, "result": [{"name": 1}, {"name": "EU"}, {}]},
    }
    caplog.set_level(logging.INFO)
    network = httpx.MockTransport(lambda request: httpx.Response(200, json=replies[request.url.path]))
    messages = [
        each.message for each in check(settings, resolve(settings, environment()), transport=network) if not each.ok
    ]
    assert messages == ["workspace_partitions.Europe: the partition Nowhere does not exist; there are EU"]
    replies["/identity/oauth/token"] = {"access_token": "two\r\nlines"}
    messages = [each.message for each in check(settings, resolve(settings, environment()), transport=network)]
    assert messages == ["credentials: HTTP 200 without a token"]
    assert FIELDS.client_secret not in caplog.text


@pytest.mark.parametrize(("field", "code"), [("erpId", 0), ("nope", 1)])
def test_the_command_ends_with_the_result(tmp_path: Path, field: str, code: int) -> None:
    with Sandbox(settings=FIELDS) as sandbox, sandbox.serve() as endpoint:
        process = run(tmp_path, configuration(endpoint, [BRIDGE % (field, "EU", "firstName")]), "--check")
        out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert errors == ""
    assert out.count("problem") == code
    assert "ok       rest main: credentials: REST returned a token\n" in out
    assert FIELDS.client_secret not in out
