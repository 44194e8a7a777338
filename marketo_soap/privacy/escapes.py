"""Text that was escaped or encoded on its way into a log, and edits that reach through it.

An edit is `(start, end, new)`: what replaces a part of a text. Lists of edits are sorted and do not overlap.
Undoing escapes is such a list too, so what is found in the plain text can be hidden in the escaped one. All of it
takes linear time, on any text.
"""

from __future__ import annotations

import base64
import html
import re
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import TypeAlias

__all__ = [
    "DEEPEST",
    "Edit",
    "applied",
    "around",
    "both",
    "dumps",
    "layers",
    "looks_like_text",
    "merged",
    "pulled",
    "runs",
]

Edit: TypeAlias = tuple[int, int, str]

DEEPEST = 8  # escapes within escapes
_LONGEST_INFLATED = 32 * 2**20

_H = "[0-9a-fA-F]"
_SLASHES = r"\\{1,64}+"
_ESCAPE = re.compile(
    rf"{_SLASHES}(?:u(?P<pair>[dD][89abAB]{_H}{{2}}{_SLASHES}u[dD][c-fC-F]{_H}{{2}})|u(?P<wide>{_H}{{4}})"
    rf"|u\{{(?P<braced>{_H}{{1,6}})\}}|(?P<bytes>x[c-fC-F]{_H}(?:{_SLASHES}x[89abAB]{_H}){{1,3}})|x(?P<narrow>{_H}{{2}})"
    rf"|(?P<octals>3[0-7]{{2}}(?:{_SLASHES}2[0-7]{{2}}){{1,3}})|(?P<octal>[0-3][0-7]{{2}})|(?P<letter>[\"'/nrtbfe<>=&]))"
    rf"|%(?:u(?P<old>{_H}{{4}})|(?P<percents>[c-fC-F]{_H}(?:%[89abAB]{_H}){{1,3}})|(?P<percent>{_H}{{2}}))"
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

_ALPHABET = "[A-Za-z0-9+/_-]"
_BASE64 = re.compile(
    rf"(?<!{_ALPHABET}){_ALPHABET}{{20,}}+(?:\r?\n[ \t]*{_ALPHABET}{{4,}}+(?=[\s=\"'<\\]|\Z))*(?:\r?\n)?={{0,2}}"
)
_HEX = re.compile(rf"(?<![0-9A-Za-z])(?:{_H}{{2}}[ :]?(?:\r?\n[ \t]*)?){{20,}}+{_H}?(?![G-Zg-z])")
_DUMP = re.compile(
    rf"(?:^[ \t]*(?:0x)?{_H}{{4,8}}:?[ \t]{{1,3}}(?:{_H}{{2}}[ \t]{{0,2}}){{1,16}}[^\n]*(?:\n|\Z)){{2,}}", re.MULTILINE
)
_DUMPED = re.compile(rf"^[ \t]*(?:0x)?{_H}{{4,8}}:?[ \t]{{1,3}}((?:{_H}{{2}}[ \t]{{0,2}}){{1,16}})", re.MULTILINE)
_NUMBERS = re.compile(
    r"(?<![\w.])(?:(?:0[xX][0-9a-fA-F]{1,2}|[0-9]{1,3}),\s{0,8}){19,}+(?:0[xX][0-9a-fA-F]{1,2}|[0-9]{1,3})"
)
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_LONG = 40  # digits of a hash: a signature


# -- edits --------------------------------------------------------------------------------------------


def applied(text: str, edits: list[Edit]) -> str:
    """Return *text* with all *edits* made."""
    if not edits:
        return text
    pieces: list[str] = []
    done = 0
    for start, end, new in edits:
        pieces += text[done:start], new
        done = end
    return "".join([*pieces, text[done:]])


def pulled(first: list[Edit], second: list[Edit]) -> list[Edit]:
    """Return the edits *second*, of a text with *first* made, as edits of the text before.

    What *first* put there is replaced as a whole, if a part of it is.
    """
    found: list[Edit] = []
    at, shift = 0, 0  # of the first edit that is not passed yet, and what those before it added
    for start, end, new in second:
        while at < len(first) and first[at][0] + shift + len(first[at][2]) <= start:
            shift += len(first[at][2]) - (first[at][1] - first[at][0])
            at += 1
        begin = first[at][0] if at < len(first) and first[at][0] + shift < start else start - shift
        here, moved = at, shift
        while here < len(first) and first[here][0] + moved + len(first[here][2]) <= end:
            moved += len(first[here][2]) - (first[here][1] - first[here][0])
            here += 1
        stop = first[here][1] if here < len(first) and first[here][0] + moved < end else end - moved
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]), found[-1][2])
        else:
            found.append((begin, stop, new))
    return found


def both(first: list[Edit], second: list[Edit]) -> list[Edit]:
    """Return one list that does what *first* and, on the text that this gives, *second* do."""
    if not first or not second:
        return first or second
    later = pulled(first, second)
    kept: list[Edit] = []
    at = 0
    for edit in first:
        while at < len(later) and later[at][1] <= edit[0]:
            at += 1
        if at == len(later) or later[at][0] >= edit[1]:
            kept.append(edit)
    return sorted(kept + later)


def merged(edits: list[Edit]) -> list[Edit]:
    """Return *edits* of one text, which may overlap, sorted: what overlaps is one, with what the longest puts there."""
    found: list[Edit] = []
    longest = 0
    for start, end, new in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if not found or start >= found[-1][1]:
            found.append((start, end, new))
            longest = end - start
        elif end > found[-1][1] or end - start > longest:
            found[-1] = (found[-1][0], max(end, found[-1][1]), new if end - start > longest else found[-1][2])
            longest = max(longest, end - start)
    return found


