"""listOperation, and the same over REST."""

from __future__ import annotations

from typing import Any

import pytest

from marketo_soap import (
    Client,
    Fault,
    LeadKey,
    LeadRecord,
    ListKey,
    ListKeyType,
    ListOperation,
    ListOperationType,
    OperationFailed,
    Sandbox,
)
from marketo_soap.operations.list_operation import ListOperationResult
from marketo_soap.sandbox.settings import Settings, StaticList
from tests.sandbox.conftest import Rest, outcome
from tests.support import signed

ADD, IS_MEMBER, REMOVE = ListOperationType
LISTS = (StaticList("Trav-Test-List", members=("a@t.com",)), StaticList("Inside", "Launch", ("a@t.com",)))
A, B, UNKNOWN = (LeadKey("IDNUM", number) for number in ("1000001", "1000002", "7"))


@pytest.fixture(autouse=True)
def _filled(sandbox: Sandbox) -> None:
    sandbox.configure(Settings(lists=LISTS))
    sandbox.seed([{"email": "a@t.com"}, {"email": "b@t.com"}, {"email": "B@t.com"}])


def do(client: Client, operation: ListOperationType, *keys: LeadKey, name: str = "Trav-Test-List", **more: Any) -> Any:
    result = client.list_operation(operation, name, keys, **more)
    statuses = result.lead_statuses
    assert statuses is None or [each.lead_key for each in statuses] == [*keys]
    return result.success, statuses and [each.status for each in statuses]


def members(client: Client) -> list[bool]:
    return do(client, IS_MEMBER, A, B)[1]  # type: ignore[no-any-return]


def activities(sandbox: Sandbox) -> list[tuple[int, str, str]]:
    with sandbox.store.reading() as leads:
        return [(each.lead_id, each.type, each.asset) for each in leads.activities.find()]


def test_members_are_asked_for(client: Client) -> None:
    assert do(client, IS_MEMBER, A) == (True, [True])
    assert do(client, IS_MEMBER, B, A, UNKNOWN) == (False, [False, True, False])
    assert do(client, IS_MEMBER, A, name="Launch.Inside") == (True, [True])
    assert do(client, IS_MEMBER, A, UNKNOWN, strict=True) == (False, [True, False])


def test_a_success_has_no_list_of_statuses(client: Client, sandbox: Sandbox) -> None:
    assert do(client, ADD, B, A) == (True, None)
    assert members(client) == [True, True]
    assert do(client, REMOVE, A, B) == (True, None)
    assert members(client) == [False, False]
    assert activities(sandbox) == [
        (1_000_002, "Add to List", "Trav-Test-List"),
        (1_000_001, "Remove from List", "Trav-Test-List"),
        (1_000_002, "Remove from List", "Trav-Test-List"),
    ]


def test_what_is_possible_is_done_and_the_rest_is_told(client: Client) -> None:
    assert do(client, ADD, UNKNOWN, B) == (False, [False, True])
    assert members(client) == [True, True]
    do(client, REMOVE, A)
    assert do(client, REMOVE, A, B) == (False, [False, True])


@pytest.mark.parametrize("operation", [ADD, REMOVE])
def test_strict_does_nothing_unless_all_can_be_done(client: Client, operation: ListOperationType) -> None:
    before = members(client)
    assert do(client, operation, A, B, UNKNOWN, strict=True) == (False, [False, False, False])
    assert members(client) == before


def test_activities_may_be_left_out(client: Client, sandbox: Sandbox) -> None:
    do(client, ADD, B, skip_activity_log=True)
    assert members(client) == [True, True]
    assert activities(sandbox) == []


def test_keys_may_be_of_any_type(client: Client) -> None:
    assert do(client, ADD, LeadKey("EMAIL", "b@t.com")) == (True, None)  # recorded, though the page says IDNUM
    assert do(client, IS_MEMBER, LeadKey("EMAIL", "b@t.com"), LeadKey("IDNUM", "1000003")) == (True, [True, True])
    assert do(client, IS_MEMBER, LeadKey("EMAIL", "no@t.com")) == (False, [False])


