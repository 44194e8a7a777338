"""syncMultipleLeads: each lead by itself, and where it differs from syncLead."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from marketo_soap import Attribute, BadRequestFault, Client, LeadRecord, LeadSyncStatus, Sandbox, SyncMultipleLeads
from marketo_soap.sandbox.settings import Settings
from tests.support import signed

CREATED, UPDATED, FAILED = LeadSyncStatus
FOREIGN = {"foreign_sys_person_id": "7", "foreign_sys_type": "CUSTOM"}


def sync(client: Client, *leads: LeadRecord, dedup: bool | None = None) -> list[tuple[LeadSyncStatus | str, int]]:
    result = client.sync_multiple_leads(leads, dedup_enabled=dedup)
    return [(each.status, each.lead_id) for each in result.sync_statuses]


def emails(sandbox: Sandbox) -> list[str | None]:
    return [lead.email for lead in sandbox.leads()]


def test_leads_are_made_and_updated_in_the_order_of_the_request(client: Client, sandbox: Sandbox) -> None:
    (first,) = sync(client, LeadRecord(email="b@t.com"))
    statuses = sync(client, LeadRecord(email="a@t.com"), LeadRecord(email="B@t.com"), LeadRecord(email="c@t.com"))
    assert statuses == [(CREATED, first[1] + 1), (UPDATED, first[1]), (CREATED, first[1] + 2)]


@pytest.mark.parametrize(("dedup", "leads"), [(None, 1), (True, 1), (False, 3)])
def test_without_dedup_each_lead_is_a_new_one(client: Client, sandbox: Sandbox, dedup: bool | None, leads: int) -> None:
    for _ in range(2):
        sync(client, LeadRecord(email="t@t.com"), dedup=dedup)
    sync(client, LeadRecord(attributes={"Email": "t@t.com"}), dedup=dedup)
    assert emails(sandbox) == ["t@t.com"] * leads


def test_without_dedup_the_stronger_keys_match_all_the_same(client: Client, sandbox: Sandbox) -> None:
    ((_, lead_id),) = sync(client, LeadRecord(email="t@t.com", **FOREIGN), dedup=False)  # type: ignore[arg-type]
    assert sync(client, LeadRecord(id=lead_id), LeadRecord(**FOREIGN), dedup=False) == [(UPDATED, lead_id)] * 2  # type: ignore[arg-type]
    assert sync(client, LeadRecord(attributes={"FirstName": "George"}), dedup=False) == [(CREATED, lead_id + 1)]


def test_an_email_beside_a_stronger_key_is_not_written_unless_it_is_an_attribute(
    client: Client, sandbox: Sandbox
) -> None:
    ((_, lead_id),) = sync(client, LeadRecord(email="t@t.com", **FOREIGN))  # type: ignore[arg-type]
    assert emails(sandbox) == [None]  # the foreign id is the stronger key of a new lead too
    sync(client, LeadRecord(id=lead_id, email="x@t.com"))
    assert emails(sandbox) == [None]
    sync(client, LeadRecord(id=lead_id, attributes={"Email": "a@t.com"}))
    assert emails(sandbox) == ["a@t.com"]
    sync(client, LeadRecord(id=lead_id, email="x@t.com", attributes={"Email": "b@t.com"}))
    assert emails(sandbox) == ["b@t.com"]
    client.sync_lead(LeadRecord(id=lead_id, email="x@t.com"))
    assert emails(sandbox) == ["x@t.com"]


def test_a_lead_that_fails_stops_no_other(client: Client, sandbox: Sandbox) -> None:
    leads = [
        LeadRecord(email="a@t.com"),
        LeadRecord(id=7),
        LeadRecord(email="b@t.com", attributes={"pants": "x"}),
        LeadRecord(email="c@t.com"),
    ]
    result = client.sync_multiple_leads(leads)
    assert [each.status for each in result.sync_statuses] == [CREATED, FAILED, FAILED, CREATED]
    assert [each.lead_id for each in result.sync_statuses][1:3] == [0, 0]
    assert [each.error for each in result.sync_statuses] == [
        None,
        "20103 - No lead found with IDNUM = 7",
        "20105 - syncLead operation failed: unknown fields for import: pants",
        None,
    ]
    assert emails(sandbox) == ["a@t.com", "c@t.com"]
    assert sandbox.entries()[-1].verdict == "2 CREATED, 2 FAILED"


def test_a_lead_without_a_key_fails_by_itself(client: Client, sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match=r"leadRecord\[2\] has no key"):
        SyncMultipleLeads([LeadRecord(email="a@t.com"), LeadRecord()])
    with pytest.raises(ValueError, match="leadRecordList is empty"):
        SyncMultipleLeads([])
    data = signed(SyncMultipleLeads([LeadRecord(email="a@t.com")]), sandbox.credentials, sandbox.now())
    keyless = data.replace(b"<leadRecord>", b"<leadRecord/><leadRecord>")
    assert [each.status for each in sandbox.respond(keyless).outcome.sync_statuses] == [FAILED, CREATED]
    typed = data.replace(b"</Email>", b"</Email><ForeignSysPersonId/><ForeignSysType>CUSTOM</ForeignSysType>")
    assert [each.status for each in sandbox.respond(typed).outcome.sync_statuses] == [UPDATED]  # recorded


def test_more_than_300_leads_are_refused_unless_the_settings_accept_them(client: Client, sandbox: Sandbox) -> None:
    call = SyncMultipleLeads([LeadRecord(email=f"{number}@t.com") for number in range(301)])
    with pytest.raises(ValueError, match="at most 300 in one call, not 301: use in_batches"):
        client.call(call)
    assert not sandbox.entries()
    data = signed(call, sandbox.credentials, sandbox.now())
    assert isinstance(sandbox.respond(data).outcome, BadRequestFault)
    assert sandbox.respond(data).outcome.code == 20110
    sandbox.configure(evolve(sandbox.settings, over_batch_limit="accept"))
    assert len(sandbox.respond(data).outcome.sync_statuses) == 301


def test_the_activities_are_those_of_each_lead(client: Client, sandbox: Sandbox) -> None:
    sync(client, LeadRecord(email="a@t.com"), LeadRecord(email="b@t.com", attributes={"FirstName": "B"}))
    sync(client, LeadRecord(email="a@t.com", attributes={"FirstName": "A"}), LeadRecord(id=7))
    with sandbox.store.reading() as leads:
        logged = [(each.lead_id, each.type, each.asset) for each in leads.activities.find()]
    assert logged == [
        (1_000_001, "New Lead", ""),
        (1_000_002, "New Lead", ""),
        (1_000_001, "Change Data Value", "First Name"),
    ]


@pytest.mark.parametrize(
    ("lead", "dedup", "effect"),
    [
        (LeadRecord(email="a@t.com"), None, "repeatable"),
        (LeadRecord(email="a@t.com"), False, "once"),
        (LeadRecord(id=7), False, "repeatable"),
        (LeadRecord(id=7, attributes={"Email": "a@t.com"}), False, "repeatable"),
        (LeadRecord(**FOREIGN), False, "repeatable"),  # type: ignore[arg-type]
        (LeadRecord(attributes={"Email": "a@t.com"}), True, "repeatable"),
        (LeadRecord(email="a@t.com", attributes=[Attribute("Email", "b@t.com")]), True, "once"),
        (LeadRecord(email="a@t.com", attributes=[Attribute("email", "b@t.com")]), True, "once"),  # over REST
        (LeadRecord(email="a@t.com", attributes=[Attribute("email", "A@t.com")]), True, "repeatable"),
    ],
)
def test_the_effect(lead: LeadRecord, dedup: bool | None, effect: str) -> None:
    assert SyncMultipleLeads([LeadRecord(id=1), lead], dedup_enabled=dedup).effect == effect


@pytest.mark.parametrize(
    ("first", "second", "effect"),
    [
        ({"email": "old@t.com"}, {"attributes": {"Email": "new@t.com"}}, "once"),
        (FOREIGN, {"foreign_sys_person_id": "new", "foreign_sys_type": "CUSTOM"}, "once"),
        (FOREIGN, {"attributes": {"Email": "new@t.com"}}, "repeatable"),
        ({"email": "old@t.com"}, {"attributes": {"FirstName": "A"}}, "repeatable"),
    ],
)
def test_the_effect_of_a_lead_that_takes_the_key_of_another(
    first: dict[str, Any], second: dict[str, Any], effect: str, client: Client
) -> None:
    lead_id = client.sync_lead(LeadRecord(**first)).lead_id
    leads = LeadRecord(**first, attributes={"LastName": "B"}), LeadRecord(id=lead_id, **second)
    assert SyncMultipleLeads(leads).effect == effect
    assert sync(client, *leads) == [(UPDATED, lead_id), (UPDATED, lead_id)]
    again = [(UPDATED, lead_id), (UPDATED, lead_id)]
    assert (sync(client, *leads) == again) == (effect == "repeatable")


def test_settings_of_one_lead_hold_for_many(client: Client, sandbox: Sandbox) -> None:
    sandbox.configure(Settings(foreign_id_adopts_email=True))
    ((_, lead_id),) = sync(client, LeadRecord(email="t@t.com"))
    assert sync(client, LeadRecord(email="t@t.com", **FOREIGN)) == [(UPDATED, lead_id)]  # type: ignore[arg-type]
