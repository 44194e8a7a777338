from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime

import pytest

from marketo_soap import (
    FAULTS,
    AmbiguousError,
    Exchange,
    Fault,
    LeadSyncFailed,
    LeadSyncStatus,
    MarketoError,
    ProtocolError,
    SyncLeadResult,
    SyncStatus,
    TransportError,
)
from marketo_soap.errors import FAULT_TEXTS, fault
from marketo_soap.redaction import redact, snippet
from tests.support import fixture

FAILED = SyncLeadResult(7, SyncStatus(7, LeadSyncStatus.FAILED, "no room for t@t.com"))
EXCHANGE = Exchange(
    "syncLead", "https://x/", 1, datetime(2013, 1, 1, tzinfo=UTC), (("a", "b"),), b"<a/>", 0.5
)
ERRORS: list[MarketoError] = [
    MarketoError("x"),
    TransportError("x", status=404),
    AmbiguousError("x", status=502),
    ProtocolError("x", path="a/b", line=3, problem="missing"),
    LeadSyncFailed(FAILED),
    Fault("x"),
    *(fault(code, "because of t@t.com") for code in FAULTS),
]


@pytest.mark.parametrize(
    "error", ERRORS, ids=lambda error: f"{type(error).__name__} {getattr(error, 'code', '')}"
)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_errors_travel_whole(error: MarketoError, again: object) -> None:
    error.exchange = EXCHANGE
    other = again(error)  # type: ignore[operator]
    assert type(other) is type(error)
    assert (str(other), repr(other), other.args) == (str(error), repr(error), error.args)
    assert other.__dict__ == error.__dict__
    assert other.exchange == EXCHANGE


@pytest.mark.parametrize("error", ERRORS)
def test_no_error_shows_an_address(error: MarketoError) -> None:
    assert "t@t.com" not in f"{error} {error!r}"


def test_every_published_code_has_a_class_and_a_text() -> None:
    assert set(FAULTS) == set(FAULT_TEXTS)
    assert {20015, 20023, 20024} == {code for code, kind in FAULTS.items() if kind.__name__ == "LimitFault"}
    assert {20013, 20014, 20016} == {
        code for code, kind in FAULTS.items() if kind.__name__ == "AuthenticationFault"
    }
    assert {20103, 20108, 20111, 20113} == {
        code for code, kind in FAULTS.items() if kind.__name__ == "NotFoundFault"
    }
    assert {10001, 20011, 20106} == {code for code, kind in FAULTS.items() if kind.__name__ == "ServerFault"}


def test_an_unknown_code_is_a_plain_fault() -> None:
    assert type(fault(29999)) is Fault
    assert fault(29999).code == 29999


SECRETS = ("bigcorp1_461839624B16E06BA2D663", "92f05a7be4838ae1c0e5aafe814891ee72968a08", "t@t.com", "George")


@pytest.mark.parametrize("end", [10_000, *range(200, 1100, 7)])
def test_an_envelope_is_shown_without_what_is_private_even_cut_off(end: int) -> None:
    data = fixture("sync_lead/seed.request.xml")[:end]
    for shown in (redact(data), snippet(data), snippet(data, length=5000)):
        for secret in SECRETS:
            assert secret not in shown


def test_what_is_not_private_stays() -> None:
    shown = redact(fixture("sync_lead/seed.request.xml"))
    assert shown.count("***") == 5
    for text in (
        "<attrName>FirstName</attrName>",
        "2013-07-31T12:38:47-07:00",
        "<returnLead>false</returnLead>",
    ):
        assert text in shown


def test_prefixed_and_other_encodings_are_redacted() -> None:
    data = '<x:Email a="b">t1</x:Email><y:attrValue>t2'.encode("utf-16")
    assert redact(data).endswith('<x:Email a="b">***</x:Email><y:attrValue>***')


def test_values_of_the_request_are_hidden_wherever_they_come_back() -> None:
    assert redact(b"<p>Hello George, Al</p>", {"George", "Al"}) == "<p>Hello ***, Al</p>"


def test_a_snippet_is_short_and_on_one_line() -> None:
    assert snippet(b"a\n  b") == "'a b'"
    assert snippet(b"x" * 10_000) == "'" + "x" * 120 + "...'"
