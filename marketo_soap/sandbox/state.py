"""What a sandbox is made of: leads, settings, clock, journal, limits and fault script."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from os import PathLike
from secrets import token_urlsafe
from types import TracebackType
from typing import Any, Literal, Self

from attrs import evolve

from marketo_soap.calls.limits import LimitKeeper
from marketo_soap.records.activities import ActivityRecord
from marketo_soap.records.lead import LeadRecord
from marketo_soap.sandbox import seeds
from marketo_soap.sandbox.faults import FaultScript
from marketo_soap.sandbox.field_catalogue import Catalogue
from marketo_soap.sandbox.journal import Entry, Journal
from marketo_soap.sandbox.operations.import_to_list import finish, write_row
from marketo_soap.sandbox.operations.outcome import World, activity_record, record_of
from marketo_soap.sandbox.rest.bulk import write_rest_row
from marketo_soap.sandbox.settings import REST_LIMITS, VENDOR_LIMITS, Limits, Settings
from marketo_soap.sandbox.store.activities import from_ms, to_ms
from marketo_soap.sandbox.store.campaigns import RequestedCampaign, ScheduledCampaign
from marketo_soap.sandbox.store.database import Snapshot
from marketo_soap.sandbox.store.imports import Import
from marketo_soap.sandbox.store.lead_store import LeadStore
from marketo_soap.sandbox.tokens import RestCredentials, Tokens
from marketo_soap.signature import Credentials

__all__ = ["ENCRYPTION_KEY", "USER_ID", "State"]

USER_ID = "sandbox_1_0123456789ABCDEF012345"
ENCRYPTION_KEY = "00112233445566778899AABBCCDDEEFF0011"  # made up: it opens nothing but sandboxes
_MARGIN = 3  # days that rules and limits look ahead or back
_FILLED = ("lists", "custom_object_types", "channels", "tags", "activities", "campaigns", "programs")
"""The settings that list rows of tables."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Running:
    """Counts the calls in progress."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def begin(self) -> None:
        """Count a call that starts."""
        with self._lock:
            self.count += 1

    def end(self) -> None:
        """Say that a call has ended."""
        with self._lock:
            self.count -= 1


class State:
    """Everything of a sandbox but its ways in: `Sandbox` adds those and explains the arguments."""

    script: FaultScript

    def __init__(
        self,
        path: str | PathLike[str] = ":memory:",
        *,
        user_id: str = USER_ID,
        encryption_key: str = ENCRYPTION_KEY,
        clock: Callable[[], datetime] = _utc_now,
        settings: Settings | None = None,
        limits: Literal["vendor"] | Limits | None = None,
    ) -> None:
        settings = settings or Settings()
        if limits == "vendor":
            settings = evolve(settings, limits=VENDOR_LIMITS, rest_limits=REST_LIMITS)
        elif limits is not None:
            if not isinstance(limits, Limits):
                raise ValueError(f'limits are "vendor" or Limits, not {limits!r}')
            settings = evolve(settings, limits=limits)
        self.credentials = Credentials(user_id, encryption_key)
        self.closed = False
        self.journal = Journal()
        self.form_token = token_urlsafe()  # what the page's forms prove themselves with
        self._clock = clock
        self.soap_calls, self.rest_calls = Running(), Running()
        self._first_settings = settings
        self.store = LeadStore(path)
        try:
            self._apply(settings)
        except BaseException:
            self.store.close()
            raise

    @property
    def in_progress(self) -> int:
        """How many calls are in progress, SOAP and REST."""
        return self.soap_calls.count + self.rest_calls.count

    @property
    def rest_credentials(self) -> RestCredentials:
        """What REST callers must ask for tokens with."""
        return RestCredentials(self.settings.client_id, self.settings.client_secret)

    # -- leads ----------------------------------------------------------------------------------------

    def finish_imports(self) -> None:
        """Carry out the imports whose time has come: every call and every reader begins with it."""
        if self.closed:
            return
        now_ms = to_ms(self.now())
        with self.store.reading() as leads:
            due = leads.imports.is_due(now_ms)
        if due:
            with self.store.transaction() as leads:
                for job in leads.imports.due(now_ms):
                    world = World(leads, self.settings, from_ms(job.ends_ms))
                    write = write_row if job.api == "SOAP" else partial(write_rest_row, self.catalogue)
                    leads.imports.update(finish(job, world, write))

    def imports(self) -> list[Import]:
        """Return the imports to lists, oldest first, those that are over with what came of them."""
        self.finish_imports()
        with self.store.reading() as leads:
            return leads.imports.find()

    def leads(self) -> list[LeadRecord]:
        """Return every lead, oldest first, as a reply would show it."""
        self.finish_imports()
        with self.store.reading() as leads:
            return [record_of(lead, self.settings) for lead in leads.all()]

    def iter_leads(self) -> Iterator[LeadRecord]:
        """Go through what `leads` returns with a few in memory at a time. Other calls may change them meanwhile."""
        self.finish_imports()
        pages = self.store.in_pages(lambda _, page: [record_of(lead, self.settings) for lead in page])
        return chain.from_iterable(pages)

    def activities(self, lead_id: int | None = None) -> list[ActivityRecord]:
        """Return what was logged, of one lead or of all, in the order in which it was."""
        with self.store.reading() as leads:
            found = leads.activities.find(**({} if lead_id is None else {"lead_id": lead_id}))
            return [activity_record(each) for each in found]

    def dump(self) -> list[dict[str, Any]]:
        """Return every lead with all there is of it: cookies, partition, lists, times; `seed` takes it back.

        What belongs to no single lead follows, each row with the `kind` that it is.
        """
        self.finish_imports()
        with self.store.reading() as leads:
            return [*seeds.dump(leads, leads.all()), *(row for table in leads.tables for row in table.dump())]

    def iter_dump(self) -> Iterator[dict[str, Any]]:
        """Go through what `dump` returns with a few in memory at a time. Other calls may change them meanwhile."""
        self.finish_imports()
        return chain.from_iterable(chain(self.store.in_pages(seeds.dump), self.store.table_pages()))

    def seed(self, leads: str | PathLike[str] | Iterable[Mapping[str, Any]]) -> int:
        """Add leads from a CSV or JSON file (by its ending), or from dicts as `dump` gives; return how many.

        `ValueError` names the lead that is wrong, and none is added then.
        """
        if isinstance(leads, str | PathLike):
            with open(leads, encoding="utf-8", newline="") as file:
                text = file.read()
            leads = seeds.read_csv(text) if str(leads).lower().endswith(".csv") else seeds.read_json(text)
        with self.store.transaction() as kept:
            partition = self.settings.workspaces.default_partition
            count = seeds.load(kept, [dict(lead) for lead in leads], self.now(), partition)
            seeds.fill(kept, self.settings, ("lists", "activities", "programs"), self.now())
            return count

    def requested_campaigns(self) -> list[RequestedCampaign]:
        """Return the requests of trigger campaigns, oldest first."""
        with self.store.reading() as leads:
            return leads.requested_campaigns.find()

    def scheduled_campaigns(self) -> list[ScheduledCampaign]:
        """Return the runs of batch campaigns that were scheduled, oldest first."""
        with self.store.reading() as leads:
            return leads.scheduled_campaigns.find()

    def reset(self) -> None:
        """Start anew: no leads, ids from the beginning, journal, fault script, limits and clock as at first."""
        with self.store.transaction() as leads:
            leads.clear()
        self.journal.clear()
        self._apply(self._first_settings)

    def snapshot(self) -> Snapshot:
        """Return a copy of all leads, to `restore` later."""
        return self.store.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Make the leads what they were when *snapshot* was taken."""
        self.store.restore(snapshot)

    # -- behaviour ------------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        """Behave by other settings from now on; limits and fault script start anew if theirs change."""
        self._apply(settings, self.settings)

    def _apply(self, settings: Settings, before: Settings | None = None) -> None:
        def changed(*names: str) -> bool:
            return before is None or any(getattr(before, name) != getattr(settings, name) for name in names)

        def keeper(limits: Limits | None) -> LimitKeeper | None:
            return None if limits is None else LimitKeeper(limits, count_refused=settings.count_refused)

        if before is None:
            self._offset = timedelta()
        refresh = changed("faults", "fault_seed")
        script = FaultScript(settings.faults, seed=settings.fault_seed) if refresh else self.script
        if filled := [name for name in _FILLED if changed(name) and getattr(settings, name)]:
            with self.store.transaction() as leads:
                seeds.fill(leads, settings, filled, self.now())
        self.settings, self.script = settings, script
        if changed("limits", "count_refused"):
            self.limits = keeper(settings.limits)
        if changed("rest_limits", "count_refused"):
            self.rest_limits = keeper(settings.rest_limits)
        if changed("custom_fields", "unknown_fields", "lead_key_fields"):
            accept = settings.unknown_fields == "accept"
            self.catalogue = Catalogue(settings.custom_fields, settings.lead_key_fields, open_to_all=accept)
        if changed("client_id", "client_secret"):
            self.tokens = Tokens()
        if changed("durability"):
            self.store.set_durability(settings.durability)

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self._clock() + self._offset

    def tick(self) -> float:
        """Return the seconds that the windows of limits are counted in.

        A step of the machine's clock does not change them; `advance` does, and so does a *clock* that was given.
        """
        seconds = time.monotonic() if self._clock is _utc_now else self._clock().timestamp()
        return seconds + self._offset.total_seconds()

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock, forwards or back, without waiting. `ValueError` for where no time is."""
        try:
            offset = self._offset + timedelta(seconds=seconds)
            for days in (-_MARGIN, _MARGIN):
                (self._clock() + offset + timedelta(days=days)).astimezone(UTC)
        except (OverflowError, ValueError):
            raise ValueError("the clock cannot be moved that far") from None
        self._offset = offset
        self.finish_imports()

    def entries(self) -> list[Entry]:
        """Return the journal's entries, oldest first."""
        return self.journal.entries()

    def close(self) -> None:
        """Close the database."""
        self.closed = True
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
