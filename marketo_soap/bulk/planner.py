"""Leads in, batches out: no two batches in progress share a key, and leads that share one keep their order. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Self

from attrs import field, frozen

from marketo_soap.bulk.rows import Row
from marketo_soap.operations.lead_identity import LeadIdentity
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, is_repeatable
from marketo_soap.records.lead import LeadRecord

__all__ = ["SIZE", "Batch", "Item", "Planner"]

Key = tuple[str, ...]

SIZE = 300
"""How many leads a call of syncMultipleLeads carries."""


@frozen(eq=False)
class Item:
    """A lead on its way. *repeatable*: sending it twice ends in the same state as once."""

    row: Row
    record: LeadRecord
    keys: frozenset[Key] = field(repr=False)
    identity: tuple[object, ...] = field(repr=False)
    repeatable: bool
    match_key: Key | None = field(repr=False)
    """The key that the server matches it by; None without one."""

    @classmethod
    def of(cls, row: Row, record: LeadRecord, *, dedup: bool) -> Self:
        """Return the item of a lead; *dedup* is the call's `dedupEnabled`."""
        lead = LeadIdentity.of(record, None)
        email, new = (text and text.lower() for text in (lead.email, lead.new_email))
        person = lead.person_id and (lead.system or "", lead.person_id)
        keys: list[Key] = []
        if lead.id is not None:
            keys.append(("Id", str(lead.id)))
        if person:
            keys.append(("ForeignSysPersonId", *person))
        if dedup:  # otherwise nothing is matched by Email
            keys += [("Email", text) for text in (email, new) if text]
        identity = (lead.id, person, email, new)
        return cls(row, record, frozenset(keys), identity, is_repeatable(record, dedup), keys[0] if keys else None)

    @property
    def number(self) -> int:
        """The number of its row."""
        return self.row.number

    def covers(self, earlier: Item) -> bool:
        """Return whether *earlier* need not be sent if this lead is: same keys, and all of its attributes.

        Not if one of them may not be repeated: if the answer of this one is lost, *earlier* would be sent after it.
        """
        if self.identity != earlier.identity or not (self.repeatable and earlier.repeatable and self.keys):
            return False
        return {each.name for each in earlier.record.attributes} <= {each.name for each in self.record.attributes}


