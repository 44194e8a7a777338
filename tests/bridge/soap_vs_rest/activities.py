"""getLeadActivity and getLeadChanges over SOAP and over REST."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from attrs import frozen
from hypothesis import strategies as st

from marketo_soap import (
    ActivityType,
    ActivityTypeFilter,
    GetLeadActivity,
    GetLeadChanges,
    LastUpdateAtSelector,
    LeadKey,
    LeadKeyRef,
    LeadKeySelector,
    StaticListSelector,
    StreamPosition,
)
from marketo_soap.records.activities import TypesWanted
from marketo_soap.sandbox.store.activities import Activity, to_ms
from tests.bridge.soap_vs_rest.differences import Answer, Case, Change, Differences, ask_both, assert_same
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair
from tests.bridge.soap_vs_rest.strategies import LEAD_KEYS
from tests.support import NOW

Operation: TypeAlias = GetLeadActivity | GetLeadChanges
Record: TypeAlias = dict[str, Any]

TYPES = ["Visit Webpage", "Click Link", "Change Score", "Add to List", "Open House"]


def activities_of(lead_id: int) -> list[Activity]:
    """Five activities that a lead has before the calls. Activities of several leads have the same time."""
    return [
        Activity(
            lead_id,
            to_ms(NOW) - 1000 * (1 + (lead_id + number) % 7),
            kind,
            f"Asset {number}" if number else "",
            ("Launch.Welcome" if lead_id % 2 else "Gone") if number == 2 else "",
            {"Link ID": "7", "Query Parameters": ""} if number % 2 else {},
        )
        for number, kind in enumerate(TYPES)
    ]


def prepare(pair: SandboxPair) -> None:
    """Add activities of every second lead."""
    with pair.soap.store.transaction() as leads:
        for lead in [*leads.all()][::2]:
            leads.activities.add_all(activities_of(lead.id))


# -- generated calls ----------------------------------------------------------------------------------

_FILTER_TYPES = st.sampled_from(
    [ActivityType.VISIT_WEBPAGE, ActivityType.CLICK_LINK, ActivityType.NEW_LEAD, ActivityType.CHANGE_DATA_VALUE]
)
_FILTERS = st.one_of(
    st.none(),
    st.lists(_FILTER_TYPES, max_size=3).map(lambda types: ActivityTypeFilter(include_types=types)),
    st.lists(_FILTER_TYPES, max_size=2).map(lambda types: ActivityTypeFilter(exclude_types=types)),
)


@st.composite
def calls(draw: st.DrawFn, now: datetime) -> Operation:
    def moment() -> datetime | None:
        return draw(st.none() | st.integers(0, 30).map(lambda seconds: now - timedelta(seconds=seconds)))

    kind, value = draw(LEAD_KEYS)
    options: dict[str, Any] = {"activity_filter": draw(_FILTERS), "batch_size": draw(st.sampled_from([None, 1, 2, 5]))}
    position = StreamPosition(latest_created_at=moment(), oldest_created_at=moment())
    if draw(st.booleans()):
        return GetLeadActivity(LeadKey(kind, value), start_position=position, **options)
    oldest = now - timedelta(seconds=draw(st.integers(0, 30)))
    selector = draw(
        st.sampled_from(
            [
                None,
                LeadKeySelector(kind, [value, *(str(1_000_000 + n) for n in range(40) if kind == LeadKeyRef.IDNUM)]),
                LastUpdateAtSelector(oldest, latest_updated_at=oldest + timedelta(seconds=5)),
                StaticListSelector("Nothing"),
            ]
        )
    )
    if not (options["activity_filter"] and options["activity_filter"].exclude_types):
        options["activity_name_filter"] = draw(st.lists(st.sampled_from([*TYPES, "Unheard of"]), max_size=2))
    return GetLeadChanges(position, lead_selector=selector, **options)


# -- the comparison -----------------------------------------------------------------------------------


@frozen
class ActivityCase(Case):
    """A call, and the leads with their activities."""

    @property
    def selected_leads(self) -> list[int]:
        """The leads that REST finds for the call."""
        operation = self.operation
        if isinstance(operation, GetLeadActivity):
            return self._visible_leads(operation.lead_key.key_type, [operation.lead_key.key_value])[-1:]
        selector = operation.lead_selector
        if isinstance(selector, LeadKeySelector):
            return self._visible_leads(selector.key_type, selector.key_values)
        if isinstance(selector, StaticListSelector):
            return []
        return [*filter(self.visible, self.leads)]

    def _visible_leads(self, kind: str, values: Iterable[str]) -> list[int]:
        wanted = {value.strip().lower() for value in values}
        keys_of: Callable[[dict[str, Any]], set[str]] = {
            "IDNUM": lambda lead: {str(lead["id"])},
            "EMAIL": lambda lead: {(lead["email"] or "").strip().lower()},
            "COOKIE": lambda lead: {cookie.lower() for cookie in lead["cookies"]},
        }.get(kind, lambda lead: set())
        return [lead_id for lead_id, lead in self.leads.items() if wanted & keys_of(lead) and self.visible(lead_id)]

    def selects(self, record: Record) -> bool:
        """Whether the type and the time of a record are those that the call asks for."""
        operation = self.operation
        names = operation.activity_name_filter if isinstance(operation, GetLeadChanges) else ()
        position = operation.start_position or StreamPosition()
        oldest, latest = (
            each and datetime.fromisoformat(each) for each in (position.oldest_created_at, position.latest_created_at)
        )
        selector = operation.lead_selector if isinstance(operation, GetLeadChanges) else None
        if isinstance(selector, LastUpdateAtSelector):
            oldest, latest = selector.oldest_updated_at, latest or selector.latest_updated_at
        if (oldest and record["at"] < oldest) or (latest and record["at"] > latest):
            return False
        return record["type"] in TypesWanted.of(operation.activity_filter, names)

    @property
    def no_campaign(self) -> str | None:
        """What a record has instead of the name of a campaign."""
        return "" if isinstance(self.operation, GetLeadActivity) else None

    def stored_records(self) -> list[Record]:
        """The records that the sandbox has for the call."""
        found = [_values(each) for lead_id in self.selected_leads for each in self.pair.soap.activities(lead_id)]
        return [{**each, "campaign": each["campaign"] or self.no_campaign} for each in found if self.selects(each)]

    def replace_records(self, answer: Answer, records: Iterable[Record]) -> None:
        """Turn the answer into one with these records, in the order and the pages of the call."""
        newest_first = isinstance(self.operation, GetLeadActivity)
        in_order = sorted(records, key=lambda record: (record["at"], record["id"]), reverse=newest_first)
        answer.replace_records(in_order, self.operation.batch_size or 100)


def compare(pair: SandboxPair, operation: Operation) -> list[str]:
    """Make a call over both APIs and compare the answers. Return the differences that applied."""

    def records_of(result: Any) -> list[Record]:
        records = type(operation).items(result)
        assert result.return_count == len(records)
        return [_values(each) for each in records]

    _copy_activities(pair)
    case = ActivityCase(operation, pair, {row["id"]: row for row in pair.soap.dump() if "kind" not in row})
    soap, rest = ask_both(pair, operation, records_of)
    return assert_same(case, soap, rest, DIFFERENCES)


def _copy_activities(pair: SandboxPair) -> None:
    """Give both sandboxes the activities of the one for SOAP: here, only reading them is compared."""
    with pair.soap.store.reading() as leads:
        activities = leads.activities.find()
    with pair.rest.store.transaction() as leads:
        leads.activities.clear()
        for activity in activities:
            leads.activities.add(activity)


def _values(record: Any) -> Record:
    return {
        "id": record.id,
        "at": record.activity_date_time,
        "type": record.activity_type,
        "asset": record.mktg_asset_name,
        "attributes": [(each.name, each.value) for each in record.activity_attributes],
        "campaign": record.campaign,
        "lead": record.mkt_person_id,
    }


DIFFERENCES: Differences[Change[ActivityCase, Answer]] = Differences()


@DIFFERENCES("3, table of lead keys", "REST cannot filter by the address of the lead owner")
def owner_email(case: ActivityCase, answer: Answer) -> None:
    if case.key_type == LeadKeyRef.LEADOWNEREMAIL:
        answer.refuse(20102)


@DIFFERENCES(
    "4.1 row 1",
    "REST does not see anonymous leads, unless the sandbox is configured to show them; getLeadChanges never returns them",
)
def anonymous_leads(case: ActivityCase, answer: Answer) -> None:
    of_one_lead = isinstance(case.operation, GetLeadActivity)
    if answer.fault is not None or not (of_one_lead or case.sandbox.rest_shows_anonymous):
        return
    if of_one_lead and not case.selected_leads:
        answer.refuse(20103)
    else:
        case.replace_records(answer, case.stored_records())


@DIFFERENCES("4.1 row 13", "the bridge has no clock: it does not limit an open time span to 30 days")
def open_time_span(case: ActivityCase, answer: Answer) -> None:
    if answer.fault == 20022:
        case.replace_records(answer, case.stored_records())


@DIFFERENCES("4.1 row 13", "a lead that was seeded without activities has none over SOAP; over REST it is a new lead")
def leads_without_activities(case: ActivityCase, answer: Answer) -> None:
    if answer.fault is not None:
        return
    more: list[Record] = [
        {
            "id": lead_id * 100 + 12,
            "at": datetime.fromisoformat(case.leads[lead_id]["updated_at"]),
            "type": "New Lead",
            "asset": None,
            "attributes": [],
            "campaign": case.no_campaign,
            "lead": str(lead_id),
        }
        for lead_id in case.selected_leads
        if not case.leads[lead_id].get("activities")
    ]
    if more := [record for record in more if case.selects(record)]:
        case.replace_records(answer, [*answer.records, *more])


@DIFFERENCES("4.1 row 13", "the bridge asks for changes by field, and not for fields that SOAP never showed")
def rest_only_fields(case: ActivityCase, answer: Answer) -> None:
    settings = case.sandbox
    asked = {settings.field_labels.get(name, name) for name in settings.field_types.keys() - settings.unshown_fields}
    left = [each for each in answer.records if each["type"] != "Change Data Value" or each["asset"] in asked]
    if len(left) < len(answer.records):
        case.replace_records(answer, left)


@DIFFERENCES("4.1 row 12", "REST returns the ids of campaigns: one that does not exist any more has no name")
def campaigns_without_names(case: ActivityCase, answer: Answer) -> None:
    with case.pair.rest.store.reading() as leads:
        names = {campaign.full_name for campaign in leads.campaigns.find()}
    answer.change_records(
        lambda record: record if record["campaign"] in names else {**record, "campaign": case.no_campaign}
    )


@DIFFERENCES("4.1 row 13", "REST does not count the remaining records: 1 means that there are more")
def remaining_not_counted(case: ActivityCase, answer: Answer) -> None:
    if isinstance(case.operation, GetLeadChanges):
        answer.remaining = [min(1, count) for count in answer.remaining]
