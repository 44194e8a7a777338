"""The operations on Marketo objects over SOAP and over REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import evolve, frozen
from hypothesis import strategies as st

from marketo_soap import (
    Attrib,
    DeleteMObjects,
    DeleteMObjectsResult,
    DescribeMObject,
    DescribeMObjectResult,
    GetMObjects,
    GetMObjectsResult,
    ListMObjects,
    MObjAssociation,
    MObjCriteria,
    MObject,
    Operation,
    Sandbox,
    SyncMObjects,
    SyncMObjectsResult,
    TypeAttrib,
)
from tests.bridge.soap_vs_rest.differences import Answer, Case, Change, Differences, ask, ask_both, assert_same
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair

OPPORTUNITY, ROLE, PROGRAM = "Opportunity", "OpportunityPersonRole", "Program"
KEY = "ExternalOpportunityId"
ARCHIVED = 1002
"""The id of the archived program."""
_TIMES = dict.fromkeys(("created_at", "updated_at"), "2013-01-01T00:00:00+00:00")
PROGRAMS: list[dict[str, Any]] = [
    {
        "kind": "program",
        "name": "Launch",
        "channel": "Webinar",
        "tags": {"Region": "EMEA"},
        "tokens": {"{{my.a}}": "b"},
        **_TIMES,
    },
    {"kind": "program", "name": "Old", "archived": True, **_TIMES},
    {"kind": "program", "name": "News", "costs": [{"month": "2011-07", "amount": 3000.0, "id": 1}], **_TIMES},
]


def prepare(pair: SandboxPair) -> None:
    """Add programs."""
    for sandbox in pair.sandboxes:
        sandbox.seed(PROGRAMS)


def opportunity(key: str | None, **attributes: str) -> MObject:
    return MObject(OPPORTUNITY, None, None if key is None else Attrib(KEY, key), attributes)


def links(key: str | None, person: int | None) -> tuple[MObjAssociation, ...]:
    found = [MObjAssociation(OPPORTUNITY, None, Attrib(KEY, key))] if key is not None else []
    return (*found, *([MObjAssociation("Lead", person)] if person is not None else []))


def role(key: str, person: int, **attributes: str) -> MObject:
    return MObject(ROLE, None, None, attributes, m_obj_associations=links(key, person))


def program(number: int, kind: str, **values: str) -> MObject:
    return MObject(PROGRAM, number, type_attribs=(TypeAttrib(kind, values),))


# -- generated calls ----------------------------------------------------------------------------------

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
_CALLS: st.SearchStrategy[Operation[Any]] = st.one_of(
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


def calls(_: datetime) -> st.SearchStrategy[Operation[Any]]:
    return _CALLS


# -- the comparison -----------------------------------------------------------------------------------


@frozen
class ObjectCase(Case):
    """A call of an operation on Marketo objects."""

    @property
    def kind(self) -> str:
        """The type of objects that a call reads."""
        return getattr(self.operation, "type", "")

    @property
    def written(self) -> tuple[MObject, ...]:
        """The objects that a call writes or deletes."""
        return getattr(self.operation, "m_objects", ())


def compare(pair: SandboxPair, operation: Operation[Any]) -> list[str]:
    """Make a call over both APIs and compare the answers and the objects. Return the differences that applied."""
    case = ObjectCase(operation, pair)
    soap, rest = ask_both(pair, operation, _records_of(operation))
    applied = assert_same(case, soap, rest, DIFFERENCES)
    if not any(each.in_storage for each in DIFFERENCES if each.name in applied):
        assert _visible_objects(pair.rest) == _visible_objects(pair.soap), (
            f"{operation}: objects differ, with {applied}"
        )
    pair.advance_clock()
    return applied


def _records_of(operation: Any) -> Callable[[Any], list[Any]]:
    def records_of(result: Any) -> list[Any]:
        match result:
            case GetMObjectsResult():
                assert (result.return_count, result.has_more) == (len(result.m_objects), False)
                assert result.new_stream_position
                return [_values(each) for each in result.m_objects]
            case SyncMObjectsResult() | DeleteMObjectsResult():
                statuses = result.m_obj_statuses
                assert [each.external_key for each in statuses] == [each.external_key for each in operation.m_objects]
                assert all((each.error is not None) == (each.status == "FAILED") for each in statuses)
                return [(str(each.status), each.id) for each in statuses]
            case DescribeMObjectResult():
                return [(each.name, each.data_type) for each in result.metadata.fields]
        return [result]

    return records_of


def _values(each: MObject) -> dict[str, Any]:
    return {
        "type": each.type,
        "id": each.id,
        "key": each.external_key,
        "attributes": {one.name: one.value for one in each.attribs},
        "details": [(part.attr_type, {one.name: one.value for one in part.attribs}) for part in each.type_attribs],
        "associations": {each.m_obj_type: each for each in each.m_obj_associations},
        "times": (each.created_at, each.updated_at),
    }


def _visible_objects(sandbox: Sandbox) -> dict[str, Any]:
    """What REST can see of the stored objects: opportunities with a key, roles with a Role, programs."""
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


DIFFERENCES: Differences[Change[ObjectCase, Answer]] = Differences()


def _change_statuses(case: ObjectCase, answer: Answer, change: Callable[[MObject, str], str | None]) -> None:
    """Change the statuses of the objects that a call writes. The function returns None for one that stays."""
    if case.written and answer.fault is None:
        pairs = zip(case.written, answer.records, strict=True)
        answer.pages = [[(change(each, status) or status, number) for each, (status, number) in pairs]]


def _objects(case: ObjectCase, answer: Answer) -> list[dict[str, Any]]:
    """The objects that a call of getMObjects returns."""
    return answer.records if isinstance(case.operation, GetMObjects) else []


@DIFFERENCES("4.1 rows 16 to 18", "REST has no integer ids of opportunities and roles: an object with one is FAILED")
def integer_id(case: ObjectCase, answer: Answer) -> None:
    _change_statuses(case, answer, lambda each, _: "FAILED" if each.id is not None and each.type != PROGRAM else None)
    if case.kind in (OPPORTUNITY, ROLE) and case.operation.id is not None:
        answer.refuse(20019)


@DIFFERENCES("4.1 row 16", "REST lists opportunities by key only, and roles by opportunity or lead only")
def open_listing(case: ObjectCase, answer: Answer) -> None:
    operation = case.operation
    if case.kind in (OPPORTUNITY, ROLE) and not operation.external_key and not operation.m_obj_associations:
        answer.refuse(20019)


@DIFFERENCES("4.1 row 17", "REST finds an opportunity by its external key only: one without it cannot be written")
def without_key(case: ObjectCase, answer: Answer) -> None:
    def change(each: MObject, _: str) -> str | None:
        return "FAILED" if each.type == OPPORTUNITY and each.id is None and each.external_key is None else None

    _change_statuses(case, answer, change)


@DIFFERENCES("3, opportunities and roles", "the Role is a part of a role's key", in_storage=True)
def without_role(case: ObjectCase, answer: Answer) -> None:
    _change_statuses(case, answer, lambda each, _: "FAILED" if each.type == ROLE and not each.get("Role") else None)


@DIFFERENCES("2.3", "REST refuses a value that is not valid for the type of its field", in_storage=True)
def invalid_value(case: ObjectCase, answer: Answer) -> None:
    _change_statuses(case, answer, lambda each, _: "FAILED" if each.get("Probability") == "80%" else None)


@DIFFERENCES("2.3, settings", "the bridge may be configured not to send empty values", in_storage=True)
def empty_value_skipped(case: ObjectCase, answer: Answer) -> None:
    if case.bridge.empty_value == "skip" and any(each.get("Stage") == "" for each in case.written):
        _change_statuses(case, answer, lambda _, status: "UNCHANGED" if status == "UPDATED" else None)


@DIFFERENCES("4.1 row 17", "REST cannot change the channel and the costs of a program", in_storage=True)
def channel_or_cost_changed(case: ObjectCase, answer: Answer) -> None:
    def change(each: MObject, _: str) -> str | None:
        values = [(one.name, one.value) for part in each.type_attribs for one in part.attribs]
        return "FAILED" if ("Type", "Channel") in values or ("Id", "1") in values else None

    _change_statuses(case, answer, change)


@DIFFERENCES("3, opportunities and roles", "an UPDATE of a role whose opportunity or lead is unknown finds nothing")
def role_not_found(case: ObjectCase, answer: Answer) -> None:
    if getattr(case.operation, "operation", "") == "UPDATE":
        _change_statuses(case, answer, lambda each, old: "SKIPPED" if (each.type, old) == (ROLE, "FAILED") else None)


@DIFFERENCES("4.1 row 17", "REST never says that nothing changed")
def unchanged(case: ObjectCase, answer: Answer) -> None:
    if isinstance(case.operation, SyncMObjects):
        _change_statuses(case, answer, lambda _, status: "UPDATED" if status == "UNCHANGED" else None)


@DIFFERENCES("4.1 rows 16 and 17", "REST has no integer ids: a status has 0, and a role has the key of its opportunity")
def no_integer_ids(case: ObjectCase, answer: Answer) -> None:
    if case.written and answer.fault is None:
        answer.pages = [
            [
                (status, number if each.type == PROGRAM or each.id is not None else 0)
                for each, (status, number) in zip(case.written, answer.records, strict=True)
            ]
        ]
    for each in _objects(case, answer):
        if each["type"] == PROGRAM:
            continue
        each["id"] = None
        number = each["attributes"].pop("OpportunityId", None)
        if number is not None:
            keys = {row["id"]: row["key"] for row in case.pair.soap.dump() if row.get("kind") == "opportunity"}
            each["associations"] = {
                **each["associations"],
                OPPORTUNITY: MObjAssociation(OPPORTUNITY, None, Attrib(KEY, keys[int(number)])),
            }


@DIFFERENCES("facts 21b; 4.2 step 6", "the bridge may be configured to return booleans as words, and unset ones")
def booleans(case: ObjectCase, answer: Answer) -> None:
    true, false = ("1", "0") if case.bridge.boolean_text == "1/0" else ("true", "false")
    names = {OPPORTUNITY: {"IsClosed", "IsWon"}, ROLE: {"IsPrimary"}}.get(case.kind, set())
    for each in _objects(case, answer):
        given = each["attributes"]
        words = {name: true for name in names if name in given}
        unset = {name: false for name in names if name not in given and case.bridge.return_false}
        each["attributes"] = {**given, **words, **unset}


@DIFFERENCES(
    "4.1 row 16", "REST returns no archive flag, tree path, workspace id and tokens of programs, and no ids of costs"
)
def program_details_missing(case: ObjectCase, answer: Answer) -> None:
    for each in _objects(case, answer):
        if each["type"] == PROGRAM:
            missing = {"Workspace Id", "Tree Path", "Is Archived"}
            each["attributes"] = {name: text for name, text in each["attributes"].items() if name not in missing}
            details = [(kind, {n: v for n, v in values.items() if n != "Id"}) for kind, values in each["details"]]
            each["details"] = [part for part in details if part[0] != "Token"]


@DIFFERENCES("3, programs", "REST returns an archived program by its id: it does not say that it is archived")
def archived_by_id(case: ObjectCase, answer: Answer) -> None:
    operation = case.operation
    if case.kind == PROGRAM and operation.id == ARCHIVED and answer.fault is None and not answer.records:
        with_archived = evolve(
            operation, m_obj_criteria=(*operation.m_obj_criteria, MObjCriteria("Include Archive", "EQ", "true"))
        )
        answer.pages = ask(case.pair.soap_client, with_archived, _records_of(operation)).pages
        program_details_missing(case, answer)


@DIFFERENCES("3, programs", "REST does not list archived programs")
def archived_not_listed(case: ObjectCase, answer: Answer) -> None:
    if case.kind == PROGRAM and case.operation.id is None:
        answer.pages = [[each for each in page if each["id"] != ARCHIVED] for page in answer.pages]
