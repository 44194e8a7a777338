"""Keeping secrets and personal data out of what is shown: reprs, messages, printed and exported envelopes.

Private are the user id, the signature, the cookie, e-mail addresses, foreign ids and the values of a lead's
attributes; in the headers and parameters of a request everything else too that is not known to be harmless, for
what is wrong with an envelope may be just the element that a value stands in. Marketo's own ids, the names and
types of attributes, times and statuses stay visible. In free text, a fault's or a proxy's page, the values of the
requests are looked for. All of it takes linear time, on any bytes.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Self
from urllib.parse import urlsplit

from attrs import field, frozen

from marketo_soap.privacy.escapes import (
    Edit,
    applied,
    around,
    both,
    dumps,
    layers,
    looks_like_text,
    merged,
    pulled,
    runs,
)
from marketo_soap.privacy.free_text import (
    ADDRESS,
    HARMLESS_HEADERS,
    TOKEN,
    Known,
    addresses,
    forms,
    headers,
    named,
    plain,
)

__all__ = ["EVERYTHING", "HIDDEN", "Redactor", "Visible", "hidden", "size_only"]

HIDDEN = "***"

# Elements by their names without prefix, in lower case and without `_` and `-`: Savon has its own spelling.
_KINDS = {
    "mktowsuserid": "user",
    "userid": "user",
    "requestsignature": "signature",
    "signature": "signature",
    "marketocookie": "cookie",
    "cookie": "cookie",
    "email": "email",
    "foreignsyspersonid": "value",
    "attrvalue": "value",
}
_VISIBLE = {
    "requesttimestamp",
    "attrname",
    "attrtype",
    "foreignsystype",
    "returnlead",
    "id",
    "leadid",
    "targetworkspace",
}
_PLAIN = {"status", "code", "faultcode", "name"}  # outside of a request: words of the protocol
_FREE = {"message", "faultstring", "error", "ignored"}  # text, which may repeat anything
_OF_TOOLS = {"kind", "operation", "where", "type"}
_CONTAINERS = {"authenticationheader", "leadrecord", "leadattributelist", "attribute", "leadkey"}
_NAMES = {"envelope", "header", "body", "fault", "faultstring", "detail", "serviceexception", "message", "result"}
_NAMES |= {"syncstatus", "error", "mktowscontextheader", "cause", *_KINDS, *_VISIBLE, *_PLAIN, *_CONTAINERS}

_MARKUP = re.compile(
    r"<!--(?P<comment>.*?)(?:-->|\Z)"
    r"|<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|\Z)"
    r"|<![Dd][Oo][Cc][Tt][Yy][Pp][Ee]\b[^<>\[]*+(?:\[.*?(?:\]\s*>|\Z))?>?"
    r"|<\?(?P<target>[^\s?<>]+)[^<>]*+>?"
    r"|<(?P<end>\\?/)?(?P<name>[^\s<>/?!\"'=\\&;,(){}\[\]|@+]+)"
    r"(?P<attributes>(?:[^<>\"'\\/]|\\?/(?!>)|\\(?!/).|\"[^\"<]*+\"|'[^'<]*+')*+)(?P<close>\\?/?>)?",
    re.DOTALL,
)
_DECLARATION = re.compile(
    r"<\?xml(?:\s+(?:version|encoding|standalone)\s*=\s*\\?(?:\"[\w.-]*\\?\"|'[\w.-]*\\?'))*\s*\?>"
)
_DOCTYPE = re.compile(r"<!DOCTYPE\s+[\w:.-]{1,40}\s*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([^\s=\"'/<>\\]+)(\s*=\s*\\?)(\"[^\"<]*\"|'[^'<]*')")
_PROTOCOL = {"nil", "type", "mustunderstand", "encodingstyle", "actor", "arraytype", "schemalocation", "space", "lang"}
_DEEPEST = 300
_LONGEST_NAME = 100
_NESTED = 4  # encodings within encodings
_NARROW = re.compile(rb"[\x20-\x7e]{12}")
_LEFT = re.compile(
    r"(?<![</:\w])(?:mktows_?user_?id|request_?signature|attr_?value|(?:marketo|munchkin)_?cookie)(?!\w)", re.I
)
_HIDDEN_THERE = re.compile(rf"[^\w\[]{{0,12}}(?:{TOKEN.pattern}|\Z)")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_ORIGIN = re.compile(rf"https?://(?:\[secret-\d+\]@)?{_HOST.pattern}(?=/|\Z)")
_QUERY_VALUE = re.compile(r"(?<==)[^&;#]+")


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
        return (shown | {"email": self.emails, "value": self.values}).get(kind, False)


EVERYTHING = Visible(True, True, True, True, True)


class Redactor:
    """Hides what is private behind tokens, `[email-1]`: the same value has the same token wherever it stands.

    One redactor makes one view or export: its tokens mean nothing beyond. *secrets* are words that are hidden
    whatever is *visible*: encryption keys. `unread` says what could not be looked into so far.
    """

    def __init__(self, visible: Visible | None = None, secrets: Iterable[str] = ()) -> None:
        self.visible = visible or Visible()
        self._tokens: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._known = Known()
        self.unread: set[str] = set()
        self._secrets = {form: self._token("secret", secret) for secret in secrets if secret for form in forms(secret)}

    @classmethod
    def of_request(cls, data: bytes, visible: Visible | None = None) -> Self:
        """Return one that knows the private values of a request's envelope."""
        redactor = cls(visible)
        redactor.learn(data)
        return redactor

    @classmethod
    def of_values(cls, values: Iterable[str]) -> Self:
        """Return one that knows *values*."""
        redactor = cls()
        for value in values:
            redactor._learn_value("value", value)
        return redactor

    def learn(self, *requests: bytes) -> None:
        """Know the private values of these requests, or of logs of them, from now on, beside those known already."""
        for request in requests:
            self._learn(request, 0)

    def _learn(self, data: bytes, nested: int) -> None:
        def learned(text: str) -> list[Edit]:
            if nested < _NESTED:
                dumps(text, inner, lambda run: run)
            for _ in self._scanned(text, self._learn_value, within):
                pass
            return []

        def within(text: str) -> list[Edit]:
            return runs(text, inner, lambda run: run) if nested < _NESTED else []

        def inner(data: bytes) -> bytes:
            self._learn(data, nested + 1)
            return data

        text = _decoded(data)[0]
        self._through(text, learned)

    def _learn_value(self, kind: str, value: str) -> str:
        token = self._token(kind, value)
        self._known.add(plain(value), token)
        return token

    # -- what is shown --------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Return *text*, which is no envelope, with known values and all e-mail addresses hidden."""
        return self._through(text, lambda plain: self._after_secrets(plain, lambda text: self._free(text, 0)))

    def _through(self, text: str, find: Callable[[str], list[Edit]]) -> str:
        """Hide what *find* finds in *text*, as it stands and with its escapes undone, however deep they are nested."""
        edits = find(text)
        inner: list[Edit] = []
        units: list[Edit] = []
        try:
            for inside, way in layers(text):
                units = units or (way[0] if way[0][0][2] else [])  # not the ends of wrapped lines
                found = find(inside)
                for layer in reversed(way):
                    found = pulled(layer, found)
                inner += found
        except ValueError as error:
            self.unread.add(str(error))
        if not inner:
            return applied(text, edits if not units else merged(around(edits, units, [])))
        inner = merged(inner)
        whole, same = around(edits, units, inner), set(edits)
        moved = [edit for edit in whole if edit not in same]
        return applied(text, merged([edit for edit in whole if edit in same] + inner + moved))

    def _look_for_what_is_left(self, text: str) -> None:
        try:
            *_, (text, _) = [(text, []), *layers(text)]
        except ValueError as error:
            self.unread.add(str(error))
        if any(not _HIDDEN_THERE.match(text, name.end()) for name in _LEFT.finditer(text)):
            self.unread.add("a private name stands where its value was not found")

    def _after_secrets(self, text: str, find: Callable[[str], list[Edit]]) -> list[Edit]:
        secrets = [
            (found.start(), found.end(), token)
            for secret, token in self._secrets.items()
            if secret in text
            for found in re.finditer(re.escape(secret), text)
        ]
        if secrets:
            first, secrets = sorted(secrets), []
            for edit in first:  # one may be a part of the other
                if not secrets or edit[0] >= secrets[-1][1]:
                    secrets.append(edit)
        if self.visible == EVERYTHING:
            return secrets
        return both(secrets, find(applied(text, secrets)))

    def _free(self, text: str, nested: int = 0) -> list[Edit]:
        """The edits that hide what is private in free text."""
        edits: list[Edit] = []
        for find in (
            lambda text: self._runs(text, nested),
            lambda text: [] if self.visible.emails else addresses(text, self._token),
            lambda text: headers(text, self._token),
            lambda text: named(text, self._named),
            self._known.edits,
        ):
            edits = both(edits, find(applied(text, edits)))
        return edits

    def _runs(self, text: str, nested: int) -> list[Edit]:
        def inner(data: bytes) -> bytes:
            return self._data(data, nested + 1) if nested < _NESTED else b""

        return runs(text, inner, lambda run: self._token("value", run))

    def _named(self, kind: str, value: str) -> str:
        return value if self.visible.shows(kind) else self._token(kind, value)

    def message(self, data: bytes) -> str:
        """Return the bytes of a message as text, with what is private hidden.

        Works on broken and cut-off XML, on logs, and on what is no XML at all.
        """
        return self._shown(_decoded(data)[0])

    def data(self, data: bytes) -> bytes:
        """Return the bytes of a message with what is private hidden, in the same encoding; what is not, untouched."""
        return self._data(data, 0)

    def _data(self, data: bytes, nested: int) -> bytes:
        text, encoding, rest = _decoded(data)
        shown = self._shown(text, nested)
        if not nested and self.visible != EVERYTHING:
            if data.strip() and not looks_like_text(data):
                self.unread.add("bytes that are no text: compressed, encrypted or in another encoding")
            self._look_for_what_is_left(shown)
        return data if shown == text else _encoded(shown, encoding) + rest

    def _shown(self, text: str, nested: int = 0) -> str:
        def inner(data: bytes) -> bytes:
            return self._data(data, nested + 1) if nested < _NESTED else b""

        def found(text: str) -> list[Edit]:
            first = dumps(text, inner, lambda run: self._token("value", run))
            text = applied(text, first)
            return both(first, list(self._scanned(text, self._token, lambda text: self._free(text, nested))))

        return self._through(text, lambda text: self._after_secrets(text, found))

    def value(self, value: str, name: str = "") -> str:
        """Return the token of a private value, or the value if what goes by this *name* may be seen."""
        attribute = name.removeprefix("attribute ")
        if self.visible == EVERYTHING or attribute in self.visible.attributes:
            return self.text(value)
        kind = _KINDS.get(_folded(name), "value")
        return value if self.visible.shows(kind) else self._token(kind, value)

    def field(self, value: str, name: str) -> str:
        """Return the *value* of a field of a message that was read, or what may be seen of it."""
        name = _folded(name)
        if name in _FREE or (name in _VISIBLE | _PLAIN | _OF_TOOLS and (len(value) > _LONGEST_NAME or "@" in value)):
            return self.text(value)
        return value if name in _VISIBLE | _PLAIN | _OF_TOOLS else self.value(value, name)

    def piece(self, text: str) -> str:
        """Return a piece that was cut out of a message, without what may be a part of a value at its ends."""
        if self.visible == EVERYTHING:
            return self.text(text)
        start = text.find("<")
        whole = text[start:] if start >= 0 else ""
        edits = self._scanned(whole, lambda _, value: self._tokens.get(plain(value), "[...]"), self._free)
        shown = applied(whole, list(edits))
        return shown if start == 0 else f"...{shown}"

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return HTTP headers with credentials, cookies and known values hidden."""
        if self.visible == EVERYTHING and not self._secrets:
            return tuple(headers)
        return tuple(
            (name, self._header(name, value) if name.lower() in HARMLESS_HEADERS else self._token("secret", value))
            for name, value in headers
        )

    def _without_secrets(self, text: str) -> str:
        for secret, token in self._secrets.items():
            text = text.replace(secret, token)
        return text

    def _header(self, name: str, value: str) -> str:
        return self._without_secrets(value) if name.lower() == "host" and _HOST.fullmatch(value) else self.text(value)

    def url(self, url: str) -> str:
        """Return an address without user, password and the values of its query, which may be anything."""
        if self.visible == EVERYTHING:
            return self.text(url)
        try:
            user = urlsplit(url).netloc.rpartition("@")[0]
        except ValueError:
            return self._token("secret", url)
        if user:
            url = url.replace(user, self._token("secret", user), 1)
        path, mark, query = url.partition("?")
        host = _ORIGIN.match(path)  # it tells where a call went, not for whom: a word of a user's name may be in it
        at = host.end() if host else 0
        return (
            self._without_secrets(path[:at])
            + self.text(path[at:])
            + mark
            + _QUERY_VALUE.sub(lambda found: self._token("secret", found[0]), query)
        )

    def snippet(self, data: bytes, *, length: int = 120) -> str:
        """Return the first characters of a message for an error's text: redacted, quoted, on one line."""
        text = " ".join(self.message(data[:4096]).split())
        cut = text if len(text) <= length and len(data) <= 4096 else f"{text[:length]}..."
        return repr(cut)

    # -- markup ---------------------------------------------------------------------------------------

    def _scanned(self, text: str, act: Callable[[str, str], str], free: Callable[[str], list[Edit]]) -> Iterator[Edit]:
        """Yield the edits of *text*: what *act* makes of each private value, and *free* of what is free text."""
        place = _Place(self.visible)
        done = 0
        for found in _MARKUP.finditer(text):
            before = text[done : found.start()]
            if found["end"] and place.misses(local := _folded(found["name"].rpartition(":")[2])):
                if (bare := before.strip()) and not TOKEN.fullmatch(bare):  # the start of the element was cut off
                    start = done + before.index(bare)
                    yield start, start + len(bare), act(_KINDS[local], bare)
            else:
                yield from self._between(before, done, place, act, free)
            done = found.end()
            if found["name"] is not None:
                yield from self._tag(found, place, act, free)
            elif found["cdata"] is not None:
                for start, end, new in self._between(found["cdata"], found.start("cdata"), place, act, free):
                    whole = place.kind("")  # a private value is replaced with what is around it
                    yield (found.start(), found.end(), new) if whole else (start, end, new)
            elif found["comment"] is not None:
                if found["comment"].strip():
                    yield *found.span("comment"), HIDDEN
            elif found["target"] is not None:
                if not _DECLARATION.fullmatch(found[0]):
                    yield found.end("target"), found.end(), f" {HIDDEN}?>"
            elif not _DOCTYPE.fullmatch(found[0]):
                yield found.start() + len("<!DOCTYPE"), found.end(), f" {HIDDEN}>"
        yield from self._between(text[done:], done, place, act, free)

    def _between(
        self,
        text: str,
        at: int,
        place: _Place,
        act: Callable[[str, str], str],
        free: Callable[[str], list[Edit]],
    ) -> Iterator[Edit]:
        bare = text.strip()
        if not bare or TOKEN.fullmatch(bare):
            return
        kind = place.kind(bare)
        if kind:
            start = at + text.index(bare)
            yield start, start + len(bare), act(kind, bare)
        elif kind is not None:
            yield from _moved(free(text), at)

    def _tag(
        self,
        found: re.Match[str],
        place: _Place,
        act: Callable[[str, str], str],
        free: Callable[[str], list[Edit]],
    ) -> Iterator[Edit]:
        name, attributes = found["name"], found["attributes"]
        local = _folded(name.rpartition(":")[2])
        if found["end"]:
            place.leave(local)
        else:
            place.enter(local)
        if local not in _NAMES and not local.startswith(("params", "success")) and ":" not in name:
            yield from _moved(free(name), found.start("name"))
        if attributes.strip(" \t\r\n/"):
            inside = act if place.inside else None
            yield from _moved(_attributes(attributes, inside, free), found.start("attributes"))
        if not found["end"] and (found["close"] or "").endswith("/>"):
            place.leave(local)

    def _token(self, kind: str, value: str) -> str:
        text = plain(value)
        if TOKEN.fullmatch(text):
            return text
        token = self._tokens.get(text)
        if token is None:
            kind = "email" if kind == "value" and ADDRESS.fullmatch(text) else kind
            self._counts[kind] += 1
            token = self._tokens[text] = f"[{kind}-{self._counts[kind]}]"
        return token


