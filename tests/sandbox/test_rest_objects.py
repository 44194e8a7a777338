"""Opportunities, roles and programs over REST."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from marketo_soap import Attrib, Client, MObject
from marketo_soap.sandbox.store.programs import Cost, Program
from tests.sandbox.conftest import Clock, Rest, outcome

OPPORTUNITIES, ROLES = "/rest/v1/opportunities", "/rest/v1/opportunities/roles"
LEAD = 1000001


def sync(rest: Rest, path: str, *records: Any, **members: Any) -> Any:
    """What became of the records: the status of each, or the code that it was skipped for."""
    result = outcome(rest.http.post(f"{path}.json", json={"input": list(records), **members}))
    if isinstance(result, str):
        return result
    assert [each["seq"] for each in result] == list(range(len(records)))
    return [each["reasons"][0]["code"] if "reasons" in each else each["status"] for each in result]


def get(rest: Rest, path: str, **params: Any) -> Any:
    return outcome(rest.http.get(path, params=params))


def find(rest: Rest, path: str, by: str, values: str, **params: Any) -> Any:
    return get(rest, f"{path}.json", filterType=by, filterValues=values, **params)


def test_opportunities_are_written_and_found(rest: Rest) -> None:
    first = {"externalOpportunityId": "A", "name": "N", "amount": 5, "isWon": True}
    assert sync(rest, OPPORTUNITIES, first, {"externalOpportunityId": "B"}) == ["created", "created"]
    assert sync(rest, OPPORTUNITIES, first, action="createOnly") == ["1017"]
    assert sync(rest, OPPORTUNITIES, {"externalOpportunityId": "C"}, action="updateOnly") == ["1013"]
    assert sync(rest, OPPORTUNITIES, {"externalOpportunityId": "A", "amount": None}) == ["updated"]
    (found,) = find(rest, OPPORTUNITIES, "externalOpportunityId", "A,Z", fields="name,amount,isWon,isClosed")
    guid = found.pop("marketoGUID")
    assert found == {"seq": 0, "name": "N", "amount": None, "isWon": True, "isClosed": False}
    assert find(rest, OPPORTUNITIES, "marketoGUID", guid)[0]["externalOpportunityId"] == "A"
    assert sync(rest, OPPORTUNITIES, {"marketoGUID": guid, "name": "M"}, action="updateOnly", dedupeBy="idField") == [
        "updated"
    ]


@pytest.mark.parametrize(
    ("record", "members", "expected"),
    [
        ({"externalOpportunityId": "A", "nope": 1}, {}, ["1006"]),
        ({"externalOpportunityId": "A", "amount": "much"}, {}, ["1003"]),
        ({"externalOpportunityId": "A", "name": None}, {}, ["1003"]),
        ({"name": "N"}, {}, ["1003"]),
        ({"externalOpportunityId": "A"}, {"action": "upsert"}, "1003"),
        ({"externalOpportunityId": "A"}, {"dedupeBy": "name"}, "1003"),
        ("A", {}, ["1003"]),
    ],
)
def test_what_is_refused(rest: Rest, record: Any, members: dict[str, str], expected: Any) -> None:
    assert sync(rest, OPPORTUNITIES, record, **members) == expected


def test_a_key_stands_once_in_an_input(rest: Rest) -> None:
    assert sync(rest, OPPORTUNITIES, *[{"externalOpportunityId": "A"}] * 2) == ["created", "1036"]


def test_roles_are_written_and_found(rest: Rest) -> None:
    rest.sandbox.seed([{"email": "t@t.com"}])
    key = {"externalOpportunityId": "A", "leadId": LEAD, "role": "Boss"}
    assert sync(rest, ROLES, key) == ["1013"]
    sync(rest, OPPORTUNITIES, {"externalOpportunityId": "A"})
    assert sync(rest, ROLES, {**key, "leadId": 7}, {**key, "role": ""}, {**key, "isPrimary": True}) == [
        "1004",
        "1003",
        "created",
    ]
    for by, value in (("leadId", str(LEAD)), ("externalOpportunityId", "A")):
        (found,) = find(rest, ROLES, by, value, fields="externalOpportunityId,leadId,role,isPrimary")
        assert {name: found[name] for name in (*key, "isPrimary")} == {**key, "isPrimary": True}
    assert find(rest, ROLES, "role", "Boss") == "1003"


def test_an_opportunity_is_deleted_with_its_roles(rest: Rest) -> None:
    rest.sandbox.seed([{"email": "t@t.com"}])
    sync(rest, OPPORTUNITIES, {"externalOpportunityId": "A"})
    sync(rest, ROLES, {"externalOpportunityId": "A", "leadId": LEAD, "role": "Boss"})
    given = [{"externalOpportunityId": "A"}, {"externalOpportunityId": "B"}]
    assert sync(rest, f"{OPPORTUNITIES}/delete", *given) == ["deleted", "1013"]
    assert find(rest, ROLES, "leadId", str(LEAD)) == []


def test_found_records_come_in_pages(rest: Rest) -> None:
    sync(rest, OPPORTUNITIES, *[{"externalOpportunityId": name} for name in "ABC"])
    params = {"filterType": "externalOpportunityId", "filterValues": "C,B,A", "batchSize": "2"}
    first = rest.http.get(f"{OPPORTUNITIES}.json", params=params).json()
    second = rest.http.post(
        f"{OPPORTUNITIES}.json", data={**params, "_method": "GET", "nextPageToken": first["nextPageToken"]}
    ).json()
    assert [each["externalOpportunityId"] for each in first["result"] + second["result"]] == ["A", "B", "C"]
    assert "nextPageToken" not in second


def test_both_apis_see_the_same_opportunities(rest: Rest, client: Client) -> None:
    sync(rest, OPPORTUNITIES, {"externalOpportunityId": "A", "name": "N"})
    (stored,) = client.get_m_objects("Opportunity").m_objects
    assert (stored.external_key, stored.get("Name")) == (Attrib("ExternalOpportunityId", "A"), "N")
    client.sync_m_objects([MObject("Opportunity", None, Attrib("ErpId", "A"), {"Stage": "s"})], "UPSERT")
    (found,) = find(rest, OPPORTUNITIES, "externalOpportunityId", "A", fields="stage")
    assert found["stage"] == "s"  # of several with the key, the newest


def test_a_crm_may_own_opportunities(rest: Rest) -> None:
    rest.sandbox.configure(evolve(rest.sandbox.settings, native_crm_sync=True))
    assert sync(rest, OPPORTUNITIES, {"externalOpportunityId": "A"}) == "1018"
    assert get(rest, f"{ROLES}/describe.json") == "1018"


def test_fields_are_described(rest: Rest) -> None:
    for path, keys in ((OPPORTUNITIES, 1), (ROLES, 3)):
        (described,) = get(rest, f"{path}/describe.json")
        names = [each["name"] for each in described["fields"]]
        assert len(described["dedupeFields"]) == keys
        assert {*described["dedupeFields"], "marketoGUID", "createdAt"} <= {*names}


# -- programs -----------------------------------------------------------------------------------------

PROGRAM = "/rest/asset/v1/program"


@pytest.fixture
def programs(rest: Rest) -> Rest:
    given = (
        Program("Launch", channel="Webinar", tags={"Region": "EMEA"}, costs=(Cost("2011-07", 3000.0),)),
        Program("Old", archived=True),
        Program("News", tags={"Region": "APAC"}),
    )
    rest.sandbox.configure(evolve(rest.sandbox.settings, programs=given))
    return rest


def test_programs_are_found(programs: Rest) -> None:
    def names(path: str, **params: Any) -> Any:
        result = get(programs, path, **params)
        return result if isinstance(result, str) else [each["name"] for each in result or ()]

    assert names("/rest/asset/v1/programs.json") == ["Launch", "News"]
    assert names("/rest/asset/v1/programs.json", offset=1, maxReturn=1) == ["News"]
    assert names("/rest/asset/v1/programs.json", filterType="id", filterValues="1001") == ["Launch"]
    assert names("/rest/asset/v1/programs.json", maxReturn=201) == "1003"
    assert names(f"{PROGRAM}/byName.json", name="News") == ["News"]
    assert names(f"{PROGRAM}/byName.json", name="Nope") == []
    assert names(f"{PROGRAM}/byTag.json", tagType="Region", tagValue="APAC") == ["News"]
    assert names(f"{PROGRAM}/1002.json") == ["Old"]
    assert names(f"{PROGRAM}/99.json") == "702"


def test_costs_and_tags_are_shown_if_they_are_asked_for(programs: Rest) -> None:
    path = "/rest/asset/v1/programs.json"
    first = get(programs, path)[0]
    assert (first["tags"], first["costs"]) == (None, None)
    first = get(programs, path, includeTags="true", includeCosts="true")[0]
    assert first["tags"] == [{"tagType": "Region", "tagValue": "EMEA"}]
    assert first["costs"] == [{"startDate": "2011-07-01", "cost": 3000.0, "note": ""}]


def test_costs_are_added_or_replaced(programs: Rest, clock: Clock) -> None:
    def update(**form: str) -> Any:
        clock.tick(60)
        return outcome(programs.http.post(f"{PROGRAM}/1001.json", data=form))

    costs = '[{"startDate":"2013-06-01","cost":5,"note":"n"}]'
    (shown,) = update(costs=costs, tags='[{"tagType":"Product","tagValue":"X"}]')
    assert [each["cost"] for each in shown["costs"]] == [3000.0, 5.0]
    assert [each["tagValue"] for each in shown["tags"]] == ["EMEA", "X"]
    assert shown["updatedAt"] > shown["createdAt"]
    (shown,) = update(costs=costs, costsDestructiveUpdate="true")
    assert [each["cost"] for each in shown["costs"]] == [5.0]
    for wrong in ("x", "[1]", '[{"startDate":"June","cost":1}]', '{"a":1}'):
        assert update(costs=wrong) == "1003"
