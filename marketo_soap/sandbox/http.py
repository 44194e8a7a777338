"""What the sandbox says to an HTTP request: shared by the in-process transport and the ASGI application."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from attrs import field, frozen

from marketo_soap.redaction import size_only
from marketo_soap.wsdl import wsdl

if TYPE_CHECKING:
    from marketo_soap.sandbox.sandbox import Sandbox

__all__ = ["CONTROL", "HOST", "MAX_BYTES", "PATH", "HttpAnswer", "HttpRequest", "answer", "text_answer"]

PATH = "/soap/mktows/2_2"
MAX_BYTES = 8 * 1024 * 1024  # of a request
CONTROL = "/_sandbox/"

_XML = "text/xml; charset=UTF-8"
_TEXT = "text/plain; charset=UTF-8"
HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_COMPRESSED = {"gzip", "x-gzip", "deflate"}
# The last is what plain `curl -d` says.
_XML_TYPES = {"", "text/xml", "application/xml", "application/x-www-form-urlencoded"}


@frozen
class HttpRequest:
    """An HTTP request: header names in lower case; `peer` is the caller's address, None in this process."""

    method: str
    scheme: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=size_only, default=b"")
    peer: str | None = None


@frozen
class HttpAnswer:
    """An HTTP answer: status, body, headers as pairs, and how it is to travel (see `Delivery`).

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

    @property
    def plain(self) -> bool:
        """Whether it travels as any answer does."""
        return not self.delay and not self.close and self.truncate is None and self.dribble is None


def answer(sandbox: Sandbox, request: HttpRequest) -> HttpAnswer:
    """Answer one HTTP request: POST carries SOAP, GET gives the WSDL (`?WSDL`) or says what this is."""
    if request.path.startswith(CONTROL):
        from marketo_soap.sandbox.control import control

        return control(sandbox, request)
    if request.method == "POST":
        return _soap(sandbox, request)
    if request.method in ("GET", "HEAD"):
        if any(name.lower() == "wsdl" for name in parse_qs(request.query, keep_blank_values=True)):
            host = request.headers.get("host", "")
            host = host if HOST.fullmatch(host) else "127.0.0.1"
            document = wsdl(f"{request.scheme}://{host}{quote(request.path)}")
            return HttpAnswer(200, document, (("Content-Type", _XML),))
        said = f"This is a marketo_soap sandbox: POST SOAP 1.1 envelopes to {PATH}, or GET {PATH}?WSDL\n"
        return text_answer(200, said)
    said = "Only POST (a SOAP 1.1 envelope) and GET are answered here.\n"
    return text_answer(405, said, ("Allow", "GET, HEAD, POST"))


def _soap(sandbox: Sandbox, request: HttpRequest) -> HttpAnswer:
    if len(request.body) > MAX_BYTES:
        return too_large()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in _XML_TYPES:
        return text_answer(415, "A SOAP 1.1 request has the Content-Type text/xml.\n")
    body = request.body
    if encoding := request.headers.get("content-encoding"):
        if encoding.strip().lower() not in _COMPRESSED:
            return text_answer(
                415, "A request may be compressed by gzip or deflate.\n", ("Accept-Encoding", "gzip, deflate")
            )
        inflated = _inflated(body)
        if inflated is None:
            return too_large()
        body = inflated
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


def _inflated(body: bytes) -> bytes | None:
    """The body decompressed, as far as it can be: what is broken is no SOAP. None if it grows too long."""
    inflater = zlib.decompressobj(wbits=47)  # gzip and zlib alike
    try:
        plain = inflater.decompress(body, MAX_BYTES + 1)
    except zlib.error:
        return b""
    return plain if len(plain) <= MAX_BYTES else None


def too_large() -> HttpAnswer:
    """Refuse a body that is longer than any request."""
    return text_answer(413, f"A request may be {MAX_BYTES} bytes long.\n")


def text_answer(status: int, text: str, *headers: tuple[str, str]) -> HttpAnswer:
    """Return an answer in plain text."""
    return HttpAnswer(status, text.encode(), (("Content-Type", _TEXT), *headers))
