"""Channels and tags over REST: assets, in pages by `offset` and `maxReturn`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marketo_soap.sandbox.assets import Channel, TagType
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.pages import asset_page
from marketo_soap.sandbox.rest.replies import RestResult

__all__ = ["channel_by_name", "channels", "tag_type_by_name", "tag_types"]

_NOTHING = "No assets found for the given search criteria."  # recorded


def channels(call: EndpointCall) -> RestResult:
    """Return a page of the channels."""
    return _page(call.given, [_channel(each) for each in call.leads.channels.find()])


def channel_by_name(call: EndpointCall) -> RestResult:
    """Return the channel with a name."""
    found = call.leads.channels.find(name=call.given.get("name") or call.given.get("Name"))
    return _page({}, [_channel(each) for each in found])


def tag_types(call: EndpointCall) -> RestResult:
    """Return a page of the types of tags, without their values."""
    return _page(call.given, [_tag(each) for each in call.leads.tag_types.find()])


def tag_type_by_name(call: EndpointCall) -> RestResult:
    """Return the type of tags with a name, and its values as one text."""
    found = call.leads.tag_types.find(type=call.given.get("name"))
    return _page({}, [{**_tag(each), "allowableValues": f"[{', '.join(each.values)}]"} for each in found])


def _page(given: Mapping[str, str], rows: Sequence[Any]) -> RestResult:
    page = asset_page(rows, given)
    return RestResult(page) if page else RestResult(warnings=[_NOTHING])


def _channel(channel: Channel) -> dict[str, Any]:
    statuses = [
        {"name": each.name, "step": each.step, "success": each.success, "hidden": each.hidden}
        for each in channel.statuses
    ]
    about = {"id": channel.id, "name": channel.name, "applicableProgramType": channel.program_type}
    return {**about, "progressionStatuses": statuses}


def _tag(tag: TagType) -> dict[str, Any]:
    return {"tagType": tag.type, "applicableProgramTypes": "[program]", "required": tag.required}
