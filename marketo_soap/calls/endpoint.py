"""Endpoints: which addresses a signature may be sent to, and transports that have their own. Pure."""

from __future__ import annotations

import ipaddress
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from marketo_soap.signature import Credentials

__all__ = ["EmbeddedEndpoint", "checked_endpoint", "is_loopback"]


@runtime_checkable
class EmbeddedEndpoint(Protocol):
    """A transport that answers the calls itself, as the sandbox's does: it brings its address and credentials.

    If it has a true `retries_itself`, it retries by the call's policy, and the client makes one attempt.
    `default_timeout` is the time-out of a client without its own.
    """

    endpoint: str
    credentials: Credentials


def is_loopback(endpoint: str) -> bool:
    """Say whether *endpoint* is on this machine: localhost, 127.0.0.0/8, ::1."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_endpoint(endpoint: str, *, allow_http: bool = False) -> str:
    """Return *endpoint* if it is a valid address; raise `ValueError` with the reason if not.

    It must be https, or http on this machine (or anywhere with *allow_http*), without credentials or query.
    """
    try:
        url = urlsplit(endpoint)
        host, port = url.hostname, url.port
        (host or "").encode("idna")
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"endpoint is not a URL: {error}") from None
    if any(character.isspace() or not character.isprintable() for character in endpoint):
        raise ValueError("endpoint is not a URL: it holds white space or control characters")
    if url.scheme not in ("http", "https") or not host:
        raise ValueError("endpoint must look like https://100-AEK-913.mktoapi.com/soap/mktows/2_2")
    if port == 0:
        raise ValueError("endpoint has the port 0, which does not exist")
    if url.username is not None or url.password is not None:
        raise ValueError("endpoint must not hold a user name or password")
    if url.query or url.fragment:
        raise ValueError("endpoint must have no query: remove the ? and what follows (the WSDL is not needed)")
    if url.scheme == "http" and not (allow_http or is_loopback(endpoint)):
        raise ValueError("endpoint must be https (or http on this machine); allow_http=True permits it anyway")
    return endpoint
