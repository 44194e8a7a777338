"""mergeLeads: which leads are merged, and what the winner has afterwards; over SOAP and over REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from marketo_soap import (
    Client,
    CustomObj,
    Fault,
    LeadMergeStatusEnum,
    MergeLeads,
    OperationFailed,
    Sandbox,
    StaticListSelector,
)
from marketo_soap.sandbox.assets import CustomObjectType
from marketo_soap.sandbox.settings import Settings, StaticList
from marketo_soap.sandbox.store.activities import Activity
from tests.sandbox.conftest import Clock, Rest, outcome

LEADS: list[dict[str, Any]] = [
    {"email": "a@t.com", "attributes": {"FirstName": "Ann"}, "cookies": ["a"], "lists": ["Both"]},
    {
        "email": "b@t.com",
        "foreign_type": "SFDC",
        "foreign_id": "7",
        "attributes": {"FirstName": "Bob", "City": "Rome", "SfdcLeadId": "00Q"},
        "cookies": ["b"],
        "lists": ["Both", "Program.Mine"],
    },
    {"email": "c@t.com", "foreign_type": "CUSTOM", "foreign_id": "8", "attributes": {"City": "Bern", "Phone": "1"}},
    {"email": "C@t.com"},
]
A, B, C, D = range(1_000_001, 1_000_005)


@pytest.fixture(autouse=True)
def seeded(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.seed(LEADS)
    clock.tick(10)


def kept(sandbox: Sandbox) -> dict[int, dict[str, Any]]:
    return {lead["id"]: lead for lead in sandbox.dump() if "kind" not in lead}


def activities(sandbox: Sandbox, lead_id: int) -> list[tuple[str, str, Mapping[str, str]]]:
    with sandbox.store.reading() as leads:
        return [(each.type, each.asset, each.attributes) for each in leads.activities.find(lead_id=lead_id)]


def test_custom_objects_are_linked_to_the_winner(sandbox: Sandbox, client: Client) -> None:
    types = (
        CustomObjectType("Roadshow", ("MKTOID", "rid"), ("city",)),
        CustomObjectType("Car", ("vin",), ("MKTOID",)),
        CustomObjectType("Loose", ("MKTOID",), link=""),
    )
    sandbox.configure(Settings(custom_object_types=types))
    shows = [({"MKTOID": str(lead), "rid": rid}, {"city": city}) for lead, rid, city in ((A, "1", "Rome"), (B, "1", "Bern"), (B, "2", "Oslo"), (C, "2", "Bonn"))]  # fmt: skip
    client.sync_custom_objects("Roadshow", [CustomObj(*each) for each in shows])
    client.sync_custom_objects("Car", [CustomObj({"vin": "v"}, {"MKTOID": str(B)})])
    client.merge_leads({"IDNUM": A}, [{"IDNUM": B}, {"IDNUM": C}])
    found = client.get_custom_objects("Roadshow", {"MKTOID": str(A)}).custom_objs
    values = [[each.value for each in (*one.custom_obj_keys[1:], *one.custom_obj_attributes)] for one in found]
    assert values == [["1", "Rome"], ["2", "Oslo"]]
    assert client.get_custom_objects("Car", {"MKTOID": str(A)}).return_count == 1
    assert client.get_custom_objects("Roadshow", {"MKTOID": str(B)}).return_count == 0


def test_the_losers_are_gone_and_the_winner_has_what_they_had(sandbox: Sandbox, client: Client) -> None:
    status = client.merge_leads({"IDNUM": A}, [{"EMAIL": "b@t.com"}, {"IDNUM": C}]).merge_status
    assert (status.status, status.winning_lead_id, status.losing_lead_ids, status.error) == (
        LeadMergeStatusEnum.MERGED,
        A,
        (B, C),
        None,
    )
    assert set(kept(sandbox)) == {A, D}
    winner = kept(sandbox)[A]
    assert (winner["email"], winner["foreign_type"], winner["foreign_id"]) == ("a@t.com", "SFDC", "7")
    assert winner["attributes"] == {"FirstName": "Ann", "City": "Rome", "SfdcLeadId": "00Q", "Phone": "1"}
    assert (winner["cookies"], winner["lists"]) == (["a", "b"], ["Both", "Program.Mine"])
    found = client.get_multiple_leads(StaticListSelector("Program.Mine"))
    assert [lead.id for lead in found.lead_records] == [A]


def test_activities_move_and_the_merge_is_logged(sandbox: Sandbox, client: Client) -> None:
    with sandbox.store.transaction() as leads:
        leads.activities.add(Activity(B, 1, "Visit Webpage", "x.html"))
    client.merge_leads({"IDNUM": A}, [{"IDNUM": B}])
    visit, merge, *changes = activities(sandbox, A)
    assert visit[:2] == ("Visit Webpage", "x.html")
    assert (merge[0], merge[2]["Merge IDs"]) == ("Merge Leads", f"[{B}]")
    assert {(kind, asset) for kind, asset, _ in changes} == {("Change Data Value", "City"), ("Change Data Value", "SfdcLeadId")}  # fmt: skip


@pytest.mark.parametrize(
    ("winner", "loser", "code"),
    [
        ({"IDNUM": "1"}, {"IDNUM": B}, 20103),
        ({"IDNUM": A}, {"EMAIL": "no@t.com"}, 20103),
        ({"IDNUM": A, "EMAIL": "b@t.com"}, {"IDNUM": C}, 20103),
        ({"IDNUM": A}, {"EMAIL": "c@t.com"}, None),
        ({"IDNUM": A}, {"IDNUM": A}, None),
    ],
)
def test_what_cannot_be_merged(
    sandbox: Sandbox, client: Client, winner: dict[str, Any], loser: dict[str, Any], code: int | None
) -> None:
    before = sandbox.dump()
    with pytest.raises((Fault, OperationFailed)) as caught:
        client.merge_leads(winner, [{"IDNUM": D}, loser])
    if code is None:
        assert isinstance(caught.value, OperationFailed)
        assert caught.value.result.merge_status.error in ("EMAIL names 2 leads", "The winner is among the losers")
        assert caught.value.result.merge_status.winning_lead_id is None
    else:
        assert isinstance(caught.value, Fault)
        assert caught.value.code == code
    assert sandbox.dump() == before


def test_all_keys_of_a_lead_name_it(sandbox: Sandbox, client: Client) -> None:
    client.merge_leads({"IDNUM": C, "EMAIL": "c@t.com"}, [{"COOKIE": "a"}, {"SFDCLEADID": "00Q"}, {"IDNUM": B}])
    assert set(kept(sandbox)) == {C, D}
    assert kept(sandbox)[C]["foreign_id"] == "8"


@pytest.mark.parametrize(
    ("winner", "losers", "text"),
    [
        ({}, [{"IDNUM": 1}], "winningLeadKeyList is empty"),
        ({"IDNUM": 1}, [], "losingLeadKeyLists is empty"),
        ({"IDNUM": 1}, [{}], "keyList.* is empty"),
        ({"Id": 1}, [{"IDNUM": 2}], "attrName must be one of IDNUM"),
        ({"IDNUM": 1}, [{"EMAIL": ""}], "attrValue is empty"),
    ],
)
def test_wrong_keys_are_named(winner: dict[str, Any], losers: list[dict[str, Any]], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        MergeLeads(winner, losers)
    with pytest.raises(TypeError, match="keys of each losing lead"):
        MergeLeads({"IDNUM": 1}, {"IDNUM": 2})  # type: ignore[dict-item]


def test_merge_over_rest(rest: Rest) -> None:
    path = f"/rest/v1/leads/{A}/merge.json"

    def merge(at: str = path, **params: object) -> Any:
        return outcome(rest.http.post(at, params=params))  # type: ignore[arg-type]

    assert merge() == "1002"
    assert merge(leadIds="x") == "1003"
    assert merge(leadIds="7") == "1004"
    assert merge("/rest/v1/leads/7/merge.json", leadId=B) == "1004"
    assert merge(leadId=A) == "1003"
    assert merge(leadIds=",".join(map(str, range(26)))) == "1080"
    assert outcome(rest.http.post(path, data={"leadId": str(B)})) == "1003"
    assert merge(leadIds=f"{B},{C}", mergeInCRM="false") is None
    assert set(kept(rest.sandbox)) == {A, D}
    assert kept(rest.sandbox)[A]["attributes"]["City"] == "Rome"
    assert merge(leadId=D) is None
    assert set(kept(rest.sandbox)) == {A}


def test_a_list_that_both_are_in_keeps_one(sandbox: Sandbox, client: Client) -> None:
    sandbox.configure(Settings(lists=(StaticList("Both"),)))
    client.merge_leads({"IDNUM": A}, [{"IDNUM": B}])
    assert client.get_multiple_leads(StaticListSelector("Both")).return_count == 1
