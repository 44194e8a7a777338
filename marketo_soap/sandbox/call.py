"""What SOAP and REST calls to the sandbox share: counting, the fault script, and the journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from email.utils import format_datetime
from time import perf_counter

from attrs import evolve

from marketo_soap.sandbox.faults import PROXY_PAGE, in_words
from marketo_soap.sandbox.journal import HUNG_UP, Entry, without_secrets
from marketo_soap.sandbox.messages import HttpAnswer
from marketo_soap.sandbox.settings import FaultRule
from marketo_soap.sandbox.state import Running, State

__all__ = ["ScriptedCall", "counted"]


def counted(running: Running, work: Callable[[], HttpAnswer]) -> HttpAnswer:
    """Return the answer that *work* makes; the call is in progress until the answer's `done()`."""
    running.begin()
    try:
        answer = work()
        answer.done = running.end
        return answer
    except BaseException:
        running.end()
        raise


class ScriptedCall:
    """A call in progress, and its journal entry. A subclass knows the protocol."""

    content_type: str

    def __init__(self, sandbox: State, entry: Entry) -> None:
        self._sandbox, self._entry, self._now = sandbox, entry, entry.time
        self._started = perf_counter()

    def carry_out(self, rule: FaultRule | None) -> HttpAnswer:
        """Answer the call; a *rule* of the fault script may change the answer or its delivery."""
        entry = self._entry
        if rule is None:
            answer = self._perform()
        else:
            entry.operation = entry.operation or self._operation()
            entry.remarks.append(f"a fault rule applied: {in_words(rule)}")
            answer, close = self._scripted(rule), rule.close is not None
            answer = evolve(answer, delay=rule.delay, close=close, truncate=rule.truncate, dribble=rule.dribble)
        if answer.close:
            entry.remarks.append(HUNG_UP)
        if answer.status:
            entry.response_headers = without_secrets((*answer.headers, ("Content-Length", str(len(answer.body)))))
        entry.seconds = perf_counter() - self._started + answer.delay
        self._sandbox.journal.answered(entry, answer.status, self._recorded(answer.body))
        answer.call = entry.number
        return answer

    def _scripted(self, rule: FaultRule) -> HttpAnswer:
        if rule.close == "before":
            return HttpAnswer(0, b"", ())
        if (refusal := self._refusal(rule)) is not None:
            return refusal
        if rule.html:
            return self._answer(rule.status or 502, (rule.body or PROXY_PAGE).encode(), "text/html; charset=UTF-8")
        if rule.status is not None or rule.body is not None:
            kind = self.content_type if rule.content_type == FaultRule().content_type else rule.content_type
            return self._answer(rule.status or 200, (rule.body or "").encode(), kind)
        if rule.twice:
            self._perform()
        return self._perform()

    def _answer(self, status: int, body: bytes, content_type: str | None = None) -> HttpAnswer:
        date = format_datetime(self._now.astimezone(UTC), usegmt=True)
        return HttpAnswer(status, body, (("Content-Type", content_type or self.content_type), ("Date", date)))

    def _operation(self) -> str | None:
        """Return the name of the operation, if the request can be read."""
        return None

    def _perform(self) -> HttpAnswer:
        """Carry out the call."""
        raise NotImplementedError

    def _refusal(self, rule: FaultRule) -> HttpAnswer | None:
        """Return the protocol's own refusal that *rule* asks for, if it does."""
        raise NotImplementedError

    def _recorded(self, body: bytes) -> bytes:
        """Return what the journal keeps of the answer's body."""
        return body
