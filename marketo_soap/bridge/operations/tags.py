"""getChannels and getTags over REST: all pages of assets, filtered here. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marketo_soap.bridge.lookup import ask, assets
from marketo_soap.bridge.names import NameSource
from marketo_soap.bridge.rest import json_objects, read
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.bridge.values import text_value
from marketo_soap.operations.get_channels import GetChannels, GetChannelsResult
from marketo_soap.operations.get_tags import GetTags, GetTagsResult, chosen_tags
from marketo_soap.records.attribs import as_attribs
from marketo_soap.records.tags import ProgressionStatus, Tag, TagStatus

__all__ = ["get_channels", "get_tags"]


def get_channels(call: GetChannels, settings: BridgeSettings, _: NameSource) -> Translation[GetChannelsResult]:
    """Return the channels and their statuses, both by name; hidden statuses too."""
    wanted = set(call.tag.values) if call.tag else set()
    found = yield from assets("channels", settings)
    named = sorted(found, key=lambda each: _text(each, "name"))
    return GetChannelsResult(
        tuple(
            TagStatus(_text(each, "name"), tuple(map(_status, _statuses(each))))
            for each in named
            if _text(each, "name") and (not wanted or _text(each, "name") in wanted)
        )
    )


def get_tags(call: GetTags, settings: BridgeSettings, _: NameSource) -> Translation[GetTagsResult]:
    """Return the types of tags by name; the values of each come by a call of their own."""
    found = yield from assets("tagTypes", settings)
    asked = {each.type for each in call.tags}
    known = []
    for name in sorted({_text(each, "tagType") for each in found} - {""}):
        if not asked or None in asked or name in asked:
            reply = yield from ask(read("/rest/asset/v1/tagType/byName.json", name=name), settings)
            texts = [_text(each, "allowableValues") for each in reply.result]
            values = "".join(texts[:1]).strip().removeprefix("[").removesuffix("]")
            known.append(Tag(name, tuple(value for value in values.split(", ") if value)))
    return GetTagsResult(chosen_tags(known, call.tags))


def _statuses(channel: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return sorted(json_objects(channel.get("progressionStatuses")), key=lambda each: _text(each, "name"))


def _status(data: Mapping[str, Any]) -> ProgressionStatus:
    attribs = {"Status": _text(data, "name"), "Step": _text(data, "step"), "Success": _text(data, "success")}
    return ProgressionStatus(as_attribs(attribs))


def _text(data: Mapping[str, Any], name: str) -> str:
    return text_value(data.get(name), booleans="true/false")
