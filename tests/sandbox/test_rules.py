"""The rules of syncLead that need a catalogue, workspaces or settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import Attribute, BadRequestFault, Client, Fault, LeadRecord, LeadSyncStatus, Sandbox, SyncLead
from marketo_soap.records.lead import Value
from marketo_soap.sandbox.settings import AssignmentRule, Settings, Workspace, Workspaces
from tests.support import COOKIE, signed

CREATED, UPDATED, _ = LeadSyncStatus
FOREIGN: Any = {"foreign_sys_person_id": "00Q1", "foreign_sys_type": "SFDC"}
GEORGE = Attribute("FirstName", "George", "string")


def change(sandbox: Sandbox, **settings: Any) -> None:
    sandbox.configure(evolve(sandbox.settings, **settings))


def refused(client: Client, lead: LeadRecord, **options: Any) -> int | None:
    with pytest.raises(Fault) as caught:
        client.sync_lead(lead, **options)
    return caught.value.code


# -- the field catalogue ------------------------------------------------------------------------------


def test_an_unknown_attribute_refuses_the_whole_call(client: Client, sandbox: Sandbox) -> None:
    with pytest.raises(BadRequestFault) as caught:
        client.sync_lead(LeadRecord(email="t@t.com", attributes={"FirstName": "G", "pants": "x", "hat": "y"}))
    assert (caught.value.code, caught.value.faultstring) == (20105, "20105 - Unknown lead field")
    assert caught.value.message == "syncLead operation failed: unknown fields for import: hat, pants (20105)"
    assert sandbox.leads() == []
    assert refused(client, LeadRecord(email="t@t.com", attributes={"firstname": "G"})) == 20105


def test_custom_fields_join_the_catalogue(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, custom_fields={"Date_of_purchase": "date"})
    lead = LeadRecord(email="t@t.com", attributes={"Date_of_purchase": "2012-04-04", "SICCode": "1"})
    record = client.sync_lead(lead, return_lead=True).lead_record
    assert record is not None
    assert record.attributes == (
        Attribute("Date_of_purchase", "2012-04-04", "date"),
        Attribute("SICCode", "1", "string"),
    )


def test_any_attribute_can_be_accepted(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, unknown_fields="accept")
    record = client.sync_lead(LeadRecord(email="t@t.com", attributes={"pants": "x"}), return_lead=True).lead_record
    assert record is not None
    assert record.attributes == (Attribute("pants", "x"),)


def test_returned_values_have_the_types_of_the_catalogue(client: Client) -> None:
    values: dict[str, Value] = {
        "LeadScore": 7,
        "Website": "t.com",
        "DoNotCall": True,
        "DateofBirth": "1912-10-01",
        "Phone": "1",
    }
    record = client.sync_lead(LeadRecord(email="t@t.com", attributes=values), return_lead=True).lead_record
    assert record is not None
    assert [(a.name, a.type, a.value) for a in record.attributes] == [
        ("DateofBirth", "date", "1912-10-01"),
        ("DoNotCall", "boolean", "1"),
        ("LeadScore", "integer", "7"),
        ("Phone", "phone", "1"),
        ("Website", "url", "t.com"),
    ]


def test_attributes_come_by_their_upper_cased_names_without_the_partition(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, custom_fields={"agreedtoEAML8TC": "boolean", "b_2": "string", "bA": "string"})
    names = ["Website", "bA", "b_2", "Lead Partition ID", "agreedtoEAML8TC", "Address"]
    lead = LeadRecord(email="t@t.com", attributes=dict.fromkeys(names, "1"))
    record = client.sync_lead(lead, return_lead=True).lead_record
    assert record is not None
    assert [attribute.name for attribute in record.attributes] == ["Address", "agreedtoEAML8TC", "bA", "b_2", "Website"]


@pytest.mark.parametrize(
    ("given", "kept"), [("true", "1"), ("Yes", "1"), ("FALSE", "0"), ("0", "0"), ("maybe", "maybe")]
)
def test_booleans_come_back_as_the_real_server_had_them(client: Client, given: str, kept: str) -> None:
    record = client.sync_lead(
        LeadRecord(email="t@t.com", attributes={"Unsubscribed": given}), return_lead=True
    ).lead_record
    assert record is not None
    assert record.get("Unsubscribed") == kept


def test_an_attribute_email_without_the_element_is_the_key(client: Client, sandbox: Sandbox) -> None:
    made = client.sync_lead(LeadRecord(attributes={"Email": "t@t.com", "FirstName": "George"}))
    assert made.sync_status.status == CREATED
    found = client.sync_lead(LeadRecord(attributes={"Email": "T@t.com"}), marketo_cookie=COOKIE)
    assert (found.lead_id, found.sync_status.status) == (made.lead_id, UPDATED)
    assert sandbox.leads() == [LeadRecord(id=made.lead_id, email="T@t.com", attributes=[GEORGE])]
    by_id = client.sync_lead(LeadRecord(id=made.lead_id, attributes={"Email": "new@t.com", "Id": 7}), return_lead=True)
    assert by_id.lead_record == LeadRecord(id=made.lead_id, email="new@t.com", attributes=[GEORGE])
    change(sandbox, foreign_id_adopts_email=True)
    adopted = client.sync_lead(LeadRecord(attributes={"Email": "new@t.com"}, **FOREIGN))
    assert adopted.lead_id == made.lead_id


@pytest.mark.parametrize(
    ("setting", "known", "status", "emails"),
    [
        ("new_address", ["old@t.com"], UPDATED, ["new@t.com"]),
        ("new_address", [], CREATED, ["new@t.com"]),
        ("new_address", ["new@t.com"], CREATED, ["new@t.com", "new@t.com"]),
        ("new_address", ["old@t.com", "new@t.com"], UPDATED, ["new@t.com", "new@t.com"]),
        ("key", ["old@t.com"], CREATED, ["old@t.com", "new@t.com"]),
        ("key", ["old@t.com", "new@t.com"], UPDATED, ["old@t.com", "new@t.com"]),
    ],
)
def test_an_attribute_email_beside_another_element(
    client: Client, sandbox: Sandbox, setting: str, known: list[str], status: LeadSyncStatus, emails: list[str]
) -> None:
    change(sandbox, email_attribute=setting)
    sandbox.seed([{"email": email} for email in known])
    result = client.sync_lead(LeadRecord(email="old@t.com", attributes={"Email": "new@t.com"}))
    assert result.sync_status.status == status
    assert [lead.email for lead in sandbox.leads()] == emails
    assert ("new address" in str(sandbox.entries()[-1].notes)) == (setting == "new_address")


def test_a_type_of_foreign_ids_without_an_id_is_no_matter(client: Client, sandbox: Sandbox) -> None:
    data = signed(SyncLead(LeadRecord(email="t@t.com", **FOREIGN)), sandbox.credentials, sandbox.now())
    alone = data.replace(b"<ForeignSysPersonId>00Q1</ForeignSysPersonId>", b"")
    assert sandbox.respond(alone).status == 200
    assert [(lead.email, lead.foreign_sys_type) for lead in sandbox.leads()] == [("t@t.com", None)]
    change(sandbox, foreign_type_alone="fault")
    outcome = sandbox.respond(alone).outcome
    assert isinstance(outcome, Fault)
    assert outcome.code == 20109


# -- identity, where the sources leave a choice -------------------------------------------------------


def test_several_leads_may_share_an_email(client: Client, sandbox: Sandbox) -> None:
    first = client.sync_lead(LeadRecord(email="a@t.com"))
    second = client.sync_lead(LeadRecord(email="b@t.com"))
    client.sync_lead(LeadRecord(id=first.lead_id, email="b@t.com"))
    assert [lead.email for lead in sandbox.leads()] == ["b@t.com", "b@t.com"]
    assert client.sync_lead(LeadRecord(email="b@t.com")).lead_id == second.lead_id


def test_an_unknown_foreign_id_may_adopt_the_email(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, foreign_id_adopts_email=True)
    first = client.sync_lead(LeadRecord(email="a@t.com"))
    adopted = client.sync_lead(LeadRecord(email="a@t.com", **FOREIGN), return_lead=True)
    assert adopted.lead_record == LeadRecord(id=first.lead_id, email="a@t.com", **FOREIGN)
    assert (
        client.sync_lead(
            LeadRecord(email="new@t.com", foreign_sys_person_id="9", foreign_sys_type="SFDC")
        ).sync_status.status
        == CREATED
    )


def test_an_anonymous_lead_becomes_known(client: Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"cookies": [COOKIE], "anonymous": True}])
    result = client.sync_lead(LeadRecord(email="a@t.com"), marketo_cookie=COOKIE)
    assert (result.lead_id, result.sync_status.status) == (1000001, UPDATED)
    (lead,) = sandbox.dump()
    assert (lead["anonymous"], lead["email"], lead["cookies"]) == (False, "a@t.com", [COOKIE])
    assert "an anonymous lead became known" in sandbox.entries()[-1].notes


@pytest.mark.parametrize(("cookie_first", "expected"), [(True, "cookie"), (False, "email")])
def test_cookie_or_email_first(client: Client, sandbox: Sandbox, cookie_first: bool, expected: str) -> None:
    change(sandbox, cookie_before_email=cookie_first)
    ids = {
        "cookie": client.sync_lead(LeadRecord(), marketo_cookie=COOKIE).lead_id,
        "email": client.sync_lead(LeadRecord(email="a@t.com")).lead_id,
    }
    assert client.sync_lead(LeadRecord(email="a@t.com"), marketo_cookie=COOKIE).lead_id == ids[expected]
    unknown = client.sync_lead(LeadRecord(email="new@t.com"), marketo_cookie=COOKIE)
    assert unknown.lead_id == (ids["cookie"] if cookie_first else ids["email"])


# -- workspaces and partitions ------------------------------------------------------------------------

EUROPE = Workspaces(
    enabled=True,
    workspaces=(Workspace("Default", "Main"), Workspace("Europe", "Europe", ("France",)), Workspace("Asia", "Asia")),
    rules=(
        AssignmentRule("France", {"Country": "France"}),
        AssignmentRule("Asia", {"Country": "Japan", "City": "Kyoto"}),
    ),
)


def partitions(sandbox: Sandbox) -> list[str]:
    return [lead["partition"] for lead in sandbox.dump()]


@pytest.mark.parametrize("name", ["Default", "default", "DEFAULT", " Default "])
def test_without_workspaces_only_default_may_be_named(client: Client, name: str) -> None:
    assert client.sync_lead(LeadRecord(email="a@t.com"), target_workspace=name).sync_status.status == CREATED
    assert refused(client, LeadRecord(email="b@t.com"), target_workspace="Europe") == 20110


def test_without_workspaces_a_lead_is_updated_wherever_it_is(client: Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"id": 7, "partition": "Europe"}])
    assert client.sync_lead(LeadRecord(id=7), target_workspace="default").sync_status.status == UPDATED


@pytest.mark.parametrize(
    ("attributes", "workspace", "partition"),
    [
        ({}, None, "Main"),
        ({}, "Default", "Main"),
        ({}, "europe", "Europe"),
        ({"Country": "france"}, None, "France"),
        ({"Country": "France"}, "Asia", "France"),
        ({"Country": "Japan"}, "Europe", "Europe"),
        ({"Country": "Japan", "City": "Kyoto"}, "Europe", "Asia"),
    ],
)
def test_where_a_new_lead_goes(
    client: Client, sandbox: Sandbox, attributes: dict[str, str], workspace: str | None, partition: str
) -> None:
    change(sandbox, workspaces=EUROPE)
    client.sync_lead(LeadRecord(email="a@t.com", attributes=attributes), target_workspace=workspace)
    assert partitions(sandbox) == [partition]


def test_seeds_go_where_new_leads_do(sandbox: Sandbox) -> None:
    change(sandbox, workspaces=EUROPE)
    sandbox.seed([{"email": "a@t.com"}, {"email": "b@t.com", "partition": "Europe"}])
    assert partitions(sandbox) == ["Main", "Europe"]


def test_an_assignment_rule_may_look_at_the_email(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, workspaces=evolve(EUROPE, rules=(AssignmentRule("Asia", {"Email": "Kim@t.com"}),)))
    client.sync_lead(LeadRecord(email="kim@T.com"))
    client.sync_lead(LeadRecord(email="tim@t.com"))
    assert partitions(sandbox) == ["Asia", "Main"]


def test_a_named_workspace_must_exist(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, workspaces=EUROPE)
    assert refused(client, LeadRecord(email="a@t.com"), target_workspace="Africa") == 20110
    assert sandbox.leads() == []


@pytest.mark.parametrize("key", ["id", "foreign", "cookie"])
def test_a_lead_matched_by_a_unique_key_must_be_in_the_primary_partition(
    client: Client, sandbox: Sandbox, key: str
) -> None:
    change(sandbox, workspaces=EUROPE)
    made = client.sync_lead(LeadRecord(email="a@t.com", **FOREIGN), marketo_cookie=COOKIE, target_workspace="Europe")
    lead: Any = {"id": {"id": made.lead_id}, "foreign": FOREIGN, "cookie": {}}[key]
    options: Any = {"marketo_cookie": COOKIE} if key == "cookie" else {}
    record = LeadRecord(attributes={"City": "Rome"}, **lead)
    assert client.sync_lead(record, target_workspace="Europe", **options).lead_id == made.lead_id
    assert client.sync_lead(record, **options).lead_id == made.lead_id
    before = sandbox.dump()
    assert refused(client, record, target_workspace="Asia", **options) == 20106
    assert refused(client, record, target_workspace="Default", **options) == 20106
    assert sandbox.dump() == before


def test_a_lead_in_a_further_partition_is_not_in_the_primary_one(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, workspaces=EUROPE)
    made = client.sync_lead(LeadRecord(email="a@t.com", attributes={"Country": "France"}))
    assert refused(client, LeadRecord(id=made.lead_id), target_workspace="Europe") == 20106


def test_a_lead_matched_by_email_stays_where_it_is(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, workspaces=EUROPE)
    made = client.sync_lead(LeadRecord(email="a@t.com"), target_workspace="Europe")
    again = client.sync_lead(LeadRecord(email="a@t.com", attributes={"Country": "France"}), target_workspace="Asia")
    assert (again.lead_id, again.sync_status.status) == (made.lead_id, UPDATED)
    assert partitions(sandbox) == ["Europe"]


# -- settings -----------------------------------------------------------------------------------------

TOML = """
timestamp_window = 60
unknown_fields = "accept"
custom_fields = { Date_of_purchase = "date" }

