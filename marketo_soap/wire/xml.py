"""XML of the wire: its names, its characters, the one hardened parser, and places in a document."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from html.entities import html5
from typing import Any, TypeAlias, cast

from lxml import etree

from marketo_soap.errors import Problem, ProtocolError

SOAP_ENV = "http://schemas.xmlsoap.org/soap/envelope/"
MKTOWS = "http://www.marketo.com/mktows/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSI_NIL = f"{{{XSI}}}nil"

MAX_BYTES = 32 * 1024 * 1024
MAX_TAGS = 2_000_000

_PIECE, _CHUNK = 1024, 256 * 1024  # bytes

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_QUOTED = re.compile(r"(['\"]).*\1")

Element: TypeAlias = etree._Element


def illegal_character(text: str) -> str | None:
    """Return the first character of *text* that XML 1.0 does not allow, as `U+XXXX`, or None."""
    if text.isprintable():
        return None
    found = _ILLEGAL.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def check_characters(text: object, where: str) -> str:
    """Return *text* if XML can hold it.

    Raises `TypeError` for what is no text, `ValueError` for characters that XML does not allow. The message names
    *where* and does not contain the text, which may be personal.
    """
    if not isinstance(text, str):
        raise TypeError(f"{where} must be text, not {type(text).__name__}")
    if found := illegal_character(text):
        raise ValueError(f"{where} contains the character {found}, which XML cannot hold: remove it")
    return text


def check_text(text: object, where: str, *, instead: str = "leave it out") -> str:
    """Return *text* if it can be a key or a name: as `check_characters` does, and `ValueError` for empty text."""
    text = check_characters(text, where)
    if not text.strip():
        raise ValueError(f"{where} is empty: give it a value, or {instead}")
    return text


def replace_illegal(text: str) -> str:
    """Return *text* with every character that XML 1.0 does not allow replaced by U+FFFD."""
    return _ILLEGAL.sub("\ufffd", text)


def local_name(element: Element) -> str:
    """Return the tag of *element* without its namespace."""
    return element.tag.rpartition("}")[2]


def line_of(element: Element) -> int | None:
    """Return the line of the document that *element* starts in."""
    return cast("int | None", element.sourceline)


def children_of(element: Element) -> list[Element]:
    """Return the child elements: for a few of them a slice is faster than lxml's iterator."""
    return element[:]  # type: ignore[index, return-value]


def path_of(element: Element) -> str:
    """Return the path of *element* from the message element: `successSyncLead/result/leadId`."""
    names = []
    here: Element | None = element
    while here is not None and not here.tag.startswith(f"{{{SOAP_ENV}}}"):
        name = local_name(here)
        if (parent := here.getparent()) is not None:
            twins = [sibling for sibling in parent if sibling.tag == here.tag]
            if len(twins) > 1:
                name = f"{name}[{twins.index(here) + 1}]"
        names.append(name)
        here = parent
    return "/".join(reversed(names))


def broken(element: Element, problem: Problem, what: str, *, child: str | None = None) -> ProtocolError:
    """Return the error for *what* is wrong with *element* (or with its *child* of that name)."""
    path = path_of(element)
    if child is not None:
        path = f"{path}/{child}" if path else child
    line = line_of(element)
    place = path or "the message"
    return ProtocolError(f"{place} {what} (line {line})", path=path, line=line, problem=problem)


_HARDENED: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


class _Parsers(threading.local):
    """A parser for each thread: creating one takes half as long as a small reply, sharing one makes threads wait."""

    def __init__(self) -> None:
        self.hardened = etree.XMLParser(recover=False, **_HARDENED)


_parsers = _Parsers()


def parse(data: bytes, *, max_tags: int = MAX_TAGS) -> Element:
    """Parse *data* without entities, DTD and network, and return the root element.

    No entity is resolved, no file or address is read, a DOCTYPE is refused, comments and processing
    instructions are dropped, libxml2's limits (256 levels, 10 MB a text) apply.

    Raises `ProtocolError` for what is not well-formed, has a DOCTYPE, is longer than `MAX_BYTES`, or has more
    than *max_tags* tags or attributes.
    """
    data = _checked(data, max_tags)
    try:
        root = etree.fromstring(data, _parsers.hardened)
    except (etree.XMLSyntaxError, LookupError, ValueError) as error:
        raise _unreadable(data, error) from None
    _refuse_doctype(root)
    return root


