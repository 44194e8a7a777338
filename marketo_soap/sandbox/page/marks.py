"""Where in a message the elements are that the notes on a call name: by a path, a value, or a name."""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

_LONGEST = 500  # characters of a note that are looked at
_PATH = re.compile(r"[\w.-]+(?:\[\d+\])?(?:/[\w.-]+(?:\[\d+\])?)+")
_NAME = re.compile(r"\b[a-z]+[A-Z]\w*")  # keyType, but no word of a sentence
_QUOTED = re.compile("'([^']+)'")
_LAST = re.compile(r"(?:= |: )([^:=]+?)(?: \(\d+\))?\Z")
_OPENED = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)(?:\s[^>]*|/)?>")


@frozen
class Marks:
    """The tokens of a message that are marked, each with its anchor, and the anchors by the notes that name them."""

    tokens: Mapping[int, str] = field(factory=dict)
    notes: Mapping[str, str] = field(factory=dict)


def find_marks(notes: Iterable[str], tokens: Sequence[str]) -> Marks:
    """Find what *notes* name among the tokens of an XML or a JSON message."""
    wanted = {note: [*_named(note[:_LONGEST])] for note in notes}
    places = _places(tokens, {each for named in wanted.values() for each in named})
    found: dict[int, str] = {}
    by_note: dict[str, str] = {}
    for note, named in wanted.items():
        at = next((places[each] for each in named if each in places), None)
        if at is not None:
            by_note[note] = found.setdefault(at, f"mark-{len(found) + 1}")
    return Marks(found, by_note)


def _named(note: str) -> Iterator[tuple[str, ...]]:
    """Yield what a note may name, the likeliest first: paths by their steps, a value as a single one after ""."""
    if "expected signature" in note:
        yield ("requestSignature",)
    for path in _PATH.findall(note):
        steps = tuple(path.split("/"))
        for length in range(len(steps), 0, -1):  # if an element is missing, the nearest around it
            yield steps[:length]
    last = _LAST.search(note)
    for value in (*_QUOTED.findall(note), *(last[1].split(", ") if last else ())):
        yield "", value
    for name in _NAME.findall(note):
        yield (name,)


def _places(tokens: Sequence[str], wanted: set[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """Return the first token of each path and value. An index counts all children, or those of that name."""
    by_name = defaultdict(list)
    for steps in wanted:
        by_name[steps[-1].partition("[")[0]].append(steps)
    places: dict[tuple[str, ...], int] = {}
    around: list[set[str]] = []
    children: list[dict[str, int]] = [defaultdict(int)]
    for number, token in enumerate(tokens):
        if opened := _OPENED.fullmatch(token):
            name, counted = opened[1], children[-1]
            counted[name] += 1
            counted[""] += 1
            around.append({name, f"{name}[{counted[name]}]", f"{name}[{counted['']}]"})
            for steps in by_name.get(name, ()):
                inner = around[-len(steps) :]
                if len(inner) == len(steps) and all(map(set.__contains__, inner, steps)):
                    places.setdefault(steps, number)
            if token.endswith("/>"):
                around.pop()
            else:
                children.append(defaultdict(int))
        elif token.startswith("</"):
            if around:
                around.pop()
                children.pop()
        elif not token.startswith("<"):
            places.setdefault(("", html.unescape(token).strip().strip('"')), number)
    return places
