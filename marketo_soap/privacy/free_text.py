"""What is private in free text: addresses, values that are known, and what is written behind a private name.

All of it takes linear time, on any text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import quote, unquote

from marketo_soap.privacy.edits import Edit, applied, both, merged
from marketo_soap.privacy.vocabulary import PRIVATE, folded, private_names, role_of_element

TOKEN = re.compile(r"\[(?:user|signature|cookie|email|value|secret)-\d+\]")

_LETTER = r"[^\s<>\"'=,;:()\[\]@\\]"  # of an e-mail address
ADDRESS = re.compile(rf"(?<!{_LETTER}){_LETTER}++@(?:{_LETTER}|@)+")
_QUOTED_ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+-]++(?:%40|&#0*64;|&#[xX]0*40;|&commat;)[\w.+%-]+")

_WORD = re.compile(r"[^\W_]+")
_CUT_WORD = re.compile(r"(?<![^\W_])([^\W_]++)\r?\n(?=([^\W_]++))")
_TOKEN_OR_WORD = re.compile(rf"{TOKEN.pattern}|{_WORD.pattern}")
_MOST_PHRASES = 20  # that begin with the same word
_BETWEEN = re.compile(r"[^\w<>\[\]]{1,3}")  # words of one value

_NAMES = (
    "mktows_?user_?id|request_?signature|(?:munchkin|marketo)_?cookie|_mkto_trk|e_?mail(?:_?address)?|"
    r"foreign_?sys_?person_?id|attr_?value|(?:proxy-)?authorization|(?:set-)?cookie|access_?token|"
    r"(?:[a-z0-9]{1,40}[_.-]){0,8}(?:password|passwd|secret|credentials?|(?:encryption|api|access|auth|private|secret)"
    r"[_-]?(?:key|token)|token(?!:_mch)|user[_-]?id)|marketo_[a-z0-9_]{1,60}|client_?(?:id|secret)|(?:encryption|api)_?key|"
    r"x-[a-z0-9-]{1,60}"
)
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?")
_LIST = re.compile(r"\[[^\[\]\n]*+\]?")
_UNQUOTED = re.compile(r"[^\n\r\"'<>\[]+")
_LONGEST_INSIDE = 4_000  # characters of a value that is a part of a value
_HEAD = re.compile(r"HTTP/[\d.]{1,9}(?: \d{3}[^\r\n]*)?\r?\n(?P<lines>(?:[\w-]{1,80}:[^\r\n]*(?:\r?\n|\Z))+)")
_LINE = re.compile(r"^(?P<name>[\w-]+):[ \t]*(?P<value>[^\s][^\r\n]*)", re.MULTILINE)
_OPTION = re.compile(
    r"(?<![\w-])(?:-H|--header)[ =]?(?P<mark>['\"])(?P<name>[\w-]{1,80}):[ \t]*(?P<value>[^'\"\s][^'\"\r\n]*)"
)
HARMLESS_HEADERS = frozenset(
    """
    accept accept-charset accept-encoding accept-language age allow cache-control connection content-encoding
    content-language content-length content-type date etag expect expires host keep-alive last-modified location
    max-forwards mime-version pragma proxy-connection retry-after server soapaction strict-transport-security te
    trailer transfer-encoding upgrade user-agent vary via warning x-bridge-warning x-content-type-options
    x-frame-options x-powered-by x-request-id x-rest-calls
    """.split()  # noqa: SIM905  # a list would take one line for each
)
"""Headers that carry nothing private by themselves; their values are looked through like any text."""


def plain(value: str) -> str:
    """Return a value as it is meant: without white space around it, character references undone."""
    text = value.strip()
    try:
        return html.unescape(text) if "&" in text else text
    except ValueError:  # a reference of thousands of digits
        return text


def forms(value: str) -> set[str]:
    """Return what a value may look like where it comes back: escaped for XML, for JSON or for an address."""
    escaped = {value, html.escape(value, quote=False), html.escape(value)}
    referenced = {text.encode("ascii", "xmlcharrefreplace").decode() for text in escaped}
    return escaped | referenced | {quote(value, errors="replace"), json.dumps(value)[1:-1]}


def addresses(text: str, token: Callable[[str, str], str]) -> list[Edit]:
    """Return the edits that replace every e-mail address by its token, a dot after it kept."""

    def edits(pattern: re.Pattern[str], text: str) -> list[Edit]:
        kept = [(found, found[0].rstrip(".")) for found in pattern.finditer(text)]
        return [
            (found.start(), found.start() + len(all_), token("email", plain(unquote(all_)))) for found, all_ in kept
        ]

    first = edits(ADDRESS, text) if "@" in text else []
    if "%40" not in text and "&" not in text:
        return first
    return both(first, edits(_QUOTED_ADDRESS, applied(text, first)))


def named(text: str, token: Callable[[str, str], str]) -> list[Edit]:
    """Return the edits that hide what is written behind a private name: `[mktowsUserId] => ...`, `Cookie: ...`."""
    edits: list[Edit] = []
    done = 0
    for found in _named(private_names()).finditer(text):
        at = found.end()
        inside = at < done  # then only what is quoted can reach beyond
        value = _QUOTED.match(text, at, at + _LONGEST_INSIDE if inside else len(text))
        value = value or (None if inside else _UNQUOTED.match(text, at) or _list(found["name"], text, at))
        if value is None or found["name"].lower() in HARMLESS_HEADERS:
            continue
        mark = value[0][0] if value[0][0] in "\"'[" else ""
        inner = value[0][len(mark) :].rstrip("]" if mark == "[" else mark or " ,;)}]\\")
        if inner.strip() and not TOKEN.match(inner.strip()):
            start = at + len(mark)
            edits.append((start, start + len(inner), token(_kind_of(found["name"]), inner)))
            done = max(done, start + len(inner))
    return merged(edits)


@lru_cache(maxsize=4)
def _named(declared: frozenset[str]) -> re.Pattern[str]:
    """The pattern of private names: declared ones of several words (`keyValue`, `key_value`), and those of others."""
    words = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_?", name) for name in sorted(declared)]
    names = "|".join([*(name for name in words if "_?" in name), _NAMES])
    return re.compile(rf"(?<![\w-])(?P<name>{names})[\"'\]\\ ]{{0,4}}(?:=>|[:=])[ +]?\\{{0,3}}", re.IGNORECASE)


def _list(name: str, text: str, at: int) -> re.Match[str] | None:
    """The list after a declared name, if there is one."""
    is_declared = text.startswith("[", at) and role_of_element(folded(name), in_fault=False) in PRIVATE
    return _LIST.match(text, at) if is_declared and not TOKEN.match(text, at) else None


def headers(text: str, token: Callable[[str, str], str]) -> list[Edit]:
    """Return the edits that hide HTTP headers which are not known to be harmless: of heads, and of curl's options."""
    found = [(line, head.start("lines")) for head in _HEAD.finditer(text) for line in _LINE.finditer(head["lines"])]
    found += [(option, 0) for option in _OPTION.finditer(text)]
    edits = []
    for line, at in found:
        value = line["value"].rstrip()
        if line["name"].lower() not in HARMLESS_HEADERS and not TOKEN.fullmatch(value):
            edits.append((at + line.start("value"), at + line.start("value") + len(value), token("secret", value)))
    return sorted(edits)


