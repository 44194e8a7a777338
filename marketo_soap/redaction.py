"""Keeping secrets and personal data out of what is shown: reprs, messages, printed envelopes.

Private are the user id, the signature, the cookie, the lead's keys and its attributes' values. In an envelope
they are known by their elements; elsewhere, in a fault's text or a proxy's page, by the words of the request
that came before. E-mail addresses are hidden everywhere. All of it takes linear time, on any bytes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Self
from urllib.parse import quote

from attrs import field, frozen

__all__ = ["HIDDEN", "Redactor", "hidden", "size_only"]

HIDDEN = "***"

_LETTER = r"[^\s<>\"'=,;:()\[\]@]"  # of an e-mail address
_EMAIL = re.compile(rf"(?<!{_LETTER}){_LETTER}++@(?:{_LETTER}|@)+")
_QUOTED_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+-]++%40[\w.+%-]+")
_PRIVATE = re.compile(
    r"<(?P<tag>(?:[\w.-]+:)?(?:mktowsUserId|requestSignature|marketoCookie|Email|ForeignSysPersonId|attrValue))"
    r"(?P<attributes>\s[^<>]*)?(?<!/)>(?P<value>.*?)(?P<end></(?P=tag)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_WORD = re.compile(r"\w{2,}")
# The markup of an envelope stays what it is, though a value be the same word: its namespaces, prefixed tags, and
# the tags that have no prefix.
_TAG_OR_WORD = re.compile(
    r"\"http://(?:schemas\.xmlsoap\.org/soap/envelope/|www\.marketo\.com/mktows/|www\.w3\.org/2001/XMLSchema-instance)\"|"
    r"</?(?:[\w.-]+:[\w.-]+|(?:result|leadId|syncStatus|status|error|leadRecord|Id|Email|ForeignSys(?:PersonId|Type)|"
    r"leadAttributeList|attribute|attr(?:Name|Type|Value)|fault(?:code|string)|detail|name|message|code)\b)|\w{2,}"
)


def hidden(value: object) -> str:
    """Return the `repr` of a private value: `None` if there is none, else three stars."""
    return "None" if value is None else HIDDEN


def size_only(value: bytes | None) -> str:
    """Return the `repr` of bytes that may hold private values: how many there are."""
    return "None" if value is None else f"<{len(value)} bytes>"


def _decode(data: bytes) -> str:
    """The text of a message of any encoding, as far as looking for private values in it goes."""
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:2]
    big_endian = data[:2] == b"\xfe\xff" or data[:1] == b"\x00"
    encoding = ("utf-16-be" if big_endian else "utf-16-le") if wide else "utf-8"
    return data.decode(encoding, "replace").replace("\x00", "")


def _telling(value: str) -> list[str]:
    """The words of a value that would tell it: those of four letters or more, else all, but not a small number."""
    words = _WORD.findall(value)
    small = value.strip().isdecimal() or "@" in value  # addresses are hidden anyhow
    return [word for word in words if len(word) > 3] or ([] if small else words)


@frozen
class Redactor:
    """Hides what is private. *words* are the private words that are known, in lower case."""

    words: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of_request(cls, data: bytes) -> Self:
        """Return one that knows the private words of a request's envelope."""
        return cls.of_values(found["value"] for found in _PRIVATE.finditer(_decode(data)))

    @classmethod
    def of_values(cls, values: Iterable[str]) -> Self:
        """Return one that knows the words of *values*: unescaped, as character references and URL-quoted."""
        words: set[str] = set()
        for value in values:
            plain = html.unescape(value)
            referenced = plain.encode("ascii", "xmlcharrefreplace").decode()
            for form in {plain, referenced, quote(plain, errors="replace")}:
                words.update(_telling(form.lower()))
        return cls(frozenset(words))

    def text(self, text: str) -> str:
        """Return *text*, which is no envelope, with the private words and all e-mail addresses hidden."""
        if "@" in text:
            text = _EMAIL.sub(HIDDEN, text)
        if "%40" in text:
            text = _QUOTED_EMAIL.sub(HIDDEN, text)
        return _TAG_OR_WORD.sub(self._hide, text) if self.words else text

    def message(self, data: bytes) -> str:
        """Return the bytes of a message as text, private elements, words and addresses hidden.

        Works on broken and cut-off XML, and on what is no XML at all.
        """
        return self.text(_PRIVATE.sub(rf"<\g<tag>\g<attributes>>{HIDDEN}\g<end>", _decode(data)))

    def snippet(self, data: bytes, *, length: int = 120) -> str:
        """Return the first characters of a message for an error's text: redacted, quoted, on one line."""
        text = " ".join(self.message(data[:4096]).split())
        cut = text if len(text) <= length and len(data) <= 4096 else f"{text[:length]}..."
        return repr(cut)

    def _hide(self, found: re.Match[str]) -> str:
        word = found[0]
        return HIDDEN if word.lower() in self.words else word
