"""Opportunities, roles and programs in the sandbox: the five operations on Marketo objects."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import (
    Attrib,
    Client,
    DescribeMObject,
    Fault,
    GetMObjects,
    ListMObjects,
    MObjAssociation,
    MObjCriteria,
    MObject,
    Sandbox,
    SyncMObjects,
    SyncOperationEnum,
    TypeAttrib,
)
from marketo_soap.operations.delete_m_objects import DeleteMObjects
from marketo_soap.records.object_fields import OBJECT_FIELDS
from marketo_soap.sandbox.assets import Channel, TagType
from marketo_soap.sandbox.settings import Settings
from tests.sandbox.conftest import Clock
from tests.support import signed

OPPORTUNITY, ROLE, PROGRAM = "Opportunity", "OpportunityPersonRole", "Program"
LEAD = 1000001
FIRST = 1001
PROGRAMS = """
[[programs]]
name = "Launch"
type = "Event"
channel = "Webinar"
tags = { Region = "EMEA", Product = "<b>X</b>" }
costs = [{ month = "2011-07", amount = 3000, note = "Ads" }]
tokens = { "{{my.name}}" = "T" }
start_date = "2011-08-01 11:00:00"

[[programs]]
name = "Old"
channel = "Email Blast"
tags = { Region = "APAC" }
archived = true

