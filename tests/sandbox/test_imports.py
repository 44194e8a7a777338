"""importToList: what is imported, when, and its status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import (
    Client,
    Fault,
    GetImportToListStatusResult,
    ImportToList,
    ImportToListModeEnum,
    ImportToListStatusEnum,
    OperationFailed,
    Sandbox,
)
from marketo_soap.sandbox.settings import Campaign, Settings, StaticList
from tests.sandbox.conftest import Clock

LIST = StaticList("Guests", "Party", ("a@t.com",))
SETTINGS = Settings(lists=(LIST, StaticList("Guests")), custom_fields={"Shoe_size": "integer"})
HEADER = "Email Address,Last Name,shoe_size"
PROCESSING, COMPLETE = ImportToListStatusEnum.PROCESSING, ImportToListStatusEnum.COMPLETE


@pytest.fixture(autouse=True)
def party(sandbox: Sandbox) -> None:
    sandbox.configure(SETTINGS)
    sandbox.seed([{"email": "a@t.com", "attributes": {"LastName": "Ape"}}, {"email": "b@t.com"}])


def members(sandbox: Sandbox) -> list[str]:
    return [lead["email"] for lead in sandbox.dump() if "Party.Guests" in lead.get("lists", ())]


def status(client: Client) -> GetImportToListStatusResult:
    return client.get_import_to_list_status("Party", "Guests")


def attributes(sandbox: Sandbox) -> list[Mapping[str, str]]:
    return [lead["attributes"] for lead in sandbox.dump() if "kind" not in lead]


def test_an_import_is_carried_out_when_its_time_has_come(sandbox: Sandbox, client: Client, clock: Clock) -> None:
    rows = [" a@t.com ,,", 'new@t.com,"Last, Name",42', "  ", "b@t.com,Bear", "c@t.com,Cow,7", ",No,1"]
    assert client.import_to_list("Party", HEADER, rows, "UPSERTLEADS", "Guests").import_status == PROCESSING
    clock.tick(59)
    now = status(client)
    assert (now.status, now.estimated_rows, now.rows_imported, now.rows_ignored, now.ended_time) == (
        PROCESSING, 6, 0, 6, None,
    )  # fmt: skip
    assert members(sandbox) == ["a@t.com"]
    clock.tick(1)
    assert members(sandbox) == ["a@t.com", "new@t.com", "c@t.com"]
    assert attributes(sandbox) == [
        {"LastName": "Ape"},
        {},
        {"LastName": "Last, Name", "Shoe_size": "42"},
        {"LastName": "Cow", "Shoe_size": "7"},
    ]
    done = status(client)
    assert (done.status, done.rows_imported, done.rows_failed, done.rows_ignored) == (COMPLETE, 3, 2, 1)
    assert (done.import_summary or "").splitlines() == [
        "row 4: The row has 2 cells, the header 3",
        "row 6: Email Address is empty",
    ]
    assert done.started_time is not None
    assert done.ended_time is not None
    assert (done.ended_time - done.started_time).total_seconds() == 60
    assert done.started_time.isoformat().endswith("-05:00")
    with sandbox.store.reading() as leads:
        logged = [(each.lead_id, each.asset) for each in leads.activities.find(type="Add to List")]
    assert logged == [(1_000_003, "Guests"), (1_000_004, "Guests")]


def test_advance_finishes_an_import(sandbox: Sandbox, client: Client) -> None:
    client.import_to_list("Party", HEADER, ["b@t.com,,"], "UPSERTLEADS", "Guests")
    assert [job.status for job in sandbox.imports()] == ["PROCESSING"]
    sandbox.advance(60)
    with sandbox.store.reading() as leads:
        assert [job.status for job in leads.imports.find()] == ["COMPLETE"]


def test_only_the_list_is_changed_by_listonly(sandbox: Sandbox, client: Client) -> None:
    mode = ImportToListModeEnum.LISTONLY
    rows = ["b@t.com,Changed", "new@t.com,New"]
    client.import_to_list("Party", "Email Address,Last Name", rows, mode, "Guests", clear_list=True)
    sandbox.advance(60)
    assert members(sandbox) == ["b@t.com"]
    assert attributes(sandbox) == [{"LastName": "Ape"}, {}]
    (job,) = sandbox.imports()
    assert (job.imported, list(job.failures)) == (1, ["2"])


def test_empty_cells_may_clear(sandbox: Sandbox, client: Client) -> None:
    sandbox.configure(Settings(lists=(LIST,), empty_import_cells="clear", import_seconds=0))
    client.import_to_list("Party", "Email Address,Last Name", ["a@t.com,"], "UPSERTLEADS", "Guests")
    assert attributes(sandbox) == [{}, {}]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"list_name": "Nope"}, 20111),
        ({"program_name": "Nope"}, 20111),
        ({"header": "Email Address,Nope"}, 20105),
        ({"header": "LastName,Email Address"}, 20105),
    ],
)
def test_what_is_refused_at_once(sandbox: Sandbox, client: Client, given: dict[str, str], code: int) -> None:
    program, name = given.get("program_name", "Party"), given.get("list_name", "Guests")
    with pytest.raises(Fault) as caught:
        client.import_to_list(program, given.get("header", HEADER), ["b@t.com,,"], "UPSERTLEADS", name)
    assert caught.value.code == code
    assert sandbox.imports() == []


@pytest.mark.parametrize(
    ("header", "campaign", "text"),
    [
        ("Last Name", None, "no column Email Address"),
        ("Email Address,", None, "an empty or a repeated name"),
        ("Email Address,Email Address", None, "an empty or a repeated name"),
        ('"Email Address', None, "is not CSV"),
        ("Email Address\nLast Name", None, "is not CSV"),
        ("Email Address,{{my.code}}", None, "campaignName is missing"),
        (" ", None, "importFileHeader is empty"),
    ],
)
def test_a_wrong_header_is_named(header: str, campaign: str | None, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ImportToList("Party", header, [], "UPSERTLEADS", "Guests", False, campaign)
    with pytest.raises(ValueError, match="importListMode must be one of UPSERTLEADS, LISTONLY"):
        ImportToList("Party", "Email Address", [], "ALL", "Guests")


def test_the_latest_import_counts(sandbox: Sandbox, client: Client) -> None:
    with pytest.raises(Fault) as caught:
        status(client)
    assert caught.value.code == 20111
    client.import_to_list("Party", HEADER, ["b@t.com,,", "c@t.com,,"], "UPSERTLEADS", "Guests")
    sandbox.advance(60)
    client.import_to_list("Party", HEADER, ["d@t.com,,"], "UPSERTLEADS", "Guests")
    assert (status(client).status, status(client).estimated_rows) == (PROCESSING, 1)


def test_a_list_that_is_gone_fails_the_import(sandbox: Sandbox, client: Client) -> None:
    client.import_to_list("Party", HEADER, ["c@t.com,,"], "UPSERTLEADS", "Guests")
    job = next(each for each in sandbox.dump() if each.get("kind") == "import")
    sandbox.reset()
    sandbox.configure(Settings(lists=(LIST,)))
    sandbox.seed([{**job, "list_id": 99}])
    sandbox.advance(60)
    with pytest.raises(OperationFailed, match="FAILED: The list does not exist") as caught:
        status(client)
    assert caught.value.result.status == ImportToListStatusEnum.FAILED
    assert sandbox.leads() == []


def test_imports_survive_a_dump(sandbox: Sandbox, client: Client) -> None:
    client.import_to_list("Party", HEADER, ["c@t.com,,"], "UPSERTLEADS", "Guests")
    dump: Any = json.loads(json.dumps(sandbox.dump()))
    with Sandbox(settings=SETTINGS, clock=sandbox.now) as other:
        other.seed(dump)
        assert other.imports() == sandbox.imports()
        assert json.loads(json.dumps(other.dump())) == dump
        other.advance(60)
        assert members(other) == ["a@t.com", "c@t.com"]


def test_a_token_column_is_no_field(sandbox: Sandbox, client: Client) -> None:
    header, row = "Email Address,{{my.code}}", ["c@t.com,7"]
    with pytest.raises(Fault) as caught:
        client.import_to_list("Party", header, row, "UPSERTLEADS", "Guests", campaign_name="Invite")
    assert caught.value.code == 20113
    sandbox.configure(evolve(SETTINGS, campaigns=(Campaign("Invite", "Party"),)))
    client.import_to_list("Party", header, row, "UPSERTLEADS", "Guests", campaign_name="Invite")
    sandbox.advance(60)
    assert attributes(sandbox)[-1] == {}
    assert (sandbox.imports()[0].campaign, sandbox.imports()[0].imported) == ("Invite", 1)
