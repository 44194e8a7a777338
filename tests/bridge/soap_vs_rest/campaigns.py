"""getCampaignsForSource, requestCampaign and scheduleCampaign over SOAP and over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeAlias

from attrs import asdict, define, evolve, field
from hypothesis import strategies as st

from marketo_soap import GetCampaignsForSource, LeadKey, LeadKeyRef, RequestCampaign, Sandbox, ScheduleCampaign
from marketo_soap.sandbox.assets import Campaign
from tests.bridge.soap_vs_rest.differences import Answer, Case, Change, Differences, ask, assert_same
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair, stored_leads
from tests.support import Either

Operation: TypeAlias = GetCampaignsForSource | RequestCampaign | ScheduleCampaign

CAMPAIGNS = (
    Campaign("Welcome", "Launch", triggerable=True, description="by mail"),
    Campaign("Welcome", triggerable=True),
    Campaign("Nightly", "Launch"),
    Campaign("Asleep", "Launch", triggerable=True, active=False),
    Campaign("Call", "Launch", triggerable=True, sources=("SALES",)),
)
WELCOME, PLAIN, NIGHTLY, ASLEEP, CALL, UNKNOWN = 1001, 1002, 1003, 1004, 1005, 7
CLONES_A_DAY = 20
_TOO_LATE = 60 * 24 * 365 * 2 + 9  # minutes


def prepare(pair: SandboxPair) -> None:
    """Add campaigns."""
    for sandbox in pair.sandboxes:
        sandbox.configure(evolve(sandbox.settings, campaigns=CAMPAIGNS))


# -- generated calls ----------------------------------------------------------------------------------

_TOKENS = st.none() | st.dictionaries(
    st.sampled_from(["{{my.a}}", "{{my.a}}", "{{my.other token}}"]), st.sampled_from(["", "& <é>"])
)
_NAMES = st.sampled_from([each.name for each in CAMPAIGNS] + ["Nothing", " Welcome "])
_PROGRAMS = st.sampled_from(["Launch", "Launch", "Nothing"])
_LEAD_KEYS = st.one_of(
    st.tuples(
        st.just(LeadKeyRef.IDNUM), st.integers(1_000_000, 1_000_005).map(str) | st.sampled_from(["x", "01000002"])
    ),
    st.tuples(st.just(LeadKeyRef.EMAIL), st.sampled_from(["a@x.com", "A@X.com", " b@x.com ", "c@x.com", "no@x.com"])),
    st.tuples(st.sampled_from([LeadKeyRef.LEADOWNEREMAIL, LeadKeyRef.SFDCLEADID]), st.just("7")),
).map(lambda pair: LeadKey(*pair))


@st.composite
def calls(draw: st.DrawFn, now: datetime) -> Operation:
    source = draw(st.sampled_from(["MKTOWS"] * 5 + ["SALES"]))
    kind = draw(st.integers(0, 4))
    if kind == 0:
        name = draw(st.sampled_from([None, "", "welcome", "Launch.Welcome", "Nothing", "al"]))
        return GetCampaignsForSource(source, name, draw(st.none() | st.booleans()))
    if kind == 1:
        minutes = draw(st.none() | st.sampled_from([-60, 2, 60, _TOO_LATE]))
        clones = [None, "Launch"]
        if minutes != _TOO_LATE:  # REST refuses that call, and the clone is not counted
            clones += ["Clone", "Clone", "Clone 2"]
        return ScheduleCampaign(
            draw(_PROGRAMS),
            draw(_NAMES),
            campaign_run_at=None if minutes is None else now + timedelta(minutes=minutes),
            clone_to_program_name=draw(st.sampled_from(clones)),
            program_tokens=draw(_TOKENS),
        )
    keys = tuple(draw(st.lists(_LEAD_KEYS, min_size=1, max_size=3)))
    if kind == 2:
        return RequestCampaign(
            source,
            lead_keys=keys,
            program_name=draw(_PROGRAMS),
            campaign_name=draw(_NAMES),
            program_tokens=draw(_TOKENS) or {},
        )
    number = draw(st.sampled_from([WELCOME, PLAIN, WELCOME, PLAIN, NIGHTLY, ASLEEP, CALL, UNKNOWN]))
    return RequestCampaign(source, lead_keys=keys, campaign_id=number, program_tokens=draw(_TOKENS))


# -- the comparison -----------------------------------------------------------------------------------


@define
class CampaignAnswer(Answer):
    """An answer, and what the sandbox stored: the requests and runs of campaigns, and the activities of leads."""

    stored: list[dict[str, Any]] = field(factory=list)
    activities: list[tuple[int, str]] = field(factory=list)

    def refuse(self, code: int) -> None:
        Answer.refuse(self, code)
        self.stored, self.activities = [], []


def compare(pair: SandboxPair, operation: Operation) -> list[str]:
    """Make a call over both APIs and compare the answers and what is stored. Return the differences that applied."""
    pair.advance_clock()
    case = Case(operation, pair, {lead["id"]: lead for lead in stored_leads(pair.soap)})
    soap = _ask(pair.soap_client, pair.soap, operation)
    rest = _ask(pair.rest_client, pair.rest, operation)
    return assert_same(case, soap, rest, DIFFERENCES)


def _ask(client: Either, sandbox: Sandbox, operation: Operation) -> CampaignAnswer:
    before, activities_before = _stored(sandbox), _activities(sandbox)
    answer = ask(client, operation, lambda result: [result])
    known = [(row.get("run_at"), row["id"]) for row in before]
    stored = [row for row in _stored(sandbox) if (row.get("run_at"), row["id"]) not in known]
    for row in stored:
        del row["id"]
    activities = _activities(sandbox)
    for each in activities_before:
        activities.remove(each)
    return CampaignAnswer(answer.fault, answer.pages, answer.remaining, stored, activities)


def _stored(sandbox: Sandbox) -> list[dict[str, Any]]:
    requests = [asdict(each) for each in sandbox.requested_campaigns()]
    for request in requests:
        request["lead_ids"] = sorted(request["lead_ids"])
    return requests + [asdict(each) for each in sandbox.scheduled_campaigns()]


def _activities(sandbox: Sandbox) -> list[tuple[int, str]]:
    with sandbox.store.reading() as leads:
        return sorted((each.lead_id, each.asset) for each in leads.activities.find(type="Request Campaign"))


def _skips_unknown_leads(case: Case) -> bool:
    return case.bridge.unknown_campaign_leads == "skip"


def _refuses_tokens(case: Case) -> bool:
    call = case.operation
    by_id_with_tokens = call.campaign_id is not None and call.program_tokens
    return bool(by_id_with_tokens) and case.bridge.campaign_id_with_tokens == "fault"


def _is_known(case: Case, key: LeadKey, *, look_up_ids: bool) -> bool:
    """Whether REST finds a lead by the key. The bridge takes ids as given, unless it looks them up."""
    visible = [lead_id for lead_id in case.leads if case.visible(lead_id)]
    if key.key_type == LeadKeyRef.IDNUM:
        return key.key_value.isdecimal() and (not look_up_ids or int(key.key_value) in visible)
    emails = {(case.leads[lead_id]["email"] or "").lower() for lead_id in visible}
    return key.key_type == LeadKeyRef.EMAIL and key.key_value.strip().lower() in emails


DIFFERENCES: Differences[Change[Case, CampaignAnswer]] = Differences()


@DIFFERENCES("4.1 rows 7 and 8", "REST has no campaigns of Sales Insight")
def sales_insight(case: Case, answer: CampaignAnswer) -> None:
    if getattr(case.operation, "source", None) == "SALES":
        answer.refuse(20019)


@DIFFERENCES(
    "3, table of lead keys",
    "REST cannot filter by the address of the lead owner; leads are looked up before the id of a campaign is used",
)
def owner_email(case: Case, answer: CampaignAnswer) -> None:
    call = case.operation
    if not isinstance(call, RequestCampaign) or answer.fault == 20019 or _refuses_tokens(case):
        return
    campaign_found = call.campaign_id is not None or answer.fault != 20113
    if campaign_found and any(key.key_type == LeadKeyRef.LEADOWNEREMAIL for key in call.lead_keys):
        answer.refuse(20102)


@DIFFERENCES(
    "4.1 row 8",
    "leads are looked up before the id of a campaign is used: if both are unknown, the fault is about the lead",
)
def leads_looked_up_first(case: Case, answer: CampaignAnswer) -> None:
    call = case.operation
    if not isinstance(call, RequestCampaign) or _refuses_tokens(case) or answer.fault not in (20110, 20113):
        return
    if answer.fault == 20113 and call.campaign_id is None:
        return
    skips = _skips_unknown_leads(case)
    unknown = [key for key in call.lead_keys if not _is_known(case, key, look_up_ids=skips)]
    if unknown and not skips:
        answer.refuse(20103)
    elif skips and len(unknown) == len(call.lead_keys):
        answer.replace_records([RequestCampaign.result_type(False)], 1)


@DIFFERENCES("4.1 row 1", "REST does not see anonymous leads, unless the sandbox is configured to show them")
def anonymous_leads(case: Case, answer: CampaignAnswer) -> None:
    if not isinstance(case.operation, RequestCampaign) or all(case.visible(lead) for lead, _ in answer.activities):
        return
    assert not _skips_unknown_leads(case)
    answer.refuse(20103)


@DIFFERENCES("4.1 row 9", "REST runs a campaign after 5 minutes at the earliest")
def five_minutes(case: Case, answer: CampaignAnswer) -> None:
    earliest = case.pair.now() + timedelta(minutes=5)
    for row in answer.stored:
        if "run_at" in row:
            row["run_at"] = max(datetime.fromisoformat(row["run_at"]), earliest).isoformat()


@DIFFERENCES("4.1 row 9", "REST schedules a run at most 2 years ahead (1042)")
def two_years(case: Case, answer: CampaignAnswer) -> None:
    for row in answer.stored:
        if "run_at" in row and datetime.fromisoformat(row["run_at"]) - case.pair.now() > timedelta(days=730):
            answer.refuse(20110)
            return


@DIFFERENCES("4.1 row 9", "REST clones programs 20 times a day, SOAP 10 times")
def more_clones(case: Case, answer: CampaignAnswer) -> None:
    call = case.operation
    if not isinstance(call, ScheduleCampaign) or answer.fault != 20015:
        return
    runs = [run for run in case.pair.rest.scheduled_campaigns() if run.clone_to_program]
    if len(runs) > CLONES_A_DAY:
        return
    answer.replace_records([ScheduleCampaign.result_type(True)], 1)
    last = asdict(runs[-1])
    del last["id"]
    answer.stored = [last]
