"""Activities in and out of a sandbox: from settings, and as a member of the leads of a dump."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs
from attrs import field, frozen

from marketo_soap.config import structure
from marketo_soap.privacy.redactor import hidden
from marketo_soap.records.activities import ActivityType
from marketo_soap.records.lead_keys import aware
from marketo_soap.sandbox.store.activities import Activity, from_ms, to_ms
from marketo_soap.sandbox.store.leads import Leads, StoredLead
from marketo_soap.sandbox.store.table import read_id

__all__ = ["SeededActivity", "dump_activities", "fill_activities", "load_activities"]


def _display_name(kind: str) -> str:
    return ActivityType(kind).display_name if kind in set(ActivityType) else kind


@frozen
class SeededActivity:
    """An activity of a *lead*, which is named by its e-mail address or by its id as text.

    *type* is a display name (`Visit Webpage`) or the spelling of requests (`VisitWebpage`). *when* is a time in
    ISO 8601; without one it is the time when the lead was created. *asset* is `mktgAssetName`.
    """

    type: str = field(converter=_display_name)
    lead: str = field(default="", repr=hidden)
    when: str = ""
    asset: str = field(default="", repr=hidden)
    campaign: str = ""
    attributes: Mapping[str, str] = field(factory=dict, repr=hidden)
    id: int = 0

    def __attrs_post_init__(self) -> None:
        if not self.type.strip():
            raise ValueError("type is empty")
        if self.when:
            try:
                datetime.fromisoformat(self.when)
            except ValueError:
                raise ValueError(f"when must look like 2013-07-09T16:44:28-05:00, not {self.when!r}") from None

    def of(self, lead: StoredLead) -> Activity:
        """Return it as it is kept."""
        at_ms = to_ms(aware(datetime.fromisoformat(self.when or lead.created_at)))
        return Activity(lead.id, at_ms, self.type, self.asset, self.campaign, self.attributes, self.id)


def fill_activities(leads: Leads, activities: Iterable[SeededActivity]) -> None:
    """Add the activities that are not there yet to the leads that there are."""
    for each in activities:
        lead_id = read_id(each.lead)
        found = leads.newest_by_email(each.lead) if lead_id is None else leads.by_id(lead_id)
        if found is None:
            continue
        activity = each.of(found)
        same = leads.activities.find(lead_id=found.id, at_ms=activity.at_ms, type=activity.type)
        if activity not in [attrs.evolve(one, id=activity.id) for one in same]:
            leads.activities.add(attrs.evolve(activity, id=0))


def load_activities(leads: Leads, lead: StoredLead, data: Any) -> None:
    """Add the activities of a lead from what `dump_activities` gives; an id that is taken is given anew."""
    if not isinstance(data, list):
        raise TypeError("activities are a list")
    for number, each in enumerate(data, 1):
        activity = structure(SeededActivity, each, f"activities[{number}]").of(lead)
        taken = activity.id and leads.activities.get(activity.id) is not None
        leads.activities.add(attrs.evolve(activity, id=0) if taken else activity)


def dump_activities(leads: Leads, lead_id: int | None, after: int = 0, limit: int = -1) -> list[dict[str, Any]]:
    """Return at most *limit* activities of a lead with greater ids, in the order of their ids, as JSON can hold them;
    of all leads (None) with the ids of the leads.
    """
    condition, values = ("id > ?", [after]) if lead_id is None else ("lead_id = ? AND id > ?", [lead_id, after])
    found = leads.activities.select(condition, values, limit=limit)
    return [
        {
            **({"lead": str(each.lead_id)} if lead_id is None else {}),
            "id": each.id,
            "type": each.type,
            "when": from_ms(each.at_ms).isoformat(),
            "asset": each.asset,
            "campaign": each.campaign,
            "attributes": dict(each.attributes),
        }
        for each in found
    ]
