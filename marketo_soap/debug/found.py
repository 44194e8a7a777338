"""A message that was found in a file, and what it is."""

from __future__ import annotations

import base64
from datetime import datetime

from attrs import field, frozen

from marketo_soap import envelope
from marketo_soap.errors import ProtocolError
from marketo_soap.history import Headers
from marketo_soap.privacy.redactor import size_only


@frozen
class FoundMessage:
    """A message in a file: its bytes, its place, and the endpoint and headers that were recorded with it."""

    data: bytes = field(repr=size_only)
    where: str = ""
    endpoint: str = ""
    headers: Headers = field(default=(), repr=False)


def is_request(data: bytes) -> bool:
    """Say whether a message is a request; of one that cannot be read, whether it looks like one."""
    try:
        return isinstance(envelope.read(data), envelope.Request)
    except ProtocolError:
        return b"params" in data or (b"Fault" not in data and b"success" not in data)


def operation_of(data: bytes) -> str:
    """Return the name of the operation that a request calls; "" if it cannot be read."""
    try:
        return envelope.open_request(data).operation_type.name
    except ProtocolError:
        return ""


def signed_at(data: bytes) -> datetime | None:
    """Return the time in the header of a request, if it has one with an offset."""
    try:
        header = envelope.open_request(data).read_header()
        time = datetime.fromisoformat(header.request_timestamp) if header else None
    except (ProtocolError, ValueError):
        return None
    return time if time is not None and time.tzinfo is not None else None


def one_line(value: object) -> str:
    """Return *value* as text for one line of a header: a line break would start another header."""
    return "".join(character for character in str(value or "") if character.isprintable())


def from_base64(text: str) -> bytes:
    """Decode base64 text; return no bytes if it is not base64."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""
