"""The fields of an instance, out of a describe reply that was kept. Pure."""

from __future__ import annotations

import json
from typing import Literal, Self

from attrs import frozen

from marketo_soap.bridge.names import Catalogue, described
from marketo_soap.records.lead_fields import LeadField

__all__ = ["Instance"]


@frozen
class Instance:
    """The fields that an instance described, and which of them REST does not write. *source* is who kept the reply."""

    catalogue: Catalogue
    read_only: frozenset[str]
    source: Literal["describe", "file"] = "describe"

    @classmethod
    def read(cls, data: bytes, source: Literal["describe", "file"] = "describe") -> Self:
        """Read a reply of describe.json. `ValueError` for anything else."""
        try:
            records = [each for each in json.loads(data)["result"] if isinstance(each, dict)]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError("not a reply of describe.json") from None
        fields = described(records)
        if not fields:
            raise ValueError("a reply of describe.json that describes no field")
        locked = described(each for each in records if _locked(each.get("rest")))
        return cls(Catalogue(fields), frozenset(each.rest_name for each in locked), source)

    def __contains__(self, field: LeadField) -> bool:
        return field.rest_name in self.catalogue.by_rest_name


def _locked(rest: object) -> bool:
    return isinstance(rest, dict) and rest.get("readOnly") is True
