"""Campaigns over REST: found, triggered, scheduled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketo_soap.sandbox.settings import Settings
from tests.sandbox.conftest import Clock, Rest, outcome
from tests.sandbox.test_campaigns import ASLEEP, BOTH, CALL, CAMPAIGNS, NIGHTLY, TOKENS, WELCOME
from tests.support import NOW

FIRST = 1000001
PAIRS = [{"name": name, "value": value} for name, value in TOKENS.items()]


@pytest.fixture
def filled(rest: Rest) -> Rest:
    rest.sandbox.configure(Settings(campaigns=CAMPAIGNS))
    rest.sandbox.seed([{"email": "a@t.com"}, {"email": "b@t.com"}, {"anonymous": True, "cookies": ["c"]}])
    return rest


def found(rest: Rest, **params: str) -> Any:
    got = outcome(rest.http.get("/rest/v1/campaigns.json", params=params))
    return got if isinstance(got, str) else [each["id"] for each in got]


def post(rest: Rest, number: int, what: str, data: object) -> Any:
    return outcome(rest.http.post(f"/rest/v1/campaigns/{number}/{what}.json", json=data))


def trigger(rest: Rest, number: int, *leads: object, **more: object) -> Any:
    return post(rest, number, "trigger", {"input": {"leads": [{"id": lead} for lead in leads], **more}})


def test_a_campaign_is_shown(filled: Rest) -> None:
    (shown,) = outcome(filled.http.get("/rest/v1/campaigns.json", params={"id": str(WELCOME)}))
    assert shown == {
        "id": WELCOME,
        "name": "Welcome",
        "description": "by mail",
        "type": "trigger",
        "programName": "Launch",
        "workspaceName": "Default",
        "active": True,
    }
    (batch,) = outcome(filled.http.get("/rest/v1/campaigns.json", params={"name": "Nightly"}))
    assert (batch["type"], batch["active"]) == ("batch", False)


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({}, [1001, 1002, 1003, 1004, 1005, 4496, 4497]),
        ({"isTriggerable": "true"}, [1001, 1002, 4496, 4497]),
        ({"name": "welcome back"}, [1002, 4497]),
        ({"programName": "Launch"}, [1001, 1003, 1004]),
        ({"name": "Welcome", "programName": "Nothing"}, []),
        ({"id": "x"}, "1001"),
        ({"nextPageToken": "x"}, "1003"),
    ],
)
def test_campaigns_are_found(filled: Rest, params: dict[str, str], ids: object) -> None:
    assert found(filled, **params) == ids


def test_campaigns_come_in_pages(filled: Rest) -> None:
    first = filled.http.get("/rest/v1/campaigns.json", params={"batchSize": "4"}).json()
    assert len(first["result"]) == 4
    assert found(filled, batchSize="4", nextPageToken=first["nextPageToken"]) == [CALL, BOTH, 4497]


def test_a_trigger_is_kept(filled: Rest) -> None:
    assert trigger(filled, WELCOME, FIRST, str(FIRST + 1), FIRST, tokens=PAIRS) == [{"id": WELCOME}]
    (asked,) = filled.sandbox.requested_campaigns()
    assert (asked.campaign_id, asked.lead_ids, asked.tokens) == (WELCOME, (FIRST, FIRST + 1), TOKENS)
    with filled.sandbox.store.reading() as leads:
        assert [each.lead_id for each in leads.activities.find(type="Request Campaign")] == [FIRST, FIRST + 1]


@pytest.mark.parametrize(
    ("number", "data", "code"),
    [
        (7, {"input": {"leads": [{"id": FIRST}]}}, "1013"),
        (NIGHTLY, {"input": {"leads": [{"id": FIRST}]}}, "1003"),
        (ASLEEP, {"input": {"leads": [{"id": FIRST}]}}, "1003"),
        (CALL, {"input": {"leads": [{"id": FIRST}]}}, "1003"),
        (WELCOME, {"input": {"leads": [{"id": FIRST}, {"id": 7}]}}, "1004"),
        (WELCOME, {"input": {"leads": [{"id": FIRST + 2}]}}, "1004"),
        (WELCOME, {"input": {"leads": [{"id": FIRST}] * 101}}, "1003"),
        (WELCOME, {"input": {"leads": [{"id": FIRST}], "tokens": PAIRS[:1] * 101}}, "1003"),
        (WELCOME, {"input": {"leads": [{"id": FIRST}], "tokens": ["x"]}}, "1003"),
        (WELCOME, {"input": {"leads": []}}, "1003"),
        (WELCOME, {"input": {"leads": [{"id": True}]}}, "1003"),
        (WELCOME, {"input": {"leads": [7]}}, "1003"),
        (WELCOME, {"input": []}, "1003"),
        (WELCOME, [], "1003"),
    ],
)
def test_a_trigger_is_refused(filled: Rest, number: int, data: object, code: str) -> None:
    assert post(filled, number, "trigger", data) == code
    assert filled.sandbox.requested_campaigns() == []


@pytest.mark.parametrize(
    ("run_at", "expected"),
    [
        (None, NOW + timedelta(minutes=5)),
        ("2013-08-05T23:35:00Z", NOW + timedelta(minutes=5)),
        ("2013-08-06T10:00:00+0200", datetime(2013, 8, 6, 8, tzinfo=UTC)),
        ("2015-08-06T00:00:00Z", "1042"),
        ("soon", "1003"),
    ],
)
def test_a_run_is_kept_for_its_time(filled: Rest, run_at: str | None, expected: object) -> None:
    data = {"tokens": PAIRS, "cloneToProgramName": "C"} | ({} if run_at is None else {"runAt": run_at})
    result = post(filled, NIGHTLY, "schedule", {"input": data})
    runs = filled.sandbox.scheduled_campaigns()
    if isinstance(expected, str):
        assert (result, runs) == (expected, [])
        return
    (run,) = runs
    assert result == [{"id": NIGHTLY}]
    assert (datetime.fromisoformat(run.run_at), run.tokens, run.clone_to_program) == (expected, TOKENS, "C")


def test_a_run_is_refused(filled: Rest, clock: Clock) -> None:
    assert post(filled, WELCOME, "schedule", {"input": {}}) == "1003"
    assert post(filled, 7, "schedule", {"input": {}}) == "1013"
    assert post(filled, NIGHTLY, "schedule", {"input": {"cloneToProgramName": 7}}) == "1003"
    codes = [post(filled, NIGHTLY, "schedule", {"input": {"cloneToProgramName": f"C{n}"}}) for n in range(21)]
    assert codes[19:] == [[{"id": NIGHTLY}], "1020"]
    clock.tick(86_400)
    filled.renew()
    assert post(filled, NIGHTLY, "schedule", {"input": {"cloneToProgramName": "C1"}}) == "709"
    assert post(filled, NIGHTLY, "schedule", {"input": {"cloneToProgramName": "D"}}) == [{"id": NIGHTLY}]
