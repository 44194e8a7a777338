"""The edits that hide what is private in XML, in broken and cut-off XML too. All of it takes linear time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from marketo_soap.privacy.edits import Edit, moved
from marketo_soap.privacy.free_text import TOKEN
from marketo_soap.privacy.place import OpenElements
from marketo_soap.privacy.vocabulary import HIDDEN, Visible, folded, role_of_element

Act: TypeAlias = Callable[[str, str], str]
"""Takes the kind and the text of a private value, returns its replacement."""
Free: TypeAlias = Callable[[str], list[Edit]]
"""Takes free text, returns the edits that hide what is private in it."""

_MARKUP = re.compile(
    r"<!--(?P<comment>.*?)(?:-->|\Z)"
    r"|<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|\Z)"
    r"|<![Dd][Oo][Cc][Tt][Yy][Pp][Ee]\b[^<>\[]*+(?:\[.*?(?:\]\s*>|\Z))?>?"
    r"|<\?(?P<target>[^\s?<>]+)[^<>]*+>?"
    r"|<(?P<end>\\?/)?(?P<name>[^\s<>/?!\"'=\\&;,(){}\[\]|@+]+)"
    r"(?P<attributes>(?:[^<>\"'\\/]|\\?/(?!>)|\\(?!/).|\"[^\"<]*+\"|'[^'<]*+')*+)(?P<close>\\?/?>)?",
    re.DOTALL,
)
_DECLARATION = re.compile(
    r"<\?xml(?:\s+(?:version|encoding|standalone)\s*=\s*\\?(?:\"[\w.-]*\\?\"|'[\w.-]*\\?'))*\s*\?>"
)
_DOCTYPE = re.compile(r"<!DOCTYPE\s+[\w:.-]{1,40}\s*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([^\s=\"'/<>\\]+)(\s*=\s*\\?)(\"[^\"<]*\"|'[^'<]*')")
_PROTOCOL = {"nil", "type", "mustunderstand", "encodingstyle", "actor", "arraytype", "schemalocation", "space", "lang"}


def scanned(
    text: str, visible: Visible, act: Act, free: Free, *, cut_out: bool = False, in_cdata: bool = False
) -> Iterator[Edit]:
    """Yield the edits of *text*: what *act* makes of each private value, and *free* of what is free text.

    *cut_out*: *text* is a part of a message. *in_cdata*: it is a CDATA section, and what it quotes is not read again.
    """
    place = OpenElements(visible, cut_out=cut_out)
    done = 0
    for found in _MARKUP.finditer(text):
        before = text[done : found.start()]
        if found["end"] and (kind := place.kind_of_lost(_local(found["name"]))):
            if (bare := before.strip()) and not TOKEN.fullmatch(bare):  # the start of the element was cut off
                start = done + before.index(bare)
                yield start, start + len(bare), act(kind, bare)
        else:
            yield from _between(before, done, place, act, free)
        done = found.end()
        if found["name"] is not None:
            yield from _tag(found, place, act, free)
        elif found["cdata"] is not None:
            kind = place.kind(found["cdata"].strip())
            if kind or kind is None or in_cdata:
                for start, end, new in _between(found["cdata"], found.start("cdata"), place, act, free):
                    yield (found.start(), found.end(), new) if kind else (start, end, new)  # a value with its marks
            else:  # logs quote messages in CDATA
                inside = scanned(found["cdata"], visible, act, free, cut_out=cut_out, in_cdata=True)
                yield from moved(list(inside), found.start("cdata"))
        elif found["comment"] is not None:
            if found["comment"].strip():
                yield *found.span("comment"), HIDDEN
        elif found["target"] is not None:
            if not _DECLARATION.fullmatch(found[0]):
                yield found.end("target"), found.end(), f" {HIDDEN}?>"
        elif not _DOCTYPE.fullmatch(found[0]):
            yield found.start() + len("<!DOCTYPE"), found.end(), f" {HIDDEN}>"
    yield from _between(text[done:], done, place, act, free)


def _local(name: str) -> str:
    return folded(name.rpartition(":")[2])


def _between(text: str, at: int, place: OpenElements, act: Act, free: Free) -> Iterator[Edit]:
    bare = text.strip()
    if not bare or TOKEN.fullmatch(bare):
        return
    kind = place.kind(bare)
    if kind:
        start = at + text.index(bare)
        yield start, start + len(bare), act(kind, bare)
    elif kind is not None:
        yield from moved(free(text), at)


def _tag(found: re.Match[str], place: OpenElements, act: Act, free: Free) -> Iterator[Edit]:
    name, attributes = found["name"], found["attributes"]
    local = _local(name)
    if found["end"]:
        place.leave(local)
    else:
        place.enter(local)
    if role_of_element(local, in_fault=True) is None:
        yield from moved(free(name), found.start("name"))
    if attributes.strip(" \t\r\n/"):
        inside = act if place.inside else None
        yield from moved(_attributes(attributes, inside, free), found.start("attributes"))
    if not found["end"] and (found["close"] or "").endswith("/>"):
        place.leave(local)


def _attributes(text: str, act: Act | None, free: Free) -> Iterator[Edit]:
    """Yield the edits of a tag's attributes: those of the protocol stay, others are values (*act*) or free text."""
    done = 0
    for pair in _ATTRIBUTE.finditer(text):
        yield from moved(_loose(text[done : pair.start()], act, free), done)
        done = pair.end()
        own, value = pair[1], pair[3][1:-1]
        if own.startswith("xmlns") or own.rpartition(":")[2].lower() in _PROTOCOL or TOKEN.fullmatch(value):
            if "@" in value:
                yield from moved(free(pair[0]), pair.start())
        elif act and value.strip():
            yield pair.start(3) + 1, pair.end(3) - 1, act("value", value)
        else:
            yield from moved(free(value), pair.start(3) + 1)
    yield from moved(_loose(text[done:], act, free), done)


def _loose(text: str, act: Act | None, free: Free) -> list[Edit]:
    """Text in a tag that is not an attribute: the end of the tag was lost, or its quotes."""
    bare = text.strip(" \t\r\n/+")
    if not bare:
        return []
    start = text.index(bare)
    return [(start, start + len(bare), act("value", bare))] if act else free(text)
