"""Families of operations that take both roads, beside syncLead: what is drawn of each, and how its answers compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from tests.bridge import drawn, lists, reads
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
    Family("reads", lambda roads: drawn.reads(roads.now()), reads.compare),
    Family("lists", lambda roads: lists.calls(), lists.compare, lists.prepare),
)
