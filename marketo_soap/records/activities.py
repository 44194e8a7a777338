"""What happened to leads: activity types and their names, filters, positions in a log, and the records of a reply."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.lead import Attribute
from marketo_soap.wire.checking import Violation, as_texts, check_fields
from marketo_soap.wire.fields import El
from marketo_soap.wire.values import check_time_text

__all__ = [
    "ActivityRecord",
    "ActivityType",
    "ActivityTypeFilter",
    "LeadChangeRecord",
    "StreamPosition",
    "TypesWanted",
    "broken_filter",
]


class ActivityType(StrEnum):
    """A type of activity as requests spell it; replies have the `display_name`."""

    VISIT_WEBPAGE = "VisitWebpage"
    FILL_OUT_FORM = "FillOutForm"
    CLICK_LINK = "ClickLink"
    SEND_EMAIL = "SendEmail"
    EMAIL_DELIVERED = "EmailDelivered"
    EMAIL_BOUNCED = "EmailBounced"
    UNSUBSCRIBE_EMAIL = "UnsubscribeEmail"
    OPEN_EMAIL = "OpenEmail"
    CLICK_EMAIL = "ClickEmail"
    NEW_LEAD = "NewLead"
    CHANGE_DATA_VALUE = "ChangeDataValue"
    LEAD_ASSIGNED = "LeadAssigned"
    NEW_SFDC_OPPRTNTY = "NewSFDCOpprtnty"
    WAIT = "Wait"
    RUN_SUBFLOW = "RunSubflow"
    REMOVE_FROM_FLOW = "RemoveFromFlow"
    PUSH_LEAD_TO_SALES = "PushLeadToSales"
    CREATE_TASK = "CreateTask"
    CONVERT_LEAD = "ConvertLead"
    CHANGE_SCORE = "ChangeScore"
    CHANGE_OWNER = "ChangeOwner"
    ADD_TO_LIST = "AddToList"
    REMOVE_FROM_LIST = "RemoveFromList"
    SFDC_ACTIVITY = "SFDCActivity"
    EMAIL_BOUNCED_SOFT = "EmailBouncedSoft"
    PUSH_LEAD_UPDATES_TO_SALES = "PushLeadUpdatesToSales"
    DELETE_LEAD_FROM_SALES = "DeleteLeadFromSales"
    SFDC_ACTIVITY_UPDATED = "SFDCActivityUpdated"
    SFDC_MERGE_LEADS = "SFDCMergeLeads"
    MERGE_LEADS = "MergeLeads"
    RESOLVE_CONFLICTS = "ResolveConflicts"
    ASSOC_WITH_OPPRTNTY_IN_SALES = "AssocWithOpprtntyInSales"
    DISSOC_FROM_OPPRTNTY_IN_SALES = "DissocFromOpprtntyInSales"
    UPDATE_OPPRTNTY_IN_SALES = "UpdateOpprtntyInSales"
    DELETE_LEAD = "DeleteLead"
    SEND_ALERT = "SendAlert"
    SEND_SALES_EMAIL = "SendSalesEmail"
    OPEN_SALES_EMAIL = "OpenSalesEmail"
    CLICK_SALES_EMAIL = "ClickSalesEmail"
    ADDTO_SFDC_CAMPAIGN = "AddtoSFDCCampaign"
    REMOVE_FROM_SFDC_CAMPAIGN = "RemoveFromSFDCCampaign"
    CHANGE_STATUS_IN_SFDC_CAMPAIGN = "ChangeStatusInSFDCCampaign"
    RECEIVE_SALES_EMAIL = "ReceiveSalesEmail"
    INTERESTING_MOMENT = "InterestingMoment"
    REQUEST_CAMPAIGN = "RequestCampaign"
    SALES_EMAIL_BOUNCED = "SalesEmailBounced"
    CHANGE_LEAD_PARTITION = "ChangeLeadPartition"
    CHANGE_REVENUE_STAGE = "ChangeRevenueStage"
    CHANGE_REVENUE_STAGE_MANUALLY = "ChangeRevenueStageManually"
    COMPUTE_DATA_VALUE = "ComputeDataValue"
    CHANGE_STATUS_IN_PROGRESSION = "ChangeStatusInProgression"
    CHANGE_FIELD_IN_PROGRAM = "ChangeFieldInProgram"
    ENRICH_WITH_DATACOM = "EnrichWithDatacom"
    CHANGE_SEGMENT = "ChangeSegment"
    RESOLVE_RULESET = "ResolveRuleset"
    SMART_CAMPAIGN_TEST = "SmartCampaignTest"
    SMART_CAMPAIGN_TEST_TRIGGER = "SmartCampaignTestTrigger"

    @property
    def display_name(self) -> str:
        """The name in replies and in `activityNameFilter`: `Visit Webpage`."""
        return _OTHER_NAMES.get(self) or re.sub(r" (To|From|In|With)\b", lambda word: word[0].lower(), _split(self))


def _split(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)


# Those that do not follow from the spelling; some of them by the meaning.
_OTHER_NAMES = {
    ActivityType.NEW_SFDC_OPPRTNTY: "New SFDC Opportunity",
    ActivityType.PUSH_LEAD_TO_SALES: "Sync Lead to SFDC",
    ActivityType.PUSH_LEAD_UPDATES_TO_SALES: "Sync Lead Updates to SFDC",
    ActivityType.DELETE_LEAD_FROM_SALES: "Delete Lead from SFDC",
    ActivityType.ASSOC_WITH_OPPRTNTY_IN_SALES: "Add to Opportunity",
    ActivityType.DISSOC_FROM_OPPRTNTY_IN_SALES: "Remove from Opportunity",
    ActivityType.UPDATE_OPPRTNTY_IN_SALES: "Update Opportunity",
    ActivityType.ADDTO_SFDC_CAMPAIGN: "Add to SFDC Campaign",
    ActivityType.CHANGE_FIELD_IN_PROGRAM: "Change Program Data",
    ActivityType.ENRICH_WITH_DATACOM: "Enrich with Data.com",
}


@frozen
class ActivityTypeFilter:
    """The types of activities to return, or those to exclude: not both. An empty filter returns all."""

    include_types: Annotated[tuple[ActivityType | str, ...], El("includeTypes", item="activityType", invalid=20107)] = (
        field(default=(), converter=as_texts)
    )
    exclude_types: Annotated[tuple[ActivityType | str, ...], El("excludeTypes", item="activityType", invalid=20107)] = (
        field(default=(), converter=as_texts)
    )

    __attrs_post_init__ = check_fields


@frozen
class TypesWanted:
    """Display names of the types to return (None: all), and of those to leave out."""

    included: frozenset[str] | None
    excluded: frozenset[str]

    @classmethod
    def of(cls, given: ActivityTypeFilter | None, names: Iterable[str] = ()) -> TypesWanted:
        """Return what a filter means; *names* of an `activityNameFilter` stand in for its included types."""
        included = frozenset(names) or _names(given.include_types if given else ())
        return cls(included or None, _names(given.exclude_types if given else ()))

    def __contains__(self, name: str) -> bool:
        return (self.included is None or name in self.included) and name not in self.excluded


def _names(types: Iterable[ActivityType | str]) -> frozenset[str]:
    return frozenset(ActivityType(each).display_name for each in types)


def broken_filter(given: ActivityTypeFilter | None, path: str, names: Collection[str] = ()) -> Iterator[Violation]:
    """Yield what a filter breaks; *path* is that of the parameters."""
    if given is not None and given.exclude_types and (given.include_types or names):
        text = "includeTypes and excludeTypes exclude each other: give one of them"
        yield Violation(20110, f"{path}/activityFilter", text)


def _time(given: datetime | str | None) -> str | None:
    """A converter: a caller gives a time, never an empty one."""
    if given is None:
        return None
    text = check_time_text(given, "a time of a StreamPosition")
    if not text.strip():
        raise ValueError("a time of a StreamPosition is empty: leave it out")
    return text


@frozen
class StreamPosition:
    """Where a page of activities begins. For the first page give a bound of time only, or nothing.

    Every later position comes from a reply: give it back as it is. Times may be given as datetimes,
    and are kept as their text. *latest_created_at*
    is the upper bound that getLeadActivity goes back from, *oldest_created_at* the lower one of getLeadChanges.
    """

    latest_created_at: Annotated[str | None, El("latestCreatedAt", nillable=True, type="dateTime")] = field(
        default=None, converter=_time
    )
    oldest_created_at: Annotated[str | None, El("oldestCreatedAt", nillable=True, type="dateTime")] = field(
        default=None, converter=_time
    )
    activity_created_at: Annotated[str | None, El("activityCreatedAt", nillable=True, type="dateTime")] = field(
        default=None, converter=_time
    )
    offset: Annotated[str | None, El("offset", nillable=True)] = None

    __attrs_post_init__ = check_fields


@frozen(kw_only=True)
class ActivityRecord:
    """An activity of a lead: what happened, when, with which asset, and the details as attributes.

    *activity_type* is a display name such as `Visit Webpage`. *id* is 0 where the reply has none: later versions of
    the service may have sent a *marketo_guid* instead.
    """

    id: Annotated[int, El("id")] = 0
    marketo_guid: Annotated[str | None, El("marketoGUID", later=True)] = None
    activity_date_time: Annotated[datetime, El("activityDateTime")]
    activity_type: Annotated[str, El("activityType")]
    mktg_asset_name: Annotated[str | None, El("mktgAssetName", private="value")] = field(default=None, repr=hidden)
    activity_attributes: Annotated[
        tuple[Attribute, ...], El("activityAttributes", item="attribute", nillable=True)
    ] = ()
    campaign: Annotated[str | None, El("campaign", nillable=True)] = None
    person_name: Annotated[str | None, El("personName", nillable=True, private="value")] = field(
        default=None, repr=hidden
    )
    mkt_person_id: Annotated[str, El("mktPersonId")]
    foreign_sys_id: Annotated[str | None, El("foreignSysId", nillable=True, private="value")] = field(
        default=None, repr=hidden
    )
    org_name: Annotated[str | None, El("orgName", nillable=True, private="value")] = field(default=None, repr=hidden)
    foreign_sys_org_id: Annotated[str | None, El("foreignSysOrgId", nillable=True, private="value")] = field(
        default=None, repr=hidden
    )

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the value of the attribute *name*, such as `New Value`."""
        return _value(self.activity_attributes, name, default)


@frozen(kw_only=True)
class LeadChangeRecord:
    """An activity of any lead; see `ActivityRecord`. *mkt_person_id* is the lead's id."""

    id: Annotated[int, El("id")] = 0
    marketo_guid: Annotated[str | None, El("marketoGUID", later=True)] = None
    activity_date_time: Annotated[datetime, El("activityDateTime")]
    activity_type: Annotated[str, El("activityType")]
    mktg_asset_name: Annotated[str | None, El("mktgAssetName", nillable=True, private="value")] = field(
        default=None, repr=hidden
    )
    activity_attributes: Annotated[
        tuple[Attribute, ...], El("activityAttributes", item="attribute", nillable=True)
    ] = ()
    campaign: Annotated[str | None, El("campaign")] = None
    mkt_person_id: Annotated[str, El("mktPersonId")]

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the value of the attribute *name*, such as `New Value`."""
        return _value(self.activity_attributes, name, default)


def _value(attributes: Iterable[Attribute], name: str, default: str | None) -> str | None:
    return next((each.value for each in attributes if each.name == name), default)
