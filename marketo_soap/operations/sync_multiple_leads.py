"""syncMultipleLeads: insert or update many leads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.errors import ProtocolError
from marketo_soap.operations.base import BatchOperation, Effect, Violation
from marketo_soap.operations.lead_identity import LeadIdentity, is_like_email
from marketo_soap.records.lead import LeadRecord, MatchKey, SyncStatus
from marketo_soap.wire.checking import check_fields
from marketo_soap.wire.fields import El

__all__ = ["SyncMultipleLeads", "SyncMultipleLeadsResult", "is_repeatable"]


def is_repeatable(record: LeadRecord, dedup_enabled: bool | None) -> bool:
    """Say whether sending a lead twice ends in the same state as once: see `SyncMultipleLeads.effect`."""
    keys = LeadIdentity.of(record, None)
    if keys.key not in (MatchKey.EMAIL, None):
        return True
    if dedup_enabled is False or keys.key is None:
        return False
    # Over REST, the name of the attribute Email counts in any case.
    return not (keys.new_email or LeadIdentity.of(record, None, is_email=is_like_email).new_email)


def _leads(given: Iterable[LeadRecord]) -> tuple[LeadRecord, ...]:
    return tuple(given)


@frozen
class SyncMultipleLeadsResult:
    """One status for each lead, in the order of the request. A lead that failed may have the id 0."""

    sync_statuses: Annotated[tuple[SyncStatus, ...], El("syncStatusList", item="syncStatus")]


@frozen
class SyncMultipleLeads(BatchOperation[SyncMultipleLeadsResult, SyncStatus]):
    """Insert or update up to 300 leads; `client.in_batches` takes more.

    A lead is matched by Id, else by ForeignSysPersonId, else by Email, and created if there is none. Unlike syncLead,
    an Email beside a stronger key is not written, unless it is also among the attributes, and there are no cookies.
    With *dedup_enabled* false nothing is matched by Email: each such lead is a new one. Absent, it is true.

    A lead that is not written has the status FAILED and the reason in its `error`; it stops no other, and nothing is
    raised. Repeating the call is harmless, unless a lead would be made again: see `effect`.

    Raises `ValueError` for a lead without a key, unless *dedup_enabled* is false.
    """

    batch_limit: ClassVar[int | None] = 300
    batch_field: ClassVar[str] = "lead_records"
    statuses_field: ClassVar[str] = "sync_statuses"

    lead_records: Annotated[tuple[LeadRecord, ...], El("leadRecordList", item="leadRecord")] = field(converter=_leads)
    dedup_enabled: Annotated[bool | None, El("dedupEnabled", nillable=True)] = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        for violation in self.violations():
            raise ValueError(violation.message)
        # The server judges each lead by itself, so this is no rule of the call.
        for number, record in enumerate(self.lead_records, 1):
            if record.key is None and self.dedup_enabled is not False:
                raise ValueError(f"leadRecord[{number}] has no key: give an Id, Email or ForeignSysPersonId")

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the call as a whole breaks; what is wrong with a lead is said in its status."""
        if not self.lead_records:
            yield Violation(20109, f"{self.params_name}/leadRecordList", "leadRecordList is empty: give it a lead")

    @property
    def effect(self) -> Effect:
        """Sending it twice ends in the same state as once, with three exceptions.

        Without *dedup_enabled* a lead without Id and foreign id is made again. An attribute Email may change the Email
        that is the key. A lead with a stronger key may get another Email, or foreign id, than the one that another lead
        of the list is matched by.
        """
        if not all(is_repeatable(each, self.dedup_enabled) for each in self.lead_records):
            return "once"
        matched_by, changed = set[MatchKey | None](), set[MatchKey]()
        for record in self.lead_records:
            matched_by.add(record.key)
            if record.key is MatchKey.ID and record.foreign_sys_person_id is not None:
                changed.add(MatchKey.FOREIGN_SYS_PERSON_ID)
            if record.key is not MatchKey.EMAIL and any(is_like_email(each.name) for each in record.attributes):
                changed.add(MatchKey.EMAIL)
        return "once" if changed & matched_by else "repeatable"

    def check_reply(self, result: SyncMultipleLeadsResult) -> None:
        """Raise `ProtocolError` unless there is a status for each lead, with its Id if that was sent."""
        super().check_reply(result)
        for number, (record, status) in enumerate(zip(self.lead_records, result.sync_statuses, strict=True), 1):
            if record.id not in (None, status.lead_id) and not self.is_failure(status):
                raise ProtocolError(
                    f"status {number} is not that of lead {number}: the statuses are in another order, or this is the "
                    "reply to another call",
                    path=f"successSyncMultipleLeads/result/syncStatusList/syncStatus[{number}]/leadId",
                    problem="invalid",
                )