def _moved(edits: Iterable[Edit], by: int) -> Iterator[Edit]:
    return ((start + by, end + by, new) for start, end, new in edits)


def _attributes(text: str, act: Callable[[str, str], str] | None, free: Callable[[str], list[Edit]]) -> Iterator[Edit]:
    """Yield the edits of a tag's attributes: those of the protocol stay, others are values (*act*) or free text."""
    done = 0
    for pair in _ATTRIBUTE.finditer(text):
        yield from _moved(_loose(text[done : pair.start()], act, free), done)
        done = pair.end()
        own, value = pair[1], pair[3][1:-1]
        if own.startswith("xmlns") or own.rpartition(":")[2].lower() in _PROTOCOL or TOKEN.fullmatch(value):
            if "@" in value:
                yield from _moved(free(pair[0]), pair.start())
        elif act and value.strip():
            yield pair.start(3) + 1, pair.end(3) - 1, act("value", value)
        else:
            yield from _moved(free(value), pair.start(3) + 1)
    yield from _moved(_loose(text[done:], act, free), done)


def _loose(text: str, act: Callable[[str, str], str] | None, free: Callable[[str], list[Edit]]) -> list[Edit]:
    """What stands in a tag and is no attribute: the end of the tag was lost, or its quotes."""
    bare = text.strip(" \t\r\n/+")
    if not bare:
        return []
    start = text.index(bare)
    return [(start, start + len(bare), act("value", bare))] if act else free(text)