[limits]
calls = 5

[workspaces]
enabled = true

[[workspaces.workspaces]]
name = "Default"
primary = "Default"

[[workspaces.workspaces]]
name = "Europe"
primary = "Europe"
partitions = ["France"]

[[workspaces.rules]]
partition = "France"
when = { Country = "France" }

[[faults]]
fault = 20023
times = 2
"""


def test_settings_come_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.toml"
    path.write_text(TOML)
    settings = Settings.load(path)
    assert (settings.timestamp_window, settings.unknown_fields) == (60.0, "accept")
    assert settings.limits is not None
    assert (settings.limits.calls, settings.limits.at_once) == (5, 10)
    assert settings.workspaces.named("EUROPE") == Workspace("Europe", "Europe", ("France",))
    assert settings.workspaces.rules == (AssignmentRule("France", {"Country": "France"}),)
    assert (settings.faults[0].fault, settings.faults[0].times) == (20023, 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("timestamp_windo = 60", "timestamp_windo is unknown"),
        ("timestamp_window = 'x'", "timestamp_window must be float, not str"),
        ("access = 1", "access must be bool, not int"),
        ("unknown_fields = 'x'", "unknown_fields must be one of 'fault', 'accept'"),
        ("limits = 7", "limits: a table is expected"),
        ("limits = { calls = true }", "limits.calls must be int"),
        ("faults = 7", "faults: a list is expected"),
        ("faults = [{ times = 0 }]", "times and every count from 1"),
        ("faults = [{ chance = 2 }]", "chance is between"),
        ("faults = [{ delay = -1 }]", "not negative"),
        ("faults = [{ close = 'never' }]", r"faults\[1\].close must be one of 'before', 'after'"),
        ("custom_fields = { A = 1 }", "custom_fields: a table of strings"),
        ("workspaces = { workspaces = [{ name = 'X' }] }", r"workspaces.workspaces\[1\].primary is missing"),
        ("workspaces = { workspaces = [{ name = 'X', primary = 'X' }] }", "must be one called Default"),
        ("workspaces = { rules = [{ partition = 'X', when = { A = '1' } }] }", "names the partition 'X'"),
        ("workspaces = { rules = [{ partition = 'Default', when = {} }] }", "no condition"),
        ("= 7", "sandbox.toml"),
    ],
)
def test_wrong_settings_name_the_key(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "sandbox.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        Settings.load(path)


def test_access_can_be_switched_off(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, access=False)
    assert refused(client, LeadRecord(email="a@t.com")) == 20013
