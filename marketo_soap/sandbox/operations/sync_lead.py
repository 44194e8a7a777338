"""syncLead in the sandbox: which lead a call means, and what becomes of it.

The rules are the vendor's page on syncLead and what was recorded of the real server, which wins where they
differ. Where neither says, the comment says "chosen".
"""

from __future__ import annotations

from attrs import frozen

from marketo_soap.errors import fault
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.records.lead import Attribute, ForeignSysType, LeadSyncStatus, MatchKey, SyncStatus
from marketo_soap.sandbox.operations.outcome import Outcome, World, record_of
from marketo_soap.sandbox.settings import Settings, Workspace
from marketo_soap.sandbox.store.leads import Leads, StoredLead
from marketo_soap.wire.codec import INT_MAX

__all__ = ["sync_lead"]

_BOOLEANS = {"true": "1", "yes": "1", "1": "1", "false": "0", "no": "0", "0": "0"}


def sync_lead(call: SyncLead, world: World) -> Outcome:
    """Insert or update the lead of *call*. Raises a `Fault`; nothing is to be kept of what raised."""
    leads, settings, now = world.leads, world.settings, world.now
    space = _workspace(settings, world.workspace)
    given = _read(call, settings)
    found, key = _match(leads, given, settings)
    if found is not None and space is not None and key is not MatchKey.EMAIL:
        _check_partition(found, space)
    lead = _merged(found or StoredLead(), given)
    if found is None:
        lead.partition = _partition_of_new(lead, space, settings)
    if lead.foreign_id is not None and lead.foreign_type is not None:
        before = None if found is None else (found.foreign_type, found.foreign_id)
        if before != (lead.foreign_type, lead.foreign_id):
            # Chosen: a foreign id that another lead has is taken from it, for no two may share it.
            leads.release_foreign_id(lead.foreign_type, lead.foreign_id)
    kept = leads.insert(lead, now) if found is None else leads.update(lead, now)
    if given.cookie is not None:
        leads.tie_cookie(given.cookie, kept.id)
    status = LeadSyncStatus.CREATED if found is None else LeadSyncStatus.UPDATED
    record = record_of(kept, settings) if call.return_lead else None
    result = SyncLeadResult(kept.id, SyncStatus(kept.id, status), record)
    notes = ["an anonymous lead became known"] if found is not None and found.anonymous else []
    if (given.email or "").lower() != (given.new_email or "").lower():
        notes.append("the attribute Email was taken as the new address of the lead")
    return Outcome(result, key, kept.id, found, kept, notes)


# -- what is given ------------------------------------------------------------------------------------


@frozen
class _Given:
    """The keys and values of a call, empty ones as None: clients sent `<marketoCookie></marketoCookie>`."""

    id: int | None
    email: str | None  # the key
    new_email: str | None  # what the lead's address becomes
    system: str | None
    person_id: str | None
    cookie: str | None
    attributes: dict[str, str]


def _filled(text: str | None) -> str | None:
    return (text.strip() or None) if text else None


def _read(call: SyncLead, settings: Settings) -> _Given:
    """Read the call, or say which rule it breaks. Codes by the meaning of the published table."""
    record = call.lead_record
    system, person_id = _filled(record.foreign_sys_type), _filled(record.foreign_sys_person_id)
    if person_id is not None and system is None:
        raise fault(20109, "ForeignSysType is required with ForeignSysPersonId")
    if system is not None and person_id is None and settings.foreign_type_alone == "fault":
        raise fault(20109, "ForeignSysPersonId is required with ForeignSysType")
    if system is not None and system not in list(ForeignSysType):
        raise fault(20110, f"ForeignSysType must be one of {', '.join(ForeignSysType)}")
    if record.id is not None and not 1 <= record.id <= INT_MAX:
        raise fault(20110, "Id must be a positive integer")
    cookie, email, new_email = _filled(call.marketo_cookie), _filled(record.email), _filled(record.get("Email"))
    # Recorded: without an Email element the attribute is the key. Chosen: beside one it is the new address.
    if email is None or (new_email is not None and settings.email_attribute == "key"):
        email = new_email
    if record.id is None and person_id is None and cookie is None and email is None:
        raise fault(20101)
    attributes = _read_attributes(record.attributes, settings)
    attributes.pop("Email", None)
    attributes.pop("Id", None)  # chosen: the id is no value that could be written
    return _Given(record.id, email, new_email or email, system, person_id, cookie, attributes)


