"""Answers of REST that the sandbox does not give, and what becomes of a call over the bridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from marketo_soap import Client, Fault, GetLeadActivity, LeadKey, RestBridge, StreamPosition
from tests.bridge.support import FIELDS

BASE = {
    "token": {"access_token": "tok-1", "token_type": "bearer", "expires_in": 3600},
    "describe": {"success": True, "result": FIELDS},
}


def client(replies: Mapping[str, Any], seen: list[httpx.Request] | None = None, **options: Any) -> Client:
    """A client of REST that gives these *replies*, by the last part of the path; a list gives one after the other."""

    def rest(request: httpx.Request) -> httpx.Response:
        if seen is not None and "identity" not in request.url.path:
            seen.append(request)
        name = request.url.path.rpartition("/")[2].removesuffix(".json")
        answer = (BASE | dict(replies))[name]
        answer = answer.pop(0) if isinstance(answer, list) else answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    return Client(
        transport=RestBridge("https://rest.invalid", "a", "b", transport=httpx.MockTransport(rest), **options)
    )


def done(*result: Any, **more: Any) -> dict[str, Any]:
    return {"success": True, "result": list(result), **more}


CHANGES = {
    "leads": done({"id": 7}),
    "types": done({"id": 12, "name": "New Lead"}, {"id": 13, "name": "Change Data Value"}),
    "pagingtoken": done(nextPageToken="T"),
    "leadchanges": done(
        {"id": 5, "leadId": 7, "activityDate": "2020-01-01T00:00:00Z", "activityTypeId": 12},
        {
            "id": 6,
            "leadId": 7,
            "activityDate": "2020-01-02T00:00:00Z",
            "activityTypeId": 13,
            "fields": [{"name": name, "newValue": "x"} for name in ("firstName", "lastName", "company")],
        },
    ),
}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_a_page_may_end_within_an_activity_that_changed_several_fields(size: int) -> None:
    with client(CHANGES) as soap:
        found = soap.iterate(GetLeadActivity(LeadKey("IDNUM", "7"), batch_size=size))
        assert [each.mktg_asset_name for each in found] == ["company", "lastName", "firstName", None]


@pytest.mark.parametrize("offset", ["ID:6:0", "ID:6:4", "ID:6:x", "ID:7:1", "ID:"])
def test_a_damaged_position_within_an_activity_is_a_fault(offset: str) -> None:
    with client(CHANGES) as soap, pytest.raises(Fault) as raised:
        soap.call(GetLeadActivity(LeadKey("IDNUM", "7"), start_position=StreamPosition(offset=offset)))
    assert raised.value.code == 20122
