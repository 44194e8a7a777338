"""Keeping secrets and personal data out of what is shown: reprs, messages, printed and exported envelopes.

Private are the user id, the signature, the cookie, the lead's keys and its attributes' values. In an envelope
they are known by their elements; elsewhere, in a fault's text or a proxy's page, by the words of the request
that came before. E-mail addresses are hidden everywhere. All of it takes linear time, on any bytes.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Self
from urllib.parse import quote, unquote

from attrs import field, frozen

__all__ = ["EVERYTHING", "HIDDEN", "Redactor", "Visible", "hidden", "size_only"]

HIDDEN = "***"

_LETTER = r"[^\s<>\"'=,;:()\[\]@]"  # of an e-mail address
_EMAIL = re.compile(rf"(?<!{_LETTER}){_LETTER}++@(?:{_LETTER}|@)+")
_QUOTED_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+-]++%40[\w.+%-]+")
_KINDS = {
    "mktowsuserid": "user",
    "requestsignature": "signature",
    "marketocookie": "cookie",
    "email": "email",
    "foreignsyspersonid": "value",
    "attrvalue": "value",
}
# An attribute's name counts for the value that follows it, up to where the next attribute begins.
_PRIVATE = re.compile(
    rf"<(?P<tag>(?:[\w.-]+:)?(?P<name>{'|'.join(_KINDS)}|attrName))(?P<attributes>\s[^<>]*)?(?<!/)>"
    r"(?P<value>.*?)(?P<end></(?P=tag)\s*>|\Z)|(?P<next><(?:[\w.-]+:)?attribute\b)",
    re.DOTALL | re.IGNORECASE,
)
_WORD = re.compile(r"\w{2,}")
# The markup of an envelope stays what it is, though a value be the same word: its namespaces, prefixed tags, and
# the tags that have no prefix.
_TAG_OR_WORD = re.compile(
    r"\"http://(?:schemas\.xmlsoap\.org/soap/envelope/|www\.marketo\.com/mktows/|www\.w3\.org/2001/XMLSchema-instance)\"|"
    r"</?(?:[\w.-]+:[\w.-]+|(?:result|leadId|syncStatus|status|error|leadRecord|Id|Email|ForeignSys(?:PersonId|Type)|"
    r"leadAttributeList|attribute|attr(?:Name|Type|Value)|fault(?:code|string)|detail|name|message|code)\b)|"
    r"\[(?:user|signature|cookie|email|value|secret)-\d+\]|\w{2,}"
)
_SAME_AGAIN = re.compile(r"(\[(?:user|cookie|value)-\d+\])(?:[^\w<>\[\]]{1,3}\1)+")
_PRIVATE_HEADERS = {"authorization", "cookie", "set-cookie", "proxy-authorization"}
_HEADER_LINE = re.compile(rf"\b({'|'.join(_PRIVATE_HEADERS)})(: ?)([^\r\n'\"]+)", re.IGNORECASE)


def hidden(value: object) -> str:
    """Return the `repr` of a private value: `None` if there is none, else three stars."""
    return "None" if value is None else HIDDEN


def size_only(value: bytes | None) -> str:
    """Return the `repr` of bytes that may hold private values: how many there are."""
    return "None" if value is None else f"<{len(value)} bytes>"


def _names(given: Iterable[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)


@frozen
class Visible:
    """What private things stay visible where an exchange is shown or exported: nothing, unless it is named.

    *values* are those of all attributes and the ForeignSysPersonId; *attributes* names single attributes
    whose values may be seen.
    """

    user_id: bool = False
    signature: bool = False
    cookie: bool = False
    emails: bool = False
    values: bool = False
    attributes: frozenset[str] = field(default=frozenset(), converter=_names)

    def shows(self, kind: str) -> bool:
        """Say whether all values of *kind* (user, signature, cookie, email, value) are visible."""
        shown = {"user": self.user_id, "signature": self.signature, "cookie": self.cookie}
        return (shown | {"email": self.emails, "value": self.values})[kind]


EVERYTHING = Visible(True, True, True, True, True)


class Redactor:
    """Hides what is private behind tokens, `[email-1]`: the same value has the same token wherever it stands.

    One redactor makes one view or export: its tokens mean nothing beyond. *secrets* are words that are hidden
    whatever is *visible*: encryption keys.
    """

    def __init__(self, visible: Visible = Visible(), secrets: Iterable[str] = ()) -> None:
        self.visible = visible
        self._tokens: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._words: dict[str, str] = {}
        self._secrets = {secret: self._token("secret", secret) for secret in secrets if secret}

    @classmethod
    def of_request(cls, data: bytes, visible: Visible = Visible()) -> Self:
        """Return one that knows the private words of a request's envelope."""
        redactor = cls(visible)
        redactor.learn(data)
        return redactor

    @classmethod
    def of_values(cls, values: Iterable[str]) -> Self:
        """Return one that knows the words of *values*: unescaped, as character references and URL-quoted."""
        redactor = cls()
        for value in values:
            redactor._learn_value("value", value)
        return redactor

    def learn(self, *requests: bytes) -> None:
        """Know the private words of these requests from now on, and those of the ones before no more."""
        self._words = {}
        for request in requests:
            self._each_private(_decoded(request)[0], self._learn_value)

    def _learn_value(self, kind: str, value: str) -> str:
        token = self._token(kind, value)
        plain = _plain(value)
        referenced = plain.encode("ascii", "xmlcharrefreplace").decode()
        for form in {plain, referenced, quote(plain, errors="replace")}:
            for word in _telling(form.lower()):
                self._words.setdefault(word, token)
        return token

    def text(self, text: str) -> str:
        """Return *text*, which is no envelope, with the private words and all e-mail addresses hidden."""
        for secret, token in self._secrets.items():
            text = text.replace(secret, token)
        if not self.visible.emails:
            if "@" in text:
                text = _EMAIL.sub(lambda found: self._address(found[0]), text)
            if "%40" in text:
                text = _QUOTED_EMAIL.sub(lambda found: self._address(unquote(found[0])), text)
        if not self._words:
            return text
        return _SAME_AGAIN.sub(r"\1", _TAG_OR_WORD.sub(lambda found: self._words.get(found[0].lower(), found[0]), text))

    def message(self, data: bytes) -> str:
        """Return the bytes of a message as text, private elements, words and addresses hidden.

        Works on broken and cut-off XML, and on what is no XML at all.
        """
        return self._redacted(_decoded(data)[0])

    def data(self, data: bytes) -> bytes:
        """Return the bytes of a message with what is private hidden, in the same encoding; what is not, untouched."""
        text, encoding = _decoded(data, exact=True)
        shown = self._redacted(text)
        return data if shown == text else shown.encode(encoding, "surrogateescape")

    def value(self, value: str) -> str:
        """Return the token of a value that was hidden before, or *value* itself, but for addresses, if it was not."""
        return self._tokens.get(_plain(value)) or self.text(value)

    def piece(self, text: str) -> str:
        """Return a piece that was cut out of a message, without what may be the rest of a value at its start."""
        if self.visible == EVERYTHING:
            return self.text(text)
        start = text.find("<")
        whole = text[start:] if start >= 0 else ""
        shown = self.text(self._each_private(whole, lambda kind, value: self._tokens.get(_plain(value), "[...]")))
        return shown if start == 0 else f"...{shown}"

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return HTTP headers with credentials, cookies and private words hidden."""
        if self.visible == EVERYTHING and not self._secrets:
            return tuple(headers)
        return tuple(
            (name, self._token("secret", value) if name.lower() in _PRIVATE_HEADERS else self.text(value))
            for name, value in headers
        )

    def snippet(self, data: bytes, *, length: int = 120) -> str:
        """Return the first characters of a message for an error's text: redacted, quoted, on one line."""
        text = " ".join(self.message(data[:4096]).split())
        cut = text if len(text) <= length and len(data) <= 4096 else f"{text[:length]}..."
        return repr(cut)

    def _redacted(self, text: str) -> str:
        text = self._each_private(text, self._token)
        if self.visible != EVERYTHING:
            text = _HEADER_LINE.sub(lambda found: f"{found[1]}{found[2]}{self._token('secret', found[3])}", text)
        return self.text(text)

    def _each_private(self, text: str, act: Callable[[str, str], str]) -> str:
        """Put what *act* makes of each private value (of its kind and text) in its place."""
        attribute = ""

        def replace(found: re.Match[str]) -> str:
            nonlocal attribute
            if found["next"] is not None:
                attribute = ""
                return found[0]
            name, value = found["name"].lower(), found["value"]
            if name == "attrname":
                attribute = value.strip()
                return found[0]
            kind = _KINDS[name]
            seen = name == "attrvalue" and attribute in self.visible.attributes
            if seen or self.visible.shows(kind) or not value.strip():
                return found[0]
            return f"<{found['tag']}{found['attributes'] or ''}>{act(kind, value)}{found['end']}"

        return _PRIVATE.sub(replace, text)

    def _address(self, address: str) -> str:
        kept = address.rstrip(".")
        return self._token("email", kept) + address[len(kept) :]

    def _token(self, kind: str, value: str) -> str:
        plain = _plain(value)
        token = self._tokens.get(plain)
        if token is None:
            kind = "email" if kind == "value" and _EMAIL.fullmatch(plain) else kind
            self._counts[kind] += 1
            token = self._tokens[plain] = f"[{kind}-{self._counts[kind]}]"
        return token


def _decoded(data: bytes, *, exact: bool = False) -> tuple[str, str]:
    """The text of a message of any encoding, as far as looking for private values in it goes, and the encoding."""
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff") and b"\x00" in data[2:200]  # a mark alone proves nothing
    wide = marked or b"\x00" in data[:2]
    big_endian = data[:2] == b"\xfe\xff" or data[:1] == b"\x00"
    encoding = ("utf-16-be" if big_endian else "utf-16-le") if wide else "utf-8"
    if exact:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            return data.decode("ascii", "surrogateescape"), "ascii"
    return data.decode(encoding, "replace").replace("\x00", ""), encoding


def _plain(value: str) -> str:
    text = value.strip()
    if text.startswith("<![CDATA[") and text.endswith("]]>"):
        return text[9:-3]
    return html.unescape(text)


def _telling(value: str) -> list[str]:
    """The words of a value that would tell it: those of four letters or more, else all, but not a small number."""
    words = _WORD.findall(value)
    small = value.strip().isdecimal() or "@" in value  # addresses are hidden anyhow
    return [word for word in words if len(word) > 3] or ([] if small else words)
