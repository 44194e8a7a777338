"""SOAP requests in HTTP: accepted bodies, decompression, hosts and origins."""

from __future__ import annotations

import ipaddress
import re
import zlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from urllib.parse import parse_qs, quote, urlsplit

__all__ = [
    "MAX_BYTES",
    "TEXT",
    "XML",
    "Body",
    "Refused",
    "asks_for_wsdl",
    "host_name",
    "is_of_another_site",
    "is_own_host",
    "own_address",
    "plain_body",
    "too_large",
]

MAX_BYTES = 8 * 1024 * 1024  # of a request

XML = "text/xml; charset=UTF-8"
TEXT = "text/plain; charset=UTF-8"

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]+")
_COMPRESSED = {"gzip", "x-gzip", "deflate"}
# The last is what `curl -d` sends.
_XML_TYPES = {"", "text/xml", "application/xml", "application/x-www-form-urlencoded"}


class Refused(Exception):  # noqa: N818 - a response, not an error
    """An HTTP request that cannot be a SOAP call: the status, text and headers of the response."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers


def too_large(max_bytes: int = MAX_BYTES) -> Refused:
    """Return the refusal of a body that is too long."""
    return Refused(413, f"A request may be {max_bytes} bytes long.")


class Body:
    """The body of a request while it arrives; `plain` is the envelope decompressed so far.

    *headers* have names in lower case. Raises `Refused` for other content types and encodings, and for bodies that
    are too long. A body that cannot be decompressed becomes an empty envelope.
    """

    def __init__(self, headers: Mapping[str, str], max_bytes: int = MAX_BYTES) -> None:
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type not in _XML_TYPES:
            raise Refused(415, "A SOAP 1.1 request has the Content-Type text/xml.")
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding and encoding not in _COMPRESSED:
            text = "A request may be compressed by gzip or deflate."
            raise Refused(415, text, ("Accept-Encoding", "gzip, deflate"))
        self._inflater = zlib.decompressobj(wbits=47) if encoding else None  # gzip and zlib alike
        self._max_bytes = max_bytes
        self._waiting, self._broken = b"", False
        self.plain = bytearray()

    def add(self, data: bytes) -> None:
        """Add received data; `grow` decompresses it."""
        self._waiting += data

    def grow(self, most: int) -> bool:
        """Decompress at most *most* bytes; return whether there were any."""
        if self._inflater is None:
            piece, self._waiting = self._waiting[:most], self._waiting[most:]
        elif self._broken or self._inflater.eof:
            piece, self._waiting = b"", b""
        else:
            try:
                piece = self._inflater.decompress(self._waiting, most)
                self._waiting = self._inflater.unconsumed_tail
            except zlib.error:
                self._broken = True
                self.plain.clear()
                return False
        self.plain += piece
        if len(self.plain) > self._max_bytes:
            raise too_large(self._max_bytes)
        return bool(piece)


def plain_body(headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the decompressed envelope of *body*. Raises what `Body` raises."""
    if len(body) > MAX_BYTES:
        raise too_large()
    taken = Body(headers)
    taken.add(body)
    while taken.grow(MAX_BYTES + 1):
        pass
    return bytes(taken.plain)


def asks_for_wsdl(query: str) -> bool:
    """Return whether *query* asks for the WSDL: `?WSDL`, in any case."""
    return any(name.lower() == "wsdl" for name in parse_qs(query, keep_blank_values=True))


def own_address(scheme: str, headers: Mapping[str, str], path: str) -> str:
    """Return the address of this server by the Host header; 127.0.0.1 if that is invalid."""
    host = headers.get("host", "")
    host = host if _HOST.fullmatch(host) else "127.0.0.1"
    return f"{scheme}://{host}{quote(path)}"


@lru_cache(maxsize=16)
def host_name(host: str) -> str:
    """Return the name or the address in a Host header, in lower case and without the port; "" if it is invalid."""
    try:
        return (urlsplit(f"//{host}").hostname or "") if _HOST.fullmatch(host) else ""
    except ValueError:
        return ""


def is_own_host(headers: Mapping[str, str], allowed: Collection[str]) -> bool:
    """Return whether the Host header names this server: `localhost`, an IP address, or one of *allowed*.

    Another site can let its name resolve to this machine (DNS rebinding); its requests then carry that name. It
    cannot do so with `localhost` or an IP address. Browsers always send the header. *allowed* are names in lower
    case; "*" allows any.
    """
    host = headers.get("host", "")
    name = host_name(host)
    if not host or "*" in allowed or name in allowed or name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name)


@lru_cache(maxsize=16)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_of_another_site(headers: Mapping[str, str], allowed: Collection[str]) -> bool:
    """Return whether a page of another site, not one of *allowed* ("*": any), made the browser send a request."""
    origin = headers.get("origin")
    if "*" in allowed or (origin is not None and host_name(origin.partition("://")[2]) in allowed):
        return False
    if origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower():
        return True
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
