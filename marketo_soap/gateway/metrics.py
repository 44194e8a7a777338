"""The metrics of a gateway, in the text format 0.0.4 of Prometheus. Workers add theirs up in the files of a folder."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

__all__ = ["CONTENT_TYPE", "Metrics", "worker_ended"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it when it is imported
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The metrics of a process; with a *folder*, those of all workers that use it.

    A worker must name its folder before anything else imports prometheus_client.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        if folder is not None:
            os.environ[_FOLDER] = folder
        self._client: Any = import_module("prometheus_client")
        self._client.disable_created_metrics()
        self._registry = self._client.CollectorRegistry()
        self.calls = self._counter("calls", "SOAP calls, by what came of them.", "caller", "operation", "outcome")
        self.faults = self._counter("faults", "SOAP faults, by code.", "code")
        help_text = "Refusals of REST that calls ended with, by REST's code."
        self.rest_refusals = self._counter("rest_refusals", help_text, "code")
        self.seconds = self._client.Histogram(
            "marketo_gateway_call_seconds", "How long SOAP calls took.", buckets=_SECONDS, registry=self._registry
        )
        self.in_progress = self._gauge("calls_in_progress", "SOAP calls in progress.", "livesum")
        self.dropped = self._counter("log_lines_dropped", "Lines of the access log that could not be written.")
        self.rest_calls = self._counter("rest_calls", "REST calls, tokens not counted.", "instance")
        help_text = "REST calls of today's quota used by this gateway; the day is that of US Central time."
        self.quota_used = self._gauge("rest_quota_used", help_text, "livemostrecent", "instance")
        help_text = "REST calls a day that the settings allow."
        self.quota_limit = self._gauge("rest_quota_limit", help_text, "livemax", "instance")
        help_text = "Whether REST is known to refuse the credentials."
        self.refused = self._gauge("rest_credentials_refused", help_text, "livemax", "instance")

    def text(self) -> bytes:
        """Return the metrics of all workers."""
        registry = self._registry
        if self._folder is not None:
            registry = self._client.CollectorRegistry()
            import_module("prometheus_client.multiprocess").MultiProcessCollector(registry, path=self._folder)
        text: bytes = self._client.generate_latest(registry)
        return text

    def _counter(self, name: str, help_text: str, *labels: str) -> Any:
        return self._client.Counter(f"marketo_gateway_{name}_total", help_text, labels, registry=self._registry)

    def _gauge(self, name: str, help_text: str, mode: str, *labels: str) -> Any:
        name = f"marketo_gateway_{name}"
        return self._client.Gauge(name, help_text, labels, multiprocess_mode=mode, registry=self._registry)


def worker_ended(process: int, folder: str) -> None:
    """Take what a worker that has ended had in progress out of the metrics; its counters stay."""
    import_module("prometheus_client.multiprocess").mark_process_dead(process, folder)
