"""Checks of the values: the rules of the operation, a lead's keys and attributes, and values that look wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from marketo_soap.debug.checks.message import LenientRequest
from marketo_soap.debug.checks.report import Check, Skipped, fail, passed, warn
from marketo_soap.operations.lead_identity import LeadIdentity, broken_lead_rules
from marketo_soap.records.lead import MatchKey, filled
from marketo_soap.records.lead_fields import standard_fields
from marketo_soap.wire.fields import is_enum
from marketo_soap.wire.tree import Child, Part, folded, lookup, shown

_KEYS = ("Id", "ForeignSysPersonId", "Email")
_COOKIE = re.compile(r"id:[\w-]+&token:_mch-[^\s&]+-[0-9]+-[0-9]+")
_ESCAPED = re.compile(r"&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
_MISREAD = re.compile("\u00c3[\u0080-\u00bf\u0192\u201a]|\u00c2[\u00a0-\u00bf]|\u00e2\u20ac|\ufffd")
_NOTHING = {"null", "none", "nil", "undefined", "nan", "[object object]"}


# -- keys ---------------------------------------------------------------------------------------------


def rules(message: LenientRequest) -> Iterator[Check]:
    """Report the rules that the values of the call break; those of a lead have checks of their own."""
    lead = message.params.part("leadRecord")
    for violation in message.call.violations():
        place = message.place_of(violation)
        if not (lead and place.path.startswith(lead.path)) and not _is_type(place):
            yield fail(f"{violation.message} ({violation.code})", place)


def _is_type(place: Child | Part) -> bool:
    """Whether it is an enumeration: the check of types looks at its value."""
    return isinstance(place, Child) and place.field is not None and is_enum(place.field.type) and place.given


def identity(message: LenientRequest) -> Iterator[Check]:
    """Look at the keys that the lead is matched by."""
    lead, record = message.lead, message.lead_record
    cookie = message.params.child("marketoCookie")
    keys = LeadIdentity.of(record, None if cookie is None else cookie.text)
    if keys.new_email:
        text = "the attribute 'Email' differs from <Email>: by the documents it is the lead's new address"
        yield warn(f"{text}, but no recording shows that", _email_attribute(lead))
    for child in lead.children():
        if child.field is not None and child.name in _KEYS and child.element.text is not None and not child.given:
            yield warn(f"<{child.name}> is empty: leave it out, an empty key is none", child)
    path = f"{message.operation.params_name}/{lead.name}"
    wrong = list(broken_lead_rules(record, bool(keys), path))
    for violation in broken_lead_rules(record, bool(keys), path, foreign_type_alone="fault"):
        place = message.place_of(violation)
        if violation not in wrong:
            yield warn(violation.message, place)
        elif not _is_type(place):
            yield fail(f"{violation.message} ({violation.code})", place)
    if keys:
        by_attribute = keys.key is MatchKey.EMAIL and not filled(record.email)
        yield passed(f"the lead is matched by {'the attribute Email' if by_attribute else keys.key}")


def _email_attribute(lead: Part) -> Child | None:
    """The value of the last attribute Email."""
    listed = lead.part("leadAttributeList")
    value = None
    for part in () if listed is None else listed.parts():
        name = part.child("attrName")
        if name is not None and name.text == MatchKey.EMAIL:
            value = part.child("attrValue")
    return value


def cookie(message: LenientRequest) -> Iterator[Check]:
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


def attributes(message: LenientRequest) -> Iterator[Check]:
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


def _name(child: Child, seen: set[str]) -> Iterator[Check]:
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
                f"the attribute {shown(name)!r} is not a standard field: custom, or misspelt (then 20105)",
                child,
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


def values(message: LenientRequest) -> Iterator[Check]:
    """Look for text that is probably a mistake."""
    for part in message.params.parts():
        for child in part.children():
            if child.field is not None and child.field.type is str:
                yield from _value(child)
    lead = message.params.part("leadRecord")
    email = lead.child("Email") if lead is not None else None
    if email is not None and email.given and "@" not in email.text:
        yield warn("<Email> has no @: it is not an address", email)


def _value(child: Child) -> Iterator[Check]:
    text = child.text
    if child.name != "marketoCookie" and _ESCAPED.search(text):
        yield warn(f"<{child.name}> is escaped twice: after reading, it still holds a reference like &amp;", child)
    if _MISREAD.search(text):
        yield warn(f"<{child.name}> holds UTF-8 that was read as Latin-1, or a lost character: check its source", child)
    if text.strip().lower() in _NOTHING:
        yield warn(
            f"<{child.name}> holds a word for no value, such as null: leave the element out, or empty the attribute",
            child,
        )
    if child.name != "attrValue" and text != text.strip() and text.strip():
        yield warn(f"<{child.name}> has white space around its text: remove it", child)
