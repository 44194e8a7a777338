"""Names of lead fields: SOAP names to REST names, by the fields of the instance and the standard fields. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Literal, Self, TypeAlias

from attrs import frozen

from marketo_soap.bridge.codes import refused_call
from marketo_soap.bridge.rest import Lookup, RestReply
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.records.lead_fields import NOT_RETURNED, LeadField, standard_fields
from marketo_soap.wire.xml import replace_illegal

__all__ = [
    "DescribedInstance",
    "FieldIndex",
    "FoundField",
    "NameSource",
    "Names",
    "described",
    "names_from",
    "names_of_reply",
    "squeezed",
]


def described(records: Iterable[Mapping[str, Any]]) -> tuple[LeadField, ...]:
    """Return the REST fields of a describe reply; `soap_name` is None for fields that SOAP did not have."""
    fields = []
    for record in records:
        rest_name, soap_name = (_name(record.get(api)) for api in ("rest", "soap"))
        if rest_name is not None:
            kind, label = (record.get(each) for each in ("dataType", "displayName"))
            fields.append(LeadField(rest_name, soap_name, _text(kind), _text(label)))
    return tuple(fields)


def _name(given: Any) -> str | None:
    return _text(given.get("name")) or None if isinstance(given, dict) else None


def _text(value: Any) -> str:
    return replace_illegal(value).strip() if isinstance(value, str) else ""


class FieldIndex:
    """Lead fields by their SOAP and REST names."""

    def __init__(self, fields: Iterable[LeadField]) -> None:
        self.fields = tuple(fields)
        self.by_rest_name = {each.rest_name: each for each in self.fields}
        named = [(each.soap_name, each) for each in self.fields if each.soap_name is not None]
        self._by_soap_name = [(spelling, _unambiguous(named, spelling)) for spelling in (str, str.lower, squeezed)]

    def find(self, soap_name: str) -> LeadField | None:
        """Return the field with this SOAP name: spelled exactly, in another case, or without its spaces."""
        for spelling, fields in self._by_soap_name:
            if found := fields.get(spelling(soap_name)):
                return found
        return None


def squeezed(name: str) -> str:
    """Return *name* without its spaces, in lower case."""
    return name.replace(" ", "").lower()


def _unambiguous(
    named: Iterable[tuple[str, LeadField]], spelling: Callable[[str], str]
) -> Mapping[str, LeadField | None]:
    """Return the fields by a spelling of their names; None for a spelling that two fields share."""
    found: dict[str, LeadField | None] = {}
    for name, each in named:
        found[spelling(name)] = None if spelling(name) in found else each
    return found


@frozen
class DescribedInstance:
    """The fields of a kept describe reply, and those that REST does not write. *source* is where it came from."""

    index: FieldIndex
    read_only: frozenset[str]
    source: Literal["describe", "file"] = "describe"

    @classmethod
    def read(cls, data: bytes, source: Literal["describe", "file"] = "describe") -> Self:
        """Read a reply of describe.json. Raises `ValueError` for anything else."""
        try:
            records = [each for each in json.loads(data)["result"] if isinstance(each, dict)]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError("not a reply of describe.json") from None
        fields = described(records)
        if not fields:
            raise ValueError("the reply of describe.json has no fields")
        locked = described(each for each in records if _is_read_only(each.get("rest")))
        return cls(FieldIndex(fields), frozenset(each.rest_name for each in locked), source)

    def __contains__(self, field: LeadField) -> bool:
        return field.rest_name in self.index.by_rest_name


def _is_read_only(rest: object) -> bool:
    return isinstance(rest, dict) and rest.get("readOnly") is True


@frozen
class FoundField:
    """The field of an attrName; `guessed` if no source knows the name."""

    field: LeadField
    guessed: bool = False


class Names:
    """The field names of an instance, from the sources that the settings name.

    *instance* has the fields of a describe reply, or of one kept in a file; None without either. *refused* is why
    the last describe call failed, "" if it did not.
    """

    def __init__(self, settings: BridgeSettings, instance: FieldIndex | None, *, refused: str = "") -> None:
        self.instance = instance
        self._overrides = settings.attribute_names
        self._sources = [] if instance is None else [instance]
        if "standard" in settings.field_sources:
            self._sources.append(_standard())
        self._guesses = "first_letter" in settings.field_sources
        self.refused = refused

    def find(self, attr_name: str) -> FoundField | None:
        """Return the field of a SOAP attrName, or None. Order: overrides, SOAP names, REST names, a guess."""
        name = attr_name.strip()
        if override := self._overrides.get(name):
            return FoundField(self.of_rest(override))
        for source in self._sources:
            if found := source.find(name):
                return FoundField(found)
        for source in self._sources:
            if found := source.by_rest_name.get(name):
                return FoundField(found)
        if self._guesses and name:
            return FoundField(self.of_rest(name[0].lower() + name[1:]), guessed=True)
        return None

    def of_rest(self, rest_name: str) -> LeadField:
        """Return the field with this REST name; one without a type if no source has it."""
        for source in self._sources:
            if found := source.by_rest_name.get(rest_name):
                return found
        return LeadField(rest_name, None, "", "")

    def of_label(self, label: str) -> LeadField | None:
        """Return the field with this display name, in any case. Order: overrides, then the sources."""
        if override := self._overrides.get(label):
            return self.of_rest(override)
        fields = (each for source in self._sources for each in source.fields)
        return next((each for each in fields if each.label.lower() == label.lower()), None)

    @property
    def readable(self) -> tuple[LeadField, ...]:
        """The fields of a returned lead: those that SOAP showed, from the first source."""
        fields = self._sources[0].fields if self._sources else ()
        return tuple(each for each in fields if each.soap_name is not None and each.rest_name not in NOT_RETURNED)


@cache
def _standard() -> FieldIndex:
    return FieldIndex(standard_fields().values())


_GONE = frozenset({"603", "605", "610", "616", "702", "703"})

NameSource: TypeAlias = Lookup[Names] | Names
"""The names themselves, or the step that reads them."""


def names_from(source: NameSource) -> Translation[Names]:
    """Return the names, reading them if they have not been."""
    return source if isinstance(source, Names) else (yield source)


def names_of_reply(
    settings: BridgeSettings, kept: FieldIndex | None
) -> Callable[[RestReply, Names | None], tuple[Names, bool]]:
    """Return a function that reads describe replies; *kept* has the fields of a file.

    If describe fails, earlier fields or those of the file are used. Without any, the other sources are used where
    describe is gone or forbidden (the vendor may withdraw it); any other error, which may be temporary, is raised.
    """

    def read(reply: RestReply, before: Names | None) -> tuple[Names, bool]:
        if reply.success and (fields := described(reply.result)):
            return Names(settings, FieldIndex(fields)), True
        known = kept if before is None or before.instance is None else before.instance
        if not reply.success and known is None and reply.code not in _GONE:
            raise refused_call(reply, settings)
        return Names(settings, known, refused=f"REST {reply.code}" if reply.code else "no fields"), False

    return read