def _read_attributes(attributes: tuple[Attribute, ...], settings: Settings) -> dict[str, str]:
    types = settings.field_types
    if any(_filled(attribute.name) is None for attribute in attributes):
        raise fault(20109, "attrName is required")
    unknown = sorted({attribute.name for attribute in attributes} - types.keys())
    if unknown and settings.unknown_fields == "fault":
        raise fault(20105, f"syncLead operation failed: unknown fields for import: {', '.join(unknown)}")
    values: dict[str, str] = {}
    for attribute in attributes:  # chosen: of a repeated name the last one counts
        value = attribute.value
        if types.get(attribute.name) == "boolean":  # recorded: booleans come back as 1
            value = _BOOLEANS.get(value.strip().lower(), value)
        values[attribute.name] = value
    return values


# -- which lead is meant ------------------------------------------------------------------------------


def _match(leads: Leads, given: _Given, settings: Settings) -> tuple[StoredLead | None, MatchKey]:
    """Find the lead: by Id, else by foreign id, else by cookie, else by Email. Also says which key decided."""
    if given.id is not None:
        lead = leads.by_id(given.id)
        if lead is None:  # recorded: an unknown Id is a fault and never makes a lead
            raise fault(20103, f"No lead found with IDNUM = {given.id}")
        return lead, MatchKey.ID
    if given.person_id is not None and given.system is not None:
        lead = leads.by_foreign_id(given.system, given.person_id)
        if lead is None and given.email is not None and settings.foreign_id_adopts_email:
            return leads.newest_by_email(given.email), MatchKey.EMAIL
        return lead, MatchKey.FOREIGN_SYS_PERSON_ID
    by_cookie = None if given.cookie is None else leads.by_cookie(given.cookie)
    if given.email is None:
        return by_cookie, MatchKey.COOKIE
    if by_cookie is not None and settings.cookie_before_email:
        return by_cookie, MatchKey.COOKIE
    by_email = leads.newest_by_email(given.email)  # chosen: of several, the most recently added
    if by_email is None and by_cookie is not None:
        return by_cookie, MatchKey.COOKIE
    return by_email, MatchKey.EMAIL


def _merged(lead: StoredLead, given: _Given) -> StoredLead:
    """The lead as the call leaves it: given keys and attributes are written, empty attributes cleared."""
    attributes = {**lead.attributes, **given.attributes}
    return StoredLead(
        lead.id,
        given.new_email or lead.email,
        given.system if given.person_id else lead.foreign_type,
        given.person_id or lead.foreign_id,
        lead.partition,
        False,
        {name: value for name, value in attributes.items() if value},
        lead.created_at,
        lead.updated_at,
    )


# -- workspaces and partitions ------------------------------------------------------------------------


def _workspace(settings: Settings, name: str | None) -> Workspace | None:
    """The workspace that the header names; None without a header. Codes are chosen: none is documented."""
    name = _filled(name)
    if name is None:
        return None
    if not settings.workspaces.enabled:
        if name.lower() != "default":
            raise fault(20110, "targetWorkspace must be Default: workspaces are not enabled")
        return None
    workspace = settings.workspaces.named(name)
    if workspace is None:
        raise fault(20110, "targetWorkspace names no workspace of this subscription")
    return workspace


def _check_partition(lead: StoredLead, space: Workspace) -> None:
    """A lead that is matched by anything but Email must be in the primary partition of the named workspace."""
    if lead.partition != space.primary:
        raise fault(20106, f"The lead is not in the primary partition of workspace {space.name}")


def _partition_of_new(lead: StoredLead, space: Workspace | None, settings: Settings) -> str:
    """An assignment rule decides, else the named workspace's primary partition, else that of `Default`."""
    config = settings.workspaces
    if config.enabled:
        values = {name: value.lower() for name, value in lead.attributes.items()}
        values["Email"] = (lead.email or "").lower()
        for rule in config.rules:
            if all(values.get(name) == value.lower() for name, value in rule.when.items()):
                return rule.partition
    return config.default_partition if space is None else space.primary
