"""What an endpoint of REST is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import secret
from marketo_soap.sandbox.field_catalogue import Catalogue
from marketo_soap.sandbox.journal import Entry
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.rest.replies import parsed
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import StoredLead

__all__ = ["EndpointCall", "visible"]


@frozen(kw_only=True)
class EndpointCall(World):
    """A REST call within one transaction: its parameters, the *number* or *name* in its path, and its body.

    An endpoint notes in the journal's *entry* what is worth knowing.
    """

    given: Mapping[str, str] = field(repr=secret)
    number: int
    name: str
    body: bytes = field(repr=secret)
    content_type: str
    catalogue: Catalogue
    entry: Entry

    def data(self) -> Any:
        """Return the JSON of the body. Raises 609."""
        return parsed(self.body)

    def lead(self, lead_id: int) -> StoredLead | None:
        """Return the lead with this id, if there is one that REST sees."""
        lead = self.leads.by_id(lead_id)
        return lead if lead is not None and visible(lead, self.settings) else None


def visible(lead: StoredLead, settings: Settings) -> bool:
    """Whether REST sees a lead. Chosen: not while it is anonymous, unless the settings say so."""
    return settings.rest_shows_anonymous or not lead.anonymous
