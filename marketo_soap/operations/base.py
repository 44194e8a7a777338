"""The base classes of operations: their names, results, effects and rules, by which everything generic treats them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Generic, Literal, Self, TypeAlias, TypeVar, get_args

from attrs import evolve

from marketo_soap.errors import ProtocolError, fault
from marketo_soap.wire.checking import Violation, check_fields
from marketo_soap.wire.fields import Field, declared, is_enum, is_record
from marketo_soap.wire.xml import MKTOWS

__all__ = [
    "OUTCOME_UNKNOWN",
    "BatchOperation",
    "Effect",
    "Operation",
    "PagedOperation",
    "Violation",
    "is_first_page",
    "refuse_first",
]

R = TypeVar("R")
ItemT = TypeVar("ItemT")
StatusT = TypeVar("StatusT")

OUTCOME_UNKNOWN = "the outcome is unknown: it may have been carried out"
"""What a bridge says in the text of a fault or of a status FAILED, where no element can say it."""

Effect: TypeAlias = Literal["read", "repeatable", "once"]


class Operation(Generic[R]):
    """One call to the service, as a value. A subclass declares its parameters and names its result type::

        from typing import Annotated

        from attrs import frozen

        from marketo_soap import GetLeadResult, LeadKey, Operation
        from marketo_soap.wire.codec import El

        @frozen
        class GetLead(Operation[GetLeadResult]):
            lead_key: Annotated[LeadKey, El("leadKey", missing=20101)]

    The rest follows from the class's name: the operation `getLead`, its request element `paramsGetLead` and its
    reply element `successGetLead`. Making one checks its values: `TypeError` and `ValueError` name the element.
    """

    __slots__ = ()

    reply_child: ClassVar[str] = "result"
    takes_workspace: ClassVar[bool] = False
    batch_limit: ClassVar[int | None] = None
    """How many records, keys or objects one call may carry; None if it carries no list."""

    name: ClassVar[str]
    result_type: ClassVar[type]
    params_name: ClassVar[str]
    params_tag: ClassVar[str]
    success_tag: ClassVar[str]
    reply_tags: ClassVar[tuple[str, str]]

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        cls.name = cls.__name__[0].lower() + cls.__name__[1:]
        cls.params_name = f"params{cls.__name__}"
        cls.params_tag = f"{{{MKTOWS}}}{cls.params_name}"
        cls.success_tag = f"{{{MKTOWS}}}success{cls.__name__}"
        cls.reply_tags = cls.reply_child, f"{{{MKTOWS}}}{cls.reply_child}"
        cls.result_type = get_args(cls.__orig_bases__[0])[0]  # type: ignore[attr-defined]

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        for violation in self.violations():
            raise ValueError(violation.message)

    @property
    def effect(self) -> Effect:
        """The effect of carrying it out twice. The retry policy depends on it.

        "read" changes nothing, "repeatable" ends in the same state as once, "once" does not.
        """
        return "read"

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break, as far as they can be judged without the server's data."""
        return broken_declarations(self, self.params_name)

    @classmethod
    def raise_for_status(cls, result: R) -> None:
        """Raise `OperationFailed` if *result* says that the call was not carried out."""

    def check_reply(self, result: R) -> None:
        """Raise `ProtocolError` if *result* is the answer to another call."""

    @classmethod
    def summary(cls, result: R) -> str:
        """Return the result in a few words, without private values, for journals, logs and the command."""
        return "OK"


class PagedOperation(Operation[R], Generic[R, ItemT]):
    """An operation whose result is one page of many. A subclass names the fields of the result that make it one."""

    __slots__ = ()

    items_field: ClassVar[str]
    """The records."""
    item_name: ClassVar[tuple[str, str]]
    """What one record, and several, are called in a summary."""
    position_field: ClassVar[str] = "stream_position"
    """Where this page begins; the result has it with `new_` before it, for the next page."""
    remaining_field: ClassVar[str] = "remaining_count"
    """How many records remain after a page, or whether any do."""

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        size = getattr(self, "batch_size", None)
        if size is not None and size < 1:
            yield Violation(20110, f"{self.params_name}/batchSize", "batchSize must be at least 1")

    def next_page(self, result: R) -> Self | None:
        """Return the call for the page after *result*; None if it is the last one."""
        if getattr(result, self.remaining_field) <= 0:
            return None
        call: Any = self
        following: Self = evolve(call, **{self.position_field: getattr(result, f"new_{self.position_field}")})
        return following

    @classmethod
    def items(cls, result: R) -> tuple[ItemT, ...]:
        """Return the records of a page."""
        found: tuple[ItemT, ...] = getattr(result, cls.items_field)
        return found

    @classmethod
    def summary(cls, result: R) -> str:
        """Return how many records came, and how many remain."""
        count, remaining = len(cls.items(result)), getattr(result, cls.remaining_field)
        more = f"{remaining} remain" if not isinstance(remaining, bool) else "more follow" * remaining
        return f"{count} {cls.item_name[count != 1]}" + (f", {more}" if more else "")


