"""The gateway: answers SOAP requests by REST calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from marketo_soap import envelope
from marketo_soap.bridge.call import Served
from marketo_soap.bridge.core import as_fault
from marketo_soap.calls.call import Terms, notify
from marketo_soap.debug.recorder import Recorder
from marketo_soap.errors import (
    AmbiguousError,
    BridgeConfigurationError,
    Fault,
    ProtocolError,
    TransportError,
    fault,
)
from marketo_soap.gateway.budget import Budget
from marketo_soap.gateway.call_log import CallLog, CallRecord
from marketo_soap.gateway.callers import Caller, Callers
from marketo_soap.gateway.instances import instances_of
from marketo_soap.gateway.metrics import Metrics
from marketo_soap.gateway.replays import Replays
from marketo_soap.gateway.secrets import Secrets
from marketo_soap.gateway.settings import GatewaySettings
from marketo_soap.gateway.shared import RedisReplays, SharedState
from marketo_soap.history import Exchange
from marketo_soap.server import service
from marketo_soap.server.reader import Reader
from marketo_soap.server.service import Answer
from marketo_soap.signature import AuthenticationHeader

__all__ = ["Gateway"]

_STOPPED = "the gateway stopped before this call ended: it may or may not have been carried out"
_LONG_REQUESTS = 64 * 1024 * 1024  # bytes of all that are being read


class Gateway:
    """Answers SOAP calls of the callers in *settings*. Everything but the bridges runs in one event loop.

    REST calls are made in threads and run to their end, even if the caller disconnects. With *metrics_folder*, the
    metrics are added up with those of other workers.
    """

    def __init__(self, settings: GatewaySettings, secrets: Secrets, *, metrics_folder: str | None = None) -> None:
        self.settings, self.metrics_token = settings, secrets.metrics_token
        self.stopping = False
        self._shared = None if settings.redis is None else SharedState(settings.redis, secrets.redis_password)
        if self._shared is not None:
            self._shared.begin()
        self._instances = instances_of(settings.rest, secrets.rest, self._shared)
        self.call_log = CallLog(settings.access_log, self._instances, Metrics(metrics_folder))
        self._replays = self._open_replays()
        # One caller must not block all others.
        share = settings.max_calls if len(settings.callers) == 1 else max(1, settings.max_calls // 2)
        self._callers = Callers(
            (
                Caller(
                    caller,
                    secrets.callers[caller.name],
                    instance := self._instances[settings.rest_of(caller).name],
                    instance.bridge(settings.bridge_of(caller)),
                    share,
                    self._replays,
                    self._shared,
                )
                for caller in settings.callers
            ),
            settings.max_calls,
        )
        self._pool = ThreadPoolExecutor(settings.max_calls, thread_name_prefix="marketo-gateway")
        self._readers = Reader(), Reader()  # short requests must not wait for long ones
        memory = max(_LONG_REQUESTS, 2 * settings.max_body_bytes)
        self._budget = Budget(memory, memory if len(settings.callers) == 1 else memory // 2)
        self._recorder: Recorder | None = None
        if settings.record_directory is not None:
            hidden = [credentials.encryption_key for credentials in secrets.callers.values()]
            hidden += [secret for _, secret in secrets.rest.values()]
            self._recorder = Recorder(settings.record_directory, keep=settings.record_keep, secrets=hidden)
        self.running = 0  # calls over REST

    def _open_replays(self) -> Replays | RedisReplays | None:
        if self._shared is not None:
            watched = [caller.user_id for caller in self.settings.callers if caller.refuse_replays]
            return RedisReplays(self._shared, watched)
        return None if self.settings.replay_file is None else Replays(self.settings.replay_file)

    # -- calls ----------------------------------------------------------------------------------------

    async def answer(self, body: bytes) -> Answer:
        """Answer one request, valid or not: with a result or a fault."""
        with self.call_log.recorded(len(body)) as call:
            try:
                answer = await self._answered(call, body)
            except asyncio.CancelledError:
                if not self.stopping:
                    raise
                answer = service.refused(call.operation, as_fault(AmbiguousError(_STOPPED)))
            except Exception as error:
                answer = service.refused(call.operation, error)
            call.record(answer)
        return answer

    @contextmanager
    def memory(self) -> Iterator[Callable[[bytearray], Awaitable[None]]]:
        """Give a function that takes memory for a request, which keeps it to the end of the block.

        The function gets what has come of the request, and raises a fault unless it may be longer than `HEAD_BYTES`.
        Unsigned requests get no memory, and are not parsed.
        """
        caller, size = "", 0

        async def allow(plain: bytearray) -> None:
            nonlocal caller, size
            if not caller:
                caller = await self._readers[0].read(self._signed_by, bytes(plain[: envelope.HEAD_BYTES]))
            self._budget.take(caller, len(plain) - size)
            size = len(plain)

        try:
            yield allow
        finally:
            self._budget.release(caller, size)

    def _signed_by(self, beginning: bytes) -> str:
        return self._callers.identify(service.early_header(beginning)).name

    def refuse(self, status: int, refusal: Exception) -> Answer:
        """Answer an HTTP request that is not a complete SOAP request."""
        with self.call_log.recorded(0) as call:
            answer = service.refused(None, refusal)
            call.record(answer)
        return Answer(status, answer.body, answer.outcome)

    async def _answered(self, call: CallRecord, body: bytes) -> Answer:
        reader = self._readers[len(body) > envelope.HEAD_BYTES]
        try:
            async with asyncio.timeout(self.settings.call_seconds):
                caller, header, request = await reader.read(partial(self._read, call), body)
        except TimeoutError:
            raise fault(20024) from None
        self._callers.check_room(caller)
        ended = await caller.check_call(header, body, datetime.now(UTC), time.monotonic())
        try:
            self._callers.check_room(caller)  # others may have begun in the meantime
            if isinstance(request, ProtocolError):
                raise request
            seconds = call.begun + self.settings.call_seconds - time.monotonic()
            work = self._begin(partial(self._over_rest, caller, request, body, seconds), caller)
        except BaseException:
            ended()
            raise
        work.add_done_callback(lambda _: ended())
        served = await asyncio.shield(work)
        call.rest_calls, call.warnings = served.rest_calls, len(served.notes)
        caller.instance.record(served.answer.outcome)
        return served.answer

    def _read(
        self, call: CallRecord, body: bytes
    ) -> tuple[Caller, AuthenticationHeader, envelope.Request[Any] | ProtocolError]:
        """Read a request in a reader thread. Errors in its parameters are returned, not raised."""
        opened = envelope.open_request(body)
        call.operation = opened.operation_type
        header = service.header_of(opened)
        try:
            caller = self._callers.identify(header)
        except Fault:
            call.claimed, call.signature = self._callers.diagnose(header, time.monotonic())
            raise
        call.caller = caller.name
        try:
            return caller, header, envelope.Request(opened.read_operation(), header, opened.read_context())
        except ProtocolError as error:
            return caller, header, error

    def _begin(self, work: Callable[[], Served], caller: Caller) -> asyncio.Future[Served]:
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        self.running += 1
        caller.running += 1

        def ended(_: object) -> None:
            self.running -= 1
            caller.running -= 1

        future.add_done_callback(ended)
        return future

    def _over_rest(self, caller: Caller, request: envelope.Request[Any], body: bytes, seconds: float) -> Served:
        if self._recorder is None:
            return self._served(caller, request, seconds)
        started, begun = datetime.now(UTC), time.monotonic()
        served = self._served(caller, request, seconds)
        exchange = Exchange(
            operation=request.operation.name,
            endpoint=self.settings.public_url or caller.instance.settings.origin,
            attempt=1,
            started=started,
            request_headers=(),
            request=body,
            elapsed=time.monotonic() - begun,
            status=served.answer.status,
            response=served.answer.body,
            read_fault=envelope.fault_of,
        )
        notify(self._recorder, exchange)
        return served

    def _served(self, caller: Caller, request: envelope.Request[Any], seconds: float) -> Served:
        try:
            return caller.bridge.answer(request, terms=Terms(caller.instance.settings.retry, max(seconds, 0.0)))
        except (BridgeConfigurationError, TransportError) as error:
            return Served(service.refused(type(request.operation), as_fault(error)), (), 0)

    # -- status ---------------------------------------------------------------------------------------

    async def not_ready(self) -> str | None:
        """Return why the gateway cannot serve calls now, None if it can. Makes no call over REST."""
        if self.stopping:
            return "it is stopping"
        if self._shared is not None and await self._shared.is_away():
            return "Redis is away"
        if all(instance.refused for instance in self._instances.values()):
            return "REST refuses the credentials"
        return None

    def close(self) -> None:
        """Close the REST connections and the log, without waiting for calls in progress."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for instance in self._instances.values():
            instance.close()
        for reader in self._readers:
            reader.close()
        self.call_log.close()
        if isinstance(self._replays, Replays):
            self._replays.close()
        if self._shared is not None:
            self._shared.close()
