"""Custom objects, channels and tags over SOAP and over REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from attrs import evolve, field, frozen
from hypothesis import strategies as st

from marketo_soap import (
    CustomObj,
    DeleteCustomObjects,
    DeleteCustomObjectsResult,
    GetChannels,
    GetChannelsResult,
    GetCustomObjects,
    GetCustomObjectsResult,
    GetTags,
    Sandbox,
    SyncCustomObjects,
    SyncCustomObjectsResult,
    Tag,
)
from marketo_soap.sandbox.assets import Channel, ChannelStatus, CustomObjectType, TagType
from marketo_soap.sandbox.store.database import Snapshot
from tests.bridge.soap_vs_rest.differences import Answer, Case, Change, Differences, ask, ask_both, assert_same
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair

Operation: TypeAlias = GetCustomObjects | SyncCustomObjects | DeleteCustomObjects | GetChannels | GetTags

TYPES = (
    CustomObjectType("Roadshow", ("MKTOID", "rid"), {"city": "string", "visits": "integer"}),
    CustomObjectType("Car", ("vin",), ("colour", "MKTOID"), "Vehicle"),
)
CHANNELS = (
    Channel("Webinar", (ChannelStatus("Invited", 10), ChannelStatus("Attended", 40, True, True))),
    Channel("Email"),
)
TAGS = (TagType("Region", ("EU", "US")), TagType("Owner", ("Ann",)))


def prepare(pair: SandboxPair) -> None:
    """Add types of objects, channels and tags."""
    for sandbox in pair.sandboxes:
        sandbox.configure(evolve(sandbox.settings, custom_object_types=TYPES, channels=CHANNELS, tags=TAGS))


# -- generated calls ----------------------------------------------------------------------------------

_NAMES = st.sampled_from(["Roadshow", "roadSHOW", " Car ", "Car"])
_KEYS: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.fixed_dictionaries({"MKTOID": st.sampled_from(["1", "2"]), "rid": st.sampled_from(["a", " b ", "c,d"])}),
    st.fixed_dictionaries({"vin": st.sampled_from(["x", "y", "ü,z"])}),
    st.sampled_from([{"MKTOID": "1"}, {"rid": "a"}, {"nope": "1"}, {"MKTOID": "many", "rid": "a"}]),
)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(["city", "colour", "nameasdf"]), st.sampled_from(["", "Rome", "<&>"]), max_size=1
) | st.fixed_dictionaries({"visits": st.sampled_from(["1", "-3", "many", ""])})
_TAG_VALUES = st.lists(st.sampled_from(["EU", "US", "Ann", "Nope"]), max_size=2)
_CALLS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(
        SyncCustomObjects,
        _NAMES,
        st.lists(st.builds(CustomObj, _KEYS, _ATTRIBUTES), min_size=1, max_size=4).map(tuple),
        st.sampled_from(["UPSERT", "INSERT", "UPDATE", None]),
    ),
    st.builds(
        GetCustomObjects,
        _NAMES | st.just("Rodeo"),
        _KEYS | st.just({}),
        batch_size=st.sampled_from([None, 1, 2]),
        include_attributes=st.sampled_from([(), ("city",), ("nope",)]),
    ),
    st.builds(DeleteCustomObjects, _NAMES, st.lists(_KEYS, min_size=1, max_size=3)),
    st.builds(GetChannels, st.none() | st.builds(Tag, st.none(), st.sampled_from([(), ("Email",), ("Nope",)]))),
    st.builds(
        GetTags, st.lists(st.builds(Tag, st.sampled_from([None, "Region", "Nope"]), _TAG_VALUES), max_size=2).map(tuple)
    ),
)


def calls(_: datetime) -> st.SearchStrategy[Operation]:
    return _CALLS


# -- the comparison -----------------------------------------------------------------------------------


@frozen
class ObjectCase(Case):
    """A call, and the sandbox for SOAP before it."""

    before: Snapshot | None = field(default=None, repr=False)


def compare(pair: SandboxPair, operation: Operation) -> list[str]:
    """Make a call over both APIs and compare the answers and the objects. Return the differences that applied."""
    case = ObjectCase(operation, pair, before=pair.soap.snapshot())
    soap, rest = ask_both(pair, operation, _records_of)
    applied = assert_same(case, soap, rest, DIFFERENCES)
    assert _stored(pair.rest) == _stored(pair.soap), f"{operation}: the objects differ, with {applied}"
    return applied


def _records_of(result: Any) -> list[Any]:
    match result:
        case GetCustomObjectsResult():
            return [result.obj_type_name, *map(_object, result.custom_objs)]
        case SyncCustomObjectsResult() | DeleteCustomObjectsResult():
            statuses = result.sync_custom_obj_statuses
            assert all((each.error is not None) == (each.status == "FAILED") for each in statuses)
            return [(each.obj_type_name, each.custom_obj_keys, str(each.status)) for each in statuses]
        case GetChannelsResult():
            return [
                (each.tag_value, [[(a.name, a.value) for a in status.attribs] for status in each.statuses])
                for each in result.tag_statuses
            ]
    return [(each.type, each.values) for each in result.tags]


def _object(each: CustomObj) -> tuple[Any, ...]:
    return tuple([(a.name, a.value) for a in part] for part in (each.custom_obj_keys, each.custom_obj_attributes))


def _stored(sandbox: Sandbox) -> list[Any]:
    """The custom objects, without their times."""
    return [(row["type"], row["values"]) for row in sandbox.dump() if row.get("kind") == "custom_object"]


DIFFERENCES: Differences[Change[ObjectCase, Answer]] = Differences()


@DIFFERENCES("2.3", "REST refuses a value that is not valid for the type of its field")
def invalid_value(case: ObjectCase, answer: Answer) -> None:
    operation = case.operation
    if not isinstance(operation, SyncCustomObjects) or answer.fault is not None:
        return
    refused = {
        number: (name, keys, "FAILED")
        for number, (each, (name, keys, status)) in enumerate(zip(operation.custom_objs, answer.records, strict=True))
        if status != "FAILED" and _has_invalid_value(each)
    }
    if not refused:
        return
    assert case.before is not None
    case.pair.soap.restore(case.before)
    accepted = [each for number, each in enumerate(operation.custom_objs) if number not in refused]
    records: list[Any] = []
    if accepted:
        records = ask(case.pair.soap_client, evolve(operation, custom_objs=tuple(accepted)), _records_of).records
    for number, record in sorted(refused.items()):
        records.insert(number, record)
    answer.pages = [records]


def _has_invalid_value(each: CustomObj) -> bool:
    texts = {a.name: a.value for a in (*each.custom_obj_attributes, *each.custom_obj_keys)}
    return any(texts.get(name, "").strip() == "many" for name in ("visits", "MKTOID"))


@DIFFERENCES("4.1 row 21", "the deletion of an object that does not exist is FAILED, not UNCHANGED")
def missing_object_not_deleted(case: ObjectCase, answer: Answer) -> None:
    if isinstance(case.operation, DeleteCustomObjects):
        answer.change_records(lambda each: (*each[:2], "FAILED" if each[2] == "UNCHANGED" else each[2]))


@DIFFERENCES("4.1 row 19", "REST does not list objects without a key")
def no_key(case: ObjectCase, answer: Answer) -> None:
    _refuse_unless(case, answer, lambda given, _: bool(given))


@DIFFERENCES("4.1 row 19", "REST finds objects by the whole key or by the link to a lead")
def part_of_key(case: ObjectCase, answer: Answer) -> None:
    _refuse_unless(case, answer, lambda given, whole: given in (whole, {"MKTOID"}))


def _refuse_unless(case: ObjectCase, answer: Answer, condition: Callable[[set[str], set[str]], bool]) -> None:
    """Refuse a search unless the condition holds for the names of the given key and those of the whole key."""
    operation = case.operation
    if isinstance(operation, GetCustomObjects) and answer.fault is None:
        kind = next(each for each in TYPES if each.name.lower() == operation.obj_type_name.strip().lower())
        if not condition({each.name for each in operation.custom_obj_keys}, set(kind.keys)):
            answer.refuse(20019)


@DIFFERENCES("4.1 row 4", "REST does not count the remaining records: 1 means that there are more")
def remaining_not_counted(_: ObjectCase, answer: Answer) -> None:
    answer.remaining = [min(1, count) for count in answer.remaining]


@DIFFERENCES("3, channels", "REST has no additional attributes of a status")
def additional_attributes(case: ObjectCase, answer: Answer) -> None:
    if isinstance(case.operation, GetChannels):
        usual = ("Status", "Step", "Success")
        answer.change_records(
            lambda channel: (
                channel[0],
                [[attribute for attribute in status if attribute[0] in usual] for status in channel[1]],
            )
        )


@DIFFERENCES("4.1 row 23", "REST separates the values of a tag by comma and space: a value with both is split")
def split_values(case: ObjectCase, answer: Answer) -> None:
    if isinstance(case.operation, GetTags):
        answer.change_records(lambda tag: (tag[0], tuple(", ".join(tag[1]).split(", "))))
