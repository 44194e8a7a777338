"""The access log and the metrics of a gateway. Neither contains private data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from secrets import token_hex
from typing import Any

from attrs import define

from marketo_soap.errors import Fault
from marketo_soap.gateway.access_log import LineWriter, open_log
from marketo_soap.gateway.instances import RestInstance
from marketo_soap.gateway.metrics import Counter, Histogram, exposition, family
from marketo_soap.operations.sync_lead import SyncLeadResult
from marketo_soap.server.service import Answer

__all__ = ["CallLog", "CallRecord"]

_FLUSH_SECONDS = 2.0  # at the end
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
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
    """Writes the access log (*path*; "-" is standard output, "" none) and counts calls for the metrics."""

    def __init__(self, path: str, instances: Mapping[str, RestInstance]) -> None:
        self._log = LineWriter(open_log(path)) if path else None
        self._instances = instances
        self._prefix, self._numbers = token_hex(4), count(1)
        self.in_progress = 0
        self._calls = Counter(
            "marketo_gateway_calls_total", "SOAP calls, by what came of them.", "caller", "operation", "outcome"
        )
        self._faults = Counter("marketo_gateway_faults_total", "SOAP faults, by code.", "code")
        self._refusals = Counter(
            "marketo_gateway_rest_refusals_total", "Refusals of REST that calls ended with, by REST's code.", "code"
        )
        self._seconds = Histogram("marketo_gateway_call_seconds", "How long SOAP calls took.", _SECONDS)

    def begin(self, tick: float, bytes_in: int) -> CallRecord:
        """Begin to record a call."""
        return CallRecord(tick, datetime.now(UTC), bytes_in, f"{self._prefix}-{next(self._numbers)}")

    def end(self, call: CallRecord, tick: float) -> None:
        """Record the end of a call."""
        seconds = tick - call.begun
        self._seconds.observe(seconds)
        outcome = "fault" if call.verdict.isdecimal() else call.verdict.lower()
        self._calls.add(call.caller, call.operation_name, outcome)
        if outcome == "fault":
            self._faults.add(call.verdict)
        if call.rest_code is not None:
            self._refusals.add(call.rest_code)
        if self._log is not None:
            self._log.write(call.line(seconds))

    def close(self) -> None:
        """Write the queued lines of the access log, within two seconds."""
        if self._log is not None:
            self._log.close(_FLUSH_SECONDS)

    def metrics(self) -> bytes:
        """Return the metrics in the format of Prometheus."""
        metrics = (self._calls, self._faults, self._refusals, self._seconds)
        return exposition(*(each.lines for each in metrics), self._now, self._rest)

    def _now(self) -> Iterator[str]:
        help_text = "SOAP calls in progress."
        yield from family("marketo_gateway_calls_in_progress", "gauge", help_text, [({}, self.in_progress)])
        help_text, dropped = "Lines of the access log that could not be written.", self._log.dropped if self._log else 0
        yield from family("marketo_gateway_log_lines_dropped_total", "counter", help_text, [({}, dropped)])

    def _rest(self) -> Iterator[str]:
        instances = self._instances.items()
        calls = [({"instance": name}, each.rest_calls) for name, each in instances]
        yield from family("marketo_gateway_rest_calls_total", "counter", "REST calls, tokens not counted.", calls)
        used = [({"instance": name}, each.limiter.spent_today) for name, each in instances]
        help_text = "REST calls of today's quota used by this gateway; the day is that of US Central time."
        yield from family("marketo_gateway_rest_quota_used", "gauge", help_text, used)
        limits = [({"instance": name}, each.settings.limits.per_day or 0) for name, each in instances]
        help_text = "REST calls a day that the settings allow."
        yield from family("marketo_gateway_rest_quota_limit", "gauge", help_text, limits)
        refused = [({"instance": name}, int(each.refused)) for name, each in instances]
        help_text = "Whether REST is known to refuse the credentials."
        yield from family("marketo_gateway_rest_credentials_refused", "gauge", help_text, refused)
