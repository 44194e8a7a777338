"""One call to the sandbox, from its bytes to the delivery of its answer, and what the journal says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import field, frozen

from marketo_soap import envelope
from marketo_soap.errors import Fault, fault
from marketo_soap.operations.base import BatchOperation, refuse_first
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.records.lead import LeadSyncStatus, SyncStatus
from marketo_soap.sandbox.faults import PROXY_PAGE, in_words
from marketo_soap.sandbox.journal import HUNG_UP
from marketo_soap.sandbox.operations import FUNCTIONS
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.settings import FaultRule
from marketo_soap.sandbox.state import State
from marketo_soap.server.service import Answer, respond
from marketo_soap.signature import AuthenticationHeader, diagnose, read_timestamp, verify

__all__ = ["Delivery", "handle"]

_XML = "text/xml; charset=UTF-8"


@frozen
class Delivery:
    """An answer and how it travels: after *delay* seconds, hung up instead (*close*), cut, or byte by byte."""

    answer: Answer
    done: Callable[[], None] = field(repr=False)
    content_type: str = _XML
    delay: float = 0.0
    close: bool = False
    truncate: int | None = None
    dribble: float | None = None


def handle(sandbox: State, data: bytes) -> Delivery:
    """Answer one request, and say how the answer is to be delivered; the call lasts until `done()`."""
    sandbox.soap_calls.begin()
    try:
        return _Call(sandbox, data, sandbox.soap_calls.end).carry_out()
    except BaseException:
        sandbox.soap_calls.end()
        raise


class _Call:
    """A call in progress: the backend that `service.respond` asks, and the journal's entry that grows."""

    def __init__(self, sandbox: State, data: bytes, done: Callable[[], None]) -> None:
        self._sandbox = sandbox
        self._data = data
        self._done = done
        self._entry = sandbox.journal.begin(sandbox.now(), data)

    def carry_out(self) -> Delivery:
        """Answer the call, as the fault script has it."""
        entry, rule = self._entry, self._sandbox.script.strike(self._data)
        if rule is None:
            delivery = Delivery(respond(self._data, self), self._done)
        else:
            entry.remarks.append(f"the fault script struck: {in_words(rule)}")
            delivery = self._struck(rule)
        outcome = delivery.answer.outcome
        if isinstance(outcome, Fault):
            entry.operation = outcome.operation or entry.operation
            entry.verdict, entry.reason = str(outcome.code), outcome.message
        if delivery.close:
            entry.remarks.append(HUNG_UP)
        self._sandbox.journal.answered(entry, delivery.answer.status, delivery.answer.body)
        return delivery

    # -- what service.respond asks --------------------------------------------------------------------

    def authenticate(self, header: AuthenticationHeader) -> None:
        """Check who calls and when, and count the call."""
        sandbox = self._sandbox
        if not verify(sandbox.credentials, header):
            self._entry.remarks.append(diagnose(sandbox.credentials, header) or "")
            raise fault(20014)
        times = read_timestamp(header.request_timestamp)
        if not times:
            raise fault(20014, "Authentication failed: requestTimestamp is not a time")
        now = sandbox.now()
        away = min(abs((now - time).total_seconds()) for time in times)
        if away > sandbox.settings.timestamp_window:
            allowed = sandbox.settings.timestamp_window
            self._entry.remarks.append(
                f"requestTimestamp is {away:.0f} s away from {now.isoformat()}; {allowed:.0f} s are allowed"
            )
            raise fault(20016)
        if not sandbox.settings.access:
            raise fault(20013)
        if sandbox.limits is not None:
            sandbox.limits.admit(now, sandbox.tick(), sandbox.soap_calls.count)

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

    # -- what the fault script does -------------------------------------------------------------------

    def _struck(self, rule: FaultRule) -> Delivery:
        answer = self._instead(rule)
        if answer is None and rule.twice:
            respond(self._data, self)
        content_type = _XML
        if rule.html:
            content_type = "text/html; charset=UTF-8"
        elif rule.fault is None and (rule.status is not None or rule.body is not None):
            content_type = rule.content_type
        return Delivery(
            respond(self._data, self) if answer is None else answer,
            self._done,
            content_type,
            rule.delay,
            rule.close is not None,
            rule.truncate,
            rule.dribble,
        )

    def _instead(self, rule: FaultRule) -> Answer | None:
        """The answer of a rule that keeps the call from being carried out, if it is one."""
        if rule.close == "before":
            return Answer(0, b"", None)
        if rule.fault is not None:
            refusal = fault(rule.fault, rule.message)
            return Answer(rule.status or 500, envelope.write_reply(SyncLead, refusal), refusal)
        if rule.failed is not None:
            self._entry.verdict = "FAILED"
            result = SyncLeadResult(0, SyncStatus(0, LeadSyncStatus.FAILED, rule.failed))
            return Answer(200, envelope.write_reply(SyncLead, result), result)
        if rule.html:
            return Answer(rule.status or 502, (rule.body or PROXY_PAGE).encode(), None)
        if rule.status is not None or rule.body is not None:
            return Answer(rule.status or 200, (rule.body or "").encode(), None)
        return None
