"""Activities over REST: types, pages of activities, changes of leads."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from marketo_soap.records.activities import ActivityType
from marketo_soap.sandbox.rest.pages import write_token
from tests.sandbox.conftest import Clock, Rest, outcome
from tests.support import COOKIE, NOW

ANN, BEN = 1_000_001, 1_000_002
EARLY = "2001-01-01T00:00:00Z"


@pytest.fixture
def filled(rest: Rest, clock: Clock) -> Rest:
    log = [
        {"type": "Visit Webpage", "when": f"2013-07-0{day}T12:00:00Z", "asset": f"Page {day}"} for day in range(1, 6)
    ]
    more = [
        {"type": "Click Link", "when": "2013-07-03T12:00:00Z"},
        {"type": "Open House", "when": "2013-07-09T00:00:00Z"},
    ]
    rest.sandbox.seed(
        [
            {"email": "ann@t.com", "activities": log, "lists": ["News"]},
            {"email": "ben@t.com", "activities": more},
            {"anonymous": True, "cookies": [COOKIE], "activities": log[:1]},
        ]
    )
    clock.tick(10)
    return rest


def get(rest: Rest, path: str, **params: object) -> Any:
    return outcome(rest.http.get(f"/rest/v1/activities{path}", params=params))  # type: ignore[arg-type]


def token(rest: Rest, since: str = EARLY) -> str:
    reply = rest.http.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": since}).json()
    return str(reply["nextPageToken"])


def pages(rest: Rest, path: str, **params: object) -> list[list[Any]]:
    found: list[list[Any]] = []
    params = {"nextPageToken": token(rest), **params}
    for _ in range(20):
        data = rest.http.get(f"/rest/v1/activities{path}", params=params).json()  # type: ignore[arg-type]
        found.append(data["result"])
        params["nextPageToken"] = data["nextPageToken"]
        if not data["moreResult"]:
            break
    return found


def test_types_have_their_numbers(filled: Rest) -> None:
    types = {each["name"]: each["id"] for each in get(filled, "/types.json")}
    numbers = {"Visit Webpage": 1, "Fill Out Form": 2, "Click Email": 11, "New Lead": 12, "Change Data Value": 13}
    numbers |= {
        "Change Score": 22,
        "Add to List": 24,
        "Remove from List": 25,
        "Merge Leads": 32,
        "Interesting Moment": 46,
    }
    assert numbers.items() <= types.items()
    assert {kind.display_name for kind in ActivityType} <= types.keys()
    assert len(set(types.values())) == len(types)
    assert types["Open House"] > 100_000
    assert get(filled, "/types.json") == get(filled, "/types.json")


def test_activities_come_in_pages_oldest_first(filled: Rest) -> None:
    first, second = pages(filled, ".json", activityTypeIds="1,3", batchSize=4)
    assert [each["activityDate"][:10] for each in first] == ["2013-07-01", "2013-07-02", "2013-07-03", "2013-07-03"]
    assert [each["activityTypeId"] for each in first + second] == [1, 1, 1, 3, 1, 1]
    one = first[0]
    assert one == {
        "id": one["id"],
        "marketoGUID": str(one["id"]),
        "leadId": ANN,
        "activityDate": "2013-07-01T12:00:00Z",
        "activityTypeId": 1,
        "primaryAttributeValue": "Page 1",
        "attributes": [],
    }


def test_activities_are_those_of_leads_of_a_list_and_since_a_time(filled: Rest) -> None:
    def count(**params: object) -> int:
        return len(get(filled, ".json", **{"nextPageToken": token(filled), "activityTypeIds": "1,3", **params}))

    assert (count(leadIds=str(BEN)), count(leadIds=f"{ANN},{BEN},7"), count(listId=1)) == (1, 6, 5)
    assert (count(listId=1, leadIds=str(BEN)), count(activityTypeIds="12")) == (0, 0)
    assert count(nextPageToken=token(filled, "2013-07-03T12:00:00Z")) == 4
    assert count(leadIds=str(BEN + 1)) == 0
    filled.sandbox.configure(evolve(filled.sandbox.settings, rest_shows_anonymous=True))
    assert count(leadIds=str(BEN + 1)) == 1


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"activityTypeIds": ""}, "1002"),
        ({"nextPageToken": ""}, "1002"),
        ({"nextPageToken": "x"}, "1003"),
        ({"nextPageToken": write_token("since", 10**30, 0, 0)}, "1003"),
        ({"activityTypeIds": "999"}, "1003"),
        ({"activityTypeIds": "x"}, "1001"),
        ({"activityTypeIds": "1,2,3,6,7,8,9,10,11,12,13"}, "1003"),
        ({"leadIds": ",".join(map(str, range(1, 32)))}, "1003"),
        ({"listId": "99"}, "1013"),
        ({"batchSize": "301"}, "1003"),
    ],
)
def test_activities_that_are_refused(filled: Rest, params: dict[str, str], code: str) -> None:
    given = {"nextPageToken": token(filled), "activityTypeIds": "1", **params}
    assert get(filled, ".json", **given) == code


def test_changes_are_of_the_fields_that_are_asked_for(filled: Rest, clock: Clock) -> None:
    filled.sync({"email": "new@t.com", "firstName": "Nora"})
    clock.tick(1)
    filled.sync({"email": "new@t.com", "firstName": "Eleonora", "lastName": "Z"})

    def names(fields: str, size: int = 300) -> list[list[str | None]]:
        found = pages(filled, "/leadchanges.json", fields=fields, batchSize=size)
        return [[each["fields"][0]["name"] if each["fields"] else None for each in page] for page in found]

    assert names("firstName,lastName") == [[None, "firstName", "lastName"]]
    assert names("lastName") == [[None, "lastName"]]
    assert names("lastName", 1) == [[None], [], ["lastName"]]  # short pages may have others after them
    (new, *_) = get(filled, "/leadchanges.json", fields="lastName", nextPageToken=token(filled))
    assert {"name": "Source Type", "value": "Web service API"} in new["attributes"]


def test_a_lead_without_any_activity_is_new_when_it_was_written(filled: Rest, clock: Clock) -> None:
    filled.sandbox.seed([{"email": "quiet@t.com"}, {"email": "calm@t.com", "lists": ["News"]}])
    found = pages(filled, "/leadchanges.json", fields="email", batchSize=1)
    assert [[each["leadId"] for each in page] for page in found] == [[BEN + 2], [BEN + 3]]
    assert [
        each["leadId"] for page in pages(filled, "/leadchanges.json", fields="email", listId=1) for each in page
    ] == [BEN + 3]
    assert (
        get(filled, "/leadchanges.json", fields="email", nextPageToken=token(filled), leadIds=str(BEN + 2))[0][
            "activityTypeId"
        ]
        == 12
    )
    clock.tick(1)
    later = clock.now.isoformat()
    filled.sync({"email": "quiet@t.com", "firstName": "Q"})
    (change,) = get(filled, "/leadchanges.json", fields="firstName", nextPageToken=token(filled, later))
    assert (change["leadId"], change["activityTypeId"]) == (BEN + 2, 13)
    assert (
        get(
            filled, "/leadchanges.json", fields="email", nextPageToken=token(filled, NOW.replace(year=2014).isoformat())
        )
        == []
    )
