"""Differences in the markup of two messages, and in their ignored elements."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, cast

from marketo_soap.debug.compare.meaning import SIGNED, Message
from marketo_soap.envelope import Reply, Request
from marketo_soap.errors import Fault
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.tree import Ignored, ignored_elements
from marketo_soap.wire.xml import MKTOWS, Element, children_of, local_name, parse

_MOST = 5  # names in one remark

_TOKEN = re.compile(
    r"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?\]\]>|<(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+>|[^<]++|<", re.DOTALL
)
_DECLARES = re.compile(r"\bxmlns(?::[^\s=]++)?\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+')")
_PROLOG = re.compile(r"(\ufeff)?+(\s*+)(<\?xml\s.*?\?>)?+(.*)", re.DOTALL)
_RUN = re.compile(r"(\s)\1+")

Place: TypeAlias = int


class Places:
    """A number for each position of an element, the same in both messages."""

    def __init__(self) -> None:
        self.labels = [""]
        self._numbers: dict[tuple[Place, str], Place] = {}

    def number(self, parent: Place, element: Element) -> Place:
        """Return the number of *element* in the element at *parent*."""
        name = label = local_name(element)
        if name == "attribute":  # distinguished by field name, not by position
            field = next((child.text or "" for child in children_of(element) if local_name(child) == "attrName"), "")
            name = label = f"attribute {field}"
        elif self.labels[parent].startswith("attribute "):
            label = f"{name} of {self.labels[parent].removeprefix('attribute ')}"
        if (parent, name) not in self._numbers:
            self._numbers[parent, name] = len(self.labels)
            self.labels.append(label)
        return self._numbers[parent, name]


class Written:
    """The markup of one message. Its elements are `(place, text, XML attributes)`, in order."""

    def __init__(self, data: bytes, message: Message, places: Places) -> None:
        root = parse(data)
        self.encoding = (root.getroottree().docinfo.encoding or "UTF-8").upper()
        self.prefixes: set[tuple[str, str | None]] = set()
        self.elements = list(self._elements(root, places))
        self.ignored = list(_ignored(root, message))
        try:
            text = data.decode(self.encoding, "replace")
        except (LookupError, UnicodeError):  # libxml2 supports more encodings than Python
            text = data.decode("latin-1")
        mark, before, self.declaration, markup = cast("re.Match[str]", _PROLOG.fullmatch(text)).groups("")
        if mark:
            self.encoding += " with a byte order mark"
        self.gaps = Counter([before] if before else [])
        self.texts: Counter[str] = Counter()
        self.tags: Counter[str] = Counter()
        self.declares: Counter[str] = Counter()
        self.asides: Counter[str] = Counter()
        self.empties = 0
        self._take(token[0] for token in _TOKEN.finditer(markup))

    def _elements(self, root: Element, places: Places) -> Iterator[tuple[Place, str, tuple[Any, ...]]]:
        waiting = [(0, root)]
        while waiting:
            parent, element = waiting.pop()
            place = places.number(parent, element)
            self.prefixes.add((element.tag.rpartition("}")[0], element.prefix))
            children = children_of(element)
            text = element.text or ""
            if children:
                text = "".join([text, *(child.tail or "" for child in children)]).strip()
                waiting.extend((place, child) for child in reversed(children))
            yield place, text, tuple(sorted(element.items()))

    def _take(self, tokens: Iterable[str]) -> None:
        """Count the tokens of the markup. White space is a gap, unless it is the whole content of an element."""
        opened, held = False, ""
        for token in tokens:
            if token[0] != "<":
                held = token
                continue
            if token.startswith(("<!--", "<?")):
                self.asides[token] += 1
            elif token.startswith("<!["):
                self.texts[token] += 1
            else:
                ends = token.startswith("</")
                if held and (held.strip() or (opened and ends)):
                    self.texts[held] += 1
                elif held:
                    self.gaps[held] += 1
                opened = not ends and not token.endswith("/>")
                self._take_tag(token, ends)
                held = ""
        if held:
            self.gaps[held] += 1

    def _take_tag(self, token: str, ends: bool) -> None:
        if token.endswith("/>"):
            self.empties += 1
        if not ends:
            self.tags[token.removesuffix(">").removesuffix("/")] += 1
            if "xmlns" in token:
                self.declares.update("".join(name.split()).replace("'", '"') for name in _DECLARES.findall(token))


def remarks(old: tuple[bytes, Message], new: tuple[bytes, Message], *, same: bool) -> tuple[str, ...]:
    """Describe how the markup of two messages differs, without values.

    If they mean the *same*, every kind of difference is named. If not, only those that do not follow from the
    meaning: the style, the order, and the elements that Marketo ignores.
    """
    places = Places()
    a, b = Written(*old, places), Written(*new, places)
    found = [*_of_style(a, b, same), *_of_order(a, b, places)]
    if same:
        found += [*_of_markup(a, b), *_of_unread(a, b, places)]
    found += _of_ignored(a.ignored, b.ignored)
    return tuple(found) or (("the bytes differ in another way",) if same else ())


def _of_style(a: Written, b: Written, same: bool) -> Iterator[str]:
    if a.encoding != b.encoding:
        yield f"the encodings differ: {a.encoding}, {b.encoding}"
    elif a.declaration != b.declaration:
        yield "the XML declarations differ"
    if a.prefixes != b.prefixes:
        yield "the namespace prefixes differ"
    if (a.gaps != b.gaps) if same else (_sorts(a.gaps) != _sorts(b.gaps)):
        yield "the white space between elements differs"


def _sorts(gaps: Iterable[str]) -> set[str]:
    """Return the kinds of white space, ignoring the depth of indentation."""
    return {_RUN.sub(r"\1", gap) for gap in gaps}


def _of_order(a: Written, b: Written, places: Places) -> Iterator[str]:
    first, second = _numbered(a), _numbered(b)
    common = set(first) & set(second)
    pairs = zip((key for key in first if key in common), (key for key in second if key in common), strict=True)
    for (old, _), (new, _) in (pair for pair in pairs if pair[0] != pair[1]):
        yield f"moved: {places.labels[old]} now comes after {places.labels[new]}"
        return


def _numbered(written: Written) -> list[tuple[Place, int]]:
    """Return the places in order, with a count for those that repeat."""
    seen: Counter[Place] = Counter()
    keys = []
    for place, _, _ in written.elements:
        seen[place] += 1
        keys.append((place, seen[place]))
    return keys


def _of_markup(a: Written, b: Written) -> Iterator[str]:
    if a.asides != b.asides:
        yield "comments or processing instructions differ"
    texts = (a.texts - b.texts) + (b.texts - a.texts)
    if any("&" in text or "\r" in text or text.startswith("<!") for text in texts):
        yield "text is escaped differently (references, CDATA, line ends)"
    if a.empties != b.empties:
        yield "empty elements are written differently (<a/>, <a></a>)"
    if a.prefixes != b.prefixes:
        return  # then all tags differ
    if a.declares != b.declares:
        yield "namespaces are declared elsewhere or differently"
    elif a.tags != b.tags and sorted(map(_bare, a.tags.elements())) == sorted(map(_bare, b.tags.elements())):
        yield "quotes, white space or the order of XML attributes differ inside tags"


def _bare(tag: str) -> str:
    """Return a tag without quotes, white space and order."""
    return "".join(sorted(tag.replace("'", '"').translate({9: None, 10: None, 13: None, 32: None})))


def _of_unread(a: Written, b: Written, places: Places) -> Iterator[str]:
    """Yield differences in elements whose values are equal."""
    first, second = Counter(a.elements), Counter(b.elements)
    here, there = ({place: None for place, _, _ in one - other} for one, other in ((first, second), (second, first)))
    ignored = {ignored.name for ignored in (*a.ignored, *b.ignored)}
    on_both = [places.labels[place] for place in here if place in there]
    on_one = [places.labels[place] for place in here | there if not (place in here and place in there)]
    for what, labels in (
        ("not compared", [label for label in on_both if label in SIGNED]),
        ("spelled differently", [label for label in on_both if label not in SIGNED | ignored]),
        ("on one side only, or nil (no difference in meaning)", [name for name in on_one if name not in ignored]),
    ):
        if labels:
            yield f"{what}: {_some(labels)}"


def _some(labels: list[str]) -> str:
    more = f" and {len(labels) - _MOST} more" if len(labels) > _MOST else ""
    return ", ".join(labels[:_MOST]) + more


def _of_ignored(old: list[Ignored], new: list[Ignored]) -> Iterator[str]:
    both = Counter(old) & Counter(new)
    for where, found in (("both", both), ("the old one", Counter(old) - both), ("the new one", Counter(new) - both)):
        shown = [f"{where}: {ignored}" for ignored in list(found)[:_MOST]]
        yield from shown
        if len(found) > _MOST:
            yield f"{where}: {len(found) - _MOST} more elements are ignored by Marketo"


def _ignored(root: Element, message: Message) -> Iterator[Ignored]:
    """Yield the elements of a message that are ignored."""
    if isinstance(message, Fault):
        return
    known = {
        f"{{{MKTOWS}}}AuthenticationHeader": AuthenticationHeader,
        f"{{{MKTOWS}}}MktowsContextHeader": MktowsContextHeader,
    }
    if isinstance(message, Request):
        known[type(message.operation).params_tag] = type(message.operation)
    elif isinstance(message, Reply):
        known |= dict.fromkeys(message.operation_type.reply_tags, message.operation_type.result_type)
    for part in children_of(root):
        for element in children_of(part):
            for child in [element] if element.tag in known else children_of(element):
                if child.tag in known:
                    yield from ignored_elements(known[child.tag], child)
