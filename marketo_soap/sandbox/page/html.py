"""HTML as a tree of elements: what is text stays text, however it is spelled."""

from __future__ import annotations

from typing import TypeAlias

from lxml import etree

from marketo_soap.wire.xml import Element, replace_illegal

Child: TypeAlias = Element | str | None


def h(tag: str, *children: Child, **attributes: str | bool | None) -> Element:
    """Make an element of its children: elements, texts, and nothing for None.

    Attribute names are written as Python has them: `class_`, `aria_label`. True is an attribute without a value,
    False and None leave it out.
    """
    if children and tag in ("script", "style"):  # the only elements whose text is not escaped
        raise ValueError(f"<{tag}> has no content here")
    element = etree.Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            text = "" if value is True else replace_illegal(value)
            element.set(name.rstrip("_").replace("_", "-"), text)
    return add(element, *children)


def add(element: Element, *children: Child) -> Element:
    """Append children to an element, and return it."""
    last = next(element.iterchildren(reversed=True), None)  # len() and indices count all children, each time
    texts: list[str] = []  # after the last element: lxml copies a text that is added to another
    for child in children:
        if isinstance(child, str):
            texts.append(child)
        elif child is not None:
            _add_text(element, last, texts)
            element.append(child)
            last, texts = child, []
    _add_text(element, last, texts)
    return element


def _add_text(element: Element, last: Element | None, texts: list[str]) -> None:
    text = replace_illegal("".join(texts))
    if text and last is not None:
        last.tail = (last.tail or "") + text
    elif text:
        element.text = (element.text or "") + text


def document(root: Element) -> bytes:
    """Write a whole page, in UTF-8."""
    return etree.tostring(root, method="html", encoding="unicode", doctype="<!DOCTYPE html>").encode()
