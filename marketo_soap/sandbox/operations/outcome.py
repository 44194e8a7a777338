"""What every operation of the sandbox is given and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from attrs import frozen

from marketo_soap.calls.limits import central
from marketo_soap.records.activities import ActivityRecord, LeadChangeRecord
from marketo_soap.records.lead import Attribute, LeadRecord
from marketo_soap.records.lead_fields import attribute_order
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.activities import Activity, from_ms, to_ms
from marketo_soap.sandbox.store.leads import Leads, StoredLead

__all__ = ["Outcome", "World", "activity_as", "activity_record", "record_of"]

RecordT = TypeVar("RecordT", ActivityRecord, LeadChangeRecord)


@frozen
class World:
    """What a call can see and change, within one transaction; *workspace* is the one that its header names."""

    leads: Leads
    settings: Settings
    now: datetime
    workspace: str | None = None

    def log(self, lead_id: int, kind: str, asset: str = "", attributes: Mapping[str, str] | None = None) -> None:
        """Log an activity of a lead: the display name of its type, its asset, its attributes by their names."""
        self.leads.activities.add(Activity(lead_id, to_ms(self.now), kind, asset, "", attributes or {}))


@frozen
class Outcome:
    """What a call did: its result and, for the journal, the key that decided and the lead.

    *before* and *after* are the lead that it wrote, if it wrote one; *before* is None if the lead is new.
    """

    result: Any
    key: str | None = None
    lead_id: int | None = None
    before: StoredLead | None = None
    after: StoredLead | None = None
    notes: Sequence[str] = ()


def record_of(lead: StoredLead, settings: Settings) -> LeadRecord:
    """Return a kept lead as a reply shows it: attributes by name, with types, those without a value left out."""
    types = settings.field_types
    attributes = [
        Attribute(name, value, types.get(name))
        for name, value in sorted(lead.attributes.items(), key=lambda item: attribute_order(item[0]))
        if name not in settings.unshown_fields
    ]
    return LeadRecord(
        id=lead.id,
        email=lead.email,
        foreign_sys_person_id=lead.foreign_id,
        foreign_sys_type=lead.foreign_type,
        attributes=attributes,
    )


def activity_as(kind: type[RecordT], activity: Activity, campaign: str | None) -> RecordT:
    """Return an activity as replies show it: its time in US Central time, in whole seconds."""
    return kind(
        id=activity.id,
        activity_date_time=central(from_ms(activity.at_ms)).replace(microsecond=0),
        activity_type=activity.type,
        mktg_asset_name=activity.asset or None,
        activity_attributes=tuple(Attribute(name, value) for name, value in activity.attributes.items()),
        campaign=campaign,
        mkt_person_id=str(activity.lead_id),
    )


def activity_record(activity: Activity) -> ActivityRecord:
    """Return an activity as getLeadActivity shows it. Recorded: without a campaign the element is empty."""
    return activity_as(ActivityRecord, activity, activity.campaign)
