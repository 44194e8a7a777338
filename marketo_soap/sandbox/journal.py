"""The journal of the sandbox: the bytes of each call, the verdict, and the reasons."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from sys import getsizeof
from typing import Any, Literal, TypeAlias

from attrs import define, field

from marketo_soap.envelope import open_request
from marketo_soap.errors import ProtocolError
from marketo_soap.privacy.free_text import HARMLESS_HEADERS
from marketo_soap.privacy.redactor import size_only
from marketo_soap.sandbox.store.leads import StoredLead
from marketo_soap.wire.tree import ignored_elements

__all__ = ["HUNG_UP", "Change", "Entry", "Headers", "Journal", "without_secrets"]

Headers: TypeAlias = tuple[tuple[str, str], ...]

HUNG_UP = "the connection was closed without an answer"  # a remark

_OVERHEAD = 2048  # of an entry: the objects around what it holds


@define
class Change:
    """A value that a call changed: the field, what it was, what it is (None: nothing)."""

    field: str
    old: str | None
    new: str | None


@define
class Entry:
    """One call: `verdict` is the operation's own summary (CREATED, 2 leads), or a fault's code.

    `key` is the kind of the key or selector, or the name of the campaign, list or type that the call names. `lead_id`
    is the one lead that the call is about, `before` and `after` the lead that it wrote, `remarks` why it went as it
    did.

    Of a REST call, `verdict` may also be `skipped 1004`, `2 CREATED, 1 skipped 1004` (`remarks` then describe each
    record), an error's code, or OK. Its `request` is a line with method and address, an empty line, the body; what is
    secret in it, or too long, is left out (then it is not `complete`). Headers that may be secret are `***`.

    `seconds` is how long the sandbox took, with the delay of a fault rule.
    """

    number: int
    time: datetime
    request: bytes = field(repr=size_only)
    operation: str | None = None
    verdict: str = ""
    reason: str = field(default="", repr=False)
    key: str | None = None
    lead_id: int | None = None
    before: StoredLead | None = None
    after: StoredLead | None = None
    remarks: list[str] = field(factory=list, repr=False)
    status: int | None = None
    response: bytes | None = field(default=None, repr=size_only)
    api: Literal["SOAP", "REST"] = "SOAP"
    request_headers: Headers = field(default=(), repr=False)
    response_headers: Headers = field(default=(), repr=False)
    complete: bool = True
    seconds: float | None = None

    @property
    def id(self) -> int:
        """The number, as rows of the store have an id."""
        return self.number

    @property
    def method(self) -> str:
        """The HTTP method: POST for SOAP."""
        return "POST" if self.api == "SOAP" else self.request.partition(b" ")[0].decode("ascii", "replace")

    @property
    def changes(self) -> list[Change]:
        """The changes of the lead, sorted by field."""
        old, new = _values(self.before), _values(self.after)
        names = sorted({*old, *new})
        return [Change(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]

    @property
    def notes(self) -> list[str]:
        """Details for debugging a client that the reply does not contain.

        First the ignored elements, which are computed here, then the remarks.
        """
        try:
            opened = open_request(self.request)
        except ProtocolError:
            return self.remarks
        return [*map(str, ignored_elements(opened.operation_type, opened.params)), *self.remarks]

    def as_data(self) -> dict[str, Any]:
        """Return the entry as JSON can hold it, envelopes as text."""
        return {
            "number": self.number,
            "time": self.time.isoformat(),
            "api": self.api,
            "method": self.method,
            "operation": self.operation,
            "verdict": self.verdict,
            "reason": self.reason,
            "key": self.key,
            "lead_id": self.lead_id,
            "changes": [{"field": c.field, "old": c.old, "new": c.new} for c in self.changes],
            "notes": self.notes,
            "status": self.status,
            "milliseconds": None if self.seconds is None else round(self.seconds * 1000, 1),
            "request_headers": self.request_headers,
            "response_headers": self.response_headers,
            "request": self.request.decode("utf-8", "replace"),
            "response": None if self.response is None else self.response.decode("utf-8", "replace"),
        }


def _values(lead: StoredLead | None) -> dict[str, str | None]:
    if lead is None:
        return {}
    return {**lead.attributes, "Email": lead.email, "ForeignSysPersonId": lead.foreign_id}


def _size(entry: Entry) -> int:
    """Return how many bytes of memory an entry keeps. Before and after share the values that did not change."""
    leads = [lead for lead in (entry.before, entry.after) if lead is not None]
    texts = {id(text): text for lead in leads for pair in lead.attributes.items() for text in pair}
    for text in (entry.reason, *entry.remarks, *(lead.email for lead in leads), *(lead.foreign_id for lead in leads)):
        texts[id(text)] = text or ""
    headers = [text for pair in (*entry.request_headers, *entry.response_headers) for text in pair]
    held = [entry.request, entry.response or b"", *texts.values(), *(lead.attributes for lead in leads), *headers]
    return _OVERHEAD + sum(map(getsizeof, held))


def without_secrets(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return HTTP headers as the journal keeps them: values of those that may be secret are `***`."""
    return tuple((name, value if name.lower() in HARMLESS_HEADERS else "***") for name, value in headers)


class Journal:
    """The last calls, oldest first: at most *size* of them, and at most *max_bytes* of memory.

    Messages count, and after the answer the lead before and after the call; the last call is kept whatever its size.
    `watch`, if it is set, is called with each entry when it is answered.
    """

    watch: Callable[[Entry], None] | None = None

    def __init__(self, size: int = 1000, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._size, self._max_bytes = size, max_bytes
        self._sizes: dict[int, int] = {}  # of the entries by their numbers
        self._count = self._bytes = 0

    def begin(self, now: datetime, request: bytes) -> Entry:
        """Add the entry of a new call."""
        with self._lock:
            self._count += 1
            entry = Entry(self._count, now, request)
            self._entries.append(entry)
            self._keep_within(entry, _OVERHEAD + len(request))
        return entry

    def answered(self, entry: Entry, status: int, response: bytes) -> None:
        """Record the answer of a call."""
        with self._lock:
            entry.status, entry.response = status, response
            if self._entries and entry.number >= self._entries[0].number:
                self._keep_within(entry, _size(entry))
        if self.watch is not None:
            self.watch(entry)

    def _keep_within(self, entry: Entry, size: int) -> None:
        self._bytes += size - self._sizes.get(entry.number, 0)
        self._sizes[entry.number] = size
        while len(self._entries) > 1 and (len(self._entries) > self._size or self._bytes > self._max_bytes):
            self._bytes -= self._sizes.pop(self._entries.popleft().number)

    def entries(self) -> list[Entry]:
        """Return the entries, oldest first."""
        with self._lock:
            return list(self._entries)

    def get(self, number: int) -> Entry | None:
        """Return the entry with this number; None if it is not kept any more."""
        with self._lock:
            at = number - self._entries[0].number if self._entries else -1
            return self._entries[at] if 0 <= at < len(self._entries) else None

    def clear(self) -> None:
        """Remove everything."""
        with self._lock:
            self._entries.clear()
            self._sizes.clear()
            self._bytes = 0
