"""How the sandbox answers an HTTP request: shared by the in-process transport and the ASGI application."""

from __future__ import annotations

import re

from marketo_soap.sandbox.messages import (
    CONTROL,
    PATH,
    HttpAnswer,
    HttpRequest,
    allowed_hosts,
    refused,
    text_answer,
)
from marketo_soap.sandbox.soap import handle
from marketo_soap.sandbox.state import State
from marketo_soap.server.http import (
    XML,
    Refused,
    asks_for_wsdl,
    host_name,
    is_of_another_site,
    is_own_host,
    own_address,
    plain_body,
)
from marketo_soap.server.wsdl import wsdl

__all__ = ["answer", "carries_soap", "is_known"]

_REST = re.compile("/+(rest|identity|bulk)/")


def carries_soap(method: str, path: str) -> bool:
    """Return whether the body of such a request is an envelope."""
    return method == "POST" and not path.startswith(CONTROL) and not _REST.match(path)


def is_known(sandbox: State, request: HttpRequest) -> bool:
    """Say whether the caller of a control or REST request may make it, by its headers."""
    if request.path.startswith(CONTROL):
        from marketo_soap.sandbox.control import refusal_of

        return refusal_of(sandbox, request) is None
    return sandbox.tokens.refusal_of(request.headers.get("authorization", ""), sandbox.now()) is None


def answer(sandbox: State, request: HttpRequest) -> HttpAnswer:
    """Answer one HTTP request: by its path a control or a REST call; else POST is SOAP, GET returns the WSDL
    (`?WSDL`) or a short text. Requests that a browser sends for another site's page are refused.
    """
    sandbox.finish_imports()
    if request.path.startswith(CONTROL):
        from marketo_soap.sandbox.control import control

        return control(sandbox, request)
    if request.peer is not None and (refusal := _browser_refusal(sandbox, request)):
        return text_answer(403, f"{refusal}\n")
    if _REST.match(request.path):
        from marketo_soap.sandbox.rest.call import answer_rest

        return answer_rest(sandbox, request)
    if request.method == "POST":
        try:
            return handle(sandbox, plain_body(request.headers, request.body), request.headers)
        except Refused as refusal:
            return refused(refusal)
    if request.method in ("GET", "HEAD"):
        if request.path == "/" and not request.query:
            return text_answer(307, f"The page is at {CONTROL}\n", ("Location", CONTROL))
        if asks_for_wsdl(request.query):
            document = wsdl(own_address(request.scheme, request.headers, request.path))
            return HttpAnswer(200, document, (("Content-Type", XML),))
        text = f"This is a marketo_soap sandbox: POST SOAP 1.1 envelopes to {PATH}, or GET {PATH}?WSDL\n"
        return text_answer(200, text)
    text = "Only POST (a SOAP 1.1 envelope) and GET are answered here.\n"
    return text_answer(405, text, ("Allow", "GET, HEAD, POST"))


def _browser_refusal(sandbox: State, request: HttpRequest) -> str | None:
    """Return why a request may come from another site's page, if so: the default credentials are public."""
    allowed = allowed_hosts(sandbox, request)
    if not is_own_host(request.headers, allowed):
        name = host_name(request.headers["host"]) or "that name"
        return f"The sandbox is not known as {name}: allow the name with --allow-host, or Settings(allowed_hosts=...)."
    if is_of_another_site(request.headers, allowed):
        return "Another site's page may not do that: allow its host with --allow-host, or Settings(allowed_hosts=...)."
    return None
