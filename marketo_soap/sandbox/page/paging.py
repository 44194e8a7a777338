"""Long lists in pages. A page is found by the id that it follows: SQLite would read all that an offset skips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Return a page of rows, newest first, and its pager.

    *read* takes a limit and `before=`, `after=`, `offset=`, as `Table.newest_rows` does. *capped*: there are more than
    *total*, which are not counted. *of* sets the parameters of a second list on the page apart.
    """
    page = page_of(visit, of)
    before, after = visit.number(f"{of}before"), visit.number(f"{of}after")
    if before is None and after is not None:
        found, more = read(PER_PAGE, after=after), True
    else:
        skipped = 0 if before is not None else (min(page, _LAST_WITHOUT_ID) - 1) * PER_PAGE
        found = read(PER_PAGE + 1, before=before, offset=skipped)
        found, more = found[:PER_PAGE], len(found) > PER_PAGE
    if not found:
        return found, pager(visit, total, what, capped=capped, more=False, of=of) if total else None
    newer = {f"{of}after": str(found[0].id) if page > 2 else None, f"{of}before": None}
    older = {f"{of}before": str(found[-1].id), f"{of}after": None}
    return found, pager(visit, total, what, capped=capped, more=more, newer=newer, older=older, of=of)


def reader(rows: Sequence[T]) -> Callable[..., list[T]]:
    """Return what `keyset` reads by, from *rows* in memory, newest first."""

    def read(limit: int, *, before: int | None = None, after: int | None = None, offset: int = 0) -> list[T]:
        if after is not None:
            return [row for row in rows if row.id > after][-limit:]
        return [row for row in rows if before is None or row.id < before][offset : offset + limit]

    return read


def page_of(visit: Visit, of: str = "") -> int:
    """Return which page of a list is asked for, from 1."""
    return min(max(visit.number(f"{of}page", 8) or 1, 1), _LAST_PAGE)


def pager(
    visit: Visit,
    total: int,
    what: str,
    *,
    capped: bool = False,
    more: bool | None = None,
    newer: Mapping[str, str | None] | None = None,
    older: Mapping[str, str | None] | None = None,
    of: str = "",
) -> Element:
    """Return where in a list of *total* this page is, and links to its neighbours.

    *more*: whether an older page follows, if the numbers do not show it. *newer* and *older* are further query
    parameters of those pages.
    """
    page = page_of(visit, of)
    first = (page - 1) * PER_PAGE + 1
    last = min(page * PER_PAGE, total)
    of_all = f"{'more than ' if capped else ''}{many(total, what)}"
    place = f"{first:,} to {last:,} of {of_all}" if first <= last else of_all
    nav = h("nav", h("span", place), class_="pager", aria_label="Parts of the list")
    if page > 1:
        nav.append(h("a", "Newer", rel="prev", href=visit.here(**{f"{of}page": str(page - 1), **(newer or {})})))
    if last < total if more is None else more:
        nav.append(h("a", "Older", rel="next", href=visit.here(**{f"{of}page": str(page + 1), **(older or {})})))
    return nav
