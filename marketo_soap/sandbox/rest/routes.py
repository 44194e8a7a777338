"""Which REST call an HTTP request is, and how the journal writes it down."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import secret
from marketo_soap.sandbox.messages import HttpRequest
from marketo_soap.sandbox.rest.endpoints import ENDPOINTS, IDENTITY, Endpoint
from marketo_soap.sandbox.rest.replies import RestCallError
from marketo_soap.sandbox.store.table import read_id

__all__ = ["Route", "as_recorded", "recorded", "route"]

_MAX_URI = 8 * 1024
_MAX_BODY = 1024 * 1024
_MAX_FILE = 10 * _MAX_BODY
_FORM = "application/x-www-form-urlencoded"
_SECRET = {"client_secret", "access_token"}


@frozen
class Route:
    """A call: its *endpoint*, its parameters, the *number* or *name* in its path, and why it is refused."""

    endpoint: Endpoint | None = None
    given: Mapping[str, str] = field(factory=dict, repr=secret)
    number: int = 0
    refused: RestCallError | None = None
    name: str = ""

    @property
    def operation(self) -> str:
        """The name of the endpoint; "" if there is none."""
        return "" if self.endpoint is None else self.endpoint.operation


def route(request: HttpRequest) -> Route:
    """Return which call it is. A POST with `_method=GET`, in its query or its form, is a GET."""
    pairs = _pairs(request.query)
    given = dict(pairs)
    if "id" in given:  # ids may be repeated, or separated by commas
        given["id"] = ",".join(text for name, text in pairs if name == "id")
    if _content_type(request) == _FORM and len(request.body) <= _MAX_BODY:
        given |= _pairs(request.body.decode("utf-8", "replace"))
    tunnelled = request.method == "POST" and given.get("_method") == "GET"
    method = "GET" if tunnelled else request.method
    refused = RestCallError("610")
    for endpoint in ENDPOINTS:
        if not (found := endpoint.path.fullmatch(request.path)):
            continue
        if endpoint.method == method:
            name = found[1] if found.groups() else ""
            refusal = _too_long(request) or _wrong_content_type(request, endpoint, tunnelled=tunnelled)
            return Route(endpoint, given, read_id(name) or 0, refusal, name)
        refused = RestCallError("605")
    return Route(refused=_too_long(request) or refused)


def _wrong_content_type(request: HttpRequest, endpoint: Endpoint, *, tunnelled: bool) -> RestCallError | None:
    content_type = _content_type(request)
    is_input = endpoint.takes_input and content_type == "application/json"
    wrong = tunnelled and request.body and content_type != _FORM and not is_input
    if wrong or (endpoint.takes_json and content_type != "application/json"):
        return RestCallError("612")
    return None


def _too_long(request: HttpRequest) -> RestCallError | None:
    if len(quote(request.path)) + 1 + len(request.query) > _MAX_URI:
        return RestCallError("414", status=414)
    most = _MAX_FILE if request.path.startswith("/bulk/") else _MAX_BODY
    return RestCallError("413", status=413) if len(request.body) > most else None


def _content_type(request: HttpRequest) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)


def recorded(request: HttpRequest, operation: str) -> bytes:
    """Return a request as the journal keeps it: a line with method and address, an empty line, the body.

    Tokens and secrets among the parameters are not kept, whoever's they are; nor is a body that asks for a
    token in a form of its own, or is too long to be read.
    """
    body = request.body
    if len(body) > _MAX_BODY:
        body = b"(%d bytes)" % len(body)
    elif _content_type(request) == _FORM:
        body = _without_secrets(body.decode("utf-8", "replace"), body)
    elif operation == IDENTITY or not operation:
        body = b"***" if body else b""
    query = _without_secrets(request.query, request.query.encode("utf-8", "replace"))
    return as_recorded(request, query, body)


def as_recorded(request: HttpRequest, query: bytes, body: bytes) -> bytes:
    """Return the line with method and address, an empty line, and the body."""
    return f"{request.method} {quote(request.path)}".encode() + (b"?" + query if query else b"") + b"\n\n" + body


def _without_secrets(text: str, raw: bytes) -> bytes:
    pairs = _pairs(text)
    if not any(name.strip().lower() in _SECRET for name, _ in pairs):
        return raw
    shown = [(name, "***" if name.strip().lower() in _SECRET else value) for name, value in pairs]
    return urlencode(shown, safe="*").encode()
