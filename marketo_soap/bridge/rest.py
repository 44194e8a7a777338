"""Requests and replies of the REST API, access tokens among them, as values. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from attrs import evolve, field, frozen

from marketo_soap.calls.flow import Received
from marketo_soap.errors import RestError
from marketo_soap.privacy.redactor import size_only
from marketo_soap.privacy.vocabulary import secret
from marketo_soap.wire.xml import replace_illegal

__all__ = [
    "FORM",
    "JSON",
    "Lookup",
    "RestReply",
    "RestRequest",
    "SharedToken",
    "Token",
    "WriteEffect",
    "in_batches",
    "json_objects",
    "read",
    "read_reply",
    "read_token",
    "token_request",
    "write",
    "write_form",
]

T = TypeVar("T")

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_ESCAPES = re.compile(rb"\\u(00[01]|d[89a-f]|fff[ef])|\xef\xbf[\xbe\xbf]", re.IGNORECASE)  # of what XML may not contain
_LONGEST_TARGET = 8_000  # bytes: a URI may have 8 KB in all
_LONGEST_MESSAGE = 500
_LONGEST_TOKEN = 4_000

Pairs: TypeAlias = tuple[tuple[str, str], ...]
WriteEffect: TypeAlias = Literal["repeatable", "once"]


@frozen
class RestRequest:
    """A REST request without host and token.

    *effect*: a "read" changes nothing; a "repeatable" write has the same result when sent twice; a "once" write may
    be sent again only if it certainly was not carried out.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    query: Pairs = field(default=(), repr=secret)
    body: bytes = field(default=b"", repr=size_only)
    content_type: str | None = None
    effect: Literal["read", "repeatable", "once"] = "read"

    @property
    def name(self) -> str:
        """Its name in logs and messages, without private values."""
        return f"{self.method} {self.path}"

    @property
    def target(self) -> str:
        """The path with its query, every value percent-encoded."""
        return f"{self.path}?{_encoded(self.query)}" if self.query else self.path

    def as_form(self) -> RestRequest:
        """Return a read with its query in the body, which may be longer than a URL."""
        if self.method != "GET":
            return self
        body = _encoded(self.query).encode()
        return evolve(self, method="POST", query=(("_method", "GET"),), body=body, content_type=FORM)


def _encoded(query: Pairs) -> str:
    return urlencode(query, quote_via=quote, safe="")


def read(path: str, **query: str) -> RestRequest:
    """Return a read: a GET, unless its URL would be too long."""
    request = RestRequest("GET", path, tuple(query.items()))
    return request if len(request.target) <= _LONGEST_TARGET else request.as_form()


def write(path: str, data: Any, *, effect: WriteEffect) -> RestRequest:
    """Return a write of *data* as JSON."""
    body = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return RestRequest("POST", path, (), body, JSON, effect)


def write_form(path: str, *, effect: WriteEffect, **fields: str) -> RestRequest:
    """Return a write of *fields* as a form, which the endpoints of assets take."""
    return RestRequest("POST", path, (), _encoded(tuple(fields.items())).encode(), FORM, effect)


def in_batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in groups of *size*, as many as one call of REST takes."""
    return (items[at : at + size] for at in range(0, len(items), size))


@frozen
class Lookup(Generic[T]):
    """A value that many calls need: requested once, and cached for *seconds*.

    *read* returns the value of a reply, given the cached one (None: no value), and whether it is valid: an invalid
    one is requested again soon. It raises the error if there is no substitute.
    """

    request: RestRequest
    read: Callable[[RestReply, T | None], tuple[T, bool]]
    seconds: float


# -- replies ------------------------------------------------------------------------------------------


@frozen
class RestReply:
    """A REST reply: the `result` of a success, or at least one of `errors`.

    `in_doubt`: despite the errors, this or an earlier attempt may have been carried out.
    """

    success: bool
    errors: tuple[RestError, ...] = ()
    result: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    request_id: str | None = None
    next_page: str | None = field(default=None, repr=False)
    more: bool = False
    in_doubt: bool = False

    @property
    def code(self) -> str:
        """The code of the first error; "" for a success, and after HTTP 5xx: then the outcome is unknown."""
        return self.errors[0].code if self.errors and (self.errors[0].status or 0) < 500 else ""

    def reason(self, record: Mapping[str, Any]) -> RestError:
        """Return why *record* of the result was skipped."""
        return _errors(record.get("reasons"), self.request_id, 200, "the record was skipped without a reason")[0]


def json_objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON array, without items of other types; none if *value* is no array."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def read_reply(received: Received) -> RestReply:
    """Read a reply leniently: unknown members are ignored; without an envelope it is an error without a code."""
    status = received.status
    try:
        data = _legal(json.loads(received.body)) if _ESCAPES.search(received.body) else json.loads(received.body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("success"), bool) or (data["success"] and status >= 400):
        return RestReply(False, (RestError("", f"HTTP {status} without a reply of REST", None, status),))
    request_id = _text(data.get("requestId")) or None
    if not data["success"]:
        return RestReply(False, _errors(data.get("errors"), request_id, status, "no reason given"), (), request_id)
    records = tuple(json_objects(data.get("result")))
    next_page = _text(data.get("nextPageToken"), longest=_LONGEST_TOKEN) or None
    return RestReply(True, (), records, request_id, next_page, more=data.get("moreResult") is True)


def _legal(value: Any) -> Any:
    """Return JSON with U+FFFD for characters that no XML may contain."""
    if isinstance(value, dict):
        return {replace_illegal(name): _legal(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_legal(each) for each in value]
    return replace_illegal(value) if isinstance(value, str) else value


def _errors(given: Any, request_id: str | None, status: int, otherwise: str) -> tuple[RestError, ...]:
    return tuple(
        RestError(_code(each.get("code")), _text(each.get("message")) or otherwise, request_id, status)
        for each in json_objects(given) or [{}]
    )


def _code(value: Any) -> str:
    code = _text(value).strip()
    return code if code.isascii() and code.isdecimal() and len(code) <= 5 else ""


def _text(value: Any, *, longest: int = _LONGEST_MESSAGE) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)[:longest]


# -- access tokens ------------------------------------------------------------------------------------


@frozen
class Token:
    """An access token, and the time of the monotonic clock at which it is renewed."""

    text: str = field(repr=secret)
    until: float


class SharedToken:
    """The current token of a client id, which several bridges may share, and the last one that was refused."""

    value: Token | None = None
    refused: str | None = None


def token_request(client_id: str, client_secret: str) -> RestRequest:
    """Return the request for a token. It hides its query, so error trackers do not show the secret."""
    query = ("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", client_secret)
    return RestRequest("GET", "/identity/oauth/token", query)


def read_token(received: Received) -> RestReply:
    """Read the reply to a request for a token: its `access_token`, and as `expires_in` the seconds that it has left."""
    if received.status in (400, 401, 403):
        return RestReply(False, (RestError("", "REST refused the client id or the client secret", None, 401),))
    try:
        data = json.loads(received.body)
    except (ValueError, RecursionError):
        data = None
    if received.status != 200 or not isinstance(data, dict) or "access_token" not in data:
        reply = read_reply(received)
        return evolve(reply, success=False, errors=reply.errors or (_no_token(received),))
    text, lifetime = data["access_token"], data.get("expires_in")
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        return RestReply(False, (_no_token(received),))
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not 0 < lifetime < 1e9:
        lifetime = 0.0  # good for now
    return RestReply(True, (), ({"access_token": text, "expires_in": float(lifetime)},))


def _no_token(received: Received) -> RestError:
    return RestError("", f"HTTP {received.status} without an access token", None, received.status)
