"""getLead and getMultipleLeads give the same answers over REST as over SOAP, with differences: `get_leads.py`."""

from __future__ import annotations

from collections.abc import Mapping
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
from tests.bridge.soap_vs_rest.get_leads import DIFFERENCES, Operation, compare
from tests.bridge.soap_vs_rest.sandboxes import ANONYMOUS, CONFIGURATIONS, COOKIES, SEEDS, SandboxPair
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


def filled(configuration: str, kind: type[Client | AsyncClient] = Client) -> SandboxPair:
    chosen = CONFIGURATIONS[configuration]
    return SandboxPair(evolve(chosen, sandbox=evolve(chosen.sandbox, lists=LISTS)), kind, [*SEEDS, MORE])


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
    "by an invalid id": key(LeadKeyRef.IDNUM, "many"),
    "by an address of several leads": key(LeadKeyRef.EMAIL, "A@X.com"),
    "by an address with spaces": key(LeadKeyRef.EMAIL, " b@x.com "),
    "by an address with a comma": key(LeadKeyRef.EMAIL, "a@x.com,b@x.com"),
    "by an unknown address": key(LeadKeyRef.EMAIL, "nobody@x.com"),
    "by a cookie": key(LeadKeyRef.COOKIE, COOKIES[0]),
    "by ids, some unknown, some twice": keys(LeadKeyRef.IDNUM, "1000004", "1000002", "1000002", "7", "x"),
    "by addresses": keys(LeadKeyRef.EMAIL, "c@x.com", "A@x.com", "no@x.com", batch_size=1),
    "by unknown keys only": keys(LeadKeyRef.EMAIL, "no@x.com"),
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
    "since a future time": GetMultipleLeads(LastUpdateAtSelector(NOW + timedelta(days=1))),
    "in a time span that is too long, at a damaged position": GetMultipleLeads(
        last_updated_at=NOW, stream_position="list:x:y"
    ),
}
EXACT_BY_CRM: Mapping[str, Operation] = {
    "SFDCLEADID": key(LeadKeyRef.SFDCLEADID, "00Q1"),
    "SFDCOPPTYID": keys(LeadKeyRef.SFDCOPPTYID, "O1", "O2"),
    "SFDCCONTACTID": key(LeadKeyRef.SFDCCONTACTID, "003"),
    "SFDCLEADOWNERID": key(LeadKeyRef.SFDCLEADOWNERID, "005"),
}
VALUE_DIFFERENCES = {"whole_numbers", "false_booleans", "times_in_utc", "booleans_as_words"}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str, kind: type[Client | AsyncClient]) -> None:
    with filled("default", kind) as pair:
        assert compare(pair, EXACT[what]) == []


@pytest.mark.parametrize("what", EXACT_BY_CRM)
def test_only_values_differ(what: str) -> None:
    with filled("default") as pair:
        assert {*compare(pair, EXACT_BY_CRM[what])} <= VALUE_DIFFERENCES


EXAMPLES: Mapping[str, tuple[str, Operation]] = {
    "owner_email": ("default", key(LeadKeyRef.LEADOWNEREMAIL, "owner@x.com")),
    "comma_in_cookie": ("default", keys(LeadKeyRef.COOKIE, COOKIES[0] + ",x")),
    "comma_in_value": ("default", key(LeadKeyRef.SFDCACCOUNTID, "001,2")),
    "anonymous_leads": ("default", key(LeadKeyRef.COOKIE, ANONYMOUS)),
    "open_time_span": ("default", GetMultipleLeads(last_updated_at=NOW - timedelta(days=40), batch_size=3)),
    "changes_instead_of_leads": ("alternative", GetMultipleLeads(LastUpdateAtSelector(NOW), batch_size=2)),
    "remaining_not_counted": ("default", listed("All", batch_size=1, include_attributes=["Company"])),
    "whole_numbers": ("default", keys(LeadKeyRef.EMAIL, "e@x.com", include_attributes=["Rating"])),
    "false_booleans": ("default", keys(LeadKeyRef.EMAIL, "e@x.com", include_attributes=["Unsubscribed"])),
    "booleans_as_words": ("alternative", keys(LeadKeyRef.EMAIL, "a@x.com", include_attributes=["Unsubscribed"])),
    "times_in_utc": ("default", keys(LeadKeyRef.EMAIL, "e@x.com", include_attributes=["LastSeen"])),
    "foreign_ids": ("default", key(LeadKeyRef.EMAIL, "n@x.com")),
}


def test_every_difference_has_an_example() -> None:
    DIFFERENCES.check_examples(EXAMPLES)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", EXAMPLES)
def test_difference(name: str, kind: type[Client | AsyncClient]) -> None:
    configuration, operation = EXAMPLES[name]
    with filled(configuration, kind) as pair:
        pair.seed({"email": "n@x.com", "foreign_type": "NETSUITE", "foreign_id": "12"})
        assert name in compare(pair, operation)


@pytest.mark.parametrize(
    ("configuration", "size"),
    [("default", 1), ("default", 5), *((each, size) for each in CONFIGURATIONS for size in (2, None))],
)
def test_every_page_of_a_list_and_of_changes(configuration: str, size: int | None) -> None:
    with filled(configuration) as pair:
        compare(pair, listed("All", batch_size=size))
        compare(pair, GetMultipleLeads(LastUpdateAtSelector(NOW), batch_size=size))
        until = NOW + timedelta(seconds=4)
        compare(pair, GetMultipleLeads(LastUpdateAtSelector(NOW, latest_updated_at=until), batch_size=size))
