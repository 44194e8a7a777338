"""The partitions that leads are in, as REST names and counts them."""

from __future__ import annotations

from typing import Any

from marketo_soap.sandbox.settings import Settings

__all__ = ["describe_partitions", "partition_ids"]


def partition_ids(settings: Settings) -> dict[str, int]:
    """Return the partitions' ids by name, counted from 1: all of them, for the API user sees every workspace."""
    names = {settings.workspaces.default_partition: None}
    if settings.workspaces.enabled:
        for space in settings.workspaces.workspaces:
            names |= dict.fromkeys((space.primary, *space.partitions))
    return {name: number for number, name in enumerate(names, 1)}


def describe_partitions(settings: Settings) -> list[dict[str, Any]]:
    """Return the partitions as `partitions.json` does."""
    return [
        {"id": number, "name": name, "description": f"Leads of {name}"}
        for name, number in partition_ids(settings).items()
    ]
