"""Where REST answers otherwise than SOAP: a gap says what SOAP's answer becomes. What is left must be equal.

A gap is met only if it changes something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Generic, TypeVar

from attrs import frozen

CaseT = TypeVar("CaseT")
AnswerT = TypeVar("AnswerT")


@frozen
class Gap(Generic[CaseT, AnswerT]):
    """A difference: by which section REST has it, in words why, and what it makes of SOAP's answer.

    *parts*: what is kept differs too.
    """

    name: str
    section: str
    why: str
    change: Callable[[CaseT, AnswerT], None]
    parts: bool


class Gaps(Generic[CaseT, AnswerT]):
    """The gaps of some operations, in their order; called, it decorates the function of one."""

    def __init__(self) -> None:
        self._all: list[Gap[CaseT, AnswerT]] = []

    def __call__(
        self, section: str, why: str, *, parts: bool = False
    ) -> Callable[[Callable[[CaseT, AnswerT], None]], Callable[[CaseT, AnswerT], None]]:
        def add(change: Callable[[CaseT, AnswerT], None]) -> Callable[[CaseT, AnswerT], None]:
            self._all.append(Gap(change.__name__, section, why, change, parts))
            return change

        return add

    def __iter__(self) -> Iterator[Gap[CaseT, AnswerT]]:
        return iter(self._all)

    def apply(self, case: CaseT, answer: AnswerT) -> list[Gap[CaseT, AnswerT]]:
        """Make of SOAP's answer what REST makes of it; return the gaps that were met."""
        met = []
        for each in self:
            before = deepcopy(answer)
            each.change(case, answer)
            if answer != before:
                met.append(each)
        return met
