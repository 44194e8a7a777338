"""The program under test: it subscribes people to a newsletter."""

from __future__ import annotations

from marketo_soap import Client, LeadKey, LeadRecord, ListOperationType


def save(client: Client, email: str, first_name: str) -> int:
    """Create the lead, or update the one that has the address. Return its id."""
    lead = LeadRecord(email=email, attributes={"FirstName": first_name, "LeadSource": "website"})
    return client.sync_lead(lead).lead_id


def subscribe(client: Client, email: str, first_name: str) -> None:
    """Save the lead and add it to the list `Newsletter`."""
    lead_id = save(client, email, first_name)
    client.list_operation(ListOperationType.ADDTOLIST, "Newsletter", [LeadKey("IDNUM", str(lead_id))])
