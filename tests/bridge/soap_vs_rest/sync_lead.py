"""syncLead over SOAP and over REST."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, field, frozen
from hypothesis import strategies as st

from marketo_soap.sandbox.store.database import Snapshot
from marketo_soap.sandbox.store.leads import Leads as LeadTable
from tests.bridge.soap_vs_rest.field_values import (
    FIELD_VALUES,
    READ_ONLY,
    REST_ONLY_VALUES,
    SPELLINGS,
    UNKNOWN_NAMES,
)
from tests.bridge.soap_vs_rest.sandboxes import COOKIES, Leads, SandboxPair, lead_values
from tests.bridge.soap_vs_rest.strategies import EMAILS, INVALID_COOKIE, VALID_EMAILS
from tests.bridge.soap_vs_rest.sync_lead_differences import apply_differences
from tests.bridge.soap_vs_rest.sync_lead_scenario import LeadsBefore, Scenario, SyncLeadAnswer, SyncLeadCall

# -- generated calls ----------------------------------------------------------------------------------

_WORKSPACES = st.sampled_from(["Default", "default", "Europe", " europe ", "Asia", "Mars"])
_USUAL_ATTRIBUTES = st.one_of(
    *[st.tuples(st.just(name), st.sampled_from(["", *texts])) for name, texts in FIELD_VALUES.items()],
    st.tuples(st.sampled_from(["Email", "email"]), EMAILS | st.sampled_from(["", " "])),
    st.tuples(st.just("Country"), st.just("DE")),
)
_OTHER_SPELLINGS = st.sampled_from([name for name in SPELLINGS if SPELLINGS[name] in FIELD_VALUES]).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(["", *FIELD_VALUES[SPELLINGS[name]]]))
)
_RARE_ATTRIBUTES = st.one_of(
    _OTHER_SPELLINGS,
    st.tuples(st.sampled_from(["Id", "id"]), st.sampled_from(["", "1000001", "many"])),
    st.tuples(st.sampled_from([*READ_ONLY, *UNKNOWN_NAMES, "leadPartitionId"]), st.sampled_from(["", "1"])),
    *[st.tuples(st.just(name), st.sampled_from(["", *texts])) for name, texts in REST_ONLY_VALUES.items()],
)
_ATTRIBUTES = st.lists(
    st.integers(0, 7).flatmap(lambda number: _USUAL_ATTRIBUTES if number else _RARE_ATTRIBUTES), max_size=4
).map(tuple)
_FOREIGN_IDS = st.tuples(st.sampled_from(["CUSTOM", "SFDC", "NETSUITE"]), st.sampled_from(["7", "8", " 9 ", "E7"]))
_RARELY = st.sampled_from([False, False, False, True])


@st.composite
def calls(draw: st.DrawFn, *, valid: bool = False) -> SyncLeadCall:
    """A call. If it is *valid*, it can be refused only because of the leads that it finds."""
    keys = draw(st.sets(st.sampled_from(["id", "email", "foreign", "cookie"]), min_size=1 if valid else 0))
    system, person_id = draw(_FOREIGN_IDS) if "foreign" in keys else (None, None)
    attributes = (("FirstName", "George"),) if valid else draw(_ATTRIBUTES)
    if not keys:
        attributes += (("Email", draw(EMAILS)),)
    return SyncLeadCall(
        id=draw(st.integers(1_000_001, 1_000_007)) if "id" in keys else None,
        email=draw(VALID_EMAILS if valid else EMAILS) if "email" in keys else None,
        system=system,
        person_id=person_id,
        cookie=draw(st.sampled_from(COOKIES if valid else [*COOKIES, INVALID_COOKIE])) if "cookie" in keys else None,
        attributes=attributes,
        workspace=draw(_WORKSPACES) if draw(_RARELY) and not valid else None,
        return_lead=draw(st.booleans()),
    )


# -- the comparison -----------------------------------------------------------------------------------


@frozen
class Comparison:
    """A call that was made over both APIs: the answers, and the leads of the two sandboxes after it."""

    pair: SandboxPair
    scenario: Scenario
    soap_answer: SyncLeadAnswer
    rest_answer: SyncLeadAnswer
    soap_leads: Leads
    rest_leads: Leads
    soap_before: Snapshot = field(repr=False)

    @classmethod
    def of(cls, pair: SandboxPair, call: SyncLeadCall) -> Comparison:
        """Make a call over both APIs. If a difference applies, it is undone on the sandbox for SOAP."""
        pair.advance_clock()
        snapshot = pair.soap.snapshot()
        scenario = Scenario(call, pair.configuration, LeadsBefore(pair.soap_leads()))
        soap_answer, soap_leads = call.send(pair.soap_client), pair.soap_leads()
        rest_answer, rest_leads = call.send(pair.rest_client), pair.rest_leads()
        apply_differences(scenario, soap_answer)
        if scenario.applied:
            pair.soap.restore(snapshot)
        return cls(pair, scenario, soap_answer, rest_answer, soap_leads, rest_leads, snapshot)

    def check(self) -> list[str]:
        """Assert that REST did what is expected. Return the names of the differences that applied."""
        applied = self.scenario.applied
        same = (self.rest_answer, self.rest_leads) == (self.soap_answer, self.soap_leads)
        answer, leads = self.expected()
        assert self.rest_answer == answer, f"{self.rest_answer} over REST, but {answer} expected, with {applied}"
        assert self.rest_leads == leads, f"{self.rest_leads} over REST, but {leads} expected, with {applied}"
        assert not (applied and same) or answer.fault is not None, f"{applied} apply, but SOAP and REST do the same"
        self.pair.remove_from_rest(self.scenario.retained_foreign_ids)
        return [] if same else applied

    def expected(self) -> tuple[SyncLeadAnswer, Leads]:
        """REST's answer and its leads, as the differences say. SOAP has the same leads afterwards.

        Only foreign ids that leads keep over REST are not in SOAP's leads.
        """
        if not self.scenario.applied:
            return self.soap_answer, self.soap_leads
        return _carry_out(self.scenario, self.pair)


def _carry_out(scenario: Scenario, pair: SandboxPair) -> tuple[SyncLeadAnswer, Leads]:
    """Make SOAP do what REST does."""
    before, cookie = pair.soap.snapshot(), scenario.call.cookie
    answer = scenario.refusal
    if answer is None:
        settings = pair.soap.settings
        pair.soap.configure(scenario.soap_settings or settings)
        if scenario.cookie_removed_before:
            _remove_cookie(pair, cookie)
        answer = scenario.call.send(pair.soap_client)
        pair.soap.configure(settings)
    if answer.fault is not None or answer.missing_setting is not None:
        pair.soap.restore(before)
        scenario.retained_foreign_ids.clear()
        return answer, pair.soap_leads()
    assert answer.lead_id is not None
    if scenario.lead_changes:
        with pair.soap.store.transaction() as leads:
            _change_lead(leads, answer.lead_id, scenario.lead_changes)
    if scenario.cookie_removed_after:
        _remove_cookie(pair, cookie)
    if answer.lead is not None:
        lead = next(lead_values(lead) for lead in pair.soap.leads() if lead.id == answer.lead_id)
        for change in scenario.attribute_changes:
            lead["attributes"] = change(lead["attributes"])
        answer = evolve(answer, lead=lead)
    state = pair.soap_leads()
    for lead_id, foreign_ids in scenario.retained_foreign_ids.items():
        state[lead_id]["foreign"] |= foreign_ids
    return scenario.late_fault or answer, state


def _change_lead(leads: LeadTable, lead_id: int, values: dict[str, object]) -> None:
    lead = leads.by_id(lead_id)
    assert lead is not None
    for name, value in values.items():
        setattr(lead, name, value)
    leads.update(lead, datetime.fromisoformat(lead.updated_at))


def _remove_cookie(pair: SandboxPair, cookie: str | None) -> None:
    with pair.soap.store.transaction() as leads:
        leads._connection.execute("DELETE FROM cookie WHERE value = ?", (cookie,))
