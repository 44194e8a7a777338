"""Run a gateway on its sockets. At a stop, calls in progress are finished first."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import parent_process
from typing import Any

import uvicorn

from marketo_soap.gateway.app import Application
from marketo_soap.gateway.gateway import Gateway
from marketo_soap.gateway.secrets import Secrets
from marketo_soap.gateway.settings import GatewaySettings
from marketo_soap.gateway.supervisor import supervise
from marketo_soap.gateway.timeouts import with_timeouts
from marketo_soap.server.asgi import listen, server_config

__all__ = ["check_certificate", "run", "serve"]

logger = logging.getLogger("marketo_soap.gateway")

_KEEP_ALIVE = 20  # seconds that a connection may be idle
_FLUSH_SECONDS = 1.0  # for answers to go out at the end
_ADMIN_CONNECTIONS = 100
_REFRESH_SECONDS = 1.0
_OTHER_FILES = 64  # descriptors other than connections


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ignore signals: the gateway stops its two servers one after the other."""
        yield


def serve(settings: GatewaySettings, secrets: Secrets) -> None:
    """Serve until SIGTERM or SIGINT; then wait for the calls in progress, at most *stop_seconds*.

    Prints the addresses to standard error when calls are accepted. Raises `OSError` if it cannot listen, or cannot use
    Redis. If calls did not end in time, the process exits here with code 1.
    """
    scheme = "https" if settings.tls else "http"
    listener, address = listen(settings.host, settings.port)
    listeners = [listener]
    lines = [f"SOAP at {scheme}://{address}/soap/mktows/2_2"]
    if settings.admin_port is None:
        lines.append(f"health and metrics at {scheme}://{address}/readyz")
    else:
        listener, address = listen(settings.admin_host, settings.admin_port)
        listeners.append(listener)
        lines.append(f"health and metrics at http://{address}/readyz")
    ready = partial(print, *lines, "ready", sep="\n", file=sys.stderr, flush=True)
    if settings.workers == 1:
        run(settings, secrets, listeners, ready)
    elif not supervise(run, settings, secrets, listeners, ready):
        sys.exit(1)


def run(
    settings: GatewaySettings,
    secrets: Secrets,
    listeners: Sequence[socket.socket],
    ready: Callable[[], None],
    metrics_folder: str | None = None,
) -> None:
    """Serve at *listeners* in this process; the second one is for health and metrics. Call *ready* at the beginning."""
    gateway = Gateway(settings, secrets, metrics_folder=metrics_folder)
    public = "all" if settings.metrics_public else "local"
    connections = _connections(settings)
    tls = {"ssl_certfile": settings.certificate, "ssl_keyfile": settings.private_key} if settings.tls else {}
    main = _server(
        settings,
        Application(gateway, soap=True, admin="none" if settings.admin_port is not None else public),
        connections,
        None if settings.behind_proxy else max(1, connections // 2),
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(settings.stop_seconds),
        **tls,
    )
    servers = [main]
    if settings.admin_port is not None:
        admin = Application(gateway, soap=False, admin="all")
        servers.append(_server(settings, admin, _ADMIN_CONNECTIONS, timeout_graceful_shutdown=1))

    def begun() -> None:
        ready()
        if connections < settings.max_connections:
            logger.warning("max_connections is lowered to %d by the limit of open files", connections)

    asyncio.run(_until_stopped(gateway, servers, listeners, begun))
    gateway.close()
    if gateway.running:
        logger.error("%d calls did not end in time: their outcome is unknown", gateway.running)
        os._exit(1)  # a normal exit would wait for their threads


def _server(
    settings: GatewaySettings, app: Application, connections: int, per_address: int | None = None, **options: Any
) -> _Server:
    config = server_config(
        app,
        http=with_timeouts(settings.read_seconds, connections, per_address),
        log_config=None,
        log_level="error",  # warnings would log every invalid HTTP request
        limit_concurrency=connections + 1,
        server_header=False,
        **options,
    )
    return _Server(config)


def _connections(settings: GatewaySettings) -> int:
    """Return the maximum of connections: the setting, or less if the process may not open so many files."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return settings.max_connections
    others = _OTHER_FILES + settings.max_calls + (0 if settings.admin_port is None else _ADMIN_CONNECTIONS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = others + settings.max_connections
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return settings.max_connections
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return min(settings.max_connections, max(soft // 4, soft - others))


async def _until_stopped(
    gateway: Gateway, servers: list[_Server], listeners: Sequence[socket.socket], begun: Callable[[], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # on Windows, Ctrl-C ends it at once
            loop.add_signal_handler(number, stop.set)
    if (parent := parent_process()) is not None:

        def orphaned() -> None:  # the supervisor was killed
            loop.remove_reader(parent.sentinel)
            stop.set()

        with suppress(NotImplementedError):
            loop.add_reader(parent.sentinel, orphaned)
    tasks = [
        loop.create_task(server.serve(sockets=[listener])) for server, listener in zip(servers, listeners, strict=True)
    ]
    begun()
    ended, refreshing = loop.create_task(stop.wait()), loop.create_task(_refresh(gateway))
    await asyncio.wait([*tasks, ended], return_when=asyncio.FIRST_COMPLETED)
    gateway.stopping = True
    await asyncio.sleep(gateway.settings.stop_delay)
    for server, task in zip(servers, tasks, strict=True):  # the health endpoint stops last
        await _stop(gateway, server, task)
    ended.cancel()
    refreshing.cancel()


async def _refresh(gateway: Gateway) -> None:
    """Keep the metrics of this worker fresh for the others."""
    while True:
        await asyncio.sleep(_REFRESH_SECONDS)
        gateway.call_log.refresh()


async def _stop(gateway: Gateway, server: _Server, task: asyncio.Task[None]) -> None:
    """Stop *server* when its calls have ended, without waiting for incomplete requests and unread answers."""
    server.should_exit = True
    loop = asyncio.get_running_loop()
    busy = loop.time()
    while not task.done():
        await asyncio.wait([task], timeout=0.1)
        if gateway.call_log.in_progress:
            busy = loop.time()
        elif loop.time() > busy + _FLUSH_SECONDS:
            for connection in list(server.server_state.connections):
                connection.transport.abort()
    await task
    if server.server_state.tasks:  # they were cancelled, and answer with a fault
        await asyncio.wait(server.server_state.tasks, timeout=_FLUSH_SECONDS)


def check_certificate(settings: GatewaySettings) -> None:
    """Raise `ValueError` if the certificate and its key cannot be used."""
    if settings.certificate is None or settings.private_key is None:
        return
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.certificate, settings.private_key, password=lambda: "")
    except OSError as error:
        why = error.strerror or "not a certificate and its key without a password"
        raise ValueError(f"certificate, private_key: {why}") from None
