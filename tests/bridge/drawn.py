"""Calls that hypothesis draws, and the leads that are there before them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from marketo_soap import GetLead, GetMultipleLeads, LastUpdateAtSelector, LeadKey, LeadKeyRef, LeadKeySelector
from tests.bridge.gaps import BAD_COOKIE
from tests.bridge.reads import Operation
from tests.bridge.two_roads import Call
from tests.bridge.values import FIELDS, READ_ONLY, REST_ALONE, SPELLINGS, UNKNOWN

COOKIES = [f"id:100-AEK-913&token:_mch-x.com-1372890712966-{number}" for number in range(4)]
ANONYMOUS = COOKIES[3]
SEEDS: list[dict[str, Any]] = [
    {"anonymous": True, "cookies": [ANONYMOUS]},
    {"email": "a@x.com", "attributes": {"FirstName": "Ann", "Unsubscribed": "1"}},
    {"email": "A@x.com", "foreign_type": "SFDC", "foreign_id": "7", "cookies": [COOKIES[0]]},
    {"email": "b@x.com", "partition": "EU", "cookies": [COOKIES[1]]},
    {"email": "c@x.com", "foreign_type": "CUSTOM", "foreign_id": "7"},
]

_EMAILS = ["a@x.com", "A@X.com", "b@x.com", " b@x.com ", "c@x.com", "d@x.com", "e@x.com"]
PLAIN_EMAILS = st.sampled_from(_EMAILS)
EMAILS = st.sampled_from([*_EMAILS, "malformed", "ü@x.com"])
WORKSPACES = st.sampled_from(["Default", "default", "Europe", " europe ", "Asia", "Mars"])
VALUES = st.one_of(
    *[st.tuples(st.just(name), st.sampled_from(["", *texts])) for name, texts in FIELDS.items()],
    st.tuples(st.sampled_from(["Email", "email"]), EMAILS | st.sampled_from(["", " "])),
    st.tuples(st.just("Country"), st.just("DE")),
)
SPELLED = st.sampled_from([name for name in SPELLINGS if SPELLINGS[name] in FIELDS]).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(["", *FIELDS[SPELLINGS[name]]]))
)
ODD = st.one_of(
    SPELLED,
    st.tuples(st.sampled_from(["Id", "id"]), st.sampled_from(["", "1000001", "many"])),
    st.tuples(st.sampled_from([*READ_ONLY, *UNKNOWN, "leadPartitionId"]), st.sampled_from(["", "1"])),
    *[st.tuples(st.just(name), st.sampled_from(["", *texts])) for name, texts in REST_ALONE.items()],
)
ATTRIBUTES = st.lists(st.integers(0, 7).flatmap(lambda one: VALUES if one else ODD), max_size=4).map(tuple)
FOREIGN = st.tuples(st.sampled_from(["CUSTOM", "SFDC", "NETSUITE"]), st.sampled_from(["7", "8", " 9 ", "E7"]))
RARELY = st.sampled_from([False, False, False, True])


@st.composite
def calls(draw: st.DrawFn, *, plain: bool = False) -> Call:
    """A call; a *plain* one has nothing that could be refused, but for what its keys name."""
    keys = draw(st.sets(st.sampled_from(["id", "email", "foreign", "cookie"]), min_size=1 if plain else 0))
    system, person_id = draw(FOREIGN) if "foreign" in keys else (None, None)
    attributes = (("FirstName", "George"),) if plain else draw(ATTRIBUTES)
    if not keys:
        attributes += (("Email", draw(EMAILS)),)
    return Call(
        id=draw(st.integers(1_000_001, 1_000_007)) if "id" in keys else None,
        email=draw(PLAIN_EMAILS if plain else EMAILS) if "email" in keys else None,
        system=system,
        person_id=person_id,
        cookie=draw(st.sampled_from(COOKIES if plain else [*COOKIES, BAD_COOKIE])) if "cookie" in keys else None,
        attributes=attributes,
        workspace=draw(WORKSPACES) if draw(RARELY) and not plain else None,
        returned=draw(st.booleans()),
    )


KEYS = st.one_of(
    st.tuples(st.just(LeadKeyRef.IDNUM), st.integers(1_000_000, 1_000_008).map(str) | st.just("x")),
    st.tuples(st.just(LeadKeyRef.EMAIL), EMAILS),
    st.tuples(st.just(LeadKeyRef.COOKIE), st.sampled_from([*COOKIES, BAD_COOKIE])),
    st.tuples(st.sampled_from([LeadKeyRef.LEADOWNEREMAIL, LeadKeyRef.SFDCLEADID]), st.just("7")),
)
OPTIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from([None, 1, 2, 3]),
        "include_attributes": st.lists(st.sampled_from(["Email", "FirstName", "Unsubscribed", "Nope"]), max_size=2),
    }
)


@st.composite
def reads(draw: st.DrawFn, now: datetime) -> Operation:
    """A getLead or a getMultipleLeads."""
    kind, value = draw(KEYS)
    if draw(st.booleans()):
        return GetLead(LeadKey(kind, value))
    if draw(st.booleans()):
        values = [value, *(each for other, each in draw(st.lists(KEYS, max_size=3)) if other == kind)]
        return GetMultipleLeads(LeadKeySelector(kind, values), **draw(OPTIONS))
    oldest = now - timedelta(seconds=draw(st.integers(0, 30)))
    latest = draw(st.none() | st.integers(0, 30).map(lambda seconds: oldest + timedelta(seconds=seconds)))
    return GetMultipleLeads(LastUpdateAtSelector(oldest, latest_updated_at=latest), **draw(OPTIONS))
