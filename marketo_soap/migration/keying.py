"""The keys by which past calls name their leads, and which of them cause problems over REST. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from marketo_soap.bridge.names import Names
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.migration.counting import Findings, SharedKeys, count_distinct, digest
from marketo_soap.migration.report import Level
from marketo_soap.operations.lead_identity import LeadIdentity

__all__ = ["Keying", "is_email", "is_token"]

_TOKEN = re.compile(r"\[(?:user|signature|cookie|email|value|secret)-[0-9]+\]")
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")
_WHOLE = re.compile("[0-9]{1,19}")


def is_token(text: str) -> bool:
    """Whether a `Redactor` has put a token in the place of a value."""
    return _TOKEN.match(text) is not None


def is_email(text: str) -> bool:
    """Whether REST takes this as an address, as far as that is on record."""
    return _EMAIL.fullmatch(text.strip()) is not None


class _ForeignIds:
    """The ids of one system: all, those that come with an Email, and those whose lead an Id names."""

    def __init__(self, first: str) -> None:
        self.first = first
        self.all, self.with_email, self.with_id = set[int](), set[int](), set[int]()


class Keying:
    """Counts the kinds of keys that calls have, and adds problems with them to *found*."""

    def __init__(self, settings: BridgeSettings, names: Names, found: Findings) -> None:
        self._settings, self._names, self._found = settings, names, found
        self._counts: Counter[str] = Counter()
        self._foreign: dict[str, _ForeignIds] = {}
        self._emails = {"Id": SharedKeys(), "ForeignSysPersonId": SharedKeys()}

    def counts(self) -> Mapping[str, int]:
        """Return how many calls there are of each key."""
        return dict(sorted(self._counts.items()))

    def count(self, kind: str) -> None:
        """Count a call of another operation than syncLead, by its name."""
        self._counts[kind] += 1

    def observe(self, keys: LeadIdentity, where: str) -> None:
        """Count a call's keys."""
        kind = _kind(keys)
        self._counts[kind] += 1
        if keys.cookie and kind != "marketoCookie alone":
            self._counts["marketoCookie beside another key"] += 1
        for email in (keys.email, keys.new_email):
            if email and not is_token(email):
                self._email(keys, email, where)
        if keys.person_id and keys.system:
            self._foreign_id(keys, keys.system, keys.person_id, where)

    def _email(self, keys: LeadIdentity, email: str, where: str) -> None:
        if not is_email(email):
            self._found.add(Level.WORK, "value", "Email", "an e-mail address is expected", where, email)
        outcome = "a call by such an e-mail alone is refused (1007)"
        if self._settings.on_duplicate == "most_recent":
            outcome = "a call by such an e-mail alone updates the latest of its leads"
        foreign = f"{keys.system} {keys.person_id}" if keys.person_id and not is_token(keys.person_id) else None
        for kind, owner in (("Id", keys.id), ("ForeignSysPersonId", foreign)):
            if owner and self._emails[kind].add(digest(email.lower()), digest(str(owner))):
                text = f"addresses that come with more than one {kind}: {outcome}"
                self._found.add(Level.RISK, "shared", "Email", text, where, email)

    def _foreign_id(self, keys: LeadIdentity, system: str, person_id: str, where: str) -> None:
        field = self._settings.foreign_id_fields.get(system)
        if field is None:
            text = "name the REST field of its ids in foreign_id_fields"
            self._found.add(Level.SETTINGS, "foreign", system, text, where)
        if is_token(person_id):
            return
        if field and self._names.of_rest(field).type == "integer" and not _WHOLE.fullmatch(person_id):
            subject = f"ForeignSysPersonId {system}"
            self._found.add(Level.WORK, "value", subject, "a whole number is expected", where, person_id)
        known, key = self._foreign.setdefault(system, _ForeignIds(where)), digest(person_id)
        count_distinct(known.all, key)
        if keys.id is not None:
            count_distinct(known.with_id, key)
        elif keys.email:
            count_distinct(known.with_email, key)

    def check_foreign_ids(self) -> None:
        """Add the ids that create duplicates: REST cannot read those that SOAP stored."""
        for system, known in self._foreign.items():
            by_id = known.with_id
            by_email = known.with_email - by_id
            adopted = by_email if self._settings.foreign_id_adopt_email else set[int]()
            level = Level.WORK if known.all - by_id - adopted else Level.RISK
            text = (
                "each id makes a second lead until existing leads have it in their field "
                f"({len(by_id)} come with an Id, {len(by_email)} with an Email: see foreign_id_adopt_email)"
            )
            self._found.add(level, "duplicates", system, text, known.first, count=len(known.all))


def _kind(keys: LeadIdentity) -> str:
    if keys.id is not None:
        return "Id"
    if keys.person_id:
        return f"ForeignSysPersonId {keys.system}"
    return "Email" if keys.email else "marketoCookie alone"
