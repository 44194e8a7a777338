"""What Marketo does with a call: the rules of the operations, apart from storage and from HTTP.

The rules are the vendor's page on syncLead and what was recorded of the real server. Where neither says,
the comment says "chosen".
"""

from __future__ import annotations

from datetime import datetime

from marketo_soap.codec import INT_MAX
from marketo_soap.errors import fault
from marketo_soap.operations import SyncLead, SyncLeadResult
from marketo_soap.records import Attribute, ForeignSysType, LeadRecord, LeadSyncStatus, SyncStatus
from marketo_soap.sandbox.store import Leads, StoredLead

__all__ = ["record_of", "sync_lead"]


def sync_lead(leads: Leads, call: SyncLead, now: datetime) -> SyncLeadResult:
    """Insert or update the lead of *call*. Raises a `Fault`; nothing is to be kept of what raised."""
    given = call.lead_record
    cookie = _filled(call.marketo_cookie)
    _check(given, cookie)
    found = _match(leads, given, cookie)
    lead = _merged(found, given)
    if found is None or _foreign_id(lead) != _foreign_id(found):
        leads.release_foreign_id(lead.foreign_type or "", lead.foreign_id or "")
    kept = leads.insert(lead, now) if found is None else leads.update(lead, now)
    if cookie is not None:
        leads.tie_cookie(cookie, kept.id)
    status = LeadSyncStatus.CREATED if found is None else LeadSyncStatus.UPDATED
    return SyncLeadResult(kept.id, SyncStatus(kept.id, status), record_of(kept) if call.return_lead else None)


def record_of(lead: StoredLead) -> LeadRecord:
    """Return a kept lead as a reply shows it: attributes by name, those without a value left out."""
    attributes = [Attribute(name, value, "string") for name, value in sorted(lead.attributes.items())]
    return LeadRecord(
        id=lead.id,
        email=lead.email,
        foreign_sys_person_id=lead.foreign_id,
        foreign_sys_type=lead.foreign_type,
        attributes=attributes,
    )


def _filled(text: str | None) -> str | None:
    """An empty element counts as an absent one: clients sent `<marketoCookie></marketoCookie>` for years."""
    return (text.strip() or None) if text else None


def _check(given: LeadRecord, cookie: str | None) -> None:
    person_id, system = _filled(given.foreign_sys_person_id), _filled(given.foreign_sys_type)
    if person_id is not None and system is None:
        raise fault(20109, "ForeignSysType is required with ForeignSysPersonId")
    if system is not None and person_id is None:
        raise fault(20109, "ForeignSysPersonId is required with ForeignSysType")
    if system is not None and system not in list(ForeignSysType):
        raise fault(20110, f"ForeignSysType must be one of {', '.join(ForeignSysType)}")
    if given.id is not None and not 1 <= given.id <= INT_MAX:
        raise fault(20110, "Id must be a positive integer")
    if given.id is None and person_id is None and cookie is None and _filled(given.email) is None:
        raise fault(20101)
    for attribute in given.attributes:
        if _filled(attribute.name) is None:
            raise fault(20109, "attrName is required")


def _match(leads: Leads, given: LeadRecord, cookie: str | None) -> StoredLead | None:
    """Find the lead that is meant: by Id, else by foreign id, else by cookie, else by Email."""
    if given.id is not None:
        lead = leads.by_id(given.id)
        if lead is None:  # recorded: an unknown Id is a fault and never makes a lead
            raise fault(20103, f"No lead found with IDNUM = {given.id}")
        return lead
    person_id, system = _filled(given.foreign_sys_person_id), _filled(given.foreign_sys_type)
    if person_id is not None and system is not None:
        # Chosen: an unknown foreign id makes a lead, though an Email beside it may match one.
        return leads.by_foreign_id(system, person_id)
    lead = None if cookie is None else leads.by_cookie(cookie)
    email = _filled(given.email)
    if lead is None and email is not None:
        lead = leads.newest_by_email(email)
    return lead


def _merged(found: StoredLead | None, given: LeadRecord) -> StoredLead:
    """The lead as the call leaves it: given keys and attributes are written, empty attributes cleared."""
    lead = found or StoredLead(0, None, None, None, {})
    attributes = dict(lead.attributes)
    for attribute in given.attributes:
        if attribute.value:
            attributes[attribute.name] = attribute.value
        else:
            attributes.pop(attribute.name, None)
    person_id = _filled(given.foreign_sys_person_id)
    return StoredLead(
        lead.id,
        _filled(given.email) or lead.email,
        _filled(given.foreign_sys_type) if person_id else lead.foreign_type,
        person_id or lead.foreign_id,
        attributes,
        lead.created_at,
        lead.updated_at,
    )


def _foreign_id(lead: StoredLead) -> tuple[str | None, str | None]:
    return lead.foreign_type, lead.foreign_id
