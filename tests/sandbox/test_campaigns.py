"""getCampaignsForSource, requestCampaign and scheduleCampaign in the sandbox."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from marketo_soap import (
    Client,
    Fault,
    GetCampaignsForSource,
    LeadKey,
    LeadKeyRef,
    OperationFailed,
    RequestCampaign,
    RetryPolicy,
    Sandbox,
    ScheduleCampaign,
    StaticListSelector,
    TransportError,
    TypeAttrib,
)
from marketo_soap.sandbox.settings import Campaign, Settings, StaticList
from marketo_soap.sandbox.store.programs import Cost, Program
from tests.sandbox.conftest import Clock
from tests.support import NOW, signed

CAMPAIGNS = (
    Campaign("Welcome", "Launch", triggerable=True, description="by mail"),
    Campaign("welcome back", triggerable=True),
    Campaign("Nightly", "Launch"),
    Campaign("Asleep", "Launch", triggerable=True, active=False),
    Campaign("Call", triggerable=True, sources=("SALES",)),
    Campaign("Both", triggerable=True, sources=("MKTOWS", "SALES"), id=4496),
    Campaign("welcome back", triggerable=True),
)
WELCOME, BACK, NIGHTLY, ASLEEP, CALL, BOTH, AGAIN = 1001, 1002, 1003, 1004, 1005, 4496, 4497
FIRST = 1000001
TOKENS = {"{{my.name}}": "x", "{{my.other token}}": ""}


@pytest.fixture(autouse=True)
def _campaigns(sandbox: Sandbox) -> None:
    sandbox.configure(Settings(campaigns=CAMPAIGNS))
    sandbox.seed([{"email": "a@t.com"}, {"email": "b@t.com"}, {"email": "A@t.com"}])


def email(*addresses: str) -> tuple[LeadKey, ...]:
    return tuple(LeadKey(LeadKeyRef.EMAIL, address) for address in addresses)


def refused(client: Client, call: Any) -> int | None:
    with pytest.raises(Fault) as caught:
        client.call(call)
    return caught.value.code


def change(sandbox: Sandbox, **settings: Any) -> None:
    sandbox.configure(evolve(sandbox.settings, **settings))


# -- getCampaignsForSource ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "exact", "source", "ids"),
    [
        (None, None, "MKTOWS", [BOTH, WELCOME, BACK, AGAIN]),
        ("", None, "MKTOWS", [BOTH, WELCOME, BACK, AGAIN]),
        (None, None, "SALES", [BOTH, CALL]),
        ("elcome", None, "MKTOWS", [WELCOME, BACK, AGAIN]),
        ("Welcome", False, "MKTOWS", [WELCOME, BACK, AGAIN]),
        ("launch.", False, "MKTOWS", [WELCOME]),
        ("Launch.Welcome", True, "MKTOWS", [WELCOME]),
        ("Welcome", True, "MKTOWS", []),
        ("welcome back", True, "MKTOWS", [BACK, AGAIN]),
        ("Nightly", None, "MKTOWS", []),
        ("Asleep", None, "MKTOWS", []),
    ],
)
def test_campaigns_are_found_by_source_and_name(
    client: Client, name: str | None, exact: bool | None, source: str, ids: list[int]
) -> None:
    result = client.get_campaigns_for_source(source, name, exact)
    assert ([each.id for each in result.campaign_records], result.return_count) == (ids, len(ids))


def test_names_of_campaigns_begin_with_their_programs(client: Client, sandbox: Sandbox) -> None:
    (record,) = client.get_campaigns_for_source(name="launch").campaign_records
    assert (record.name, record.description) == ("Launch.Welcome", "by mail")
    assert sandbox.entries()[-1].verdict == "1 campaign"


def test_no_campaign_is_an_empty_list(client: Client, sandbox: Sandbox) -> None:
    """Recorded: the list is an empty element, neither absent nor nil."""
    assert client.get_campaigns_for_source(name="nothing").campaign_records == ()
    reply = sandbox.entries()[-1].response or b""
    assert re.search(rb"<returnCount>0</returnCount>\s*<campaignRecordList ?/>", reply)


# -- requestCampaign ----------------------------------------------------------------------------------


def test_a_request_is_kept_and_logged(client: Client, sandbox: Sandbox) -> None:
    keys = (LeadKey(LeadKeyRef.IDNUM, str(FIRST + 1)), *email("a@t.com"))
    assert client.request_campaign("MKTOWS", keys, campaign_id=WELCOME, program_tokens=TOKENS).success
    (asked,) = sandbox.requested_campaigns()
    assert (asked.campaign_id, asked.name, asked.program, asked.source) == (WELCOME, "Welcome", "Launch", "MKTOWS")
    assert sorted(asked.lead_ids) == [FIRST, FIRST + 1, FIRST + 2]
    assert asked.tokens == TOKENS
    assert datetime.fromisoformat(asked.requested_at) == NOW
    with sandbox.store.reading() as leads:
        logged = leads.activities.find(type="Request Campaign")
    assert sorted(each.lead_id for each in logged) == [FIRST, FIRST + 1, FIRST + 2]
    assert {each.asset for each in logged} == {"Launch.Welcome"}
    assert sandbox.entries()[-1].verdict == "requested"


@pytest.mark.parametrize(
    ("campaign", "tokens", "code"),
    [
        ("<campaignId>1001</campaignId>", "", None),
        ("<campaignId>1001</campaignId>", "<programTokenList/>", None),
        ("<campaignId>1001</campaignId><campaignName/>", "", None),
        ("<campaignId>1001</campaignId>", "<programTokenList><attrib><name>{{my.x}}</name><value/></attrib></programTokenList>", None),
        ("<programName>Launch</programName><campaignName>Welcome</campaignName>", "<programTokenList/>", None),
        ("<programName>Launch</programName><campaignName>Welcome</campaignName>", "", 20110),
        ("<campaignName>Welcome</campaignName>", "<programTokenList/>", 20110),
        ("<programName>Launch</programName>", "<programTokenList/>", 20110),
        ("<campaignId>1001</campaignId><campaignName>Welcome</campaignName>", "", 20110),
        ("<campaignId>1001</campaignId><programName>Launch</programName>", "<programTokenList/>", 20110),
        ("", "", 20110),
        ("", "<programTokenList/>", 20110),
        ("<campaignId>7</campaignId>", "", 20113),
        ("<programName>Launch</programName><campaignName>Nothing</campaignName>", "<programTokenList/>", 20113),
        ("<programName>Nothing</programName><campaignName>Welcome</campaignName>", "<programTokenList/>", 20113),
        ("<campaignId>1003</campaignId>", "", 20110),
        ("<campaignId>1004</campaignId>", "", 20110),
        ("<campaignId>1005</campaignId>", "", 20110),
    ],
)  # fmt: skip
def test_a_campaign_is_named_in_two_ways(sandbox: Sandbox, campaign: str, tokens: str, code: int | None) -> None:
    data = signed(
        RequestCampaign("MKTOWS", campaign_id=1, lead_keys=email("b@t.com")), sandbox.credentials, NOW
    ).decode()
    data = data.replace("<campaignId>1</campaignId>", campaign).replace("</leadList>", f"</leadList>{tokens}")
    outcome = sandbox.respond(data.encode()).outcome
    assert getattr(outcome, "code", None) == code
    assert len(sandbox.requested_campaigns()) == (code is None)


def test_an_id_beside_tokens_may_be_refused(client: Client, sandbox: Sandbox) -> None:
    change(sandbox, campaign_id_with_tokens="fault")
    call = RequestCampaign("MKTOWS", campaign_id=WELCOME, lead_keys=email("b@t.com"), program_tokens=TOKENS)
    assert refused(client, call) == 20110
    assert client.call(evolve(call, program_tokens=())).success


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("", 20109),
        ("<leadList/>", 20109),
        ("<leadList><leadKey><keyType>COOKIE</keyType><keyValue>x</keyValue></leadKey></leadList>", 20102),
        ("<leadList><leadKey><keyType>PHONE</keyType><keyValue>x</keyValue></leadKey></leadList>", 20102),
        ("<leadList><leadKey><keyType>IDNUM</keyType><keyValue>7</keyValue></leadKey></leadList>", 20103),
    ],
)
def test_leads_must_be_named(sandbox: Sandbox, keys: str, code: int) -> None:
    data = signed(RequestCampaign("MKTOWS", campaign_id=WELCOME, lead_keys=email("b@t.com")), sandbox.credentials, NOW)
    data = re.sub(rb"<leadList>.*</leadList>", keys.encode(), data, flags=re.DOTALL)
    assert getattr(sandbox.respond(data).outcome, "code", None) == code


def test_the_source_must_fit(client: Client, sandbox: Sandbox) -> None:
    assert refused(client, RequestCampaign("SALES", campaign_id=WELCOME, lead_keys=email("b@t.com"))) == 20110
    for source in ("SALES", "MKTOWS"):
        client.request_campaign(source, email("b@t.com"), campaign_id=BOTH)
    assert [each.source for each in sandbox.requested_campaigns()] == ["SALES", "MKTOWS"]


def test_an_unknown_lead_refuses_the_call_or_is_left_out(client: Client, sandbox: Sandbox) -> None:
    call = RequestCampaign("MKTOWS", campaign_id=WELCOME, lead_keys=email("no@t.com", "b@t.com"))
    assert refused(client, call) == 20103
    assert sandbox.requested_campaigns() == []
    change(sandbox, unknown_campaign_leads="skip")
    client.call(call)
    (asked,) = sandbox.requested_campaigns()
    assert asked.lead_ids == (FIRST + 1,)
    with pytest.raises(OperationFailed, match="not requested"):
        client.call(evolve(call, lead_keys=email("no@t.com")))
    assert sandbox.entries()[-1].verdict == "not requested"
    assert len(sandbox.requested_campaigns()) == 1


def test_keys_beyond_the_hundredth_are_ignored_by_the_server_and_refused_by_the_client(
    client: Client, sandbox: Sandbox
) -> None:
    with pytest.raises(ValueError, match="at most 100 in one call, not 101"):
        client.request_campaign("MKTOWS", email("b@t.com") * 101, campaign_id=WELCOME)
    call = RequestCampaign("MKTOWS", campaign_id=WELCOME, lead_keys=email("b@t.com") * 100)
    data = signed(call, sandbox.credentials, NOW)
    more = b"<leadKey><keyType>EMAIL</keyType><keyValue>no@t.com</keyValue></leadKey></leadList>"
    assert sandbox.respond(data.replace(b"</leadList>", more)).outcome.success
    (asked,) = sandbox.requested_campaigns()
    assert asked.lead_ids == (FIRST + 1,)


def test_a_lost_answer_is_not_asked_for_again(client: Client, sandbox: Sandbox) -> None:
    sandbox.fail(close="after")
    with pytest.raises(TransportError) as caught:
        client.request_campaign("MKTOWS", email("b@t.com"), campaign_id=WELCOME, retry=RetryPolicy(pause=0.0))
    assert caught.value.fate_unknown
    assert len(sandbox.requested_campaigns()) == 1


def test_an_odd_token_is_remarked(client: Client, sandbox: Sandbox) -> None:
    client.request_campaign("MKTOWS", email("b@t.com"), campaign_id=WELCOME, program_tokens={"name": "x", **TOKENS})
    assert sandbox.entries()[-1].remarks == ["the token name is not written as {{my.name}}: it replaces none"]


# -- scheduleCampaign ---------------------------------------------------------------------------------


def test_a_run_is_kept(client: Client, sandbox: Sandbox) -> None:
    later = datetime(2013, 9, 1, 8, tzinfo=UTC)
    client.schedule_campaign("Launch", "Nightly")
    client.schedule_campaign("Launch", "Nightly", campaign_run_at=NOW - timedelta(days=1))
    client.schedule_campaign(
        "Launch", "Nightly", campaign_run_at=later, program_tokens=TOKENS, clone_to_program_name="Launch 2"
    )
    now, past, run = sandbox.scheduled_campaigns()
    assert [datetime.fromisoformat(each.run_at) for each in (now, past, run)] == [NOW, NOW, later]
    assert (run.campaign_id, run.name, run.program, run.clone_to_program) == (NIGHTLY, "Nightly", "Launch", "Launch 2")
    assert (run.tokens, now.tokens, now.clone_to_program) == (TOKENS, {}, "")
    assert datetime.fromisoformat(run.scheduled_at) == NOW
    assert sandbox.entries()[-1].verdict == "scheduled"


@pytest.mark.parametrize(
    ("program", "campaign", "code"),
    [("Launch", "Nothing", 20113), ("Nothing", "Nightly", 20113), ("Launch", "Welcome", 20110)],
)
def test_only_a_batch_campaign_is_scheduled(client: Client, program: str, campaign: str, code: int) -> None:
    assert refused(client, ScheduleCampaign(program, campaign)) == code


def test_a_program_is_cloned_ten_times_a_day(client: Client, sandbox: Sandbox, clock: Clock) -> None:
    call = ScheduleCampaign("Launch", "Nightly", clone_to_program_name="Clone")
    for number in range(10):
        client.call(evolve(call, clone_to_program_name=f"Clone {number}"))
        client.call(evolve(call, clone_to_program_name=None))
    assert refused(client, call) == 20015
    clock.tick(86_400)
    assert client.call(call).success
    assert len(sandbox.scheduled_campaigns()) == 21


def test_a_clone_is_a_program_with_campaigns_and_lists(client: Client, sandbox: Sandbox) -> None:
    program = Program("Launch", channel="Webinar", tokens={"{{my.name}}": "x"}, costs=(Cost("2013-06", 1),))
    change(sandbox, programs=(program,), lists=(StaticList("Guests", "Launch", ("a@t.com",)),))
    client.schedule_campaign("Launch", "Nightly", clone_to_program_name="Launch 2")
    (first, clone) = client.get_m_objects("Program", include_details=True).m_objects
    assert [each.get("Name") for each in (first, clone)] == ["Launch", "Launch 2"]
    details = [(each.attr_type, dict(attrib_pairs(each))) for each in clone.type_attribs]
    assert details == [
        ("Tag", {"Type": "Channel", "Value": "Webinar"}),
        ("Token", {"Name": "{{my.name}}", "Value": "x"}),
    ]
    assert client.schedule_campaign("Launch 2", "Nightly").success
    assert [each.name for each in client.get_campaigns_for_source().campaign_records][:2] == [
        "Both",
        "Launch 2.Welcome",
    ]
    assert client.get_multiple_leads(StaticListSelector("Launch 2.Guests")).return_count == 0
    for taken in ("Launch", "Launch 2"):
        assert refused(client, ScheduleCampaign("Launch", "Nightly", clone_to_program_name=taken)) == 20110


def attrib_pairs(given: TypeAttrib) -> list[tuple[str, str]]:
    return [(each.name, each.value) for each in given.attribs]


@pytest.mark.parametrize(
    ("token", "known", "remark"),
    [
        ("{{my.name}}", True, None),
        ("my.name", False, "is not written as"),
        ("{{my.other}}", False, "the program has no token {{my.other}}"),
    ],
)
def test_tokens_are_those_of_the_program(
    client: Client, sandbox: Sandbox, token: str, known: bool, remark: str | None
) -> None:
    change(sandbox, programs=(Program("Launch", tokens={"{{my.name}}": "x"}),))
    calls: list[Any] = [
        RequestCampaign("MKTOWS", campaign_id=WELCOME, lead_keys=email("b@t.com"), program_tokens={token: "1"}),
        ScheduleCampaign("Launch", "Nightly", program_tokens={token: "1"}),
    ]
    for call in calls:
        assert client.call(call).success
        assert [remark in each for each in sandbox.entries()[-1].remarks if remark] == [True] * (not known)
    change(sandbox, unknown_tokens="fault")
    for call in calls:
        if known:
            assert client.call(call).success
        else:
            assert refused(client, call) == 20110


# -- the table ----------------------------------------------------------------------------------------


def test_campaigns_are_configured_dumped_and_reset(client: Client, sandbox: Sandbox, tmp_path: Path) -> None:
    client.request_campaign("MKTOWS", email("b@t.com"), campaign_id=WELCOME, program_tokens=TOKENS)
    client.schedule_campaign("Launch", "Nightly")
    change(sandbox, campaigns=(*CAMPAIGNS[:1], evolve(CAMPAIGNS[1], active=False), Campaign("New")))
    assert [each.id for each in client.get_campaigns_for_source(name="welcome").campaign_records] == [WELCOME, AGAIN]
    before, dumped = (sandbox.requested_campaigns(), sandbox.scheduled_campaigns()), sandbox.dump()
    sandbox.reset()
    assert (sandbox.requested_campaigns(), sandbox.scheduled_campaigns()) == ([], [])
    assert client.get_campaigns_for_source().return_count == 0
    sandbox.seed(dumped)
    assert (sandbox.requested_campaigns(), sandbox.scheduled_campaigns()) == before
    assert sandbox.dump() == dumped
    path = tmp_path / "sandbox.toml"
    path.write_text('[[campaigns]]\nname = "A"\nprogram = "P"\ntriggerable = true\nsources = ["SALES"]\n')
    assert Settings.load(path).campaigns == (Campaign("A", "P", triggerable=True, sources=("SALES",)),)
    path.write_text('[[campaigns]]\nname = "A"\nsources = ["X"]\n')
    with pytest.raises(ValueError, match="'X' is not one of MKTOWS, SALES"):
        Settings.load(path)


def test_a_dump_goes_back_where_its_campaigns_are_configured(sandbox: Sandbox) -> None:
    with Sandbox(settings=sandbox.settings) as other:
        other.seed(sandbox.dump())
        assert other.dump()[-1] == sandbox.dump()[-1]
        with pytest.raises(ValueError, match="entry 1, a campaign: there is a campaign 1001 already"):
            other.seed([{"kind": "campaign", "name": "Different", "id": 1001}])


def test_reads_change_nothing(client: Client, sandbox: Sandbox) -> None:
    before = sandbox.dump()
    client.call(GetCampaignsForSource("MKTOWS"))
    assert sandbox.dump() == before
