"""One SOAP call to the sandbox: authentication, limits, the operation in a transaction, and its journal entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from marketo_soap import envelope
from marketo_soap.debug.durations import in_words
from marketo_soap.errors import Fault, ProtocolError, fault
from marketo_soap.operations.base import BatchOperation, refuse_first
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.records.lead import LeadSyncStatus, SyncStatus
from marketo_soap.sandbox.call import ScriptedCall, counted
from marketo_soap.sandbox.journal import without_secrets
from marketo_soap.sandbox.messages import HttpAnswer
from marketo_soap.sandbox.operations import FUNCTIONS
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.settings import FaultRule
from marketo_soap.sandbox.state import State
from marketo_soap.server.http import XML
from marketo_soap.server.service import Answer, respond
from marketo_soap.signature import AuthenticationHeader, diagnose, read_timestamp, verify

__all__ = ["handle"]


def handle(sandbox: State, data: bytes, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """Answer one request; the call is in progress until the answer's `done()`. The journal keeps its HTTP *headers*."""
    return counted(
        sandbox.soap_calls, lambda: _SoapCall(sandbox, data, headers or {}).carry_out(sandbox.script.rule_for(data))
    )


class _SoapCall(ScriptedCall):
    """A SOAP call: the backend of `service.respond`."""

    content_type = XML

    def __init__(self, sandbox: State, data: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(sandbox, sandbox.journal.begin(sandbox.now(), data))
        self._data = data
        self._entry.request_headers = without_secrets(headers.items())

    def _operation(self) -> str | None:
        try:
            return envelope.open_request(self._data).operation_type.name
        except ProtocolError:
            return None

    def _perform(self) -> HttpAnswer:
        return self._with_outcome(respond(self._data, self))

    def _refusal(self, rule: FaultRule) -> HttpAnswer | None:
        if rule.fault is not None:
            refusal = fault(rule.fault, rule.message)
            return self._with_outcome(Answer(rule.status or 500, envelope.write_reply(SyncLead, refusal), refusal))
        if rule.failed is not None:
            self._entry.verdict = "FAILED"
            result = SyncLeadResult(0, SyncStatus(0, LeadSyncStatus.FAILED, rule.failed))
            return self._with_outcome(Answer(200, envelope.write_reply(SyncLead, result), result))
        return None

    def _with_outcome(self, answer: Answer) -> HttpAnswer:
        outcome, entry = answer.outcome, self._entry
        if isinstance(outcome, Fault):
            entry.operation = outcome.operation or entry.operation
            entry.verdict, entry.reason = str(outcome.code), outcome.message
        reply = self._answer(answer.status, answer.body)
        reply.outcome = outcome
        return reply

    def authenticate(self, header: AuthenticationHeader) -> None:
        """Check who calls and when, and count the call."""
        sandbox = self._sandbox
        if not verify(sandbox.credentials, header):
            self._entry.remarks.append(diagnose(sandbox.credentials, header) or "")
            raise fault(20014)
        times = read_timestamp(header.request_timestamp)
        if not times:
            raise fault(20014, "Authentication failed: requestTimestamp is not a timestamp")
        now = sandbox.now()
        away = min(abs((now - time).total_seconds()) for time in times)
        if away > sandbox.settings.timestamp_window:
            allowed = sandbox.settings.timestamp_window
            self._entry.remarks.append(
                f"requestTimestamp is {in_words(away)} away from {now.isoformat()}; {in_words(allowed)} are allowed"
            )
            raise fault(20016)
        if not sandbox.settings.access:
            raise fault(20013)
        if sandbox.limits is not None:
            sandbox.limits.count_call(now, sandbox.tick(), sandbox.soap_calls.count)

    @contextmanager
    def perform(self, request: envelope.Request[Any]) -> Iterator[Any]:
        """Carry out the operation in one transaction: it is kept whole, or nothing of it is."""
        sandbox, entry, operation = self._sandbox, self._entry, request.operation
        entry.operation = operation.name
        function = FUNCTIONS.get(operation.name)
        if function is None:
            raise fault(20019)
        workspace = None if request.context is None else request.context.target_workspace
        if isinstance(operation, BatchOperation) and sandbox.settings.over_batch_limit == "fault":
            refuse_first(() if operation.excess_ignored else operation.excess())
        store = sandbox.store
        with store.reading() if operation.effect == "read" else store.transaction() as leads:
            outcome = function(operation, World(leads, sandbox.settings, sandbox.now(), workspace))
            yield outcome.result
        entry.verdict = operation.summary(outcome.result)
        entry.key, entry.lead_id = outcome.key, outcome.lead_id
        entry.before, entry.after = outcome.before, outcome.after
        entry.remarks += outcome.notes
