"""What is private in free text: addresses, values that are known, and what is written behind a private name.

All of it takes linear time, on any text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote

__all__ = ["ADDRESS", "TOKEN", "Known", "forms", "hide_addresses", "hide_named", "plain"]

TOKEN = re.compile(r"\[(?:user|signature|cookie|email|value|secret)-\d+\]")

_LETTER = r"[^\s<>\"'=,;:()\[\]@\\]"  # of an e-mail address
ADDRESS = re.compile(rf"(?<!{_LETTER}){_LETTER}++@(?:{_LETTER}|@)+")
_QUOTED_ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+-]++(?:%40|&#0*64;|&#[xX]0*40;|&commat;)[\w.+%-]+")

_WORD = re.compile(r"[^\W_]+")
_TOKEN_OR_WORD = re.compile(rf"{TOKEN.pattern}|{_WORD.pattern}")
_MOST_PHRASES = 20  # that begin with the same word
_SAME_AGAIN = re.compile(rf"({TOKEN.pattern})(?:[^\w<>\[\]]{{1,3}}\1)+")

_NAMES = (
    "mktows_?user_?id|request_?signature|(?:munchkin|marketo)_?cookie|_mkto_trk|e_?mail(?:_?address)?|"
    "foreign_?sys_?person_?id|attr_?value|(?:proxy-)?authorization|(?:set-)?cookie|password|client_?secret|access_?token"
)
_NAMED = re.compile(
    rf"(?<![\w-])(?P<name>{_NAMES})(?P<between>[\"'\]\\ ]{{0,4}}(?:=>|[:=])[ ]?\\{{0,3}})"
    r"(?P<value>\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|[^\n\r\"'<>\[]+)",
    re.IGNORECASE,
)


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


def hide_addresses(text: str, token: Callable[[str, str], str]) -> str:
    """Return *text* with every e-mail address replaced by its token, a dot after it kept."""

    def hide(address: str) -> str:
        kept = address.rstrip(".")
        return token("email", plain(unquote(kept))) + address[len(kept) :]

    if "@" in text:
        text = ADDRESS.sub(lambda found: hide(found[0]), text)
    if "%40" in text or "&" in text:
        text = _QUOTED_ADDRESS.sub(lambda found: hide(found[0]), text)
    return text


def hide_named(text: str, token: Callable[[str, str], str]) -> str:
    """Return *text* with what is written behind a private name hidden: `[mktowsUserId] => ...`, `Cookie: ...`."""

    def hide(found: re.Match[str]) -> str:
        value = found["value"]
        mark = value[0] if value[0] in "\"'" else ""
        inner = value[len(mark) :].rstrip(mark or " ,;)}]\\")
        if not inner.strip() or TOKEN.match(inner.strip()):
            return found[0]
        rest = value[len(mark) + len(inner) :]
        return f"{found['name']}{found['between']}{mark}{token(_kind_of(found['name']), inner)}{rest}"

    return _NAMED.sub(hide, text)


def _kind_of(name: str) -> str:
    kinds = {"user": "user", "signature": "signature", "mail": "email", "value": "value", "person": "value"}
    kinds |= {"mkto_trk": "cookie", "marketo": "cookie", "munchkin": "cookie"}
    return next((kind for part, kind in kinds.items() if part in name.lower()), "secret")


class Known:
    """Values that are known, found again in free text: whole, in any of their forms, or by their telling words."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._phrases: dict[str, list[tuple[int, str, str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._phrases)

    def add(self, value: str, token: str) -> None:
        """Know *value*. What stands everywhere, a number or a word of a few letters, is known only as a whole."""
        if TOKEN.fullmatch(value) or not _tells(value):
            return
        for form in {form.lower() for form in forms(value)}:
            first = _WORD.search(form)
            if first is None:
                continue
            phrases = self._phrases.setdefault(first[0], [])
            if len(phrases) < _MOST_PHRASES:
                phrases.append((first.start(), form, token))
        if "@" not in value:  # addresses are hidden anyhow
            for word in _telling(value.lower()):
                self._words.setdefault(word, token)

    def hide(self, text: str) -> str:
        """Return *text* with known values and words replaced by their tokens."""
        if not self._phrases:
            return text
        lower = text.lower()
        if len(lower) != len(text):  # a letter whose small form is two
            lower = text
        return _SAME_AGAIN.sub(r"\1", "".join(self._pieces(text, lower)))

    def _pieces(self, text: str, lower: str) -> Iterator[str]:
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
                yield text[done:begin]
                yield token
                done = end
        yield text[done:]


def _tells(value: str) -> bool:
    """Whether a value says anything of anybody: not a small number, a single letter, yes or no."""
    text = value.strip()
    return len(text) > 2 and not (text.isdecimal() and len(text) < 4) and text.lower() not in {"true", "false", "yes"}


def _telling(value: str) -> list[str]:
    """The words of a value that would tell it: those of four letters or more, else all, but no small numbers."""
    words = [word for word in _WORD.findall(value) if not (word.isdecimal() and len(word) < 6)]
    return [word for word in words if len(word) > 3] or [word for word in words if len(word) > 1]
