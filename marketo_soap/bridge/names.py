"""Names of lead fields: from SOAP's to REST's, by what the instance describes and by what is known. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from attrs import frozen

from marketo_soap.bridge.codes import refusal
from marketo_soap.bridge.rest import RestReply
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.records.lead_fields import NOT_RETURNED, LeadField, standard_fields
from marketo_soap.wire.xml import replace_illegal

__all__ = ["Catalogue", "Found", "Names", "described", "names_of_reply"]


def described(records: Iterable[Mapping[str, Any]]) -> tuple[LeadField, ...]:
    """Read the fields of a describe reply: those that REST offers; `soap_name` is None where SOAP did not."""
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


class Catalogue:
    """Fields, found by their names in either API."""

    def __init__(self, fields: Iterable[LeadField]) -> None:
        self.fields = tuple(fields)
        self.by_rest_name = {each.rest_name: each for each in self.fields}
        named = [(each.soap_name, each) for each in self.fields if each.soap_name is not None]
        self._by_soap_name = [(spelling, _unambiguous(named, spelling)) for spelling in (str, str.lower, _squeezed)]

    def find(self, soap_name: str) -> LeadField | None:
        """Return the field of a SOAP name: as it stands, in any case, or without its spaces."""
        for spelling, fields in self._by_soap_name:
            if found := fields.get(spelling(soap_name)):
                return found
        return None


def _squeezed(name: str) -> str:
    return name.replace(" ", "").lower()


def _unambiguous(
    named: Iterable[tuple[str, LeadField]], spelling: Callable[[str], str]
) -> Mapping[str, LeadField | None]:
    """Fields by a spelling of their names; None where two fields share one: nothing is guessed."""
    found: dict[str, LeadField | None] = {}
    for name, each in named:
        found[spelling(name)] = None if spelling(name) in found else each
    return found


@frozen
class Found:
    """The field that an attrName means; `guessed` if no source knows it."""

    field: LeadField
    guessed: bool = False


class Names:
    """What an instance's fields are called, by the sources that the settings name.

    *instance* is what it described of itself, or did when that was kept in a file; None if neither is there.
    `refused` says why it did not describe itself now, if it did not.
    """

    def __init__(self, settings: BridgeSettings, instance: Catalogue | None, *, refused: str = "") -> None:
        self.instance = instance
        self._overrides = settings.attribute_names
        self._catalogues = [] if instance is None else [instance]
        if "standard" in settings.field_sources:
            self._catalogues.append(_standard())
        self._guesses = "first_letter" in settings.field_sources
        self.refused = refused

    def find(self, attr_name: str) -> Found | None:
        """Return the field that a SOAP attrName means, or None. Order: `BridgeSettings`, then a REST name."""
        name = attr_name.strip()
        if override := self._overrides.get(name):
            return Found(self.of_rest(override))
        for catalogue in self._catalogues:
            if found := catalogue.find(name):
                return Found(found)
        for catalogue in self._catalogues:
            if found := catalogue.by_rest_name.get(name):
                return Found(found)
        if self._guesses and name:
            return Found(self.of_rest(name[0].lower() + name[1:]), guessed=True)
        return None

    def of_rest(self, rest_name: str) -> LeadField:
        """Return the field of a REST name; one without a type if no source has it."""
        for catalogue in self._catalogues:
            if found := catalogue.by_rest_name.get(rest_name):
                return found
        return LeadField(rest_name, None, "", "")

    @property
    def readable(self) -> tuple[LeadField, ...]:
        """The fields that a lead is returned with: those that SOAP had and showed, of the best source there is."""
        fields = self._catalogues[0].fields if self._catalogues else ()
        return tuple(each for each in fields if each.soap_name is not None and each.rest_name not in NOT_RETURNED)


@cache
def _standard() -> Catalogue:
    return Catalogue(standard_fields().values())


_GONE = frozenset({"603", "605", "610", "616", "702", "703"})


def names_of_reply(
    settings: BridgeSettings, kept: Catalogue | None
) -> Callable[[RestReply, Names | None], tuple[Names, bool]]:
    """Return a reader of describe replies; *kept* is what a file has.

    What was described before stays good when the instance does not describe itself now. Where describe is gone
    or forbidden, and where a file can stand in for it, the other sources do: the vendor may withdraw it at any
    time. Else its refusal is raised, for it may soon be over.
    """

    def read(reply: RestReply, before: Names | None) -> tuple[Names, bool]:
        if reply.success and (fields := described(reply.result)):
            return Names(settings, Catalogue(fields)), True
        known = kept if before is None or before.instance is None else before.instance
        if not reply.success and known is None and reply.code not in _GONE:
            raise refusal(reply.errors[0], settings, level="response", unknown=20011)
        return Names(settings, known, refused=f"REST {reply.code}" if reply.code else "it named none"), False

    return read
