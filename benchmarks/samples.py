"""What is measured: the messages, and the values that they are made of."""

from __future__ import annotations

from pathlib import Path

from marketo_soap import envelope
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.records.lead import Attribute, LeadRecord, LeadSyncStatus, SyncStatus
from marketo_soap.signature import Credentials

FIXTURES = Path(__file__).parents[1] / "fixtures" / "sync_lead"

SEED_REQUEST = (FIXTURES / "seed.request.xml").read_bytes()
SEED_REPLY = (FIXTURES / "seed.response.xml").read_bytes()

CREDENTIALS = Credentials("user_1_0123456789ABCDEF012345", "00112233445566778899")
TIMESTAMP = "2013-07-31T12:38:47-07:00"
EMAIL = "t@t.com"
SEED_VALUES = {"FirstName": "George", "LastName": "of the Jungle"}


def values(count: int) -> dict[str, str]:
    """Return *count* attributes, as names and texts."""
    return {f"Field{number}": f"value {number}" for number in range(count)}


def operation(attributes: dict[str, str]) -> SyncLead:
    """Return the call that the seed's request is, with these attributes."""
    return SyncLead(LeadRecord(email=EMAIL, attributes=attributes))


def reply(count: int) -> bytes:
    """Return a reply that holds a lead with *count* attributes."""
    lead = LeadRecord(
        id=1089965,
        email=EMAIL,
        attributes=[Attribute(name, value, "string") for name, value in values(count).items()],
    )
    status = SyncStatus(1089965, LeadSyncStatus.UPDATED)
    return envelope.write_reply(SyncLead, SyncLeadResult(1089965, status, lead))
