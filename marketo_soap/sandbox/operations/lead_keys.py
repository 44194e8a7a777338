"""Which leads keys and selectors name."""

from __future__ import annotations

from collections.abc import Sequence

from marketo_soap.errors import fault
from marketo_soap.records.lead_keys import (
    LONGEST_SPAN,
    LastUpdateAtSelector,
    LeadKey,
    LeadKeyRef,
    StaticListSelector,
)
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store import selections
from marketo_soap.sandbox.store.leads import StoredLead
from marketo_soap.sandbox.store.selections import Selection
from marketo_soap.sandbox.store.table import read_id
from marketo_soap.wire.codec import INT_MAX

__all__ = ["check_span", "leads_named", "leads_of", "list_id_of"]


def leads_of(key_type: str, key_values: Sequence[str], settings: Settings) -> Selection:
    """Return the selection of the leads that any of the keys names.

    Chosen: white space around a key does not count, nor does the case of an address. An IDNUM that is not a number
    names no lead.
    """
    values = [value.strip() for value in key_values]
    match key_type:
        case LeadKeyRef.IDNUM:
            numbers = map(read_id, values)
            return selections.by_ids([number for number in numbers if number is not None and number <= INT_MAX])
        case LeadKeyRef.EMAIL:
            return selections.by_emails(values)
        case LeadKeyRef.COOKIE:
            return selections.by_cookies(values)
        case _:
            name = settings.lead_key_fields[key_type]
            return selections.by_attribute(name, values, any_case=key_type == LeadKeyRef.LEADOWNEREMAIL)


def leads_named(key: LeadKey, world: World) -> list[StoredLead]:
    """Return the leads that a key names, the newest id first, as recorded. Raises 20103 or 20108 if there is none."""
    found = world.leads.select(leads_of(key.key_type, [key.key_value], world.settings))[::-1]
    if not found and key.key_type == LeadKeyRef.LEADOWNEREMAIL:
        raise fault(20108)
    if not found:
        raise fault(20103, f"No lead found with {key.key_type} = {key.key_value}")
    return found


def list_id_of(selector: StaticListSelector, world: World) -> int:
    """Return the id of the list; of id and name the id decides (chosen). Recorded: an unknown name is no fault."""
    if selector.static_list_id is not None:
        if world.leads.lists.get(selector.static_list_id) is None:
            raise fault(20111)
        return selector.static_list_id
    kept = world.leads.lists.named((selector.static_list_name or "").strip())
    return kept.id if kept is not None else 0


def check_span(selector: LastUpdateAtSelector, world: World) -> None:
    """Raise 20022 for a span of time that is too long."""
    if selector.is_too_long(world.now):
        raise fault(20022, f"The time range is longer than {LONGEST_SPAN.days} days")
