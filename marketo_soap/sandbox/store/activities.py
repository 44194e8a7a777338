"""What happened to leads: one row for each activity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from attrs import field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.store.table import Table

__all__ = ["Activities", "Activity", "to_ms"]

_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


@frozen
class Activity:
    """An activity: the lead, when (milliseconds since 1970), the display name of its type, and what it is about.

    *asset* is what it was done with (`mktgAssetName`): for `Change Data Value` the field. *attributes* are texts
    by their names.
    """

    lead_id: int
    at_ms: int
    type: str
    asset: str = field(default="", repr=hidden)
    campaign: str = ""
    attributes: Mapping[str, str] = field(factory=dict, repr=hidden)
    id: int = 0


class Activities(Table[Activity]):
    """The activities inside one transaction."""

    name, row = "activity", Activity
    indexes = (("lead_id", "at_ms"), ("at_ms",), ("type", "at_ms"))
    of_leads = ("lead_id",)


def to_ms(time: datetime) -> int:
    """Return an aware time in milliseconds since 1970."""
    return (time - _EPOCH) // _MS
