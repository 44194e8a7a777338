"""Which leads a key names."""

from __future__ import annotations

from collections.abc import Sequence

from marketo_soap.records.lead_keys import LeadKeyRef
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store import selections
from marketo_soap.sandbox.store.selections import Selection
from marketo_soap.wire.codec import INT_MAX

__all__ = ["leads_of"]


def leads_of(key_type: str, key_values: Sequence[str], settings: Settings) -> Selection:
    """Return the selection of the leads that any of the keys names.

    Chosen: white space around a key does not count, nor does the case of an address. An IDNUM that is not a number
    names no lead.
    """
    values = [value.strip() for value in key_values]
    match key_type:
        case LeadKeyRef.IDNUM:
            numbers = [int(value) for value in values if value.isascii() and value.isdecimal() and len(value) < 19]
            return selections.by_ids([number for number in numbers if number <= INT_MAX])
        case LeadKeyRef.EMAIL:
            return selections.by_emails(values)
        case LeadKeyRef.COOKIE:
            return selections.by_cookies(values)
        case _:
            name = settings.lead_key_fields[key_type]
            return selections.by_attribute(name, values, any_case=key_type == LeadKeyRef.LEADOWNEREMAIL)
