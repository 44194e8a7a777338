"""What calls report: structured logs, OpenTelemetry spans."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from marketo_soap import Client, Fault, InProcessLimiter, LeadRecord, Limits, RetryPolicy, Sandbox

LEAD = LeadRecord(email="t@t.com")
PRIVATE = "of Wanda Unseen"


def test_attempts_and_retries_are_logged_with_their_facts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    policy = RetryPolicy(pause=0.0)
    with Sandbox() as sandbox, Client(transport=sandbox.transport(), retry=policy) as client:
        sandbox.fail(fault=20011)
        client.sync_lead(LEAD)
    records: dict[str, list[Any]] = {}
    for record in caplog.records:
        if record.name.startswith("marketo_soap."):
            records.setdefault(record.name, []).append(record)
    attempts, retries = records["marketo_soap.client"], records["marketo_soap.retry"]
    assert [(r.operation, r.attempt, r.status) for r in attempts] == [("syncLead", 1, 500), ("syncLead", 2, 200)]
    assert [(r.operation, r.error, r.code, r.fate_unknown) for r in retries] == [
        ("syncLead", "AmbiguousFault", 20011, True)
    ]


def test_a_long_wait_for_a_permit_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "marketo_soap.limits")
    limiter = InProcessLimiter(Limits(calls=1, window=1.1))
    with Sandbox() as sandbox, Client(transport=sandbox.transport(), limiter=limiter) as client:
        client.sync_lead(LEAD)
        client.sync_lead(LEAD)
    (record,) = caplog.records
    assert record.name == "marketo_soap.limits"
    assert record.waited > 1  # type: ignore[attr-defined]


def test_a_call_is_one_client_span_with_its_attempts_as_events() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with (
        Sandbox() as sandbox,
        Client(transport=sandbox.transport(), tracer=tracer, retry=RetryPolicy(pause=0.0)) as client,
    ):
        sandbox.fail(close="after")
        client.sync_lead(LEAD)
        sandbox.fail(fault=20103, message=f"No lead {PRIVATE}")
        with pytest.raises(Fault):
            client.sync_lead(LEAD)
    good, bad = exporter.get_finished_spans()
    assert (good.name, good.kind, good.status.status_code) == ("syncLead", SpanKind.CLIENT, StatusCode.UNSET)
    assert good.attributes is not None
    assert good.attributes["rpc.method"] == "syncLead"
    assert good.attributes["server.address"] == "sandbox.invalid"
    assert good.attributes["http.response.status_code"] == 200
    assert [(event.name, dict(event.attributes or {})) for event in good.events] == [
        ("attempt", {"attempt": 1, "error.type": "RemoteProtocolError"}),
        ("attempt", {"attempt": 2, "http.response.status_code": 200}),
    ]
    assert bad.status.status_code is StatusCode.ERROR
    assert bad.attributes is not None
    assert (bad.attributes["error.type"], bad.attributes["marketo.fault.code"]) == ("NotFoundFault", 20103)
    assert bad.attributes["rpc.response.status_code"] == "20103"
    attempt, exception = bad.events
    assert dict(attempt.attributes or {}) == {"attempt": 1, "http.response.status_code": 500}
    assert exception.name == "exception"
    assert exception.attributes is not None
    assert exception.attributes["exception.type"] == "marketo_soap.errors.NotFoundFault"
    assert "in advance" in str(exception.attributes["exception.stacktrace"])
    assert "t@t.com" not in f"{good.to_json()} {bad.to_json()}"
    assert PRIVATE not in f"{good.to_json()} {bad.to_json()}"


def test_an_attempt_without_an_answer_is_logged_as_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "marketo_soap.client")
    with Sandbox() as sandbox, Client(transport=sandbox.transport(), retry=RetryPolicy(pause=0.0)) as client:
        sandbox.fail(close="after")
        client.sync_lead(LEAD)
    first, second = [record.getMessage() for record in caplog.records if record.name == "marketo_soap.client"]
    assert first.startswith("syncLead, attempt 1: no answer, RemoteProtocolError in ")
    assert second.startswith("syncLead, attempt 2: HTTP 200 in ")
