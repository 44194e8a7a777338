"""Calls of every operation that the bridge can make over REST, and calls that it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marketo_soap import (
    ActivityTypeFilter,
    Attrib,
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
    ListKey,
    ListMObjects,
    ListOperation,
    MergeLeads,
    MObject,
    Operation,
    RequestCampaign,
    Sandbox,
    ScheduleCampaign,
    StaticListSelector,
    StreamPosition,
    SyncCustomObjects,
    SyncLead,
    SyncMObjects,
    SyncMultipleLeads,
)
from tests.peers.test_operations import SETTINGS

__all__ = ["EXAMPLE_CALLS", "SETTINGS", "UNSUPPORTED_CALLS", "seed_leads"]

A, B, C, D = range(1_000_001, 1_000_005)
_OPPORTUNITY = MObject("Opportunity", external_key=Attrib("Key", "O1"), attribs={"Name": "Big"})
_SYNC_OBJECT = SyncCustomObjects("Roadshow", (CustomObj({"MKTOID": str(A), "rid": "r1"}, {"city": "Rome"}),), "UPSERT")


def seed_leads(sandbox: Sandbox) -> None:
    """Add the leads of the calls."""
    sandbox.seed([{"email": f"{name}@t.com", "partition": "Default"} for name in "abcd"])


def _list_operation(operation: str) -> ListOperation:
    return ListOperation(operation, ListKey("MKTOLISTNAME", "News"), [LeadKey("IDNUM", str(B))])


EXAMPLE_CALLS: Mapping[str, Sequence[Operation[Any]]] = {
    "deleteCustomObjects": [_SYNC_OBJECT, DeleteCustomObjects("Roadshow", [{"MKTOID": str(A), "rid": "r1"}])],
    "deleteMObjects": [SyncMObjects([_OPPORTUNITY], "UPSERT"), DeleteMObjects([_OPPORTUNITY])],
    "describeMObject": [DescribeMObject("Opportunity")],
    "getCampaignsForSource": [GetCampaignsForSource("MKTOWS", "Welcome")],
    "getChannels": [GetChannels()],
    "getCustomObjects": [_SYNC_OBJECT, GetCustomObjects("Roadshow", {"MKTOID": str(A), "rid": "r1"})],
    "getImportToListStatus": [
        ImportToList("Launch", "Email Address", ["a@t.com"], "UPSERTLEADS", "Guests"),
        GetImportToListStatus("Launch", "Guests"),
    ],
    "getLead": [GetLead(LeadKey("EMAIL", "a@t.com"))],
    "getLeadActivity": [
        GetLeadActivity(LeadKey("IDNUM", str(A)), activity_filter=ActivityTypeFilter(["NewLead", "VisitWebpage"]))
    ],
    "getLeadChanges": [
        GetLeadChanges(
            StreamPosition(oldest_created_at="2013-08-01T00:00:00Z"),
            activity_filter=ActivityTypeFilter(["VisitWebpage"]),
        )
    ],
    "getMObjects": [
        SyncMObjects([_OPPORTUNITY], "UPSERT"),
        GetMObjects("Opportunity", external_key=_OPPORTUNITY.external_key),
    ],
    "getMultipleLeads": [
        GetMultipleLeads(LeadKeySelector("EMAIL", ["a@t.com", "b@t.com"])),
        GetMultipleLeads(StaticListSelector("News")),
    ],
    "getTags": [GetTags()],
    "importToList": [ImportToList("Launch", "Email Address", ["a@t.com"], "LISTONLY", "Guests")],
    "listMObjects": [ListMObjects()],
    "listOperation": [_list_operation("ADDTOLIST"), _list_operation("REMOVEFROMLIST")],
    "mergeLeads": [MergeLeads({"EMAIL": "c@t.com"}, [{"IDNUM": str(D)}])],
    "requestCampaign": [RequestCampaign("MKTOWS", lead_keys=(LeadKey("EMAIL", "b@t.com"),), campaign_id=1001)],
    "scheduleCampaign": [ScheduleCampaign("Launch", "Nightly")],
    "syncCustomObjects": [_SYNC_OBJECT],
    "syncLead": [SyncLead(LeadRecord(email="a@t.com", attributes={"FirstName": "Ann"}))],
    "syncMObjects": [SyncMObjects([_OPPORTUNITY], "UPSERT")],
    "syncMultipleLeads": [
        SyncMultipleLeads([LeadRecord(email="a@t.com", attributes={"FirstName": "Ann"}), LeadRecord(id=B)])
    ],
}
"""By operation: calls that succeed. The last one is of that operation."""

_OWNER = LeadKey("LEADOWNEREMAIL", "o@t.com")
UNSUPPORTED_CALLS: Sequence[tuple[Operation[Any], int, str]] = [
    (GetLead(_OWNER), 20102, "LEADOWNEREMAIL cannot be used as a key over REST"),
    (GetMultipleLeads(LeadKeySelector("LEADOWNEREMAIL", ["o@t.com"])), 20102, "LEADOWNEREMAIL"),
    (GetLeadActivity(_OWNER), 20102, "LEADOWNEREMAIL"),
    (MergeLeads({"LEADOWNEREMAIL": "o@t.com"}, [{"IDNUM": str(D)}]), 20102, "LEADOWNEREMAIL"),
    (GetCampaignsForSource("SALES"), 20019, "REST has no campaigns of source SALES"),
    (RequestCampaign("SALES", lead_keys=(LeadKey("IDNUM", "1"),), campaign_id=1001), 20019, "source SALES"),
    (
        ImportToList("Launch", "Email Address,{{my.x}}", ["a@t.com,1"], "UPSERTLEADS", "Guests", False, "Nightly"),
        20019,
        "REST has no import of tokens for a campaign",
    ),
    (GetCustomObjects("Roadshow"), 20019, "REST lists no custom objects without a key"),
    (GetMObjects("Opportunity", 1001), 20019, "REST knows no integer ids of opportunities and roles"),
    (GetMObjects("OpportunityPersonRole"), 20019, "roles by opportunity or lead"),
    (
        ListOperation("ADDTOLIST", ListKey("MKTOSALESUSERID", "1"), [LeadKey("IDNUM", "1")]),
        20110,
        "REST does not know lists by MKTOSALESUSERID",
    ),
]
"""Each with the code and a part of the text of its fault."""
