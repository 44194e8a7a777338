"""OAuth 2.0 client credentials: issue tokens and check them."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, quote_plus
from uuid import uuid4

from attrs import field, frozen

__all__ = ["RestCredentials", "Tokens", "hide", "identify"]

_KEPT = 100  # tokens that are remembered: for these the code is 602, for others 601


@frozen
class RestCredentials:
    """The credentials of a REST caller. The `repr` hides both."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)


class Tokens:
    """The tokens of one custom service."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expiry: dict[str, datetime] = {}  # oldest first

    def issue(self, now: datetime, lifetime: float) -> tuple[str, int]:
        """Return the token that is valid at *now*, a new one if needed, and the seconds that it has left."""
        with self._lock:
            token = next(reversed(self._expiry), None)
            if token is None or self._expiry[token] <= now:
                token = f"{uuid4()}:sandbox"
                self._expiry[token] = now + timedelta(seconds=lifetime)
                while len(self._expiry) > _KEPT:
                    del self._expiry[next(iter(self._expiry))]
            return token, int((self._expiry[token] - now).total_seconds())

    def refusal_of(self, authorization: str, now: datetime) -> str | None:
        """Return REST's code for what is wrong with an Authorization header; None if it brings a good token."""
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return "600"
        with self._lock:
            expiry = self._expiry.get(token)
        if expiry is None:
            return "601"
        return "602" if expiry <= now else None

    def known(self) -> list[str]:
        """Return every token that is remembered."""
        with self._lock:
            return list(self._expiry)


def identify(given: Mapping[str, str], known: RestCredentials) -> tuple[int, str, str] | None:
    """Return None if *given* identifies the caller, else HTTP status, OAuth error and description.

    The vendor documents HTTP 401 for a wrong id or secret; the rest is OAuth's (RFC 6749).
    """
    if given.get("grant_type") != "client_credentials":
        return 400, "unsupported_grant_type", "grant_type must be client_credentials"
    right = [
        hmac.compare_digest(given.get(name, "").encode("utf-8", "replace"), value.encode())
        for name, value in (("client_id", known.client_id), ("client_secret", known.client_secret))
    ]
    return None if all(right) else (401, "invalid_client", "Bad client credentials")


def hide(data: bytes, *secrets: str) -> bytes:
    """Return *data* with the *secrets* replaced, in each of the usual encodings."""
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}:
            data = data.replace(form.encode(), b"***")
    return data
