"""Convert values of lead fields between SOAP text and REST JSON, by the type of the field. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.wire.xml import replace_illegal

__all__ = ["json_value", "rest_value", "text_value"]

_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,300}(\.[0-9]{0,300})?|\.[0-9]{1,300})([eE][+-]?[0-9]{1,3})?")


def rest_value(text: str, kind: str, settings: BridgeSettings) -> tuple[Any, bool]:
    """Return what `json_value` returns; an empty text becomes what the setting `empty_value` chooses."""
    if text == "":
        return None if settings.empty_value == "null" else "", False
    return json_value(text, kind, settings.naive_offset)


def json_value(text: str, kind: str, naive_offset: str) -> tuple[Any, bool]:
    """Return *text* as the JSON value of a field of the type *kind*, and whether its offset had to be added.

    Raises `ValueError` with the expected kind of value, without the text.
    """
    stripped = text.strip()
    if kind == "boolean":
        if stripped.lower() not in _BOOLEANS:
            raise ValueError("true or false is expected")
        return _BOOLEANS[stripped.lower()], False
    if kind in ("integer", "percent", "score"):
        if not _INTEGER.fullmatch(stripped):
            raise ValueError("a whole number is expected")
        return int(stripped), False
    if kind in ("float", "currency"):
        return _number(stripped), False
    if kind in ("date", "datetime"):
        return _time(stripped, kind, naive_offset)
    return text, False


def _number(text: str) -> int | float:
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text) or abs(number := float(text)) == float("inf"):
        raise ValueError("a number is expected")
    return number


def _time(text: str, kind: str, naive_offset: str) -> tuple[str, bool]:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"a {kind} in ISO 8601 is expected") from None
    whole_day = _is_day(text)
    if (kind == "date" and whole_day) or time.tzinfo is not None:
        return text, False
    if not naive_offset:
        raise ValueError(f"a {kind} with its offset from UTC is expected")
    return f"{time.isoformat()}{naive_offset}", True


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def text_value(value: Any, *, booleans: str) -> str:
    """Return the SOAP text of a JSON value; "" for null, lists and objects."""
    if isinstance(value, bool):
        return booleans.split("/")[0 if value else 1]
    if isinstance(value, int | float):
        number = Decimal(repr(value)) if abs(value) < 1e300 else Decimal("NaN")
        # REST may return 5.0 for the 5 that was sent.
        return format(number, "f").removesuffix(".0") if number.is_finite() else ""
    return replace_illegal(value) if isinstance(value, str) else ""
