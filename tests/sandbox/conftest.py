from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from marketo_soap import Client, Sandbox
from tests.support import CREDENTIALS, NOW


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    user = CREDENTIALS
    with Sandbox(user_id=user.user_id, encryption_key=user.encryption_key, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox, clock: Clock) -> Iterator[Client]:
    with Client(transport=sandbox.transport(), clock=clock) as client:
        yield client


class Rest:
    """A caller of the REST API, with a token unless it is taken away."""

    def __init__(self, http: httpx.Client, sandbox: Sandbox) -> None:
        self.http, self.sandbox = http, sandbox
        self.renew()

    def identity(self, method: str = "POST", **changed: str) -> httpx.Response:
        user = self.sandbox.rest_credentials
        given = {"grant_type": "client_credentials", "client_id": user.client_id, "client_secret": user.client_secret}
        return self.http.request(method, "/identity/oauth/token", params=given | changed)

    def renew(self) -> None:
        token = self.identity().json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def sync(self, *records: object, **members: object) -> Any:
        """The result of a Sync Leads, or the code of its refusal."""
        return outcome(self.http.post("/rest/v1/leads.json", json={"input": list(records), **members}))

    def skipped(self, record: object, **members: object) -> str | None:
        """The code that one record was skipped for."""
        (one,) = self.sync(record, **members)
        assert (one["status"] == "skipped") == ("reasons" in one)
        return one["reasons"][0]["code"] if "reasons" in one else None

    def find(self, by: str, values: object, **params: object) -> Any:
        params = {"filterType": by, "filterValues": values, **params}
        return outcome(self.http.get("/rest/v1/leads.json", params=params))  # type: ignore[arg-type]

    def lead(self, lead_id: int, *fields: str) -> Any:
        (lead,) = outcome(self.http.get(f"/rest/v1/lead/{lead_id}.json", params={"fields": ",".join(fields)}))
        return lead

    def associate(self, lead_id: int, cookie: str) -> Any:
        return outcome(self.http.post(f"/rest/v1/leads/{lead_id}/associate.json", params={"cookie": cookie}))


def outcome(response: httpx.Response) -> Any:
    """The result of a call that succeeded, or the code of its refusal."""
    data = response.json()
    first, *_, last = data
    assert (first, last) == ("requestId", "success")
    if data["success"]:
        assert response.status_code == 200
        return data.get("result")
    (error,) = data["errors"]
    assert error["message"]
    return error["code"]


@pytest.fixture
def rest(sandbox: Sandbox) -> Iterator[Rest]:
    with httpx.Client(transport=sandbox.transport(), base_url="https://sandbox.invalid") as http:
        yield Rest(http, sandbox)
