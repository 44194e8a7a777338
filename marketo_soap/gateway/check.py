"""Check the instances before callers are served: credentials, fields, partitions. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
from attrs import frozen

from marketo_soap.bridge.connections import Connections
from marketo_soap.bridge.rest import RestRequest, read, read_reply, read_token, token_request
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Fetch
from marketo_soap.calls.flow import Received
from marketo_soap.errors import TransportError
from marketo_soap.gateway.secrets import Secrets
from marketo_soap.gateway.settings import GatewaySettings, RestSettings
from marketo_soap.gateway.shared import SharedState
from marketo_soap.wire.xml import MAX_BYTES

__all__ = ["CheckResult", "check"]

_KEY_TYPES = ("string", "email", "integer")
_SECONDS = 30.0  # for each call
_REASONS = {
    "603": "access denied: the role of the API user lacks a permission",
    "610": "there is no such call",
}


@frozen
class CheckResult:
    """The result of one check: whether it passed, the place in the settings, and a message."""

    ok: bool
    where: str
    message: str


def check(
    settings: GatewaySettings, secrets: Secrets, *, transport: httpx.BaseTransport | None = None
) -> Iterator[CheckResult]:
    """Check every `[[rest]]` and the names in its bridges by real calls. *transport* replaces the network.

    The permission to write leads cannot be checked without writing.
    """
    if settings.redis is not None:
        state = SharedState(settings.redis, secrets.redis_password)
        try:
            state.begin()
            yield CheckResult(True, "redis", "the server answers")
        except OSError as error:
            yield CheckResult(False, "redis", str(error).removeprefix("redis: "))
        finally:
            state.close()
    for rest in settings.rest:
        connections = Connections(rest.origin, transport, True, None, MAX_BYTES)
        try:
            yield from _instance(connections, settings, rest, *secrets.rest[rest.name])
        finally:
            connections.close()


class _Problem(Exception):  # noqa: N818 - becomes a CheckResult
    """What is wrong with a reply of REST."""


def _token(connections: Connections, client_id: str, client_secret: str) -> str:
    received = _get(connections, token_request(client_id, client_secret), None)
    reply = read_token(received)
    if reply.success:
        return str(reply.result[0]["access_token"])
    if received.status in (400, 401, 403):
        raise _Problem(f"the client id or the client secret is refused (HTTP {received.status})")
    raise _Problem(f"HTTP {received.status} without a token")


def _named(connections: Connections, path: str, token: str, name: Callable[[Any], Any]) -> Mapping[str, Any]:
    """Return the records of a reply by their names."""
    reply = read_reply(_get(connections, read(path), token))
    if not reply.success:
        raise _Problem(f"REST {reply.code or 'without a code'}: {_REASONS.get(reply.code, 'refused')}")
    named = [(name(each), each) for each in reply.result]
    found = {key: each for key, each in named if isinstance(key, str) and key}
    if not found:
        raise _Problem("the reply has an unexpected form")
    return found


def _get(connections: Connections, request: RestRequest, token: str | None) -> Received:
    received = connections.fetch(Fetch(request, token, 1, _SECONDS), httpx.Timeout(_SECONDS))
    if isinstance(received, TransportError):
        cause = received.__cause__ or received
        why = f" ({cause})" if isinstance(cause, httpx.ConnectError) else ""  # others may quote the reply
        raise _Problem(f"no answer from {connections.origin}: {type(cause).__name__}{why}")
    return received


def _instance(
    connections: Connections, settings: GatewaySettings, rest: RestSettings, client_id: str, client_secret: str
) -> Iterator[CheckResult]:
    where = f"rest {rest.name}"
    try:
        token = _token(connections, client_id, client_secret)
        yield CheckResult(True, where, "credentials: REST returned a token")
    except _Problem as problem:
        yield CheckResult(False, where, f"credentials: {problem}")
        return
    found: dict[str, Mapping[str, Any]] = {}
    for name, name_of, unit in (
        ("describe", _rest_name, " fields"),
        ("partitions", lambda each: each.get("name"), ""),
    ):
        try:
            found[name] = _named(connections, f"/rest/v1/leads/{name}.json", token, name_of)
            yield CheckResult(True, where, f"{name}: {len(found[name])}{unit}")
        except _Problem as problem:
            yield CheckResult(False, where, f"{name}: {problem}")
    for place, bridge in _bridges(settings, rest):
        if "describe" in found:
            yield from _fields(f"{where}, {place}", bridge, found["describe"])
        if "partitions" in found:
            yield from _partitions(f"{where}, {place}", bridge, found["partitions"])


def _rest_name(described: Any) -> Any:
    rest = described.get("rest")
    return rest.get("name") if isinstance(rest, dict) else None


def _bridges(settings: GatewaySettings, rest: RestSettings) -> Iterator[tuple[str, BridgeSettings]]:
    """Yield the names and settings of the bridges that use *rest*."""
    callers = [caller for caller in settings.callers if settings.rest_of(caller) is rest]
    if any(caller.bridge is None for caller in callers):
        yield "bridge", rest.bridge
    for caller in callers:
        if caller.bridge is not None:
            yield f"bridge of {caller.name}", caller.bridge


def _fields(where: str, bridge: BridgeSettings, fields: Mapping[str, Any]) -> Iterator[CheckResult]:
    wanted = [(f"foreign_id_fields.{kind}", name, True) for kind, name in bridge.foreign_id_fields.items()]
    wanted += [(f"attribute_names.{kind}", name, False) for kind, name in bridge.attribute_names.items()]
    for key, name, is_key in wanted:
        described = fields.get(name)
        if described is None:
            yield CheckResult(False, where, f"{key}: the instance has no field {name}")
        elif described["rest"].get("readOnly"):
            yield CheckResult(False, where, f"{key}: the field {name} cannot be written")
        elif is_key and described.get("dataType") not in _KEY_TYPES:
            kind = described.get("dataType")
            yield CheckResult(False, where, f"{key}: the field {name} is of type {kind}, not {', '.join(_KEY_TYPES)}")
        else:
            yield CheckResult(True, where, f"{key}: the field {name} exists")


def _partitions(where: str, bridge: BridgeSettings, partitions: Mapping[str, Any]) -> Iterator[CheckResult]:
    for workspace, name in bridge.workspace_partitions.items():
        there = name in partitions
        state = "exists" if there else f"does not exist; there are {', '.join(sorted(partitions))}"
        yield CheckResult(there, where, f"workspace_partitions.{workspace}: the partition {name} {state}")
