"""The operations on Marketo objects over SOAP and, through the bridge, over REST, and where REST differs.

A gap says what SOAP's answer becomes over REST. It is met only if it changes something, and what is left must be equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, evolve, frozen
from hypothesis import strategies as st

from marketo_soap import (
    Attrib,
    BridgeSettings,
    DeleteMObjects,
    DescribeMObject,
    Fault,
    GetMObjects,
    ListMObjects,
    MObjAssociation,
    MObjCriteria,
    MObject,
    Operation,
    Sandbox,
    SyncMObjects,
    TypeAttrib,
)
from tests.bridge.gap import Gaps
from tests.bridge.two_roads import Roads
from tests.support import Either

OPPORTUNITY, ROLE, PROGRAM = "Opportunity", "OpportunityPersonRole", "Program"
KEY = "ExternalOpportunityId"
SEEDS: list[dict[str, Any]] = [
    {
        "kind": "program",
        "name": "Launch",
        "channel": "Webinar",
        "tags": {"Region": "EMEA"},
        "tokens": {"{{my.a}}": "b"},
    },
    {"kind": "program", "name": "Old", "archived": True},
    {"kind": "program", "name": "News", "costs": [{"month": "2011-07", "amount": 3000.0, "id": 1}]},
]
_BOOLEANS = {"IsClosed", "IsWon", "IsPrimary"}
_FIRST = "2013-01-01T00:00:00+00:00"


def prepare(roads: Roads) -> None:
    for sandbox in (roads.soap, roads.rest):
        sandbox.seed({**seed, "created_at": _FIRST, "updated_at": _FIRST} for seed in SEEDS)


def opportunity(key: str | None, **attributes: str) -> MObject:
    return MObject(OPPORTUNITY, None, None if key is None else Attrib(KEY, key), attributes)


def links(key: str | None, person: int | None) -> tuple[MObjAssociation, ...]:
    found = [MObjAssociation(OPPORTUNITY, None, Attrib(KEY, key))] if key is not None else []
    return (*found, *([MObjAssociation("Lead", person)] if person is not None else []))


def role(key: str, person: int, **attributes: str) -> MObject:
    return MObject(ROLE, None, None, attributes, m_obj_associations=links(key, person))


def program(number: int, kind: str, **values: str) -> MObject:
    return MObject(PROGRAM, number, type_attribs=(TypeAttrib(kind, values),))


# -- what is drawn ------------------------------------------------------------------------------------

_KEYS = st.sampled_from(["A", "B", "C"])
_PEOPLE = st.sampled_from([1_000_001, 1_000_002, 1_000_099])
_NUMBERS = st.integers(1001, 1004)
_ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={"Name": st.sampled_from("xy"), "Stage": st.just("s"), "Amount": st.just("5"), "IsWon": st.just("1")},
)
_PART = st.one_of(
    st.builds(lambda month: TypeAttrib("Cost", {"Month": month, "Amount": "5"}), st.sampled_from(["2013-06", "June"])),
    st.builds(lambda value: TypeAttrib("Tag", {"Type": "Region", "Value": value}), st.sampled_from(["EMEA", "APAC"])),
)
_OBJECTS = st.one_of(
    st.builds(lambda key, given: opportunity(key, **given), _KEYS, _ATTRIBUTES),
    st.builds(lambda key, who, what: role(key, who, Role=what), _KEYS, _PEOPLE, st.sampled_from(["Buyer", "Boss"])),
    st.builds(lambda number: MObject(OPPORTUNITY, number), _NUMBERS),
    st.builds(lambda number, part: MObject(PROGRAM, number, type_attribs=(part,)), _NUMBERS, _PART),
)
_DELETED = st.one_of(
    _KEYS.map(opportunity),
    st.builds(lambda key, who: role(key, who, Role="Boss"), _KEYS, _PEOPLE),
    _NUMBERS.map(lambda number: MObject(PROGRAM, number)),
)
_CRITERIA = st.lists(
    st.builds(
        MObjCriteria,
        st.sampled_from(["Name", "Created At"]),
        st.sampled_from(["EQ", "NE", "LT", "GE"]),
        st.sampled_from(["x", "News", "2013-08-05T23:34:30Z"]),
    ),
    max_size=2,
).map(tuple)
CALLS: st.SearchStrategy[Operation[Any]] = st.one_of(
    st.builds(
        SyncMObjects, st.lists(_OBJECTS, min_size=1, max_size=4), st.sampled_from(["INSERT", "UPDATE", "UPSERT"])
    ),
    st.builds(DeleteMObjects, st.lists(_DELETED, min_size=1, max_size=2)),
    st.builds(
        lambda key, criteria: GetMObjects(OPPORTUNITY, external_key=Attrib(KEY, key), m_obj_criteria=criteria),
        _KEYS,
        _CRITERIA,
    ),
    st.builds(
        lambda key, who: GetMObjects(ROLE, m_obj_associations=links(key, who)), st.none() | _KEYS, st.none() | _PEOPLE
    ),
    st.builds(
        lambda number, criteria, details: GetMObjects(
            PROGRAM, number, m_obj_criteria=criteria, include_details=details
        ),
        st.none() | _NUMBERS,
        _CRITERIA,
        st.booleans(),
    ),
    st.sampled_from([ListMObjects(), DescribeMObject(OPPORTUNITY), DescribeMObject(ROLE), DescribeMObject("Nope")]),
)

# -- answers ------------------------------------------------------------------------------------------


@define
class Answer:
    """What came of a call: the code of a fault, objects, statuses with ids, or anything else."""

    fault: int | None = None
    objects: list[dict[str, Any]] | None = None
    statuses: list[tuple[str, int]] | None = None
    other: Any = None


def ask(client: Either, operation: Any) -> Answer:
    try:
        result: Any = client.call(operation)
    except Fault as error:
        return Answer(error.code)
    if isinstance(operation, GetMObjects):
        assert (result.return_count, result.has_more) == (len(result.m_objects), False)
        assert result.new_stream_position
        return Answer(objects=[_shown(each) for each in result.m_objects])
    if isinstance(operation, SyncMObjects | DeleteMObjects):
        statuses = result.m_obj_statuses
        assert [each.external_key for each in statuses] == [each.external_key for each in operation.m_objects]
        assert all((each.error is not None) == (each.status == "FAILED") for each in statuses)
        return Answer(statuses=[(str(each.status), each.id) for each in statuses])
    if isinstance(operation, DescribeMObject):
        return Answer(other=[(each.name, each.data_type) for each in result.metadata.fields])
    return Answer(other=result)


def _shown(each: MObject) -> dict[str, Any]:
    return {
        "type": each.type,
        "id": each.id,
        "key": each.external_key,
        "attributes": {one.name: one.value for one in each.attribs},
        "details": [(part.attr_type, {one.name: one.value for one in part.attribs}) for part in each.type_attribs],
        "associations": {each.m_obj_type: each for each in each.m_obj_associations},
        "times": (each.created_at, each.updated_at),
    }


def state(sandbox: Sandbox) -> dict[str, Any]:
    """What REST can see: opportunities with a key, roles with a Role, programs."""
    rows: dict[str, list[dict[str, Any]]] = {"opportunity": [], "opportunity_role": [], "program": []}
    for row in sandbox.dump():
        rows.get(row.get("kind", ""), []).append(row)
    keys = {row["id"]: row["key"] for row in rows["opportunity"]}
    return {
        "opportunities": {
            row["key"]: (row["attributes"], row["updated_at"]) for row in rows["opportunity"] if row["key"]
        },
        "roles": {
            (keys[row["opportunity_id"]], row["lead_id"], row["attributes"]["Role"]): row["attributes"]
            for row in rows["opportunity_role"]
            if "Role" in row["attributes"]
        },
        "programs": rows["program"],
    }


# -- gaps ---------------------------------------------------------------------------------------------


@frozen
class Case:
    """A call, and the roads as they were before it."""

    operation: Any
    roads: Roads
    before: dict[str, Any]

    @property
    def bridge(self) -> BridgeSettings:
        return self.roads.pair.bridge

    @property
    def kind(self) -> str:
        return getattr(self.operation, "type", "")

    @property
    def objects(self) -> tuple[MObject, ...]:
        return getattr(self.operation, "m_objects", ())


gap: Gaps[Case, Answer] = Gaps()


def compare(roads: Roads, operation: Operation[Any]) -> list[str]:
    """Make the call on both roads, compare the answers and what was kept; return the gaps that it fell into."""
    case = Case(operation, roads, state(roads.soap))
    by_soap, by_rest = ask(roads.by_soap, operation), ask(roads.by_rest, operation)
    met = gap.apply(case, by_soap)
    names = [each.name for each in met]
    assert by_rest == by_soap, f"{operation}: {by_rest} by REST, {by_soap} by SOAP and {names}"
    if not any(each.parts for each in met):
        assert state(roads.rest) == state(roads.soap), f"{operation}: kept differs, {names}"
    roads.pass_time()
    return names


def _statuses(case: Case, answer: Answer, change: Callable[[MObject, str], str | None]) -> None:
    if answer.statuses is not None:
        pairs = zip(case.objects, answer.statuses, strict=True)
        answer.statuses = [(change(each, status) or status, number) for each, (status, number) in pairs]


@gap("4.1 rows 16 to 18", "REST has no integer ids of opportunities and roles: an object with one is FAILED")
def named_by_id(case: Case, answer: Answer) -> None:
    _statuses(case, answer, lambda each, _: "FAILED" if each.id is not None and each.type != PROGRAM else None)
    if case.kind in (OPPORTUNITY, ROLE) and case.operation.id is not None:
        answer.fault, answer.objects = 20019, None


@gap("4.1 row 16", "REST lists opportunities and roles only by what it is asked for")
def open_listing(case: Case, answer: Answer) -> None:
    operation = case.operation
    if case.kind in (OPPORTUNITY, ROLE) and not operation.external_key and not operation.m_obj_associations:
        answer.fault, answer.objects = 20019, None


@gap("4.1 row 17", "an opportunity without an external key cannot be written: REST finds it by nothing else")
def without_key(case: Case, answer: Answer) -> None:
    def change(each: MObject, _: str) -> str | None:
        return "FAILED" if each.type == OPPORTUNITY and each.id is None and each.external_key is None else None

    _statuses(case, answer, change)


@gap("3, opportunities and roles", "the Role is a part of a role's key", parts=True)
def without_role(case: Case, answer: Answer) -> None:
    _statuses(case, answer, lambda each, _: "FAILED" if each.type == ROLE and not each.get("Role") else None)


@gap("2.3", "REST refuses a value that is not of the field's type", parts=True)
def value_refused(case: Case, answer: Answer) -> None:
    _statuses(case, answer, lambda each, _: "FAILED" if each.get("Probability") == "80%" else None)


@gap("2.3, settings", "an empty value may be set to be dropped", parts=True)
def empty_skipped(case: Case, answer: Answer) -> None:
    if case.bridge.empty_value == "skip" and any(each.get("Stage") == "" for each in case.objects):
        _statuses(case, answer, lambda _, status: "UNCHANGED" if status == "UPDATED" else None)


@gap("4.1 row 17", "REST changes neither channels nor costs", parts=True)
def program_fixed(case: Case, answer: Answer) -> None:
    def change(each: MObject, _: str) -> str | None:
        values = [(one.name, one.value) for part in each.type_attribs for one in part.attribs]
        return "FAILED" if ("Type", "Channel") in values or ("Id", "1") in values else None

    _statuses(case, answer, change)


@gap("3, opportunities and roles", "an UPDATE of a role whose opportunity or lead is unknown finds nothing")
def role_unfound(case: Case, answer: Answer) -> None:
    if getattr(case.operation, "operation", "") == "UPDATE":
        _statuses(case, answer, lambda each, status: "SKIPPED" if (each.type, status) == (ROLE, "FAILED") else None)


@gap("4.1 row 17", "REST never says that nothing changed")
def unchanged(case: Case, answer: Answer) -> None:
    if isinstance(case.operation, SyncMObjects):
        _statuses(case, answer, lambda _, status: "UPDATED" if status == "UNCHANGED" else None)


@gap("4.1 rows 16 and 17", "REST shows no integer ids: a status has 0, a role names its opportunity by external key")
def no_ids(case: Case, answer: Answer) -> None:
    if answer.statuses is not None:
        answer.statuses = [
            (status, number if each.type == PROGRAM or each.id is not None else 0)
            for each, (status, number) in zip(case.objects, answer.statuses, strict=True)
        ]
    for each in answer.objects or ():
        if each["type"] == PROGRAM:
            continue
        each["id"] = None
        number = each["attributes"].pop("OpportunityId", None)
        if number is not None:
            keys = {row["id"]: row["key"] for row in case.roads.soap.dump() if row.get("kind") == "opportunity"}
            each["associations"] = {
                **each["associations"],
                OPPORTUNITY: MObjAssociation(OPPORTUNITY, None, Attrib(KEY, keys[int(number)])),
            }


@gap("facts 21b; 4.2 step 6", "booleans may be set to be returned in words, or where they have no value")
def booleans(case: Case, answer: Answer) -> None:
    true, false = ("1", "0") if case.bridge.boolean_text == "1/0" else ("true", "false")
    names = {OPPORTUNITY: {"IsClosed", "IsWon"}, ROLE: {"IsPrimary"}}.get(case.kind, set())
    for each in answer.objects or ():
        given = each["attributes"]
        words = {name: true for name in names if name in given}
        unset = {name: false for name in names if name not in given and case.bridge.return_false}
        each["attributes"] = {**given, **words, **unset}


@gap("4.1 row 16", "REST shows of programs neither the archive flag, tree path, workspace id, tokens nor ids of costs")
def program_shown(_: Case, answer: Answer) -> None:
    for each in answer.objects or ():
        if each["type"] == PROGRAM:
            unseen = {"Workspace Id", "Tree Path", "Is Archived"}
            each["attributes"] = {name: text for name, text in each["attributes"].items() if name not in unseen}
            details = [(kind, {n: v for n, v in values.items() if n != "Id"}) for kind, values in each["details"]]
            each["details"] = [part for part in details if part[0] != "Token"]


@gap("3, programs", "REST shows an archived program by its id: it does not say that it is archived")
def archived_by_id(case: Case, answer: Answer) -> None:
    if case.kind == PROGRAM and case.operation.id == 1002 and answer.objects == []:
        everything = evolve(
            case.operation,
            m_obj_criteria=(*case.operation.m_obj_criteria, MObjCriteria("Include Archive", "EQ", "true")),
        )
        answer.objects = ask(case.roads.by_soap, everything).objects
        program_shown(case, answer)


@gap("3, programs", "REST does not list archived programs")
def archived_unlisted(case: Case, answer: Answer) -> None:
    if case.kind == PROGRAM and case.operation.id is None:
        answer.objects = [each for each in answer.objects or () if each["id"] != 1002]
