"""What the sandbox says to an HTTP request: shared by the in-process transport and the ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from marketo_soap.xml import MAX_BYTES

if TYPE_CHECKING:
    from marketo_soap.sandbox.sandbox import Sandbox

__all__ = ["MAX_BYTES", "PATH", "HttpAnswer", "answer"]

PATH = "/soap/mktows/2_2"

_XML = "text/xml; charset=UTF-8"
_TEXT = "text/plain; charset=UTF-8"


@frozen
class HttpAnswer:
    """An HTTP answer: status, body, and headers as pairs."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


def answer(sandbox: Sandbox, method: str, body: bytes) -> HttpAnswer:
    """Answer one HTTP request: POST carries SOAP, GET says what this is."""
    if method == "POST":
        if len(body) > MAX_BYTES:
            return too_large()
        soap = sandbox.respond(body)
        return HttpAnswer(soap.status, soap.body, (("Content-Type", _XML),))
    if method in ("GET", "HEAD"):
        return _text(200, f"This is a marketo_soap sandbox: POST SOAP 1.1 envelopes to {PATH}\n")
    return _text(
        405, "Only POST (a SOAP 1.1 envelope) and GET are answered here.\n", ("Allow", "GET, HEAD, POST")
    )


def too_large() -> HttpAnswer:
    """Refuse a body that is longer than any request."""
    return _text(413, f"A request may be {MAX_BYTES} bytes long.\n")


def _text(status: int, text: str, *headers: tuple[str, str]) -> HttpAnswer:
    return HttpAnswer(status, text.encode(), (("Content-Type", _TEXT), *headers))
