"""Checks of the lead: what it is known by, its attributes, and values that look wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from marketo_soap.debug.checks.message import Message
from marketo_soap.debug.checks.report import Finding, Skipped, Verdict, fail, warn
from marketo_soap.records.lead import MatchKey
from marketo_soap.records.lead_fields import standard_fields
from marketo_soap.wire.tree import Child, Part, folded, lookup, shown

__all__ = ["attributes", "cookie", "identity", "values"]

_KEYS = ("Id", "ForeignSysPersonId", "marketoCookie", "Email")
_COOKIE = re.compile(r"id:[\w-]+&token:_mch-[^\s&]+-[0-9]+-[0-9]+")
_ESCAPED = re.compile(r"&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
_MISREAD = re.compile("\u00c3[\u0080-\u00bf\u0192\u201a]|\u00c2[\u00a0-\u00bf]|\u00e2\u20ac|\ufffd")
_NOTHING = {"null", "none", "nil", "undefined", "nan", "[object object]"}


# -- keys ---------------------------------------------------------------------------------------------


def _keys(message: Message) -> dict[str, Child]:
    """The keys that hold a value, strongest first."""
    found: dict[str, Child] = {}
    for part in (message.lead, message.params):
        for child in part.children():
            if child.name in _KEYS and child.field is not None and child.given:
                found.setdefault(child.name, child)
    return {name: found[name] for name in _KEYS if name in found}


def identity(message: Message) -> Iterator[Finding]:
    """Look at the keys that the lead is matched by."""
    lead = message.lead
    keys = _keys(message)
    if (attribute := _email_attribute(lead)) is not None:
        email = keys.setdefault(MatchKey.EMAIL, attribute)
        if email.text.strip().lower() != attribute.text.strip().lower():
            text = "the attribute 'Email' differs from <Email>: by the documents it is the lead's new address"
            yield warn(f"{text}, but no recording shows that", attribute)
    yield from _foreign(lead)
    for child in lead.children():
        if child.field is not None and child.name in _KEYS and child.element.text is not None and not child.given:
            yield warn(f"<{child.name}> is empty: leave it out, an empty key is none", child)
    if (number := keys.get("Id")) is not None and re.fullmatch(r"\s*(?:-[0-9]+|\+?0+)\s*", number.text):
        yield fail("<Id> must be positive: it is the lead's number in Marketo (20110)", number)
    if not keys:
        yield fail("the lead has no key: give Id, Email, ForeignSysPersonId or a marketoCookie (20101)", lead)
    else:
        key = next(iter(keys))
        what = "the attribute Email" if keys[key].name == "attrValue" else key
        yield Finding(Verdict.PASS, f"the lead is matched by {what}")


def _email_attribute(lead: Part) -> Child | None:
    """The value of the last attribute Email, if it has one."""
    listed = lead.part("leadAttributeList")
    value = None
    for part in () if listed is None else listed.parts():
        name = part.child("attrName")
        if name is not None and name.text == MatchKey.EMAIL:
            value = part.child("attrValue")
    return value if value is not None and value.given else None


def _foreign(lead: Part) -> Iterator[Finding]:
    person, system = lead.child("ForeignSysPersonId"), lead.child("ForeignSysType")
    has_person, has_system = (child is not None and child.given for child in (person, system))
    if has_person and not has_system:
        yield fail("<ForeignSysPersonId> needs <ForeignSysType>: CUSTOM, SFDC or NETSUITE (20109)", person)
    if has_system and not has_person:
        yield warn(
            "<ForeignSysType> stands alone and means nothing: give <ForeignSysPersonId>, or leave both out", system
        )


def cookie(message: Message) -> Iterator[Finding]:
    """Look at the form of the Munchkin cookie."""
    child = message.params.child("marketoCookie")
    if child is None or not child.given:
        raise Skipped("there is no marketoCookie")
    text = child.text.strip()
    if _COOKIE.fullmatch(text):
        return
    hint = "give the whole value of the cookie _mkto_trk, id:...&token:_mch-..."
    if "%3A" in text.upper():
        hint = "it is URL-encoded: decode it"
    elif "&amp;" in text:
        hint = "its & is escaped twice: write &amp; in the XML and no more"
    elif text.startswith(("token:", "_mch-")):
        hint = "its beginning is missing: it starts with id:"
    yield warn(f"<marketoCookie> does not have the form of a Munchkin cookie: {hint}", child)


# -- attributes ---------------------------------------------------------------------------------------


def attributes(message: Message) -> Iterator[Finding]:
    """Look at the names in the attribute list."""
    listed = message.lead.part("leadAttributeList")
    if listed is None:
        raise Skipped("there is no leadAttributeList")
    seen: set[str] = set()
    for child in listed.parts():
        name = None if child is listed else child.child("attrName")
        if name is not None:
            yield from _name(name, seen)
            seen.add(name.text)


def _name(child: Child, seen: set[str]) -> Iterator[Finding]:
    name = child.text
    if not name.strip():
        yield fail("<attrName> is empty: name the field, or drop the attribute (20109)", child)
    elif name in seen:
        yield warn(f"the attribute {shown(name)!r} is given again: the last one wins, keep one", child)
    elif name == "Id":
        yield warn("the attribute 'Id' cannot be written: use the element <Id> as key", child)
    elif name not in _soap_names():
        meant = _similar_names().get(folded(name))
        if meant is not None:
            yield fail(f"the attribute {shown(name)!r} is unknown (20105): did you mean {meant!r}?", child)
        else:
            yield warn(
                f"the attribute {shown(name)!r} is no standard field: a custom field, or misspelt (then 20105)", child
            )


@cache
def _soap_names() -> frozenset[str]:
    return frozenset(known.soap_name for known in standard_fields().values() if known.soap_name is not None)


@cache
def _similar_names() -> dict[str, str]:
    """The SOAP names by what people write instead: the REST name, the label, another case."""
    known = [field for field in standard_fields().values() if field.soap_name is not None]
    by_label = {folded(field.label): str(field.soap_name) for field in known}
    by_rest_name = {folded(field.rest_name): str(field.soap_name) for field in known}
    return by_label | by_rest_name | lookup(_soap_names())


# -- values -------------------------------------------------------------------------------------------


def values(message: Message) -> Iterator[Finding]:
    """Look for texts that no person meant."""
    for part in message.params.parts():
        for child in part.children():
            if child.field is not None and child.field.type is str:
                yield from _value(child)
    email = message.lead.child("Email")
    if email is not None and email.given and "@" not in email.text:
        yield warn("<Email> holds no @: it is no address", email)


def _value(child: Child) -> Iterator[Finding]:
    text = child.text
    if child.name != "marketoCookie" and _ESCAPED.search(text):
        yield warn(f"<{child.name}> is escaped twice: after reading, it still holds a reference like &amp;", child)
    if _MISREAD.search(text):
        yield warn(f"<{child.name}> holds UTF-8 that was read as Latin-1, or a lost character: check its source", child)
    if text.strip().lower() in _NOTHING:
        yield warn(
            f"<{child.name}> holds a program's word for nothing: leave the element out, or empty an attribute", child
        )
    if child.name != "attrValue" and text != text.strip() and text.strip():
        yield warn(f"<{child.name}> has white space around its text: remove it", child)
