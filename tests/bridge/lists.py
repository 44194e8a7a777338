"""syncMultipleLeads and listOperation over SOAP and, through the bridge, over REST."""

from __future__ import annotations

from typing import Any, TypeAlias

from hypothesis import strategies as st

from marketo_soap import (
    Fault,
    LeadKey,
    LeadRecord,
    ListKey,
    ListOperation,
    ListOperationType,
    SyncMultipleLeads,
)
from tests.bridge.two_roads import Roads
from tests.support import Either

Operation: TypeAlias = ListOperation | SyncMultipleLeads
EMAILS = ["a@y.com", "b@y.com", "C@y.com", "c@y.com", "n@y.com"]
FOREIGN_IDS = ["L1", "L2", " L2 ", "l1"]
FIRST_NAMES = st.sampled_from(["Ann", "Bob"])


def prepare(roads: Roads) -> None:
    """Give both the same lists, and leads whose addresses nobody shares."""
    for email in ("a@y.com", "b@y.com", "c@y.com"):
        roads.seed({"email": email, "lists": ["News"] if email == "a@y.com" else ["Launch.Inside"]})


@st.composite
def calls(draw: st.DrawFn) -> Operation:
    """A listOperation, or a syncMultipleLeads: all of its leads by Email, or all by ids of one foreign system.

    With several kinds of keys, REST makes new leads in another order.
    """
    if draw(st.booleans()):
        foreign = draw(st.sampled_from([None, "CUSTOM", "SFDC"]))
        beside = st.sampled_from([None, *EMAILS]) if foreign == "CUSTOM" else st.none()
        keys = draw(st.lists(st.sampled_from(FOREIGN_IDS if foreign else EMAILS), min_size=1, max_size=4))
        records = [
            LeadRecord(
                email=draw(beside) if foreign else key,
                foreign_sys_person_id=key if foreign else None,
                foreign_sys_type=foreign,
                attributes={"FirstName": draw(FIRST_NAMES)},
            )
            for key in keys
        ]
        return SyncMultipleLeads(records, dedup_enabled=draw(st.sampled_from([None, True])))
    members = draw(st.lists(st.sampled_from([*EMAILS, "none@y.com"]), min_size=1, max_size=4))
    return ListOperation(
        draw(st.sampled_from(ListOperationType)),
        ListKey("MKTOLISTNAME", draw(st.sampled_from(["News", "News", "Launch.Inside", "Nope"]))),
        [LeadKey("EMAIL", email) for email in members],
        strict=draw(st.sampled_from([None, True])),
    )


def said(client: Either, operation: Any) -> Any:
    try:
        return client.call(operation)
    except Fault as error:
        return error.code


def compare(roads: Roads, operation: Operation) -> list[str]:
    """Make the call on both roads; the answers, the leads and their lists must be the same."""
    by_soap, by_rest = said(roads.by_soap, operation), said(roads.by_rest, operation)
    if by_soap != by_rest and isinstance(operation, SyncMultipleLeads):
        # 2.2: the text of a lead that failed names REST's code too
        by_soap, by_rest = (
            [(each.lead_id, each.status, (each.error or "")[:5]) for each in result.sync_statuses]
            for result in (by_soap, by_rest)
        )
    assert by_rest == by_soap, f"{operation}: {by_rest} by REST, {by_soap} by SOAP"
    return []
