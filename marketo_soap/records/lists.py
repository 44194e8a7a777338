"""Static lists: what names one, and whether a lead is in it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.lead_keys import LeadKey
from marketo_soap.wire.checking import check_fields
from marketo_soap.wire.fields import El

__all__ = ["LeadStatus", "ListKey", "ListKeyType", "ListOperationType"]


class ListOperationType(StrEnum):
    """What to do with the members."""

    ADDTOLIST = "ADDTOLIST"
    ISMEMBEROFLIST = "ISMEMBEROFLIST"
    REMOVEFROMLIST = "REMOVEFROMLIST"


class ListKeyType(StrEnum):
    """What names a list: its own name, or the owner of a list of Sales Insight."""

    MKTOLISTNAME = "MKTOLISTNAME"
    MKTOSALESUSERID = "MKTOSALESUSERID"
    SFDCLEADOWNERID = "SFDCLEADOWNERID"


@frozen
class ListKey:
    """The key of a static list: its type and its value."""

    key_type: Annotated[ListKeyType | str, El("keyType")]
    key_value: Annotated[str, El("keyValue", private="value")] = field(repr=hidden)

    __attrs_post_init__ = check_fields


@frozen
class LeadStatus:
    """The outcome for a lead: whether it was added or removed, or whether it is a member."""

    lead_key: Annotated[LeadKey, El("leadKey")]
    status: Annotated[bool, El("status")]