[[programs]]
name = "News"
"""


def key(value: str, name: str = "ErpId") -> Attrib:
    return Attrib(name, value)


def opportunity(value: str | None = None, number: int | None = None, **attributes: str) -> MObject:
    return MObject(OPPORTUNITY, number, None if value is None else key(value), attributes)


def role(value: str | None, person: int | None = LEAD, *, kind: str = ROLE, **attributes: str) -> MObject:
    given = [MObjAssociation("Lead", person)] if person is not None else []
    given += [MObjAssociation(OPPORTUNITY, None, key(value))] if value is not None else []
    return MObject(kind, None, None, attributes, m_obj_associations=tuple(given))


def sync(client: Client, operation: str, *objects: MObject) -> list[tuple[str, int]]:
    result = client.sync_m_objects(objects, operation)
    assert [each.external_key for each in result.m_obj_statuses] == [each.external_key for each in objects]
    assert all((each.error is None) == (each.status != "FAILED") for each in result.m_obj_statuses)
    return [(str(each.status), each.id) for each in result.m_obj_statuses]


def reasons(client: Client, operation: str, *objects: MObject) -> list[str | None]:
    return [each.error for each in client.sync_m_objects(objects, operation).m_obj_statuses]


def found(client: Client, type: str = OPPORTUNITY, *args: Any, **options: Any) -> list[int | None]:
    result = client.get_m_objects(type, *args, **options)
    assert result.return_count == len(result.m_objects)
    assert not result.has_more
    assert result.new_stream_position
    return [each.id for each in result.m_objects]


@pytest.fixture
def programs(sandbox: Sandbox, tmp_path: Any) -> None:
    path = tmp_path / "sandbox.toml"
    path.write_text(PROGRAMS, encoding="utf-8")
    sandbox.configure(Settings.load(path))


# -- opportunities ------------------------------------------------------------------------------------


def test_each_operation_has_its_statuses(client: Client) -> None:
    made, again = opportunity("A", Name="N", Amount="5"), opportunity("A", Name="M")
    assert sync(client, "INSERT", made) == [("CREATED", FIRST)]
    assert sync(client, "INSERT", again) == [("SKIPPED", FIRST)]
    assert sync(client, "UPDATE", opportunity("B"), opportunity(None, 7)) == [("SKIPPED", 0), ("SKIPPED", 7)]
    assert sync(client, "UPSERT", made, again, again) == [
        ("UNCHANGED", FIRST),
        ("UPDATED", FIRST),
        ("UNCHANGED", FIRST),
    ]
    assert sync(client, "UPSERT", opportunity("C"), opportunity()) == [("CREATED", FIRST + 1), ("CREATED", FIRST + 2)]
    (stored,) = client.get_m_objects(OPPORTUNITY, FIRST).m_objects
    assert [(each.name, each.value) for each in stored.attribs] == [("Amount", "5"), ("Name", "M")]
    assert stored.external_key == key("A")


def test_one_that_failed_does_not_stop_the_others(client: Client) -> None:
    given = [opportunity("A", Nope="x"), opportunity("B", Name="N"), opportunity(None, 99)]
    assert sync(client, "UPSERT", *given) == [("FAILED", 0), ("CREATED", FIRST), ("FAILED", 99)]
    assert reasons(client, "UPSERT", given[0]) == ["Unknown name attribute list: Nope"]


def test_fields_may_be_added_by_the_settings(client: Client, sandbox: Sandbox) -> None:
    sandbox.configure(evolve(sandbox.settings, opportunity_fields={"Nope": "integer"}))
    assert sync(client, "INSERT", opportunity("A", Nope="1")) == [("CREATED", FIRST)]
    fields = client.describe_m_object(OPPORTUNITY).metadata.fields
    assert [(each.name, each.data_type) for each in fields][-1] == ("Nope", "integer")


def test_of_several_with_an_external_key_the_newest_counts(client: Client, sandbox: Sandbox) -> None:
    sync(client, "INSERT", opportunity("A", Name="first"))
    sandbox.configure(evolve(sandbox.settings, known_external_key="add"))
    assert sync(client, "INSERT", opportunity("A", Name="second")) == [("CREATED", FIRST + 1)]
    assert sync(client, "UPDATE", opportunity("A", Name="third")) == [("UPDATED", FIRST + 1)]
    assert found(client, external_key=key("A")) == [FIRST + 1]
    assert found(client, external_key=key("A", "Other")) == []


def test_an_external_key_beside_an_id_is_written(client: Client) -> None:
    sync(client, "INSERT", opportunity("A"))
    assert sync(client, "UPDATE", opportunity("B", FIRST)) == [("UPDATED", FIRST)]
    assert (found(client, external_key=key("A")), found(client, external_key=key("B"))) == ([], [FIRST])


def test_an_empty_value_clears_an_attribute(client: Client) -> None:
    sync(client, "INSERT", opportunity("A", Name="N", Stage="S"))
    sync(client, "UPDATE", opportunity("A", Stage=""))
    (stored,) = client.get_m_objects(OPPORTUNITY).m_objects
    assert stored.attribs == (Attrib("Name", "N"),)


def test_an_opportunity_belongs_to_a_company(client: Client) -> None:
    company = MObjAssociation("Company", None, key("ACME"))
    sync(client, "INSERT", evolve(opportunity("A"), m_obj_associations=(company,)), opportunity("B"))
    assert found(client, m_obj_associations=[company]) == [FIRST]
    assert found(client, m_obj_associations=[MObjAssociation("Company", 5)]) == []
    lead = MObjAssociation("Lead", LEAD)
    assert "no association" in (
        reasons(client, "UPDATE", evolve(opportunity("A"), m_obj_associations=(lead,)))[0] or ""
    )
    with pytest.raises(Fault, match="no association"):
        client.get_m_objects(OPPORTUNITY, m_obj_associations=[lead])


# -- roles --------------------------------------------------------------------------------------------


def test_objects_of_several_types_keep_their_order(client: Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"email": "t@t.com"}])
    given = [role("A", Role="Buyer"), opportunity("A"), role("A", Role="Buyer"), role("A", Role="Buyer")]
    assert sync(client, "UPSERT", *given) == [
        ("FAILED", 0),
        ("CREATED", FIRST),
        ("CREATED", FIRST),
        ("UNCHANGED", FIRST),
    ]


def test_a_role_needs_its_opportunity_and_its_lead(client: Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"email": "t@t.com"}])
    sync(client, "INSERT", opportunity("A"))
    by_ids = MObject(ROLE, None, None, {"OpportunityId": FIRST, "PersonId": LEAD, "Role": "Boss"})
    given = [role("A", None), role(None), role("A", 7), role("B"), by_ids]
    assert [status for status, _ in sync(client, "INSERT", *given)] == ["FAILED"] * 4 + ["CREATED"]
    assert reasons(client, "INSERT", *given[:2]) == ["PersonId missing", "OpportunityId missing"]
    (stored,) = client.get_m_objects(ROLE).m_objects
    assert {each.name: each.value for each in stored.attribs} == {
        "OpportunityId": str(FIRST),
        "PersonId": str(LEAD),
        "Role": "Boss",
    }
    assert stored.m_obj_associations == (MObjAssociation("Lead", LEAD), MObjAssociation(OPPORTUNITY, FIRST))


def test_roles_are_found_by_lead_and_by_opportunity(client: Client, sandbox: Sandbox) -> None:
    sandbox.seed([{"email": "t@t.com"}, {"email": "u@t.com"}])
    sync(client, "INSERT", opportunity("A"), opportunity("B"))
    sync(client, "INSERT", role("A"), role("B"), role("B", LEAD + 1))
    lead, other = MObjAssociation("Lead", LEAD), MObjAssociation(OPPORTUNITY, None, key("B"))
    assert found(client, ROLE, m_obj_associations=[lead]) == [FIRST, FIRST + 1]
    assert found(client, ROLE, m_obj_associations=[other]) == [FIRST + 1, FIRST + 2]
    assert found(client, ROLE, m_obj_associations=[lead, other]) == [FIRST + 1]
    assert found(client, ROLE, m_obj_associations=[MObjAssociation(OPPORTUNITY, None, key("C"))]) == []


@pytest.mark.parametrize("kind", ["OpportunityPersonRole", "OpportunityLeadRole"])
def test_a_role_is_answered_in_the_spelling_of_the_caller(client: Client, sandbox: Sandbox, kind: str) -> None:
    sandbox.seed([{"email": "t@t.com"}])
    sync(client, "INSERT", opportunity("A"), role("A", kind=kind))
    assert [each.type for each in client.get_m_objects(kind).m_objects] == [kind]
    assert client.describe_m_object(kind).metadata.name == kind


# -- delete -------------------------------------------------------------------------------------------


def test_objects_are_deleted_by_their_ids(client: Client, sandbox: Sandbox, programs: None) -> None:
    sandbox.seed([{"email": "t@t.com"}])
    sync(client, "INSERT", opportunity("A"), opportunity("B"), role("A"), role("B"))
    given = [opportunity(None, FIRST), opportunity(None, FIRST), MObject(ROLE, FIRST + 1), MObject(PROGRAM, FIRST)]
    result = client.delete_m_objects(given)
    assert [(str(each.status), each.id) for each in result.m_obj_statuses] == [
        ("DELETED", FIRST),
        ("UNCHANGED", FIRST),
        ("DELETED", FIRST + 1),
        ("FAILED", FIRST),
    ]
    assert (found(client), found(client, ROLE)) == ([FIRST + 1], [])  # a role is deleted with its opportunity
    assert sandbox.entries()[-3].verdict == "2 DELETED, 1 FAILED, 1 UNCHANGED"


# -- reads --------------------------------------------------------------------------------------------


def test_the_types_are_listed_and_described(client: Client, sandbox: Sandbox) -> None:
    names = client.list_m_objects().objects
    assert names == ("ActivityRecord", "LeadRecord", "Opportunity", "OpportunityPersonRole")
    for name in names:
        described = client.describe_m_object(name).metadata
        assert (described.name, described.is_virtual) == (name, name in names[:2])
        assert len({each.name for each in described.fields}) == len(described.fields)
        assert [each.name for each in described.fields if name != "LeadRecord"] == [
            each.name for each in OBJECT_FIELDS.get(name, ())
        ]
    fields = {each.name: each.data_type for each in client.describe_m_object("LeadRecord").metadata.fields}
    assert (fields["Id"], fields["FirstName"]) == ("integer", "string")
    for name in ("Program", "Nope"):
        with pytest.raises(Fault) as caught:
            client.describe_m_object(name)
        assert caught.value.code == 20110


def test_pages_have_a_hundred_objects(client: Client, sandbox: Sandbox) -> None:
    for _ in range(2):
        sync(client, "INSERT", *[opportunity(Name="N")] * 100)
    sync(client, "INSERT", opportunity(Name="M"))
    pages = list(client.pages(GetMObjects(OPPORTUNITY)))
    assert [(each.return_count, each.has_more) for each in pages] == [(100, True), (100, True), (1, False)]
    assert all(each.new_stream_position for each in pages)
    numbers = [each.id for each in client.iterate(GetMObjects(OPPORTUNITY, stream_position="id:1:ts:1:os:0:rc:1"))]
    assert numbers == [FIRST + n for n in range(201)]
    criteria = (MObjCriteria("Name", "EQ", "m"),)
    assert [each.id for each in client.iterate(GetMObjects(OPPORTUNITY, m_obj_criteria=criteria))] == [FIRST + 200]
    past = client.get_m_objects(OPPORTUNITY, stream_position=pages[-1].new_stream_position)
    assert (past.return_count, past.has_more) == (0, False)
    sandbox.configure(evolve(sandbox.settings, stream_end="fault"))
    for position, code in (("x", 20122), (pages[-1].new_stream_position, 20123)):
        with pytest.raises(Fault) as caught:
            client.get_m_objects(OPPORTUNITY, stream_position=position)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("comparison", "numbers"),
    [("EQ", [1]), ("NE", [0, 2, 3]), ("LT", [0]), ("LE", [0, 1]), ("GT", [2]), ("GE", [1, 2])],
)
def test_criteria_compare(client: Client, comparison: str, numbers: list[int]) -> None:
    sync(client, "INSERT", *[opportunity(Stage=stage) for stage in ("9", "10", "11.5")], opportunity())
    criteria = [MObjCriteria("Stage", comparison, "10.0")]
    assert found(client, m_obj_criteria=criteria) == [FIRST + n for n in numbers]
    assert found(client, m_obj_criteria=[MObjCriteria("Stage", "EQ", "nan")]) == []


def test_criteria_compare_times_and_combine(client: Client, clock: Clock) -> None:
    for name in "abc":
        sync(client, "INSERT", opportunity(name, Name=name))
        clock.tick(60)
    second = (clock.now - timedelta(seconds=120)).isoformat()
    since = MObjCriteria("Created At", "GE", second)
    assert found(client, m_obj_criteria=[since]) == [FIRST + 1, FIRST + 2]
    assert found(client, m_obj_criteria=[since, MObjCriteria("Name", "NE", "B")]) == [FIRST + 2]
    sync(client, "UPDATE", opportunity("a", Name="d"))
    assert found(client, m_obj_criteria=[MObjCriteria("Updated At", "GT", second)]) == [FIRST, FIRST + 2]
    assert found(client, OPPORTUNITY, FIRST, m_obj_criteria=[since]) == []


def test_a_criterion_that_there_is_not_is_a_fault(client: Client) -> None:
    for kind, name in ((OPPORTUNITY, "Tag Type"), (PROGRAM, "Stage")):
        with pytest.raises(Fault, match="not a criterion") as caught:
            client.get_m_objects(kind, m_obj_criteria=[MObjCriteria(name, "EQ", "x")])
        assert caught.value.code == 20110


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("<mObjectList><mObject><type>Nope</type></mObject></mObjectList>", 20110),
        ("<mObjectList/>", 20109),
        (f"<mObjectList>{'<mObject><type>Opportunity</type></mObject>' * 101}</mObjectList>", 20110),
        ("<mObjectList><mObject/></mObjectList>", 20017),
    ],
    ids=["type", "none", "many", "untyped"],
)
def test_what_no_call_may_say_is_a_fault(sandbox: Sandbox, clock: Clock, body: str, code: int) -> None:
    data = signed(SyncMObjects([opportunity("A")], SyncOperationEnum.UPSERT), sandbox.credentials, clock.now)
    start, end = data.index(b"<mObjectList>"), data.index(b"</mObjectList>") + len(b"</mObjectList>")
    assert sandbox.respond(data[:start] + body.encode() + data[end:]).outcome.code == code


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: GetMObjects("Nope"), "type must be one of"),
        (lambda: GetMObjects(OPPORTUNITY, 1, external_key=key("A")), "not both"),
        (lambda: GetMObjects(PROGRAM, m_obj_criteria=(MObjCriteria("Tag Type", "EQ", "a"),) * 2), "given once"),
        (lambda: MObjCriteria("Name", "LIKE", "a") and GetMObjects(PROGRAM), "comparison must be one of"),
        (lambda: DeleteMObjects([MObject(OPPORTUNITY)]), "id is missing"),
    ],
)
def test_what_a_caller_gives_wrong(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_what_may_be_repeated() -> None:
    cost = TypeAttrib("Cost", {"Month": "2013-06", "Amount": "1"})
    cases: dict[str, list[Any]] = {
        "once": [SyncMObjects([opportunity("A")], "INSERT"), SyncMObjects([opportunity()], "UPSERT")],
        "repeatable": [
            SyncMObjects([opportunity("A")], "UPSERT"),
            SyncMObjects([opportunity()], "UPDATE"),
            DeleteMObjects([MObject(OPPORTUNITY, 1)]),
        ],
        "read": [ListMObjects(), DescribeMObject("x"), GetMObjects(PROGRAM)],
    }
    for effect, operations in cases.items():
        assert {each.effect for each in operations} == {effect}
    assert SyncMObjects([MObject(PROGRAM, 1, type_attribs=(cost,))], "UPDATE").effect == "once"


# -- programs -----------------------------------------------------------------------------------------


def details(client: Client, name: str) -> list[tuple[str, dict[str, str]]]:
    criteria = [MObjCriteria("Name", "EQ", name), MObjCriteria("Include Archive", "EQ", "true")]
    (program,) = client.get_m_objects(PROGRAM, m_obj_criteria=criteria, include_details=True).m_objects
    return [(each.attr_type, {a.name: a.value for a in each.attribs}) for each in program.type_attribs]


def test_a_program_shows_its_details_if_they_are_asked_for(client: Client, programs: None) -> None:
    (plain,) = client.get_m_objects(PROGRAM, FIRST).m_objects
    assert plain.type_attribs == ()
    assert plain.get("Name") == "Launch"
    assert (plain.get("Workspace Id"), plain.get("Workspace Name")) == ("1", "Default")
    assert (plain.get("Is Archived"), plain.get("Start Date")) == ("false", "2011-08-01 11:00:00")
    assert details(client, "Launch") == [
        ("Tag", {"Type": "Channel", "Value": "Webinar"}),
        ("Tag", {"Type": "Region", "Value": "EMEA"}),
        ("Tag", {"Type": "Product", "Value": "<b>X</b>"}),
        ("Token", {"Name": "{{my.name}}", "Value": "T"}),
        ("Cost", {"Id": "1", "Month": "2011-07-01", "Amount": "3000", "Note": "Ads"}),
    ]


@pytest.mark.parametrize(
    ("criteria", "numbers"),
    [
        ({}, [0, 2]),
        ({"Id": "1002"}, []),
        ({"Include Archive": "true"}, [0, 1, 2]),
        ({"Include Archive": "false"}, [0, 2]),
        ({"Tag Type": "Region"}, [0]),
        ({"Tag Type": "Region", "Tag Value": "webinar"}, []),
        ({"Tag Type": "Channel", "Tag Value": "webinar"}, [0]),
        ({"Workspace Id": "1", "Name": "news"}, [2]),
        ({"Workspace Name": "Nope"}, []),
        ({"CRM Id": "1"}, []),
    ],
)
def test_programs_are_found_by_criteria(
    client: Client, programs: None, criteria: dict[str, str], numbers: list[int]
) -> None:
    given = [MObjCriteria(name, "EQ", value) for name, value in criteria.items()]
    assert found(client, PROGRAM, m_obj_criteria=given) == [FIRST + n for n in numbers]


def test_costs_and_tags_of_a_program_are_written(client: Client, programs: None) -> None:
    def update(kind: str, **values: str) -> tuple[str, int]:
        given = MObject(PROGRAM, FIRST + 2, type_attribs=(TypeAttrib(kind, values),))
        return sync(client, "UPDATE", given)[0]

    assert update("Cost", Month="2013-06", Amount="2000") == ("UPDATED", FIRST + 2)
    assert update("Cost", Month="2013-06", Amount="10.5", Note="n", Id="1") == ("UPDATED", FIRST + 2)
    assert update("Cost", Month="2013-06-01", Amount="10.5", Note="n", Id="1") == ("UNCHANGED", FIRST + 2)
    assert update("Cost", Month="2013-07", Amount="1")[0] == "UPDATED"
    for refused in ({"Month": "2013-06"}, {"Month": "June", "Amount": "1"}, {"Month": "2013-06", "Amount": "much"}):
        assert update("Cost", **refused)[0] == "FAILED"
    assert update("Cost", Month="2013-06", Amount="1", Id="9")[0] == "FAILED"
    assert update("Token", Name="a", Value="b")[0] == "FAILED"
    assert details(client, "News") == [
        ("Cost", {"Id": "1", "Month": "2013-06-01", "Amount": "10.5", "Note": "n"}),
        ("Cost", {"Id": "2", "Month": "2013-07-01", "Amount": "1", "Note": ""}),
    ]


def test_tags_of_a_program_are_those_that_there_are(client: Client, sandbox: Sandbox, programs: None) -> None:
    def update(kind: str, value: str) -> str:
        given = MObject(PROGRAM, FIRST, type_attribs=(TypeAttrib("Tag", {"Type": kind, "Value": value}),))
        return sync(client, "UPDATE", given)[0][0]

    assert (update("Channel", "Any"), update("Any", "x")) == ("UPDATED", "UPDATED")
    tags, channels = (TagType("Region", ("EMEA", "APAC")),), (Channel("Webinar"),)
    sandbox.configure(evolve(sandbox.settings, tags=tags, channels=channels))
    assert (update("Region", "APAC"), update("Channel", "Webinar")) == ("UPDATED", "UPDATED")
    assert [update("Region", "Mars"), update("Other", "x"), update("Channel", "Mail")] == ["FAILED"] * 3


def test_programs_are_only_updated(client: Client, programs: None) -> None:
    for operation in ("INSERT", "UPSERT"):
        assert sync(client, operation, MObject(PROGRAM, FIRST)) == [("FAILED", FIRST)]
    assert sync(client, "UPDATE", MObject(PROGRAM, 7), MObject(PROGRAM, FIRST)) == [
        ("FAILED", 7),
        ("UNCHANGED", FIRST),
    ]


# -- the store ----------------------------------------------------------------------------------------


def test_objects_are_dumped_seeded_and_reset(client: Client, sandbox: Sandbox, programs: None) -> None:
    sandbox.seed([{"email": "t@t.com"}])
    sync(client, "INSERT", opportunity("A", Name="N"), role("A", Role="Boss"))
    kept = sandbox.dump()
    assert [each["kind"] for each in kept if "kind" in each] == ["program"] * 3 + ["opportunity", "opportunity_role"]
    with Sandbox() as other:
        other.seed(kept)
        assert other.dump() == kept
    sandbox.reset()
    assert sandbox.dump() == []
    assert sync(client, "INSERT", opportunity("A")) == [("CREATED", FIRST)]
