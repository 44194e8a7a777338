"""What bridges of several processes keep for each other in Redis: tokens, and the numbers of imports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from marketo_soap import (
    AsyncClient,
    Client,
    GetImportToListStatus,
    ImportToList,
    LeadRecord,
    MarketoError,
    RestBridge,
    RetryPolicy,
    Sandbox,
)
from marketo_soap.bridge.shared_memory import RedisMemory
from marketo_soap.config import structure
from marketo_soap.sandbox.settings import Settings
from tests.redis.support import RedisServer
from tests.support import Either

USER = Settings()
SETTINGS = structure(
    Settings,
    {"lists": [{"name": "Guests", "program": "Launch"}], "programs": [{"name": "Launch", "channel": "Webinar"}]},
)


def bridges(server: RedisServer, sandbox: Sandbox, name: str, number: int = 2) -> list[RestBridge]:
    return [
        RestBridge(
            "https://a.mktorest.com",
            USER.client_id,
            USER.client_secret,
            transport=sandbox.transport(),
            memory=RedisMemory(server.url, name=name),
        )
        for _ in range(number)
    ]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_token_is_used_by_all_until_it_is_refused(
    redis_server: RedisServer, kind: type[Client | AsyncClient], request: pytest.FixtureRequest
) -> None:
    with Sandbox() as sandbox:
        one, two, three = bridges(redis_server, sandbox, request.node.name, 3)

        def call(bridge: RestBridge) -> Any:
            with Either(kind, transport=bridge, retry=RetryPolicy(attempts=1)) as client:
                return client.sync_lead(LeadRecord(email="t@t.com"))

        for bridge in (one, two):
            call(bridge)
        first = one._core.shared.token.value
        second = two._core.shared.token.value
        assert first is not None
        assert second is not None
        assert first.text == second.text
        assert abs(first.until - second.until) < 30
        sandbox.fail(rest="602", operation="syncLeads")
        call(two)  # not with the same token again from Redis
        assert two._core.shared.token.refused == first.text
        call(three)


def test_an_import_is_known_to_all(redis_server: RedisServer, request: pytest.FixtureRequest) -> None:
    with Sandbox(settings=SETTINGS) as sandbox:
        one, two = bridges(redis_server, sandbox, request.node.name)
        with Client(transport=one) as client:
            client.call(ImportToList("Launch", "Email Address", ["t@t.com"], "UPSERTLEADS", "Guests"))
        with Client(transport=two) as client:
            assert client.call(GetImportToListStatus("Launch", "Guests")).estimated_rows == 1


def test_a_server_that_is_away(own_server: RedisServer) -> None:
    memory = RedisMemory(own_server.url)
    memory.put("a", {"b": 1}, 60)
    kept = memory.get("a")
    assert kept is not None
    assert kept.value == {"b": 1}
    assert 0 < kept.seconds <= 60
    own_server.stop()
    memory.put("a", 1, 60)  # the call that says so has been made
    with pytest.raises(MarketoError, match="is away"):
        asyncio.run(memory.get_async("a"))
    memory._redis.close()
