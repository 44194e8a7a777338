"""Opportunities, and the roles of leads in them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.store.table import RowT, Table

__all__ = ["Opportunities", "Opportunity", "Role", "Roles"]


@frozen
class Opportunity:
    """An opportunity: its external key by name and value, its company by id or key, its attributes by SOAP name.

    The times are ISO 8601.
    """

    key_name: str = ""
    key: str = field(default="", repr=hidden)
    company_id: int | None = None
    company_key: Mapping[str, str] = field(factory=dict, repr=hidden)
    attributes: Mapping[str, str] = field(factory=dict, repr=hidden)
    created_at: str = ""
    updated_at: str = ""
    id: int = 0

    @property
    def guid(self) -> str:
        """Its id as REST has it."""
        return f"00000000-0000-4000-8000-{self.id:012x}"


@frozen
class Role:
    """The role of a lead in an opportunity, with an external key and attributes of its own."""

    opportunity_id: int
    lead_id: int
    key_name: str = ""
    key: str = field(default="", repr=hidden)
    attributes: Mapping[str, str] = field(factory=dict, repr=hidden)
    created_at: str = ""
    updated_at: str = ""
    id: int = 0

    @property
    def guid(self) -> str:
        """Its id as REST has it."""
        return f"00000000-0000-4000-9000-{self.id:012x}"


class _Objects(Table[RowT]):
    """Rows that an external key may name: several may have it, and the newest counts."""

    def newest(self, key: str, key_name: str | None = None) -> RowT | None:
        """Return the newest row with this external key, of that name if it is given."""
        condition = "key = ? AND key_name = coalesce(?, key_name)"
        return next(iter(self.select(condition, (key, key_name), order="id DESC", limit=1)), None)


class Opportunities(_Objects[Opportunity]):
    """The opportunities inside one transaction."""

    name, row = "opportunity", Opportunity
    indexes = (("key",),)


class Roles(_Objects[Role]):
    """The roles inside one transaction."""

    name, row = "opportunity_role", Role
    indexes = (("key",), ("opportunity_id",), ("lead_id",))
    of_leads = ("lead_id",)

    def of(self, opportunity_id: int, lead_id: int, role: str) -> Role | None:
        """Return the newest of these roles that a lead has in an opportunity."""
        found = self.find(opportunity_id=opportunity_id, lead_id=lead_id)
        return next((each for each in reversed(found) if each.attributes.get("Role", "") == role), None)
