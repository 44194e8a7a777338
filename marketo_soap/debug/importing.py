"""Reads messages and exchanges from XML, HAR files, .http files, curl commands and logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO

from marketo_soap import envelope
from marketo_soap.debug.found import FoundMessage, is_request, operation_of, signed_at
from marketo_soap.debug.har_files import exchanges_of_entries, har_entries, messages_of_entry
from marketo_soap.debug.log_text import messages_of_text
from marketo_soap.debug.pieces import Piece, pieces
from marketo_soap.debug.request_files import messages_of_curl, messages_of_http_file
from marketo_soap.history import Exchange

__all__ = [
    "FoundMessage",
    "Piece",
    "exchanges",
    "exchanges_in",
    "messages",
    "messages_in",
    "messages_of",
    "paired",
    "pieces",
]


def messages(data: bytes) -> list[FoundMessage]:
    """Return the messages in *data*, in their order; of a HAR file both sides of each entry.

    A lone XML document is taken as it is, byte for byte, however broken. Elsewhere an envelope begins at its
    start tag (or its XML declaration) and ends at its end tag, with any prefix; backslash escapes, character
    references and the prefixes that a log puts before every line are undone. Nothing found: an empty list.
    """
    if (entries := har_entries(data)) is not None:
        return [message for number, entry in enumerate(entries, 1) for message in messages_of_entry(number, entry)]
    for read in (messages_of_curl, messages_of_http_file):
        if found := read(data):
            return found
    return messages_of_text(data)


def exchanges(data: bytes, *, started: datetime) -> list[Exchange]:
    """Return what is in *data* as exchanges; a reply belongs to the request before it.

    *started* is used where no time is recorded, "" where no endpoint is.
    """
    if (entries := har_entries(data)) is not None:
        return exchanges_of_entries(entries, started)
    return list(paired(messages(data), started))


def exchanges_in(file: IO[bytes], *, started: datetime) -> Iterator[Exchange]:
    """Yield the exchanges in *file*, a log of any length, as `exchanges` finds them."""
    start = file.tell()
    first = next(pieces(file))
    if first.alone:
        return iter(exchanges(first.data, started=started))
    file.seek(start)
    return paired(messages_in(file), started)


def paired(found: Iterable[FoundMessage], started: datetime) -> Iterator[Exchange]:
    """Yield messages as exchanges, replies joined to the requests before them; *started* is as for `exchanges`."""
    request: FoundMessage | None = None
    for message in found:
        is_reply = not is_request(message.data)
        if request is not None:
            yield _exchange(request, message if is_reply else None, started)
        elif is_reply:
            yield _exchange(None, message, started)
        request = None if is_reply else message
    if request is not None:
        yield _exchange(request, None, started)


def messages_in(file: IO[bytes]) -> Iterator[FoundMessage]:
    """Yield the messages in *file*, a log of any length, as `messages` finds them."""
    for piece in pieces(file):
        yield from messages_of(piece)


def messages_of(piece: Piece) -> list[FoundMessage]:
    """Return the messages in a piece of a file."""
    return messages(piece.data) if piece.alone else messages_of_text(piece.data, piece.line)


def _exchange(request: FoundMessage | None, response: FoundMessage | None, started: datetime) -> Exchange:
    request = request or FoundMessage(b"")
    return Exchange(
        operation=operation_of(request.data),
        endpoint=request.endpoint,
        attempt=1,
        started=signed_at(request.data) or started,
        request_headers=request.headers,
        request=request.data,
        elapsed=0.0,
        status=None if response is None else 500 if b"Fault" in response.data else 200,
        response_headers=response.headers if response else (),
        response=response.data if response else None,
        read_fault=envelope.fault_of,
    )
