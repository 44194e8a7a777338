"""What the sandbox says to an HTTP request: shared by the in-process transport and the ASGI application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from attrs import field, frozen

from marketo_soap.redaction import size_only
from marketo_soap.wsdl import wsdl
from marketo_soap.xml import MAX_BYTES

if TYPE_CHECKING:
    from marketo_soap.sandbox.sandbox import Sandbox

__all__ = ["MAX_BYTES", "PATH", "HttpAnswer", "HttpRequest", "answer"]

PATH = "/soap/mktows/2_2"

_XML = "text/xml; charset=UTF-8"
_TEXT = "text/plain; charset=UTF-8"
# The last is what plain `curl -d` says.
_XML_TYPES = {"", "text/xml", "application/xml", "application/x-www-form-urlencoded"}


@frozen
class HttpRequest:
    """An HTTP request: the whole URL as the caller sees it, header names in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=size_only, default=b"")


@frozen
class HttpAnswer:
    """An HTTP answer: status, body, and headers as pairs."""

    status: int
    body: bytes = field(repr=size_only)
    headers: tuple[tuple[str, str], ...]


def answer(sandbox: Sandbox, request: HttpRequest) -> HttpAnswer:
    """Answer one HTTP request: POST carries SOAP, GET gives the WSDL (`?WSDL`) or says what this is."""
    if request.method == "POST":
        return _soap(sandbox, request)
    if request.method in ("GET", "HEAD"):
        url = urlsplit(request.url)
        if any(name.lower() == "wsdl" for name in parse_qs(url.query, keep_blank_values=True)):
            document = wsdl(url._replace(query="", fragment="").geturl())
            return HttpAnswer(200, document, (("Content-Type", _XML),))
        return _text(
            200, f"This is a marketo_soap sandbox: POST SOAP 1.1 envelopes to {PATH}, or GET {PATH}?WSDL\n"
        )
    return _text(
        405, "Only POST (a SOAP 1.1 envelope) and GET are answered here.\n", ("Allow", "GET, HEAD, POST")
    )


def _soap(sandbox: Sandbox, request: HttpRequest) -> HttpAnswer:
    if len(request.body) > MAX_BYTES:
        return too_large()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in _XML_TYPES:
        return _text(415, "A SOAP 1.1 request has the Content-Type text/xml.\n")
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return _text(415, "A request is not compressed.\n", ("Accept-Encoding", "identity"))
    soap = sandbox.respond(request.body)
    return HttpAnswer(soap.status, soap.body, (("Content-Type", _XML),))


def too_large() -> HttpAnswer:
    """Refuse a body that is longer than any request."""
    return _text(413, f"A request may be {MAX_BYTES} bytes long.\n")


def _text(status: int, text: str, *headers: tuple[str, str]) -> HttpAnswer:
    return HttpAnswer(status, text.encode(), (("Content-Type", _TEXT), *headers))
