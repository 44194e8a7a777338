"""Bytes as text, and text that was encoded on its way into a log: base64, hexadecimal digits, dumps, numbers.

All of it takes linear time, on any text.
"""

from __future__ import annotations

import base64
import codecs
import re
import zlib
from collections.abc import Callable

from marketo_soap.privacy.edits import Edit, applied, both

_LONGEST_INFLATED = 32 * 2**20
_H = "[0-9a-fA-F]"
_NARROW = re.compile(rb"[\x20-\x7e]{12}")

_ALPHABET = "[A-Za-z0-9+/_-]"
_BASE64 = re.compile(
    rf"(?<!{_ALPHABET}){_ALPHABET}{{20,}}+(?:\r?\n[ \t]*{_ALPHABET}{{4,}}+(?=[\s=\"'<\\]|\Z))*(?:\r?\n)?={{0,2}}"
)
_PAIR = rf"{_H}{{2}}[ :]?"
_HEX = re.compile(  # a line that goes on consists of digits alone: `DEBUG` begins with some
    rf"(?:(?<![0-9A-Za-z])|(?<=[0\\\\][xX]))"
    rf"(?:{_PAIR}(?:\r?\n[ \t]*(?=(?:{_PAIR})++{_H}?(?:[\s\"'<\\\\]|\Z)))?){{20,}}+{_H}?(?![G-Zg-z])"
)
_DUMP = re.compile(
    rf"(?:^[ \t]*(?:0x)?{_H}{{4,8}}:?[ \t]{{1,3}}(?:{_H}{{2}}[ \t]{{0,2}}){{1,16}}[^\n]*(?:\n|\Z)){{2,}}", re.MULTILINE
)
_DUMPED = re.compile(rf"^[ \t]*(?:0x)?{_H}{{4,8}}:?[ \t]{{1,3}}((?:{_H}{{2}}[ \t]{{0,2}}){{1,16}})", re.MULTILINE)
_NUMBERS = re.compile(
    r"(?<![\w.])(?:(?:0[xX][0-9a-fA-F]{1,2}|-?[0-9]{1,3}),\s{0,8}){19,}+(?:0[xX][0-9a-fA-F]{1,2}|-?[0-9]{1,3})"
)
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|-?[0-9]+")
_LONG = 40  # digits of a hash: a signature
_DOCUMENT = re.compile(rb"\s*(?:<.*>|\{.*\}|\[.*\])\s*", re.DOTALL)


def decoded(data: bytes) -> tuple[str, str, bytes]:
    """Return the text of a message in any encoding, the encoding, and a cut-off character at the end as bytes.

    Bytes that are not UTF-8 are kept as surrogates.
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


def encoded(text: str, encoding: str) -> bytes:
    """Return the bytes of a text that `decoded` gave."""
    return text.encode(encoding, "surrogateescape" if encoding == "utf-8" else "surrogatepass")


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

    A long run that holds no text is hidden as a whole, by its *token*: its content is unknown.
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
    """Return the edits that replace dumps, lines of hexadecimal digits, if *inner* changes the bytes that they show."""
    found = []
    for run in _DUMP.finditer(text):
        data = b"".join(bytes.fromhex("".join(line[1].split())) for line in _DUMPED.finditer(run[0]))
        if inner(data) != data:
            found.append((run.start(), run.start() + len(run[0].rstrip()), token(run[0])))
    return found


def _of_numbers(run: str, inner: Callable[[bytes], bytes], token: Callable[[str], str]) -> str:
    numbers = [int(number, 0) if number[:2] in ("0x", "0X") else int(number) for number in _NUMBER.findall(run)]
    if min(numbers) < -128 or max(numbers) > 255:  # bytes of Java are negative from 128 on
        return run
    if not looks_like_text(data := bytes(number % 256 for number in numbers)):
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
            if not _DOCUMENT.fullmatch(data):  # perhaps a part of a message: a line of a log that shows it
                return token(run)
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
