"""Settings of the bridge, where the two APIs differ or are undocumented. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import field, frozen

from marketo_soap.config import check_choices, load_toml, positive
from marketo_soap.errors import FAULTS
from marketo_soap.records.lead import ForeignSysType

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["BridgeSettings"]

Source = Literal["describe", "file", "standard", "first_letter"]


def _texts(given: Mapping[str, Any]) -> Mapping[str, str]:
    return {str(name): str(value) for name, value in given.items()}


@frozen
class BridgeSettings:
    """What a bridge needs to know of an instance, and what it does where REST differs from SOAP.

    *foreign_id_fields* maps a ForeignSysType to the custom field (REST name; string, email or integer) that
    stores its ids: the foreign ids of SOAP cannot be read over REST. Fill that field on existing leads
    first, or every unknown foreign id creates a lead. With *foreign_id_adopt_email* an unknown foreign id
    beside a known Email updates that lead instead.

    *workspace_partitions* maps a targetWorkspace (in any case) to the lead partition of its new leads.

    *attribute_names* maps attrNames of SOAP to REST names, before any other source. *field_sources* are used
    in this order: "describe", the instance itself, every *describe_seconds*; "file", the JSON of a describe
    reply kept in *describe_file*; "standard", the standard fields known here; "first_letter" guesses, with a
    warning, that the REST name is the SOAP name with its first letter in lower case. Of describe and file the first
    available one is used. A name that no source has is fault 20105.

    *on_duplicate*: if several leads have the key, raise a "fault" (20106), or update the "most_recent" of them.
    *on_associate_error*: a cookie that REST refuses is a "fault", though the lead has been written, or a "warn"ing.
    *cookie_only*: a call whose only key is a cookie is "accept"ed (the lead is looked up, and created if there is
    none; how REST finds cookies has not been verified) or "refuse"d (20101). *email_attribute*: an attribute Email
    that differs from the Email element is the "new_address" of the lead, or the "key" instead of the element.
    *foreign_type_alone*: a ForeignSysType without ForeignSysPersonId, beside another key, is dropped ("ignore") or
    a "fault" (20109). *drop_company_fields* drops company fields, with a warning, if REST refuses to write them to
    a lead (1021).

    *empty_value*: an empty attrValue clears the field ("null"), is sent as "" ("text"), or is dropped ("skip").
    *naive_offset* (`Z`, `-06:00`) is added, with a warning, to times without an offset; "" refuses such times.
    *boolean_text* is the form of booleans in a returned lead. *return_false* returns false booleans too: REST
    shows a boolean without a value as false, where SOAP omitted it.

    *campaign_id_with_tokens*: requestCampaign takes tokens beside a campaignId ("accept") or not ("fault", 20110).
    *unknown_campaign_leads*: if one of its lead keys names no lead, raise a "fault" (20103), or "skip" the key; then
    ids are looked up, too.

    *fault_codes* maps REST codes to SOAP fault codes ({"1003": "20110"}), before the table `codes.CODES`.
    "1003:record" applies to a refused record only, "1003:response" to a refused call. For a reply without a REST
    code, the key is the HTTP status ("413").
    """

    foreign_id_fields: Mapping[str, str] = field(factory=dict, converter=_texts)
    foreign_id_adopt_email: bool = False
    workspace_partitions: Mapping[str, str] = field(factory=lambda: {"Default": "Default"}, converter=_texts)
    attribute_names: Mapping[str, str] = field(factory=dict, converter=_texts)
    field_sources: tuple[Source, ...] = ("describe", "file", "standard")
    describe_file: str | None = None
    describe_seconds: float = field(default=86_400.0, validator=positive)
    on_duplicate: Literal["fault", "most_recent"] = "fault"
    on_associate_error: Literal["fault", "warn"] = "fault"
    cookie_only: Literal["accept", "refuse"] = "accept"
    email_attribute: Literal["new_address", "key"] = "new_address"
    foreign_type_alone: Literal["ignore", "fault"] = "ignore"
    drop_company_fields: bool = False
    empty_value: Literal["null", "text", "skip"] = "null"
    naive_offset: str = "Z"
    boolean_text: Literal["1/0", "true/false"] = "1/0"
    return_false: bool = False
    campaign_id_with_tokens: Literal["accept", "fault"] = "accept"
    unknown_campaign_leads: Literal["fault", "skip"] = "fault"
    fault_codes: Mapping[str, str] = field(factory=dict, converter=_texts)

    def __attrs_post_init__(self) -> None:
        for system, name in self.foreign_id_fields.items():
            if system not in list(ForeignSysType):
                raise ValueError(f"foreign_id_fields.{system}: the types are {', '.join(ForeignSysType)}")
            _check_name(name, f"foreign_id_fields.{system}")
            if name in ("id", "email"):
                raise ValueError(f"foreign_id_fields.{system}: {name} is a standard key: name a custom field")
        for soap_name, name in self.attribute_names.items():
            _check_name(name, f"attribute_names.{soap_name}")
        for workspace, partition in self.workspace_partitions.items():
            if not partition.strip():
                raise ValueError(f"workspace_partitions.{workspace} is empty")
        check_choices(self)
        if self.describe_file is not None and "file" not in self.field_sources:
            raise ValueError("describe_file is given, but field_sources does not name 'file'")
        if not re.fullmatch(r"|Z|[+-]\d\d:\d\d", self.naive_offset):
            raise ValueError("naive_offset must look like Z or -06:00")
        for rest, soap in self.fault_codes.items():
            if not re.fullmatch(r"\d{3,4}(:record|:response)?", rest):
                raise ValueError(f"fault_codes.{rest}: keys are REST codes such as 1003, 1003:record, 1003:response")
            if not soap.isdecimal() or int(soap) not in FAULTS:
                raise ValueError(f"fault_codes.{rest}: {soap} is not a SOAP fault code")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read settings from a TOML file. `ValueError` names the key that is wrong."""
        return load_toml(cls, path)

    def partition_of(self, workspace: str) -> str | None:
        """Return the partition of a workspace, ignoring case; None if it is not configured."""
        wanted = workspace.strip().lower()
        return next((to for name, to in self.workspace_partitions.items() if name.strip().lower() == wanted), None)


def _check_name(name: str, where: str) -> None:
    if not re.fullmatch(r"[^\W\d]\w*", name):
        raise ValueError(f"{where}: a REST name is letters, digits and _, not {name!r}")
