"""getLeadActivity and getLeadChanges over SOAP and, through the bridge, over REST: what each answers, and the gaps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from attrs import define, frozen
from hypothesis import strategies as st

from marketo_soap import (
    ActivityRecord,
    ActivityType,
    ActivityTypeFilter,
    Fault,
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
from tests.bridge.drawn import KEYS
from tests.bridge.gap import Gaps
from tests.bridge.two_roads import Roads
from tests.support import NOW

Operation: TypeAlias = GetLeadActivity | GetLeadChanges
Record: TypeAlias = dict[str, Any]

MOST_PAGES = 200
TYPES = ["Visit Webpage", "Click Link", "Change Score", "Add to List", "Open House"]
WHOLE = [ActivityType.VISIT_WEBPAGE, ActivityType.CLICK_LINK, ActivityType.NEW_LEAD, ActivityType.CHANGE_DATA_VALUE]


def log_of(lead_id: int) -> list[Activity]:
    """What is logged of a lead before the calls: five activities, at times that other leads' have too."""
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


def prepare(roads: Roads) -> None:
    with roads.soap.store.transaction() as leads:
        for lead in [*leads.all()][::2]:
            leads.activities.add_all(log_of(lead.id))


def share_log(roads: Roads) -> None:
    """Give REST's sandbox the log of SOAP's: what calls log is not compared here, and some gaps change it."""
    with roads.soap.store.reading() as leads:
        log = leads.activities.find()
    with roads.rest.store.transaction() as leads:
        leads.activities.clear()
        for activity in log:
            leads.activities.add(activity)


FILTERS = st.one_of(
    st.none(),
    st.lists(st.sampled_from(WHOLE), max_size=3).map(lambda types: ActivityTypeFilter(include_types=types)),
    st.lists(st.sampled_from(WHOLE), max_size=2).map(lambda types: ActivityTypeFilter(exclude_types=types)),
)


@st.composite
def calls(draw: st.DrawFn, now: datetime) -> Operation:
    """A getLeadActivity or a getLeadChanges."""

    def moment() -> datetime | None:
        return draw(st.none() | st.integers(0, 30).map(lambda seconds: now - timedelta(seconds=seconds)))

    kind, value = draw(KEYS)
    options: dict[str, Any] = {"activity_filter": draw(FILTERS), "batch_size": draw(st.sampled_from([None, 1, 2, 5]))}
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


@define
class Answer:
    """What came of a call: the code of a fault, or the records, how many each page had, and how many remained."""

    fault: int | None
    records: list[Record]
    pages: list[int]
    remaining: list[int]


def shown(record: Any) -> Record:
    return {
        "id": record.id,
        "at": record.activity_date_time,
        "type": record.activity_type,
        "asset": record.mktg_asset_name,
        "attributes": [(each.name, each.value) for each in record.activity_attributes],
        "campaign": record.campaign,
        "lead": record.mkt_person_id,
    }


def ask(client: Any, operation: Operation) -> Answer:
    """Make the call, and those for the pages after the first."""
    answer, call = Answer(None, [], [], []), operation
    for _ in range(MOST_PAGES):
        try:
            result: Any = client.call(call)
        except Fault as error:
            return Answer(error.code, [], [], [])
        page = type(call).items(result)
        assert result.return_count == len(page)
        answer.records += [shown(record) for record in page]
        answer.pages.append(len(page))
        answer.remaining.append(result.remaining_count)
        following: Any = call.next_page(result)
        if following is None:
            return answer
        call = following
    raise AssertionError("the pages do not end")


@frozen
class Case:
    """A call, and what both sides know of the leads."""

    operation: Operation
    roads: Roads
    dump: dict[int, dict[str, Any]]

    @property
    def key_type(self) -> str | None:
        operation = self.operation
        if isinstance(operation, GetLeadActivity):
            return operation.lead_key.key_type
        selector = operation.lead_selector
        return selector.key_type if isinstance(selector, LeadKeySelector) else None

    @property
    def meant(self) -> list[int]:
        """The leads that REST takes the call to mean."""
        operation = self.operation
        if isinstance(operation, GetLeadActivity):
            key = operation.lead_key
            return [lead_id for lead_id in self._named(key.key_type, [key.key_value]) if self.visible(lead_id)][-1:]
        selector = operation.lead_selector
        if isinstance(selector, LeadKeySelector):
            found = self._named(selector.key_type, selector.key_values)
        elif isinstance(selector, StaticListSelector):
            found = []
        else:
            found = [*self.dump]
        return [lead_id for lead_id in found if self.visible(lead_id)]

    def _named(self, kind: str, values: Any) -> list[int]:
        wanted = {value.strip().lower() for value in values}
        held: Callable[[dict[str, Any]], set[str]] = {
            "IDNUM": lambda lead: {str(lead["id"])},
            "EMAIL": lambda lead: {(lead["email"] or "").strip().lower()},
            "COOKIE": lambda lead: {cookie.lower() for cookie in lead["cookies"]},
        }.get(kind, lambda lead: set())
        return [lead_id for lead_id, lead in self.dump.items() if wanted & held(lead)]

    def visible(self, lead_id: int) -> bool:
        return self.roads.pair.sandbox.rest_shows_anonymous or not self.dump[lead_id]["anonymous"]

    def fits(self, record: Record) -> bool:
        """Whether the call is for a record, as far as type and time say."""
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

    def records(self) -> list[Record]:
        """The records that the log has for the call, oldest first."""
        log: list[ActivityRecord] = [each for lead_id in self.meant for each in self.roads.soap.activities(lead_id)]
        found = [shown(each) for each in log]
        if isinstance(self.operation, GetLeadChanges):
            found = [{**record, "campaign": record["campaign"] or None} for record in found]
        return sorted(filter(self.fits, found), key=lambda record: (record["at"], record["id"]))

    def answer_of(self, records: list[Record], answer: Answer) -> None:
        """Make these records, which are in the order of time, the answer: in pages of the same size."""
        newest_first = isinstance(self.operation, GetLeadActivity)
        size = self.operation.batch_size or 100
        answer.fault, answer.records = None, records[::-1] if newest_first else records
        answer.pages = [len(records[at : at + size]) for at in range(0, len(records), size)] or [0]
        answer.remaining = [max(0, len(records) - size * number) for number in range(1, len(answer.pages) + 1)]

    def in_time(self, answer: Answer) -> list[Record]:
        return answer.records[::-1] if isinstance(self.operation, GetLeadActivity) else answer.records


