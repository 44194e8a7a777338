"""Campaigns have the same outcome over REST as over SOAP, but for the gaps in `campaigns.py`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketo_soap import (
    AsyncClient,
    Client,
    Fault,
    GetCampaignsForSource,
    LeadKey,
    LeadKeyRef,
    RequestCampaign,
    ScheduleCampaign,
)
from tests.bridge.campaigns import NIGHTLY, UNKNOWN, WELCOME, Call, calls, compare, gap, prepare
from tests.bridge.drawn import SEEDS
from tests.bridge.two_roads import PAIRS, Roads
from tests.support import NOW, signed

TOKENS = {"{{my.x}}": "& <é>", "{{my.y}}": ""}


def filled(pair: str, kind: type[Client | AsyncClient] = Client) -> Roads:
    roads = Roads(PAIRS[pair], kind)
    prepare(roads)
    for seed in SEEDS:
        roads.seed(seed)
    return roads


def asked(*keys: tuple[LeadKeyRef, str], number: int | None = WELCOME, source: str = "MKTOWS") -> RequestCampaign:
    return RequestCampaign(source, campaign_id=number, lead_keys=tuple(LeadKey(*key) for key in keys))


def named(name: str, *emails: str) -> RequestCampaign:
    keys = tuple(LeadKey(LeadKeyRef.EMAIL, each) for each in emails)
    return RequestCampaign("MKTOWS", lead_keys=keys, program_name="Launch", campaign_name=name, program_tokens=TOKENS)


EMAIL, IDNUM = LeadKeyRef.EMAIL, LeadKeyRef.IDNUM
EXACT: Mapping[str, tuple[str, Call]] = {
    "all that can be requested": ("usual", GetCampaignsForSource("MKTOWS")),
    "by a part of the name": ("usual", GetCampaignsForSource("MKTOWS", "launch")),
    "by the whole name": ("usual", GetCampaignsForSource("MKTOWS", "Launch.Welcome", exact_name=True)),
    "none": ("usual", GetCampaignsForSource("MKTOWS", "Nothing")),
    "requested by id": ("usual", asked((IDNUM, "1000002"), (EMAIL, "c@x.com"))),
    "requested by the address of several": ("usual", asked((EMAIL, "A@x.com"), (IDNUM, "1000003"))),
    "requested by name": ("usual", named("Welcome", "b@x.com")),
    "an unknown lead": ("usual", asked((EMAIL, "no@x.com"), (EMAIL, "b@x.com"))),
    "an unknown id of a lead": ("usual", asked((IDNUM, "1000999"))),
    "an id that is no number": ("usual", asked((IDNUM, "x"))),
    "unknown leads are left out": ("otherwise", asked((EMAIL, "no@x.com"), (EMAIL, "b@x.com"), (IDNUM, "1000999"))),
    "nobody is left": ("otherwise", asked((EMAIL, "no@x.com"), (IDNUM, "1000999"))),
    "an unknown campaign": ("usual", asked((IDNUM, "1000002"), number=UNKNOWN)),
    "an unknown name of a campaign": ("usual", named("Nothing", "no@x.com")),
    "a batch campaign": ("usual", asked((IDNUM, "1000002"), number=NIGHTLY)),
    "a campaign that is off": ("usual", named("Asleep", "b@x.com")),
    "tokens beside an id": (
        "strict",
        RequestCampaign("MKTOWS", campaign_id=1, lead_keys=(LeadKey(EMAIL, "no@x.com"),), program_tokens=TOKENS),
    ),
    "a run to come": (
        "usual",
        ScheduleCampaign("Launch", "Nightly", campaign_run_at=NOW + timedelta(hours=9), program_tokens=TOKENS),
    ),
    "a run in a clone": (
        "usual",
        ScheduleCampaign(
            "Launch", "Nightly", campaign_run_at=NOW + timedelta(hours=9), clone_to_program_name=" Launch 2 "
        ),
    ),
    "no run of a trigger campaign": ("usual", ScheduleCampaign("Launch", "Welcome")),
    "no run of an unknown campaign": ("usual", ScheduleCampaign("Launch", "Nothing")),
}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str, kind: type[Client | AsyncClient]) -> None:
    pair, call = EXACT[what]
    with closing(filled(pair, kind)) as roads:
        assert compare(roads, call) == []


CLONE = ScheduleCampaign("Launch", "Nightly", campaign_run_at=NOW + timedelta(hours=9), clone_to_program_name="C")
EXAMPLES: Mapping[str, Call] = {
    "sales": GetCampaignsForSource("SALES"),
    "owner_email": asked((LeadKeyRef.LEADOWNEREMAIL, "x@x.com")),
    "leads_first": asked((EMAIL, "no@x.com"), number=UNKNOWN),
    "anonymous_leads": asked((IDNUM, "1000001")),
    "five_minutes": ScheduleCampaign("Launch", "Nightly"),
    "two_years": ScheduleCampaign("Launch", "Nightly", campaign_run_at=NOW + timedelta(days=800)),
    "more_clones": CLONE,
}


def test_the_examples_are_those_of_all_gaps() -> None:
    assert [each.name for each in gap] == [*EXAMPLES]
    assert all(each.section and each.why for each in gap)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_gap_is_there(name: str) -> None:
    with closing(filled("usual")) as roads:
        if name == "more_clones":
            for number in range(10):
                assert compare(roads, evolve(CLONE, clone_to_program_name=f"Clone {number}")) == []
        assert compare(roads, EXAMPLES[name]) == [name]


@settings(max_examples=60, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), pair=st.sampled_from([*PAIRS]))
def test_any_calls(data: st.DataObject, pair: str) -> None:
    with closing(filled(pair)) as roads:
        for call in data.draw(st.lists(calls(NOW), max_size=6)):
            compare(roads, call)


def test_many_leads_go_in_several_calls() -> None:
    with closing(filled("usual")) as roads:
        for number in range(150):
            for sandbox in (roads.soap, roads.rest):
                sandbox.seed([{"email": "many@x.com", "attributes": {"City": str(number)}}])
        assert roads.by_rest.call(asked((EMAIL, "many@x.com"))).success
        assert [len(each.lead_ids) for each in roads.rest.requested_campaigns()] == [100, 50]
        roads.rest.fail(rest="611", operation="triggerCampaign", every=2, times=1)
        with pytest.raises(Fault) as caught:
            roads.by_rest.call(asked((EMAIL, "many@x.com")))
        assert caught.value.fate_unknown
        assert len(roads.rest.requested_campaigns()) == 3


def test_keys_beyond_the_hundredth_are_requested_too() -> None:
    with closing(filled("usual")) as roads:
        call = asked(*[(IDNUM, "1000002")] * 100)
        data = signed(call, roads.soap.credentials, roads.now())
        more = b"<leadKey><keyType>IDNUM</keyType><keyValue>1000003</keyValue></leadKey></leadList>"
        data = data.replace(b"</leadList>", more)
        roads.soap.respond(data)
        roads.bridge.answer(data)
        (by_soap,), (by_rest,) = roads.soap.requested_campaigns(), roads.rest.requested_campaigns()
        assert (by_soap.lead_ids, by_rest.lead_ids) == ((1000002,), (1000002, 1000003))


def test_a_request_of_unknown_fate_is_not_repeated() -> None:
    with closing(filled("usual")) as roads:
        roads.rest.fail(operation="triggerCampaign", close="after")
        with pytest.raises(Fault) as caught:
            roads.by_rest.call(asked((IDNUM, "1000002")))
        assert caught.value.fate_unknown
        assert len(roads.rest.requested_campaigns()) == 1
