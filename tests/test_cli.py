"""The command, as a person and as a program use it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import marketo_soap
from marketo_soap import AuthenticationHeader, NotFoundFault, Sandbox, envelope, signature
from tests.support import COOKIE, CREDENTIALS, FIXTURES, SEED_HEADER, fixture
from tests.support import run_command as run

VARIABLES = ("MARKETO_SOAP_ENDPOINT", "MARKETO_SOAP_USER_ID", "MARKETO_SOAP_ENCRYPTION_KEY")
REST_VARIABLES = ("MARKETO_REST_ENDPOINT", "MARKETO_REST_CLIENT_ID", "MARKETO_REST_CLIENT_SECRET")
SEED_OPTIONS = ["--email", "t@t.com", "FirstName=George", "LastName=of the Jungle"]


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    user = CREDENTIALS
    with (
        Sandbox(user_id=user.user_id, encryption_key=user.encryption_key) as sandbox,
        sandbox.serve() as endpoint,
    ):
        yield dict(zip(VARIABLES, (endpoint, user.user_id, user.encryption_key), strict=True))


# -- sync-lead ----------------------------------------------------------------------------------------


def test_a_lead_goes_to_the_embedded_sandbox() -> None:
    assert run("sync-lead", "--sandbox", *SEED_OPTIONS).stdout == "CREATED lead 1000001 (key: Email)\n"


def test_the_whole_lead_is_shown_when_it_is_asked_for() -> None:
    lines = run("sync-lead", "--sandbox", "--return-lead", *SEED_OPTIONS).stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["Id", "1000001"],
        ["Email", "t@t.com"],
        ["FirstName", "string", "George"],
        ["LastName", "string", "of", "the", "Jungle"],
    ]


def test_a_file_keeps_the_sandboxes_leads(tmp_path: Path) -> None:
    path = str(tmp_path / "leads.db")
    assert "CREATED" in run("sync-lead", "--sandbox-db", path, *SEED_OPTIONS).stdout
    assert "UPDATED" in run("sync-lead", "--sandbox-db", path, *SEED_OPTIONS).stdout


def test_all_the_keys_are_sent(served: dict[str, str]) -> None:
    created = run("sync-lead", "--email", "all@t.com", "--json", env=served)
    lead_id = str(json.loads(created.stdout)["lead_id"])
    keys = ["--id", lead_id, "--foreign-id", "x1", "--foreign-type", "CUSTOM", "--cookie", COOKIE]
    shown = run(
        "sync-lead",
        *keys,
        "--workspace",
        "Default",
        "--return-lead",
        "--json",
        "--show-envelopes",
        "--raw",
        "City=Rome",
        env=served,
    )
    record = json.loads(shown.stdout)["lead_record"]
    assert (record["foreign_sys_person_id"], record["foreign_sys_type"]) == ("x1", "CUSTOM")
    assert record["attributes"] == [{"name": "City", "type": "string", "value": "Rome"}]
    sent = re.findall(r"<SOAP-ENV:Envelope.*", shown.stderr)[0]
    read = envelope.read_request(sent.encode())
    assert read.context is not None
    assert read.context.target_workspace == "Default"
    assert read.operation.marketo_cookie == COOKIE  # type: ignore[attr-defined]
    assert read.header is not None
    assert signature.verify(CREDENTIALS, read.header)


def test_json_is_for_programs() -> None:
    data = json.loads(run("sync-lead", "--sandbox", "--json", *SEED_OPTIONS).stdout)
    assert data == {
        "lead_id": 1000001,
        "sync_status": {"lead_id": 1000001, "status": "CREATED", "error": None},
        "lead_record": None,
    }


def test_envelopes_are_shown_as_sent_without_what_is_private() -> None:
    shown = run("sync-lead", "--sandbox", "--show-envelopes", *SEED_OPTIONS).stdout
    assert "--> POST http://127.0.0.1:" in shown
    assert "<-- HTTP 200" in shown
    for private in ("t@t.com", "George", "Jungle", "sandbox_1_"):
        assert private not in shown
    assert "\x1b" not in shown
    raw = run("sync-lead", "--sandbox", "--show-envelopes", "--raw", *SEED_OPTIONS).stdout
    assert "<attrValue>George</attrValue>" in raw


def test_a_refusal_is_exit_code_1_with_its_reason(served: dict[str, str]) -> None:
    result = run("sync-lead", "--id", "7", env=served, code=1)
    assert result.stderr == (
        "Error: NotFoundFault: syncLead: 20103 No lead found with IDNUM = 7 [20103 - Lead not found]\n"
        f"See {NotFoundFault.help_url}\n"
    )
    data = json.loads(run("sync-lead", "--id", "7", "--json", env=served, code=1).stdout)
    assert (data["error"]["code"], data["error"]["help"]) == (20103, NotFoundFault.help_url)
    wrong = served | {"MARKETO_SOAP_ENCRYPTION_KEY": "other"}
    refused = run("sync-lead", "--email", "a@b.c", env=wrong, code=1).stderr
    assert "20014" in refused
    assert refused.endswith(
        "\nRun marketo-soap doctor --call: it checks the environment and makes calls that change nothing.\n"
    )
    shown = run("sync-lead", "--id", "7", "--show-envelopes", env=served, code=1).stdout
    assert "<-- HTTP 500" in shown


@pytest.mark.parametrize(
    ("args", "used", "message"),
    [
        (["call", "getLead"], "call getLead", "leadKey missing"),
        (["call", "getLeed"], "call", "'getLeed' is not an operation: did you mean getLead?"),
        (["call", "xyz"], "call", "'xyz' is not an operation: marketo-soap operations lists all"),
        (["sync-lead", "--sandbox"], "sync-lead", "the lead has no key"),
    ],
)
def test_wrong_use_names_the_help_of_the_command(args: list[str], used: str, message: str) -> None:
    shown = run(*args, code=2).stderr
    assert re.search(rf"{used} (--help|-h)' for help\.", shown)  # -h: click 8.1
    assert f"Error: {message}" in shown


@pytest.mark.parametrize(
    ("missing", "args", "message"),
    [
        ("uvicorn", ["sandbox", "--port", "0"], "uvicorn"),
        ("uvicorn", ["sync-lead", "--sandbox", *SEED_OPTIONS], "Sandbox.serve needs"),
        ("pyarrow", ["fetch-leads", "--sandbox", "--list-id", "1", "-o", "x.parquet"], "need pyarrow"),
    ],
)
def test_a_missing_extra_is_a_message(missing: str, args: list[str], message: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from marketo_soap.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", program, *args], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ")
    assert message in ended.stderr
    assert "pip install 'marketo_soap[" in ended.stderr


def test_nobody_listening_is_exit_code_1(served: dict[str, str]) -> None:
    env = served | {"MARKETO_SOAP_ENDPOINT": "http://127.0.0.1:1/"}
    assert "TransportError: syncLead was not sent" in run("sync-lead", *SEED_OPTIONS, env=env, code=1).stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--sandbox"], "the lead has no key"),
        (["--sandbox", "--id", "0"], "Id must be a positive"),
        (["--sandbox", "--id", "seven"], "not a valid int"),
        (["--sandbox", "--foreign-id", "x"], "ForeignSysType is missing"),
        (["--sandbox", "--foreign-id", "x", "--foreign-type", "SAP"], "Invalid value"),
        (["--sandbox", "--email", "a@b.c", "FirstName"], "'FirstName' is not NAME=VALUE"),
        (["--sandbox", "--email", "a@b.c", "=x"], "attrName is empty"),
        (["--sandbox", "--email", "a@b.c", "A=\x07"], "U\\+0007"),
        (
            ["--email", "a@b.c"],
            "MARKETO_SOAP_ENDPOINT, MARKETO_SOAP_USER_ID, MARKETO_SOAP_ENCRYPTION_KEY are not set: set them, or give "
            "--endpoint and --user-id and --encryption-key-file, or use --sandbox\n",
        ),
        (
            ["--email", "a@b.c", "--endpoint", "http://x/", "--user-id", "u"],
            "Error: MARKETO_SOAP_ENCRYPTION_KEY is not set: set it, or give --encryption-key-file\n",
        ),
    ],
)
def test_wrong_use_is_exit_code_2(args: list[str], message: str) -> None:
    assert re.search(message, run("sync-lead", *args, code=2).stderr)


def test_calls_go_over_rest_if_only_that_is_set() -> None:
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        rest = sandbox.rest_credentials
        values = (endpoint.partition("/soap")[0], rest.client_id, rest.client_secret)
        env: dict[str, str] = dict(zip(REST_VARIABLES, values, strict=True))
        assert run("sync-lead", *SEED_OPTIONS, env=env).stdout == "CREATED lead 1000001 (key: Email)\n"
        assert sandbox.leads()[0].get("FirstName") == "George"
    refused = run("sync-lead", *SEED_OPTIONS, env=env | {REST_VARIABLES[2]: ""}, code=2).stderr
    assert refused.endswith("Error: MARKETO_REST_CLIENT_SECRET is not set: set it\n")


def test_an_unsafe_endpoint_is_wrong_use() -> None:
    env = {"MARKETO_SOAP_ENCRYPTION_KEY": "k"}
    args = ["--email", "a@b.c", "--endpoint", "http://x/", "--user-id", "u"]
    assert "must be https" in run("sync-lead", *args, env=env, code=2).stderr


def test_the_key_comes_from_a_file_or_the_environment_only(served: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(served["MARKETO_SOAP_ENCRYPTION_KEY"] + "\n")
    env = {name: value for name, value in served.items() if not name.endswith("KEY")}
    run("sync-lead", *SEED_OPTIONS, "--encryption-key-file", str(path), env=env)
    assert "No such option" in run("sync-lead", "--encryption-key", "k", code=2).stderr


@pytest.mark.skipif(os.name == "nt", reason="no permission bits")
@pytest.mark.parametrize(
    ("folder", "mode", "what"),
    [
        (".", 0o600, None),
        (".", 0o640, None),
        (".", 0o644, "read"),
        ("fixtures", 0o644, None),  # as version control writes files: a made-up key
        ("fixtures", 0o666, "change"),
    ],
)
def test_a_key_file_that_every_user_can_read_is_warned_about(
    served: dict[str, str], tmp_path: Path, folder: str, mode: int, what: str | None
) -> None:
    path = tmp_path / folder / "key"
    path.parent.mkdir(exist_ok=True)
    path.write_text(served["MARKETO_SOAP_ENCRYPTION_KEY"])
    path.chmod(mode)
    env = {name: value for name, value in served.items() if not name.endswith("KEY")}
    shown = run("sync-lead", *SEED_OPTIONS, "--encryption-key-file", str(path), env=env).stderr
    warning = f"warning: every user of this machine can {what} {path} (chmod 600)\n"
    assert shown == ("" if what is None else warning)


# -- envelope -----------------------------------------------------------------------------------------

GIVEN = ["--user-id", SEED_HEADER.mktows_user_id, "--timestamp", SEED_HEADER.request_timestamp]


def test_the_envelope_of_the_sample_is_the_sample() -> None:
    result = run("envelope", "sync-lead", *GIVEN, "--signature", SEED_HEADER.request_signature, *SEED_OPTIONS)
    assert result.stdout_bytes == fixture("sync_lead/seed.request.xml")


def test_compact_is_what_is_sent() -> None:
    args = [*GIVEN, "--signature", SEED_HEADER.request_signature, *SEED_OPTIONS, "--compact"]
    read = envelope.read_request(fixture("sync_lead/seed.request.xml"))
    assert run("envelope", "sync-lead", *args).stdout_bytes == envelope.request(read.operation, SEED_HEADER)


def test_an_envelope_is_signed_with_the_key_of_the_environment() -> None:
    env = {"MARKETO_SOAP_ENCRYPTION_KEY": "899756834129871744AAEE88DDCC77CDEEDEC1AAAD66"}
    signed = run("envelope", "sync-lead", *GIVEN, *SEED_OPTIONS, env=env)
    assert b">1d2760575a5f6ce1b44d7298cccc8d09c35705d7<" in signed.stdout_bytes
    now = run("envelope", "sync-lead", "--user-id", "u", *SEED_OPTIONS, "--workspace", "Default", env=env)
    read = envelope.read_request(now.stdout_bytes)
    assert isinstance(read.header, AuthenticationHeader)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", read.header.request_timestamp)
    assert read.context is not None


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--signature", "s", "--timestamp", "t", *SEED_OPTIONS], "Error: MARKETO_SOAP_USER_ID is not set: set it, or"),
        (["--user-id", "u", *SEED_OPTIONS], "Error: MARKETO_SOAP_ENCRYPTION_KEY is not set: set it, or give"),
        (["--user-id", "u", "--signature", "s", *SEED_OPTIONS], "needs the --timestamp"),
        (["--user-id", "u"], "the lead has no key"),
    ],
)
def test_an_envelope_needs_a_header(args: list[str], message: str) -> None:
    assert message in run("envelope", "sync-lead", *args, code=2).stderr


# -- parse --------------------------------------------------------------------------------------------


def test_parse_prints_a_tree() -> None:
    shown = run("parse", str(FIXTURES / "sync_lead" / "seed.response.xml")).stdout
    assert shown == (
        "reply syncLead\n  result:\n    lead_id: 1089965\n    sync_status:\n      lead_id: 1089965\n"
        "      status: UPDATED\n      error: -\n    lead_record: -\n"
    )


def test_parse_reads_standard_input_and_hides_who_signed() -> None:
    data = fixture("sync_lead/seed.request.xml")
    hidden = json.loads(run("parse", "--json", stdin=data).stdout)
    assert (hidden["header"]["mktows_user_id"], hidden["header"]["request_signature"]) == ("[user-1]", "[signature-1]")
    assert hidden["parameters"]["lead_record"]["email"] == "[email-1]"
    shown = json.loads(run("parse", "--json", "--raw", "-", stdin=data).stdout)
    assert shown["header"]["request_signature"] == SEED_HEADER.request_signature
    assert shown["parameters"]["lead_record"]["attributes"][1]["value"] == "of the Jungle"
    assert (shown["kind"], shown["operation"], shown["context"]) == ("request", "syncLead", None)


def test_parse_reads_faults_and_failures() -> None:
    fault = json.loads(run("parse", "--json", stdin=fixture("faults/20105-unknown-field.xml")).stdout)
    assert (fault["kind"], fault["code"], fault["type"]) == ("fault", 20105, "BadRequestFault")
    failed = run("parse", stdin=fixture("sync_lead/failed.response.xml")).stdout
    assert "error: Unknown name attribute list: nameasdf" in failed


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/*.xml")), ids=lambda path: path.name)
def test_parse_reads_every_fixture(path: Path) -> None:
    assert run("parse", str(path)).stdout
    assert json.loads(run("parse", "--json", str(path)).stdout)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no SOAP envelope in <stdin>"),
        (b"<a><b></a>", "line 1"),
        (b"<html/>", "not a SOAP 1.1 envelope"),
        (
            fixture("sync_lead/seed.response.xml").replace(b"<leadId>1089965</leadId>", b"", 1),
            "successSyncLead/result/leadId is missing",
        ),
    ],
)
def test_what_parse_cannot_read_it_explains(data: bytes, message: str) -> None:
    assert message in run("parse", stdin=data, code=1).stderr


def test_a_missing_file_is_wrong_use() -> None:
    assert "No such file" in run("parse", "nowhere.xml", code=2).stderr


def test_nothing_that_is_printed_moves_the_cursor() -> None:
    data = fixture("sync_lead/seed.request.xml").replace(b"George", "a\u009b31mb\nc".encode())
    assert "'a\\x9b31mb\\nc'" in run("parse", "--raw", stdin=data).stdout


# -- sandbox ------------------------------------------------------------------------------------------


def test_the_sandbox_serves_until_ctrl_c(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "marketo_soap.cli",
        "sandbox",
        "--port",
        "0",
        "--db",
        str(tmp_path / "leads.db"),
    ]
    environ = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    assert served.stdout is not None
    with served:
        exports = [served.stdout.readline() for _ in (*VARIABLES, *REST_VARIABLES)]
        env = {line.split()[1].split("=")[0]: line.strip().partition("=")[2] for line in exports}
        assert tuple(env) == VARIABLES + REST_VARIABLES
        rest, client_id, secret = (env.pop(name) for name in REST_VARIABLES)
        asked = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        identity = rest.removesuffix("/rest") + "/identity/oauth/token"
        assert httpx.post(identity, data=asked, trust_env=False).json()["token_type"] == "bearer"
        assert "CREATED" in run("sync-lead", *SEED_OPTIONS, env=env).stdout
        served.send_signal(signal.SIGINT)
        _, errors = served.communicate(timeout=20)
    assert served.returncode == 0
    assert "Traceback" not in errors
    assert "UPDATED" in run("sync-lead", "--sandbox-db", str(tmp_path / "leads.db"), *SEED_OPTIONS).stdout


def test_the_sandbox_takes_settings_seeds_and_limits(tmp_path: Path) -> None:
    config, seed, token = tmp_path / "sandbox.toml", tmp_path / "leads.csv", tmp_path / "token"
    config.write_text("unknown_fields = 'accept'\n")
    seed.write_text("Email,FirstName\nt@t.com,George\n")
    token.write_text("open sesame\n")
    token.chmod(0o644)
    options = ["--config", config, "--seed", seed, "--control-token-file", token, "--vendor-limits", "--port", "0"]
    options += ["--db", tmp_path / "leads.db", "--durability", "full"]
    options += ["--allow-host", "app.test"]
    command = [sys.executable, "-m", "marketo_soap.cli", "sandbox", *map(str, options)]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert served.stdout is not None
    with served:
        endpoint = served.stdout.readline().strip().partition("=")[2]
        url = httpx.URL(endpoint).join("/_sandbox/settings")
        assert httpx.get(url, trust_env=False).status_code == 403
        settings = httpx.get(url, trust_env=False, headers={"Authorization": "Bearer open sesame"}).json()
        for host, status in (("app.test", 200), ("other.test", 403)):
            assert httpx.get(endpoint, trust_env=False, headers={"Host": host}).status_code == status
        served.send_signal(signal.SIGINT)
        _, errors = served.communicate(timeout=20)
    assert (settings["unknown_fields"], settings["limits"]["calls"]) == ("accept", 100)
    assert "# 1 lead from" in errors
    assert settings["durability"] == "full"
    assert f"warning: every user of this machine can read {token} (chmod 600)\n" in errors
    assert str(config) not in errors
    seed.write_text("Email,Id\nt@t.com,zero\n")
    assert f"Error: {seed}: lead 1: Id is not a number" in run("sandbox", "--seed", seed, code=2).stderr
    config.write_text("unknown_fields = 'x'\n")
    assert "unknown_fields must be one of" in run("sandbox", "--config", str(config), code=2).stderr


def test_a_port_in_use_is_said(served: dict[str, str]) -> None:
    port = served["MARKETO_SOAP_ENDPOINT"].split(":")[2].partition("/")[0]
    refused = run("sandbox", "--port", port, code=1).stderr
    assert "cannot listen" in refused
    assert "Give another --port" in refused
    assert "Traceback" not in run("sandbox", "--host", "nowhere.invalid", code=1).stderr


def test_help_says_what_there_is() -> None:
    shown = run("--help").stdout
    for command in ("sync-lead", "envelope", "parse", "sandbox"):
        assert command in shown
    assert run("--version").stdout.strip().endswith(marketo_soap.__version__)
