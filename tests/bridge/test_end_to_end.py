"""A client of SOAP calls the REST API of the sandbox through the bridge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from marketo_soap import (
    AsyncClient,
    Attribute,
    BridgeSettings,
    Client,
    Fault,
    LeadRecord,
    LeadSyncStatus,
    RestBridge,
    RetryPolicy,
    Sandbox,
)
from marketo_soap.sandbox.settings import FaultRule, Settings, Workspace, Workspaces
from tests.support import COOKIE, Either

SPACES = Workspaces(enabled=True, workspaces=(Workspace("Default", "Default"), Workspace("Europe", "EU")))
SETTINGS = BridgeSettings(
    foreign_id_fields={"CUSTOM": "erpId"}, workspace_partitions={"Default": "Default", "Europe": "EU"}
)
WITHOUT_PAUSES = RetryPolicy(pause=0.0, window=0.0)
CREATED, UPDATED = LeadSyncStatus.CREATED, LeadSyncStatus.UPDATED


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    settings = Settings(custom_fields={"erpId": "string"}, workspaces=SPACES)
    with Sandbox(settings=settings, clock=lambda: datetime.now(UTC)) as sandbox:
        yield sandbox


Connect = Callable[..., Either]


@pytest.fixture(params=[Client, AsyncClient])
def connect(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Connect]:
    clients: list[Either] = []

    def make(settings: BridgeSettings = SETTINGS, **options: Any) -> Either:
        user = sandbox.rest_credentials
        bridge = RestBridge(
            "https://sandbox.invalid/rest",
            user.client_id,
            user.client_secret,
            settings=settings,
            transport=sandbox.transport(),
        )
        clients.append(Either(request.param, transport=bridge, retry=WITHOUT_PAUSES, **options).__enter__())
        return clients[-1]

    yield make
    for client in clients:
        client.__exit__()


def george(**keys: Any) -> LeadRecord:
    return LeadRecord(**keys, attributes={"FirstName": "George", "DateofBirth": "2001-02-03"})


def test_soap_returns_the_lead_that_was_created_over_rest(connect: Connect, sandbox: Sandbox) -> None:
    result = connect().sync_lead(george(email="t@t.com"), return_lead=True)
    assert result.sync_status.status == CREATED
    assert result.lead_record is not None
    with Client(transport=sandbox.transport(), clock=sandbox.now) as soap:
        direct = soap.sync_lead(LeadRecord(id=result.lead_id), return_lead=True)
    assert direct.sync_status.status == UPDATED
    assert direct.lead_record is not None
    assert set(direct.lead_record.attributes) <= set(result.lead_record.attributes)
    assert (direct.lead_record.id, direct.lead_record.email) == (result.lead_record.id, result.lead_record.email)


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ({"email": "t@t.com"}, {}),
        ({"email": "t@t.com"}, {"target_workspace": "Europe"}),
        ({"foreign_sys_person_id": "E7", "foreign_sys_type": "CUSTOM"}, {}),
        ({"foreign_sys_person_id": "E7", "foreign_sys_type": "CUSTOM"}, {"target_workspace": "Europe"}),
        ({"email": "t@t.com"}, {"marketo_cookie": COOKIE}),
        ({}, {"marketo_cookie": COOKIE}),
    ],
)
def test_every_key_creates_a_lead_once(connect: Connect, sandbox: Sandbox, keys: Any, options: Any) -> None:
    client = connect()
    first = client.sync_lead(george(**keys), **options)
    second = client.sync_lead(george(**keys), **options)
    by_id = client.sync_lead(george(id=first.lead_id), **options)
    assert first.sync_status.status == CREATED
    assert second.sync_status.status == by_id.sync_status.status == UPDATED
    assert first.lead_id == second.lead_id == by_id.lead_id
    assert len(sandbox.leads()) == 1


def test_faults_are_those_of_soap(connect: Connect) -> None:
    client = connect()
    known = client.sync_lead(george(email="t@t.com")).lead_id
    for lead, options, code in [
        (george(id=9_999_999), {}, 20103),
        (george(id=known), {"target_workspace": "Europe"}, 20106),
        (LeadRecord(email="t@t.com", attributes={"Nope": "1"}), {}, 20105),
        (LeadRecord(email="t@t.com", attributes={"DateofBirth": "yesterday"}), {}, 20106),
        (george(email="t@t.com"), {"marketo_cookie": "nonsense"}, 20110),
    ]:
        with pytest.raises(Fault) as raised:
            client.sync_lead(lead, **options)
        assert raised.value.code == code


def test_duplicates_are_refused_or_the_latest_is_updated(connect: Connect, sandbox: Sandbox) -> None:
    user = sandbox.rest_credentials
    with httpx.Client(transport=sandbox.transport(), base_url="https://sandbox.invalid") as http:
        query = {"grant_type": "client_credentials", "client_id": user.client_id, "client_secret": user.client_secret}
        token = http.get("/identity/oauth/token", params=query).json()["access_token"]
        for _ in range(2):
            data = {"action": "createDuplicate", "input": [{"email": "t@t.com"}]}
            http.post("/rest/v1/leads.json", json=data, headers={"Authorization": f"Bearer {token}"})
    with pytest.raises(Fault) as raised:
        connect().sync_lead(george(email="t@t.com"))
    assert raised.value.code == 20106
    recent = connect(BridgeSettings(on_duplicate="most_recent")).sync_lead(george(email="t@t.com"))
    assert recent.sync_status.status == UPDATED
    assert len(sandbox.leads()) == 2


def test_an_unknown_foreign_id_may_adopt_the_lead_of_its_email(connect: Connect, sandbox: Sandbox) -> None:
    known = connect().sync_lead(george(email="t@t.com")).lead_id
    adopt = BridgeSettings(foreign_id_fields={"CUSTOM": "erpId"}, foreign_id_adopt_email=True)
    keys = {"email": "t@t.com", "foreign_sys_person_id": "E7", "foreign_sys_type": "CUSTOM"}
    assert connect(adopt).sync_lead(george(**keys)).lead_id == known
    assert connect().sync_lead(george(foreign_sys_person_id="E7", foreign_sys_type="CUSTOM")).lead_id == known
    assert len(sandbox.leads()) == 1


@pytest.mark.parametrize("code", ["602", "606", "608", "615"])
def test_transient_errors_are_retried(connect: Connect, sandbox: Sandbox, code: str) -> None:
    sandbox.configure(
        Settings(custom_fields={"erpId": "string"}, faults=(FaultRule(rest=code, operation="syncLeads"),))
    )
    assert connect().sync_lead(george(email="t@t.com")).sync_status.status == CREATED
    assert len(sandbox.leads()) == 1


def test_a_write_is_not_repeated_if_its_reply_is_lost(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.configure(Settings(faults=(FaultRule(close="after", operation="syncLeads"),)))
    with pytest.raises(Fault) as raised:
        connect().sync_lead(george(email="t@t.com"))
    assert raised.value.fate_unknown
    assert len(sandbox.leads()) == 1


def test_a_repeated_name_is_a_warning(connect: Connect) -> None:
    attributes = [Attribute("FirstName", "A"), Attribute("FirstName", "George")]
    client = connect()
    lead = client.sync_lead(LeadRecord(email="t@t.com", attributes=attributes), return_lead=True).lead_record
    assert lead is not None
    assert lead.get("FirstName") == "George"
    assert "twice" in dict(client.last_exchange.response_headers)["x-bridge-warning"]
