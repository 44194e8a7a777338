"""getLeadActivity and getLeadChanges give the same answers over REST as over SOAP, with differences: `activities.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

import pytest
from attrs import evolve

from marketo_soap import (
    ActivityTypeFilter,
    AsyncClient,
    Client,
    GetLeadActivity,
    GetLeadChanges,
    LastUpdateAtSelector,
    LeadKey,
    LeadKeySelector,
    LeadRecord,
    StaticListSelector,
    StreamPosition,
)
from marketo_soap.sandbox.settings import StaticList
from tests.bridge.soap_vs_rest.activities import DIFFERENCES, TYPES, Operation, activities_of, compare, prepare
from tests.bridge.soap_vs_rest.sandboxes import ANONYMOUS, CONFIGURATIONS, SEEDS, SandboxPair
from tests.support import NOW

LISTS = (StaticList("All", members=("a@x.com", "b@x.com", "c@x.com")), StaticList("Few", "Launch", ("c@x.com",)))
B, START = LeadKey("EMAIL", "b@x.com"), StreamPosition()
NO_CAMPAIGN = ActivityTypeFilter(["VisitWebpage", "ClickLink", "AddToList"])


def filled(configuration: str, kind: type[Client | AsyncClient] = Client) -> SandboxPair:
    """Every lead but the third has activities."""
    chosen = CONFIGURATIONS[configuration]
    pair = SandboxPair(evolve(chosen, sandbox=evolve(chosen.sandbox, lists=LISTS)), kind)
    for number, seed in enumerate(SEEDS):
        pair.seed(seed)
        if number != 2:
            with pair.soap.store.transaction() as leads:
                leads.activities.add_all(activities_of(1_000_001 + number))
    for name in ("George", "Geo"):
        pair.advance_clock()
        for client in (pair.soap_client, pair.rest_client):
            client.sync_lead(LeadRecord(id=1_000_004, attributes={"FirstName": name, "Unsubscribed": "1"}))
    pair.advance_clock()
    return pair


def of_lead(key: LeadKey = B, **options: object) -> GetLeadActivity:
    return GetLeadActivity(key, **{"activity_filter": NO_CAMPAIGN, **options})  # type: ignore[arg-type]


def changes(position: StreamPosition = START, **options: object) -> GetLeadChanges:
    return GetLeadChanges(position, **{"activity_filter": NO_CAMPAIGN, **options})  # type: ignore[arg-type]


def by_ids(*ids: int) -> LeadKeySelector:
    return LeadKeySelector("IDNUM", [str(each) for each in ids])


EXACT: Mapping[str, Operation] = {
    "of a lead": of_lead(),
    "of a lead by id": of_lead(LeadKey("IDNUM", "1000005")),
    "of a lead in pages": of_lead(batch_size=1),
    "changes of a lead, newest first": of_lead(activity_filter=ActivityTypeFilter(["ChangeDataValue"]), batch_size=1),
    "of an unknown lead": of_lead(LeadKey("EMAIL", "nobody@x.com")),
    "up to a time": of_lead(start_position=StreamPosition(NOW - timedelta(seconds=4))),
    "since a time": of_lead(start_position=StreamPosition(oldest_created_at=NOW - timedelta(seconds=4))),
    "at a damaged position": of_lead(start_position=StreamPosition(offset="ID:7")),
    "changes of many leads": changes(lead_selector=by_ids(*range(1_000_002, 1_000_060))),
    "new values and old ones": changes(activity_filter=ActivityTypeFilter(["ChangeDataValue"])),
    "by the names of types": changes(activity_filter=None, activity_name_filter=["Open House", "Visit Webpage"]),
    "by an unknown name": changes(activity_filter=None, activity_name_filter=["Unheard of"]),
    "of a list": changes(lead_selector=StaticListSelector("All")),
    "of a list of a program": changes(lead_selector=StaticListSelector("Launch.Few")),
    "of an unknown list": changes(lead_selector=StaticListSelector("Nope")),
    "of a time span": changes(
        lead_selector=LastUpdateAtSelector(NOW - timedelta(seconds=7), latest_updated_at=NOW - timedelta(seconds=4))
    ),
    "of an unknown id": changes(lead_selector=by_ids(7)),
    "between two times": changes(StreamPosition(NOW - timedelta(seconds=3), NOW - timedelta(seconds=5))),
    "changes at a damaged position": changes(StreamPosition(offset="ID:1")),
}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str, kind: type[Client | AsyncClient]) -> None:
    with filled("default", kind) as pair:
        assert compare(pair, EXACT[what]) == []


EXAMPLES: Mapping[str, tuple[str, Operation]] = {
    "owner_email": ("default", of_lead(LeadKey("LEADOWNEREMAIL", "owner@x.com"))),
    "anonymous_leads": ("default", of_lead(LeadKey("COOKIE", ANONYMOUS))),
    "open_time_span": ("default", changes(lead_selector=LastUpdateAtSelector(NOW - timedelta(days=40)))),
    "leads_without_activities": ("default", changes(activity_filter=None)),
    "rest_only_fields": ("default", changes(activity_filter=None)),
    "campaigns_without_names": ("default", of_lead(activity_filter=None)),
    "remaining_not_counted": ("default", changes(batch_size=2)),
}


def test_every_difference_has_an_example() -> None:
    DIFFERENCES.check_examples(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_difference(name: str) -> None:
    configuration, operation = EXAMPLES[name]
    with filled(configuration) as pair:
        with pair.soap.store.transaction() as leads:
            hidden = {"type": "Change Data Value", "when": NOW.isoformat(), "asset": "Lead Partition ID"}
            leads.activities.add(evolve(activities_of(1_000_004)[0], type=hidden["type"], asset=hidden["asset"]))
        assert name in compare(pair, operation)


@pytest.mark.parametrize(
    ("configuration", "size"),
    [("default", 1), ("default", 7), *((each, size) for each in CONFIGURATIONS for size in (3, None))],
)
def test_every_page(configuration: str, size: int | None) -> None:
    with filled(configuration) as pair:
        prepare(pair)
        compare(pair, changes(activity_filter=None, batch_size=size))
        compare(pair, of_lead(activity_filter=None, batch_size=size))
        compare(pair, changes(activity_filter=ActivityTypeFilter(exclude_types=["NewLead"]), batch_size=size))


def polled(pair: SandboxPair) -> Iterator[list[str]]:
    """Read as a CRM does: to the page without records, then from the last `latestCreatedAt` on."""
    position, client = START, cast("Any", pair.rest_client)
    while True:
        names, call = [], changes(position, activity_filter=ActivityTypeFilter(["ChangeDataValue"]), batch_size=2)
        while True:
            result = client.call(call)
            if not result.return_count:
                break
            names += [record.get("New Value") for record in result.lead_change_records]
            call = evolve(call, start_position=result.new_start_position)
        yield names
        position = StreamPosition(oldest_created_at=result.new_start_position.latest_created_at)


def test_a_poll_over_rest_loses_nothing() -> None:
    with filled("default") as pair:
        runs = polled(pair)
        assert next(runs)[-1] == "Geo"
        pair.rest_client.sync_lead(LeadRecord(id=1_000_004, attributes={"FirstName": "G"}))
        assert next(runs)[-1] == "G"


def test_types_go_in_groups_of_ten_and_leads_in_groups_of_thirty() -> None:
    with filled("default") as pair:
        every = changes(activity_filter=None, lead_selector=by_ids(*range(1_000_001, 1_000_041)), batch_size=3)
        before = len(pair.rest.entries())
        compare(pair, every)
        asked = [entry.operation for entry in pair.rest.entries()[before:]]
        assert {"getActivityTypes", "getPagingToken", "getLeadActivities", "getLeadChanges"} <= set(asked)
        assert len(TYPES) == 5
