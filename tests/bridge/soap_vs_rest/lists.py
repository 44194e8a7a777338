"""syncMultipleLeads and listOperation over SOAP and over REST. No differences are expected."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from hypothesis import strategies as st

from marketo_soap import LeadKey, LeadRecord, ListKey, ListOperation, ListOperationType, SyncMultipleLeads
from tests.bridge.soap_vs_rest.differences import ask_both
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair

Operation: TypeAlias = ListOperation | SyncMultipleLeads

_EMAILS = ["a@y.com", "b@y.com", "C@y.com", "c@y.com", "n@y.com"]
_FOREIGN_IDS = ["L1", "L2", " L2 ", "l1"]


def prepare(pair: SandboxPair) -> None:
    """Add lists, and leads whose addresses no other lead has."""
    for email in ("a@y.com", "b@y.com", "c@y.com"):
        pair.seed({"email": email, "lists": ["News"] if email == "a@y.com" else ["Launch.Inside"]})


@st.composite
def calls(draw: st.DrawFn, _: datetime) -> Operation:
    """A call of listOperation or syncMultipleLeads. The leads of a call have keys of one type.

    With keys of several types, REST creates the leads in another order.
    """
    if draw(st.booleans()):
        foreign = draw(st.sampled_from([None, "CUSTOM", "SFDC"]))
        email_too = st.sampled_from([None, *_EMAILS]) if foreign == "CUSTOM" else st.none()
        keys = draw(st.lists(st.sampled_from(_FOREIGN_IDS if foreign else _EMAILS), min_size=1, max_size=4))
        records = [
            LeadRecord(
                email=draw(email_too) if foreign else key,
                foreign_sys_person_id=key if foreign else None,
                foreign_sys_type=foreign,
                attributes={"FirstName": draw(st.sampled_from(["Ann", "Bob"]))},
            )
            for key in keys
        ]
        return SyncMultipleLeads(records, dedup_enabled=draw(st.sampled_from([None, True])))
    members = draw(st.lists(st.sampled_from([*_EMAILS, "none@y.com"]), min_size=1, max_size=4))
    return ListOperation(
        draw(st.sampled_from(ListOperationType)),
        ListKey("MKTOLISTNAME", draw(st.sampled_from(["News", "News", "Launch.Inside", "Nope"]))),
        [LeadKey("EMAIL", email) for email in members],
        strict=draw(st.sampled_from([None, True])),
    )


def compare(pair: SandboxPair, operation: Operation) -> list[str]:
    """Make a call over both APIs and compare the answers, and the leads with their lists."""

    def records_of(result: Any) -> list[Any]:
        if isinstance(operation, ListOperation):
            return [result]
        # 2.2: the text of an error begins with its code; over REST it contains the REST code, too
        return [(each.lead_id, each.status, (each.error or "")[:5]) for each in result.sync_statuses]

    soap, rest = ask_both(pair, operation, records_of)
    assert rest == soap, f"{operation}: {rest} over REST, {soap} over SOAP"
    assert pair.rest_leads() == pair.soap_leads()
    return []
