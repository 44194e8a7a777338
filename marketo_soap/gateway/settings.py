"""The settings of a gateway: read from TOML, and checked before anything is served."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from os import PathLike
from typing import Any, Literal, Self

from attrs import field, frozen

from marketo_soap.bridge.connections import origin_of
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.transport import REST_LIMITS, RestBridge
from marketo_soap.calls.endpoint import checked_endpoint, is_loopback
from marketo_soap.calls.limits import Limits
from marketo_soap.calls.retry import DEFAULT_RETRY, RetryPolicy
from marketo_soap.config import check_writable, load_toml, not_negative, positive
from marketo_soap.gateway.redis_settings import RedisSettings
from marketo_soap.privacy.vocabulary import secret
from marketo_soap.server.http import MAX_BYTES

__all__ = ["CallerSettings", "GatewaySettings", "RedisSettings", "RestSettings"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SECRETS = ("encryption_key", "client_secret", "metrics_token", "password")


@frozen
class RestSettings:
    """A Marketo instance and its custom service: a `[[rest]]` of the file.

    *name* is its name in callers and metrics. *base_url*: `https://100-AEK-913.mktorest.com`, with or without
    `/rest`. *client_id*, or *client_id_env*, the variable that holds it. The secret comes from the variable
    *client_secret_env* or the file *client_secret_file*. *limits* are the REST calls that may be made
    (`calls` in `window` seconds, `at_once`, `per_day`; default: the vendor's); all users of an
    instance share them, so leave some to others. *retry* is the `RetryPolicy` of each REST call. *bridge* has the
    `BridgeSettings` of callers without their own. *allow_http* permits http beyond this machine.
    """

    base_url: str
    name: str = "main"
    client_id: str | None = field(default=None, repr=secret)
    client_id_env: str | None = None
    client_secret_env: str | None = field(default=None, repr=secret)
    client_secret_file: str | None = field(default=None, repr=secret)
    limits: Limits = REST_LIMITS
    retry: RetryPolicy = DEFAULT_RETRY
    bridge: BridgeSettings = field(factory=BridgeSettings)
    allow_http: bool = False

    @property
    def origin(self) -> str:
        """The URL of the instance, without a path."""
        return origin_of(self.base_url, allow_http=self.allow_http)


@frozen
class CallerSettings:
    """A caller: a `[[callers]]` of the file.

    *name* identifies the caller in logs and metrics. It signs with *user_id* and an encryption key, from the
    variable *encryption_key_env* or the file *encryption_key_file*. Both are credentials of this gateway: new ones,
    or those that the caller used before. *rest* names the `[[rest]]` of its calls (optional if there is only one);
    *bridge* replaces the bridge settings of that one. *limits* are this caller's: `calls` in `window` seconds
    (20023), `at_once` (20024), `per_day` (20015), each defaulting to the vendor's SOAP limit. Without *limits*, the
    caller may make half of *max_calls* at once if there are other callers, with no other limit. *timestamp_window*
    is the maximum age of a requestTimestamp, and how far it may be ahead, in seconds (20016); one without a zone is
    UTC. *refuse_replays* refuses repeats within that time (20016): "request", the same signature with the same body,
    catches only accidental repeats, since signatures do not cover bodies; "signature", any second use of a
    signature, stops replays, but also the second of two calls that a client signs within one second, since most
    timestamps have no fractions. With either, callers must sign again to retry, and the gateway needs a
    *replay_file*. *enabled = false* blocks the caller (20013).
    """

    name: str
    user_id: str = field(repr=secret)
    encryption_key_env: str | None = field(default=None, repr=secret)
    encryption_key_file: str | None = field(default=None, repr=secret)
    rest: str | None = None
    bridge: BridgeSettings | None = None
    limits: Limits | None = None
    timestamp_window: float = 900.0
    refuse_replays: Literal[False, "request", "signature"] = False
    enabled: bool = True


@frozen
class GatewaySettings:
    """The settings of a gateway. Times are in seconds, paths relative to the working directory.

    The gateway listens on *host* and *port* (0: any free port). Beyond this machine it needs https: with
    *certificate* and *private_key* (PEM files), or through a proxy (*behind_proxy*), which needs *public_url*.
    *public_url* is the endpoint in the WSDL; the default is the host of the request. Forwarded headers are ignored.

    `/healthz` and `/readyz` answer callers on this machine that do not come through a proxy, and everybody with
    *metrics_public*. With *admin_port* they move to that port of *admin_host*, and answer everybody. `/metrics`
    needs the token (`Authorization: Bearer`) of the variable *metrics_token_env* or the file *metrics_token_file*.
    Without a token, it answers callers on this machine only, and nobody if *behind_proxy*.

    Files of keys, secrets and tokens that every user of this machine can read or change are refused, unless
    *allow_exposed_keys*, for example for secrets that are mounted into a container.

    *access_log* is a file for one JSON object per call, "-" for standard output, "" for none. *record_directory*
    keeps the last *record_keep* exchanges of known callers as HAR files, with private values as tokens (`Recorder`).

    *replay_file* (SQLite) stores the requests of callers with *refuse_replays*, also across restarts. Gateways on
    one machine may share it; it must not be on a network file system. While it cannot be written, these calls are
    refused (20024).

    With *workers*, so many processes answer calls at the same address; one that dies is replaced. They share limits,
    replays, locks, tokens and imports through the server in *redis* (`[redis]`), and so do several machines. With
    *redis*, no *replay_file* is needed. While the server is away, calls are refused, and `/readyz` says so.

    A call may take *call_seconds* in all: PHP's timeout is 60. A request must arrive within *read_seconds* and be at
    most *max_body_bytes* long. At most *max_calls* run at once in each worker (20024), of which each caller has a
    reserved part. One address gets half of *max_connections*, unless *behind_proxy*; beyond the maximum, idle ones are
    closed.
    After SIGTERM, calls in progress have *stop_seconds* to end, at least *call_seconds*. For *stop_delay* before
    that, calls are served, but `/readyz` reports that the gateway stops.
    """

    callers: tuple[CallerSettings, ...]
    rest: tuple[RestSettings, ...]
    host: str = "127.0.0.1"
    port: int = 8808
    public_url: str | None = None
    behind_proxy: bool = False
    certificate: str | None = None
    private_key: str | None = None
    metrics_public: bool = False
    metrics_token_env: str | None = field(default=None, repr=secret)
    metrics_token_file: str | None = field(default=None, repr=secret)
    allow_exposed_keys: bool = False
    admin_host: str = "127.0.0.1"
    admin_port: int | None = None
    access_log: str = "-"
    record_directory: str | None = None
    record_keep: int = field(default=1000, validator=positive)
    replay_file: str | None = None
    call_seconds: float = field(default=55.0, validator=positive)
    read_seconds: float = field(default=20.0, validator=positive)
    max_body_bytes: int = field(default=MAX_BYTES, validator=positive)
    max_calls: int = field(default=64, validator=positive)
    max_connections: int = field(default=1000, validator=positive)
    stop_seconds: float = field(default=60.0, validator=positive)
    stop_delay: float = field(default=0.0, validator=not_negative)
    workers: int = field(default=1, validator=positive)
    redis: RedisSettings | None = None

    def __attrs_post_init__(self) -> None:
        self._check_addresses()
        if self.stop_seconds < self.call_seconds:
            raise ValueError("stop_seconds must not be less than call_seconds: calls in progress may take that long")
        if self.metrics_token_env is not None and self.metrics_token_file is not None:
            raise ValueError("metrics_token_env and metrics_token_file are both given: give one of them")
        if self.metrics_public and self.metrics_token_env is None and self.metrics_token_file is None:
            raise ValueError("metrics_public needs a token for /metrics: give metrics_token_env or metrics_token_file")
        if self.workers > 1 and self.redis is None:
            raise ValueError(
                "workers: more than one need [redis]: without it each has limits, locks and imports of its own, so "
                "calls would exceed the limits, and two calls for one lead could make it twice"
            )
        if self.redis is not None and self.replay_file is not None:
            raise ValueError("replay_file is of no use with [redis], which remembers requests: leave one of them out")
        self._check_rest()
        self._check_callers()

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read settings from a TOML file. Raises `ValueError` that names the wrong key."""
        settings = load_toml(cls, path, secrets=_SECRETS)
        settings._check_files()
        return settings

    @property
    def tls(self) -> bool:
        """Whether the gateway itself serves https."""
        return self.certificate is not None

    def rest_of(self, caller: CallerSettings) -> RestSettings:
        """Return the `[[rest]]` of a caller."""
        return next(rest for rest in self.rest if caller.rest in (None, rest.name))

    def bridge_of(self, caller: CallerSettings) -> BridgeSettings:
        """Return the bridge settings of a caller."""
        return caller.bridge or self.rest_of(caller).bridge

    def _check_addresses(self) -> None:
        for name, number in (("port", self.port), ("admin_port", self.admin_port or 0)):
            if not 0 <= number <= 65535:
                raise ValueError(f"{name} is between 0 and 65535")
        for name in ("host", "admin_host"):
            if not re.fullmatch(r"[A-Za-z0-9.:_-]+", getattr(self, name)):
                raise ValueError(f"{name} is not a host")
        if (self.certificate is None) != (self.private_key is None):
            missing = "certificate" if self.certificate is None else "private_key"
            raise ValueError(f"{missing} is missing: https needs a certificate and its private_key")
        at = f"[{self.host}]" if ":" in self.host else self.host
        if not self.tls and not self.behind_proxy and not is_loopback(f"http://{at}"):
            raise ValueError(
                "host is not on this machine: give certificate and private_key, or set behind_proxy = true if a "
                "proxy serves https for the gateway"
            )
        if self.public_url is not None:
            try:
                checked_endpoint(self.public_url, allow_http=True)
            except ValueError as error:
                raise ValueError(f"public_url: {error}") from None
        elif self.behind_proxy:
            raise ValueError("public_url is missing: behind a proxy the WSDL needs it")

    def _check_rest(self) -> None:
        if not self.rest:
            raise ValueError("rest is empty: one [[rest]] is needed")
        limits: dict[str, Limits] = {}
        for where, rest in _numbered("rest", self.rest):
            _check_name(rest.name, where)
            try:
                origin = rest.origin
            except ValueError as error:
                raise ValueError(f"{where}.base_url: {error}") from None
            if limits.setdefault(origin, rest.limits) != rest.limits:
                raise ValueError(f"{where}.limits differ from those of another [[rest]] of the same instance")
            _check_one_of(where, "client_id", "client_id_env", rest)
            _check_one_of(where, "client_secret_env", "client_secret_file", rest)
        _check_unique("rest", "name", [rest.name for rest in self.rest])

    def _check_callers(self) -> None:
        if not self.callers:
            raise ValueError("callers is empty: one [[callers]] is needed")
        names = [rest.name for rest in self.rest]
        for where, caller in _numbered("callers", self.callers):
            _check_name(caller.name, where)
            if not caller.user_id.strip():
                raise ValueError(f"{where}.user_id is empty")
            _check_one_of(where, "encryption_key_env", "encryption_key_file", caller)
            if caller.rest is None and len(names) > 1:
                raise ValueError(f"{where}.rest is missing: there are {', '.join(names)}")
            if caller.rest is not None and caller.rest not in names:
                raise ValueError(f"{where}.rest: there is no [[rest]] of that name; there are: {', '.join(names)}")
            if not caller.timestamp_window > 0:
                raise ValueError(f"{where}.timestamp_window must be more than 0")
            if caller.refuse_replays and not self.replay_file and self.redis is None:
                raise ValueError(
                    f"{where}.refuse_replays needs a replay_file, which remembers requests across restarts"
                )
        _check_unique("callers", "name", [caller.name for caller in self.callers])
        _check_unique("callers", "user_id", [caller.user_id for caller in self.callers])

    def _check_files(self) -> None:
        bridges = [(where, rest, rest.bridge) for where, rest in _numbered("rest", self.rest)]
        bridges += [
            (where, self.rest_of(each), self.bridge_of(each)) for where, each in _numbered("callers", self.callers)
        ]
        for where, rest, bridge in bridges:
            try:
                RestBridge(rest.origin, "-", "-", settings=bridge, limiter=None, allow_http=rest.allow_http).close()
            except OSError as error:
                raise ValueError(f"{where}.bridge.describe_file: it cannot be read: {error.strerror}") from None
            except ValueError as error:
                raise ValueError(f"{where}.bridge.{error}") from None
        if self.access_log not in ("", "-"):
            check_writable("access_log", self.access_log)
        if self.replay_file is not None:
            check_writable("replay_file", self.replay_file)
        if self.record_directory is not None:
            there = os.path.abspath(self.record_directory)
            while not os.path.exists(there):  # what is missing is created
                there = os.path.dirname(there)
            if not os.path.isdir(there) or not os.access(there, os.W_OK):
                raise ValueError("record_directory: this directory cannot be written")


def _numbered(key: str, values: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    return ((f"{key}[{number}]", value) for number, value in enumerate(values, 1))


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name) or name == "unknown":
        raise ValueError(f"{where}.name: a name has only letters, digits, '.', '_' and '-', and is not 'unknown'")


def _check_one_of(where: str, one: str, other: str, settings: Any) -> None:
    given = [name for name in (one, other) if getattr(settings, name) is not None]
    if not given:
        raise ValueError(f"{where}.{one} is missing: give it or {other}")
    if len(given) == 2:
        raise ValueError(f"{where}: {one} and {other} are both given: give one of them")


def _check_unique(key: str, name: str, values: list[str]) -> None:
    for number, value in enumerate(values, 1):
        if value in values[: number - 1]:
            raise ValueError(f"{key}[{number}].{name} is the same as that of {key}[{values.index(value) + 1}]")