def _kind_of(name: str) -> str:
    kinds = {"user": "user", "signature": "signature", "mail": "email", "value": "value", "person": "value"}
    kinds |= {"mkto_trk": "cookie", "marketo": "cookie", "munchkin": "cookie"}
    return next((kind for part, kind in kinds.items() if part in name.lower()), "secret")


class Known:
    """Values that are known, found again in free text: whole, in any of their forms, or by their distinctive words."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._phrases: dict[str, list[tuple[int, str, str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._phrases)

    def add(self, value: str, token: str) -> None:
        """Add *value*. Common text, such as a number or a short word, is looked for only as a whole."""
        if TOKEN.fullmatch(value) or not _is_distinctive(value):
            return
        for form in {form.lower() for form in forms(value)}:
            first = _WORD.search(form)
            if first is None:
                continue
            phrases = self._phrases.setdefault(first[0], [])
            phrase = (first.start(), form, token)
            if len(phrases) < _MOST_PHRASES and phrase not in phrases:
                phrases.append(phrase)
        if "@" not in value:  # addresses are hidden anyhow
            for word in _distinctive_words(value.lower()):
                self._words.setdefault(word, token)

    def edits(self, text: str) -> list[Edit]:
        """Return the edits that replace known values and words in *text* by their tokens."""
        if not self._phrases:
            return []
        lower = text.lower()
        if len(lower) != len(text):  # a letter whose small form is two
            lower = text
        found: list[Edit] = []
        for edit in self._pieces(lower):
            if found and edit[2] == found[-1][2] and _BETWEEN.fullmatch(text, found[-1][1], edit[0]):
                edit = (found.pop()[0], edit[1], edit[2])
            found.append(edit)
        return merged([*found, *self._cut_words(lower)])

    def _cut_words(self, lower: str) -> Iterator[Edit]:
        """Yield edits for words that the end of a line cuts in two; what begins the next line may look like a name."""
        for found in _CUT_WORD.finditer(lower):
            if token := self._words.get(found[1] + found[2]):
                yield found.start(), found.end(2), token

    def _pieces(self, lower: str) -> Iterator[Edit]:
        done = 0
        for found in _TOKEN_OR_WORD.finditer(lower):
            at = found.start()
            if at < done or found[0].startswith("["):
                continue
            begin, end, token = at, found.end(), self._words.get(found[0])
            for offset, form, its in self._phrases.get(found[0], ()):
                start = at - offset
                if start >= done and lower.startswith(form, start) and start + len(form) >= end:
                    begin, end, token = start, start + len(form), its
            if token is not None:
                yield begin, end, token
                done = end


def _is_distinctive(value: str) -> bool:
    """Whether a value can identify somebody: not a small number, a single letter, yes or no."""
    text = value.strip()
    return len(text) > 2 and not (text.isdecimal() and len(text) < 4) and text.lower() not in {"true", "false", "yes"}


def _distinctive_words(value: str) -> list[str]:
    """The words that identify a value: those of four letters or more, else all, but no small numbers."""
    words = [word for word in _WORD.findall(value) if not (word.isdecimal() and len(word) < 6)]
    return [word for word in words if len(word) > 3] or [word for word in words if len(word) > 1]
