"""Single values: text of the wire to Python values and back, and the checks of values that a caller gives."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from marketo_soap.wire.fields import Field, is_enum
from marketo_soap.wire.xml import Element, broken, check_characters, is_nil

INT_MAX = 2**31 - 1

_INTEGER = re.compile(r"[+-]?[0-9]{1,32}")
_WHITE = " \t\r\n"
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

Read: TypeAlias = Callable[[Element], Any]
Check: TypeAlias = Callable[[Any, str], Any]


# -- reading ------------------------------------------------------------------------------------------


def text_of(element: Element) -> str | None:
    """Return the text of *element*: None for nil, "" for an empty element. `ProtocolError` if it has children."""
    if len(element):
        raise broken(element, "invalid", "holds elements where text is expected")
    text = element.text
    if text is None:
        return None if is_nil(element) else ""
    return text


def _bare(element: Element) -> str | None:
    """The text without white space around it; None for nil and for empty, which are not values of such types."""
    text = text_of(element)
    return text.strip(_WHITE) or None if text else None


def _read_int(element: Element) -> int | None:
    text = element.text
    if text is not None and len(text) < 10 and text.isascii() and text.isdigit() and not len(element):
        return int(text)
    text = _bare(element)
    if text is None:
        return None
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is None or not -INT_MAX - 1 <= number <= INT_MAX:
        raise broken(element, "invalid", "is not a 32-bit integer")
    return number


def _read_bool(element: Element) -> bool | None:
    text = _bare(element)
    if text is None:
        return None
    value = BOOLEANS.get(text.lower())  # the vendor's Ruby samples send "True"
    if value is None:
        raise broken(element, "invalid", "is not a boolean (true, false, 1 or 0)")
    return value


def _read_datetime(element: Element) -> datetime | None:
    text = _bare(element)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise broken(element, "invalid", "is not a dateTime (2013-08-05T16:34:19-07:00)") from None


def _read_bytes(element: Element) -> bytes | None:
    text = text_of(element)
    try:
        return None if text is None else base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise broken(element, "invalid", "is not base64") from None


def _reader_of_enum(kind: type[Enum]) -> Read:
    members: dict[str, Enum] = {member.value: member for member in kind}

    def read(element: Element) -> Enum | str | None:
        member = members.get(element.text or "")
        if member is not None and not len(element):
            return member
        text = _bare(element)
        return None if text is None else members.get(text, text)

    return read


_READERS: dict[Any, Read] = {
    str: text_of,
    int: _read_int,
    bool: _read_bool,
    datetime: _read_datetime,
    bytes: _read_bytes,
}


def reader_of(field: Field) -> Read:
    """Return how an element becomes a single value of *field*: None for nil, and for empty but in text."""
    return _reader_of_enum(field.type) if is_enum(field.type) else _READERS[field.type]


# -- writing ------------------------------------------------------------------------------------------


def _write_datetime(value: datetime) -> str:
    return value.isoformat(timespec="microseconds" if value.microsecond else "seconds")


_WRITERS: dict[Any, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    datetime: _write_datetime,
    bytes: lambda value: base64.b64encode(value).decode(),
}


def writer_of(field: Field) -> Callable[[Any], str]:
    """Return how a single value of *field* becomes text."""
    return _WRITERS.get(field.type, str)


# -- checking what a caller gives ---------------------------------------------------------------------


def _check_int(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{where} must be an integer, not {type(value).__name__}")
    if not -INT_MAX - 1 <= value <= INT_MAX:
        raise ValueError(f"{where} must be a 32-bit integer")
    return value


def _check_datetime(value: Any, where: str) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"{where} must be a datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise ValueError(f"{where} is a datetime without a time zone: give it one (tzinfo=...)")
    return value


def _check_instance(kind: type, expected: str) -> Check:
    def check(value: Any, where: str) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"{where} must be {expected} {type(value).__name__}")
        return value

    return check


def check_time_text(value: Any, where: str) -> str:
    """Check a dateTime; it is kept as text, so that it is written back unchanged."""
    if isinstance(value, datetime):
        return _write_datetime(_check_datetime(value, where))
    return check_characters(value, where)


def _check_of_enum(kind: type[Enum]) -> Check:
    def check(value: Any, where: str) -> Enum:
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{where} must be one of {', '.join(str(member.value) for member in kind)}") from None

    return check


_CHECKS: dict[Any, Check] = {
    str: check_characters,
    int: _check_int,
    bool: _check_instance(bool, "True or False, not a"),
    datetime: _check_datetime,
    bytes: _check_instance(bytes, "bytes, not"),
}


def check_of(field: Field) -> Check:
    """Return the check of a single value of *field*: it returns the value, or raises `TypeError` or `ValueError`."""
    if is_enum(field.type):
        return _check_of_enum(field.type)
    return check_time_text if field.el.type == "dateTime" else _CHECKS[field.type]
