"""Access tokens of the REST API: asked for, read, and kept. Pure."""

from __future__ import annotations

import json
import re

from attrs import evolve, field, frozen

from marketo_soap.bridge.rest import RestReply, RestRequest, read_reply
from marketo_soap.calls.flow import Received
from marketo_soap.errors import RestError
from marketo_soap.privacy.redactor import hidden

__all__ = ["Token", "Tokens", "read_token", "token_request"]

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


@frozen
class Token:
    """An access token, and the tick of the clock from which on it is renewed."""

    text: str = field(repr=hidden)
    until: float


class Tokens:
    """The token of a client id, which several bridges may share."""

    token: Token | None = None


def token_request(client_id: str, client_secret: str) -> RestRequest:
    """Return the request for a token. It hides its query, so error trackers do not show the secret."""
    query = ("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", client_secret)
    return RestRequest("GET", "/identity/oauth/token", query)


def read_token(received: Received) -> tuple[str, float] | RestReply:
    """Read a token and the seconds that it has left, or why there is none."""
    if received.status in (400, 401, 403):
        said = RestError("", "REST refused the client id or the client secret", None, 401)
        return RestReply(False, (said,))
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
        return text, 0.0  # good for now
    return text, float(lifetime)


def _no_token(received: Received) -> RestError:
    return RestError("", f"HTTP {received.status} without an access token", None, received.status)
