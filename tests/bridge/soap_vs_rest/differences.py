"""Answers over SOAP and over REST, and the differences between them that are expected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any, Generic, TypeVar

from attrs import Factory, define, frozen

from marketo_soap import BridgeSettings, Fault, LeadKey, LeadKeySelector, OperationFailed
from marketo_soap.errors import TransportError
from marketo_soap.operations.base import PagedOperation
from marketo_soap.sandbox.settings import Settings
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair
from tests.support import Either

MOST_PAGES = 200


@define
class Answer:
    """The code of a fault, or the records of each page and how many remained after it."""

    fault: int | None = None
    pages: list[list[Any]] = Factory(list)
    remaining: list[int] = Factory(list)

    @property
    def records(self) -> list[Any]:
        return [record for page in self.pages for record in page]

    def refuse(self, code: int) -> None:
        """Turn the answer into a fault."""
        self.fault, self.pages, self.remaining = code, [], []

    def replace_records(self, records: Sequence[Any], page_size: int) -> None:
        """Turn the answer into one with these records."""
        starts = range(0, max(1, len(records)), page_size)
        self.fault = None
        self.pages = [[*records[at : at + page_size]] for at in starts]
        self.remaining = [max(0, len(records) - at - page_size) for at in starts]

    def change_records(self, change: Callable[[Any], Any]) -> None:
        """Change each record."""
        self.pages = [[change(record) for record in page] for page in self.pages]


def ask(client: Either, operation: Any, records_of: Callable[[Any], Iterable[Any]]) -> Answer:
    """Make a call, and those for the pages after the first. *records_of* gives what to compare of a result."""
    answer, call = Answer(), operation
    for _ in range(MOST_PAGES):
        try:
            result: Any = client.call(call)
        except OperationFailed as error:
            result = error.result
        except (Fault, TransportError) as error:
            return Answer((isinstance(error, Fault) and error.code) or 0)
        answer.pages.append([*records_of(result)])
        answer.remaining.append(getattr(result, "remaining_count", 0))
        call = call.next_page(result) if isinstance(call, PagedOperation) else None
        if call is None:
            return answer
    raise AssertionError("the pages do not end")


def ask_both(pair: SandboxPair, operation: Any, records_of: Callable[[Any], Iterable[Any]]) -> tuple[Answer, Answer]:
    """Make a call over SOAP and over REST, and return both answers."""
    return ask(pair.soap_client, operation, records_of), ask(pair.rest_client, operation, records_of)


@frozen
class Case:
    """A call that is made over both APIs, and the leads of the sandbox for SOAP before it, by id."""

    operation: Any
    pair: SandboxPair
    leads: dict[int, dict[str, Any]] = Factory(dict)

    @property
    def bridge(self) -> BridgeSettings:
        return self.pair.configuration.bridge

    @property
    def sandbox(self) -> Settings:
        return self.pair.configuration.sandbox

    @property
    def key_type(self) -> str | None:
        """The type of the lead keys of a call that reads leads or activities."""
        if hasattr(self.operation, "lead_key"):
            key: LeadKey = self.operation.lead_key
            return key.key_type
        selector = self.operation.lead_selector
        return selector.key_type if isinstance(selector, LeadKeySelector) else None

    @property
    def key_values(self) -> Sequence[str]:
        """The lead keys of such a call."""
        if hasattr(self.operation, "lead_key"):
            return [self.operation.lead_key.key_value]
        selector = self.operation.lead_selector
        return selector.key_values if isinstance(selector, LeadKeySelector) else []

    def visible(self, lead_id: int) -> bool:
        """Whether REST sees the lead: the sandbox may be configured to hide anonymous leads."""
        return self.sandbox.rest_shows_anonymous or not self.leads[lead_id]["anonymous"]


FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
CaseT = TypeVar("CaseT", bound=Case)
AnswerT = TypeVar("AnswerT", bound=Answer)


@frozen
class Difference(Generic[FunctionT]):
    """A documented difference between SOAP and REST: where it is specified, why it exists, and a model of it.

    *in_storage*: the sandboxes store different data, too.
    """

    name: str
    section: str
    reason: str
    function: FunctionT
    in_storage: bool = False


class Differences(Generic[FunctionT]):
    """The differences of a group of operations. An instance is the decorator of the functions that model them.

    The order of the functions is the order in which they are applied.
    """

    def __init__(self) -> None:
        self._all: list[Difference[FunctionT]] = []

    def __call__(self, section: str, reason: str, *, in_storage: bool = False) -> Callable[[FunctionT], FunctionT]:
        def add(function: FunctionT) -> FunctionT:
            self._all.append(Difference(function.__name__, section, reason, function, in_storage))
            return function

        return add

    def __iter__(self) -> Iterator[Difference[FunctionT]]:
        return iter(self._all)

    def check_examples(self, examples: Iterable[str]) -> None:
        """Assert that there is an example of every difference, in the same order, and that each is documented."""
        assert [each.name for each in self] == [*examples]
        assert all(each.section and each.reason for each in self)


Change = Callable[[CaseT, AnswerT], None]
"""A function that changes SOAP's answer into that of REST, as far as one difference goes."""


def assert_same(
    case: CaseT, soap: AnswerT, rest: AnswerT, differences: Differences[Change[CaseT, AnswerT]]
) -> list[str]:
    """Assert that the answers differ by *differences* alone. Return the names of those that applied."""
    applied = []
    for each in differences:
        before = deepcopy(soap)
        each.function(case, soap)
        if soap != before:
            applied.append(each.name)
    assert rest == soap, f"{case.operation}: {rest} over REST, but {soap} expected, with the differences {applied}"
    return applied
