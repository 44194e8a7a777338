"""`Sandbox`: leads, rules, credentials and a clock, behind one SOAP service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from marketo_soap.envelope import Request
from marketo_soap.errors import fault
from marketo_soap.operations import SyncLead
from marketo_soap.records import LeadRecord
from marketo_soap.sandbox import rules
from marketo_soap.sandbox.store import LeadStore
from marketo_soap.service import Answer, respond
from marketo_soap.signature import AuthenticationHeader, Credentials, verify

if TYPE_CHECKING:
    from marketo_soap.sandbox.transport import SandboxTransport

__all__ = ["Sandbox"]

USER_ID = "sandbox_1_0123456789ABCDEF012345"
ENCRYPTION_KEY = "00112233445566778899AABBCCDDEEFF0011"  # made up: it opens nothing but sandboxes


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """An embedded Marketo that answers SOAP calls as the service did.

    *path* is a SQLite file to keep the leads in, or `:memory:`. *user_id* and *encryption_key* are what
    callers must sign with; *clock* returns its aware time; a timestamp more than *timestamp_window* away
    from it, on either side, is refused (20016). Use it in process,
    `Client(transport=sandbox.transport())`, or over a real socket, `with sandbox.serve() as url`. Threads
    and processes may share one file.
    """

    def __init__(
        self,
        path: str | PathLike[str] = ":memory:",
        *,
        user_id: str = USER_ID,
        encryption_key: str = ENCRYPTION_KEY,
        clock: Callable[[], datetime] = _utc_now,
        timestamp_window: timedelta = timedelta(minutes=15),
    ) -> None:
        self.credentials = Credentials(user_id, encryption_key)
        self.timestamp_window = timestamp_window
        self._clock = clock
        self._store = LeadStore(path)

    def respond(self, data: bytes) -> Answer:
        """Answer one request: the HTTP status and the bytes of the reply or the fault."""
        return respond(data, self)

    def leads(self) -> list[LeadRecord]:
        """Return every lead, oldest first, as a reply would show it."""
        with self._store.transaction() as leads:
            return [rules.record_of(lead) for lead in leads.all()]

    def transport(self) -> SandboxTransport:
        """Return a transport that brings a client's calls here without a socket."""
        from marketo_soap.sandbox.transport import SandboxTransport

        return SandboxTransport(self)

    @contextmanager
    def serve(self, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
        """Serve it over HTTP from a thread while the block runs; gives the endpoint. Port 0 is any free one.

        Needs the `server` extra.
        """
        from marketo_soap.sandbox.server import serving

        with serving(self, host, port) as endpoint:
            yield endpoint

    def authenticate(self, header: AuthenticationHeader) -> None:
        """Check who calls: 20014 for a wrong signature or an unreadable timestamp, 20016 for an old one."""
        if not verify(self.credentials, header):
            raise fault(20014)
        times = read_timestamp(header.request_timestamp)
        if not times:
            raise fault(20014, "Authentication failed: requestTimestamp is not a time")
        now = self._clock()
        if min(abs(now - time) for time in times) > self.timestamp_window:
            raise fault(20016)

    @contextmanager
    def perform(self, request: Request[Any]) -> Iterator[Any]:
        """Carry out the operation in one transaction: it is kept whole, or nothing of it is."""
        operation = request.operation
        if not isinstance(operation, SyncLead):
            raise fault(20019)
        with self._store.transaction() as leads:
            yield rules.sync_lead(leads, operation, self._clock())

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_timestamp(text: str) -> list[datetime]:
    """Return the moments that a timestamp may mean; none if it is no time.

    Real clients wrote W3C times with an offset, with Z, with fractions, `2013-07-31 12:38:47 -0700`, and
    times without a zone, which may be UTC or local ones: both readings count.
    """
    text = text.strip()
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        try:
            time = datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
        except ValueError:
            return []
    if time.tzinfo is not None:
        return [time]
    try:
        return [time.replace(tzinfo=UTC), time.astimezone()]
    except (ValueError, OverflowError):  # the first and the last day that there is have no neighbours
        return []
