"""syncLead does the same over REST as over SOAP, with differences: `sync_lead_differences.py`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest
from attrs import evolve

from marketo_soap import AsyncClient, Client, LeadRecord, SyncLead
from tests.bridge.soap_vs_rest.field_values import FIELD_VALUES, SAME
from tests.bridge.soap_vs_rest.sandboxes import ANONYMOUS, COOKIES, SEEDS, SandboxPair
from tests.bridge.soap_vs_rest.strategies import INVALID_COOKIE
from tests.bridge.soap_vs_rest.sync_lead import Comparison
from tests.bridge.soap_vs_rest.sync_lead_differences import DIFFERENCES, MEGABYTE
from tests.bridge.soap_vs_rest.sync_lead_scenario import SyncLeadCall as Call
from tests.support import signed

# -- an example of each difference --------------------------------------------------------------------

NEW = Call(email="d@x.com")  # no lead has this address
BIG = "x" * MEGABYTE
EXAMPLES: Mapping[str, tuple[str, list[Call]]] = {
    "workspace_not_configured": ("workspaces", [evolve(NEW, workspace="Asia")]),
    "foreign_type_not_configured": ("default", [Call(system="NETSUITE", person_id="7")]),
    "email_not_ascii": ("default", [Call(email="ü@x.com")]),
    "cookie_only_refused": ("strict", [Call(cookie=COOKIES[2])]),
    "attribute_name_resolved": ("default", [evolve(NEW, attributes=(("firstName", "George"),))]),
    "rest_only_name": ("default", [evolve(NEW, attributes=(("externalCompanyId", "C1"),))]),
    "empty_email_clears": ("default", [Call(id=1_000_002, attributes=(("Email", ""),))]),
    "invalid_value": ("default", [evolve(NEW, attributes=(("NumberOfEmployees", "100%"),))]),
    "foreign_id_not_a_number": ("workspaces", [Call(system="NETSUITE", person_id="E7")]),
    "empty_value_skipped": ("alternative", [Call(id=1_000_002, attributes=(("FirstName", ""),))]),
    "value_converted": ("default", [evolve(NEW, attributes=(("LastSeen", "2001-02-03"),))]),
    "anonymous_lead_not_found": ("default", [Call(id=1_000_001)]),
    "duplicates_refused": ("default", [Call(email="a@x.com")]),
    "refused_by_rest": ("default", [evolve(NEW, attributes=(("OriginalReferrer", "x"),))]),
    "body_too_large": ("default", [evolve(NEW, attributes=(("Address", BIG),))]),
    "cookie_not_looked_up": ("default", [evolve(NEW, cookie=COOKIES[0])]),
    "anonymous_lead_not_promoted": ("default", [Call(cookie=ANONYMOUS)]),
    "anonymous_lead_stays_anonymous": ("alternative", [Call(cookie=ANONYMOUS)]),
    "new_address_taken": ("default", [evolve(NEW, attributes=(("Email", "c@x.com"),))]),
    "most_recently_updated": ("alternative", [Call(id=1_000_002), Call(email="a@x.com")]),
    "assignment_rules_ignored": ("workspaces", [evolve(NEW, attributes=(("Country", "DE"),))]),
    "foreign_ids_of_two_types": ("default", [Call(id=1_000_003, system="CUSTOM", person_id="E7")]),
    "foreign_id_not_moved": ("default", [Call(id=1_000_002, system="CUSTOM", person_id="7")]),
    "invalid_cookie": ("default", [evolve(NEW, cookie=INVALID_COOKIE)]),
    "whole_numbers": ("default", [evolve(NEW, attributes=(("Rating", "5.0"),), return_lead=True)]),
    "false_booleans_omitted": ("default", [evolve(NEW, attributes=(("Unsubscribed", "no"),), return_lead=True)]),
    "unset_booleans_returned": ("alternative", [evolve(NEW, return_lead=True)]),
    "booleans_as_words": ("alternative", [Call(id=1_000_002, return_lead=True)]),
    "times_in_utc": (
        "default",
        [evolve(NEW, attributes=(("LastSeen", "2001-02-03T04:05:06-06:00"),), return_lead=True)],
    ),
}


def test_every_difference_has_an_example() -> None:
    DIFFERENCES.check_examples(EXAMPLES)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", EXAMPLES)
def test_difference(name: str, kind: type[Client | AsyncClient]) -> None:
    configuration, calls = EXAMPLES[name]
    with SandboxPair(configuration, kind, SEEDS) as pair:
        *_, last = [Comparison.of(pair, call).check() for call in calls]
    others = {"unset_booleans_returned", "booleans_as_words"} if EXAMPLES[name][0] == "alternative" else set[str]()
    assert {name} <= set(last) <= {name, *others}


# -- ordinary use -------------------------------------------------------------------------------------


def test_few_ordinary_calls_have_a_difference() -> None:
    random = Random(20130805)
    values = {
        name: [text for text, outcome in FIELD_VALUES[name].items() if outcome is SAME]
        for name in ("FirstName", "Company", "NumberOfEmployees", "AnnualRevenue", "DateofBirth", "Unsubscribed")
    }

    def ordinary_call() -> Call:
        key = random.choice(["id", "email", "email", "email", "foreign", "cookie"])
        number = random.randrange(20)
        return Call(
            id=1_000_001 + number if key == "id" else None,
            email=f"{key}{number}@x.com" if key != "id" else None,
            system="CUSTOM" if key == "foreign" else None,
            person_id=f"E{number}" if key == "foreign" else None,
            cookie=f"{COOKIES[0]}{number}" if key == "cookie" else None,
            attributes=tuple((name, random.choice(values[name])) for name in random.sample([*values], 3)),
            return_lead=random.random() < 0.3,
        )

    with SandboxPair() as pair:
        with_difference = [applied for _ in range(100) if (applied := Comparison.of(pair, ordinary_call()).check())]
    assert len(with_difference) < 15, Counter(name for applied in with_difference for name in applied)


# -- examples without a difference --------------------------------------------------------------------

EXACT: Mapping[str, tuple[str, Call]] = {
    "without an Email element, the attribute Email is the key": ("default", Call(attributes=(("Email", "C@x.com"),))),
    "also if there is a cookie": ("default", Call(cookie=COOKIES[2], attributes=(("Email", "c@x.com"),))),
    "with another Email element, the attribute is the new address": (
        "default",
        Call(email="c@x.com", attributes=(("Email", "new@x.com"),)),
    ),
    "if the element finds no lead, the attribute is the address of the new lead": (
        "default",
        evolve(NEW, attributes=(("Email", "n@x.com"),)),
    ),
    "the attribute is the new address of a lead in any partition": (
        "workspaces",
        Call(email="b@x.com", attributes=(("Email", "new@x.com"),), workspace="Default"),
    ),
    "a call with only a cookie creates a lead in the partition of its workspace": (
        "workspaces",
        Call(cookie=COOKIES[2], workspace="Europe", return_lead=True),
    ),
    "a partition may have any name": ("workspaces", Call(cookie=COOKIES[2], workspace="Default")),
    "attributes are returned in the order of their names in upper case": (
        "default",
        evolve(
            NEW,
            attributes=(("netId", "7"), ("Website", "x.com"), ("Email", "d@x.com"), ("Address", "x")),
            return_lead=True,
        ),
    ),
    "the attribute may be configured to be the key instead of the element": (
        "strict",
        Call(email="b@x.com", attributes=(("Email", "c@x.com"),)),
    ),
    "an unknown name is refused before an invalid value": (
        "default",
        evolve(NEW, attributes=(("NumberOfEmployees", "14.1"), ("Nope", "x"))),
    ),
    "of a repeated name the last value counts": (
        "default",
        evolve(NEW, attributes=(("NumberOfEmployees", "many"), ("NumberOfEmployees", "14"))),
    ),
    "an empty last value is skipped": (
        "alternative",
        evolve(NEW, attributes=(("FirstName", "George"), ("FirstName", ""))),
    ),
    "an Id among the attributes is not written": ("default", evolve(NEW, attributes=(("Id", "many"),))),
    "a lead that is found by its foreign id must be in the partition": (
        "workspaces",
        Call(email="c@x.com", system="CUSTOM", person_id="7", workspace="Europe"),
    ),
    "a whole number is returned as it was sent": (
        "default",
        evolve(NEW, attributes=(("Rating", "5"),), return_lead=True),
    ),
}


@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str) -> None:
    configuration, call = EXACT[what]
    with SandboxPair(configuration, seeds=SEEDS) as pair:
        assert Comparison.of(pair, call).check() == []


def test_of_leads_that_were_updated_at_the_same_time_the_newest_is_updated() -> None:
    with SandboxPair("alternative") as pair:
        for _ in range(2):
            pair.seed({"email": "a@x.com"})
            pair.advance_clock(-1)
        assert Comparison.of(pair, Call(email="a@x.com")).check() == []


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
def test_an_envelope_is_read_in_the_same_way(inner: str, code: int | None) -> None:
    with SandboxPair("workspaces", seeds=SEEDS) as pair:
        data = signed(SyncLead(LeadRecord(email="d@x.com")), pair.soap.credentials, pair.now())
        data = PARAMS.sub(lambda found: found[1] + inner.encode() + found[2], data)
        for outcome in pair.soap.respond(data).outcome, pair.bridge.answer(data).answer.outcome:
            assert getattr(outcome, "code", None) == code
        assert pair.soap_leads() == pair.rest_leads()
