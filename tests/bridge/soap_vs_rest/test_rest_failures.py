"""REST fails during a syncLead: the caller gets a true answer, and nothing that was acknowledged is lost or repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from marketo_soap.sandbox.journal import Entry
from tests.bridge.soap_vs_rest.sandboxes import SEEDS, Leads, SandboxPair
from tests.bridge.soap_vs_rest.sync_lead import Comparison, calls
from tests.bridge.soap_vs_rest.sync_lead_scenario import SyncLeadAnswer, SyncLeadCall

TOKEN_EXPIRES: Mapping[str, Any] = {}
"""Stands for a time that is longer than the life of the token."""

FAILURES: list[Mapping[str, Any]] = [
    {"rest": "602"},
    {"rest": "606"},
    {"rest": "608"},
    {"rest": "611"},
    {"rest": "615"},
    {"close": "before"},
    {"close": "after"},
    {"truncate": 10},
    {"html": True},
]
OPERATIONS = [
    *(None, None, None),
    *("identity", "describeLead", "getLeadPartitions"),
    *("syncLeads", "syncLeads", "associateLead", "getLeadsByFilter", "getLeadById"),
]
FAULT_RULES = st.lists(
    st.just(TOKEN_EXPIRES)
    | st.builds(
        lambda failure, operation, times: {**failure, "operation": operation, "times": times},
        st.sampled_from(FAILURES),
        st.sampled_from(OPERATIONS),
        st.sampled_from([1, 1, 2, 9]),
    ),
    max_size=2,
)


def may_have_written(entry: Entry) -> bool:
    """Whether a client cannot know, from the reply of REST or its absence, that nothing was written."""
    if entry.operation not in ("syncLeads", "associateLead"):
        return False
    written = entry.verdict in ("CREATED", "UPDATED", "OK")
    lost = any("close=" in remark or "truncate=" in remark for remark in entry.remarks)
    return written or lost or entry.verdict == "611" or not entry.status or entry.status >= 500


def without_cookies(leads: Leads) -> Leads:
    return {lead_id: {**lead, "cookies": []} for lead_id, lead in leads.items()}


def check_call(pair: SandboxPair, call: SyncLeadCall, rules: Sequence[Mapping[str, Any]]) -> None:
    """Make a call while REST fails. Check the answer, then make the leads of both sandboxes the same again."""
    for rule in rules:
        if rule is TOKEN_EXPIRES:
            pair.advance_clock(3_700)
        else:
            pair.rest.fail(**rule)
    pair.rest.journal.clear()
    before = pair.rest_leads()
    comparison = Comparison.of(pair, call)
    pair.rest.script.clear()
    entries = pair.rest.entries()
    if not any("a fault rule applied" in remark for entry in entries for remark in entry.remarks):
        comparison.check()
        return
    answer, (expected, leads) = comparison.rest_answer, comparison.expected()
    if answer.fault is None:  # it was carried out, or the bridge refused it
        not_read_again = SyncLeadAnswer(expected.status, expected.lead_id)
        assert answer == expected or (expected.lead is not None and answer == not_read_again)
        assert comparison.rest_leads == leads
    else:
        assert answer.fate_unknown == any(map(may_have_written, entries)), f"{answer}: {entries}"
        if comparison.rest_leads == before:
            pair.soap.restore(comparison.soap_before)
            return
        assert answer.fate_unknown
        if comparison.rest_leads != leads:  # the lead was written, and the cookie was not associated
            assert call.cookie is not None
            assert without_cookies(comparison.rest_leads) == without_cookies(leads)
            (owner,) = [lead_id for lead_id in leads if call.cookie.strip() in leads[lead_id]["cookies"]]
            with pair.rest.store.transaction() as rest_leads:
                rest_leads.tie_cookie(call.cookie, owner)
    pair.remove_from_rest(comparison.scenario.retained_foreign_ids)


@settings(max_examples=30, database=None)
@given(
    configuration=st.sampled_from(["default", "workspaces", "strict"]),
    seeds=st.integers(0, len(SEEDS)),
    course=st.lists(st.tuples(calls() | calls(valid=True), FAULT_RULES), min_size=4, max_size=20),
)
def test_answers_are_true(
    configuration: str, seeds: int, course: list[tuple[SyncLeadCall, list[Mapping[str, Any]]]]
) -> None:
    with SandboxPair(configuration, seeds=SEEDS[:seeds]) as pair:
        for call, rules in course:
            check_call(pair, call, rules)


def test_a_refusal_after_a_lost_reply_leaves_the_outcome_unknown() -> None:
    with SandboxPair() as pair:
        pair.rest.fail(close="after", operation="syncLeads")
        answer = SyncLeadCall(id=1_000_001).send(pair.rest_client)
        assert answer == SyncLeadAnswer(fault=20103, fate_unknown=True)
