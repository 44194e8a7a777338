"""Keys that name leads, and selectors that name many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.wire.checking import Violation, as_texts, check_fields
from marketo_soap.wire.fields import El

__all__ = ["LastUpdateAtSelector", "LeadKey", "LeadKeyRef", "LeadKeySelector", "LeadSelector", "StaticListSelector"]

MOST_KEYS = 100
LONGEST_SPAN = timedelta(days=30)


class LeadKeyRef(StrEnum):
    """What a lead can be looked up by. Most of them may name several leads."""

    IDNUM = "IDNUM"
    COOKIE = "COOKIE"
    EMAIL = "EMAIL"
    LEADOWNEREMAIL = "LEADOWNEREMAIL"
    SFDCACCOUNTID = "SFDCACCOUNTID"
    SFDCCONTACTID = "SFDCCONTACTID"
    SFDCLEADID = "SFDCLEADID"
    SFDCLEADOWNERID = "SFDCLEADOWNERID"
    SFDCOPPTYID = "SFDCOPPTYID"


@frozen
class LeadKey:
    """A key of leads: its type and its value. The `repr` hides the value."""

    key_type: Annotated[LeadKeyRef | str, El("keyType", invalid=20102)]
    key_value: Annotated[str, El("keyValue", private="value")] = field(repr=hidden)

    __attrs_post_init__ = check_fields


@frozen
class LeadKeySelector:
    """The leads that any of these keys names: keys of one type.

    A call carries at most 100; the server ignored the others. `client.in_batches` splits them.
    """

    key_type: Annotated[LeadKeyRef | str, El("keyType", invalid=20102)]
    key_values: Annotated[tuple[str, ...], El("keyValues", item="stringItem", private="value")] = field(
        converter=as_texts, repr=hidden
    )

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        if not self.key_values:
            raise ValueError("keyValues is empty: give it a key")


@frozen
class StaticListSelector:
    """The members of a static list, by its name (`<program>.<list>` for one in a program) or its id."""

    static_list_name: Annotated[str | None, El("staticListName", nillable=True)] = None
    static_list_id: Annotated[int | None, El("staticListId", nillable=True)] = None

    __attrs_post_init__ = check_fields


@frozen
class LastUpdateAtSelector:
    """The leads that were updated in a span of time, at most 30 days long; without *latest_updated_at* until now."""

    latest_updated_at: Annotated[datetime | None, El("latestUpdatedAt", nillable=True)] = field(
        default=None, kw_only=True
    )
    oldest_updated_at: Annotated[datetime, El("oldestUpdatedAt")]

    __attrs_post_init__ = check_fields

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the first and the last moment; the last is *now* if it is left open. A time without zone is UTC."""
        return aware(self.oldest_updated_at), aware(self.latest_updated_at or now)

    def is_too_long(self, now: datetime) -> bool:
        """Say whether the span is longer than the server takes (20022)."""
        oldest, latest = self.bounds(now)
        return latest - oldest > LONGEST_SPAN


def aware(time: datetime) -> datetime:
    """Return *time* with a zone: one without is taken as UTC (chosen)."""
    return time if time.utcoffset() is not None else time.replace(tzinfo=UTC)


def broken_selector(selector: object, path: str) -> Iterator[Violation]:
    """Yield what is wrong with a selector, as far as it can be judged without a clock."""
    if selector == StaticListSelector():
        yield Violation(20109, path, "StaticListSelector needs a staticListName or a staticListId")
    elif isinstance(selector, LastUpdateAtSelector) and selector.is_too_long(selector.oldest_updated_at):
        yield Violation(20022, path, f"the time range is longer than {LONGEST_SPAN.days} days: split it")


LeadSelector = LeadKeySelector | StaticListSelector | LastUpdateAtSelector
"""How a call names many leads: the schema's abstract type, told apart by `xsi:type`."""
