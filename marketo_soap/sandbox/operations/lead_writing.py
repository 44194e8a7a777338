"""Write one lead, for every operation that does: which lead is meant, what becomes of it, and what is logged.

The rules are the vendor's pages and what was recorded of the real server, which wins where they differ. Where neither
says, the comment says "chosen".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from attrs import frozen

from marketo_soap.calls.limits import central
from marketo_soap.errors import fault
from marketo_soap.operations.base import refuse_first
from marketo_soap.operations.lead_identity import LeadIdentity, broken_lead_rules
from marketo_soap.records.lead import Attribute, LeadRecord, LeadSyncStatus, MatchKey, filled
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.settings import Settings, Workspace
from marketo_soap.sandbox.store.activities import Activity, to_ms
from marketo_soap.sandbox.store.leads import Leads, StoredLead

__all__ = ["BOOLEANS", "WrittenLead", "log_lead", "write_lead"]

BOOLEANS = {"true": "1", "yes": "1", "1": "1", "false": "0", "no": "0", "0": "0"}
"""The texts that a boolean is written as, and the one that is kept."""


@frozen
class WrittenLead:
    """A lead before (None: it is new) and after it was written, the key that decided, and remarks for the journal."""

    before: StoredLead | None
    after: StoredLead
    key: MatchKey | None
    notes: Sequence[str] = ()

    @property
    def status(self) -> LeadSyncStatus:
        """Whether the lead is new."""
        return LeadSyncStatus.CREATED if self.before is None else LeadSyncStatus.UPDATED


def write_lead(
    record: LeadRecord, world: World, *, cookie: str | None = None, in_batch: bool = False, dedup: bool = True
) -> WrittenLead:
    """Insert or update one lead, and log it. Raises a `Fault` before anything is written.

    *in_batch*: an Email beside a stronger key is not written. Without *dedup* no lead is looked for by its Email.
    """
    leads, settings = world.leads, world.settings
    space = _workspace(settings, world.workspace)
    given = _keys(record, cookie, settings, needs_key=dedup)
    attributes = _read_attributes(record.attributes, settings)
    found, key = _match(leads, given, settings, by_email=dedup)
    if found is not None and space is not None and key is not MatchKey.EMAIL:
        _check_partition(found, space)
    email = given.new_email or given.email
    if in_batch and key not in (MatchKey.EMAIL, None):
        email = filled(record.get("Email"))
    lead = _merged(found or StoredLead(), given, email, attributes)
    if found is None:
        lead.partition = _partition_of_new(lead, space, settings)
    if lead.foreign_id is not None and lead.foreign_type is not None:
        before = None if found is None else (found.foreign_type, found.foreign_id)
        if before != (lead.foreign_type, lead.foreign_id):
            # Chosen: a foreign id that another lead has is taken from it, for no two may share it.
            leads.release_foreign_id(lead.foreign_type, lead.foreign_id)
    kept = leads.insert(lead, world.now) if found is None else leads.update(lead, world.now)
    if given.cookie is not None:
        leads.tie_cookie(given.cookie, kept.id)
    log_lead(world, found, kept)
    notes = ["an anonymous lead became known"] if found is not None and found.anonymous else []
    if given.new_email:
        notes.append("the attribute Email was taken as the new address of the lead")
    return WrittenLead(found, kept, key, notes)


# -- what is given ------------------------------------------------------------------------------------


def _keys(record: LeadRecord, cookie: str | None, settings: Settings, *, needs_key: bool) -> LeadIdentity:
    """Return the keys of a lead, or refuse it. Codes by the meaning of the published table."""
    keys = LeadIdentity.of(record, cookie, email_attribute=settings.email_attribute)
    has_key = bool(keys) or not needs_key
    refuse_first(broken_lead_rules(record, has_key, foreign_type_alone=settings.foreign_type_alone))
    return keys


def _read_attributes(attributes: tuple[Attribute, ...], settings: Settings) -> dict[str, str]:
    types = settings.field_types
    unknown = sorted({attribute.name for attribute in attributes} - types.keys())
    if unknown and settings.unknown_fields == "fault":
        raise fault(20105, f"syncLead operation failed: unknown fields for import: {', '.join(unknown)}")
    values: dict[str, str] = {}
    for attribute in attributes:  # chosen: of a repeated name the last one counts
        value = attribute.value
        if types.get(attribute.name) == "boolean":  # recorded: booleans come back as 1
            value = BOOLEANS.get(value.strip().lower(), value)
        values[attribute.name] = value
    values.pop("Email", None)
    values.pop("Id", None)  # chosen: the id is no value that could be written
    return values


# -- which lead is meant ------------------------------------------------------------------------------


def _match(
    leads: Leads, given: LeadIdentity, settings: Settings, *, by_email: bool
) -> tuple[StoredLead | None, MatchKey | None]:
    """Find the lead: by Id, else by foreign id, else by cookie, else by Email. Also says which key decided."""
    if given.id is not None:
        lead = leads.by_id(given.id)
        if lead is None:  # recorded: an unknown Id is a fault and never makes a lead
            raise fault(20103, f"No lead found with IDNUM = {given.id}")
        return lead, MatchKey.ID
    if given.person_id is not None and given.system is not None:
        lead = leads.by_foreign_id(given.system, given.person_id)
        if lead is None and given.email is not None and settings.foreign_id_adopts_email and by_email:
            return leads.newest_by_email(given.email), MatchKey.EMAIL
        return lead, MatchKey.FOREIGN_SYS_PERSON_ID
    by_cookie = None if given.cookie is None else leads.by_cookie(given.cookie)
    if given.email is None or not by_email:
        return by_cookie, MatchKey.COOKIE if given.cookie is not None else None
    if by_cookie is not None and settings.cookie_before_email:
        return by_cookie, MatchKey.COOKIE
    found = leads.newest_by_email(given.email)  # chosen: of several, the most recently added
    if found is None and by_cookie is not None:
        return by_cookie, MatchKey.COOKIE
    return found, MatchKey.EMAIL


def _merged(lead: StoredLead, given: LeadIdentity, email: str | None, attributes: dict[str, str]) -> StoredLead:
    """The lead as the call leaves it: given keys and attributes are written, empty attributes cleared."""
    attributes = {**lead.attributes, **attributes}
    return StoredLead(
        lead.id,
        email or lead.email,
        given.system if given.person_id else lead.foreign_type,
        given.person_id or lead.foreign_id,
        lead.partition,
        False,
        {name: value for name, value in attributes.items() if value},
        lead.created_at,
        lead.updated_at,
    )


# -- what is logged -----------------------------------------------------------------------------------


def log_lead(
    world: World,
    before: StoredLead | None,
    after: StoredLead,
    *,
    source: str = "Web service API",
    reason: str = "SOAP API",
) -> None:
    """Log what a call did to a lead, as the vendor's samples show it: New Lead, or a record for each changed field.

    Chosen: the values that a new lead came with are not logged, nor is a foreign id, which is no field.
    """
    lead_id, at_ms = str(after.id), to_ms(world.now)
    if before is None:
        created = central(datetime.fromisoformat(after.created_at)).isoformat(" ", "seconds")[:19]
        facts = {"Source Type": source, "Source Info": source, "Created Date": created, "Lead ID": lead_id}
        world.leads.activities.add_all([Activity(after.id, at_ms, "New Lead", "", "", facts)])
        return
    rows = []
    for name, old, new in _changes(before, after):
        label = world.settings.field_labels.get(name, name)
        values = {"Attribute Name": label, "Old Value": old, "New Value": new}
        facts = {**values, "Reason": reason, "Source": source, "Lead ID": lead_id}
        rows.append(Activity(after.id, at_ms, "Change Data Value", label, "", facts))
    if rows:
        world.leads.activities.add_all(rows)


def _changes(before: StoredLead, after: StoredLead) -> Iterator[tuple[str, str, str]]:
    """Yield name, old and new value of each field that changed; nothing is empty text."""
    if before.email != after.email:
        yield "Email", before.email or "", after.email or ""
    old, new = before.attributes, after.attributes
    if old != new:
        for name in sorted({**old, **new}):
            if old.get(name) != new.get(name):
                yield name, old.get(name, ""), new.get(name, "")


# -- workspaces and partitions ------------------------------------------------------------------------


def _workspace(settings: Settings, name: str | None) -> Workspace | None:
    """The workspace that the header names; None without a header. Codes are chosen: none is documented."""
    name = filled(name)
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
