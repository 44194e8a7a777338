"""Long lists in pages. A page is found by the id that it follows: SQLite would read all that an offset skips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from marketo_soap.sandbox.page.html import h
from marketo_soap.sandbox.page.layout import Visit
from marketo_soap.sandbox.page.pieces import many
from marketo_soap.wire.xml import Element

PER_PAGE = 50
_LAST_PAGE = 1_000_000
_LAST_WITHOUT_ID = 20  # pages that are found by their number alone


class _HasId(Protocol):
    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=_HasId)


def keyset(
    visit: Visit, total: int, what: str, read: Callable[..., list[T]], *, capped: bool = False, of: str = ""
) -> tuple[list[T], Element | None]:
    """Return a page of rows, newest first, and where in the list it is, with links to its neighbours.

    *read* takes a limit and `before=`, `after=`, `offset=`, as `Table.newest_rows` does. *capped*: there are more than
    *total*, which are not counted. *of* sets the parameters of a second list on the page apart.
    """
    page = min(max(visit.number(f"{of}page") or 1, 1), _LAST_PAGE)
    before, after = visit.number(f"{of}before"), visit.number(f"{of}after")
    if before is None and after is not None:
        found, more = read(PER_PAGE, after=after), True
    else:
        skipped = 0 if before is not None else (min(page, _LAST_WITHOUT_ID) - 1) * PER_PAGE
        found = read(PER_PAGE + 1, before=before, offset=skipped)
        found, more = found[:PER_PAGE], len(found) > PER_PAGE
    if not found and not total:
        return found, None

    def link(number: int, *, before: int | None = None, after: int | None = None) -> str:
        """Return the address of a neighbour, which is next to the row with this id."""
        changes = {"page": number, "before": before, "after": after}
        return visit.here(**{f"{of}{name}": None if value is None else str(value) for name, value in changes.items()})

    first, last = (page - 1) * PER_PAGE + 1, min(page * PER_PAGE, total)
    of_all = f"{'more than ' if capped else ''}{many(total, what)}"
    place = f"{first:,} to {last:,} of {of_all}" if first <= last else of_all
    nav = h("nav", h("span", place), class_="pager", aria_label="Parts of the list")
    if page > 1:
        newest = found[0].id if found and page > 2 else None
        nav.append(h("a", "Newer", rel="prev", href=link(page - 1, after=newest)))
    if found and more:
        nav.append(h("a", "Older", rel="next", href=link(page + 1, before=found[-1].id)))
    return found, nav


def reader(rows: Sequence[T]) -> Callable[..., list[T]]:
    """Return what `keyset` reads by, from *rows* in memory, newest first."""

    def read(limit: int, *, before: int | None = None, after: int | None = None, offset: int = 0) -> list[T]:
        if after is not None:
            return [row for row in rows if row.id > after][-limit:]
        return [row for row in rows if before is None or row.id < before][offset : offset + limit]

    return read
