"""Random calls do the same over REST as over SOAP, with the documented differences."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.bridge.soap_vs_rest import sync_lead
from tests.bridge.soap_vs_rest.groups import GROUPS, Group
from tests.bridge.soap_vs_rest.sandboxes import CONFIGURATIONS, SEEDS, SandboxPair
from tests.bridge.soap_vs_rest.sync_lead_scenario import SyncLeadCall


class RandomCalls(RuleBasedStateMachine):
    """Calls of all operations, one after the other. About half of them are syncLead."""

    @initialize(configuration=st.sampled_from([*CONFIGURATIONS]), seeds=st.integers(0, len(SEEDS)))
    def begin(self, configuration: str, seeds: int) -> None:
        self.pair = SandboxPair(configuration, seeds=SEEDS[:seeds])
        for group in GROUPS:
            group.prepare(self.pair)

    @rule(call=sync_lead.calls())
    def sync_lead(self, call: SyncLeadCall) -> None:
        sync_lead.Comparison.of(self.pair, call).check()

    @rule(data=st.data(), group=st.sampled_from(GROUPS))
    def other_operation(self, data: st.DataObject, group: Group) -> None:
        group.compare(self.pair, data.draw(group.calls(self.pair.now())))

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            self.pair.close()


def test_all_operations() -> None:
    run_state_machine_as_test(RandomCalls, settings=settings(max_examples=15, stateful_step_count=20, database=None))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@settings(max_examples=30, database=None)
@given(data=st.data(), configuration=st.sampled_from([*CONFIGURATIONS]))
def test_one_group(group: Group, data: st.DataObject, configuration: str) -> None:
    with SandboxPair(configuration, seeds=SEEDS) as pair:
        group.prepare(pair)
        for _ in range(data.draw(st.integers(1, 6))):
            group.compare(pair, data.draw(group.calls(pair.now())))
