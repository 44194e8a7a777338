"""The keys of a syncLead: what can be said of them without asking anybody. Pure."""

from __future__ import annotations

from attrs import field, frozen

from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.errors import BridgeConfigurationError, fault
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.privacy.redactor import hidden
from marketo_soap.records.lead import ForeignSysType, LeadRecord
from marketo_soap.wire.codec import INT_MAX

__all__ = ["Keys", "keys_of", "partition_of"]


@frozen
class Keys:
    """The keys of a call, empty ones as None. *new_email* is an address that replaces *email* on the lead."""

    id: int | None
    system: str | None
    person_id: str | None = field(repr=hidden)
    cookie: str | None = field(repr=hidden)
    email: str | None = field(repr=hidden)
    new_email: str | None = field(default=None, repr=hidden)

    def held(self, foreign_field: str = "") -> frozenset[str]:
        """Return the keys that two calls must not use at once: upserts that race make duplicates.

        *foreign_field* keeps the foreign id: types that share one meet there, and so do `7` and `007`.
        """
        person_id = self.person_id and (self.person_id.lower().lstrip("0") or "0")
        keys = [("id", self.id), (foreign_field, person_id), ("cookie", self.cookie)]
        keys += [("email", email and email.lower()) for email in (self.email, self.new_email)]
        return frozenset(f"{kind}:{key}" for kind, key in keys if key is not None)


def _filled(text: str | None) -> str | None:
    return (text.strip() or None) if text else None


def _email_attribute(record: LeadRecord, settings: BridgeSettings) -> str | None:
    """Return the last attribute that REST calls `email`, a standard field, so no catalogue is needed."""
    for attribute in reversed(record.attributes):
        name = attribute.name.strip()
        if settings.attribute_names.get(name, name).replace(" ", "").lower() == "email":
            return _filled(attribute.value)
    return None


def keys_of(operation: SyncLead, settings: BridgeSettings) -> Keys:
    """Return the keys of a call. Raises the fault for keys that are missing or wrong; nothing has been sent."""
    record = operation.lead_record
    person_id, system = _filled(record.foreign_sys_person_id), _filled(record.foreign_sys_type)
    email, new_email = _filled(record.email), _email_attribute(record, settings)
    if new_email and (not email or email.lower() == new_email.lower() or settings.email_attribute == "key"):
        email, new_email = new_email, None
    keys = Keys(record.id, system, person_id, _filled(operation.marketo_cookie), email, new_email)
    if person_id and not system:
        raise fault(20109, "ForeignSysType is required with ForeignSysPersonId")
    if system and not person_id and settings.foreign_type_alone == "fault":
        raise fault(20109, "ForeignSysPersonId is required with ForeignSysType")
    if system and system not in list(ForeignSysType):
        raise fault(20110, f"ForeignSysType must be one of {', '.join(ForeignSysType)}")
    if keys.id is not None and not 1 <= keys.id <= INT_MAX:
        raise fault(20110, "Id must be a positive integer")
    if keys.id is None and not (person_id or keys.cookie or keys.email):
        raise fault(20101, "Id, ForeignSysPersonId, marketoCookie or Email is required")
    if person_id and system not in settings.foreign_id_fields:
        text = f"no REST field is configured for ids of the type {system}: name it in foreign_id_fields"
        raise BridgeConfigurationError(text, setting="foreign_id_fields")
    if not (keys.email or "").isascii() or not (keys.new_email or "").isascii():
        raise fault(20110, "Email must be ASCII")
    if keys.id is None and not (person_id or keys.email) and "," in (keys.cookie or ""):
        raise fault(20110, "marketoCookie must hold no comma: REST would look for two")
    if keys.id is None and not (person_id or keys.email) and settings.cookie_only == "refuse":
        raise fault(20101, "marketoCookie alone is no key here: Id, ForeignSysPersonId or Email is required")
    return keys


def partition_of(workspace: str, settings: BridgeSettings) -> str:
    """Return the partition of a workspace, which must be configured: the live service never said that it was not."""
    partition = settings.partition_of(workspace)
    if partition is None:
        text = f"no lead partition is configured for the workspace {workspace!r}: name it in workspace_partitions"
        raise BridgeConfigurationError(text, setting="workspace_partitions")
    return partition
