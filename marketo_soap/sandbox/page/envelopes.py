"""Messages as a person reads them: indented and coloured by their tokens alone, so that broken ones can be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.marks import Marks, find_marks
from marketo_soap.wire.xml import Element

SHOWN_BYTES = 64 * 1024
_COLOURED = 10_000  # tokens; an honest envelope of that size has half as many
_DEEPEST = 30  # levels that are indented further

_XML = re.compile(  # takes linear time: what is not closed goes to the end, or to the next tag
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"
    r"|<(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*>?|[^<]+",
    re.DOTALL,
)
_JSON = re.compile(r"\"(?:[^\"\\]|\\.)*\"?|[-+\w.]+|\s+|.", re.DOTALL)
_OPENING, _CLOSING = ("{", "["), ("}", "]")
_HEAD = re.compile(r"<[/?!]?[^\s/>?]*")
_QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*')")


def message(data: bytes, *, exact: bool, label: str, notes: Iterable[str] = ()) -> tuple[Element, Marks]:
    """Return the first 64 KiB of a message, coloured, and what *notes* name in it; indented unless *exact*."""
    text = data[:SHOWN_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    is_json = text.lstrip()[:1] in ("{", "[")
    if not exact:
        text = indented_json(text) if is_json else indented(text)
    tokens = (_JSON if is_json else _XML).findall(text)
    marks = find_marks(notes, tokens)
    shown: list[Child] = []
    for number, token in enumerate(tokens[:_COLOURED]):
        parts = _json_token(tokens, number) if is_json else _coloured(token)
        anchor = marks.tokens.get(number)
        shown += [h("mark", *parts, id=anchor)] if anchor else parts
    code = h("code", *shown, "".join(tokens[_COLOURED:]))
    return h("pre", code, tabindex="0", role="region", aria_label=label, class_="exact" if exact else None), marks


def indented_json(text: str) -> str:
    """Return JSON with each member and item on a line of its own."""
    tokens = [token for token in _JSON.findall(text) if not token.isspace()]
    pieces: list[str] = []
    depth = 0
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if token in _CLOSING and before not in _OPENING:
            depth -= 1
            pieces.append(_line(depth))
        pieces.append(token)
        if token in _OPENING and after not in _CLOSING:
            depth += 1
            pieces.append(_line(depth))
        elif token == ",":
            pieces.append(_line(depth))
        elif token == ":":
            pieces.append(" ")
    return "".join(pieces)


def _line(depth: int) -> str:
    return "\n" + "  " * min(max(depth, 0), _DEEPEST)


def indented(text: str) -> str:
    """Return XML with each element on a line of its own, those that hold text alone on one line."""
    tokens = _XML.findall(text)
    pieces: list[str] = []
    depth, inline = 0, False
    for number, token in enumerate(tokens):
        before, after = tokens[max(number - 1, 0)], tokens[min(number + 1, len(tokens) - 1)]
        if not token.startswith("<") and token.isspace() and not (_opens(before) and after.startswith("</")):
            continue
        depth -= token.startswith("</")
        if inline or not token.startswith("<") or (token.startswith("</") and _opens(before)):
            pieces.append(token)
        else:
            pieces += [_line(depth) if pieces else "", token]
        depth += _opens(token)
        inline = not token.startswith("<")
    return "".join(pieces)


def _opens(token: str) -> bool:
    return token.startswith("<") and token[1:2] not in ("/", "?", "!", "") and not token.endswith("/>")


def _coloured(token: str) -> list[Child]:
    if not token.startswith("<"):
        return [token]
    if token.startswith(("<!", "<?")):
        return [h("span", token, class_="aside")]
    head = _HEAD.match(token)
    name = head[0] if head else ""
    rest = token[len(name) :]
    if "=" not in rest:
        return [h("span", token, class_="tag")]
    pieces = _QUOTED.split(rest)
    inside = [h("span", piece, class_="quoted" if piece[:1] in "'\"" else "name") for piece in pieces if piece]
    return [h("span", name, class_="tag"), *inside]


def _json_token(tokens: Sequence[str], number: int) -> list[Child]:
    token = tokens[number]
    if token.startswith('"'):
        is_key = next((after for after in tokens[number + 1 : number + 3] if not after.isspace()), "") == ":"
        return [h("span", token, class_="tag" if is_key else "quoted")]
    return [h("span", token, class_="literal") if token[0].isalnum() or token[0] in "+-" else token]
