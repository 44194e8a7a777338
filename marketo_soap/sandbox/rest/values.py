"""A field's value: what JSON says, and the text that is kept, which is the one that SOAP keeps."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from marketo_soap.records.lead import wire_text
from marketo_soap.sandbox.field_catalogue import RestField
from marketo_soap.sandbox.operations.lead_writing import BOOLEANS
from marketo_soap.sandbox.rest.replies import RestCallError
from marketo_soap.wire.codec import INT_MAX

__all__ = ["invalid", "json_value", "kept_text", "shown", "utc"]

_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")  # what is on record: not malformed, and ASCII


def kept_text(field: RestField, value: Any) -> str | None:
    """Return the text to keep of a JSON value, None to clear the field; raises 1003.

    Recorded: booleans, whole numbers, dates and addresses are refused unless they are such; null clears. Chosen:
    so does empty text; text that reads as a number is one; text fields take numbers and booleans.
    """
    if value is None or value == "":
        return None
    try:
        return _KEPT.get(field.type, _text)(value)
    except (ValueError, TypeError, OverflowError):
        raise invalid(field.name, value) from None


def invalid(name: str, value: object) -> RestCallError:
    """Return 1003 with the recorded text."""
    return RestCallError("1003", f"Invalid value for field '{name}' and value '{shown(value)}'")


def shown(value: object) -> str:
    """Return a JSON value as a message shows it; of arrays and objects, which may be deep, the kind."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return {list: "array", dict: "object", type(None): "null"}.get(type(value)) or str(value)


def json_value(kind: str, text: str | None) -> Any:
    """Return the JSON value of a kept text, by the field's type; the text itself where SOAP kept what does not fit.

    Recorded: a boolean without a value is false, a date-time is in UTC, with `Z` and without milliseconds.
    """
    if text is None:
        return False if kind == "boolean" else None
    try:
        return _SHOWN[kind](text) if kind in _SHOWN else text
    except (ValueError, KeyError, OverflowError):
        return text


def utc(text: str) -> str:
    """Return a time as REST shows it; without an offset it is taken as UTC (chosen)."""
    time = datetime.fromisoformat(text.strip())
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return f"{time.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _text(value: Any) -> str:
    return shown(value) if isinstance(value, bool) else wire_text(value, "value")


def _boolean(value: Any) -> str:
    try:
        return BOOLEANS[shown(value).strip().lower()]
    except KeyError:
        raise ValueError from None


def _integer(value: Any) -> str:
    text = shown(value).strip()
    if not _INTEGER.fullmatch(text) or not -INT_MAX - 1 <= int(text) <= INT_MAX:
        raise ValueError
    return str(int(text))


def _number(value: Any) -> str:
    if not isinstance(value, bool) and isinstance(value, int | float):
        value = wire_text(value, "value")
    if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
        raise ValueError
    return value.strip()


def _date(value: Any) -> str:
    return datetime.fromisoformat(_only_text(value)).date().isoformat()


def _datetime(value: Any) -> str:
    text = _only_text(value)
    datetime.fromisoformat(text)
    return text


def _email(value: Any) -> str:
    text = _only_text(value)
    if not _EMAIL.fullmatch(text):
        raise ValueError
    return text


def _only_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.strip()


_KEPT: Mapping[str, Callable[[Any], str]] = {
    "boolean": _boolean,
    "integer": _integer,
    "percent": _integer,
    "score": _integer,
    "float": _number,
    "currency": _number,
    "date": _date,
    "datetime": _datetime,
    "email": _email,
}


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


_SHOWN: Mapping[str, Callable[[str], Any]] = {
    "boolean": lambda text: BOOLEANS[text.strip().lower()] == "1",
    "integer": int,
    "percent": int,
    "score": int,
    "float": _finite,
    "currency": _finite,
    "datetime": utc,
}
