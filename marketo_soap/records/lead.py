"""Types that operations share: a lead, its attributes, and the status of its sync."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from attrs import Attribute as AttrsField
from attrs import field, frozen

from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.wire.checking import Violation
from marketo_soap.wire.codec import INT_MAX, El
from marketo_soap.wire.xml import check_characters, check_text

__all__ = [
    "Attribute",
    "ForeignSysType",
    "LeadRecord",
    "LeadSyncStatus",
    "MatchKey",
    "SyncStatus",
    "Value",
]

Value: TypeAlias = str | int | float | Decimal | bool | date | datetime
"""The types of an attribute's value. Text is sent unchanged, numbers as plain digits, a bool as `1`/`0` (as the real
server did), a date as `YYYY-MM-DD`, a datetime in ISO 8601 with its offset.
"""


class ForeignSysType(StrEnum):
    """The source system of a foreign id."""

    CUSTOM = "CUSTOM"
    SFDC = "SFDC"
    NETSUITE = "NETSUITE"


class LeadSyncStatus(StrEnum):
    """The outcome of a sync for one lead."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    FAILED = "FAILED"


class MatchKey(StrEnum):
    """The keys that match a lead, strongest first; the values are the element names."""

    ID = "Id"
    FOREIGN_SYS_PERSON_ID = "ForeignSysPersonId"
    COOKIE = "marketoCookie"
    EMAIL = "Email"


_MOST_DIGITS = 400


def wire_text(value: Value, where: str) -> str:
    """Return the text of *value* on the wire; errors call it *where*.

    Raises `ValueError` for None, NaN, infinity, a naive datetime and characters that XML does not allow, and
    `TypeError` for other types.
    """
    if isinstance(value, str):
        return check_characters(str.__str__(value), where)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float | Decimal):
        number = Decimal(float.__repr__(value) if isinstance(value, float) else value)
        if not number.is_finite():
            raise ValueError(f"{where} is not a finite number: give a number, or '' to clear the field")
        if abs(number.adjusted()) > _MOST_DIGITS:
            raise ValueError(f"{where} is a number of more than {_MOST_DIGITS} digits: no field is that large")
        return format(number, "f")
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"{where} is a datetime without a time zone: give it one (tzinfo=...)")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if value is None:
        raise ValueError(f"{where} is None: leave the attribute out, or give '' to clear the field")
    raise TypeError(f"{where} is a {type(value).__name__}, which cannot be sent: convert it to text")


@frozen(init=False, kw_only=True)
class Attribute:
    """One attribute of a lead: the API name of the field, its value as text, and its type if known.

    *value* may be any `Value`; it is stored as text. *type* (`attrType`) is in replies (string, integer, date ...);
    no sample request has it. The `repr` hides the value.

    Raises `ValueError`, with the name, for a value that XML or Marketo cannot take, and for an empty name.
    """

    name: Annotated[str, El("attrName")]
    type: Annotated[str | None, El("attrType", nillable=True)] = None
    value: Annotated[str, El("attrValue", private="value", may_be_empty=True)] = field(repr=hidden)

    def __init__(self, name: str, value: Value, type: str | None = None) -> None:
        # A lead may have thousands of these: plain text takes the fast path.
        if name.__class__ is not str or not name.isprintable() or not name.strip():
            check_text(name, "attrName", instead="drop the attribute")
        if type is not None:
            check_text(type, f"attrType of {name!r}")
        if not isinstance(value, str) or value.__class__ is not str or not value.isprintable():
            value = wire_text(value, f"attribute {name!r}")
        _set_name(self, name)
        _set_type(self, type)
        _set_value(self, value)

    @property
    def typed_value(self) -> str | int | float | bool | date | datetime:
        """The value converted by its `type`, or the text if the type is unknown or the text does not fit.

        integer and score give int; float, currency and percent float; boolean bool; date a date; datetime
        a datetime (naive when the text has no offset, as in the vendor's samples). Never fails.
        """
        convert = _TYPED.get((self.type or "").lower())
        if convert is None:
            return self.value
        try:
            return convert(self.value.strip())
        except (ValueError, KeyError):
            return self.value


_set_name: Any = Attribute.name.__set__  # type: ignore[attr-defined]
_set_type: Any = Attribute.type.__set__  # type: ignore[union-attr]
_set_value: Any = Attribute.value.__set__  # type: ignore[attr-defined]

_TYPED: Mapping[str, Callable[[str], int | float | bool | date | datetime]] = {
    "integer": int,
    "score": int,
    "float": float,
    "currency": float,
    "percent": float,
    "boolean": lambda text: {"1": True, "true": True, "0": False, "false": False}[text.lower()],
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}


_SYSTEMS = frozenset(ForeignSysType)


def filled(text: str | None) -> str | None:
    """Return *text* without white space around it; None for an empty one, which clients sent for none."""
    return (text.strip() or None) if text else None


