"""The groups of operations that are compared, except syncLead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from tests.bridge.soap_vs_rest import activities, campaigns, custom_objects, get_leads, imports, lists, m_objects
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair

__all__ = ["GROUPS", "Group"]


@frozen
class Group:
    """Operations that are compared in the same way.

    *calls* is a strategy for calls at a time. *compare* makes a call over both APIs, asserts that the results are the
    same, and returns the names of the differences that applied. *prepare* adds what the operations need to both
    sandboxes.
    """

    name: str
    calls: Callable[[datetime], st.SearchStrategy[Any]]
    compare: Callable[[SandboxPair, Any], list[str]]
    prepare: Callable[[SandboxPair], None] = lambda pair: None


GROUPS: tuple[Group, ...] = (
    Group("activities", activities.calls, activities.compare, activities.prepare),
    Group("campaigns", campaigns.calls, campaigns.compare, campaigns.prepare),
    Group("custom objects", custom_objects.calls, custom_objects.compare, custom_objects.prepare),
    Group("get leads", get_leads.calls, get_leads.compare),
    Group("lists", lists.calls, lists.compare, lists.prepare),
    Group("imports", imports.calls, imports.compare, imports.prepare),
    Group("Marketo objects", m_objects.calls, m_objects.compare, m_objects.prepare),
)