@pytest.mark.parametrize(
    ("operation", "key", "code"),
    [
        (ADD, ListKey("MKTOLISTNAME", "Nope"), 20111),
        (IS_MEMBER, ListKey("MKTOLISTNAME", "Nope"), 20111),
        (ADD, ListKey("MKTOSALESUSERID", "Trav-Test-List"), 20111),
        (ADD, ListKey("MKTOLISTNAME", "Launch.Inside"), 20110),
        (REMOVE, ListKey("MKTOLISTNAME", "Inside"), 20110),
    ],
)
def test_lists_that_cannot_be_changed(client: Client, operation: ListOperationType, key: ListKey, code: int) -> None:
    with pytest.raises(Fault) as caught:
        client.list_operation(operation, key, [A])
    assert caught.value.code == code


def test_an_operation_that_is_gone_is_a_bad_parameter(sandbox: Sandbox) -> None:
    data = signed(ListOperation(ADD, "Trav-Test-List", [A]), sandbox.credentials, sandbox.now())
    assert sandbox.respond(data.replace(b"ADDTOLIST", b"CLEARLIST")).outcome.code == 20110
    empty = data[: data.index(b"<leadKey>")] + data[data.index(b"</leadKey>") + 10 :]
    assert sandbox.respond(empty).outcome.code == 20109


def test_a_failure_without_statuses_is_raised() -> None:
    with pytest.raises(OperationFailed):
        ListOperation.raise_for_status(ListOperationResult(False))
    with pytest.raises(ValueError, match="listMemberList is empty"):
        ListOperation(ADD, "L", [])
    assert ListOperation(ADD, "L", [A]).list_key == ListKey(ListKeyType.MKTOLISTNAME, "L")
    assert [ListOperation(each, "L", [A]).effect for each in ListOperationType] == ["repeatable", "read", "repeatable"]


def test_lists_survive_dump_and_seed_with_and_without_members(client: Client, sandbox: Sandbox) -> None:
    do(client, REMOVE, A)
    with Sandbox() as other:
        other.seed(sandbox.dump())
        with other.store.reading() as leads:
            assert [(each.full_name, each.id) for each in leads.lists.find()] == [
                ("Trav-Test-List", 1),
                ("Launch.Inside", 2),
            ]
            assert leads.lists.names_of(1_000_001) == ["Launch.Inside"]
        other.seed([{"kind": "static_list", "name": "Inside", "program": "Launch", "id": 9}])
        other.seed([{"kind": "static_list", "name": "Third", "program": "", "id": 1}])
        with other.store.reading() as leads:
            assert [each.id for each in leads.lists.find()] == [1, 2, 3]
        other.reset()
        assert other.dump() == []


# -- over REST ----------------------------------------------------------------------------------------

LIST = "/rest/v1/lists/1/leads.json"


def statuses(reply: Any) -> list[str]:
    return [each["reasons"][0]["code"] if "reasons" in each else each["status"] for each in reply]


def test_rest_adds_removes_and_asks(rest: Rest, sandbox: Sandbox) -> None:
    leads = {"input": [{"id": 1_000_002}, {"id": 7}, {"id": 1_000_001}]}
    added = outcome(rest.http.post(LIST, json=leads))
    assert statuses(added) == ["added", "1004", "added"]
    assert [each["id"] for each in added] == [1_000_002, 7, 1_000_001]
    ids = {"id": ["1000001", "7", "1000003"]}
    path = LIST.replace("leads", "leads/ismember")
    assert statuses(outcome(rest.http.get(path, params=ids))) == ["memberof", "1004", "notmemberof"]
    assert statuses(outcome(rest.http.get(path, params={"id": "1000001,1000003"}))) == ["memberof", "notmemberof"]
    assert statuses(outcome(rest.http.delete(LIST, params=ids))) == ["removed", "1004", "1015"]
    assert activities(sandbox) == [
        (1_000_002, "Add to List", "Trav-Test-List"),
        (1_000_001, "Remove from List", "Trav-Test-List"),
    ]


def test_rest_refuses_what_is_no_list_and_no_id(rest: Rest) -> None:
    assert outcome(rest.http.post("/rest/v1/lists/9/leads.json", params={"id": "1"})) == "1013"
    assert outcome(rest.http.post(LIST, json={"input": [{"id": "x"}]})) == "1001"
    assert outcome(rest.http.post(LIST, json={"input": [7]})) == "1001"
    assert outcome(rest.http.post(LIST)) == "1002"
    assert outcome(rest.http.delete(LIST, params={"id": ",".join(map(str, range(301)))})) == "1003"


def test_a_lead_of_a_list_is_written_by_name(client: Client) -> None:
    lead_id = client.sync_lead(LeadRecord(email="new@t.com")).lead_id
    assert do(client, ADD, LeadKey("IDNUM", str(lead_id))) == (True, None)
