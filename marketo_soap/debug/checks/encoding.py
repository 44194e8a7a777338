"""Checks of the bytes: well-formed and safe XML, and in which encoding they are."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from marketo_soap.debug.checks.message import LenientRequest
from marketo_soap.debug.checks.report import Check, fail, warn
from marketo_soap.privacy.redactor import Redactor

_DECLARED = re.compile(rb"""\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z][\w.-]{0,40})["']""", re.ASCII)
_BOMS = {codecs.BOM_UTF8: "UTF-8", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_HINTS = {
    "EntityRef": "write & as &amp; in text",
    "invalid element name": "write < as &lt; in text",
    "invalid Char": "take the control character out: XML cannot hold it",
    "Entity '": "only amp, lt, gt, quot and apos are known; write other characters as they are",
    "valid URI": "correct the namespace, there must be no white space in it",
    "Namespace prefix": "declare the prefix with xmlns",
    "Extra content": "there must be one root element and nothing after it",
    "tag mismatch": "close the elements in the reverse order of their start",
    "Premature end": "the message is cut off",
    "Start tag expected": "this is not XML: send the envelope itself",
}


def well_formed(message: LenientRequest) -> Iterator[Check]:
    """Look if the bytes are XML that is safe to read."""
    error = message.error
    if error is not None:
        text = str(error)
        if error.line is not None:  # the text quotes the document, perhaps a value that was not escaped
            text = Redactor.of_request(message.data).text(text)
        hint = next((f": {hint}" for sign, hint in _HINTS.items() if sign in str(error)), "")
        yield fail(text + hint, line=error.line)


def encoding(message: LenientRequest) -> Iterator[Check]:
    """Compare the encoding of the bytes with the declared one."""
    data = message.data
    if data[:1].isspace():
        yield warn("there is white space before the XML declaration, which XML forbids: remove it", line=1)
    bom = next((mark for mark in _BOMS if data.startswith(mark)), b"")
    wide = _BOMS.get(bom) == "UTF-16" or b"\x00" in data[:4]
    start = data[:1000].replace(b"\x00", b"") if wide else data[:1000]
    found = _DECLARED.match(start.removeprefix(bom))
    declared = found[1].decode() if found else None
    if wide:
        yield from _wide(declared)
        return
    if bom:
        yield warn("there is a byte order mark before the message, which some readers refuse: remove it", line=1)
    yield from _narrow(data, declared)


def _wide(declared: str | None) -> Iterator[Check]:
    if declared is None or declared.upper().startswith(("UTF-16", "UTF-32", "UCS-")):
        yield warn("the message is in UTF-16 or UTF-32: send UTF-8, as every known client does")
    else:
        yield fail(f"the message is in UTF-16 or UTF-32 but declares {declared}: write it in UTF-8", line=1)


def _narrow(data: bytes, declared: str | None) -> Iterator[Check]:
    known = _known(declared or "utf-8")
    if known is None:
        yield fail(f"the declared encoding, {declared}, does not exist: write UTF-8 and declare that", line=1)
    elif known.startswith(("utf-16", "utf-32")):
        yield fail(f"the message declares {declared} but is not in it: declare UTF-8", line=1)
    elif known == "utf-8":
        if (line := _not_utf_8(data)) is not None:
            claim = f"declares {declared}" if declared else "declares no encoding, so must be in UTF-8"
            yield fail(
                f"the message {claim} but holds other bytes, probably Latin-1 or Windows-1252: encode it as UTF-8",
                line=line,
            )
    elif data.isascii():
        yield warn(f"the message declares {declared}: declare UTF-8, as every known client does", line=1)
    elif known == "ascii":
        yield fail(f"the message declares {declared} but holds other characters: declare UTF-8", line=1)
    elif _not_utf_8(data) is None:
        yield fail(f"the message declares {declared} but is in UTF-8, and will be misread: declare UTF-8", line=1)
    else:
        yield warn(f"the message is in {declared}: send UTF-8, as every known client does", line=1)


def _known(name: str) -> str | None:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def _not_utf_8(data: bytes) -> int | None:
    """The line of the first bytes that are no UTF-8; None if all are."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return None
