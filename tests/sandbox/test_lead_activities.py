"""What a sync logs of a lead: that it is new, or each field that changed."""

from __future__ import annotations

import pytest

from marketo_soap import Client, Fault, LeadRecord, Sandbox
from marketo_soap.sandbox.store.activities import Activity, to_ms
from tests.sandbox.conftest import Rest
from tests.support import COOKIE


def logged(sandbox: Sandbox, lead_id: int) -> list[Activity]:
    with sandbox.store.reading() as leads:
        return leads.activities.find(lead_id=lead_id)


def test_a_new_lead_is_logged_with_its_source(client: Client, sandbox: Sandbox) -> None:
    lead_id = client.sync_lead(LeadRecord(email="t@t.com", attributes={"FirstName": "George"})).lead_id
    (activity,) = logged(sandbox, lead_id)
    assert (activity.type, activity.asset, activity.at_ms) == ("New Lead", "", to_ms(sandbox.now()))
    assert [*activity.attributes] == ["Source Type", "Source Info", "Created Date", "Lead ID"]
    assert activity.attributes["Source Type"] == activity.attributes["Source Info"] == "Web service API"
    assert activity.attributes["Lead ID"] == str(lead_id)
    assert activity.attributes["Created Date"] == "2013-08-05 18:34:19"  # in US Central time


def test_each_field_that_changes_is_logged_by_its_display_name(client: Client, sandbox: Sandbox) -> None:
    lead_id = client.sync_lead(LeadRecord(email="t@t.com", attributes={"FirstName": "George", "Phone": "1"})).lead_id
    again = LeadRecord(id=lead_id, email="n@t.com", attributes={"FirstName": "Geo", "Phone": "1", "LeadScore": 7})
    client.sync_lead(again)
    changes = [each for each in logged(sandbox, lead_id) if each.type == "Change Data Value"]
    assert [(each.asset, each.attributes["Old Value"], each.attributes["New Value"]) for each in changes] == [
        ("Email Address", "t@t.com", "n@t.com"),
        ("First Name", "George", "Geo"),
        ("Lead Score", "", "7"),
    ]
    assert changes[1].attributes == {
        "Attribute Name": "First Name",
        "Old Value": "George",
        "New Value": "Geo",
        "Reason": "SOAP API",
        "Source": "Web service API",
        "Lead ID": str(lead_id),
    }
    client.sync_lead(again)
    client.sync_lead(LeadRecord(id=lead_id), marketo_cookie=COOKIE)
    assert len(logged(sandbox, lead_id)) == 4


def test_what_is_refused_is_not_logged(client: Client, sandbox: Sandbox) -> None:
    with pytest.raises(Fault):
        client.sync_lead(LeadRecord(email="t@t.com", attributes={"pants": "x"}))
    with sandbox.store.reading() as leads:
        assert leads.activities.count() == 0


def test_rest_logs_the_same_with_its_own_reason(sandbox: Sandbox, rest: Rest) -> None:
    for name in ("George", "Geo"):
        rest.sync({"email": "t@t.com", "firstName": name})
    new, change = logged(sandbox, 1_000_001)
    assert (new.type, change.type, change.asset) == ("New Lead", "Change Data Value", "First Name")
    assert change.attributes["Reason"] == "REST API"
