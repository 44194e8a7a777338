"""Several streams of activities of REST, merged by time. Pure.

REST lists activities of 10 types, or changes of fields, of at most 30 leads: a call for more reads several streams.
The position of a stream is the token of the page with its next record, and the number of records before it there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import evolve, field, frozen

from marketo_soap.bridge.lookup import ask, time_of
from marketo_soap.bridge.rest import read
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation

__all__ = ["Merged", "Stream", "merged", "place_of", "streams_at"]

_MOST = 300  # records on a page of REST
_START = "rest:"


@frozen
class Stream:
    """A query for activities, of which those of some *types* (None: all) are taken, and its position."""

    path: str
    query: Mapping[str, str] = field(repr=False)
    types: frozenset[int] | None = None
    token: str = field(default="", repr=False)
    skip: int = 0

    def takes(self, record: Mapping[str, Any]) -> bool:
        """Say whether a record is of one of the types."""
        return self.types is None or record.get("activityTypeId") in self.types


@frozen
class _Found:
    """A record, the token of its page, and its number there."""

    record: Mapping[str, Any] = field(repr=False)
    stream: int
    token: str
    number: int

    @property
    def order(self) -> tuple[datetime, int]:
        number = self.record.get("id")
        return time_of(self.record), number if isinstance(number, int) else 0


@frozen
class Merged:
    """The first records of all streams, whether more remain, and the streams at their positions after these."""

    records: Sequence[Mapping[str, Any]]
    more: bool
    streams: Sequence[Stream]


def merged(
    streams: Sequence[Stream], size: int | None, settings: BridgeSettings, *, until: datetime | None = None
) -> Translation[Merged]:
    """Read at most *size* records (None: all) up to *until*, oldest first."""
    found: list[_Found] = []
    for number, stream in enumerate(streams):
        found += yield from _read(stream, number, size, settings, until)
    found.sort(key=lambda one: one.order)
    taken, after = found[:size], list(streams)
    for one in taken:
        after[one.stream] = evolve(after[one.stream], token=one.token, skip=one.number)
    return Merged([one.record for one in taken], len(found) > len(taken), after)


def _read(
    stream: Stream, place: int, size: int | None, settings: BridgeSettings, until: datetime | None
) -> Translation[list[_Found]]:
    """Read one record more than a page may hold, so that it is known if any remains."""
    found: list[_Found] = []
    wanted, token, skip = _MOST if size is None else min(_MOST, size + 1), stream.token, stream.skip
    while size is None or len(found) <= size:
        # A page may end within one of before: that one is asked for again, with as many records more.
        query = {**stream.query, "nextPageToken": token, "batchSize": str(min(_MOST, wanted + skip))}
        reply = yield from ask(read(stream.path, **query), settings)
        for number, record in enumerate(reply.result[skip:], skip + 1):
            if until is not None and time_of(record) > until:
                return found
            if stream.takes(record):
                found.append(_Found(record, place, token, number))
        if not reply.more or not reply.next_page:
            break
        token, skip = reply.next_page, 0
    return found


def place_of(streams: Sequence[Stream]) -> str:
    """Return the positions of streams as one text."""
    places = json.dumps([[stream.token, stream.skip] for stream in streams], separators=(",", ":"))
    return _START + base64.urlsafe_b64encode(places.encode()).decode()


def streams_at(streams: Sequence[Stream], place: str) -> list[Stream] | None:
    """Return the streams at the positions that `place_of` has written; None for other text."""
    try:
        places = json.loads(base64.urlsafe_b64decode(place.removeprefix(_START).encode()))
        pairs = [(str(token), int(skip)) for token, skip in places]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    if not place.startswith(_START) or len(pairs) != len(streams) or any(skip < 0 for _, skip in pairs):
        return None
    return [evolve(stream, token=token, skip=skip) for stream, (token, skip) in zip(streams, pairs, strict=True)]
