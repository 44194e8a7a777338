"""Sign a stored request again: its authentication header is replaced, every other byte stays."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from marketo_soap.envelope import open_request
from marketo_soap.errors import ProtocolError
from marketo_soap.signature import AuthenticationHeader, Credentials, sign
from marketo_soap.wire.fields import declared
from marketo_soap.wire.xml import parse

__all__ = ["sign_again"]

_NIL = re.compile(r"\s[\w.-]+:nil\s*=\s*(?:'[^']*'|\"[^\"]*\")")


def sign_again(request: bytes, credentials: Credentials, timestamp_text: str) -> bytes:
    """Return *request* with the user id, signature and timestamp of *credentials* at *timestamp_text*.

    Prefixes, white space, order and unknown elements stay as they are. Raises `ProtocolError` if it is not a
    request with a complete AuthenticationHeader.
    """
    header = sign(credentials, timestamp_text)
    before = open_request(request)
    if before.authentication is None:
        raise ProtocolError(
            "the request has no AuthenticationHeader to sign", path="AuthenticationHeader", problem="missing"
        )
    before.read_header()
    encoding = parse(request).getroottree().docinfo.encoding or "UTF-8"
    try:
        signed = _replaced(request.decode(encoding), header).encode(encoding)
        if open_request(signed).read_header() == header:
            return signed
    except (UnicodeError, LookupError, ProtocolError):  # a comment or CDATA looks like the header, or the like
        pass
    raise ProtocolError(
        "the AuthenticationHeader has a form that cannot be signed in place",
        path="AuthenticationHeader",
        problem="invalid",
    )


def _replaced(text: str, header: AuthenticationHeader) -> str:
    opened = re.search(r"<([\w.-]+:)?AuthenticationHeader\b[^>]*>", text)
    start = opened.end() if opened else 0
    end = text.find("AuthenticationHeader", start)
    inside = text[start:end]
    for field in declared(AuthenticationHeader):
        element = re.compile(
            rf"<(?P<tag>(?:[\w.-]+:)?{field.el.name})(?P<attributes>\s[^<>]*?)?(?:/>|>[^<]*</(?P=tag)\s*>)"
        )
        found = element.search(inside)
        if found is not None:
            attributes = _NIL.sub("", found["attributes"] or "")
            written = f"<{found['tag']}{attributes}>{escape(getattr(header, field.name))}</{found['tag']}>"
            inside = inside[: found.start()] + written + inside[found.end() :]
    return text[:start] + inside + text[end:]
