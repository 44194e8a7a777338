"""Custom objects, channels and tags over SOAP and over REST: what is drawn, and where the answers differ.

A gap says what SOAP's answer becomes over REST.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from attrs import define, evolve
from hypothesis import strategies as st

from marketo_soap import (
    CustomObj,
    DeleteCustomObjects,
    Fault,
    GetChannels,
    GetCustomObjects,
    GetTags,
    SyncCustomObjects,
    Tag,
)
from marketo_soap.sandbox.assets import Channel, ChannelStatus, CustomObjectType, TagType
from tests.bridge.two_roads import Roads
from tests.support import Either

Operation: TypeAlias = GetCustomObjects | SyncCustomObjects | DeleteCustomObjects | GetChannels | GetTags

TYPES = (
    CustomObjectType("Roadshow", ("MKTOID", "rid"), {"city": "string", "visits": "integer"}),
    CustomObjectType("Car", ("vin",), ("colour", "MKTOID"), "Vehicle"),
)
CHANNELS = (
    Channel("Webinar", (ChannelStatus("Invited", 10), ChannelStatus("Attended", 40, True, True))),
    Channel("Email"),
)
EXTRA = Channel("Show", (ChannelStatus("Seen", 1, attribs={"Check-in Status": "Yes"}),))
TAGS = (TagType("Region", ("EU", "US")), TagType("Owner", ("Ann",)))
TORN = TagType("City", ("Rome, Italy",))

SECTIONS = {
    "missing_to_delete": ("4.1 row 21", "an object that is not there is FAILED, not UNCHANGED"),
    "no_key": ("4.1 row 19", "REST lists no objects without a key"),
    "part_of_key": ("4.1 row 19", "REST finds objects by the whole key or by the link"),
    "not_counted": ("4.1 row 4", "REST does not count what remains: 1 stands for more"),
    "further_names": ("3, channels", "REST has no further names of a status"),
    "torn_values": ("4.1 row 23", "a value with a comma and a space is torn"),
    "value_refused": ("2.3", "REST checks values against the types of their fields"),
}
"""The gaps, by which section REST has each, and why."""


def prepare(roads: Roads) -> None:
    """Give both the types, channels and tags."""
    for sandbox in (roads.soap, roads.rest):
        sandbox.configure(evolve(sandbox.settings, custom_object_types=TYPES, channels=CHANNELS, tags=TAGS))


@define
class Answer:
    """What came of a call: a fault's code, or what each page says and how many objects remain after it."""

    fault: int | None
    said: list[Any]
    remaining: list[int]


def ask(client: Either, operation: Operation) -> Answer:
    answer = Answer(None, [], [])
    call: Any = operation
    while call is not None:
        try:
            result: Any = client.call(call)
        except Fault as error:
            return Answer(error.code, [], [])
        match call:
            case GetCustomObjects():
                answer.said.append((result.obj_type_name, [_object(each) for each in result.custom_objs]))
                answer.remaining.append(result.remaining_count)
                following = call.next_page(result)
                assert len(answer.said) < 40
                if following is None:
                    return answer
                call = following
            case SyncCustomObjects() | DeleteCustomObjects():
                statuses = result.sync_custom_obj_statuses
                assert all((each.error is not None) == (each.status == "FAILED") for each in statuses)
                answer.said = [(each.obj_type_name, each.custom_obj_keys, str(each.status)) for each in statuses]
                return answer
            case GetChannels():
                answer.said = [
                    (each.tag_value, [[(a.name, a.value) for a in status.attribs] for status in each.statuses])
                    for each in result.tag_statuses
                ]
                return answer
            case _:
                answer.said = [(each.type, each.values) for each in result.tags]
                return answer
    raise AssertionError


def _object(each: CustomObj) -> tuple[Any, ...]:
    return tuple([(a.name, a.value) for a in part] for part in (each.custom_obj_keys, each.custom_obj_attributes))


def kept(roads: Roads) -> list[list[Any]]:
    """The objects of both, without times."""
    return [
        [(row["type"], row["values"]) for row in sandbox.dump() if row.get("kind") == "custom_object"]
        for sandbox in (roads.soap, roads.rest)
    ]


