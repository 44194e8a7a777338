"""Types that the vendor's schema has and no message uses. Code that is generated from the WSDL may name them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from attrs import field, frozen

from marketo_soap.records.marketo_objects import MObjectTypeEnum
from marketo_soap.wire.fields import El

__all__ = ["ReservedHeaderElements", "Unused", "VersionedItem"]


@frozen
class VersionedItem:
    """A version of an asset."""

    id: Annotated[str, El("id", type="integer")]
    name: Annotated[str, El("name")]
    type: Annotated[str | None, El("type", nillable=True)] = None
    description: Annotated[str | None, El("description", nillable=True)] = None
    timestamp: Annotated[datetime, El("timestamp")] = field(kw_only=True)


@frozen
class Unused:
    """A message that would use these types."""

    base64_binaries: Annotated[tuple[bytes, ...], El("base64BinaryList", item="base64Binary")]
    versioned_items: Annotated[tuple[VersionedItem, ...], El("versionedItemList", item="versionedItem")]
    m_object_type: Annotated[MObjectTypeEnum, El("mObjectType")]


@frozen
class ReservedHeaderElements:
    """Elements at the end of the vendor's authentication header. They are reserved: not sent, and ignored."""

    audit: Annotated[str | None, El("audit")] = None
    mode: Annotated[int | None, El("mode")] = None
