"""Reads a file of any length in pieces that hold whole messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from attrs import field, frozen

from marketo_soap.debug.request_files import is_request_file
from marketo_soap.privacy.redactor import size_only

_END_AHEAD = re.compile(rb"(?:/|2[Ff])(?:[\w.-]{1,60}(?::|%3[aA]|\\{0,9}u003[aA]))?\Z")
_ARCHIVE = re.compile(rb"[\xef\xbb\xbf\s]*\{\s*\"log\"\s*:")
LONGEST_WHOLE = 256 * 2**20
"""Bytes of a file that can only be read as a whole; reading it takes a few times as much memory."""

_PIECE = 2**20
_LONGEST_PIECE = 33 * 2**20  # a message of the greatest length, and what is around it


@frozen
class Piece:
    """A piece of a file: its bytes, the line that it begins at, whether it is the whole file.

    A piece that is not *complete* ends in the middle of something that is longer than a message may be.
    """

    data: bytes = field(repr=size_only)
    line: int = 1
    alone: bool = True
    complete: bool = True


def pieces(file: IO[bytes]) -> Iterator[Piece]:
    """Yield *file*, from its current position, in pieces of about a megabyte that hold whole messages.

    A HAR file, a file of requests or commands, and UTF-16 text are one piece. `ValueError` if they are longer than
    `LONGEST_WHOLE`.
    """
    line, data = 1, file.read(_PIECE)
    if len(data) < _PIECE or _is_one_piece(data):
        data += file.read(LONGEST_WHOLE)
        if len(data) > LONGEST_WHOLE:
            limit = LONGEST_WHOLE // 2**20
            raise ValueError(f"the file is not a log and has more than {limit} MiB: split it, it is read as a whole")
        yield Piece(data, line)
        return
    while data:
        more = file.read(_PIECE)
        cut = _cut(data) if more else len(data)
        complete = cut > 0
        if not complete and len(data) > _LONGEST_PIECE:
            cut = data.rfind(b"\n") + 1 or len(data)
        if cut:
            yield Piece(data[:cut], line, False, complete)
            line += data.count(b"\n", 0, cut)
        data = data[cut:] + more


def _is_one_piece(data: bytes) -> bool:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:2]:
        return True
    return bool(_ARCHIVE.match(data)) or is_request_file(data)


def _cut(data: bytes) -> int:
    """Where *data* can be cut at the end of a line and not in a message; 0 if it cannot."""
    least, most = 0, len(data)
    at = data.rfind(b"Envelope")
    if at >= 0 and _END_AHEAD.search(data, max(0, at - 80), at):
        least = at
    elif at >= 0:
        declared = data.rfind(b"<?xml", max(0, at - 300), at)
        most = declared if declared >= 0 else at
    for _ in range(1000):
        end = data.rfind(b"\n", least, most)
        if end < 0:
            return 0
        before = data.rfind(b"\n", 0, end)
        after = data.find(b"\n", end + 1)
        width = end - before
        wrapped = data[end - 2 : end].rstrip(b"\r").endswith(b"=") or (width > 40 and after - end in (width, -1 - end))
        if not wrapped:
            return end + 1
        most = end
    return 0