def parse_in_pieces(data: bytes, tag: str, look: Callable[[Element | None], object]) -> Element:
    """Parse as `parse` does, but piece by piece: after each, *look* is given the newest element with *tag*, or None.

    It may remove all children but the last of what it is given: so a long list is never in memory as a whole,
    where it takes ten times the length of its text.
    """
    data = _checked(data, MAX_TAGS)
    parser = etree.XMLPullParser(("start",), tag=tag, **_HARDENED)
    newest: Element | None = None
    try:
        for at in range(0, len(data), _CHUNK):
            parser.feed(data[at : at + _CHUNK])
            for _, element in parser.read_events():
                newest = cast("Element", element)
            look(newest)
        root = parser.close()
    except (etree.XMLSyntaxError, LookupError, ValueError) as error:
        raise _unreadable(data, error) from None
    _refuse_doctype(root)
    return root


def _checked(data: bytes, max_tags: int) -> bytes:
    if not isinstance(data, bytes):
        raise TypeError(f"XML is parsed from bytes, not from {type(data).__name__}: encode it first")
    if len(data) > MAX_BYTES:
        raise _malformed(f"the message is {len(data)} bytes long, more than the {MAX_BYTES} allowed")
    for mark, what in ((b"<", "tags"), (b"=", "attributes")):  # each costs memory, however short
        if len(data) > max_tags and data.count(mark) > max_tags:
            raise _malformed(f"the message has more than {max_tags} {what}")
    if data[:1].isspace():  # some PHP scripts print a line before the declaration
        data = data.lstrip()
    return data


def elements_of_beginning(data: bytes) -> Iterator[tuple[str, Element]]:
    """Give the elements that *data*, the beginning of a document, holds: each as `"start"` and as `"end"`.

    It is parsed piece by piece, so whoever stops asking has paid for no more than they looked at. Raises
    `ProtocolError` as `parse` does, but not for a document that is cut.
    """
    data = data.lstrip()
    parser = etree.XMLPullParser(("start", "end"), **_HARDENED)
    first = True
    for at in range(0, len(data), _PIECE):
        try:
            parser.feed(data[at : at + _PIECE])
            found = cast("list[tuple[str, Element]]", list(parser.read_events()))
        except (etree.XMLSyntaxError, LookupError, ValueError) as error:
            raise _unreadable(data, error) from None
        for event, element in found:
            if first:
                _refuse_doctype(element)
                first = False
            yield event, element
    if first:
        raise _malformed("the message has no element where it begins")


def _refuse_doctype(root: Element) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise _malformed("the message has a DOCTYPE, which SOAP forbids")


def _unreadable(data: bytes, error: Exception) -> ProtocolError:
    if not isinstance(error, etree.XMLSyntaxError):
        return _malformed(f"the message cannot be decoded: {error}")
    if not data:
        return _malformed("the message is empty")
    reason = _QUOTED.sub(_hidden, (error.msg or "no reason given").splitlines()[0])
    return _malformed(f"the message is not well-formed XML: {reason}", line=error.lineno)


def _hidden(quoted: re.Match[str]) -> str:
    """Hide what libxml2 quotes, which may be private, except expected punctuation and HTML entities."""
    text = quoted[0][1:-1]
    return quoted[0] if f"{text};" in html5 or not re.search(r"\w", text) else "'***'"


def _malformed(what: str, *, line: int | None = None) -> ProtocolError:
    return ProtocolError(what, line=line, problem="malformed")


def is_nil(element: Element) -> bool:
    """Return whether *element* is marked `xsi:nil`."""
    for name, value in element.items():  # quicker than get()
        if name == XSI_NIL:
            return value.strip() in ("true", "1")
    return False


def only_child(element: Element, *, what: str) -> Element:
    """Return the one child of *element*; `ProtocolError` if there is none or more than one."""
    children = children_of(element)
    if len(children) != 1:
        names = ", ".join(local_name(child) for child in children[:5]) or "none"
        raise ProtocolError(
            f"{what} holds {len(children)} elements where exactly one is expected: {names}",
            path=path_of(element),
            line=line_of(element),
            problem="malformed",
        )
    return children[0]
