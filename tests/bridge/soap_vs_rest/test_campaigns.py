"""The operations on campaigns do the same over REST as over SOAP, with differences: `campaigns.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from attrs import evolve

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
from tests.bridge.soap_vs_rest.campaigns import DIFFERENCES, NIGHTLY, UNKNOWN, WELCOME, Operation, compare, prepare
from tests.bridge.soap_vs_rest.sandboxes import SEEDS, SandboxPair
from tests.support import NOW, signed

TOKENS = {"{{my.x}}": "& <é>", "{{my.y}}": ""}


def filled(configuration: str, kind: type[Client | AsyncClient] = Client) -> SandboxPair:
    pair = SandboxPair(configuration, kind, SEEDS)
    prepare(pair)
    return pair


def requested(*keys: tuple[LeadKeyRef, str], number: int | None = WELCOME, source: str = "MKTOWS") -> RequestCampaign:
    return RequestCampaign(source, campaign_id=number, lead_keys=tuple(LeadKey(*key) for key in keys))


def named(name: str, *emails: str) -> RequestCampaign:
    keys = tuple(LeadKey(LeadKeyRef.EMAIL, each) for each in emails)
    return RequestCampaign("MKTOWS", lead_keys=keys, program_name="Launch", campaign_name=name, program_tokens=TOKENS)


EMAIL, IDNUM = LeadKeyRef.EMAIL, LeadKeyRef.IDNUM
EXACT: Mapping[str, tuple[str, Operation]] = {
    "all that can be requested": ("default", GetCampaignsForSource("MKTOWS")),
    "by a part of the name": ("default", GetCampaignsForSource("MKTOWS", "launch")),
    "by the whole name": ("default", GetCampaignsForSource("MKTOWS", "Launch.Welcome", exact_name=True)),
    "none": ("default", GetCampaignsForSource("MKTOWS", "Nothing")),
    "requested by id": ("default", requested((IDNUM, "1000002"), (EMAIL, "c@x.com"))),
    "requested for all leads with an address": ("default", requested((EMAIL, "A@x.com"))),
    "requested for a lead by two of its keys": ("default", requested((EMAIL, "A@x.com"), (IDNUM, "1000003"))),
    "requested by name": ("default", named("Welcome", "b@x.com")),
    "an unknown lead": ("default", requested((EMAIL, "no@x.com"), (EMAIL, "b@x.com"))),
    "an unknown id of a lead": ("default", requested((IDNUM, "1000999"))),
    "an id that is no number": ("default", requested((IDNUM, "x"))),
    "unknown leads are left out": (
        "alternative",
        requested((EMAIL, "no@x.com"), (EMAIL, "b@x.com"), (IDNUM, "1000999")),
    ),
    "no known lead is left": ("alternative", requested((EMAIL, "no@x.com"), (IDNUM, "1000999"))),
    "an unknown campaign": ("default", requested((IDNUM, "1000002"), number=UNKNOWN)),
    "an unknown name of a campaign": ("default", named("Nothing", "no@x.com")),
    "a batch campaign": ("default", requested((IDNUM, "1000002"), number=NIGHTLY)),
    "a campaign that is off": ("default", named("Asleep", "b@x.com")),
    "tokens beside an id": (
        "strict",
        RequestCampaign("MKTOWS", campaign_id=1, lead_keys=(LeadKey(EMAIL, "no@x.com"),), program_tokens=TOKENS),
    ),
    "a future run": (
        "default",
        ScheduleCampaign("Launch", "Nightly", campaign_run_at=NOW + timedelta(hours=9), program_tokens=TOKENS),
    ),
    "a run in a clone": (
        "default",
        ScheduleCampaign(
            "Launch", "Nightly", campaign_run_at=NOW + timedelta(hours=9), clone_to_program_name=" Launch 2 "
        ),
    ),
    "no run of a trigger campaign": ("default", ScheduleCampaign("Launch", "Welcome")),
    "no run of an unknown campaign": ("default", ScheduleCampaign("Launch", "Nothing")),
}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str, kind: type[Client | AsyncClient]) -> None:
    configuration, call = EXACT[what]
    with filled(configuration, kind) as pair:
        assert compare(pair, call) == []


CLONE = ScheduleCampaign("Launch", "Nightly", campaign_run_at=NOW + timedelta(hours=9), clone_to_program_name="C")
EXAMPLES: Mapping[str, Operation] = {
    "sales_insight": GetCampaignsForSource("SALES"),
    "owner_email": requested((LeadKeyRef.LEADOWNEREMAIL, "x@x.com")),
    "leads_looked_up_first": requested((EMAIL, "no@x.com"), number=UNKNOWN),
    "anonymous_leads": requested((IDNUM, "1000001")),
    "five_minutes": ScheduleCampaign("Launch", "Nightly"),
    "two_years": ScheduleCampaign("Launch", "Nightly", campaign_run_at=NOW + timedelta(days=800)),
    "more_clones": CLONE,
}


def test_every_difference_has_an_example() -> None:
    DIFFERENCES.check_examples(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_difference(name: str) -> None:
    with filled("default") as pair:
        if name == "more_clones":
            for number in range(10):
                assert compare(pair, evolve(CLONE, clone_to_program_name=f"Clone {number}")) == []
        assert compare(pair, EXAMPLES[name]) == [name]


def test_many_leads_go_in_several_calls() -> None:
    with filled("default") as pair:
        for number in range(150):
            for sandbox in (pair.soap, pair.rest):
                sandbox.seed([{"email": "many@x.com", "attributes": {"City": str(number)}}])
        assert pair.rest_client.call(requested((EMAIL, "many@x.com"))).success
        assert [len(each.lead_ids) for each in pair.rest.requested_campaigns()] == [100, 50]
        pair.rest.fail(rest="611", operation="triggerCampaign", every=2, times=1)
        with pytest.raises(Fault) as caught:
            pair.rest_client.call(requested((EMAIL, "many@x.com")))
        assert caught.value.fate_unknown
        assert len(pair.rest.requested_campaigns()) == 3


def test_keys_beyond_the_hundredth_are_requested_too() -> None:
    with filled("default") as pair:
        call = requested(*[(IDNUM, "1000002")] * 100)
        data = signed(call, pair.soap.credentials, pair.now())
        more = b"<leadKey><keyType>IDNUM</keyType><keyValue>1000003</keyValue></leadKey></leadList>"
        data = data.replace(b"</leadList>", more)
        pair.soap.respond(data)
        pair.bridge.answer(data)
        (by_soap,), (by_rest,) = pair.soap.requested_campaigns(), pair.rest.requested_campaigns()
        assert (by_soap.lead_ids, by_rest.lead_ids) == ((1000002,), (1000002, 1000003))


def test_a_request_of_unknown_fate_is_not_repeated() -> None:
    with filled("default") as pair:
        pair.rest.fail(operation="triggerCampaign", close="after")
        with pytest.raises(Fault) as caught:
            pair.rest_client.call(requested((IDNUM, "1000002")))
        assert caught.value.fate_unknown
        assert len(pair.rest.requested_campaigns()) == 1
