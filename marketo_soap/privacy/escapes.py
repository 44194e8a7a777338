"""Text that was escaped on its way into a log, or cut into lines. All of it takes linear time, on any text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from marketo_soap.privacy.edits import Edit, applied

DEEPEST = 8  # escapes within escapes

_H = "[0-9a-fA-F]"
_SLASHES = r"\\{1,64}+"
_ESCAPE = re.compile(
    rf"{_SLASHES}(?:u(?P<pair>[dD][89abAB]{_H}{{2}}{_SLASHES}u[dD][c-fC-F]{_H}{{2}})|u(?P<wide>{_H}{{4}})"
    rf"|U(?P<long>{_H}{{8}})"
    rf"|u\{{(?P<braced>{_H}{{1,6}})\}}|(?P<bytes>x[c-fC-F]{_H}(?:{_SLASHES}x[89abAB]{_H}){{1,3}})|x(?P<narrow>{_H}{{2}})"
    rf"|(?P<octals>3[0-7]{{2}}(?:{_SLASHES}2[0-7]{{2}}){{1,3}})|(?P<octal>[0-3][0-7]{{2}})|(?P<letter>[\"'/nrtbfe<>=&]))"
    rf"|%(?:u(?P<old>{_H}{{4}})|(?P<percents>[c-fC-F]{_H}(?:%[89abAB]{_H}){{1,3}})|(?P<percent>{_H}{{2}}))"
    r"|#(?P<syslog>0[0-3][0-7])"
    r"|&(?:#(?:[xX]0{0,9}[0-9a-fA-F]{1,6}|0{0,9}[0-9]{1,7})|[A-Za-z][A-Za-z0-9]{1,30});?"
    r"|=(?:(?P<quoteds>[C-F][0-9A-F](?:=[89AB][0-9A-F]){1,3})|(?P<quoted>[2-7][0-9A-F])|(?P<soft>[ \t]*\r?\n))"
)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "e": "\x1b"}
_BYTE = re.compile(rf"{_H}{{2}}(?!{_H})|{_H}{{2}}")
_OCTAL = re.compile("[0-7]{3}")

_SHORTEST_WRAP = 40
_LONG_LINE = 70
_NEW_LINE = re.compile(
    r"\s*(?:\Z|[\[({<]|\d{1,4}[-/:.]\d|[A-Z]{4,8}\b|[A-Z][a-z]{2} +\d|[\w-]{1,60}(?:: |=)|(?:export|set) )"
)


def layers(text: str) -> Iterator[tuple[str, list[list[Edit]]]]:
    """Yield *text* with its escapes undone, layer by layer, and with its wrapped lines joined.

    Each is the plain text and the edits that lead to it. Raises `ValueError` where it goes deeper than `DEEPEST`.
    """
    todo: list[tuple[str, list[list[Edit]], bool]] = [(text, [], False)]
    while todo:
        text, way, joined = todo.pop()
        if way:
            yield text, way
        if undone := _undoing(text):
            if len(way) == DEEPEST:
                raise ValueError("escapes are nested too deep to look into")
            others = [edit for edit in undone if text[edit[0]] != "&"]
            if not way and others and len(others) < len(undone):  # `&lt;` may belong to the text that was escaped
                todo.append((applied(text, others), [others], joined))
            todo.append((applied(text, undone), [*way, undone], joined))
        if not joined and len(way) < DEEPEST and (joining := list(_wraps(text))):
            todo.append((applied(text, joining), [*way, joining], True))


def _undoing(text: str) -> list[Edit]:
    """The edits that undo one layer of the escapes of JSON, programs, HTML, addresses and mail."""
    if "\\" not in text and "%" not in text and "&" not in text and "=" not in text and "#0" not in text:
        return []
    plain = ((found.start(), found.end(), _plain(found), found[0]) for found in _ESCAPE.finditer(text))
    return [(start, end, new) for start, end, new, old in plain if new is not None and new != old]


def _plain(found: re.Match[str]) -> str | None:
    kind = found.lastgroup
    if kind is None:
        plain = html.unescape(found[0])
        return plain if len(plain) == 1 else None
    text = found[kind]
    if kind == "letter":
        return _LETTERS.get(text, text)
    if kind == "soft":
        return ""
    if kind == "pair":
        high, low = int(text[:4], 16), int(text[-4:], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    if kind in ("bytes", "percents", "quoteds"):
        return bytes(int(digits, 16) for digits in _BYTE.findall(text)).decode("utf-8", "replace")
    if kind == "octals":
        return bytes(int(digits, 8) for digits in _OCTAL.findall(text)).decode("utf-8", "replace")
    number = int(text, 8 if kind in ("octal", "syslog") else 16)
    return chr(number) if number < 0x110000 else None


def _wraps(text: str) -> Iterator[Edit]:
    """The ends of lines that were cut at a width: long ones that nothing new begins after, and several of the same."""
    at, before = 0, -1
    while (end := text.find("\n", at)) >= 0:
        stop = end - 1 if end > at and text[end - 1] == "\r" else end
        width = stop - at
        if width >= _SHORTEST_WRAP and not _NEW_LINE.match(text, end + 1):
            following = text.find("\n", end + 1)
            if width >= _LONG_LINE or width in (before, following - end - 1 - (end - stop)) or width in (60, 64):
                yield stop, end + 1, ""
        at, before = end + 1, width
