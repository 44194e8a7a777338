"""Messages as a person reads them: indented and coloured, by their tags alone, so that broken ones can be shown too."""

from __future__ import annotations

import re

from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.wire.xml import Element

SHOWN_BYTES = 64 * 1024
_COLOURED = 10_000  # tags and texts; an honest envelope of that size has half as many
_DEEPEST = 30  # levels that are indented further

_TOKEN = re.compile(  # takes linear time: what is not closed goes to the end, or to the next tag
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"
    r"|<(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*>?|[^<]+",
    re.DOTALL,
)
_HEAD = re.compile(r"<[/?!]?[^\s/>?]*")
_QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*')")


def message(data: bytes, *, exact: bool, label: str) -> Element:
    """Return the first 64 KiB of a message, coloured; indented unless it is to be *exact*."""
    text = data[:SHOWN_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    if not exact:
        text = indented(text)
    tokens = _TOKEN.findall(text)
    code = h(
        "code", *[child for token in tokens[:_COLOURED] for child in _coloured(token)], "".join(tokens[_COLOURED:])
    )
    shown = "exact" if exact else None
    return h("pre", code, tabindex="0", role="region", aria_label=label, class_=shown)


def indented(text: str) -> str:
    """Return XML with each element on a line of its own, those that hold text alone on one line."""
    tokens = _TOKEN.findall(text)
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
            pieces += ["\n" if pieces else "", "  " * min(max(depth, 0), _DEEPEST), token]
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
