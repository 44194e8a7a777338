"""Trouble on REST's road: what a call ends in is true, nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from marketo_soap.sandbox.journal import Entry
from tests.bridge.compared import Step
from tests.bridge.drawn import SEEDS, calls
from tests.bridge.two_roads import PAIRS, Call, Roads, State

EXPIRY: Mapping[str, Any] = {}
"""Stands for time that passes until the token has expired."""

KINDS: list[Mapping[str, Any]] = [
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
TROUBLES = st.lists(
    st.just(EXPIRY)
    | st.builds(
        lambda kind, operation, times: {**kind, "operation": operation, "times": times},
        st.sampled_from(KINDS),
        st.sampled_from(OPERATIONS),
        st.sampled_from([1, 1, 2, 9]),
    ),
    max_size=2,
)
ENDED: Counter[str] = Counter()


def may_have_been_done(entry: Entry) -> bool:
    """Whether somebody who sees the answer to a write, or its absence, cannot know that nothing was done."""
    if entry.operation not in ("syncLeads", "associateLead"):
        return False
    done = entry.verdict in ("CREATED", "UPDATED", "OK")
    lost = any("close=" in remark or "truncate=" in remark for remark in entry.remarks)
    return done or lost or entry.verdict == "611" or not entry.status or entry.status >= 500


def without_cookies(state: State) -> State:
    return {lead_id: {**lead, "cookies": []} for lead_id, lead in state.items()}


def troubled(roads: Roads, call: Call, troubles: Sequence[Mapping[str, Any]]) -> str:
    """Make a call in trouble, see that it ends in the truth, and make both roads' leads the same again."""
    for trouble in troubles:
        if trouble:
            roads.rest.fail(**trouble)
        else:
            roads.pass_time(3_700)
    roads.rest.journal.clear()
    before = roads.rest_state()
    step = Step.of(roads, call)
    roads.rest.script.clear()
    entries = roads.rest.entries()
    if not any("a fault rule applied" in remark for entry in entries for remark in entry.remarks):
        step.compare()
        return "undisturbed"
    said, leads = step.expected()
    if isinstance(step.said[0], str):  # done, or the bridge's own refusal
        unread = len(said) == 3 and step.said[2] is None
        assert step.said in (said, (*said[:2], None) if unread else said)
        assert step.by_rest == leads
        ended = "done, not returned" if step.said != said else "done"
    else:
        fate_unknown = step.said[1]
        assert fate_unknown == any(map(may_have_been_done, entries)), f"{step.said}: {entries}"
        ended = "fate unknown" if fate_unknown else "not done"
        if step.by_rest == before:
            roads.soap.restore(step.snapshot)
            return ended
        assert fate_unknown
        if step.by_rest != leads:  # done but for the cookie
            assert call.cookie is not None
            assert without_cookies(step.by_rest) == without_cookies(leads)
            (owner,) = [lead_id for lead_id in leads if call.cookie.strip() in leads[lead_id]["cookies"]]
            with roads.rest.store.transaction() as kept:
                kept.tie_cookie(call.cookie, owner)
            ended = "done but for the cookie"
    roads.settle(step.play.kept)
    return ended


@settings(max_examples=30, database=None)
@given(
    pair=st.sampled_from(["usual", "spaces", "strict"]),
    seeds=st.integers(0, len(SEEDS)),
    course=st.lists(st.tuples(calls() | calls(plain=True), TROUBLES), min_size=4, max_size=20),
)
def test_whatever_happens_a_caller_is_told_the_truth(
    pair: str, seeds: int, course: list[tuple[Call, list[Mapping[str, Any]]]]
) -> None:
    with closing(Roads(PAIRS[pair])) as roads:
        for seed in SEEDS[:seeds]:
            roads.seed(seed)
        for call, troubles in course:
            ENDED[troubled(roads, call, troubles)] += 1


def test_a_refusal_after_an_answer_that_was_lost_is_in_doubt() -> None:
    with closing(Roads(PAIRS["usual"])) as roads:
        roads.rest.fail(close="after", operation="syncLeads")
        assert Call(id=1_000_001).send(roads.by_rest) == (20103, True)
