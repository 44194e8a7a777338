"""`in_batches`: what takes many is split to the vendor's limits, and each record has its outcome; on both clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from marketo_soap import (
    AmbiguousError,
    AsyncClient,
    BatchOutcome,
    Client,
    CustomObj,
    Fate,
    GetMultipleLeads,
    GetMultipleLeadsResult,
    LeadKey,
    LeadKeySelector,
    LeadRecord,
    LeadStatus,
    LeadSyncStatus,
    ListOperation,
    ListOperationResult,
    OperationFailed,
    RetryPolicy,
    StaticListSelector,
    SyncCustomObjects,
    SyncCustomObjectsResult,
    SyncCustomObjStatus,
    SyncMultipleLeads,
    SyncMultipleLeadsResult,
    SyncStatus,
    TransportError,
)
from marketo_soap.bridge.codes import no_answer
from marketo_soap.errors import fault
from marketo_soap.operations import OPERATIONS, BatchOperation
from tests.support import Either, Script, scripted

DONE, REFUSED, UNKNOWN, NOT_SENT = Fate
Make = Callable[..., tuple[Either, Script]]
LEADS = [LeadRecord(email=f"{number}@t.com") for number in range(700)]


@pytest.fixture(params=[Client, AsyncClient])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    with scripted(request.param, RetryPolicy(pause=0.0, attempts=2)) as connect:
        yield connect


def created(call: SyncMultipleLeads) -> SyncMultipleLeadsResult:
    ids = (int((lead.email or "").partition("@")[0]) for lead in call.lead_records)
    return SyncMultipleLeadsResult(tuple(SyncStatus(number, LeadSyncStatus.CREATED) for number in ids))


def split(client: Either, operation: Any) -> Any:
    outcome: Any = client.result(client.client.in_batches(operation))
    assert isinstance(outcome, BatchOutcome)
    assert [each.record for each in outcome] == [*operation.batch]
    assert len(outcome) == len(operation.batch)
    return outcome


def fates(outcome: BatchOutcome[Any, Any], size: int) -> list[Fate]:
    """The fate of each batch, which all of its records share."""
    batches = [{each.fate for each in outcome.records[at : at + size]} for at in range(0, len(outcome), size)]
    assert all(len(batch) == 1 for batch in batches)
    return [batch.pop() for batch in batches]


def test_leads_are_split_and_their_statuses_put_in_order(make: Make) -> None:
    client, server = make(created, created, created)
    outcome = split(client, SyncMultipleLeads(LEADS, dedup_enabled=False))
    assert [len(call.lead_records) for call in server.calls] == [300, 300, 100]
    assert {call.dedup_enabled for call in server.calls} == {False}
    assert [each.status.lead_id for each in outcome] == [*range(700)]
    assert fates(outcome, 300) == [DONE] * 3
    assert len(outcome.results) == 3
    assert "t.com" not in repr(outcome)


def test_a_refused_batch_is_marked_and_the_others_go_on(make: Make) -> None:
    client, server = make(created, fault(20110, "no"), created)
    outcome = split(client, SyncMultipleLeads(LEADS))
    assert fates(outcome, 300) == [DONE, REFUSED, DONE]
    assert {each.error.code for each in outcome.records[300:600]} == {20110}
    assert outcome.of(REFUSED) == tuple(LEADS[300:600])
    assert len(server.calls) == 3


@pytest.mark.parametrize("dedup", [True, False])
def test_a_lost_answer_is_marked_and_repeated_only_where_that_is_harmless(make: Make, dedup: bool) -> None:
    lost = [httpx.ReadTimeout("slow")] * (2 if dedup else 1)
    client, server = make(created, *lost, created)
    outcome = split(client, SyncMultipleLeads(LEADS, dedup_enabled=dedup))
    assert fates(outcome, 300) == [DONE, UNKNOWN, DONE]
    assert isinstance(outcome.records[300].error, AmbiguousError)
    assert len(server.calls) == 3 + dedup


def test_a_reply_with_too_few_statuses_leaves_the_fate_of_all_unknown(make: Make) -> None:
    client, _ = make(SyncMultipleLeadsResult((SyncStatus(1, "CREATED"),)), created, created)
    assert fates(split(client, SyncMultipleLeads(LEADS)), 300) == [UNKNOWN, DONE, DONE]


def test_statuses_in_another_order_than_the_leads_leave_their_fates_unknown(make: Make) -> None:
    leads = [LeadRecord(id=1), LeadRecord(email="t@t.com"), LeadRecord(id=3)]
    client, _ = make(SyncMultipleLeadsResult(tuple(SyncStatus(number, "UPDATED") for number in (3, 2, 1))))
    assert fates(split(client, SyncMultipleLeads(leads)), 3) == [UNKNOWN]
    failed = SyncStatus(0, "FAILED"), SyncStatus(2, "UPDATED"), SyncStatus(3, "UPDATED")
    client, _ = make(SyncMultipleLeadsResult(failed))
    assert [each.fate for each in split(client, SyncMultipleLeads(leads))] == [REFUSED, DONE, DONE]


@pytest.mark.parametrize("code", [20013, 20014, 20015])
def test_what_would_refuse_all_others_ends_it(make: Make, code: int) -> None:
    client, server = make(created, fault(code))
    outcome = split(client, SyncMultipleLeads(LEADS))
    assert fates(outcome, 300) == [DONE, REFUSED, NOT_SENT]
    assert {each.error.code for each in outcome.records[300:]} == {code}
    assert len(server.calls) == 2
    assert repr(outcome) == "BatchOutcome(records={'done': 300, 'refused': 300, 'not sent': 100}, results=1)"


def test_a_connection_that_is_gone_ends_it(make: Make) -> None:
    client, _ = make(created, httpx.ConnectError("gone"), httpx.ConnectError("gone"))
    outcome = split(client, SyncMultipleLeads(LEADS))
    assert fates(outcome, 300) == [DONE, NOT_SENT, NOT_SENT]
    assert isinstance(outcome.records[-1].error, TransportError)


def test_a_status_that_says_failed_is_a_refusal(make: Make) -> None:
    statuses = SyncStatus(0, LeadSyncStatus.FAILED, "why"), SyncStatus(2, LeadSyncStatus.UPDATED)
    client, _ = make(SyncMultipleLeadsResult(statuses))
    outcome = split(client, SyncMultipleLeads(LEADS[:2]))
    assert [(each.fate, each.error) for each in outcome] == [(REFUSED, None), (DONE, None)]
    assert outcome.records[0].status == statuses[0]


def test_a_status_that_leaves_the_outcome_open_is_no_refusal(make: Make) -> None:
    why = fault_text("no answer from REST")
    client, _ = make(SyncMultipleLeadsResult((SyncStatus(0, "FAILED", why), SyncStatus(2, "UPDATED"))))
    assert [each.fate for each in split(client, SyncMultipleLeads(LEADS[:2]))] == [UNKNOWN, DONE]


def fault_text(message: str) -> str:
    """What a bridge writes into the status of a lead."""
    return f"20011 - {no_answer(message, fate_unknown=True).reason}"


def test_members_of_a_list_have_a_status_with_and_without_a_list_of_them(make: Make) -> None:
    keys = [LeadKey("IDNUM", str(number)) for number in range(1, 2002)]
    some = ListOperationResult(False, tuple(LeadStatus(key, number > 0) for number, key in enumerate(keys[1000:2000])))
    client, server = make(ListOperationResult(True), some, ListOperationResult(False))
    outcome = split(client, ListOperation("ADDTOLIST", "News", keys))
    assert [len(call.lead_keys) for call in server.calls] == [1000, 1000, 1]
    assert [each.record for each in outcome if each.fate is REFUSED] == [keys[1000], keys[2000]]
    assert [each.status for each in outcome.records[999:1002]] == [True, False, True]
    assert isinstance(outcome.records[2000].error, OperationFailed)


ONE, TWO = LeadKey("IDNUM", "1"), LeadKey("IDNUM", "2")


def status_list(**statuses: bool) -> ListOperationResult:
    return ListOperationResult(
        False, tuple(LeadStatus({"one": ONE, "two": TWO}[key], statuses[key]) for key in statuses)
    )


@pytest.mark.parametrize(
    ("keys", "strict", "reply", "expected"),
    [
        ([ONE, TWO], None, status_list(two=False, one=True), [DONE, REFUSED]),  # in another order
        ([ONE, TWO, ONE], None, status_list(one=False, two=True), [REFUSED, DONE, REFUSED]),  # a repeated key once
        ([ONE, TWO], None, status_list(two=False), [UNKNOWN, UNKNOWN]),
        ([ONE, TWO], True, status_list(one=True, two=False), [REFUSED, REFUSED]),  # one failure fails all
    ],
)
def test_a_status_of_a_list_is_that_of_its_key(
    make: Make, keys: list[LeadKey], strict: bool | None, reply: ListOperationResult, expected: list[Fate]
) -> None:
    client, _ = make(reply)
    assert [each.fate for each in split(client, ListOperation("ADDTOLIST", "News", keys, strict=strict))] == expected


def test_objects_with_too_few_statuses_are_not_taken_as_done(make: Make) -> None:
    client, _ = make(SyncCustomObjectsResult((SyncCustomObjStatus("Car", status="FAILED"),)))
    outcome = split(client, SyncCustomObjects("Car", (CustomObj({"vin": "1"}), CustomObj({"vin": "2"}))))
    assert [each.fate for each in outcome] == [UNKNOWN, UNKNOWN]
    assert outcome.records[0].error.path == "successSyncCustomObjects/result/syncCustomObjStatusList"


def test_a_refusal_after_a_lost_answer_says_nothing_of_the_first_attempt(make: Make) -> None:
    client, _ = make(httpx.ReadTimeout("slow"), ListOperationResult(False))
    outcome = split(client, ListOperation("REMOVEFROMLIST", "News", [ONE, TWO]))
    assert [each.fate for each in outcome] == [UNKNOWN, UNKNOWN]


def test_keys_are_split_and_each_page_is_fetched(make: Make) -> None:
    def found(call: GetMultipleLeads) -> GetMultipleLeadsResult:
        keys = call.lead_selector.key_values  # type: ignore[union-attr]
        half = keys[:50] if call.stream_position is None else keys[50:]
        left = len(keys[50:]) if call.stream_position is None else 0
        return GetMultipleLeadsResult(
            len(half), left, "p", tuple(LeadRecord(id=int(key)) for key in half if key != "9")
        )

    client, server = make(found, found, found)
    keys = [str(number) for number in range(1, 151)]
    outcome = split(client, GetMultipleLeads(LeadKeySelector("IDNUM", keys)))
    assert [call.stream_position for call in server.calls] == [None, "p", None]
    assert [[lead.id for lead in each.status] for each in outcome] == [[n] if n != 9 else [] for n in range(1, 151)]
    assert fates(outcome, 100) == [DONE, DONE]
    assert len(outcome.results) == 3


def test_leads_of_keys_that_replies_do_not_show_are_in_the_results(make: Make) -> None:
    shown = LeadRecord(id=1, email="A@t.com"), LeadRecord(id=2, email="a@t.com")
    client, _ = make(*(GetMultipleLeadsResult(2, 0, "", shown) for _ in range(2)))
    by_email = split(client, GetMultipleLeads(LeadKeySelector("EMAIL", ["a@t.com", "b@t.com"])))
    assert [each.status for each in by_email] == [shown, ()]
    by_cookie = split(client, GetMultipleLeads(LeadKeySelector("COOKIE", ["x"])))
    assert [(each.status, each.fate) for each in by_cookie] == [(None, DONE)]
    assert by_cookie.results[0].lead_records == shown


def test_the_end_of_a_stream_is_no_error(make: Make) -> None:
    client, _ = make(GetMultipleLeadsResult(1, 5, "p", (LeadRecord(id=1),)), fault(20123))
    (only,) = split(client, GetMultipleLeads(LeadKeySelector("IDNUM", ["1"])))
    assert (only.status, only.error, only.fate) == ((LeadRecord(id=1),), None, DONE)


def test_what_has_no_list_is_not_split(make: Make) -> None:
    client, _ = make()
    with pytest.raises(ValueError, match="no list here that could be split"):
        client.result(client.client.in_batches(GetMultipleLeads(StaticListSelector("News"))))


def test_a_position_is_not_taken_for_that_of_every_batch(make: Make) -> None:
    client, server = make()
    keys = LeadKeySelector("IDNUM", [str(number) for number in range(101)])
    with pytest.raises(ValueError, match="stream_position is that of one call"):
        client.result(client.client.in_batches(GetMultipleLeads(keys, stream_position="p")))
    assert not server.calls


@pytest.mark.parametrize(
    "call",
    [
        SyncMultipleLeads(LEADS[:301]),
        GetMultipleLeads(LeadKeySelector("IDNUM", ["1"] * 101)),
        ListOperation("ADDTOLIST", "News", [LeadKey("IDNUM", "1")] * 1001),
    ],
)
def test_one_call_refuses_more_than_its_limit(make: Make, call: Any) -> None:
    client, server = make()
    with pytest.raises(ValueError, match=r"carries at most \d+ in one call, not \d+: use in_batches"):
        client.call(call)
    assert not server.calls


@pytest.mark.parametrize("name", [name for name in OPERATIONS if OPERATIONS[name].batch_limit is not None])
def test_every_operation_with_a_limit_can_be_split(name: str) -> None:
    operation = OPERATIONS[name]
    assert issubclass(operation, BatchOperation)
    assert operation.batch_field
