"""What happened to leads: one row for each activity."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from attrs import field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.store.table import Table

__all__ = ["Activities", "Activity", "ActivityPlace", "Wanted", "from_ms", "to_ms"]

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


@frozen
class ActivityPlace:
    """Where a page ended: at the activity with this id, which happened then."""

    at_ms: int
    id: int


@frozen
class Wanted:
    """Which activities to read, and in which order.

    *types* are display names, *leads* ids (None: all). With *list_id* they are those of the members of a static list,
    with *known* those of leads that are not anonymous. *since_ms* and *until_ms* belong to the span of time; *after* is
    where the page before ended.
    """

    types: Collection[str] | None = None
    leads: Sequence[int] | None = None
    list_id: int | None = None
    known: bool = False
    since_ms: int | None = None
    until_ms: int | None = None
    after: ActivityPlace | None = None
    newest_first: bool = False


_FEW = 100  # leads: their activities are read lead by lead, those of more leads by time
_MOST_COUNTED = 10_000


class Activities(Table[Activity]):
    """The activities inside one transaction."""

    name, row = "activity", Activity
    indexes = (("lead_id", "at_ms", "id"), ("at_ms", "id"), ("type", "at_ms", "id"))
    order = ("at_ms", "id")
    of_leads = ("lead_id",)

    def page(self, wanted: Wanted, limit: int) -> list[Activity]:
        """Return at most *limit* activities. It reads what it returns, however many others there are."""
        return [self._read(row) for row in self._connection.execute(*self._query(wanted, limit))]

    def count_of(self, wanted: Wanted) -> int:
        """Return how many activities there are, at most 10,000: counting more would cost more than a page."""
        query, values = self._query(wanted, _MOST_COUNTED, counting=True)
        (count,) = self._connection.execute(f"SELECT count(*) FROM ({query})", values).fetchone()
        return int(count)

    def types(self) -> list[str]:
        """Return the display names of the types that there are."""
        query = (
            "WITH RECURSIVE found (type) AS (SELECT min(type) FROM activity UNION ALL"
            " SELECT (SELECT min(type) FROM activity WHERE activity.type > found.type) FROM found"
            " WHERE found.type IS NOT NULL) SELECT type FROM found WHERE type IS NOT NULL"
        )
        return [kind for (kind,) in self._connection.execute(query)]

    def _read(self, found: tuple[Any, ...]) -> Activity:
        lead_id, at_ms, kind, asset, campaign, attributes, number = found
        return Activity(lead_id, at_ms, kind, asset, campaign, json.loads(attributes), number)

    def _query(self, wanted: Wanted, limit: int, *, counting: bool = False) -> tuple[str, dict[str, object]]:
        """A query that reads an index from where the page begins: one branch for each lead, or for each type."""
        values: dict[str, object] = {"since": wanted.since_ms, "until": wanted.until_ms, "limit": limit}
        conditions = [
            f"at_ms {sign} :{end}" for sign, end in ((">=", "since"), ("<=", "until")) if values[end] is not None
        ]
        if wanted.after is not None:
            values |= {"after_ms": wanted.after.at_ms, "after_id": wanted.after.id}
            conditions.append(f"(at_ms, id) {'<' if wanted.newest_first else '>'} (:after_ms, :after_id)")
        if wanted.known:
            conditions.append("NOT (SELECT anonymous FROM lead WHERE lead.id = activity.lead_id)")
        leads = wanted.leads
        if wanted.list_id is not None:
            values["list"] = wanted.list_id
            members = "SELECT lead_id FROM list_member WHERE list_id = :list"
            found = [row[0] for row in self._connection.execute(f"{members} LIMIT {_FEW + 1}", values)]
            if len(found) <= _FEW:
                leads = found if leads is None else [lead_id for lead_id in leads if lead_id in found]
            else:
                conditions.append(f"EXISTS ({members} AND lead_id = activity.lead_id)")
        types = None if wanted.types is None else list(wanted.types)
        column, keys = ("lead_id", leads) if leads is not None else ("type", types)
        if leads is not None and types is not None:
            values |= {f"type{number}": kind for number, kind in enumerate(types)}
            conditions.append(f"type IN ({', '.join(f':type{number}' for number in range(len(types)))})")
        if keys is None:
            branches = ["1"]
        else:
            values |= {f"key{number}": key for number, key in enumerate(keys)}
            branches = [f"{column} = :key{number}" for number in range(len(keys))] or ["0"]
        order = "" if counting else f"ORDER BY {'at_ms DESC, id DESC' if wanted.newest_first else 'at_ms, id'}"
        shown = "1" if counting else ", ".join(each.name for each in attrs.fields(Activity))
        parts = [
            f"SELECT * FROM (SELECT {shown} FROM activity"
            f" WHERE {' AND '.join([branch, *conditions])} {order} LIMIT :limit)"
            for branch in branches
        ]
        return f"{' UNION ALL '.join(parts)} {order} LIMIT :limit", values


def to_ms(time: datetime) -> int:
    """Return an aware time in milliseconds since 1970."""
    return (time - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """Return the time of milliseconds since 1970, in UTC."""
    return _EPOCH + ms * _MS
