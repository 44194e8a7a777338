"""The fields of a lead as REST names them, and what they are called in the store, which goes by SOAP's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from marketo_soap.records.lead_fields import standard_fields
from marketo_soap.sandbox.rest.replies import RestCallError
from marketo_soap.sandbox.store.selections import KEYS
from marketo_soap.wire.xml import check_text

__all__ = ["Catalogue", "RestField"]

# Recorded: describe calls these writable. Chosen: a sync does not write them, as the server itself gives or ties them;
# that `id` names a lead is another matter.
_OWN = {"id", "isAnonymous", "cookies", "leadPartitionId"}
# Of the fields that bulk import looks leads up by, those that are on record here; `cookies` only as a filter (chosen).
_LOOKUP = {"id", "email", "twitterId", "facebookId", "linkedInId"}
# By the types of the keys. The name of LEADOWNEREMAIL is chosen: REST has no filter by it, so any name does.
_LEAD_KEYS = {name.upper(): name[0].lower() + name[1:] for name in KEYS}
_LOOKUP_TYPES = {"string", "email", "integer"}  # of custom fields


@frozen
class RestField:
    """A field: its REST name, its SOAP name (None: SOAP never had it), type and label.

    *read_only*: describe says so; *lookup*: a lead may be looked up by it.
    """

    name: str
    soap_name: str | None
    type: str
    label: str
    read_only: bool = False
    lookup: bool = False

    @property
    def kept(self) -> str:
        """Its name among a stored lead's attributes."""
        return self.soap_name or self.name

    @property
    def written(self) -> bool:
        """Whether a sync writes it."""
        return not self.read_only and self.name not in _OWN

    @property
    def filter(self) -> bool:
        """Whether a filter may go by it."""
        return self.lookup or self.name == "cookies"


class Catalogue:
    """Every field that REST knows, by its name; *open_to_all*: any other name is a field of text too.

    A custom field has one name in both APIs. One that bears a standard field's SOAP name gives that its type.
    *lead_keys* are the SOAP names of the fields that hold keys, by the types of the keys.
    """

    def __init__(self, custom: Mapping[str, str], lead_keys: Mapping[str, str], *, open_to_all: bool = False) -> None:
        self._open = open_to_all
        self._fields: dict[str, RestField] = {}
        standard = standard_fields().values()
        for f in standard:
            kind = custom.get(f.soap_name or "", f.type or "string")  # chosen: where no type is on record
            self._fields[f.rest_name] = RestField(
                f.rest_name, f.soap_name, kind, f.label, f.read_only, f.rest_name in _LOOKUP
            )
        for key_type, soap_name in lead_keys.items():
            name, kind = _LEAD_KEYS[key_type], custom.get(soap_name, "string")
            if name not in custom and all(soap_name != f.soap_name for f in self._fields.values()):
                self._fields[name] = RestField(name, soap_name, kind, soap_name, lookup=key_type != "LEADOWNEREMAIL")
        taken = _OWN | {name for f in self._fields.values() if f.soap_name for name in (f.soap_name, f.name)}
        for name, kind in custom.items():
            if name not in taken:
                self._fields[name] = RestField(name, name, kind, name, lookup=kind in _LOOKUP_TYPES)

    def __getitem__(self, name: str) -> RestField:
        """Return the field of that REST name; raises 1006."""
        found = self._fields.get(name)
        if found is None and self._open:
            try:
                found = RestField(name, check_text(name, "name"), "string", name)
            except ValueError:
                found = None
        if found is None:
            raise RestCallError("1006", f"Field '{name}' not found")
        return found

    def by_soap_names(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return *values*, which go by REST names, under the SOAP names of those that have one."""
        known = ((self._fields.get(name), value) for name, value in values.items())
        return {f.soap_name: value for f, value in known if f is not None and f.soap_name is not None}

    def describe(self) -> list[dict[str, Any]]:
        """Return the fields as `describe.json` does, each with both names: SOAP's is missing where SOAP never was."""
        described: list[dict[str, Any]] = []
        for number, f in enumerate(self._fields.values(), 1):
            item = {
                "id": number,
                "displayName": f.label,
                "dataType": f.type,
                "rest": {"name": f.name, "readOnly": f.read_only},
            }
            if f.soap_name is not None:
                # Recorded: SOAP called some fields writable that REST calls read-only.
                item["soap"] = {"name": f.soap_name, "readOnly": False}
            described.append(item)
        return described

    def describe2(self) -> list[dict[str, Any]]:
        """Return the fields as `describe2.json` does: no SOAP names, but which of them a filter may go by."""
        fields = [
            {
                "name": f.name,
                "displayName": f.label,
                "dataType": f.type,
                "updateable": f.written,
                "crmManaged": False,
            }
            for f in self._fields.values()
        ]
        searchable = [{"name": f.name} for f in self._fields.values() if f.filter]
        return [{"name": "Lead", "searchableFields": searchable, "fields": fields}]
