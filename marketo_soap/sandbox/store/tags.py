"""Channels of programs, and types of tags."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from marketo_soap.sandbox.store.table import Table

__all__ = ["Channel", "ChannelStatus", "Channels", "TagType", "TagTypes"]


@frozen
class ChannelStatus:
    """A status of a channel: its name, its step, and if it counts as success. A hidden one is so over REST.

    *attribs* are further names and values that SOAP shows, such as `Check-in Status`.
    """

    name: str
    step: int = 0
    success: bool = False
    hidden: bool = False
    attribs: Mapping[str, str] = field(factory=dict)


@frozen
class Channel:
    """A channel: its name, the statuses of its programs' members, and the type of programs that it is for (REST)."""

    name: str
    statuses: tuple[ChannelStatus, ...] = ()
    program_type: str = "program"
    id: int = 0


@frozen
class TagType:
    """A type of tags and its values; REST also says if programs must have one."""

    type: str
    values: tuple[str, ...] = ()
    required: bool = False
    id: int = 0


class Channels(Table[Channel]):
    """The channels inside one transaction."""

    name, row = "channel", Channel
    unique = (("name",),)


class TagTypes(Table[TagType]):
    """The types of tags inside one transaction."""

    name, row = "tag", TagType
    unique = (("type",),)
