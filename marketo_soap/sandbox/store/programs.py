"""Programs: their channel, tags, costs and tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from attrs import evolve, field, frozen

from marketo_soap.sandbox.store.table import Table

__all__ = ["Cost", "Program", "Programs"]

_MOST = 1e12


@frozen
class Cost:
    """What a program cost in a *month* (`2013-06`). The *id* is the program's own; 0 is not yet given."""

    month: str
    amount: float
    note: str = ""
    id: int = 0

    def __attrs_post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", self.month):
            raise ValueError("the month of a cost looks like 2013-06")
        if not abs(self.amount) <= _MOST:
            raise ValueError(f"the amount of a cost is at most {_MOST:.0e}")


@frozen
class Program:
    """A program. *tags* are values by their types, the channel apart; *tokens* values by their names.

    *start_date* and *end_date* look like `2011-08-01 11:00:00`; *created_at* and *updated_at* are ISO 8601.
    """

    name: str
    type: str = "Default"
    channel: str = ""
    tags: Mapping[str, str] = field(factory=dict)
    costs: tuple[Cost, ...] = ()
    tokens: Mapping[str, str] = field(factory=dict)
    workspace: str = "Default"
    crm_id: str = ""
    archived: bool = False
    start_date: str = ""
    end_date: str = ""
    created_at: str = ""
    updated_at: str = ""
    id: int = 0

    def __attrs_post_init__(self) -> None:
        for name in ("created_at", "updated_at"):
            text = getattr(self, name)
            try:
                datetime.fromisoformat(text or "2013-07-09")
            except ValueError:
                raise ValueError(f"{name} must look like 2013-07-09T16:44:28-05:00, not {text!r}") from None

    def with_costs(self, *costs: Cost) -> Program:
        """Return the program with further costs, each under a new id unless it brings one."""
        kept = list(self.costs)
        for cost in costs:
            number = cost.id or max((each.id for each in kept), default=0) + 1
            kept.append(evolve(cost, id=number))
        return evolve(self, costs=tuple(kept))


class Programs(Table[Program]):
    """The programs inside one transaction."""

    name, row = "program", Program
    unique = (("name",),)

    def fill(self, programs: tuple[Program, ...], now: str) -> None:
        """Add the programs whose names are not there yet."""
        for each in programs:
            if self.first(name=each.name) is None:
                numbered = evolve(each, costs=()).with_costs(*each.costs)
                self.add(evolve(numbered, created_at=each.created_at or now, updated_at=each.updated_at or now))
