"""Finds envelopes in the text of a log, with escapes and the prefixes of its lines undone."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_plus

from marketo_soap.debug.found import FoundMessage

_DECLARATION = r"(?:<\?xml\b[^<>]{0,200}\?>(?:\s|\\[nrt])*)?"
_ENVELOPE = re.compile(rf"{_DECLARATION}<(?P<prefix>[\w.-]+:)?Envelope\b")
_END = re.compile(r"<\\?/(?P<prefix>[\w.-]+:)?Envelope(?:\s|\\[nrt])*>")
_LONGEST_PREFIX = 200  # characters that a log may put before a line
_LONE = re.compile(rf"\ufeff?\s*(?:<!--(?:(?!-->).)*-->\s*|<!DOCTYPE[^<>\[]*>\s*)*{_ENVELOPE.pattern}", re.DOTALL)
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}

_UNDO: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: re.sub(r"\\u00([0-7][0-9a-fA-F])", lambda found: chr(int(found[1], 16)), text),
    html.unescape,
    lambda text: html.unescape(html.unescape(text)),
    unquote_plus,
)
"""Undoes how a log may have written `<`: as it is, or as in JSON, in HTML (once or twice), or in a URL."""


def messages_of_text(data: bytes, first_line: int = 0) -> list[FoundMessage]:
    """Return the messages in a text; in a piece of one, which begins at *first_line*, no document is the whole text."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:2]:
        return [FoundMessage(data)]
    text = data.decode("utf-8", "surrogateescape")
    begins = text.lstrip("\ufeff \t\r\n").startswith("<")
    if not first_line and begins and _LONE.match(text) and len(_ENVELOPE.findall(text)) == 1:
        return [FoundMessage(data)]
    for undo in _UNDO:
        try:
            plain = undo(text)
        except ValueError:  # a reference of thousands of digits
            continue
        if found := [FoundMessage(_encoded(message), where) for message, where in _in_text(plain, first_line or 1)]:
            return found
    return [FoundMessage(data)] if begins and not first_line else []


def _in_text(text: str, first_line: int) -> Iterator[tuple[str, str]]:
    starts = [(found.start(), found["prefix"] or "") for found in _ENVELOPE.finditer(text)]
    ends = [(found.start(), found.end(), found["prefix"] or "") for found in _END.finditer(text)]
    lines = counted = at = 0
    for number, (start, prefix) in enumerate(starts):
        limit = starts[number + 1][0] if number + 1 < len(starts) else len(text)
        stop = limit
        while at < len(ends) and ends[at][0] < limit:
            if ends[at][0] > start and ends[at][2] == prefix:
                stop = ends[at][1]
            at += 1
        lines, counted = lines + text.count("\n", counted, start), start
        yield _unescaped(text, start, stop), f"line {lines + first_line}"


def _unescaped(text: str, start: int, end: int) -> str:
    message = text[start:end]
    if re.search(r"\\[\"'n/]", message):
        of_bytes = text[max(0, start - 2) : start] in ("b'", 'b"')
        message = without_backslashes(message)
        if of_bytes:
            message = message.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    before = text[max(0, start - _LONGEST_PREFIX) : start]
    return _without_prefix(message, before.rpartition("\n")[2])


def _encoded(message: str) -> bytes:
    whole = _PAIR.sub(lambda found: found[0].encode("utf-16", "surrogatepass").decode("utf-16"), message)
    try:
        return whole.encode("utf-8", "surrogateescape")  # what was no UTF-8 stays as it was
    except UnicodeEncodeError:
        return whole.encode("utf-8", "replace")


def without_backslashes(text: str) -> str:
    """Return *text* with its backslash escapes undone."""
    return _ESCAPED.sub(_unescape, text)


def _unescape(found: re.Match[str]) -> str:
    number = found[1] or found[2]
    return chr(int(number, 16)) if number else _ESCAPES.get(found[3], found[3])


def _without_prefix(message: str, prefix: str) -> str:
    """Remove what a log writes before each line, if every line begins with it."""
    first, *lines = message.split("\n")
    if not prefix.strip() or not lines:
        return message
    shape = re.compile(re.sub(r"[0-9]+", r"[0-9]+", re.escape(prefix)))
    heads = [shape.match(line) for line in lines]
    if None in heads:
        return message
    return "\n".join([first, *(line[head.end() :] for line, head in zip(lines, heads, strict=True) if head)])
