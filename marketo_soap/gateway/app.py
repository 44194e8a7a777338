"""The ASGI application of a gateway: SOAP and its WSDL, health and metrics, nothing else."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import re
from collections.abc import Mapping
from functools import partial

from attrs import frozen
from starlette.requests import ClientDisconnect
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
_NEEDS_TOKEN = b"/metrics needs the token that metrics_token_env or metrics_token_file names.\n"
_CLOSE = (("Connection", "close"),)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@frozen
class _Said:
    status: int
    body: bytes
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


class Application:
    """Answers HTTP for *gateway*: SOAP calls (*soap*), health and metrics (*admin*: to whom "all", "local", "none")."""

    def __init__(self, gateway: Gateway, *, soap: bool, admin: str) -> None:
        self._gateway, self._soap, self._admin = gateway, soap, admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            said = await self._answer(scope, receive)
        except ClientDisconnect:
            return
        headers = [(b"content-type", said.content_type.encode()), (b"content-length", b"%d" % len(said.body))]
        headers += [(name.lower().encode(), value.encode()) for name, value in said.headers]
        await send({"type": "http.response.start", "status": said.status, "headers": headers})
        await send({"type": "http.response.body", "body": said.body})

    async def _answer(self, scope: Scope, receive: Receive) -> _Said:
        path, method = scope["path"], scope["method"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if "content-length" in headers and "transfer-encoding" in headers:  # a proxy may have read another body
            both = fault(20012, "Request Not Understood: Content-Length and Transfer-Encoding contradict each other")
            return _Said(500, self._gateway.refuse(500, both).body, XML, _CLOSE)
        if self._soap and PATH.fullmatch(path):
            if method == "POST":
                return await self._call(headers, receive)
            if method in ("GET", "HEAD") and asks_for_wsdl(scope["query_string"].decode("latin-1")):
                address = self._gateway.settings.public_url or own_address(scope["scheme"], headers, path)
                return _Said(200, wsdl(address), XML)
            said = "POST SOAP 1.1 envelopes here, or GET ?WSDL.\n"
            return _Said(405, said.encode(), headers=(("Allow", "GET, HEAD, POST"),))
        if path in _ADMIN and method in ("GET", "HEAD"):
            if self._shown(path, scope, headers):
                return self._how_it_is(path)
            if self._admin == "all":
                return _Said(401, _NEEDS_TOKEN, headers=(("WWW-Authenticate", "Bearer"),))
        return _Said(404, b"There is nothing here.\n")

    async def _call(self, headers: Mapping[str, str], receive: Receive) -> _Said:
        gateway = self._gateway
        share = gateway.share()
        try:
            async with asyncio.timeout(gateway.settings.read_seconds):
                allow = partial(gateway.allow, share)
                body = await read_envelope(receive, headers, allow, gateway.settings.max_body_bytes)
            answer = await gateway.answer(body)
            return _Said(answer.status, answer.body, XML)
        except (Fault, ProtocolError) as refusal:
            answer = gateway.refuse(500, refusal)
        except Refused as refused:
            # Clients of SOAP read a fault where they would not read a status; only what is too long keeps its own.
            status = 413 if refused.status == 413 else 500
            answer = gateway.refuse(status, fault(20012, f"Request Not Understood: {refused}"))
        except TimeoutError:
            answer = gateway.refuse(408, fault(20012, "Request Not Understood: it did not arrive in time"))
        finally:
            share.close()
        return _Said(answer.status, answer.body, XML, _CLOSE)

    def _shown(self, path: str, scope: Scope, headers: Mapping[str, str]) -> bool:
        """Whether the caller may see how the gateway is; the numbers are for who has the token, or is here in fact."""
        if path != "/metrics" or self._admin == "none":
            return self._admin == "all" or (self._admin == "local" and _is_here(scope, headers))
        token, given = self._gateway.metrics_token, headers.get("authorization", "")
        if token is not None and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return True
        proxied = self._soap and self._gateway.settings.behind_proxy
        return not proxied and is_own_host(headers, ()) and _is_here(scope, headers)

    def _how_it_is(self, path: str) -> _Said:
        if path == "/metrics":
            return _Said(200, self._gateway.journal.metrics(), CONTENT_TYPE)
        why_not = self._gateway.not_ready() if path == "/readyz" else None
        data = {"status": "ok"} if why_not is None else {"status": "not ready", "reason": why_not}
        return _Said(200 if why_not is None else 503, json.dumps(data).encode(), "application/json")


def _is_here(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether the caller is on this machine: one that a proxy speaks for is not."""
    if any(name in headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(scope["client"][0]).is_loopback
    except (ValueError, TypeError):
        return False
