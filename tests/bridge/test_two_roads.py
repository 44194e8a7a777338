"""SOAP's sandbox and, through the bridge, REST's do the same with the same calls, but for the gaps in `gaps.py`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from random import Random

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from marketo_soap import AsyncClient, Client, LeadRecord, SyncLead
from tests.bridge.compared import Step
from tests.bridge.drawn import ANONYMOUS, COOKIES, SEEDS, calls
from tests.bridge.families import FAMILIES, Family
from tests.bridge.gaps import BAD_COOKIE, GAPS, MEGABYTE
from tests.bridge.two_roads import PAIRS, Call, Roads
from tests.bridge.values import FIELDS, Made
from tests.support import signed

MET: Counter[str] = Counter()


class TwoRoads(RuleBasedStateMachine):
    @initialize(pair=st.sampled_from([*PAIRS]), seeds=st.integers(0, len(SEEDS)))
    def begin(self, pair: str, seeds: int) -> None:
        self.roads = Roads(PAIRS[pair])
        for seed in SEEDS[:seeds]:
            self.roads.seed(seed)
        for family in FAMILIES:
            family.prepare(self.roads)

    @rule(call=calls())
    def call(self, call: Call) -> None:
        MET.update(["calls", *Step.of(self.roads, call).compare()])

    @rule(data=st.data(), family=st.sampled_from([*FAMILIES]))
    def other(self, data: st.DataObject, family: Family) -> None:
        MET.update([family.name, *family.compare(self.roads, data.draw(family.calls(self.roads)))])

    def teardown(self) -> None:
        if hasattr(self, "roads"):
            self.roads.close()


def test_both_roads_lead_to_the_same() -> None:
    run_state_machine_as_test(TwoRoads, settings=settings(max_examples=20, stateful_step_count=20, database=None))


# -- every gap, on its own ----------------------------------------------------------------------------

ANN = Call(email="d@x.com")  # nobody has this address at first
BIG = "x" * MEGABYTE
EXAMPLES: Mapping[str, tuple[str, list[Call]]] = {
    "workspace_not_configured": ("spaces", [evolve(ANN, workspace="Asia")]),
    "foreign_type_not_configured": ("usual", [Call(system="NETSUITE", person_id="7")]),
    "email_not_ascii": ("usual", [Call(email="ü@x.com")]),
    "cookie_alone_refused": ("strict", [Call(cookie=COOKIES[2])]),
    "name_resolved": ("usual", [evolve(ANN, attributes=(("firstName", "George"),))]),
    "name_of_rest_alone": ("usual", [evolve(ANN, attributes=(("externalCompanyId", "C1"),))]),
    "empty_email_clears": ("usual", [Call(id=1_000_002, attributes=(("Email", ""),))]),
    "value_refused": ("usual", [evolve(ANN, attributes=(("NumberOfEmployees", "100%"),))]),
    "foreign_id_not_a_number": ("spaces", [Call(system="NETSUITE", person_id="E7")]),
    "empty_value_skipped": ("otherwise", [Call(id=1_000_002, attributes=(("FirstName", ""),))]),
    "value_rewritten": ("usual", [evolve(ANN, attributes=(("LastSeen", "2001-02-03"),))]),
    "anonymous_unseen": ("usual", [Call(id=1_000_001)]),
    "duplicates_refused": ("usual", [Call(email="a@x.com")]),
    "refused_there": ("usual", [evolve(ANN, attributes=(("OriginalReferrer", "x"),))]),
    "body_too_large": ("usual", [evolve(ANN, attributes=(("Address", BIG),))]),
    "cookie_beside_email": ("usual", [evolve(ANN, cookie=COOKIES[0])]),
    "anonymous_not_promoted": ("usual", [Call(cookie=ANONYMOUS)]),
    "anonymous_stays": ("otherwise", [Call(cookie=ANONYMOUS)]),
    "new_address_taken": ("usual", [evolve(ANN, attributes=(("Email", "c@x.com"),))]),
    "most_recently_updated": ("otherwise", [Call(id=1_000_002), Call(email="a@x.com")]),
    "not_assigned": ("spaces", [evolve(ANN, attributes=(("Country", "DE"),))]),
    "foreign_ids_of_two_types": ("usual", [Call(id=1_000_003, system="CUSTOM", person_id="E7")]),
    "foreign_id_not_taken": ("usual", [Call(id=1_000_002, system="CUSTOM", person_id="7")]),
    "cookie_refused": ("usual", [evolve(ANN, cookie=BAD_COOKIE)]),
    "whole_number_told": ("usual", [evolve(ANN, attributes=(("Rating", "5.0"),), returned=True)]),
    "false_left_out": ("usual", [evolve(ANN, attributes=(("Unsubscribed", "no"),), returned=True)]),
    "unset_booleans_returned": ("otherwise", [evolve(ANN, returned=True)]),
    "booleans_in_words": ("otherwise", [Call(id=1_000_002, returned=True)]),
    "times_in_utc": ("usual", [evolve(ANN, attributes=(("LastSeen", "2001-02-03T04:05:06-06:00"),), returned=True)]),
}


def test_the_examples_are_those_of_all_gaps() -> None:
    assert [each.name for each in GAPS] == [*EXAMPLES]
    assert all(each.section and each.why for each in GAPS)


def begun(pair: str, kind: type[Client | AsyncClient] = Client) -> Roads:
    roads = Roads(PAIRS[pair], kind)
    for seed in SEEDS:
        roads.seed(seed)
    return roads


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_gap_is_there(name: str, kind: type[Client | AsyncClient]) -> None:
    pair, calls = EXAMPLES[name]
    with closing(begun(pair, kind)) as roads:
        *_, last = [Step.of(roads, call).compare() for call in calls]
    others = {"unset_booleans_returned", "booleans_in_words"} if EXAMPLES[name][0] == "otherwise" else set[str]()
    assert {name} <= set(last) <= {name, *others}


# -- ordinary use -------------------------------------------------------------------------------------


def test_ordinary_calls_seldom_fall_into_a_gap() -> None:
    chance = Random(20130805)
    texts = {
        name: [text for text, made in FIELDS[name].items() if made is Made.SAME]
        for name in ("FirstName", "Company", "NumberOfEmployees", "AnnualRevenue", "DateofBirth", "Unsubscribed")
    }

    def call() -> Call:
        key = chance.choice(["id", "email", "email", "email", "foreign", "cookie"])
        number = chance.randrange(20)
        foreign = key == "foreign"
        return Call(
            id=1_000_001 + number if key == "id" else None,
            email=f"{key}{number}@x.com" if key != "id" else None,
            system="CUSTOM" if foreign else None,
            person_id=f"E{number}" if foreign else None,
            cookie=f"{COOKIES[0]}{number}" if key == "cookie" else None,
            attributes=tuple((name, chance.choice(texts[name])) for name in chance.sample([*texts], 3)),
            returned=chance.random() < 0.3,
        )

    met: Counter[str] = Counter()
    fell = 0
    with closing(Roads(PAIRS["usual"])) as roads:
        for _ in range(200):
            gaps = Step.of(roads, call()).compare()
            met.update(gaps)
            fell += bool(gaps)
    print(f"{fell} of 200 ordinary calls fell into a gap: {dict(met)}")
    assert fell < 30  # of which most returned a boolean that was set to false


# -- what has to be the same in particular ------------------------------------------------------------

SAME: Mapping[str, tuple[str, Call]] = {
    "without an Email element the attribute is the key": ("usual", Call(attributes=(("Email", "C@x.com"),))),
    "also beside a cookie": ("usual", Call(cookie=COOKIES[2], attributes=(("Email", "c@x.com"),))),
    "beside a different Email element it is the new address": (
        "usual",
        Call(email="c@x.com", attributes=(("Email", "new@x.com"),)),
    ),
    "it is the address of a lead that the element does not find": (
        "usual",
        evolve(ANN, attributes=(("Email", "n@x.com"),)),
    ),
    "it is the new address of a lead in any partition": (
        "spaces",
        Call(email="b@x.com", attributes=(("Email", "new@x.com"),), workspace="Default"),
    ),
    "a cookie alone makes a lead in the partition of its workspace": (
        "spaces",
        Call(cookie=COOKIES[2], workspace="Europe", returned=True),
    ),
    "a partition may have any name": ("spaces", Call(cookie=COOKIES[2], workspace="Default")),
    "attributes come in the order of their upper-cased names": (
        "usual",
        evolve(
            ANN,
            attributes=(("netId", "7"), ("Website", "x.com"), ("Email", "d@x.com"), ("Address", "x")),
            returned=True,
        ),
    ),
    "it may be the key in place of the element": ("strict", Call(email="b@x.com", attributes=(("Email", "c@x.com"),))),
    "an unknown name counts before a bad value": (
        "usual",
        evolve(ANN, attributes=(("NumberOfEmployees", "14.1"), ("Nope", "x"))),
    ),
    "of a repeated name the last value counts": (
        "usual",
        evolve(ANN, attributes=(("NumberOfEmployees", "many"), ("NumberOfEmployees", "14"))),
    ),
    "an empty last value is no value": (
        "otherwise",
        evolve(ANN, attributes=(("FirstName", "George"), ("FirstName", ""))),
    ),
    "an Id among the attributes is not written": ("usual", evolve(ANN, attributes=(("Id", "many"),))),
    "a lead that its foreign id finds is in the partition": (
        "spaces",
        Call(email="c@x.com", system="CUSTOM", person_id="7", workspace="Europe"),
    ),
    "a whole number is told as it was sent": ("usual", evolve(ANN, attributes=(("Rating", "5"),), returned=True)),
}


@pytest.mark.parametrize("what", SAME)
def test_both_roads_agree_that(what: str) -> None:
    pair, call = SAME[what]
    with closing(begun(pair)) as roads:
        assert Step.of(roads, call).compare() == []


def test_of_leads_that_were_updated_at_once_the_newest_is_meant() -> None:
    with closing(Roads(PAIRS["otherwise"])) as roads:
        for _ in range(2):
            roads.seed({"email": "a@x.com"})
            roads.pass_time(-1)
        assert Step.of(roads, Call(email="a@x.com")).compare() == []


PARAMS = re.compile(rb"(<(?:\w+:)?paramsSyncLead>).*(</(?:\w+:)?paramsSyncLead>)", re.DOTALL)
KEYED = "<Email>d@x.com</Email>"


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("", 20104),
        ("<leadRecord/>", 20101),
        ("<leadRecord><Id/></leadRecord>", 20101),
        ("<leadRecord><Id>0</Id></leadRecord>", 20110),
        ("<leadRecord><Id>-5</Id></leadRecord>", 20110),
        ("<leadRecord><Id>2147483648</Id></leadRecord>", 20110),
        ("<leadRecord><Email>  </Email></leadRecord>", 20101),
        ("<leadRecord><email>d@x.com</email></leadRecord>", 20101),
        (f"<leadRecord>{KEYED}{KEYED}</leadRecord>", 20110),
        (f"<leadRecord>{KEYED}<ForeignSysType>CUSTOM</ForeignSysType></leadRecord>", None),
        (f"<leadRecord>{KEYED}<ForeignSysPersonId> </ForeignSysPersonId><ForeignSysType>SFDC</ForeignSysType></leadRecord>", None),
        (f"<leadRecord>{KEYED}<ForeignSysType>SAP</ForeignSysType></leadRecord>", 20110),
        ("<leadRecord><ForeignSysPersonId/><ForeignSysType>CUSTOM</ForeignSysType></leadRecord>", 20101),
        ("<leadRecord><ForeignSysPersonId>7</ForeignSysPersonId></leadRecord>", 20109),
        (
            "<leadRecord><ForeignSysPersonId>7</ForeignSysPersonId><ForeignSysType>SAP</ForeignSysType></leadRecord>",
            20110,
        ),
        (f"<leadRecord>{KEYED}</leadRecord><returnLead>maybe</returnLead>", 20110),
        *[
            (f"<leadRecord>{KEYED}<leadAttributeList><attribute>{given}</attribute></leadAttributeList></leadRecord>", code)
            for given, code in [
                ("<attrName/><attrValue>x</attrValue>", 20109),
                ("<attrName> </attrName><attrValue>x</attrValue>", 20109),
                ("<attrName>FirstName</attrName>", 20017),
                ("<attrName>FirstName</attrName><attrType>date</attrType><attrValue>x</attrValue>", None),
            ]
        ],
        (f"<leadRecord>{KEYED}<leadAttributeList/></leadRecord><marketoCookie/>", None),
        (f"<marketoCookie> </marketoCookie><leadRecord><Other/>{KEYED}</leadRecord>", None),
        ("<leadRecord><Email>d<!-- or e -->@x.com</Email></leadRecord>", None),
    ],
)  # fmt: skip
def test_an_envelope_means_the_same(inner: str, code: int | None) -> None:
    with closing(begun("spaces")) as roads:
        data = signed(SyncLead(LeadRecord(email="d@x.com")), roads.soap.credentials, roads.now())
        data = PARAMS.sub(lambda found: found[1] + inner.encode() + found[2], data)
        for outcome in roads.soap.respond(data).outcome, roads.bridge.answer(data).answer.outcome:
            assert getattr(outcome, "code", None) == code
        assert roads.soap_state() == roads.rest_state()
