"""The keys of a lead that is written: their rules, and the locks that they need. Pure."""

from __future__ import annotations

from marketo_soap.bridge.names import squeezed
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.errors import BridgeConfigurationError, fault
from marketo_soap.operations.base import refuse_first
from marketo_soap.operations.lead_identity import LeadIdentity, broken_lead_rules
from marketo_soap.records.lead import LeadRecord

__all__ = ["held", "keys_of", "partition_of"]


def held(keys: LeadIdentity, settings: BridgeSettings) -> frozenset[str]:
    """Return the keys that two calls must not use at once: upserts that race make duplicates.

    A foreign id is that of its REST field, which several types may share. `7` and `007` are the same.
    """
    person_id = keys.person_id and (keys.person_id.lower().lstrip("0") or "0")
    named = [("id", keys.id), (settings.foreign_id_fields.get(keys.system or ""), person_id), ("cookie", keys.cookie)]
    named += [("email", email and email.lower()) for email in (keys.email, keys.new_email)]
    return frozenset(f"{kind}:{key}" for kind, key in named if key is not None)


def keys_of(
    record: LeadRecord, cookie: str | None, settings: BridgeSettings, *, needs_key: bool = True
) -> LeadIdentity:
    """Return the keys of a call. Raises the fault for keys that are missing or wrong; nothing has been sent."""

    def is_email(name: str) -> bool:  # what REST calls `email`: a standard field, so no catalogue is needed
        name = name.strip()
        return squeezed(settings.attribute_names.get(name, name)) == "email"

    keys = LeadIdentity.of(record, cookie, email_attribute=settings.email_attribute, is_email=is_email)
    refuse_first(broken_lead_rules(record, bool(keys) or not needs_key, foreign_type_alone=settings.foreign_type_alone))
    if keys.person_id and keys.system not in settings.foreign_id_fields:
        text = f"no REST field is configured for ids of the type {keys.system}: name it in foreign_id_fields"
        raise BridgeConfigurationError(text, setting="foreign_id_fields")
    if not (keys.email or "").isascii() or not (keys.new_email or "").isascii():
        raise fault(20110, "Email must be ASCII")
    if keys.id is None and not (keys.person_id or keys.email) and "," in (keys.cookie or ""):
        raise fault(20110, "marketoCookie must hold no comma: REST would look for two")
    if keys.cookie and keys.id is None and not (keys.person_id or keys.email) and settings.cookie_only == "refuse":
        raise fault(20101, "marketoCookie alone is no key here: Id, ForeignSysPersonId or Email is required")
    return keys


def partition_of(workspace: str, settings: BridgeSettings) -> str:
    """Return the partition of a workspace. Raises `BridgeConfigurationError`, as SOAP has no fault for it."""
    partition = settings.partition_of(workspace)
    if partition is None:
        text = f"no lead partition is configured for the workspace {workspace!r}: name it in workspace_partitions"
        raise BridgeConfigurationError(text, setting="workspace_partitions")
    return partition
