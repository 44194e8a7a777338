"""Hides secrets and personal data in what is shown: reprs, messages, printed and exported envelopes.

Private are the user id, the signature, the cookie, e-mail addresses, foreign ids, keys and the values of a lead's
attributes: what the declarations mark, and in a SOAP message every element that they do not know. Marketo's own ids,
the names and types of attributes, times and statuses stay visible. In free text, such as a fault or a proxy's page,
the values of the requests are looked for. All of it takes linear time, on any bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

from marketo_soap.privacy import free_text
from marketo_soap.privacy.edits import Edit, applied, around, both, merged, pulled
from marketo_soap.privacy.encodings import decoded, dumps, encoded, looks_like_text, runs
from marketo_soap.privacy.escapes import layers
from marketo_soap.privacy.free_text import TOKEN, forms, plain
from marketo_soap.privacy.markup import scanned
from marketo_soap.privacy.vocabulary import EVERYTHING, HIDDEN, PRIVATE, Visible, hidden, role_of_field, size_only

__all__ = ["EVERYTHING", "HIDDEN", "Redactor", "Visible", "hidden", "size_only"]

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST_NAME = 100
_NESTED = 4  # encodings within encodings
_LEFT = re.compile(
    r"(?<![</:\w])(?:mktows_?user_?id|request_?signature|attr_?value|(?:marketo|munchkin)_?cookie)(?!\w)", re.I
)
_HIDDEN_THERE = re.compile(rf"[^\w\[]{{0,12}}(?:{TOKEN.pattern}|\Z)")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_ORIGIN = re.compile(rf"https?://(?:\[secret-\d+\]@)?{_HOST.pattern}(?=/|\Z)")
_QUERY_VALUE = re.compile(r"(?<==)[^&;#]+")


def _guarded(method: Callable[Concatenate[Redactor, P], T]) -> Callable[Concatenate[Redactor, P], T]:
    """Raise the errors of *method* without its frames: error trackers record local variables, which hold raw text."""

    @wraps(method)
    def guarded(self: Redactor, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except BaseException as error:
            del args, kwargs
            error.__context__ = None  # its traceback has such frames too
            raise error.with_traceback(None) from None

    return guarded


class Redactor:
    """Hides what is private behind tokens, `[email-1]`: the same value always has the same token.

    One redactor makes one view or export: its tokens mean nothing beyond. *secrets* are words that are hidden
    whatever is *visible*: encryption keys. `unread` lists what could not be decoded so far.
    """

    def __init__(self, visible: Visible | None = None, secrets: Iterable[str] = ()) -> None:
        self.visible = visible or Visible()
        self._tokens: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._known = free_text.Known()
        self.unread: set[str] = set()
        self._secrets = {form: self._token("secret", each) for each in secrets if each for form in forms(each)}

    @classmethod
    def of_request(cls, data: bytes, visible: Visible | None = None) -> Self:
        """Return one that knows the private values of a request's envelope."""
        redactor = cls(visible)
        redactor.learn(data)
        return redactor

    @_guarded
    def learn(self, *requests: bytes) -> None:
        """Add the private values of these requests, or of logs of them, to those that are looked for."""
        for request in requests:
            self._learn(request, 0)

    def _learn(self, data: bytes, nested: int) -> None:
        def learned(text: str) -> list[Edit]:
            if nested < _NESTED:
                dumps(text, inner, lambda run: run)
            for _ in scanned(text, self.visible, self._learn_value, within):
                pass
            return []

        def within(text: str) -> list[Edit]:
            return runs(text, inner, lambda run: run) if nested < _NESTED else []

        def inner(data: bytes) -> bytes:
            self._learn(data, nested + 1)
            return data

        text = decoded(data)[0]
        self._through(text, learned)

    def _learn_value(self, kind: str, value: str) -> str:
        token = self._token(kind, value)
        self._known.add(plain(value), token)
        return token

    # -- what is shown --------------------------------------------------------------------------------

    @_guarded
    def text(self, text: str) -> str:
        """Return *text*, which is no envelope, with known values and all e-mail addresses hidden."""
        return self._through(text, lambda plain: self._after_secrets(plain, lambda text: self._free(text, 0)))

    def _through(self, text: str, find: Callable[[str], list[Edit]]) -> str:
        """Hide what *find* finds in *text* as it is, and with its escapes undone at every level."""
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
            self.unread.add("a private name whose value was not found")

    def _after_secrets(self, text: str, find: Callable[[str], list[Edit]]) -> list[Edit]:
        secrets = merged(
            [
                (*found.span(), token)
                for secret, token in self._secrets.items()
                for found in re.finditer(re.escape(secret), text)
            ]
        )
        if self.visible == EVERYTHING:
            return secrets
        return both(secrets, find(applied(text, secrets)))

    def _free(self, text: str, nested: int = 0) -> list[Edit]:
        """The edits that hide what is private in free text."""
        edits: list[Edit] = []
        for find in (
            lambda text: runs(text, *self._hide_inside(nested)),
            lambda text: [] if self.visible.emails else free_text.addresses(text, self._token),
            lambda text: free_text.headers(text, self._token),
            lambda text: free_text.named(text, self._named),
            self._known.edits,
        ):
            edits = both(edits, find(applied(text, edits)))
        return edits

    def _hide_inside(self, nested: int) -> tuple[Callable[[bytes], bytes], Callable[[str], str]]:
        """Return how encoded data is redacted, and how what cannot be decoded is replaced."""

        def inner(data: bytes) -> bytes:
            return self._data(data, nested + 1) if nested < _NESTED else b""

        return inner, lambda run: self._token("value", run)

    def _named(self, kind: str, value: str) -> str:
        return value if self.visible.shows(kind) else self._token(kind, value)

    @_guarded
    def message(self, data: bytes) -> str:
        """Return the bytes of a message as text, with private values hidden.

        Works on broken and cut-off XML, on logs, and on text that is not XML.
        """
        return self._shown(decoded(data)[0])

    @_guarded
    def data(self, data: bytes) -> bytes:
        """Return the bytes of a message with private values hidden, in the same encoding; all else is unchanged."""
        return self._data(data, 0)

    def _data(self, data: bytes, nested: int) -> bytes:
        text, encoding, rest = decoded(data)
        shown = self._shown(text, nested)
        if not nested and self.visible != EVERYTHING:
            if data.strip() and not looks_like_text(data):
                self.unread.add("bytes that are not text: compressed, encrypted or in another encoding")
            self._look_for_what_is_left(shown)
        return data if shown == text else encoded(shown, encoding) + rest

    def _shown(self, text: str, nested: int = 0) -> str:
        def found(text: str) -> list[Edit]:
            first = dumps(text, *self._hide_inside(nested))
            text = applied(text, first)
            return both(first, list(scanned(text, self.visible, self._token, lambda text: self._free(text, nested))))

        return self._through(text, lambda text: self._after_secrets(text, found))

    @_guarded
    def value(self, value: str, name: str = "") -> str:
        """Return the token of a private value, or the value if what goes by this *name* may be seen."""
        attribute = name.removeprefix("attribute ")
        if self.visible == EVERYTHING or attribute in self.visible.attributes:
            return self.text(value)
        kind = role_of_field(name)
        kind = kind if kind in PRIVATE and kind != "undeclared" else "value"
        return value if self.visible.shows(kind) else self._token(kind, value)

    @_guarded
    def field(self, value: str, name: str) -> str:
        """Return the *value* of a field of a message that was read, or what may be seen of it."""
        role = role_of_field(name)
        if role == "text" or (role == "visible" and (len(value) > _LONGEST_NAME or "@" in value)):
            return self.text(value)
        return value if role == "visible" else self.value(value, name)

    @_guarded
    def piece(self, text: str) -> str:
        """Return a piece that was cut out of a message, without what may be a part of a value at its ends."""
        if self.visible == EVERYTHING:
            return self.text(text)
        start = text.find("<")
        whole = text[start:] if start >= 0 else ""

        known = self._tokens.get
        edits = scanned(whole, self.visible, lambda _, value: known(plain(value), "[...]"), self._free, cut_out=True)
        shown = applied(whole, list(edits))
        return shown if start == 0 else f"...{shown}"

    @_guarded
    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return HTTP headers with credentials, cookies and known values hidden."""
        if self.visible == EVERYTHING and not self._secrets:
            return tuple(headers)
        return tuple((name, self._header(name, value)) for name, value in headers)

    def _without_secrets(self, text: str) -> str:
        return applied(text, self._after_secrets(text, lambda _: []))

    def _header(self, name: str, value: str) -> str:
        if name.lower() not in free_text.HARMLESS_HEADERS:
            return self._token("secret", value)
        return self._without_secrets(value) if name.lower() == "host" and _HOST.fullmatch(value) else self.text(value)

    @_guarded
    def url(self, url: str) -> str:
        """Return an address without user, password and the values of its query, which may be anything."""
        if self.visible == EVERYTHING:
            return self.text(url)
        try:
            user = urlsplit(url).netloc.rpartition("@")[0]
        except ValueError:
            return self._token("secret", url)
        if user:
            url = url.replace(f"//{user}@", f"//{self._token('secret', user)}@", 1)
        path, mark, query = url.partition("?")
        host = _ORIGIN.match(path)  # shown even if it contains a word of a private value
        at = host.end() if host else 0
        return (
            self._without_secrets(path[:at])
            + self.text(path[at:])
            + mark
            + _QUERY_VALUE.sub(lambda found: self._token("secret", found[0]), query)
        )

    @_guarded
    def snippet(self, data: bytes, *, length: int = 120) -> str:
        """Return the first characters of a message for an error's text: redacted, quoted, on one line."""
        text = " ".join(self.message(data[:4096]).split())
        cut = text if len(text) <= length and len(data) <= 4096 else f"{text[:length]}..."
        return repr(cut)

    def _token(self, kind: str, value: str) -> str:
        text = plain(value)
        if TOKEN.fullmatch(text):
            return text
        token = self._tokens.get(text)
        if token is None:
            kind = "email" if kind == "value" and free_text.ADDRESS.fullmatch(text) else kind
            self._counts[kind] += 1
            token = self._tokens[text] = f"[{kind}-{self._counts[kind]}]"
        return token
