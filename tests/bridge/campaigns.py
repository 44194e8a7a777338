"""Campaigns over SOAP and, through the bridge, over REST: what each answers and keeps, and where REST differs.

A gap says what SOAP's outcome becomes over REST. It is met only if it changes something, and what is left must be equal.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeAlias

from attrs import asdict, define, evolve, field, frozen
from hypothesis import strategies as st

from marketo_soap import (
    Fault,
    GetCampaignsForSource,
    LeadKey,
    LeadKeyRef,
    OperationFailed,
    RequestCampaign,
    Sandbox,
    ScheduleCampaign,
)
from marketo_soap.sandbox.assets import Campaign
from tests.bridge.gap import Gaps
from tests.bridge.two_roads import Roads, dumped_leads
from tests.support import Either

CAMPAIGNS = (
    Campaign("Welcome", "Launch", triggerable=True, description="by mail"),
    Campaign("Welcome", triggerable=True),
    Campaign("Nightly", "Launch"),
    Campaign("Asleep", "Launch", triggerable=True, active=False),
    Campaign("Call", "Launch", triggerable=True, sources=("SALES",)),
)
WELCOME, PLAIN, NIGHTLY, ASLEEP, CALL, UNKNOWN = 1001, 1002, 1003, 1004, 1005, 7
CLONES = 20
TOO_LATE = 60 * 24 * 365 * 2 + 9  # minutes

Call: TypeAlias = GetCampaignsForSource | RequestCampaign | ScheduleCampaign


def prepare(roads: Roads) -> None:
    for sandbox in (roads.soap, roads.rest):
        sandbox.configure(evolve(sandbox.settings, campaigns=CAMPAIGNS))


TOKENS = st.none() | st.dictionaries(
    st.sampled_from(["{{my.a}}", "{{my.a}}", "{{my.other token}}"]), st.sampled_from(["", "& <é>"])
)
NAMES = st.sampled_from([each.name for each in CAMPAIGNS] + ["Nothing", " Welcome "])
PROGRAMS = st.sampled_from(["Launch", "Launch", "Nothing"])
KEYS = st.one_of(
    st.tuples(
        st.just(LeadKeyRef.IDNUM), st.integers(1_000_000, 1_000_005).map(str) | st.sampled_from(["x", "01000002"])
    ),
    st.tuples(st.just(LeadKeyRef.EMAIL), st.sampled_from(["a@x.com", "A@X.com", " b@x.com ", "c@x.com", "no@x.com"])),
    st.tuples(st.sampled_from([LeadKeyRef.LEADOWNEREMAIL, LeadKeyRef.SFDCLEADID]), st.just("7")),
).map(lambda pair: LeadKey(*pair))


@st.composite
def calls(draw: st.DrawFn, now: datetime) -> Call:
    source = draw(st.sampled_from(["MKTOWS"] * 5 + ["SALES"]))
    kind = draw(st.integers(0, 4))
    if kind == 0:
        name = draw(st.sampled_from([None, "", "welcome", "Launch.Welcome", "Nothing", "al"]))
        return GetCampaignsForSource(source, name, draw(st.none() | st.booleans()))
    if kind == 1:
        minutes = draw(st.none() | st.sampled_from([-60, 2, 60, TOO_LATE]))
        clones = [None, "Launch"] + ["Clone", "Clone", "Clone 2"] * (
            minutes != TOO_LATE
        )  # REST refuses it, and no clone
        return ScheduleCampaign(
            draw(PROGRAMS),
            draw(NAMES),
            campaign_run_at=None if minutes is None else now + timedelta(minutes=minutes),
            clone_to_program_name=draw(st.sampled_from(clones)),
            program_tokens=draw(TOKENS),
        )
    keys = tuple(draw(st.lists(KEYS, min_size=1, max_size=3)))
    if kind == 2:
        return RequestCampaign(
            source,
            lead_keys=keys,
            program_name=draw(PROGRAMS),
            campaign_name=draw(NAMES),
            program_tokens=draw(TOKENS) or {},
        )
    number = draw(st.sampled_from([WELCOME, PLAIN, WELCOME, PLAIN, NIGHTLY, ASLEEP, CALL, UNKNOWN]))
    return RequestCampaign(source, lead_keys=keys, campaign_id=number, program_tokens=draw(TOKENS))


@define
class Outcome:
    """The code of a fault or the result, and the requests, runs and activities that were kept."""

    fault: int | None = None
    result: Any = None
    kept: list[dict[str, Any]] = field(factory=list)
    logged: list[tuple[int, str]] = field(factory=list)

    def refuse(self, code: int) -> None:
        self.fault, self.result, self.kept, self.logged = code, None, [], []


def kept(sandbox: Sandbox) -> list[dict[str, Any]]:
    rows = [asdict(each) for each in sandbox.requested_campaigns()]
    rows += [asdict(each) for each in sandbox.scheduled_campaigns()]
    for row in rows:
        if "lead_ids" in row:
            row["lead_ids"] = sorted(row["lead_ids"])
    return rows


def logged(sandbox: Sandbox) -> list[tuple[int, str]]:
    with sandbox.store.reading() as leads:
        return sorted((each.lead_id, each.asset) for each in leads.activities.find(type="Request Campaign"))


def made(client: Either, sandbox: Sandbox, call: Call) -> Outcome:
    before, log, outcome = kept(sandbox), logged(sandbox), Outcome()
    operation: Any = call
    try:
        outcome.result = client.call(operation)
    except OperationFailed as error:
        outcome.result = error.result
    except Fault as error:
        outcome.fault = error.code
    known = [(row.get("run_at"), row["id"]) for row in before]
    outcome.kept = [row for row in kept(sandbox) if (row.get("run_at"), row["id"]) not in known]
    for row in outcome.kept:
        del row["id"]
    outcome.logged = logged(sandbox)
    for each in log:
        outcome.logged.remove(each)
    return outcome


@frozen
class Case:
    """A call on both roads, and what REST knows of the leads before it."""

    call: Call
    roads: Roads

    def unknown(self, *, by_id: bool) -> list[LeadKey]:
        """The keys that name no lead over REST, ids among them or not."""
        assert isinstance(self.call, RequestCampaign)
        seen = {
            lead["id"]: lead["email"]
            for lead in dumped_leads(self.roads.rest)
            if (not lead["anonymous"] or self.roads.pair.sandbox.rest_shows_anonymous)
        }
        emails = {(email or "").lower() for email in seen.values()}
        return [
            key
            for key in self.call.lead_keys
            if not (
                (
                    key.key_type == LeadKeyRef.IDNUM
                    and (key.key_value.isdecimal() and (not by_id or int(key.key_value) in seen))
                )
                or (key.key_type == LeadKeyRef.EMAIL and key.key_value.strip().lower() in emails)
            )
        ]

    @property
    def skips(self) -> bool:
        return self.roads.pair.bridge.unknown_campaign_leads == "skip"

    @property
    def strict(self) -> bool:
        tokens = (
            isinstance(self.call, RequestCampaign) and self.call.campaign_id is not None and self.call.program_tokens
        )
        return bool(tokens) and self.roads.pair.bridge.campaign_id_with_tokens == "fault"


gap: Gaps[Case, Outcome] = Gaps()


def compare(roads: Roads, call: Call) -> list[str]:
    """Make the call on both roads and compare the outcomes; return the gaps that it fell into."""
    roads.pass_time()
    case = Case(call, roads)
    by_soap, by_rest = made(roads.by_soap, roads.soap, call), made(roads.by_rest, roads.rest, call)
    met = gap.apply(case, by_soap)
    names = [each.name for each in met]
    assert by_rest == by_soap, f"{call}: {by_rest} by REST, {by_soap} by SOAP and {names}"
    return names


@gap("4.1 rows 7 and 8", "REST has no campaigns of Sales Insight")
def sales(case: Case, outcome: Outcome) -> None:
    if getattr(case.call, "source", None) == "SALES":
        outcome.refuse(20019)


@gap(
    "3, table of lead keys",
    "REST has no filter by the owner's address, and looks for leads before it names a campaign's id",
)
def owner_email(case: Case, outcome: Outcome) -> None:
    call = case.call
    if not isinstance(call, RequestCampaign) or outcome.fault == 20019 or case.strict:
        return
    named = call.campaign_id is not None or outcome.fault != 20113
    if named and any(key.key_type == LeadKeyRef.LEADOWNEREMAIL for key in call.lead_keys):
        outcome.refuse(20102)


@gap("4.1 row 8", "leads are looked for before a campaign's id is used: of two that are unknown the lead is named")
def leads_first(case: Case, outcome: Outcome) -> None:
    call = case.call
    if not isinstance(call, RequestCampaign) or case.strict or outcome.fault not in (20110, 20113):
        return
    if outcome.fault == 20113 and call.campaign_id is None:
        return
    unknown = case.unknown(by_id=case.skips)
    if unknown and not case.skips:
        outcome.refuse(20103)
    elif case.skips and len(unknown) == len(call.lead_keys):
        outcome.fault, outcome.result = None, RequestCampaign.result_type(False)


@gap("4.1 row 1", "REST does not see anonymous leads, unless the settings say so")
def anonymous_leads(case: Case, outcome: Outcome) -> None:
    if not outcome.logged or not isinstance(case.call, RequestCampaign):
        return
    hidden = {lead["id"] for lead in dumped_leads(case.roads.rest) if lead["anonymous"]}
    if case.roads.pair.sandbox.rest_shows_anonymous or not hidden & {lead for lead, _ in outcome.logged}:
        return
    assert not case.skips
    outcome.refuse(20103)


@gap("4.1 row 9", "REST runs a campaign in 5 minutes at the soonest")
def five_minutes(case: Case, outcome: Outcome) -> None:
    soonest = case.roads.now() + timedelta(minutes=5)
    for row in outcome.kept:
        if "run_at" in row:
            row["run_at"] = max(datetime.fromisoformat(row["run_at"]), soonest).isoformat()


@gap("4.1 row 9", "REST schedules a run at most 2 years ahead (1042)")
def two_years(case: Case, outcome: Outcome) -> None:
    for row in outcome.kept:
        if "run_at" in row and datetime.fromisoformat(row["run_at"]) - case.roads.now() > timedelta(days=730):
            outcome.refuse(20110)
            return


@gap("4.1 row 9", "REST clones a program 20 times a day, SOAP 10 times")
def more_clones(case: Case, outcome: Outcome) -> None:
    call = case.call
    if not isinstance(call, ScheduleCampaign) or outcome.fault != 20015:
        return
    runs = [run for run in case.roads.rest.scheduled_campaigns() if run.clone_to_program]
    if len(runs) > CLONES:
        return
    outcome.fault, outcome.result = None, ScheduleCampaign.result_type(True)
    last = asdict(runs[-1])
    del last["id"]
    outcome.kept = [last]
