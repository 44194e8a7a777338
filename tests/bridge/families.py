"""Families of operations that take both roads, beside syncLead: what is drawn of each, and how its answers compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from tests.bridge import activities, campaigns, custom_objects, drawn, imports, lists, m_objects, reads
from tests.bridge.two_roads import Roads

__all__ = ["FAMILIES", "Family"]


@frozen
class Family:
    """Operations that are compared in the same way.

    *prepare* gives both sandboxes what the operations need beside leads; *calls* draws an operation, and *compare*
    makes it on both roads, compares the answers and what was kept, and returns the names of the gaps that it met.
    """

    name: str
    calls: Callable[[Roads], st.SearchStrategy[Any]]
    compare: Callable[[Roads, Any], list[str]]
    prepare: Callable[[Roads], None] = lambda roads: None


FAMILIES: tuple[Family, ...] = (
    Family("activities", lambda roads: activities.calls(roads.now()), activities.compare, activities.prepare),
    Family("campaigns", lambda roads: campaigns.calls(roads.now()), campaigns.compare, campaigns.prepare),
    Family("custom objects", custom_objects.calls, custom_objects.compare, custom_objects.prepare),
    Family("reads", lambda roads: drawn.reads(roads.now()), reads.compare),
    Family("lists", lambda roads: lists.calls(), lists.compare, lists.prepare),
    Family("imports", lambda roads: imports.calls(), imports.compare, imports.prepare),
    Family("objects", lambda roads: m_objects.CALLS, m_objects.compare, m_objects.prepare),
)
