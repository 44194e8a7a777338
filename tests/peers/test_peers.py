"""Other people's SOAP clients against a served sandbox: each loads the WSDL and makes calls through it.

A peer is given a list of calls (operation, user, key, perhaps a timestamp or a workspace, and parameters), signs
each itself in its own time format, and gives back a list of outcomes: what it took `result` for, or what its
own fault mechanism reported. The scenarios below are the same for all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zeep
from zeep import helpers
from zeep.exceptions import Fault

from marketo_soap import ForeignSysType, LeadRecord, Sandbox
from tests.support import COOKIE, CREDENTIALS, MKTOWS

HERE = Path(__file__).parent
SECONDS = 60

Call = dict[str, Any]
Outcome = dict[str, Any]
Peer = Callable[[str, list[Call]], list[Outcome]]


def environ() -> dict[str, str]:
    """A script's environment: no proxy on the way to loopback, and node's packages where CI put them."""
    packages = os.environ.get("MARKETO_SOAP_NODE_MODULES") or os.environ.get("NODE_PATH", "")
    return os.environ | {"NO_PROXY": "*", "no_proxy": "*", "NODE_PATH": packages}


def succeeds(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run(
        command, cwd=HERE, env=environ(), stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
    )
    return done.returncode == 0


def script(*command: str) -> Peer:
    def run(endpoint: str, calls: list[Call]) -> list[Outcome]:
        done = subprocess.run(
            [*command, endpoint],
            cwd=HERE,
            env=environ(),
            input=json.dumps(calls).encode(),
            capture_output=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
        outcomes: list[Outcome] = json.loads(done.stdout)
        return outcomes

    return run


def php() -> Peer:
    if not succeeds("php", "-r", "exit(class_exists('SoapClient') ? 0 : 1);"):
        pytest.skip("needs php with its soap extension (Debian: php-cli, php-soap)")
    return script("php", "call.php")


def node() -> Peer:
    if not succeeds("node", "--eval", "require.resolve('soap')"):
        pytest.skip("needs node and its package soap: MARKETO_SOAP_NODE_MODULES names the node_modules it is in")
    return script("node", "call.mjs")


def python() -> Peer:
    return call_zeep


def call_zeep(endpoint: str, calls: list[Call]) -> list[Outcome]:
    untyped: Any = zeep
    client = untyped.Client(f"{endpoint}?WSDL")
    with closing(client.transport.session):
        return [zeep_outcome(client, call) for call in calls]


def zeep_outcome(client: Any, call: Call) -> Outcome:
    user = call["userId"]
    time = call.get("timestamp") or datetime.now(UTC).isoformat()
    key = call["encryptionKey"].encode()
    headers: dict[str, dict[str, str]] = {
        "authentication": {
            "mktowsUserId": user,
            "requestSignature": hmac.new(key, (time + user).encode(), hashlib.sha1).hexdigest(),
            "requestTimestamp": time,
        }
    }
    if "workspace" in call:
        headers["mktowsContext"] = {"targetWorkspace": call["workspace"]}
    try:
        result = client.service[call["operation"]](**typed(client, call["params"]), _soapheaders=headers)
    except Fault as fault:
        detail: Any = fault.detail
        exception = {child.tag: child.text for child in detail.iter()}
        return {"faultcode": fault.code, "faultstring": fault.message, "exception": exception}
    untyped: Any = helpers
    outcome: Outcome = untyped.serialize_object(result, dict)
    return outcome


def typed(client: Any, value: Any) -> Any:
    """Parameters as zeep takes them: an object with `xsi:type` is made of that type."""
    if isinstance(value, list):
        return [typed(client, each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("xsi:type")
    values = {name: typed(client, each) for name, each in value.items() if name != "xsi:type"}
    return client.get_type(f"{{{MKTOWS}}}{kind}")(**values) if kind else values


@pytest.fixture(params=[php, node, python], ids=["PHP SoapClient", "node soap", "zeep"])
def peer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Peer:
    monkeypatch.setenv("NO_PROXY", "*")
    found: Peer = request.param()
    return found


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(user_id=CREDENTIALS.user_id, encryption_key=CREDENTIALS.encryption_key) as sandbox:
        yield sandbox


@pytest.fixture
def endpoint(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.serve() as endpoint:
        yield endpoint


def call(keys: dict[str, Any], values: dict[str, str] | None = None, *, back: bool = False, **others: Any) -> Call:
    """A call that syncs the lead with these keys and values; *others* are a cookie or what is not parameters."""
    record = dict(keys)
    if values:
        attributes = [{"attrName": name, "attrValue": value} for name, value in values.items()]
        record["leadAttributeList"] = {"attribute": attributes}
    params = {"leadRecord": record, "returnLead": back}
    if "marketoCookie" in others:
        params["marketoCookie"] = others.pop("marketoCookie")
    user = {"userId": CREDENTIALS.user_id, "encryptionKey": CREDENTIALS.encryption_key}
    return user | {"operation": "syncLead", "params": params} | others


def status(outcome: Outcome) -> str:
    assert outcome["syncStatus"]["leadId"] == outcome["leadId"]
    assert outcome["syncStatus"].get("error") is None
    result: str = outcome["syncStatus"]["status"]
    return result


def values(outcome: Outcome) -> dict[str, str]:
    attributes = outcome["leadRecord"]["leadAttributeList"]["attribute"]
    return {attribute["attrName"]: attribute["attrValue"] for attribute in attributes}


def only_lead(sandbox: Sandbox) -> LeadRecord:
    (lead,) = sandbox.leads()
    return lead


def test_a_lead_is_created(peer: Peer, sandbox: Sandbox, endpoint: str) -> None:
    (made,) = peer(endpoint, [call({"Email": "t@t.com"}, {"FirstName": "George", "LastName": "of the Jungle"})])
    assert status(made) == "CREATED"
    assert not (made.get("leadRecord") or {}).get("Id")  # zeep makes an empty lead of a nil one
    lead = only_lead(sandbox)
    assert (lead.id, lead.email) == (made["leadId"], "t@t.com")
    assert (lead.get("FirstName"), lead.get("LastName")) == ("George", "of the Jungle")


def test_a_lead_is_updated_by_each_key(peer: Peer, sandbox: Sandbox, endpoint: str) -> None:
    foreign = {"ForeignSysPersonId": "003x", "ForeignSysType": "SFDC"}
    (made,) = peer(endpoint, [call({"Email": "t@t.com"} | foreign, marketoCookie=COOKIE)])
    assert status(made) == "CREATED"
    updates = peer(
        endpoint,
        [
            call({"Id": made["leadId"]}, {"FirstName": "by Id"}),
            call(foreign, {"LastName": "by foreign id"}),
            call({}, {"City": "by cookie"}, marketoCookie=COOKIE),
            call({"Email": "t@t.com"}, {"Company": "by Email"}),
        ],
    )
    assert [(status(update), update["leadId"]) for update in updates] == [("UPDATED", made["leadId"])] * 4
    lead = only_lead(sandbox)
    assert (lead.email, lead.foreign_sys_person_id, lead.foreign_sys_type) == (
        "t@t.com",
        "003x",
        ForeignSysType.SFDC,
    )
    found = [lead.get(name) for name in ("FirstName", "LastName", "City", "Company")]
    assert found == ["by Id", "by foreign id", "by cookie", "by Email"]


def test_the_whole_lead_comes_back(peer: Peer, endpoint: str) -> None:
    foreign = {"ForeignSysPersonId": "7", "ForeignSysType": "CUSTOM"}
    first, second = peer(
        endpoint,
        [
            call({"Email": "t@t.com"} | foreign, {"FirstName": "George", "LeadScore": "12"}),
            call({"Email": "t@t.com"}, {"City": "Kinshasa"}, back=True),
        ],
    )
    assert (status(first), status(second)) == ("CREATED", "UPDATED")
    keys = {"Id": first["leadId"], "Email": "t@t.com"} | foreign
    assert {name: second["leadRecord"][name] for name in keys} == keys
    sent = {"FirstName": "George", "LeadScore": "12", "City": "Kinshasa"}
    assert {name: values(second)[name] for name in sent} == sent


def test_any_text_comes_back_as_it_was_sent(peer: Peer, sandbox: Sandbox, endpoint: str) -> None:
    sent = {
        "FirstName": "Zoé 😀 Ω漢",
        "Company": "& < > \" ' ]]> &amp;",
        "MktoPersonNotes": "one\ntwo\n\n\tthree",
    }
    (made,) = peer(endpoint, [call({"Email": "t@t.com"}, sent, back=True)])
    assert status(made) == "CREATED"
    assert {name: values(made)[name] for name in sent} == sent
    assert {name: only_lead(sandbox).get(name) for name in sent} == sent


def test_the_default_workspace_is_spelt_either_way(peer: Peer, endpoint: str) -> None:
    lead = {"Email": "t@t.com"}
    outcomes = peer(endpoint, [call(lead, workspace="Default"), call(lead, workspace="default")])
    assert [status(outcome) for outcome in outcomes] == ["CREATED", "UPDATED"]


def test_a_refusal_is_the_peers_own_fault(peer: Peer, sandbox: Sandbox, endpoint: str) -> None:
    lead = {"Email": "t@t.com"}
    wrong, expired, unknown, good = peer(
        endpoint,
        [
            call(lead, encryptionKey="wrong"),
            call(lead, timestamp="2013-07-31T12:38:47-07:00"),
            call({"Id": 7}),
            call(lead),
        ],
    )
    for fault, code in ((wrong, "20014"), (expired, "20016"), (unknown, "20103")):
        assert fault["faultcode"] == "SOAP-ENV:Client"
        assert fault["faultstring"].startswith(f"{code} - ")
        assert str(fault["exception"]["code"]) == code
        assert fault["exception"]["name"] == "mktServiceException"
        assert fault["exception"]["message"].endswith(f"({code})")
    assert status(good) == "CREATED"
    assert only_lead(sandbox).id == good["leadId"]
