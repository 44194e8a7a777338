"""The standard fields of a lead with their SOAP and REST names, for sandbox and bridge."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from attrs import frozen

__all__ = ["NOT_RETURNED", "LeadField", "attribute_order", "standard_fields"]

NOT_RETURNED = frozenset({"leadPartitionId"})
"""REST names of fields that SOAP had, but did not return in any recorded lead."""

# Recorded as REST read-only; so is every inferred* field.
_READ_ONLY = {
    "contactCompany",
    "createdAt",
    "ecids",
    "leadPerson",
    "mktoName",
    "originalReferrer",
    "originalSearchEngine",
    "originalSearchPhrase",
    "originalSourceInfo",
    "originalSourceType",
    "personPrimaryLeadInterest",
    "personTimeZone",
    "updatedAt",
}


@frozen
class LeadField:
    """A field of a lead. `soap_name` is None if SOAP did not have it, `type` is "" if unknown."""

    rest_name: str
    soap_name: str | None
    type: str
    label: str

    @property
    def read_only(self) -> bool:
        """Whether REST refuses to write it (recorded)."""
        return self.rest_name in _READ_ONLY or self.rest_name.startswith("inferred")


def attribute_order(name: str) -> tuple[str, str]:
    """Return the sort key of attributes in replies: their upper-cased names (recorded)."""
    return name.upper(), name


@cache
def standard_fields() -> Mapping[str, LeadField]:
    """Return the standard fields by REST name. Source: the vendor's lists and a recorded describe reply."""
    text = files("marketo_soap").joinpath("standard_fields.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["rest_name"]: LeadField(row["rest_name"], row["soap_name"] or None, row["type"], row["label"])
        for row in rows
    }
