"""Custom objects, channels and tags over REST."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Rest, outcome
from tests.sandbox.test_custom_objects import SETTINGS

PATH = "/rest/v1/customobjects"


@pytest.fixture
def filled(rest: Rest) -> Rest:
    rest.sandbox.configure(SETTINGS)
    return rest


def post(rest: Rest, path: str, data: Any, **params: str) -> Any:
    return outcome(rest.http.post(path, json=data, params=params))


def statuses(result: Any) -> list[str]:
    assert [each["seq"] for each in result] == [*range(len(result))]
    return [each["reasons"][0]["code"] if each["status"] == "skipped" else each["status"] for each in result]


def test_objects_are_written_found_and_deleted(filled: Rest) -> None:
    (kind,) = outcome(filled.http.get(f"{PATH}/roadshow/describe.json"))
    assert (kind["name"], kind["dedupeFields"]) == ("Roadshow", ["leadId", "rid"])
    assert kind["searchableFields"] == [["leadId", "rid"], ["marketoGUID"], ["leadId"]]
    one, two = {"leadId": 1, "rid": "a", "city": "Rome"}, {"leadId": 1, "rid": "b"}
    path = f"{PATH}/Roadshow.json"
    assert statuses(post(filled, path, {"input": [one, two, one, {"rid": "c"}, {**two, "rid": "d", "x": 1}]})) == [
        *("created", "created", "1036", "1003", "1006"),
    ]
    assert statuses(post(filled, path, {"action": "createOnly", "input": [one]})) == ["1017"]
    assert statuses(post(filled, path, {"action": "updateOnly", "input": [{**two, "rid": "z"}]})) == ["1013"]
    query = {"filterType": "dedupeFields", "fields": ["city"], "input": [{"leadId": 1, "rid": "a"}]}
    assert [each["city"] for each in post(filled, path, query, _method="GET")] == ["Rome"]
    params = {"filterType": "leadId", "filterValues": "1", "fields": "rid", "batchSize": "1"}
    first = filled.http.get(path, params=params).json()
    last = filled.http.get(path, params={**params, "nextPageToken": first["nextPageToken"]}).json()
    assert [each["rid"] for each in first["result"] + last["result"]] == ["a", "b"]
    assert "nextPageToken" not in last
    guid = first["result"][0]["marketoGUID"]
    by_guid = {"filterType": "marketoGUID", "filterValues": f"{guid},{guid[:-1]}f,none", "fields": "rid"}
    assert outcome(filled.http.get(path, params=by_guid)) == first["result"]
    delete = {"input": [{"leadId": 1, "rid": "a"}, {"leadId": 9, "rid": "a"}]}
    assert statuses(post(filled, f"{PATH}/Roadshow/delete.json", delete)) == ["deleted", "1013"]


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("Rodeo", {}, "1013"),
        ("Roadshow", {"filterType": "city", "filterValues": "Rome"}, "1003"),
        ("Roadshow", {"filterType": "leadId", "filterValues": "1", "fields": "x"}, "1003"),
    ],
)
def test_reads_that_are_refused(filled: Rest, path: str, params: dict[str, str], code: str) -> None:
    assert outcome(filled.http.get(f"{PATH}/{path}.json", params=params)) == code


def test_assets_come_in_pages_and_warn_of_nothing(filled: Rest) -> None:
    def get(path: str, **params: str) -> Any:
        return filled.http.get(f"/rest/asset/v1/{path}.json", params=params).json()

    assert [each["name"] for each in get("channels", maxReturn="1", offset="1")["result"]] == ["Email"]
    (webinar,) = get("channel/byName", name="Webinar")["result"]
    assert [each["name"] for each in webinar["progressionStatuses"]] == ["Invited", "Attended"]
    (region,) = get("tagType/byName", name="Region")["result"]
    assert region["allowableValues"] == "[EU, US]"
    assert len(get("tagTypes")["result"]) == 3
    for nothing in (get("channels", offset="9"), get("tagType/byName", name="Nope")):
        assert nothing["warnings"] == ["No assets found for the given search criteria."]
        assert nothing["success"]
        assert "result" not in nothing
    assert get("channels", maxReturn="201")["errors"][0]["code"] == "1003"
