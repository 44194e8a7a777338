"""The types of activities and their numbers in REST."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

from marketo_soap.records.activities import ActivityType

__all__ = ["describe_types", "number_of"]

# The usual numbers; those of the last six, which are not on record, are chosen.
_OF_SOAP = (1, 2, 3, *range(6, 49), *range(100, 105), 123, 106, 108, *range(125, 128))
_NUMBERS: Mapping[str, int] = {
    **{kind.display_name: number for kind, number in zip(ActivityType, _OF_SOAP, strict=True)},
    "Call Webhook": 110,
    "Sent Forward to Friend Email": 111,
    "Received Forward to Friend Email": 112,
    "Add to Nurture": 113,
    "Change Nurture Track": 114,
    "Change Nurture Cadence": 115,
}
_PRIMARY = {
    1: "Webpage ID",
    2: "Webform ID",
    3: "Link ID",
    12: "",
    13: "Attribute Name",
    24: "List ID",
    25: "List ID",
    46: "Milestone",
}


def number_of(name: str) -> int:
    """Return the number of a type. Chosen: any other name is that of a custom activity, whose numbers are high."""
    return _NUMBERS.get(name) or 100_001 + crc32(name.encode()) % 900_000


def describe_types(there: Iterable[str]) -> list[dict[str, Any]]:
    """Return the types as `types.json` does: the usual ones, and those of the activities that are *there*."""
    numbers = {**_NUMBERS, **{name: number_of(name) for name in there}}
    return [
        {
            "id": number,
            "name": name,
            "description": name,
            "primaryAttribute": {"name": _PRIMARY.get(number, "Asset"), "dataType": "string"},
            "attributes": [],
        }
        for name, number in sorted(numbers.items(), key=lambda item: item[1])
    ]
