"""What a call names its lead by: the keys, and the rules that they must keep. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, Self

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.lead import LeadRecord, MatchKey, filled
from marketo_soap.wire.checking import Violation
from marketo_soap.wire.tree import folded

__all__ = ["NO_KEY", "LeadIdentity", "broken_lead_rules", "is_like_email"]

NO_KEY = "the lead has no key: give an Id, Email or ForeignSysPersonId, or a marketoCookie"


def is_like_email(name: str) -> bool:
    """Say whether REST may take an attribute for the Email, although its name is spelt in another way."""
    return name.strip()[:1] in ("E", "e") and folded(name) == "email"  # most names need no closer look


@frozen
class LeadIdentity:
    """The keys of a call, empty ones as None. *new_email* is an address that replaces *email* on the lead."""

    id: int | None
    system: str | None
    person_id: str | None = field(repr=hidden)
    cookie: str | None = field(repr=hidden)
    email: str | None = field(repr=hidden)
    new_email: str | None = field(default=None, repr=hidden)

    @classmethod
    def of(
        cls,
        record: LeadRecord,
        cookie: str | None,
        *,
        email_attribute: Literal["new_address", "key"] = "new_address",
        is_email: Callable[[str], bool] = "Email".__eq__,
    ) -> Self:
        """Return the keys of a call; *is_email* says whether a name is that of the attribute Email.

        Recorded: without an Email element the last attribute Email is the key. Chosen: beside another Email element
        it is the new address of the lead, or the key, as *email_attribute* says.
        """
        email, new_email = filled(record.email), None
        for attribute in reversed(record.attributes):
            if is_email(attribute.name):
                new_email = filled(attribute.value)
                break
        if new_email and (not email or email.lower() == new_email.lower() or email_attribute == "key"):
            email, new_email = new_email, None
        system, person_id = filled(record.foreign_sys_type), filled(record.foreign_sys_person_id)
        return cls(record.id, system, person_id, filled(cookie), email, new_email)

    @property
    def key(self) -> MatchKey | None:
        """The strongest of the keys: see `SyncLead.key`."""
        keys = (self.id, self.person_id, self.cookie, self.email)
        return next((name for name, key in zip(MatchKey, keys, strict=True) if key is not None), None)

    def __bool__(self) -> bool:
        return self.key is not None


def broken_lead_rules(
    record: LeadRecord,
    has_key: bool,
    path: str = "leadRecord",
    *,
    foreign_type_alone: Literal["ignore", "fault"] = "ignore",
) -> Iterator[Violation]:
    """Yield the rules of keys that a lead breaks; *path* is the record's."""
    yield from record.broken_key_rules(path, foreign_type_alone=foreign_type_alone)
    if not has_key:
        yield Violation(20101, path, NO_KEY)
