"""Channels of programs, and types of tags. No rule of Marketo."""

from __future__ import annotations

from marketo_soap.sandbox.assets import Channel, TagType
from marketo_soap.sandbox.store.table import Table

__all__ = ["Channels", "TagTypes"]


class Channels(Table[Channel]):
    """The channels inside one transaction."""

    name, row = "channel", Channel
    unique = (("name",),)


class TagTypes(Table[TagType]):
    """The types of tags inside one transaction."""

    name, row = "tag", TagType
    unique = (("type",),)
