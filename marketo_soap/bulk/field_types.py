"""The types of fields as the wire names them, and their values as Python has them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime

from marketo_soap.bulk.rows import keys_of
from marketo_soap.records.lead import LeadRecord

__all__ = ["KEYS", "cells_of", "kind_of", "typed"]

KEYS: Mapping[str, str] = {"Id": "integer", "Email": "text", "ForeignSysPersonId": "text", "ForeignSysType": "text"}
"""The columns that every lead has, and their kinds."""

_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}


def _integer(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{text} has more than 64 bits")
    return number


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number")
    return number


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.utcoffset() is None:
        raise ValueError("a time without a zone")
    return time.astimezone(UTC)


_READERS: Mapping[str, Callable[[str], object]] = {
    "text": str,
    "integer": _integer,
    "number": _number,
    "boolean": lambda text: _BOOLEANS[text.lower()],
    "date": date.fromisoformat,
    "datetime": _time,
}
_KINDS = {
    **{"integer": "integer", "score": "integer", "float": "number", "currency": "number", "percent": "number"},
    **{"boolean": "boolean", "date": "date", "datetime": "datetime"},
}


def kind_of(wire_type: str | None) -> str:
    """Return the kind of values that an `attrType` or the type of a described field has: text if it is another."""
    return _KINDS.get((wire_type or "").lower(), "text")


def typed(kind: str, text: str | None) -> object:
    """Return the value of *text*; None and, but for text, "" have none. Raises `ValueError` if it is of another kind.

    Date-times are in UTC. Numbers with a fraction are floats, as JSON has them.
    """
    if text is None or (not text and kind != "text"):
        return None
    try:
        return _READERS[kind](text)
    except (KeyError, OverflowError):  # OverflowError: a time that UTC has no year for
        raise ValueError(f"no {kind}") from None


def cells_of(lead: LeadRecord) -> Iterable[tuple[str, str, str | None]]:
    """Yield the column, the kind and the text of each value of *lead*: its keys, then its attributes."""
    for name, key in keys_of(lead).items():
        yield name, KEYS[name], None if key is None else str(key)
    for attribute in lead.attributes:
        if attribute.name not in KEYS:
            yield attribute.name, kind_of(attribute.type), attribute.value