def as_attributes(given: Mapping[str, Value] | Sequence[Attribute]) -> tuple[Attribute, ...]:
    """Return attributes as a tuple; a mapping gives names and values of any type that `Value` allows."""
    if isinstance(given, Mapping):
        return tuple([Attribute(name, value) for name, value in given.items()])
    if isinstance(given, str | bytes):
        raise TypeError("attributes must be a mapping of names to values, or Attributes; not text")
    attributes = tuple(given)
    for attribute in attributes:
        if not isinstance(attribute, Attribute):
            raise TypeError(f"attributes holds a {type(attribute).__name__} where an Attribute is expected")
    return attributes


def _system(given: ForeignSysType | str | None) -> ForeignSysType | str | None:
    if given is None:
        return None
    text = check_characters(given, "ForeignSysType")
    return ForeignSysType(text) if text in _SYSTEMS else text


def _check_id(instance: object, attribute: AttrsField[Any], value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise TypeError(f"Id must be an integer, not {type(value).__name__}")


def _key(element: str) -> Callable[[object, AttrsField[Any], str | None], None]:
    """Return a validator of a text key, called *element* in errors."""

    def check(instance: object, attribute: AttrsField[Any], value: str | None) -> None:
        if value is not None:
            check_text(value, element)

    return check


@frozen
class LeadRecord:
    """A lead: its keys, and its attributes in order (names may repeat).

    *attributes* is a mapping of field API names (`FirstName`) to values, or an iterable of `Attribute`.
    The `repr` hides keys and values.

    Raises `ValueError` naming the element for an Id that is not a positive 32-bit integer, an empty key, a
    ForeignSysPersonId without its ForeignSysType or the reverse, and for invalid attributes.
    """

    id: Annotated[int | None, El("Id", nillable=True)] = field(default=None, validator=_check_id)
    email: Annotated[str | None, El("Email", nillable=True, private="email")] = field(
        default=None, validator=_key("Email"), repr=hidden
    )
    foreign_sys_person_id: Annotated[str | None, El("ForeignSysPersonId", nillable=True, private="value")] = field(
        default=None, validator=_key("ForeignSysPersonId"), repr=hidden
    )
    foreign_sys_type: Annotated[ForeignSysType | str | None, El("ForeignSysType", nillable=True)] = field(
        default=None, converter=_system
    )
    attributes: Annotated[tuple[Attribute, ...], El("leadAttributeList", item="attribute", nillable=True)] = field(
        default=(), converter=as_attributes
    )

    def __attrs_post_init__(self) -> None:
        for violation in self.broken_key_rules(foreign_type_alone="fault"):
            raise ValueError(violation.message)

    def broken_key_rules(
        self, path: str = "leadRecord", *, foreign_type_alone: Literal["ignore", "fault"] = "ignore"
    ) -> Iterator[Violation]:
        """Yield what is wrong with each of the keys; *path* is the record's. An empty key is an absent one.

        Documents and recordings do not say what the server did with a ForeignSysType alone.
        """
        system, person_id = filled(self.foreign_sys_type), filled(self.foreign_sys_person_id)
        if person_id is not None and system is None:
            text = f"ForeignSysType is missing: a ForeignSysPersonId needs it ({', '.join(ForeignSysType)})"
            yield Violation(20109, f"{path}/ForeignSysType", text)
        if system is not None and person_id is None and foreign_type_alone == "fault":
            text = "ForeignSysType needs a ForeignSysPersonId: give it too, or leave both out"
            yield Violation(20109, f"{path}/ForeignSysType", text)
        if system is not None and system not in _SYSTEMS:
            text = f"ForeignSysType must be one of {', '.join(ForeignSysType)}"
            yield Violation(20110, f"{path}/ForeignSysType", text)
        if self.id is not None and not 1 <= self.id <= INT_MAX:
            text = "Id must be a positive 32-bit integer: give the lead's Marketo id, or leave it out"
            yield Violation(20110, f"{path}/Id", text)

    @property
    def key(self) -> MatchKey | None:
        """The key that the server matches this record by, ignoring a cookie; None if it has none.

        Id comes first; a ForeignSysPersonId beside it is written to that lead. Without Id, ForeignSysPersonId is
        the unique key, and an Email beside it is written. Next is a cookie (not part of the record: see
        `SyncLead.key`), whose anonymous lead becomes known. Email is last and not unique; without the element, an
        attribute Email is the key (recorded). A match is updated; without one, a lead is created, but an unknown Id
        is fault 20103. Source: the vendor's page on syncLead.
        """
        if self.id is not None:
            return MatchKey.ID
        if filled(self.foreign_sys_person_id):
            return MatchKey.FOREIGN_SYS_PERSON_ID
        return MatchKey.EMAIL if filled(self.email) or filled(self.get("Email")) else None

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the value of the attribute *name* as text: the last one if there are several."""
        for attribute in reversed(self.attributes):
            if attribute.name == name:
                return attribute.value
        return default


@frozen
class SyncStatus:
    """The outcome for one lead: its Marketo id, the status (text if unknown), the reason."""

    lead_id: Annotated[int, El("leadId")]
    status: Annotated[LeadSyncStatus | str, El("status")]
    error: Annotated[str | None, El("error", nillable=True, private="text")] = field(default=None, repr=hidden)
