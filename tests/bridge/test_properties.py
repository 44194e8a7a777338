"""Whatever REST replies, a SOAP caller gets a result or a typed error."""

from __future__ import annotations

import json
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from marketo_soap import BridgeSettings, LeadRecord, RestBridge, RetryPolicy, SyncLead
from marketo_soap.bridge.locks import KeyLocks
from marketo_soap.calls.call import Terms
from tests.bridge.support import DESCRIBED, TOKEN
from tests.support import COOKIE, CREDENTIALS, NOW, signed

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["created", "1004"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("id", "status", "reasons", "email", "erpId", "leadPartitionId", "rest", "soap", "name"), VALUES
    ),
)
REPLIES = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"success": st.booleans() | VALUES},
        optional={
            "result": st.lists(RECORDS | VALUES, max_size=3) | VALUES,
            "errors": st.lists(st.fixed_dictionaries({}, optional={"code": VALUES, "message": VALUES})) | VALUES,
            "requestId": VALUES,
            "nextPageToken": VALUES,
        },
    ),
)
SETTINGS = BridgeSettings(
    foreign_id_fields={"CUSTOM": "erpId"},
    foreign_id_adopt_email=True,
    on_duplicate="most_recent",
    drop_company_fields=True,
)
LEADS = [
    LeadRecord(id=7, email="t@t.com", attributes={"Company": "ACME"}),
    LeadRecord(email="t@t.com", foreign_sys_person_id="7", foreign_sys_type="CUSTOM"),
    LeadRecord(email="t@t.com", attributes={"FirstName": "George"}),
    LeadRecord(),
]


@settings(max_examples=60)
@given(
    st.sampled_from(LEADS), st.sampled_from([None, "Default"]), st.lists(REPLIES, min_size=1, max_size=8), st.booleans(),
    st.sampled_from([200, 200, 200, 404, 503]),
)  # fmt: skip
def test_any_reply_gives_a_result_or_a_typed_error(
    lead: LeadRecord, workspace: str | None, replies: list[Any], usable: bool, status: int
) -> None:
    left = [json.dumps(reply) for reply in replies]

    def answer(request: httpx.Request) -> httpx.Response:
        if usable and request.url.path.endswith("/token"):
            return httpx.Response(200, text=TOKEN)
        if usable and request.url.path.endswith("/describe.json"):
            return httpx.Response(200, text=DESCRIBED)
        return httpx.Response(status, text=left.pop(0) if len(left) > 1 else left[0])

    bridge = RestBridge("https://rest.invalid", "a", "b", settings=SETTINGS, transport=httpx.MockTransport(answer))
    request = signed(SyncLead(lead, True, COOKIE), CREDENTIALS, NOW, workspace)
    served = bridge.answer(request, terms=Terms(RetryPolicy(attempts=2, pause=0.0, window=0.0), None))
    code = getattr(served.answer.outcome, "code", None)
    assert code != 10001, served.answer.outcome  # an unexpected exception
    assert isinstance(bridge._locks, KeyLocks)
    assert bridge._locks._cell.value.holders == bridge._locks._cell.value.waiting == ()