class _Place:
    """Where in a document one is: which elements are open, and what kind of text stands here."""

    def __init__(self, visible: Visible) -> None:
        self._visible = visible
        self._begin()

    def _begin(self) -> None:
        self._open: list[str] = []
        self._kinds: list[str] = []
        self._containers = 0
        self._attribute = ""

    @property
    def inside(self) -> bool:
        """Whether everything that is not known to be harmless counts as a value here."""
        return self._containers > 0 or bool(self._kinds)

    def enter(self, name: str) -> None:
        if name == "envelope":  # the one before may have been cut off
            self._begin()
        elif len(self._open) >= _DEEPEST:
            return
        self._open.append(name)
        self._containers += _is_container(name)
        if name in _KINDS:
            self._kinds.append(_KINDS[name])
        if name == "attribute":
            self._attribute = ""

    def misses(self, name: str) -> bool:
        """Whether what ends here is private, and never began."""
        return name in _KINDS and name not in self._open and not self._visible.shows(_KINDS[name])

    def leave(self, name: str) -> None:
        if name not in self._open:
            return
        while self._open:
            left = self._open.pop()
            self._containers -= _is_container(left)
            if left in _KINDS:
                self._kinds.pop()
            if left == name:
                break

    def kind(self, text: str) -> str | None:
        """What kind of private value *text* is here; None for what may be seen, "" for free text."""
        name = self._open[-1] if self._open else ""
        if self._kinds:
            seen = name == "attrvalue" and self._attribute in self._visible.attributes
            seen = seen or (name in _KINDS and self._visible.shows(self._kinds[-1]))  # not what strayed into it
            return None if seen else self._kinds[-1]
        if name == "attrname":
            self._attribute = text
        if name in _VISIBLE or (name in _PLAIN and not self._containers):
            return None if len(text) <= _LONGEST_NAME and "@" not in text else ""  # its end tag may be lost
        if self._containers:
            return None if self._visible.values else "value"
        return ""


