"""The pages of an operation: `iterate` and `pages`, and the methods of the operations, on both clients."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from marketo_soap import (
    AsyncClient,
    Client,
    GetLead,
    GetLeadActivity,
    GetLeadChanges,
    GetLeadChangesResult,
    GetLeadResult,
    GetMultipleLeads,
    GetMultipleLeadsResult,
    LeadActivityList,
    LeadKey,
    LeadKeyRef,
    LeadKeySelector,
    LeadRecord,
    LeadSyncFailed,
    NotFoundFault,
    OperationFailed,
    ProtocolError,
    RetryPolicy,
    StaticListSelector,
    StreamPosition,
)
from marketo_soap.errors import MarketoError, fault
from tests.support import Either, Script, scripted

SELECTOR = LeadKeySelector(LeadKeyRef.EMAIL, ["t@t.com"])
ALL = GetMultipleLeads(SELECTOR, batch_size=2)


Make = Callable[..., tuple[Either, Script]]


@pytest.fixture(params=[Client, AsyncClient])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    with scripted(request.param, RetryPolicy(pause=0.0)) as connect:
        yield connect


def page(remaining: int, position: str, *ids: int) -> GetMultipleLeadsResult:
    return GetMultipleLeadsResult(len(ids), remaining, position, tuple(LeadRecord(id=each) for each in ids))


def test_every_record_of_every_page_comes_in_order(make: Make) -> None:
    client, server = make(page(3, "a", 1, 2), page(1, "b", 3, 4), page(0, "c", 5))
    assert [lead.id for lead in client.collect(client.client.iterate(ALL))] == [1, 2, 3, 4, 5]
    sent: list[Any] = [request.operation for request in server.requests]
    assert [operation.stream_position for operation in sent] == [None, "a", "b"]
    assert {operation.batch_size for operation in sent} == {2}
    assert client.client.stats.calls == 3


def test_pages_come_as_results(make: Make) -> None:
    results = [page(1, "a", 1), page(0, "b")]
    client, _ = make(*results)
    assert client.collect(client.client.pages(ALL)) == results


def test_nothing_is_asked_for_before_it_is_wanted(make: Make) -> None:
    client, server = make()
    client.client.iterate(ALL)
    assert server.requests == []


def test_the_end_of_the_stream_ends_the_pages(make: Make) -> None:
    client, _ = make(page(9, "a", 1), fault(20123))
    assert [lead.id for lead in client.collect(client.client.iterate(ALL))] == [1]


def test_any_other_fault_is_raised(make: Make) -> None:
    client, _ = make(page(9, "a", 1), fault(20111))
    with pytest.raises(NotFoundFault) as caught:
        client.collect(client.client.iterate(ALL))
    assert caught.value.exchange is not None


@pytest.mark.parametrize("positions", [["a", "a"], ["a", "b", "a"]])
def test_a_position_that_comes_back_ends_in_an_error(make: Make, positions: list[str]) -> None:
    client, server = make(*(page(9, position, number) for number, position in enumerate(positions, 1)))
    leads: list[LeadRecord] = []
    with pytest.raises(ProtocolError, match="stream position") as caught:
        client.collect(client.client.iterate(ALL), leads)
    assert [lead.id for lead in leads] == list(range(1, len(positions) + 1))  # what came is not lost
    assert (caught.value.path, caught.value.problem) == ("successGetMultipleLeads/result", "repeated")
    assert caught.value.exchange is not None
    assert len(server.requests) == len(positions)


@pytest.mark.parametrize(
    ("call", "reply"),
    [
        (GetMultipleLeads(StaticListSelector("News")), page(5, "", 1)),
        (GetLeadActivity(LeadKey("IDNUM", "1")), LeadActivityList(0, 5, StreamPosition())),
        (GetLeadChanges(StreamPosition(offset="3")), GetLeadChangesResult(0, 5, StreamPosition(offset=""))),
    ],
)
def test_an_empty_position_does_not_begin_again(make: Make, call: Any, reply: Any) -> None:
    client, server = make(reply, reply)
    results: list[Any] = []
    with pytest.raises(ProtocolError, match="an empty stream position") as caught:
        client.collect(client.client.pages(call), results)
    assert results == [reply]
    assert caught.value.problem == "empty"
    assert len(server.requests) == 1


def test_the_error_of_a_position_has_the_exchange_of_its_page() -> None:
    with scripted(Client, RetryPolicy(pause=0.0)) as connect:
        client, _ = connect(page(9, "a", 1), page(9, "a", 2), page(0, "", 3))
        seen = []
        pages: Any = client.client.pages(ALL)
        for _ in range(2):
            next(pages)
            seen.append(client.client.last_exchange)
        client.result(client.client.get_multiple_leads(SELECTOR))
        with pytest.raises(ProtocolError) as caught:
            next(pages)
        assert caught.value.exchange is seen[-1]


def test_each_page_is_retried_like_any_call(make: Make) -> None:
    client, server = make(page(1, "a", 1), 503, page(0, "b", 2))
    assert [lead.id for lead in client.collect(client.client.iterate(ALL))] == [1, 2]
    assert len(server.requests) == 3
    assert client.client.stats.retries == 1


def test_options_reach_every_page(make: Make) -> None:
    client, _ = make(page(1, "a", 1), 503)
    with pytest.raises(MarketoError):
        client.collect(client.client.iterate(ALL, retry=RetryPolicy(attempts=1)))


def test_get_lead(make: Make) -> None:
    client, server = make(GetLeadResult(1, (LeadRecord(id=7),)))
    key = LeadKey(LeadKeyRef.EMAIL, "t@t.com")
    assert client.result(client.client.get_lead(key)).lead_records[0].id == 7
    assert server.requests[0].operation == GetLead(key)


def test_get_multiple_leads(make: Make) -> None:
    client, server = make(page(0, "a", 7))
    result = client.result(
        client.client.get_multiple_leads(SELECTOR, batch_size=5, include_attributes=["Email"], stream_position="x")
    )
    assert [lead.id for lead in result.lead_records] == [7]
    expected = GetMultipleLeads(SELECTOR, batch_size=5, include_attributes=["Email"], stream_position="x")
    assert server.requests[0].operation == expected


def test_a_wrong_argument_is_named_before_anything_is_sent(make: Make) -> None:
    client, server = make()
    with pytest.raises(ValueError, match="no target workspace"):
        client.result(client.client.get_lead(LeadKey(LeadKeyRef.IDNUM, "1"), target_workspace="Europe"))
    with pytest.raises(TypeError, match="batch"):
        client.client.get_multiple_leads(SELECTOR, batch=5)
    assert server.requests == []


@pytest.mark.parametrize("name", ["sync_lead", "get_lead", "get_multiple_leads"])
def test_methods_have_names_and_docstrings(name: str) -> None:
    for kind in (Client, AsyncClient):
        method = inspect.getattr_static(kind, name)
        assert inspect.isfunction(method)
        assert (method.__name__, bool(method.__doc__)) == (name, True)


def test_a_lead_that_was_not_written_is_an_operation_that_failed() -> None:
    assert issubclass(LeadSyncFailed, OperationFailed)
    assert issubclass(OperationFailed, MarketoError)
