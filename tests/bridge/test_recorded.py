"""Recorded replies of REST, read by the bridge, whole and with changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from marketo_soap import Client, Fault, LeadRecord, RestBridge, SyncLeadResult
from marketo_soap.bridge.names import described
from marketo_soap.calls.retry import NO_RETRY
from marketo_soap.records.lead_fields import LeadField
from tests.bridge.support import DESCRIBED, TOKEN, reply
from tests.support import FIXTURES, fixture

TOLD = FIXTURES / "rest"


def recorded(name: str) -> Any:
    return json.loads(fixture(f"rest/{name}.json"))


def request_id(data: Any) -> str | None:
    return reply(json.dumps(data)).request_id


def outcome(**replies: Any) -> tuple[Any, ...]:
    """What a sync of a lead ends with if REST gives *replies*: `token`, `describe` and `leads`."""
    bodies = {"token": json.loads(TOKEN), "describe": json.loads(DESCRIBED), **replies}
    asked: list[str] = []

    def rest(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2].removesuffix(".json")
        asked.append(request.headers.get("authorization", ""))
        return httpx.Response(200, json=bodies[name])

    bridge = RestBridge("https://100-aek-913.mktorest.com", "id", "secret", transport=httpx.MockTransport(rest))
    with Client(transport=bridge, retry=NO_RETRY) as client:
        try:
            result = client.sync_lead(LeadRecord(email="t@t.com", attributes={"FirstName": "George"}))
        except Fault as error:
            rest_said = error.rest
            assert rest_said is not None
            return error.code, rest_said.code, rest_said.message, rest_said.request_id, error.fate_unknown
    assert isinstance(result, SyncLeadResult)
    return str(result.sync_status.status), result.lead_id, asked[-1]


SKIPPED = "Invalid value for field 'boolean_field' and value 'other'"
READINGS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "created": (lambda data: (outcome(leads=data), request_id(data)),
                (("CREATED", 1141, "Bearer tok-1"), "81f4#1743e0c6069")),
    "updated": (lambda data: (outcome(leads=data), request_id(data)),
                (("UPDATED", 1141, "Bearer tok-1"), "15e66#1743e0c68f1")),
    "skipped": (lambda data: outcome(leads=data),
                (20106, "1003", SKIPPED, "7078#17d4f0546b6", False)),
    "refused": (lambda data: outcome(leads=data),
                (20014, "601", "Access token invalid", "e42b#14272d07d78", False)),
    "token": (lambda data: outcome(token=data, leads=recorded("created")),
              ("CREATED", 1141, "Bearer 00000000-0000-4000-8000-000000000000:int")),
    "described-field": (lambda data: described([data]),
                        (LeadField("dateOfBirth", "DateofBirth", "date", "Date of Birth"),)),
}  # fmt: skip
"""What each recording means to the bridge: how it is read, and what comes of it."""

NOT_READ = {
    ("token", "token_type"), ("token", "scope"), ("token", "expires_in"),
    ("described-field", "id"), ("described-field", "rest", "readOnly"), ("described-field", "soap", "readOnly"),
}  # fmt: skip
"""Members that the bridge does without: a token of unknown length is good for now."""


def test_every_recording_is_read() -> None:
    assert {path.stem for path in TOLD.glob("*.json")} == READINGS.keys()


@pytest.mark.parametrize("name", READINGS)
def test_a_recording_means_what_it_meant(name: str) -> None:
    read, meaning = READINGS[name]
    assert read(recorded(name)) == meaning


def members(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ())
    return [found for key, value in inside for found in [(*path, key), *members(value, (*path, key))]]


def parent(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        data = data[key]
    return data


CHANGES = [(name, path) for name in READINGS for path in members(recorded(name))]


@pytest.mark.parametrize(("name", "path"), CHANGES)
def test_a_member_that_is_missing_is_missed(name: str, path: tuple[Any, ...]) -> None:
    read, meaning = READINGS[name]
    data = recorded(name)
    del parent(data, path)[path[-1]]
    assert (read(data) == meaning) == ((name, *path) in NOT_READ)


@pytest.mark.parametrize("name", [name for name, path in CHANGES if path == ("success",)])
@pytest.mark.parametrize("other", ["flipped", "true", 1, None])
def test_a_success_that_is_none_is_no_success(name: str, other: Any) -> None:
    read, meaning = READINGS[name]
    data = recorded(name)
    data["success"] = not data["success"] if other == "flipped" else other
    assert read(data) != meaning
