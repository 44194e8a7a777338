"""What the sandbox says to an HTTP request: shared by the in-process transport and the ASGI application."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC
from email.utils import format_datetime
from typing import TYPE_CHECKING

from attrs import field, frozen

from marketo_soap.privacy.redactor import size_only
from marketo_soap.server.http import (
    MAX_BYTES,
    TEXT,
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

if TYPE_CHECKING:
    from marketo_soap.sandbox.sandbox import Sandbox

__all__ = [
    "CONTROL",
    "MAX_BYTES",
    "PATH",
    "HttpAnswer",
    "HttpRequest",
    "allowed_hosts",
    "answer",
    "carries_soap",
    "refused",
    "text_answer",
]

PATH = "/soap/mktows/2_2"
CONTROL = "/_sandbox/"

_REST = re.compile("/+(rest|identity|bulk)/")


@frozen
class HttpRequest:
    """An HTTP request: header names in lower case; `peer` is the caller's address, None in this process.

    `own_hosts` are the names that the server listens at.
    """

    method: str
    scheme: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=size_only, default=b"")
    peer: str | None = None
    own_hosts: tuple[str, ...] = ()


@frozen
class HttpAnswer:
    """An HTTP answer: status, body, headers as pairs, and how it is to travel (see `Delivery`).

    A body that is too long to be held comes in *pieces*, which are made as they are read.
    Whoever carries it calls `done()` when it has been delivered, or could not be.
    """

    status: int
    body: bytes = field(repr=size_only)
    headers: tuple[tuple[str, str], ...]
    done: Callable[[], None] = field(repr=False, default=lambda: None)
    delay: float = 0.0
    close: bool = False
    truncate: int | None = None
    dribble: float | None = None
    pieces: Iterator[bytes] | None = field(repr=False, default=None)

    @property
    def plain(self) -> bool:
        """Whether it travels as any answer does."""
        return not self.delay and not self.close and self.truncate is None and self.dribble is None


def carries_soap(method: str, path: str) -> bool:
    """Say whether the body of such a request is an envelope."""
    return method == "POST" and not path.startswith(CONTROL) and not _REST.match(path)


def answer(sandbox: Sandbox, request: HttpRequest) -> HttpAnswer:
    """Answer one HTTP request: by its path a control or a REST call; else POST carries SOAP, GET gives the WSDL
    (`?WSDL`) or says what this is. What a browser sends for another site's page is refused.
    """
    if request.path.startswith(CONTROL):
        from marketo_soap.sandbox.control import control

        return control(sandbox, request)
    if request.peer is not None and (refusal := _browser_refusal(sandbox, request)):
        return text_answer(403, f"{refusal}\n")
    if _REST.match(request.path):
        from marketo_soap.sandbox.rest import answer_rest

        return answer_rest(sandbox, request)
    if request.method == "POST":
        return _soap(sandbox, request)
    if request.method in ("GET", "HEAD"):
        if asks_for_wsdl(request.query):
            document = wsdl(own_address(request.scheme, request.headers, request.path))
            return HttpAnswer(200, document, (("Content-Type", XML),))
        said = f"This is a marketo_soap sandbox: POST SOAP 1.1 envelopes to {PATH}, or GET {PATH}?WSDL\n"
        return text_answer(200, said)
    said = "Only POST (a SOAP 1.1 envelope) and GET are answered here.\n"
    return text_answer(405, said, ("Allow", "GET, HEAD, POST"))


def allowed_hosts(sandbox: Sandbox, request: HttpRequest) -> tuple[str, ...]:
    """Return the names by which callers may ask for the sandbox, besides `localhost` and IP addresses."""
    return tuple(name.lower() for name in (*request.own_hosts, *sandbox.settings.allowed_hosts))


def _browser_refusal(sandbox: Sandbox, request: HttpRequest) -> str | None:
    """Say why a request may come from a web page that is none of the caller's; the credentials are published."""
    allowed = allowed_hosts(sandbox, request)
    if not is_own_host(request.headers, allowed):
        name = host_name(request.headers["host"]) or "that name"
        return f"The sandbox is not known as {name}: allow the name with --allow-host, or Settings(allowed_hosts=...)."
    if is_of_another_site(request.headers, allowed):
        return "Another site's page may not do that: allow its host with --allow-host, or Settings(allowed_hosts=...)."
    return None


def _soap(sandbox: Sandbox, request: HttpRequest) -> HttpAnswer:
    try:
        body = plain_body(request.headers, request.body)
    except Refused as refusal:
        return refused(refusal)
    said = sandbox.handle(body)
    return HttpAnswer(
        said.answer.status,
        said.answer.body,
        (("Content-Type", said.content_type), ("Date", format_datetime(sandbox.now().astimezone(UTC), usegmt=True))),
        said.done,
        said.delay,
        said.close,
        said.truncate,
        said.dribble,
    )


def refused(refusal: Refused) -> HttpAnswer:
    """Answer what is no request of SOAP."""
    return text_answer(refusal.status, f"{refusal.text}\n", *refusal.headers)


def text_answer(status: int, text: str, *headers: tuple[str, str]) -> HttpAnswer:
    """Return an answer in plain text."""
    return HttpAnswer(status, text.encode(), (("Content-Type", TEXT), *headers))
