"""The access log and the metrics of a gateway. Neither contains private data."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from secrets import token_hex
from typing import Any

from attrs import define

from marketo_soap.errors import Fault
from marketo_soap.gateway.access_log import LineWriter, open_log
from marketo_soap.gateway.instances import RestInstance
from marketo_soap.gateway.metrics import Metrics
from marketo_soap.operations.sync_lead import SyncLeadResult
from marketo_soap.server.service import Answer

__all__ = ["CallLog", "CallRecord"]

_FLUSH_SECONDS = 2.0  # at the end
_REQUEST_ID = re.compile(r"[0-9a-f]{1,8}#[0-9a-f]{1,16}")
_CODE = re.compile(r"[0-9]{3,4}")


@define
class CallRecord:
    """A call in progress; *begun* is a time of the monotonic clock.

    *claimed* is the caller whose user id came with a wrong *signature*. The log has it, the metrics do not, since
    anybody can send it.
    """

    begun: float
    time: datetime
    bytes_in: int
    number: str
    caller: str = "unknown"
    claimed: str | None = None
    signature: str | None = None
    operation: Any = None
    rest_calls: int | None = 0
    warnings: int = 0
    bytes_out: int = 0
    verdict: str = "stopped"
    rest_code: str | None = None
    rest_request_id: str | None = None

    @property
    def operation_name(self) -> str:
        """The name of the operation, "unknown" if there is none."""
        return "unknown" if self.operation is None else self.operation.name

    def record(self, answer: Answer) -> None:
        """Record the answer."""
        outcome = answer.outcome
        self.bytes_out = len(answer.body)
        if isinstance(outcome, Fault):
            self.verdict = str(outcome.code)
            if outcome.rest is not None:
                self.rest_code = _matched(_CODE, outcome.rest.code)
                self.rest_request_id = _matched(_REQUEST_ID, outcome.rest.request_id)
        else:
            self.verdict = str(outcome.sync_status.status) if isinstance(outcome, SyncLeadResult) else "OK"

    def line(self, seconds: float) -> str:
        """Return the line of the access log."""
        return json.dumps(
            {
                "time": self.time.isoformat(timespec="milliseconds"),
                "id": self.number,
                "caller": self.claimed or self.caller,
                "operation": self.operation_name,
                "verdict": self.verdict,
                **({} if self.signature is None else {"signature": self.signature}),
                "rest_calls": self.rest_calls,
                "rest_code": self.rest_code,
                "rest_request_id": self.rest_request_id,
                "warnings": self.warnings,
                "seconds": round(seconds, 6),
                "bytes_in": self.bytes_in,
                "bytes_out": self.bytes_out,
            },
            separators=(",", ":"),
        )


def _matched(pattern: re.Pattern[str], text: str | None) -> str | None:
    """Return *text* from another server if it has the expected form."""
    return text if text and pattern.fullmatch(text) else None


class CallLog:
    """Writes the access log (*path*; "-" is standard output, "" none) and counts calls for the *metrics*."""

    def __init__(self, path: str, instances: Mapping[str, RestInstance], metrics: Metrics) -> None:
        self._log = LineWriter(open_log(path)) if path else None
        self._instances = instances
        self._prefix, self._numbers = token_hex(4), count(1)
        self._metrics = metrics
        self._seen = Counter[str]()
        self._quota: dict[str, int] = {}
        self.in_progress = 0
        for name, instance in instances.items():
            self._metrics.quota_limit.labels(name).set(instance.settings.limits.per_day or 0)

    @contextmanager
    def recorded(self, bytes_in: int) -> Iterator[CallRecord]:
        """Record the call that is answered in the block, however it ends."""
        self.in_progress += 1
        self._metrics.in_progress.inc()
        call = CallRecord(time.monotonic(), datetime.now(UTC), bytes_in, f"{self._prefix}-{next(self._numbers)}")
        try:
            yield call
        finally:
            self.in_progress -= 1
            self._metrics.in_progress.dec()
            self._count(call, time.monotonic() - call.begun)

    def _count(self, call: CallRecord, seconds: float) -> None:
        metrics = self._metrics
        metrics.seconds.observe(seconds)
        outcome = "fault" if call.verdict.isdecimal() else call.verdict.lower()
        metrics.calls.labels(call.caller, call.operation_name, outcome).inc()
        if outcome == "fault":
            metrics.faults.labels(call.verdict).inc()
        if call.rest_code is not None:
            metrics.rest_refusals.labels(call.rest_code).inc()
        if self._log is not None:
            self._log.write(call.line(seconds))
        self.refresh()

    def close(self) -> None:
        """Write the queued lines of the access log, within two seconds."""
        if self._log is not None:
            self._log.close(_FLUSH_SECONDS)

    def metrics(self) -> bytes:
        """Return the metrics in the format of Prometheus."""
        self.refresh()
        return self._metrics.text()

    def refresh(self) -> None:
        """Update the metrics of what this process does besides calls; workers do it from time to time."""
        metrics = self._metrics
        metrics.dropped.inc(self._more("dropped", self._log.dropped if self._log else 0))
        for name, instance in self._instances.items():
            metrics.rest_calls.labels(name).inc(self._more(f"calls {name}", instance.rest_calls))
            metrics.refused.labels(name).set(int(instance.refused))
            used = instance.limiter.spent_today
            if self._quota.get(name) != used:  # of several workers, the one that knows the latest counts
                self._quota[name] = used
                metrics.quota_used.labels(name).set(used)

    def _more(self, what: str, number: int) -> int:
        """Return how much a number has grown."""
        more, self._seen[what] = number - self._seen[what], number
        return more