def around(edits: list[Edit], units: list[Edit], inner: list[Edit]) -> list[Edit]:
    """Return *edits* that split none of *units*, the escapes of their text.

    An edit that begins or ends in an escape leaves it out where *inner*, what was found with the escapes undone,
    says so for the same place, and takes all of it in where nothing else was found.
    """
    starts, begins = [unit[0] for unit in units], [edit[0] for edit in inner]

    def moved(place: int, seen: bool, out: bool) -> int:
        at = bisect_left(starts, place) - 1
        if at < 0 or not units[at][0] < place < units[at][1]:
            return place
        return units[at][1] if out == seen else units[at][0]

    found = []
    for start, end, new in edits:
        at = bisect_left(begins, end) - 1
        seen = at >= 0 and inner[at][1] > start
        start, end = moved(start, seen, True), moved(end, seen, False)
        if start < end:
            found.append((start, end, new))
    return found


# -- escapes ------------------------------------------------------------------------------------------


def layers(text: str) -> Iterator[tuple[str, list[list[Edit]]]]:
    """Yield what *text* says with its escapes undone, once and again, and with its wrapped lines joined.

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
            todo.append((applied(text, undone), [*way, undone], joined))
        if not joined and len(way) < DEEPEST and (joining := list(_wraps(text))):
            todo.append((applied(text, joining), [*way, joining], True))


def _undoing(text: str) -> list[Edit]:
    """The edits that undo one layer of the escapes of JSON, programs, HTML, addresses and mail."""
    if "\\" not in text and "%" not in text and "&" not in text and "=" not in text:
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
    number = int(text, 8 if kind == "octal" else 16)
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


# -- runs of an encoding ------------------------------------------------------------------------------


def looks_like_text(data: bytes) -> bool:
    """Whether *data* is text: of any encoding that has ASCII in it, and hardly anything that cannot be printed."""
    letters = data.replace(b"\x00", b"")
    odd = sum(1 for byte in letters[:4096] if (byte < 32 and byte not in (9, 10, 13, 27)) or byte == 127)
    if not letters or odd * 20 > len(letters[:4096]):
        return False
    try:
        letters[:4096].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= min(len(letters), 4096) - 4 or sum(byte > 126 for byte in letters) * 8 < len(letters)
    return True


def runs(text: str, inner: Callable[[bytes], bytes], token: Callable[[str], str]) -> list[Edit]:
    """Return the edits that hide what *inner* changes in runs of base64, hexadecimal digits and numbers.

    A long run that holds no text is hidden as a whole, by its *token*: nobody knows what it holds.
    """
    if len(text) < 20:
        return []
    edits: list[Edit] = []
    for pattern, decode in ((_NUMBERS, _of_numbers), (_HEX, _of_hex), (_BASE64, _of_base64)):
        found = []
        for run in pattern.finditer(applied(text, edits)):
            bare = run[0].rstrip()
            new = decode(bare, inner, token)
            if new != bare:
                found.append((run.start(), run.start() + len(bare), new))
        edits = both(edits, found)
    return edits


def dumps(text: str, inner: Callable[[bytes], bytes], token: Callable[[str], str]) -> list[Edit]:
    """Return the edits that replace dumps, lines of hexadecimal digits, if *inner* changes what they stand for."""
    found = []
    for run in _DUMP.finditer(text):
        data = b"".join(bytes.fromhex("".join(line[1].split())) for line in _DUMPED.finditer(run[0]))
        if inner(data) != data:
            found.append((run.start(), run.start() + len(run[0].rstrip()), token(run[0])))
    return found


def _of_numbers(run: str, inner: Callable[[bytes], bytes], token: Callable[[str], str]) -> str:
    numbers = [int(number, 0) if number[:2] in ("0x", "0X") else int(number) for number in _NUMBER.findall(run)]
    if max(numbers) > 255 or not looks_like_text(data := bytes(numbers)):
        return run
    shown = inner(data)
    return run if shown == data else ",".join(map(str, shown))


def _of_hex(run: str, inner: Callable[[bytes], bytes], token: Callable[[str], str]) -> str:
    digits = re.sub(rf"[^{_H[1:-1]}]", "", run)
    for start in (0, 1):  # it may have been cut
        data = bytes.fromhex(digits[start : start + (len(digits) - start) // 2 * 2])
        if looks_like_text(data):
            shown = inner(data)
            return run if shown == data else shown.hex()
    return token(run) if len(digits) >= _LONG else run


def _of_base64(run: str, inner: Callable[[bytes], bytes], token: Callable[[str], str]) -> str:
    safe = "-" in run or "_" in run
    letters = "".join(run.split()).rstrip("=").translate({45: "+", 95: "/"})
    for start in range(4):
        whole = letters[start:]
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]
        data = base64.b64decode(whole + "=" * (-len(whole) % 4))
        if not looks_like_text(data) and (inflated := _inflated(data)) is not None:
            return token(run) if inner(inflated) != inflated else run
        if looks_like_text(data):
            shown = inner(data)
            if shown == data:
                return run
            return (base64.urlsafe_b64encode if safe else base64.b64encode)(shown).decode()
    kinds = sum(any(test(letter) for letter in letters) for test in (str.isupper, str.islower, str.isdecimal))
    return token(run) if kinds == 3 and len(letters) >= 64 else run


def _inflated(data: bytes) -> bytes | None:
    if data[:2] not in (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda"):
        return None
    try:
        return zlib.decompressobj(47).decompress(data, _LONGEST_INFLATED)
    except zlib.error:
        return None
