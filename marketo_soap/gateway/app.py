"""The ASGI application of a gateway: SOAP, its WSDL, health and metrics."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import re
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from marketo_soap.errors import Fault, ProtocolError, fault
from marketo_soap.gateway.gateway import Gateway
from marketo_soap.gateway.metrics import CONTENT_TYPE
from marketo_soap.server.asgi import read_envelope
from marketo_soap.server.http import TEXT, XML, Refused, asks_for_wsdl, is_own_host, own_address
from marketo_soap.server.wsdl import wsdl

__all__ = ["Application"]

PATH = re.compile(r"/soap/mktows/[A-Za-z0-9._-]+")
_ADMIN = {"/healthz", "/readyz", "/metrics"}
_NEEDS_TOKEN = "/metrics needs the token that metrics_token_env or metrics_token_file names.\n"
_CLOSE = {"Connection": "close"}
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Application:
    """Serve *gateway* over HTTP: SOAP calls (*soap*), health and metrics (*admin*: for "all", "local" or "none")."""

    def __init__(self, gateway: Gateway, *, soap: bool, admin: str) -> None:
        self._gateway, self._soap, self._admin = gateway, soap, admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response = await self._answer(scope, receive)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        path, method = scope["path"], scope["method"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if "content-length" in headers and "transfer-encoding" in headers:  # a proxy may have read a different body
            both = fault(20012, "Request Not Understood: Content-Length and Transfer-Encoding contradict each other")
            return Response(self._gateway.refuse(500, both).body, 500, _CLOSE, XML)
        if self._soap and PATH.fullmatch(path):
            if method == "POST":
                return await self._call(headers, receive)
            if method in ("GET", "HEAD") and asks_for_wsdl(scope["query_string"].decode("latin-1")):
                address = self._gateway.settings.public_url or own_address(scope["scheme"], headers, path)
                return Response(wsdl(address), 200, None, XML)
            text = "POST SOAP 1.1 envelopes here, or GET ?WSDL.\n"
            return Response(text, 405, {"Allow": "GET, HEAD, POST"}, TEXT)
        if path in _ADMIN and method in ("GET", "HEAD"):
            if self._may_see(path, scope, headers):
                return await self._admin_response(path)
            if self._admin == "all":
                return Response(_NEEDS_TOKEN, 401, {"WWW-Authenticate": "Bearer"}, TEXT)
        return Response("There is nothing here.\n", 404, None, TEXT)

    async def _call(self, headers: Mapping[str, str], receive: Receive) -> Response:
        gateway = self._gateway
        try:
            with gateway.memory() as allow:
                async with asyncio.timeout(gateway.settings.read_seconds):
                    body = await read_envelope(receive, headers, allow, gateway.settings.max_body_bytes)
                answer = await gateway.answer(body)
            return Response(answer.body, answer.status, None, XML)
        except (Fault, ProtocolError) as refusal:
            answer = gateway.refuse(500, refusal)
        except Refused as refused:
            # SOAP clients read a fault, but not a status; only 413 keeps its own.
            status = 413 if refused.status == 413 else 500
            answer = gateway.refuse(status, fault(20012, f"Request Not Understood: {refused}"))
        except TimeoutError:
            answer = gateway.refuse(408, fault(20012, "Request Not Understood: it did not arrive in time"))
        return Response(answer.body, answer.status, _CLOSE, XML)

    def _may_see(self, path: str, scope: Scope, headers: Mapping[str, str]) -> bool:
        """Whether the caller may see health; metrics need the token, or a caller on this machine."""
        if path != "/metrics" or self._admin == "none":
            return self._admin == "all" or (self._admin == "local" and _is_local(scope, headers))
        token, given = self._gateway.metrics_token, headers.get("authorization", "")
        if token is not None and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return True
        proxied = self._soap and self._gateway.settings.behind_proxy
        return not proxied and is_own_host(headers, ()) and _is_local(scope, headers)

    async def _admin_response(self, path: str) -> Response:
        if path == "/metrics":
            return Response(self._gateway.call_log.metrics(), 200, None, CONTENT_TYPE)
        reason = await self._gateway.not_ready() if path == "/readyz" else None
        data = {"status": "ok"} if reason is None else {"status": "not ready", "reason": reason}
        return Response(json.dumps(data), 200 if reason is None else 503, None, "application/json")


def _is_local(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether the caller is on this machine and not behind a proxy."""
    if any(name in headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(scope["client"][0]).is_loopback
    except (ValueError, TypeError):
        return False
