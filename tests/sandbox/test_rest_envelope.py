"""REST's tokens, envelopes and refusals that are the same for every call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from attrs import evolve

from marketo_soap import Sandbox
from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import HttpRequest
from marketo_soap.sandbox.settings import REST_LIMITS, Limits, Settings
from tests.sandbox.conftest import Clock, Rest, outcome
from tests.support import fixture


def shape(data: Any) -> Any:
    """What a reply is made of: its members in their order, and the types of their values."""
    if isinstance(data, dict):
        return [(name, shape(value)) for name, value in data.items()]
    if isinstance(data, list):
        return [shape(item) for item in data]
    return "requestId" if re.fullmatch("[0-9a-f]+#[0-9a-f]+", str(data)) else type(data)


def described(rest: Rest, name: str) -> Any:
    fields = rest.http.get("/rest/v1/leads/describe.json").json()["result"]
    return next(f for f in fields if f["rest"]["name"] == name)


@pytest.mark.parametrize("name", ["token", "created", "updated", "skipped", "refused", "described-field"])
def test_replies_have_the_recorded_shape(rest: Rest, name: str) -> None:
    def sync(**values: object) -> Any:
        return rest.http.post("/rest/v1/leads.json", json={"input": [{"email": "t@t.com", **values}]}).json()

    rest.sandbox.configure(Settings(custom_fields={"boolean_field": "boolean"}))
    real = json.loads(fixture(f"rest/{name}.json"))
    if name == "updated":
        sync()
    if name == "refused":
        rest.http.headers["Authorization"] = "Bearer other"
    calls: dict[str, Callable[[], Any]] = {
        "token": lambda: rest.identity().json(),
        "skipped": lambda: sync(boolean_field="other"),
        "described-field": lambda: {**described(rest, "dateOfBirth"), "id": 62},
    }
    made = calls.get(name, sync)()
    assert shape(made) == shape(real)
    if name == "skipped":
        assert made["result"] == real["result"]
    if name == "refused":
        assert made["errors"] == real["errors"]
    if name == "described-field":
        assert made == real


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_is_given_again_with_the_seconds_it_has_left(rest: Rest, clock: Clock, method: str) -> None:
    first = rest.identity(method).json()
    clock.tick(3000.5)
    second = rest.identity(method).json()
    assert (first["expires_in"], second["expires_in"]) == (3600, 599)
    assert first["access_token"] == second["access_token"]
    clock.tick(599.5)
    assert rest.find("email", "t@t.com") == "602"
    third = rest.identity(method).json()
    assert third["expires_in"] == 3600
    assert third["access_token"] != first["access_token"]
    assert rest.find("email", "t@t.com") == "602"
    rest.renew()
    assert rest.find("email", "t@t.com") == []


def test_a_form_may_ask_for_a_token(rest: Rest) -> None:
    user = rest.sandbox.rest_credentials
    form = {"grant_type": "client_credentials", "client_id": user.client_id, "client_secret": user.client_secret}
    assert rest.http.post("/identity/oauth/token", data=form).json()["token_type"] == "bearer"


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"client_secret": "naïve"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
    ids=str,
)
def test_who_is_not_known_gets_no_token(rest: Rest, changed: dict[str, str], status: int, error: str) -> None:
    refused = rest.identity(**changed)
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert "requestId" not in refused.json()


def test_other_credentials_make_the_tokens_bad(rest: Rest) -> None:
    rest.sandbox.configure(evolve(rest.sandbox.settings, client_secret="another"))
    assert rest.find("email", "t@t.com") == "601"
    assert rest.identity(client_secret="another").status_code == 200


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "600"),
        ("", "600"),
        ("Bearer", "600"),
        ("Bearer ", "600"),
        ("Basic eDp5", "600"),
        ("Bearer other", "601"),
        ("bearer {}", None),
        ("Bearer  {}", None),
    ],
)
def test_who_may_call(rest: Rest, authorization: str | None, code: str | None) -> None:
    token = rest.http.headers.pop("Authorization").split()[1]
    headers = {} if authorization is None else {"Authorization": authorization.format(token)}
    said = outcome(rest.http.get("/rest/v1/leads/partitions.json", headers=headers))
    assert code in (said, None)
    assert isinstance(said, list) == (code is None)


def test_a_token_in_the_address_is_not_taken(rest: Rest) -> None:
    token = rest.http.headers.pop("Authorization").split()[1]
    assert outcome(rest.http.get("/rest/v1/leads/partitions.json", params={"access_token": token})) == "600"
    form = {"access_token": token, "_method": "GET", "filterType": "id", "filterValues": "1"}
    assert outcome(rest.http.post("/rest/v1/leads.json", data=form)) == "600"


LEADS = "/rest/v1/leads.json"
JSON = "application/json"


@pytest.mark.parametrize(
    ("method", "path", "kind", "body", "status", "code"),
    [
        ("GET", "/rest/v1/lead.json", None, b"", 200, "610"),
        ("GET", "/rest/v1/lead/x.json", None, b"", 200, "610"),
        ("GET", "/rest/v2/leads.json", None, b"", 200, "610"),
        ("POST", "/bulk/v1/nothing.json", None, b"", 200, "610"),
        ("GET", "/identity/oauth", None, b"", 200, "610"),
        ("DELETE", LEADS, None, b"", 200, "605"),
        ("DELETE", "/identity/oauth/token", None, b"", 200, "605"),
        ("PUT", "/rest/v1/lead/1.json", None, b"", 200, "605"),
        ("GET", "/rest/v1/leads/1/associate.json", None, b"", 200, "605"),
        ("POST", LEADS, None, b"{}", 200, "612"),
        ("POST", LEADS, "text/xml", b"{}", 200, "612"),
        ("POST", LEADS, "application/x-www-form-urlencoded", b"filterType=id", 200, "612"),
        ("POST", LEADS + "?_method=GET", JSON, b"{}", 200, "612"),
        ("POST", LEADS, JSON + "; charset=UTF-8", b"", 200, "609"),
        ("POST", LEADS, JSON, b"\xff", 200, "609"),
        ("POST", LEADS, JSON, b'{"input":[{"leadScore":NaN}]}', 200, "609"),
        ("POST", LEADS, JSON, b"[]", 200, "609"),
        ("POST", LEADS, JSON, b"[" * 200_000, 200, "609"),
        ("POST", LEADS, JSON, b'{"input":[{"leadScore":' + b"9" * 5000 + b"}]}", 200, "609"),
        ("POST", LEADS, JSON, b" " * (1024 * 1024 - 2) + b"{}", 200, "1002"),
        ("POST", LEADS, JSON, b" " * (1024 * 1024 - 1) + b"{}", 413, "413"),
        ("GET", LEADS + "?x=" + "a" * (8192 - len(LEADS) - 3), None, b"", 200, "1002"),
        ("GET", LEADS + "?x=" + "a" * (8193 - len(LEADS) - 3), None, b"", 414, "414"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_refused_as_a_whole(
    rest: Rest, method: str, path: str, kind: str | None, body: bytes, status: int, code: str
) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    response = rest.http.request(method, path, content=body, headers=headers)
    assert (response.status_code, outcome(response)) == (status, code)
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert rest.sandbox.entries()[-1].verdict == code
    assert rest.sandbox.leads() == []
    assert rest.sandbox.in_progress == 0


@pytest.mark.parametrize("path", ["//rest/v1/leads.json", "/rest//v1/leads.json"])
def test_two_slashes_are_no_path(sandbox: Sandbox, path: str) -> None:
    said = answer(sandbox, HttpRequest("GET", "https", path, "", {}))
    said.done()
    assert json.loads(said.body)["errors"][0]["code"] == "610"


def test_a_user_without_the_permission(rest: Rest) -> None:
    rest.sandbox.configure(Settings(access=False))
    assert rest.find("email", "t@t.com") == "603"
    assert rest.identity().status_code == 200


def test_the_limits_are_rests_own(rest: Rest, clock: Clock) -> None:
    rest.sandbox.configure(Settings(limits=Limits(calls=1), rest_limits=Limits(calls=2, per_day=3)))
    said = [rest.find("email", "t@t.com") for _ in range(3)]
    assert said == [[], [], "606"]
    assert rest.identity().status_code == 200
    clock.tick(20)
    assert [rest.find("email", "t@t.com") for _ in range(2)] == [[], "607"]
    assert rest.sandbox.limits is not None
    assert rest.sandbox.limits.used(clock.now, clock.now.timestamp()) == {"calls": 0, "per_day": 0}


def test_ten_at_once(rest: Rest) -> None:
    sandbox = rest.sandbox
    sandbox.configure(Settings(rest_limits=Limits(at_once=2)))
    headers = {"authorization": rest.http.headers["Authorization"]}
    asked = HttpRequest("GET", "https", "/rest/v1/leads/partitions.json", "", headers)
    by_soap = [sandbox.handle(b"") for _ in range(3)]
    running = [answer(sandbox, asked) for _ in range(3)]
    assert [b'"615"' in said.body for said in running] == [False, False, True]
    assert (sandbox.rest_calls.count, sandbox.soap_calls.count) == (3, 3)
    for done in [*(said.done for said in by_soap), *(said.done for said in running)]:
        done()
    assert sandbox.in_progress == 0


def test_the_vendors_limits_are_both_sides() -> None:
    assert Limits(100, 20.0, 10, 50_000) == REST_LIMITS
    with Sandbox(limits="vendor") as sandbox:
        assert sandbox.settings.rest_limits == REST_LIMITS
    with Sandbox(limits=Limits()) as sandbox:
        assert sandbox.settings.rest_limits is None


@pytest.mark.parametrize("wrong", [{"client_id": " "}, {"client_secret": ""}, {"token_lifetime": 0.0}], ids=str)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)


def test_no_token_and_no_secret_is_shown(rest: Rest) -> None:
    secret = 'a "b"&/'
    sandbox = rest.sandbox
    sandbox.configure(Settings(client_secret=secret))
    rest.renew()
    token = rest.http.headers["Authorization"].split()[1]
    rest.http.post("/identity/oauth/token", data={"client_secret": "a real one"})
    rest.http.post("/identity/oauth/token", json={"client_secret": "a real one"})
    rest.http.get("/identity/oauth/token?client%5Fsecret=a%20real%20one")
    rest.http.get(LEADS, params={"Access_Token ": "a real one"})
    rest.http.post("/identity/oauth", json={"client_secret": "a real one"})
    rest.http.get(f"/rest/v1/{token}")
    rest.sync({"email": "t@t.com"}, note=[token, secret])
    kept = json.dumps([entry.as_data() for entry in sandbox.entries()])
    kept += repr(sandbox.settings) + repr(sandbox.rest_credentials) + repr(sandbox.entries())
    assert "***" in kept
    written = (secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3])
    for private in (token, *written, "a real", "a+real", "a%20real"):
        assert private not in kept


def test_the_settings_of_the_control_surface_hide_the_secret(rest: Rest) -> None:
    settings = rest.http.get("/_sandbox/settings").json()
    assert "client_secret" not in settings
    changed = rest.http.patch("/_sandbox/settings", json={"client_secret": "open sesame", "token_lifetime": 5})
    assert "sesame" not in changed.text
    assert rest.identity().json()["expires_in"] == 5


def test_a_transport_of_an_async_client_answers_too(sandbox: Sandbox) -> None:
    import asyncio

    async def main() -> httpx.Response:
        async with httpx.AsyncClient(transport=sandbox.transport(), base_url="https://sandbox.invalid") as http:
            return await http.get("/rest/v1/leads/describe.json")

    assert outcome(asyncio.run(main())) == "600"


def test_a_body_that_is_too_long_is_not_read(rest: Rest) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = rest.http.post(LEADS, content=b"_method=GET&" + b"a&" * 2**20, headers=form)
    assert (response.status_code, outcome(response)) == (413, "413")
    assert rest.sandbox.entries()[-1].request == b"POST /rest/v1/leads.json\n\n(2097164 bytes)"