@frozen(eq=False)
class Batch:
    """The leads of one call, no key twice. *covered* are earlier leads that each of them makes unnecessary."""

    items: tuple[Item, ...]
    covered: Mapping[int, tuple[Item, ...]] = field(factory=dict)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the rows that are sent."""
        return [item.number for item in self.items]

    def operation(self, *, dedup: bool) -> SyncMultipleLeads:
        """Return the call."""
        return SyncMultipleLeads([item.record for item in self.items], dedup_enabled=dedup)

    def halves(self) -> tuple[Batch, Batch]:
        """Return two batches of half the leads each."""
        middle = len(self.items) // 2
        return Batch(self.items[:middle], self.covered), Batch(self.items[middle:], self.covered)


class Planner:
    """Makes batches of leads: `add` them in their order, `take` batches, and report what became of each.

    A lead waits while one that shares any of its keys is in a batch in progress, or waits before it. Of leads with the
    same keys only the last goes into a batch, if it sets all that the earlier ones set; otherwise each waits for the
    one before it. At most *window* leads wait, so the memory does not grow with the source.
    """

    def __init__(self, *, size: int = SIZE, window: int = 20 * SIZE) -> None:
        if not 1 <= size <= SIZE:
            raise ValueError(f"a batch has 1 to {SIZE} leads")
        self._size, self._window = size, window
        self._waiting: deque[Item] = deque()
        self._parts: list[Batch] = []
        self._held: set[Key] = set()
        self.in_progress = 0
        self.finished = False

    @property
    def wants_more(self) -> bool:
        """Whether there is room for more leads."""
        return not self.finished and len(self._waiting) < self._window

    @property
    def waiting(self) -> int:
        """How many leads wait."""
        return len(self._waiting) + sum(len(part.items) for part in self._parts)

    def add(self, items: Iterable[Item]) -> None:
        """Add leads, in the order of their source."""
        self._waiting.extend(items)

    def finish(self) -> None:
        """Report that the source has no more leads."""
        self.finished = True

    def take(self) -> Batch | None:
        """Return the next batch; None if there is none, or if more leads or the end of a batch may make it larger."""
        if self._parts:
            self.in_progress += 1
            return self._parts.pop()
        choice = _Choice(self._held)
        waiting = iter(self._waiting)
        rest: list[Item] = []
        for item in waiting:
            if not choice.accepts(item):
                rest.append(item)
            elif len(choice) == self._size:
                break
        if not choice:
            return None
        if len(choice) < self._size and (self.wants_more or (rest and self.in_progress)):
            return None
        rest.extend(waiting)
        self._waiting = deque(rest)
        batch = choice.batch()
        self._held.update(*(item.keys for item in batch.items))
        self.in_progress += 1
        return batch

    def ended(
        self, batch: Batch, refused: Iterable[Item] = (), lost: Iterable[Item] = (), unsent: Iterable[Item] = ()
    ) -> None:
        """Report that *batch* was carried out.

        What the *refused* leads covered is sent in their place. What shares a key with the *lost* ones, whose fate is
        unknown, is not sent any more. The *unsent* ones are sent again.
        """
        self._release(batch)
        self._held.update(*(item.keys for item in lost))
        again = [*refused, *unsent]
        self._put_first([*unsent, *(item for each in again for item in batch.covered.get(each.number, ()))])

    def put_back(self, batch: Batch) -> None:
        """Report that nothing of *batch* was carried out: its leads are sent again."""
        self._release(batch)
        covered = [item for each in batch.items for item in batch.covered.get(each.number, ())]
        self._put_first([*batch.items, *covered])

    def split(self, batch: Batch) -> None:
        """Report that *batch* was refused as a whole: its halves come next."""
        self.in_progress -= 1
        self._parts += batch.halves()[::-1]

    def lost(self, batch: Batch) -> None:
        """Report that the fate of *batch* is unknown: what shares a key with it is not sent any more."""
        self.in_progress -= 1

    def _release(self, batch: Batch) -> None:
        self.in_progress -= 1
        for item in batch.items:
            self._held -= item.keys

    def _put_first(self, items: list[Item]) -> None:
        self._waiting.extendleft(sorted(items, key=lambda item: -item.number))


class _Choice:
    """The leads that are chosen for a batch."""

    def __init__(self, held: set[Key]) -> None:
        self._held = held
        self._blocked: set[Key] = set()
        self._by_key: dict[Key, Item] = {}
        self._items: dict[Item, tuple[Item, ...]] = {}
        self._repeatable: bool | None = None

    def __len__(self) -> int:
        return len(self._items)

    def accepts(self, item: Item) -> bool:
        """Choose *item* if it may be sent now; otherwise what shares a key with it may not be either."""
        keys = item.keys
        free = keys.isdisjoint(self._held) and keys.isdisjoint(self._blocked)
        if free and self._repeatable in (None, item.repeatable):
            others = {self._by_key[key] for key in keys if key in self._by_key}
            if not others or (len(others) == 1 and all(item.covers(other) for other in others)):
                earlier: tuple[Item, ...] = ()
                for other in others:
                    earlier = (*self._items.pop(other), other)
                self._items[item] = earlier
                self._by_key |= dict.fromkeys(keys, item)
                self._repeatable = item.repeatable
                return True
        self._blocked |= keys
        return False

    def batch(self) -> Batch:
        """Return the batch."""
        return Batch(tuple(self._items), {item.number: earlier for item, earlier in self._items.items() if earlier})
