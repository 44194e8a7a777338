"""Edits of a text: lists of `(start, end, new)`, sorted and without overlaps. All of it takes linear time.

Undoing escapes is such a list too, so what is found in the plain text can be hidden in the escaped one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TypeAlias

Edit: TypeAlias = tuple[int, int, str]


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

    An edit that begins or ends in an escape excludes it if *inner*, the edits found with the escapes undone, has one
    at the same place. Otherwise it includes the whole escape.
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


def moved(edits: Iterable[Edit], by: int) -> Iterator[Edit]:
    """Yield *edits* of a part of a text as edits of the whole text, in which the part begins at *by*."""
    return ((start + by, end + by, new) for start, end, new in edits)
