"""Checks of the elements against their declarations: names, order, types, and what must be there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import attrs

from marketo_soap.debug.checks.message import HEADERS, LenientRequest
from marketo_soap.debug.checks.report import Check, fail, warn
from marketo_soap.errors import ProtocolError
from marketo_soap.wire.fields import Field, declared, is_enum, is_record
from marketo_soap.wire.tree import Child, Part, folded, lookup, namespace_of, shown
from marketo_soap.wire.values import reader_of
from marketo_soap.wire.xml import MKTOWS, is_nil, line_of, local_name

_EXPECTED = {
    int: "a 32-bit integer, in plain digits",
    bool: "true or false",
    datetime: "a dateTime, such as 2013-08-05T16:34:19-07:00",
}
_HOW = 'write what is below the message elements without prefix, and xmlns="" under a default xmlns'


def qualified_elements(message: LenientRequest) -> Iterator[Check]:
    """Look for namespaces where the schema has none."""
    first: dict[str, Child] = {}
    counts: Counter[str] = Counter()
    for part in message.parts():
        for child in part.children():
            if uri := namespace_of(child.element):
                first.setdefault(uri, child)
                counts[uri] += 1
    for uri, child in first.items():
        which = f"<{shown(child.name)}>"
        which += " is" if counts[uri] == 1 else f" and {counts[uri] - 1} more are"
        if uri == MKTOWS:
            yield warn(f"{which} in the service's namespace: servers let that pass, the schema does not; {_HOW}", child)
        else:
            yield fail(f"{which} in a namespace that is not the service's: {_HOW}", child)


def repeated_elements(message: LenientRequest) -> Iterator[Check]:
    """Look for elements that appear twice."""
    seen: set[str] = set()
    for element in message.headers:
        name = local_name(element)
        if name in HEADERS and name in seen:
            yield fail(f"<{name}> appears twice in the header: keep one", line=line_of(element))
        seen.add(name)
    for part in message.parts():
        if part.is_list:
            continue
        seen = set()
        for child in part.children():
            if child.field is not None and not child.field.is_bare_list:
                if child.name in seen:
                    yield fail(f"<{child.name}> appears twice: keep one", child)
                seen.add(child.name)


def order(message: LenientRequest) -> Iterator[Check]:
    """Compare the order of the elements with the schema's."""
    for part in message.parts():
        places = {name: place for place, name in enumerate(part.declared)}
        highest, last = -1, ""
        for child in part.children():
            place = places.get(child.name, highest)
            if place < highest:
                wanted = ", ".join(part.declared)
                yield warn(
                    f"<{child.name}> comes after <{last}>: the real server took any order, the schema's is {wanted}",
                    child,
                )
                break
            if child.field is not None:
                highest, last = place, child.name


def ignored_elements(message: LenientRequest) -> Iterator[Check]:
    """Look for elements that no server reads, most of all those in the wrong case."""
    homes = dict(_homes(message.operation, message.operation.params_name))
    for element in message.headers:
        name, line = local_name(element), line_of(element)
        if name not in HEADERS:
            meant = lookup(HEADERS).get(folded(name))
            text = f"the header <{shown(name)}> is ignored"
            yield fail(f"{text}: write <{meant}>", line=line) if meant else warn(text, line=line)
    for part in message.parts():
        similar = lookup(part.declared)
        for child in part.children():
            if child.field is None:
                yield _ignored(child, similar.get(folded(child.name)), homes.get(child.name))


def _ignored(child: Child, meant: str | None, home: str | None) -> Check:
    text = f"<{shown(child.name)}> is ignored by the server, without an error"
    if meant is not None:
        return fail(f"{text}: write <{meant}>", child)
    if home is not None:
        return fail(f"{text}: it belongs in <{home}>", child)
    return warn(f"{text}: remove it, or correct its name", child)


def _homes(cls: type[Any], name: str) -> Iterator[tuple[str, str]]:
    """Every declared element below *name*, with the element that it belongs into."""
    for field in declared(cls):
        home = name
        for inner in (field.el.name, *field.items):
            yield inner, home
            home = inner
        for kind in field.choices or ((field.type,) if is_record(field.type) else ()):
            yield from _homes(kind, home)


def types(message: LenientRequest) -> Iterator[Check]:
    """Look if integers, booleans and enumerations are such."""
    for part in message.parts():
        if (part.element.text or "").strip():
            yield fail(
                f"<{part.name}> holds text where elements are expected: if it is markup that was escaped, write it as "
                "elements",
                part,
            )
        for child in part.children():
            if child.field is not None and not (child.field.items or is_record(child.field.type)):
                yield from _type(child, child.field)


def _type(child: Child, field: Field) -> Iterator[Check]:
    if len(child.element):
        yield fail(f"<{child.name}> holds elements where text is expected", child)
        return
    try:
        value = reader_of(field)(child.element)
    except ProtocolError:
        yield fail(f"<{child.name}> must be {_EXPECTED[field.type]}", child)
        return
    if value in (None, ""):
        if is_nil(child.element) and not field.el.nillable:
            yield warn(
                f"<{child.name}> is nil, which the schema does not allow: give it a value or leave it out", child
            )
    elif is_enum(field.type) and not isinstance(value, field.type):
        choices = ", ".join(str(member.value) for member in field.type)
        yield fail(f"<{child.name}> must be one of {choices}, written like that ({field.el.invalid})", child)
    elif isinstance(value, bool) and child.text != child.text.lower():
        yield warn(f"<{child.name}> is spelt with capitals: write true or false in lower case", child)


def required_fields(message: LenientRequest) -> Iterator[Check]:
    """Look for what must be there and is not."""
    parts = message.parts()
    if not any(local_name(element) == HEADERS[0] for element in message.headers):
        yield fail("there is no AuthenticationHeader in the SOAP header: every call needs one")
    for part in parts:
        if not part.is_list:
            yield from _required(part)


def _required(part: Part) -> Iterator[Check]:
    children = {child.name: child for child in part.children() if child.field is not None}
    for name, field in part.declared.items():
        if field.optional and not field.required:
            continue
        child = children.get(name)
        if child is None and field.default is not attrs.NOTHING:
            default = str(field.default).lower()
            yield warn(f"<{name}> is missing: the real server took {default}, the schema requires it", part)
        elif child is None:
            yield fail(f"<{name}> is missing: it is required", part)
        elif field.items or child.given or len(child.element) or (field.none_allowed and is_nil(child.element)):
            continue
        elif part.name == HEADERS[0] or field.type is not str:
            yield fail(f"<{name}> is empty: it must have a value", child)
