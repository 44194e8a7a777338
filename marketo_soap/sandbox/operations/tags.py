"""getChannels and getTags in the sandbox."""

from __future__ import annotations

from marketo_soap.operations.get_channels import GetChannels, GetChannelsResult
from marketo_soap.operations.get_tags import GetTags, GetTagsResult, chosen_tags
from marketo_soap.records.attribs import as_attribs
from marketo_soap.records.tags import ProgressionStatus, Tag, TagStatus
from marketo_soap.sandbox.assets import ChannelStatus
from marketo_soap.sandbox.operations.outcome import Outcome, World

__all__ = ["get_channels", "get_tags"]


def get_channels(call: GetChannels, world: World) -> Outcome:
    """Return the channels and their statuses, both by name."""
    wanted = set(call.tag.values) if call.tag else set()
    channels = tuple(
        TagStatus(each.name, tuple(map(_status, sorted(each.statuses, key=lambda status: status.name))))
        for each in world.leads.channels.select("1", order="name")
        if not wanted or each.name in wanted
    )
    return Outcome(GetChannelsResult(channels))


def get_tags(call: GetTags, world: World) -> Outcome:
    """Return the types of tags by name, without that of channels."""
    known = [Tag(each.type, each.values) for each in world.leads.tag_types.select("1", order="type")]
    return Outcome(GetTagsResult(chosen_tags(known, call.tags)))


def _status(status: ChannelStatus) -> ProgressionStatus:
    success = "true" if status.success else "false"
    attribs = {"Status": status.name, "Step": str(status.step), **status.attribs, "Success": success}
    return ProgressionStatus(as_attribs(attribs))
