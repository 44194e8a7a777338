"""Walk through the pages of an operation. Pure."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from attrs import astuple, has

from marketo_soap.errors import Fault, Problem, ProtocolError
from marketo_soap.history import Exchange
from marketo_soap.operations.base import PagedOperation

__all__ = ["PageWalk"]

R = TypeVar("R")

_STREAM_AT_END = 20123


class PageWalk(Generic[R]):
    """The calls for one page after the other: `page` is the next one, None after the last."""

    def __init__(self, operation: PagedOperation[R, Any]) -> None:
        self.page: PagedOperation[R, Any] | None = operation
        self._seen = {operation}

    def ends_with(self, fault: Fault) -> bool:
        """Return whether *fault* means that there are no more pages."""
        return fault.code == _STREAM_AT_END

    def advance(self, result: R, exchange: Exchange | None) -> None:
        """Go on to the page after *result*, which came in *exchange*."""
        page = self.page = None if self.page is None else self.page.next_page(result)
        if page in self._seen:
            raise _error(page, "repeated", "a stream position that it gave before: the pages would never end", exchange)
        if page is not None:
            position = getattr(page, page.position_field)
            if not (any(astuple(position)) if has(type(position)) else position):  # it would ask for the first page
                raise _error(page, "empty", "an empty stream position, and says that there are more pages", exchange)
            self._seen.add(page)


def _error(page: PagedOperation[Any, Any], problem: Problem, text: str, exchange: Exchange | None) -> ProtocolError:
    path = f"{page.success_tag.partition('}')[2]}/{page.reply_child}"
    error = ProtocolError(f"{page.name}: the reply gives {text}", path=path, problem=problem)
    error.exchange = exchange
    return error
