"""What a gateway is told: plain values, read from TOML, checked wholly before anything is served."""

from __future__ import annotations

import re
import tomllib
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
from marketo_soap.config import check_writable, literal_secrets, structure
from marketo_soap.privacy.redactor import hidden
from marketo_soap.server.http import MAX_BYTES

__all__ = ["CallerSettings", "GatewaySettings", "RestSettings"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SECRETS = ("encryption_key", "client_secret", "metrics_token")
_POSITIVE = (
    "call_seconds",
    "read_seconds",
    "max_body_bytes",
    "max_calls",
    "max_connections",
    "stop_seconds",
    "record_keep",
)


@frozen
class RestSettings:
    """An instance of Marketo, and the custom service that is used there: a `[[rest]]` of the file.

    *name* is what callers and metrics call it. *base_url*: `https://100-AEK-913.mktorest.com`, with or without
    `/rest`. *client_id*, or *client_id_env*, the variable that holds it. The secret comes from the variable
    *client_secret_env* or the file *client_secret_file*. *limits* are the REST calls that may be made
    (`calls` in `window` seconds, `at_once`, `per_day`; default: the vendor's); all that use one instance share
    them, so leave some to others. *retry* is the `RetryPolicy` of each REST call. *bridge* are the
    `BridgeSettings` of callers that bring none of their own. *allow_http* permits http beyond this machine.
    """

    base_url: str
    name: str = "main"
    client_id: str | None = field(default=None, repr=hidden)
    client_id_env: str | None = None
    client_secret_env: str | None = field(default=None, repr=hidden)
    client_secret_file: str | None = field(default=None, repr=hidden)
    limits: Limits = REST_LIMITS
    retry: RetryPolicy = DEFAULT_RETRY
    bridge: BridgeSettings = field(factory=BridgeSettings)
    allow_http: bool = False

    @property
    def origin(self) -> str:
        """Where the instance is, without a path."""
        return origin_of(self.base_url, allow_http=self.allow_http)


@frozen
class CallerSettings:
    """Who may call: a `[[callers]]` of the file.

    *name* stands for the caller in logs and metrics. *user_id* is what it signs with; its encryption key comes
    from the variable *encryption_key_env* or the file *encryption_key_file*. Both are this gateway's own: new
    ones, or those that the caller always had. *rest* names the `[[rest]]` that its calls go to (may be left
    out if there is but one), *bridge* how they are translated, in place of that one's. *limits* are this
    caller's own: `calls` in `window` seconds (20023), `at_once` (20024), `per_day` (20015); a number that is
    left out is the vendor's of SOAP; no table is half of the gateway's *max_calls* at once, where there are
    other callers, and no other limit. *timestamp_window* is how many seconds a requestTimestamp may be old, or
    ahead (20016); one without a zone is UTC. *refuse_replays* says what is refused within that time (20016):
    "request", the same signature with the very same body, catches accidental repeats alone, as signatures do
    not cover bodies; "signature", any second use of one, stops replays, and with them the second of two calls
    that a client signs in one second, as most write no fractions of it. With either, callers that repeat a
    call must sign anew, and the gateway needs a *replay_file*. *enabled = false* shuts the caller out (20013).
    """

    name: str
    user_id: str = field(repr=hidden)
    encryption_key_env: str | None = field(default=None, repr=hidden)
    encryption_key_file: str | None = field(default=None, repr=hidden)
    rest: str | None = None
    bridge: BridgeSettings | None = None
    limits: Limits | None = None
    timestamp_window: float = 900.0
    refuse_replays: Literal[False, "request", "signature"] = False
    enabled: bool = True


@frozen
class GatewaySettings:
    """What a gateway is told. Times are in seconds, paths relative to the working directory.

    *host* and *port* (0: any free one) are where it listens: this machine, unless *certificate* and
    *private_key* (PEM files) make it https, or *behind_proxy* says that a proxy does so; then *public_url* is
    needed. *public_url*, the whole endpoint, is what the WSDL tells callers to use; without it, the host that
    they asked for. Forwarded headers are never believed.

    `/healthz` and `/readyz` answer callers on this machine that no proxy speaks for, anybody with *metrics_public*.
    With *admin_port* they are on that port of *admin_host* instead, for whoever reaches it. `/metrics` is beside
    them, for who brings the token (`Authorization: Bearer`) of the variable *metrics_token_env* or the file
    *metrics_token_file*, and without one for callers on this machine, unless *behind_proxy*: all seem to be there.

    Files of keys, secrets and tokens that every user of this machine can read or change are refused;
    *allow_exposed_keys* accepts them, as where a container's secrets are mounted so.

    *access_log* is a file for one JSON object a call, "-" for standard output, "" for none. *record_directory*
    keeps the last *record_keep* exchanges of known callers as HAR files, private values as tokens (`Recorder`).

    *replay_file* (SQLite) remembers what callers with *refuse_replays* have sent, over restarts too. Gateways of one
    machine may share it; none is on a network's file system. While it cannot be written, their calls are refused
    (20024).

    A call may take *call_seconds* in all: PHP's own time-out is 60. A request must arrive within
    *read_seconds*, be at most *max_body_bytes* long, and find fewer than *max_calls* others in progress (20024):
    each caller finds room for some, and none gets all of it where there are several. Of *max_connections* one
    address gets half, unless *behind_proxy*; where there are more, those that are idle are closed. At SIGTERM
    the calls in progress have *stop_seconds* to end, no less than *call_seconds*; for *stop_delay* before that,
    `/readyz` alone says that it is over.
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
    metrics_token_env: str | None = field(default=None, repr=hidden)
    metrics_token_file: str | None = field(default=None, repr=hidden)
    allow_exposed_keys: bool = False
    admin_host: str = "127.0.0.1"
    admin_port: int | None = None
    access_log: str = "-"
    record_directory: str | None = None
    record_keep: int = 1000
    replay_file: str | None = None
    call_seconds: float = 55.0
    read_seconds: float = 20.0
    max_body_bytes: int = MAX_BYTES
    max_calls: int = 64
    max_connections: int = 1000
    stop_seconds: float = 60.0
    stop_delay: float = 0.0

    def __attrs_post_init__(self) -> None:
        self._check_addresses()
        for name in (*_POSITIVE, "record_keep"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0")
        if self.stop_seconds < self.call_seconds:
            raise ValueError("stop_seconds must not be less than call_seconds: calls in progress may take those")
        if self.metrics_token_env is not None and self.metrics_token_file is not None:
            raise ValueError("metrics_token_env is given: give it or metrics_token_file, one of them")
        if self.metrics_public and self.metrics_token_env is None and self.metrics_token_file is None:
            raise ValueError("metrics_public needs a token for /metrics: give metrics_token_env or metrics_token_file")
        if self.stop_delay < 0:
            raise ValueError("stop_delay must not be negative")
        self._check_rest()
        self._check_callers()

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read settings from a TOML file. `ValueError` names the key that is wrong."""
        with open(path, "rb") as file:
            try:
                data = tomllib.load(file)
            except tomllib.TOMLDecodeError as error:
                raise ValueError(f"{path}: {error}") from None
        for where in literal_secrets(data, _SECRETS):
            name = where.rpartition(".")[2]
            raise ValueError(
                f"{where}: a secret does not stand in the configuration: name the variable that holds it in "
                f"{name}_env, or the file in {name}_file"
            )
        settings = structure(cls, data)
        settings._check_files()
        return settings

    @property
    def tls(self) -> bool:
        """Whether callers are answered over https by the gateway itself."""
        return self.certificate is not None

    def rest_of(self, caller: CallerSettings) -> RestSettings:
        """Return where a caller's calls go to."""
        return next(rest for rest in self.rest if caller.rest in (None, rest.name))

    def bridge_of(self, caller: CallerSettings) -> BridgeSettings:
        """Return how a caller's calls are translated."""
        return caller.bridge or self.rest_of(caller).bridge

    def _check_addresses(self) -> None:
        for name, number in (("port", self.port), ("admin_port", self.admin_port or 0)):
            if not 0 <= number <= 65535:
                raise ValueError(f"{name} is between 0 and 65535")
        for name in ("host", "admin_host"):
            if not re.fullmatch(r"[A-Za-z0-9.:_-]+", getattr(self, name)):
                raise ValueError(f"{name} is no host")
        if (self.certificate is None) != (self.private_key is None):
            missing = "certificate" if self.certificate is None else "private_key"
            raise ValueError(f"{missing} is missing: https needs a certificate and its private_key")
        at = f"[{self.host}]" if ":" in self.host else self.host
        if not self.tls and not self.behind_proxy and not is_loopback(f"http://{at}"):
            raise ValueError(
                "host is not on this machine: give certificate and private_key, or set behind_proxy = true where a "
                "proxy speaks https for the gateway"
            )
        if self.public_url is not None:
            try:
                checked_endpoint(self.public_url, allow_http=True)
            except ValueError as error:
                raise ValueError(f"public_url: {error}") from None
        elif self.behind_proxy:
            raise ValueError("public_url is missing: behind a proxy nobody else knows what callers must be told")

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
            if caller.refuse_replays and not self.replay_file:
                raise ValueError(f"{where}.refuse_replays needs a replay_file, which remembers requests over restarts")
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


def _numbered(key: str, values: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    return ((f"{key}[{number}]", value) for number, value in enumerate(values, 1))


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name) or name == "unknown":
        raise ValueError(f"{where}.name: a name is letters, digits, '.', '_' and '-', and not 'unknown'")


def _check_one_of(where: str, one: str, other: str, settings: Any) -> None:
    given = [name for name in (one, other) if getattr(settings, name) is not None]
    if len(given) != 1:
        raise ValueError(f"{where}.{one} {'is missing' if not given else 'is given'}: give it or {other}, one of them")


def _check_unique(key: str, name: str, values: list[str]) -> None:
    for number, value in enumerate(values, 1):
        if value in values[: number - 1]:
            raise ValueError(f"{key}[{number}].{name} is that of {key}[{values.index(value) + 1}], too")
