"""The operations on Marketo objects do the same over REST as over SOAP, with differences: `m_objects.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from marketo_soap import (
    AsyncClient,
    Attrib,
    Client,
    DeleteMObjects,
    DescribeMObject,
    Fault,
    GetMObjects,
    ListMObjects,
    MObjCriteria,
    MObject,
    Operation,
    SyncMObjects,
)
from tests.bridge.soap_vs_rest.m_objects import (
    DIFFERENCES,
    KEY,
    OPPORTUNITY,
    PROGRAM,
    ROLE,
    compare,
    links,
    opportunity,
    prepare,
    program,
    role,
)
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair

LEAD = 1_000_001


def filled(configuration: str, kind: type[Client | AsyncClient] = Client) -> SandboxPair:
    pair = SandboxPair(configuration, kind, [{"email": "a@x.com"}])
    prepare(pair)
    given = [opportunity("A", Name="x", Stage="s"), role("A", LEAD, Role="Boss", IsPrimary="1")]
    compare(pair, SyncMObjects(given, "INSERT"))
    return pair


def sync(operation: str, *objects: MObject) -> SyncMObjects:
    return SyncMObjects(objects, operation)


def of_key(key: str, **more: Any) -> GetMObjects:
    return GetMObjects(OPPORTUNITY, external_key=Attrib(KEY, key), **more)


EXACT: Mapping[str, Operation[Any]] = {
    "types": ListMObjects(),
    "fields of an opportunity": DescribeMObject(OPPORTUNITY),
    "fields of a role": DescribeMObject("OpportunityLeadRole"),
    "fields of an activity": DescribeMObject("ActivityRecord"),
    "fields of an unknown type": DescribeMObject("Nope"),
    "an unknown key": of_key("Z"),
    "a key with a comma": of_key("A,B"),
    "an unknown criterion": of_key("A", m_obj_criteria=(MObjCriteria("Nope", "EQ", "x"),)),
    "a damaged position": of_key("A", stream_position="x"),
    "a criterion that no object meets": of_key("A", m_obj_criteria=(MObjCriteria("Stage", "NE", "S"),)),
    "roles of an unknown opportunity": GetMObjects(ROLE, m_obj_associations=links("Z", LEAD)),
    "an unknown field": sync("UPSERT", opportunity("B", Nope="x")),
    "an unknown program": sync("UPDATE", program(7, "Tag", Type="Region", Value="APAC")),
    "a program that is inserted": sync("INSERT", program(1001, "Tag", Type="Region", Value="APAC")),
    "a deletion of a program": DeleteMObjects([opportunity("Z"), MObject(PROGRAM, 1001), opportunity("Y")]),
    "a new tag": sync("UPDATE", program(1001, "Tag", Type="Region", Value="APAC")),
    "a new cost": sync("UPDATE", program(1001, "Cost", Month="2013-06", Amount="2000.5", Note="n")),
    "a cost without an amount": sync("UPDATE", program(1001, "Cost", Month="2013-06")),
    "a deletion of an unknown opportunity": DeleteMObjects([opportunity("Z")]),
    "a program with details": GetMObjects(PROGRAM, 7, include_details=True),
}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str, kind: type[Client | AsyncClient]) -> None:
    with filled("default", kind) as pair:
        assert compare(pair, EXACT[what]) == []


EXAMPLES: Mapping[str, tuple[str, Operation[Any]]] = {
    "integer_id": ("default", sync("UPDATE", MObject(OPPORTUNITY, 1001))),
    "open_listing": ("default", GetMObjects(ROLE)),
    "without_key": ("default", sync("INSERT", opportunity(None, Name="x"))),
    "without_role": ("default", sync("INSERT", role("A", LEAD))),
    "invalid_value": ("default", sync("UPSERT", opportunity("A", Probability="80%"))),
    "empty_value_skipped": ("alternative", sync("UPDATE", opportunity("A", Stage=""))),
    "channel_or_cost_changed": ("default", sync("UPDATE", program(1001, "Tag", Type="Channel", Value="Email"))),
    "role_not_found": ("default", sync("UPDATE", role("Z", LEAD, Role="Boss"))),
    "unchanged": ("default", sync("UPSERT", opportunity("A", Name="x"))),
    "no_integer_ids": ("default", GetMObjects(ROLE, m_obj_associations=links("A", None))),
    "booleans": ("alternative", of_key("A")),
    "program_details_missing": ("default", GetMObjects(PROGRAM, 1003, include_details=True)),
    "archived_by_id": ("default", GetMObjects(PROGRAM, 1002)),
    "archived_not_listed": (
        "default",
        GetMObjects(PROGRAM, m_obj_criteria=(MObjCriteria("Include Archive", "EQ", "1"),)),
    ),
}


def test_every_difference_has_an_example() -> None:
    DIFFERENCES.check_examples(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_difference(name: str) -> None:
    configuration, operation = EXAMPLES[name]
    with filled(configuration) as pair:
        assert name in compare(pair, operation)


def test_adjacent_objects_of_a_type_go_in_one_call_and_keep_their_order() -> None:
    given = [opportunity("B"), opportunity("C"), opportunity("B", Name="y"), role("C", LEAD, Role="Buyer")]
    with filled("default") as pair:
        compare(pair, sync("UPDATE", *given, program(1001, "Tag", Type="Region", Value="APAC"), opportunity("D")))
        calls = [each.operation for each in pair.rest.entries()]
    assert calls[-5:] == ["syncOpportunity"] * 2 + ["syncOpportunityRole", "updateProgram", "syncOpportunity"]


def test_objects_that_a_crm_owns_are_not_written() -> None:
    call: Any = sync("UPSERT", opportunity("A"))
    with filled("default") as pair:
        pair.rest.fail(rest="1018", operation="syncOpportunity")
        with pytest.raises(Fault) as caught:
            pair.rest_client.call(call)
        assert caught.value.code == 20019


def test_the_fields_of_leads_are_described() -> None:
    call: Any = DescribeMObject("LeadRecord")
    with filled("default") as pair:
        results: list[Any] = [client.call(call) for client in (pair.rest_client, pair.soap_client)]
    by_rest, by_soap = ({each.name: each.data_type for each in result.metadata.fields} for result in results)
    assert by_rest["Id"] == "integer"
    assert {name: kind for name, kind in by_soap.items() if name in by_rest} == {
        name: kind for name, kind in by_rest.items() if name in by_soap
    }
    assert len(by_rest.keys() - by_soap.keys()) <= 1  # Email
