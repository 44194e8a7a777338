"""One call of every operation, with what the journal says of it, and a sandbox to make them against."""

from __future__ import annotations

from typing import Any

from marketo_soap import (
    Attrib,
    Client,
    CustomObj,
    DeleteCustomObjects,
    DeleteMObjects,
    DescribeMObject,
    GetCampaignsForSource,
    GetChannels,
    GetCustomObjects,
    GetImportToListStatus,
    GetLead,
    GetLeadActivity,
    GetLeadChanges,
    GetMObjects,
    GetMultipleLeads,
    GetTags,
    ImportToList,
    LeadKey,
    LeadKeySelector,
    LeadRecord,
    ListMObjects,
    ListOperation,
    MergeLeads,
    MObject,
    RequestCampaign,
    Sandbox,
    ScheduleCampaign,
    StreamPosition,
    SyncCustomObjects,
    SyncLead,
    SyncMObjects,
    SyncMultipleLeads,
)
from marketo_soap.config import structure
from marketo_soap.sandbox.settings import Settings

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"

SETTINGS: Settings = structure(
    Settings,
    {
        "lists": [{"name": "News", "members": ["a@t.com"]}, {"name": "Guests", "program": "Launch"}],
        "campaigns": [
            {"name": "Welcome", "program": "Launch", "triggerable": True, "description": EVIL},
            {"name": "Nightly", "program": "Launch"},
        ],
        "programs": [{"name": "Launch", "channel": "Webinar", "costs": [{"month": "2013-06", "amount": 2000}]}],
        "custom_object_types": [{"name": "Roadshow", "keys": ["MKTOID", "rid"], "fields": ["city"]}],
        "channels": [{"name": "Webinar", "statuses": [{"name": "Invited", "step": 10, "success": True}]}],
        "tags": [{"type": "Region", "values": ["EU", "US", EVIL]}],
    },
)

A, B = LeadKey("IDNUM", "1000001"), LeadKey("IDNUM", "1000002")
_SHOW = {"MKTOID": "1000001", "rid": "r1"}
_DEAL = Attrib("Key", "O1")
_ROLE = {"OpportunityId": "1001", "PersonId": "1000001", "Role": "Buyer"}

CALLS: tuple[tuple[Any, str, str | None], ...] = (
    (SyncLead(LeadRecord(email="a@t.com", attributes={"City": EVIL})), "CREATED", "Email"),
    (SyncMultipleLeads([LeadRecord(email=f"{name}@t.com") for name in "abc"]), "2 CREATED, 1 UPDATED", None),
    (GetLead(LeadKey("EMAIL", "a@t.com")), "1 lead", "EMAIL"),
    (GetMultipleLeads(LeadKeySelector("IDNUM", ["1000001"])), "1 lead, 0 remain", "IDNUM"),
    (ListOperation("ADDTOLIST", "News", [A, B]), "success", "static list"),
    (GetLeadActivity(A), "2 activities, 0 remain", "IDNUM"),
    (GetLeadChanges(StreamPosition(oldest_created_at="2013-08-01T00:00:00Z")), "5 activities, 0 remain", "time"),
    (GetCampaignsForSource("MKTOWS"), "1 campaign", "MKTOWS"),
    (
        RequestCampaign("MKTOWS", campaign_id=1001, lead_keys=(A, B), program_tokens={"{{my.x}}": EVIL}),
        "requested",
        "Launch.Welcome",
    ),
    (ScheduleCampaign("Launch", "Nightly"), "scheduled", "Launch.Nightly"),
    (
        ImportToList("Launch", "Email Address,First Name", ["d@t.com,Dora"], "UPSERTLEADS", "Guests"),
        "PROCESSING",
        "Launch.Guests",
    ),
    (GetImportToListStatus("Launch", "Guests"), "PROCESSING, 0 imported, 0 failed", "Launch.Guests"),
    (MergeLeads({"IDNUM": "1000001"}, [{"IDNUM": "1000003"}]), "MERGED, 1 gone", "IDNUM"),
    (ListMObjects(), "4 types", None),
    (DescribeMObject("OpportunityPersonRole"), "5 fields", "OpportunityPersonRole"),
    (
        SyncMObjects(
            [
                MObject("Opportunity", external_key=_DEAL, attribs={"Name": EVIL}),
                MObject("OpportunityPersonRole", attribs=_ROLE),
            ],
            "UPSERT",
        ),
        "2 CREATED",
        "Opportunity, OpportunityPersonRole",
    ),
    (GetMObjects("Opportunity", external_key=_DEAL, include_details=True), "1 object", "Opportunity"),
    (DeleteMObjects([MObject("Opportunity", external_key=Attrib("Key", "none"))]), "1 UNCHANGED", "Opportunity"),
    (SyncCustomObjects("Roadshow", (CustomObj(_SHOW, {"city": EVIL}),)), "1 CREATED", "Roadshow"),
    (GetCustomObjects("Roadshow", custom_obj_keys={"MKTOID": "1000001"}), "1 object, 0 remain", "Roadshow"),
    (DeleteCustomObjects("Roadshow", [{"MKTOID": "1000001", "rid": "none"}]), "1 UNCHANGED", "Roadshow"),
    (GetChannels(), "1 channel", None),
    (GetTags(), "1 type of tags", None),
)


def fill(sandbox: Sandbox, client: Client) -> None:
    """Make the calls, each in its turn."""
    sandbox.configure(SETTINGS)
    for operation, _, _ in CALLS:
        client.call(operation)