def compare(roads: Roads, operation: Operation) -> list[str]:
    """Make the call on both roads and compare the answers and the objects; return the gaps that it fell into."""
    snapshot = roads.soap.snapshot()
    by_soap, by_rest = ask(roads.by_soap, operation), ask(roads.by_rest, operation)
    met: list[str] = []
    if isinstance(operation, SyncCustomObjects) and by_soap.fault is None:
        refused = {number for number, each in enumerate(operation.custom_objs) if _is_refused(each)}
        refused = {number for number in refused if by_soap.said[number][2] not in ("FAILED",)}
        if refused:  # SOAP is asked for what REST can take
            met.append("value_refused")
            roads.soap.restore(snapshot)
            left = [each for number, each in enumerate(operation.custom_objs) if number not in refused]
            again = ask(roads.by_soap, evolve(operation, custom_objs=tuple(left))).said if left else []
            for number in sorted(refused):
                again.insert(number, (*by_soap.said[number][:2], "FAILED"))
            by_soap.said = again
    changes = [_missing, _by_what, _counted, _further, _torn]
    for name, change in zip([name for name in SECTIONS if name != "value_refused"], _spread(changes), strict=True):
        before = Answer(by_soap.fault, list(by_soap.said), list(by_soap.remaining))
        change(name, operation, by_soap)
        if by_soap != before:
            met.append(name)
    assert by_rest == by_soap, f"{operation}: {by_rest} by REST, {by_soap} by SOAP and {met}"
    soap, rest = kept(roads)
    assert rest == soap, f"{operation}: {rest} over REST, {soap} over SOAP and {met}"
    return met


def _spread(changes: list[Any]) -> list[Any]:
    missing, by_what, *others = changes
    return [missing, by_what, by_what, *others]


def _is_refused(each: CustomObj) -> bool:
    texts = {a.name: a.value for a in each.custom_obj_attributes} | {a.name: a.value for a in each.custom_obj_keys}
    return any(texts.get(name, "").strip() == "many" for name in ("visits", "MKTOID"))


def _missing(_: str, operation: Operation, answer: Answer) -> None:
    if isinstance(operation, DeleteCustomObjects):
        answer.said = [(*each[:2], "FAILED" if each[2] == "UNCHANGED" else each[2]) for each in answer.said]


def _by_what(name: str, operation: Operation, answer: Answer) -> None:
    if not isinstance(operation, GetCustomObjects) or answer.fault is not None:
        return
    key = {each.name for each in operation.custom_obj_keys}
    kind = next(each for each in TYPES if each.name.lower() == operation.obj_type_name.strip().lower())
    found = not key or key == set(kind.keys) or key == {"MKTOID"}
    if (name == "no_key" and not key) or (name == "part_of_key" and not found):
        answer.fault, answer.said, answer.remaining = 20019, [], []


def _counted(_: str, operation: Operation, answer: Answer) -> None:
    answer.remaining = [min(1, count) for count in answer.remaining]


def _further(_: str, operation: Operation, answer: Answer) -> None:
    if isinstance(operation, GetChannels):
        own = ("Status", "Step", "Success")
        answer.said = [
            (name, [[pair for pair in status if pair[0] in own] for status in statuses])
            for name, statuses in answer.said
        ]


def _torn(_: str, operation: Operation, answer: Answer) -> None:
    if isinstance(operation, GetTags):
        answer.said = [(name, tuple(", ".join(values).split(", "))) for name, values in answer.said]


# -- what is drawn ------------------------------------------------------------------------------------

NAMES = st.sampled_from(["Roadshow", "roadSHOW", " Car ", "Car"])
KEYS: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.fixed_dictionaries({"MKTOID": st.sampled_from(["1", "2"]), "rid": st.sampled_from(["a", " b ", "c,d"])}),
    st.fixed_dictionaries({"vin": st.sampled_from(["x", "y", "ü,z"])}),
    st.sampled_from([{"MKTOID": "1"}, {"rid": "a"}, {"nope": "1"}, {"MKTOID": "many", "rid": "a"}]),
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["city", "colour", "nameasdf"]), st.sampled_from(["", "Rome", "<&>"]), max_size=1
) | st.fixed_dictionaries({"visits": st.sampled_from(["1", "-3", "many", ""])})
WANTED = st.lists(st.sampled_from(["EU", "US", "Ann", "Nope"]), max_size=2)


def calls(_: Roads) -> st.SearchStrategy[Any]:
    """A call of one of the five operations."""
    return st.one_of(
        st.builds(
            SyncCustomObjects,
            NAMES,
            st.lists(st.builds(CustomObj, KEYS, ATTRIBUTES), min_size=1, max_size=4).map(tuple),
            st.sampled_from(["UPSERT", "INSERT", "UPDATE", None]),
        ),
        st.builds(
            GetCustomObjects,
            NAMES | st.just("Rodeo"),
            KEYS | st.just({}),
            batch_size=st.sampled_from([None, 1, 2]),
            include_attributes=st.sampled_from([(), ("city",), ("nope",)]),
        ),
        st.builds(DeleteCustomObjects, NAMES, st.lists(KEYS, min_size=1, max_size=3)),
        st.builds(GetChannels, st.none() | st.builds(Tag, st.none(), st.sampled_from([(), ("Email",), ("Nope",)]))),
        st.builds(
            GetTags, st.lists(st.builds(Tag, st.sampled_from([None, "Region", "Nope"]), WANTED), max_size=2).map(tuple)
        ),
    )
