"""getLead and getMultipleLeads answer over REST as over SOAP, but for the gaps in `reads.py`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta

import pytest
from attrs import evolve

from marketo_soap import (
    AsyncClient,
    Client,
    GetLead,
    GetMultipleLeads,
    LastUpdateAtSelector,
    LeadKey,
    LeadKeyRef,
    LeadKeySelector,
    StaticListSelector,
)
from marketo_soap.sandbox.settings import StaticList
from tests.bridge.drawn import ANONYMOUS, COOKIES, SEEDS
from tests.bridge.reads import Operation, compare, gap
from tests.bridge.two_roads import PAIRS, Roads
from tests.support import NOW

LISTS = (
    StaticList("All", members=("a@x.com", "b@x.com", "c@x.com", "e@x.com", "1000001")),
    StaticList("Few", "Launch", ("b@x.com", "c@x.com")),
    StaticList("Empty"),
)
MORE = {
    "email": "e@x.com",
    "attributes": {
        "SfdcLeadId": "00Q1",
        "SfdcAccountId": "001,2",
        "SfdcOpptyId": "O1",
        "LeadOwnerEmail": "owner@x.com",
        "Unsubscribed": "0",
        "Rating": "5.0",
        "LastSeen": "2001-02-03T04:05:06-06:00",
        "Company": "X & Y",
    },
}


def filled(pair: str, kind: type[Client | AsyncClient] = Client) -> Roads:
    usual = PAIRS[pair]
    roads = Roads(evolve(usual, sandbox=evolve(usual.sandbox, lists=LISTS)), kind)
    for seed in [*SEEDS, MORE]:
        roads.seed(seed)
    return roads


def key(kind: LeadKeyRef, value: str) -> GetLead:
    return GetLead(LeadKey(kind, value))


def keys(kind: LeadKeyRef, *values: str, **options: object) -> GetMultipleLeads:
    return GetMultipleLeads(LeadKeySelector(kind, values), **options)  # type: ignore[arg-type]


def listed(name: str | None = None, number: int | None = None, **options: object) -> GetMultipleLeads:
    return GetMultipleLeads(StaticListSelector(name, number), **options)  # type: ignore[arg-type]


EXACT: Mapping[str, Operation] = {
    "by id": key(LeadKeyRef.IDNUM, "1000002"),
    "by an id with zeros": key(LeadKeyRef.IDNUM, "0001000002"),
    "by an unknown id": key(LeadKeyRef.IDNUM, "1000999"),
    "by an id that is no number": key(LeadKeyRef.IDNUM, "many"),
    "by the address of several": key(LeadKeyRef.EMAIL, "A@X.com"),
    "by an address with spaces": key(LeadKeyRef.EMAIL, " b@x.com "),
    "by an address with a comma": key(LeadKeyRef.EMAIL, "a@x.com,b@x.com"),
    "by an unknown address": key(LeadKeyRef.EMAIL, "nobody@x.com"),
    "by a cookie": key(LeadKeyRef.COOKIE, COOKIES[0]),
    "by ids, some unknown, some twice": keys(LeadKeyRef.IDNUM, "1000004", "1000002", "1000002", "7", "x"),
    "by addresses": keys(LeadKeyRef.EMAIL, "c@x.com", "A@x.com", "no@x.com", batch_size=1),
    "by nothing that is known": keys(LeadKeyRef.EMAIL, "no@x.com"),
    "by cookies": keys(LeadKeyRef.COOKIE, COOKIES[1], COOKIES[0]),
    "with attributes": keys(LeadKeyRef.EMAIL, "a@x.com", include_attributes=["FirstName", "Nope", "createdAt"]),
    "with Email": keys(LeadKeyRef.EMAIL, "a@x.com", include_attributes=["Email"]),
    "with a name of REST": keys(LeadKeyRef.EMAIL, "a@x.com", include_attributes=["firstName"]),
    "with a damaged position": keys(LeadKeyRef.EMAIL, "a@x.com", stream_position="x"),
    "of a list by program": listed("Launch.Few"),
    "of a list by its name": listed("Few"),
    "of an empty list": listed("Empty"),
    "of an unknown list": listed("Nope"),
    "of an unknown id of a list": listed(None, 99),
    "of a list at a damaged position": listed("Few", stream_position="x"),
    "since a time to come": GetMultipleLeads(LastUpdateAtSelector(NOW + timedelta(days=1))),
    "in a span that is too long at a damaged position": GetMultipleLeads(
        last_updated_at=NOW, stream_position="list:x:y"
    ),
}
EXACT_BY_CRM: Mapping[str, Operation] = {
    "SFDCLEADID": key(LeadKeyRef.SFDCLEADID, "00Q1"),
    "SFDCOPPTYID": keys(LeadKeyRef.SFDCOPPTYID, "O1", "O2"),
    "SFDCCONTACTID": key(LeadKeyRef.SFDCCONTACTID, "003"),
    "SFDCLEADOWNERID": key(LeadKeyRef.SFDCLEADOWNERID, "005"),
}
OF_VALUES = {"whole_numbers", "false_booleans", "times_in_utc", "booleans_in_words"}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str, kind: type[Client | AsyncClient]) -> None:
    with closing(filled("usual", kind)) as roads:
        assert compare(roads, EXACT[what]) == []


@pytest.mark.parametrize("what", EXACT_BY_CRM)
def test_exact_but_for_values(what: str) -> None:
    with closing(filled("usual")) as roads:
        assert {*compare(roads, EXACT_BY_CRM[what])} <= OF_VALUES


EXAMPLES: Mapping[str, tuple[str, Operation]] = {
    "owner_email": ("usual", key(LeadKeyRef.LEADOWNEREMAIL, "owner@x.com")),
    "comma_in_cookie": ("usual", keys(LeadKeyRef.COOKIE, COOKIES[0] + ",x")),
    "comma_in_value": ("usual", key(LeadKeyRef.SFDCACCOUNTID, "001,2")),
    "anonymous_leads": ("usual", key(LeadKeyRef.COOKIE, ANONYMOUS)),
    "open_span": ("usual", GetMultipleLeads(last_updated_at=NOW - timedelta(days=40), batch_size=3)),
    "changes_for_leads": ("otherwise", GetMultipleLeads(LastUpdateAtSelector(NOW), batch_size=2)),
    "not_counted": ("usual", listed("All", batch_size=1, include_attributes=["Company"])),
    "whole_numbers": ("usual", keys(LeadKeyRef.EMAIL, "e@x.com", include_attributes=["Rating"])),
    "false_booleans": ("usual", keys(LeadKeyRef.EMAIL, "e@x.com", include_attributes=["Unsubscribed"])),
    "booleans_in_words": ("otherwise", keys(LeadKeyRef.EMAIL, "a@x.com", include_attributes=["Unsubscribed"])),
    "times_in_utc": ("usual", keys(LeadKeyRef.EMAIL, "e@x.com", include_attributes=["LastSeen"])),
    "foreign_ids": ("usual", key(LeadKeyRef.EMAIL, "n@x.com")),
}


def test_the_examples_are_those_of_all_gaps() -> None:
    assert [each.name for each in gap] == [*EXAMPLES]
    assert all(each.section and each.why for each in gap)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_gap_is_there(name: str, kind: type[Client | AsyncClient]) -> None:
    pair, operation = EXAMPLES[name]
    with closing(filled(pair, kind)) as roads:
        roads.seed({"email": "n@x.com", "foreign_type": "NETSUITE", "foreign_id": "12"})
        assert name in compare(roads, operation)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("size", [1, 2, 5, None])
def test_every_page_of_a_list_and_of_changes(pair: str, size: int | None) -> None:
    with closing(filled(pair)) as roads:
        compare(roads, listed("All", batch_size=size))
        compare(roads, GetMultipleLeads(LastUpdateAtSelector(NOW), batch_size=size))
        until = NOW + timedelta(seconds=4)
        compare(roads, GetMultipleLeads(LastUpdateAtSelector(NOW, latest_updated_at=until), batch_size=size))
