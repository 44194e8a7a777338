"""The settings of a bulk sync, and the answers of its threads."""

from __future__ import annotations

import threading
from typing import Any, Protocol
from urllib.parse import urlsplit

from attrs import field, frozen

from marketo_soap.bulk.planner import Batch
from marketo_soap.calls.waiting import Clock
from marketo_soap.errors import MarketoError
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, SyncMultipleLeadsResult

__all__ = ["Answer", "Answered", "BulkClient", "SyncTerms", "subscription_of"]

Answer = SyncMultipleLeadsResult | MarketoError | BaseException


class BulkClient(Protocol):
    """What is used of a `Client`."""

    def call(self, operation: SyncMultipleLeads, /) -> SyncMultipleLeadsResult:
        """Carry out a call."""
        ...

    @property
    def last_exchange(self) -> Any:
        """The last attempt of this thread."""


def subscription_of(client: object) -> str:
    """Return the name of a client's subscription: the Munchkin id of SOAP and REST endpoints, else the host."""
    host = urlsplit(str(getattr(client, "endpoint", ""))).netloc.lower()
    name, _, domain = host.partition(".")
    return name if domain in ("mktoapi.com", "mktorest.com") else host


@frozen
class SyncTerms:
    """How a run sends: see `sync_leads`."""

    dedup: bool
    at_once: int
    batch_size: int
    calls_a_day: int | None
    wait: bool
    stop: threading.Event
    clock: Clock


@frozen
class Answered:
    """The answer for a batch, or the error that came instead, and how many attempts it took."""

    sent: int
    batch: Batch
    answer: Answer = field(repr=False)
    attempts: int
