"""What tests of bulk sync share: a sandbox behind a transport that sees, refuses or loses calls."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from marketo_soap import Client, RetryPolicy, Sandbox
from marketo_soap.envelope import read_request
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads


class Failing:
    """A client whose calls all end by *error*."""

    endpoint, last_exchange = "https://x.invalid", None

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def call(self, operation: SyncMultipleLeads) -> Any:
        raise self._error


class Transport(httpx.BaseTransport):
    """The sandbox's transport; *before* and *after* see each request with its number, and may raise or answer.

    `calls` are those that were made, `answered` how often each lead was in one that the sandbox answered.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        before: Callable[[int, SyncMultipleLeads], httpx.Response | None] = lambda number, call: None,
        after: Callable[[int, SyncMultipleLeads], None] = lambda number, call: None,
    ) -> None:
        self._inner, self._before, self._after = sandbox.transport(), before, after
        self._lock = threading.Lock()
        self.calls: list[SyncMultipleLeads] = []
        self.answered: Counter[str | None] = Counter()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call: Any = read_request(request.read()).operation
        with self._lock:
            self.calls.append(call)
            number = len(self.calls)
        answer = self._before(number, call)
        if answer is None:
            answer = self._inner.handle_request(request)
            self._after(number, call)
            with self._lock:
                self.answered.update(lead.email for lead in call.lead_records)
        return answer

    def emails(self) -> list[str | None]:
        """The leads that were sent, by Email."""
        return [lead.email for call in self.calls for lead in call.lead_records]


def client_of(sandbox: Sandbox, transport: Transport) -> Client:
    """A client that makes each call once, as fast as it can."""
    user, once = sandbox.credentials, RetryPolicy(attempts=1)
    return Client(
        "https://x.invalid/soap", user.user_id, user.encryption_key, transport=transport, retry=once, limiter=None
    )
