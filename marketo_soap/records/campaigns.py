"""Campaigns, as calls show them and ask for them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from attrs import frozen

from marketo_soap.wire.fields import El

__all__ = ["CampaignRecord", "ReqCampSourceType"]


class ReqCampSourceType(StrEnum):
    """Who may request a campaign: the web service (MKTOWS), or sales people through Sales Insight (SALES)."""

    MKTOWS = "MKTOWS"
    SALES = "SALES"


@frozen
class CampaignRecord:
    """A campaign. Its name is `<program>.<campaign>` if it is in a program; names are not unique, ids are."""

    id: Annotated[int, El("id")]
    name: Annotated[str, El("name")]
    description: Annotated[str, El("description", may_be_empty=True)]