def _is_container(name: str) -> bool:
    return name in _CONTAINERS or name.startswith("params")


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


# -- encodings ----------------------------------------------------------------------------------------


def _decoded(data: bytes) -> tuple[str, str, bytes]:
    """The text of a message of any encoding, the encoding, and the bytes at the end that are no whole character.

    What is no UTF-8 stays as it is, by surrogates.
    """
    head, zeros = data[:4], data.count(b"\x00") / max(len(data), 1)
    if zeros > 0.3 and _NARROW.search(data):  # not all of it is wide
        zeros = 0.0
    if zeros > 0.6 and (head in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE) or head.count(b"\x00") == 3):
        encoding, width = "utf-32-le" if head[0] else "utf-32-be", 4
    elif zeros > 0.3 and (head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\x00" in head[:2]):
        big = head[:2] == codecs.BOM_UTF16_BE or head[:1] == b"\x00"
        encoding, width = "utf-16-be" if big else "utf-16-le", 2
    else:  # zeros anywhere else hide words from whoever looks for them
        return data.replace(b"\x00", b"").decode("utf-8", "surrogateescape"), "utf-8", b""
    whole = len(data) // width * width
    try:
        return data[:whole].decode(encoding, "surrogatepass"), encoding, data[whole:]
    except UnicodeDecodeError:
        return data.replace(b"\x00", b"").decode("utf-8", "surrogateescape"), "utf-8", b""


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogateescape" if encoding == "utf-8" else "surrogatepass")