gap: Gaps[Case, Answer] = Gaps()


def compare(roads: Roads, operation: Operation) -> list[str]:
    """Make the call on both roads and compare the answers; return the gaps that it fell into."""
    share_log(roads)
    case = Case(operation, roads, {row["id"]: row for row in roads.soap.dump() if "kind" not in row})
    by_soap, by_rest = ask(roads.by_soap, operation), ask(roads.by_rest, operation)
    met = gap.apply(case, by_soap)
    names = [each.name for each in met]
    assert by_rest == by_soap, f"{operation}: {by_rest} by REST, {by_soap} by SOAP and {names}"
    return names


@gap("3, table of lead keys", "REST has no filter by the owner's address")
def owner_email(case: Case, answer: Answer) -> None:
    if case.key_type == LeadKeyRef.LEADOWNEREMAIL:
        answer.fault, answer.records, answer.pages, answer.remaining = 20102, [], [], []


@gap("4.1 row 1", "REST does not see anonymous leads, unless the settings say so; getLeadChanges never returns them")
def anonymous_leads(case: Case, answer: Answer) -> None:
    if isinstance(case.operation, GetLeadActivity) and answer.fault is None:
        if case.meant:
            case.answer_of(case.records(), answer)
        else:
            answer.fault, answer.records, answer.pages, answer.remaining = 20103, [], [], []
    elif case.roads.pair.sandbox.rest_shows_anonymous and answer.fault is None:
        case.answer_of(case.records(), answer)


@gap("4.1 row 13", "an open span of time is not checked for its 30 days: the bridge has no clock")
def open_span(case: Case, answer: Answer) -> None:
    if answer.fault == 20022:
        case.answer_of(case.records(), answer)


@gap("4.1 row 13", "the sandbox has no log of leads that were seeded without one: over REST they are new when written")
def leads_without_a_log(case: Case, answer: Answer) -> None:
    if answer.fault is not None:
        return
    more = []
    for lead_id in case.meant:
        lead = case.dump[lead_id]
        at = datetime.fromisoformat(lead["updated_at"])
        campaign = "" if isinstance(case.operation, GetLeadActivity) else None
        record = {"id": lead_id * 100 + 12, "at": at, "type": "New Lead", "asset": None, "attributes": []}
        if not lead.get("activities"):
            more.append({**record, "campaign": campaign, "lead": str(lead_id)})
    more = [record for record in more if case.fits(record)]
    if more:
        records = sorted([*case.in_time(answer), *more], key=lambda record: (record["at"], record["id"]))
        case.answer_of(records, answer)


@gap("4.1 row 13", "changes are asked for by fields: those of fields that SOAP never showed are not")
def fields_of_rest_alone(case: Case, answer: Answer) -> None:
    settings = case.roads.pair.sandbox
    asked = {settings.field_labels.get(name, name) for name in settings.field_types.keys() - settings.unshown_fields}
    left = [r for r in case.in_time(answer) if r["type"] != "Change Data Value" or r["asset"] in asked]
    if len(left) < len(answer.records):
        case.answer_of(left, answer)


@gap("4.1 row 12", "REST has the ids of campaigns: one that is not there has no name")
def campaigns_without_names(case: Case, answer: Answer) -> None:
    none = "" if isinstance(case.operation, GetLeadActivity) else None
    with case.roads.rest.store.reading() as leads:
        names = {campaign.full_name for campaign in leads.campaigns.find()}
    answer.records = [
        record if record["campaign"] in names else {**record, "campaign": none} for record in answer.records
    ]


@gap("4.1 row 13", "REST does not count what remains: 1 stands for more")
def not_counted(case: Case, answer: Answer) -> None:
    if isinstance(case.operation, GetLeadChanges):
        answer.remaining = [min(1, count) for count in answer.remaining]
