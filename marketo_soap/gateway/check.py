"""A look at the instances before callers are let in: credentials, fields, partitions. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from attrs import frozen

from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.endpoint import is_loopback
from marketo_soap.gateway.secrets import Secrets
from marketo_soap.gateway.settings import GatewaySettings, RestSettings

__all__ = ["Verdict", "check"]

_KEY_TYPES = ("string", "email", "integer")


@frozen
class Verdict:
    """One thing that was looked at: whether it is as it must be, and what it is."""

    ok: bool
    where: str
    said: str


def check(
    settings: GatewaySettings, secrets: Secrets, *, transport: httpx.BaseTransport | None = None
) -> Iterator[Verdict]:
    """Look at every `[[rest]]` by real calls, and at what the bridges over it name. *transport* replaces the network.

    The right to write leads shows at the first write only.
    """
    for rest in settings.rest:
        local = is_loopback(rest.origin)
        with httpx.Client(base_url=rest.origin, timeout=30.0, trust_env=not local, transport=transport) as http:
            yield from _instance(_Asker(http, f"rest {rest.name}"), settings, rest, *secrets.rest[rest.name])


class _Problem(Exception):  # noqa: N818 - a verdict on its way
    pass


@frozen
class _Asker:
    http: httpx.Client
    where: str

    def ask(self, path: str, **params: str) -> Any:
        """Return the JSON that REST answers; raises what is wrong with it."""
        try:
            response = self.http.get(path, params=params)
        except httpx.HTTPError as error:
            raise _Problem(f"no answer: {type(error).__name__}") from None
        try:
            data = response.json()
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise _Problem(f"HTTP {response.status_code} without a reply of REST")
        if path.startswith("/identity") and (response.status_code != 200 or "access_token" not in data):
            raise _Problem(f"the client id or the client secret is refused (HTTP {response.status_code})")
        if path.startswith("/rest") and not data.get("success"):
            raise _Problem(_refusal(data))
        return data


def _refusal(data: Mapping[str, Any]) -> str:
    errors = data.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    code = str(first.get("code", ""))[:10] if isinstance(first, dict) else "without a code"
    told = {"603": "access denied: the role of the service's user lacks a permission", "610": "there is no such call"}
    return f"REST {code}: {told.get(code, 'refused')}"


def _instance(
    asker: _Asker, settings: GatewaySettings, rest: RestSettings, client_id: str, client_secret: str
) -> Iterator[Verdict]:
    where = asker.where
    try:
        params = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        token = asker.ask("/identity/oauth/token", **params)["access_token"]
    except _Problem as problem:
        yield Verdict(False, where, f"credentials: {problem}")
        return
    yield Verdict(True, where, "credentials: a token was given")
    asker.http.headers["Authorization"] = f"Bearer {token}"
    fields: Mapping[str, Any] = {}
    try:
        fields = {each["rest"]["name"]: each for each in asker.ask("/rest/v1/leads/describe.json")["result"]}
        yield Verdict(True, where, f"describe: {len(fields)} fields")
    except _Problem as problem:
        yield Verdict(False, where, f"describe: {problem}")
    except (KeyError, TypeError):
        yield Verdict(False, where, "describe: the reply has another form")
    partitions: set[str] | None = None
    try:
        partitions = {each["name"] for each in asker.ask("/rest/v1/leads/partitions.json")["result"]}
        yield Verdict(True, where, f"partitions: {len(partitions)}")
    except _Problem as problem:
        yield Verdict(False, where, f"partitions: {problem}")
    except (KeyError, TypeError):
        yield Verdict(False, where, "partitions: the reply has another form")
    for place, bridge in _bridges(settings, rest):
        if fields:
            yield from _fields(f"{where}, {place}", bridge, fields)
        if partitions is not None:
            yield from _partitions(f"{where}, {place}", bridge, partitions)


def _bridges(settings: GatewaySettings, rest: RestSettings) -> Iterator[tuple[str, BridgeSettings]]:
    """The settings of bridges that are in use over *rest*, and whose they are."""
    callers = [caller for caller in settings.callers if settings.rest_of(caller) is rest]
    if any(caller.bridge is None for caller in callers):
        yield "bridge", rest.bridge
    for caller in callers:
        if caller.bridge is not None:
            yield f"bridge of {caller.name}", caller.bridge


def _fields(where: str, bridge: BridgeSettings, fields: Mapping[str, Any]) -> Iterator[Verdict]:
    wanted = [(f"foreign_id_fields.{kind}", name, True) for kind, name in bridge.foreign_id_fields.items()]
    wanted += [(f"attribute_names.{kind}", name, False) for kind, name in bridge.attribute_names.items()]
    for key, name, is_key in wanted:
        described = fields.get(name)
        if described is None:
            yield Verdict(False, where, f"{key}: the instance has no field {name}")
        elif described["rest"].get("readOnly"):
            yield Verdict(False, where, f"{key}: the field {name} cannot be written")
        elif is_key and described.get("dataType") not in _KEY_TYPES:
            kind = described.get("dataType")
            yield Verdict(False, where, f"{key}: the field {name} is of type {kind}, not {', '.join(_KEY_TYPES)}")
        else:
            yield Verdict(True, where, f"{key}: the field {name} is there")


def _partitions(where: str, bridge: BridgeSettings, partitions: set[str]) -> Iterator[Verdict]:
    for workspace, name in bridge.workspace_partitions.items():
        there = name in partitions
        said = "is there" if there else f"is not: there are {', '.join(sorted(partitions))}"
        yield Verdict(there, where, f"workspace_partitions.{workspace}: the partition {name} {said}")
