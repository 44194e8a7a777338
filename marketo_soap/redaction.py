"""Keeping secrets and personal data out of what is shown: reprs, messages, printed envelopes."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["HIDDEN", "hidden", "hide_emails", "redact", "snippet"]

HIDDEN = "***"

_EMAIL = re.compile(r"[^\s<>\"'=,;:()\[\]@]+@[^\s<>\"'=,;:()\[\]@]+")
_PRIVATE = re.compile(
    r"<(?P<tag>(?:[\w.-]+:)?(?:mktowsUserId|requestSignature|marketoCookie|Email|ForeignSysPersonId|attrValue))"
    r"(?P<attributes>\s[^<>]*)?(?<!/)>(?P<value>.*?)(?P<end></(?P=tag)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)


def hidden(value: object) -> str:
    """Return the `repr` of a private value: `None` if there is none, else three stars."""
    return "None" if value is None else HIDDEN


def hide_emails(text: str) -> str:
    """Return *text* with every e-mail address hidden: an error message is no place for one."""
    return _EMAIL.sub(HIDDEN, text) if "@" in text else text


def _decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def private_values(data: bytes) -> set[str]:
    """Return the private values of an envelope as they stand in it: user id, signature, keys, lead values."""
    return {found["value"] for found in _PRIVATE.finditer(_decode(data)) if found["value"]}


def redact(data: bytes, also: Iterable[str] = ()) -> str:
    """Return the bytes of a message as text with the private values hidden, whatever state they are in.

    User id, signature, cookie, the lead's keys and attribute values are hidden by their elements, e-mail
    addresses wherever they stand, and so are the texts in *also* (what a request held may come back in a
    proxy's page). Works on broken and cut-off XML and on what is no XML at all.
    """
    text = _PRIVATE.sub(rf"<\g<tag>\g<attributes>>{HIDDEN}\g<end>", _decode(data))
    for value in sorted(also, key=len, reverse=True):
        if len(value) > 3:
            text = text.replace(value, HIDDEN)
    return hide_emails(text)


def snippet(data: bytes, also: Iterable[str] = (), *, length: int = 120) -> str:
    """Return the first characters of a message for an error text: redacted, quoted, on one line."""
    text = " ".join(redact(data[:4096], also).split())
    cut = text if len(text) <= length and len(data) <= 4096 else f"{text[:length]}..."
    return repr(cut)
