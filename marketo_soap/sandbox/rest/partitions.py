"""The partitions that leads are in, as REST names and counts them."""

from __future__ import annotations

from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.settings import Settings

__all__ = ["check_partition", "describe_partitions", "partition_ids"]


def partition_ids(settings: Settings) -> dict[str, int]:
    """Return the partitions' ids by name, counted from 1: all of them, for the API user sees every workspace."""
    names = {settings.workspaces.default_partition: None}
    if settings.workspaces.enabled:
        for space in settings.workspaces.workspaces:
            names |= dict.fromkeys((space.primary, *space.partitions))
    return {name: number for number, name in enumerate(names, 1)}


def check_partition(name: str, settings: Settings) -> None:
    """Raise 1008 for a name that no partition has. Chosen: what is unknown is out of reach."""
    if name not in partition_ids(settings):
        raise RestCallError("1008", f"Access denied to partition '{name}'")


def describe_partitions(call: EndpointCall) -> RestResult:
    """Return the partitions."""
    ids = partition_ids(call.settings)
    return RestResult([{"id": ids[name], "name": name, "description": f"Leads of {name}"} for name in ids])