class BatchOperation(Operation[R], Generic[R, StatusT]):
    """An operation that carries a list of records, keys or objects, of which a call takes at most `batch_limit`.

    It may be made with more: a client's `in_batches` splits it, its `call` refuses it. A subclass names the list in
    `batch_field` (with a dot for one inside a record), and the result's list of statuses in `statuses_field`; without
    one it gives `statuses`.
    """

    __slots__ = ()

    batch_field: ClassVar[str]
    statuses_field: ClassVar[str]
    excess_ignored: ClassVar[bool] = False
    """Whether the server took no notice of what is beyond the limit, instead of refusing the call."""

    @property
    def batch(self) -> tuple[Any, ...]:
        """The list; empty if this call has none."""
        value: Any = self
        for name in self.batch_field.split("."):
            value = getattr(value, name, None)
        return value or ()

    def with_batch(self, batch: tuple[Any, ...]) -> Self:
        """Return the same call for another list."""
        name, _, inner = self.batch_field.partition(".")
        call: Any = self
        made: Self = evolve(call, **{name: evolve(getattr(self, name), **{inner: batch}) if inner else batch})
        return made

    def excess(self) -> Iterator[Violation]:
        """Yield that the list is longer than a call may carry, if it is."""
        if self.batch_limit is not None and len(self.batch) > self.batch_limit:
            text = f"{self.name} carries at most {self.batch_limit} in one call, not {len(self.batch)}"
            yield Violation(20110, self.params_name, text)

    def check_reply(self, result: R) -> None:
        """Raise `ProtocolError` unless there is a status for each item of the list."""
        name: str | None = getattr(self, "statuses_field", None)
        if name is not None and (count := len(getattr(result, name))) != len(self.batch):
            (element,) = (field.el.name for field in declared(self.result_type) if field.name == name)
            raise ProtocolError(
                f"the number of statuses is {count}, not {len(self.batch)} as that of the items sent",
                path=f"success{type(self).__name__}/{self.reply_child}/{element}",
                problem="invalid",
            )

    def statuses(self, results: Sequence[R]) -> Sequence[StatusT | None]:
        """Return what came of each item of the list, in its order; *results* is one, or one for each page.

        None is for an item that the reply does not show.
        """
        found: Sequence[StatusT] = getattr(results[0], self.statuses_field)
        return found

    @classmethod
    def summary(cls, result: R) -> str:
        """Return how many items have which status: `2 CREATED, 1 FAILED`."""
        counts = Counter(str(each.status) for each in getattr(result, cls.statuses_field))
        return ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "none"

    @classmethod
    def is_failure(cls, status: StatusT) -> bool:
        """Say whether a status means that its item was not carried out."""
        return getattr(status, "status", status) in (False, "FAILED")

    @classmethod
    def is_unknown(cls, status: StatusT) -> bool:
        """Say whether a status that is a failure leaves open whether its item was carried out."""
        return OUTCOME_UNKNOWN in (getattr(status, "error", None) or "")


def is_first_page(position: str | None) -> bool:
    """Say whether a position asks for the first page. Recorded: clients sent an empty one, or made one up."""
    text = (position or "").strip()
    return text in ("", "0", "1") or ":os:0:" in text


def refuse_first(violations: Iterable[Violation]) -> None:
    """Raise the fault for the first rule that a call breaks, as a server does."""
    for violation in violations:
        raise fault(violation.code, violation.message)


def broken_declarations(message: Any, path: str) -> Iterator[Violation]:
    """Yield where the values of *message* do not fit its declaration: unknown enumeration values, empty text."""
    for field in declared(type(message)):
        value = getattr(message, field.name)
        if value is not None:
            yield from _broken(field, value, f"{path}/{field.el.name}")


def _broken(field: Field, value: Any, path: str) -> Iterator[Violation]:
    if field.is_list:
        item = field.of_items()
        for number, each in enumerate(value, 1):
            yield from _broken(item, each, f"{path}/{item.el.name}[{number}]" if field.items else f"{path}[{number}]")
    elif field.choices or is_record(field.type):
        yield from broken_declarations(value, path)
    elif is_enum(field.type) and not isinstance(value, field.type):
        choices = ", ".join(str(member.value) for member in field.type)
        yield Violation(field.el.invalid, path, f"{field.el.name} must be one of {choices}")
    elif field.type is str and not field.optional and not field.el.may_be_empty and not value.strip():
        yield Violation(20109, path, f"{field.el.name} is empty: give it a value")
