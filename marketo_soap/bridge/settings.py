"""How SOAP calls are turned into REST calls where the two APIs differ, or the documents are silent. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import field, frozen

from marketo_soap.config import load_toml
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
    """What a bridge to REST needs to know of an instance, and what it does where REST is not as SOAP was.

    *foreign_id_fields* maps a ForeignSysType to the custom field (REST name; string, email or integer) that
    keeps its ids: SOAP's own store of foreign ids cannot be read over REST. Fill that field on existing leads
    first, or every unknown foreign id makes a lead. With *foreign_id_adopt_email* an unknown foreign id
    beside a known Email updates that lead instead.

    *workspace_partitions* maps a targetWorkspace (in any case) to the lead partition of its new leads.

    *attribute_names* maps attrNames of SOAP to REST names, before any other source. *field_sources* are asked
    in this order: "describe", the instance itself, every *describe_seconds*; "file", the JSON of a describe
    reply kept in *describe_file*; "standard", the standard fields known here; "first_letter" guesses, with a
    warning, that REST's name is SOAP's with a small first letter. Of describe and file the first that answers
    serves. A name that no source has is 20105.

    *on_duplicate* says what a key does that several leads have: "fault" (20106), or update the "most_recent" of
    them. *on_associate_error*: a cookie that REST refuses is a "fault", though the lead is written by then,
    or a "warn"ing. *cookie_only*: a call with no key but a cookie is "accept"ed (its lead is looked for, and
    made if there is none; how REST finds cookies has not been verified) or "refuse"d (20101).
    *email_attribute* says what an attribute Email is beside a different Email element: the "new_address" of the
    lead that the element finds, or the "key" in its place. *foreign_type_alone*: a ForeignSysType without its
    ForeignSysPersonId, beside another key, is left out ("ignore") or a "fault" (20109). *drop_company_fields*
    leaves fields of the company out, with a warning, when REST refuses to write them to a lead (1021).

    *empty_value* is what an empty attrValue becomes: "null" clears the field, "text" sends "", "skip" leaves it
    as it is. *naive_offset* (`Z`, `-06:00`) is given, with a warning, to times that come without one;
    "" refuses such times. *boolean_text* is how booleans are written in a returned lead. *return_false*: so are
    those that are false; REST shows a boolean without a value as false too, where SOAP left it out.

    *fault_codes* maps REST codes to the codes of SOAP faults ({"1003": "20110"}), before the table in
    `codes.CODES`; "1003:record" is for a refused record alone, "1003:response" for a refused call; where HTTP alone
    refused, its status is the code ("413").
    """

    foreign_id_fields: Mapping[str, str] = field(factory=dict, converter=_texts)
    foreign_id_adopt_email: bool = False
    workspace_partitions: Mapping[str, str] = field(factory=lambda: {"Default": "Default"}, converter=_texts)
    attribute_names: Mapping[str, str] = field(factory=dict, converter=_texts)
    field_sources: tuple[Source, ...] = ("describe", "file", "standard")
    describe_file: str | None = None
    describe_seconds: float = 86_400.0
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
    fault_codes: Mapping[str, str] = field(factory=dict, converter=_texts)

    def __attrs_post_init__(self) -> None:
        for system, name in self.foreign_id_fields.items():
            if system not in list(ForeignSysType):
                raise ValueError(f"foreign_id_fields.{system}: the types are {', '.join(ForeignSysType)}")
            _check_name(name, f"foreign_id_fields.{system}")
            if name in ("id", "email"):
                raise ValueError(f"foreign_id_fields.{system}: {name} is a key of its own: name a custom field")
        for soap_name, name in self.attribute_names.items():
            _check_name(name, f"attribute_names.{soap_name}")
        for workspace, partition in self.workspace_partitions.items():
            if not partition.strip():
                raise ValueError(f"workspace_partitions.{workspace} is empty")
        _choices("field_sources", self.field_sources, "describe", "file", "standard", "first_letter")
        _choices("on_duplicate", [self.on_duplicate], "fault", "most_recent")
        _choices("on_associate_error", [self.on_associate_error], "fault", "warn")
        _choices("cookie_only", [self.cookie_only], "accept", "refuse")
        _choices("email_attribute", [self.email_attribute], "new_address", "key")
        _choices("foreign_type_alone", [self.foreign_type_alone], "ignore", "fault")
        _choices("empty_value", [self.empty_value], "null", "text", "skip")
        _choices("boolean_text", [self.boolean_text], "1/0", "true/false")
        if self.describe_file is not None and "file" not in self.field_sources:
            raise ValueError("describe_file is given, but field_sources does not name 'file'")
        if not self.describe_seconds > 0:
            raise ValueError("describe_seconds must be more than 0")
        if not re.fullmatch(r"|Z|[+-]\d\d:\d\d", self.naive_offset):
            raise ValueError("naive_offset must look like Z or -06:00")
        for rest, soap in self.fault_codes.items():
            if not re.fullmatch(r"\d{3,4}(:record|:response)?", rest):
                raise ValueError(f"fault_codes.{rest}: a key is a REST code such as 1003, 1003:record, 1003:response")
            if not soap.isdecimal() or int(soap) not in FAULTS:
                raise ValueError(f"fault_codes.{rest}: {soap} is no code of a SOAP fault")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read settings from a TOML file. `ValueError` names the key that is wrong."""
        return load_toml(cls, path)

    def partition_of(self, workspace: str) -> str | None:
        """Return the partition of a workspace, whatever the case of its name; None if it is not configured."""
        wanted = workspace.strip().lower()
        return next((to for name, to in self.workspace_partitions.items() if name.strip().lower() == wanted), None)


def _check_name(name: str, where: str) -> None:
    if not re.fullmatch(r"[^\W\d]\w*", name):
        raise ValueError(f"{where}: a REST name is letters, digits and _, not {name!r}")


def _choices(where: str, given: Any, *choices: str) -> None:
    for choice in given:
        if choice not in choices:
            raise ValueError(f"{where} must be one of {', '.join(map(repr, choices))}")
