"""A whole call over a real socket, to a server in a process of its own."""

from __future__ import annotations

import httpx

from benchmarks.samples import EMAIL, SEED_VALUES
from benchmarks.served import CONSTANT, SANDBOX, running
from benchmarks.timing import Ratio, ratio
from marketo_soap import Client
from marketo_soap.calls.limits import Limiter
from marketo_soap.records.lead import LeadRecord
from marketo_soap.sandbox.state import ENCRYPTION_KEY, USER_ID


def sync_lead_ratio(
    seconds: float, limiter: Limiter | None = None, history: int | None = None, *, constant: bool = False
) -> Ratio:
    """Return how many times longer `Client.sync_lead` takes than to post the same bytes with httpx.

    The server is a sandbox, or returns a *constant* reply. Both sides keep their connection alive. *limiter* and
    *history* are the client's.
    """
    lead = LeadRecord(email=EMAIL, attributes=SEED_VALUES)
    with (
        running(CONSTANT, "h11") if constant else running(SANDBOX, ":memory:") as server,
        Client(server.endpoint, USER_ID, ENCRYPTION_KEY, limiter=limiter, history=history) as client,
        httpx.Client(trust_env=False) as http,
    ):
        client.sync_lead(lead)
        sent = client.last_exchange
        assert sent is not None
        body, headers = sent.request, httpx.Headers(sent.request_headers)

        def post() -> None:
            http.post(server.endpoint, content=body, headers=headers).raise_for_status()

        return ratio(lambda: client.sync_lead(lead), post, seconds)
