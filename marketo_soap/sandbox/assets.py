"""What a subscription has beside leads, as settings list it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from marketo_soap.records.campaigns import ReqCampSourceType

__all__ = ["Campaign", "Channel", "ChannelStatus", "CustomObjectType", "StaticList", "TagType"]

MOST_FIELDS = 50
_LINK = "MKTOID"


@frozen
class StaticList:
    """A static list, in a *program* or not; *members* are e-mail addresses, or ids of leads as text."""

    name: str
    program: str = ""
    members: tuple[str, ...] = ()


@frozen
class Campaign:
    """A campaign, in a *program* or not: *triggerable* by the *sources* (MKTOWS, SALES), or else one that runs in
    batches. Only an *active* one can be requested. *id* 0 is given by the sandbox.
    """

    name: str
    program: str = ""
    triggerable: bool = False
    description: str = ""
    active: bool = True
    sources: tuple[str, ...] = ("MKTOWS",)
    id: int = 0

    def __attrs_post_init__(self) -> None:
        if unknown := set(self.sources) - set(ReqCampSourceType):
            raise ValueError(f"sources: {sorted(unknown)[0]!r} is not one of {', '.join(ReqCampSourceType)}")

    @property
    def full_name(self) -> str:
        """Its name in lists: `<program>.<campaign>`."""
        return f"{self.program}.{self.name}" if self.program else self.name

    def takes(self, source: str) -> bool:
        """Say whether *source* may request it."""
        return self.triggerable and self.active and source in self.sources


def _typed(fields: Mapping[str, str] | Sequence[str]) -> Mapping[str, str]:
    return fields if isinstance(fields, Mapping) else dict.fromkeys(fields, "string")


@frozen
class CustomObjectType:
    """A type of custom objects: the fields of its key, and the others, a list of names or names with their types.

    *link* is the field that holds the Marketo id of a lead, by default `MKTOID` if it has one. REST calls that field
    *rest_link*.
    """

    name: str
    keys: tuple[str, ...]
    fields: Mapping[str, str] | tuple[str, ...] = field(factory=dict, converter=_typed)
    display_name: str = ""
    link: str = ""
    rest_link: str = "leadId"
    id: int = 0

    def __attrs_post_init__(self) -> None:
        if not self.name.strip() or not self.keys:
            raise ValueError("a type of custom objects needs a name and keys")
        if len(self.fields) > MOST_FIELDS:
            raise ValueError(f"{self.name}: a type has at most {MOST_FIELDS} fields beside its key")
        if self.link and self.link not in self.types:
            raise ValueError(f"{self.name}: the link {self.link!r} is none of its keys and fields")

    @property
    def lead_link(self) -> str | None:
        """The field that holds the id of a lead; None if there is none."""
        return self.link or (_LINK if _LINK in self.types else None)

    @property
    def types(self) -> Mapping[str, str]:
        """All fields, those of the key first, with their types."""
        return {**dict.fromkeys(self.keys, "string"), **_typed(self.fields)}

    @property
    def searched(self) -> Sequence[str]:
        """The fields that objects can be found by: those of the key, and the link."""
        return list(dict.fromkeys([*self.keys, *filter(None, [self.lead_link])]))

    def key_of(self, values: Mapping[str, str]) -> str:
        """Return the key of an object as one text. `ValueError` if a part is missing."""
        missing = [name for name in self.keys if not values.get(name)]
        if missing:
            raise ValueError(f"the key has no {', '.join(missing)}")
        return json.dumps([values[name] for name in self.keys], ensure_ascii=False)


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
