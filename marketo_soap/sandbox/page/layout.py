"""What all pages share: the visit, the frame around the content, headers, tables, and paging."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar
from urllib.parse import urlencode

from attrs import field, frozen

from marketo_soap.sandbox.messages import CONTROL, PATH, HttpAnswer, HttpRequest
from marketo_soap.sandbox.page.html import Child, add, document, h
from marketo_soap.sandbox.state import State
from marketo_soap.server.http import own_address
from marketo_soap.wire.xml import Element

PAGE = f"{CONTROL}page/"
PER_PAGE = 50
LONGEST_VALUE = 4000
MOST = 500  # values of one thing that are shown
_LAST_PAGE = 1_000_000
_LAST_WITHOUT_ID = 20  # pages that are found by their number alone

T = TypeVar("T", bound="_HasId")


class _HasId(Protocol):
    @property
    def id(self) -> int: ...


HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),  # with no-referrer, browsers send the origin "null" with forms
    ("Cache-Control", "no-store"),
)

_ROOMS = {
    "Leads": CONTROL,
    "Data": f"{PAGE}data",
    "Calls": f"{PAGE}calls",
    "Faults": f"{PAGE}faults",
    "Clock and limits": f"{PAGE}controls",
}
_DONE = {
    "loaded": "Loaded. It applies to the next call that it fits.",
    "cleared": "No fault is loaded any more.",
    "clock": "The clock has been moved.",
    "limits": "The limits have been changed.",
    "reset": "Leads and calls are deleted. All else is as the sandbox was started.",
}


@frozen
class Visit:
    """A request for a page: where it goes, what it asks for, and the fields of a form that it brings."""

    sandbox: State
    request: HttpRequest
    query: Mapping[str, str]
    form: Mapping[str, str] = field(repr=False, factory=dict)

    @property
    def endpoint(self) -> str:
        """The address that clients call, by the name that this visit came to."""
        return own_address(self.request.scheme, self.request.headers, PATH)

    @property
    def page(self) -> int:
        """Which page of a long list is asked for, from 1."""
        return min(max(self.number("page", 8) or 1, 1), _LAST_PAGE)

    def number(self, name: str, digits: int = 18) -> int | None:
        """Return a parameter of the query that is a number of at most so many digits; None if it is not."""
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else None

    def here(self, **changes: str | None) -> str:
        """Return this page's address with other query parameters; None takes one away."""
        query = {name: value for name, value in {**self.query, **changes}.items() if value is not None}
        query.pop("done", None)
        return f"?{urlencode(query)}" if query else self.request.path


# -- whole pages --------------------------------------------------------------------------------------


def answer_page(
    visit: Visit, title: str, *content: Child, room: str = "", status: int = 200, settled: bool = False
) -> HttpAnswer:
    """Answer with a page: its title is also its heading. Of a *settled* one only the frame changes."""
    head = h(
        "head",
        h("meta", charset="utf-8"),
        h("title", f"{title} · marketo_soap sandbox"),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="color-scheme", content="light dark"),
        h("link", rel="stylesheet", href=f"{PAGE}page.css"),
        h("script", src=f"{PAGE}page.js", defer=True),
    )
    done = _DONE.get(visit.query.get("done", ""))
    main = h("main", h("h1", title), h("p", done, role="status", class_="done") if done else None, id="main")
    source = f"{PAGE}state?{urlencode({'room': room})}" if settled else None  # where its live parts come from
    body = h("body", data_source=source)
    add(body, h("a", "Skip to the content", href="#main", class_="skip"), _header(visit, room))
    root = h("html", head, add(body, add(main, *content)), lang="en")
    return HttpAnswer(status, document(root), (("Content-Type", "text/html; charset=UTF-8"), *HEADERS))


def state(visit: Visit) -> HttpAnswer:
    """Show the frame alone: it is what changes on settled pages."""
    return answer_page(visit, "Now", room=visit.query.get("room", ""))


def problem(visit: Visit, status: int, text: str) -> HttpAnswer:
    """Answer with a page about an error."""
    title = {404: "There is no such page", 403: "Not allowed"}.get(status, "That cannot be done")
    back = h("p", h("a", "Back to the leads", href=CONTROL))
    return answer_page(visit, title, h("p", text), back, status=status, settled=True)


def _header(visit: Visit, room: str) -> Element:
    sandbox = visit.sandbox
    counts = {"Calls": len(sandbox.entries()), "Faults": len(sandbox.script.rules())}
    links = h("ul")
    for name, address in _ROOMS.items():
        count = h("span", f"{counts[name]:,}", class_="count") if name in counts else None
        current = "page" if name == room else None
        links.append(h("li", h("a", name, " " if name in counts else None, count, href=address, aria_current=current)))
    return h(
        "header",
        h("a", h("b", "marketo_soap"), " sandbox", href=CONTROL, class_="brand"),
        live("rooms", h("nav", links, aria_label="Pages of the sandbox")),
        h("div", live("now", moment(sandbox.now())), h("span", id="live", role="status"), class_="now"),
    )


# -- pieces -------------------------------------------------------------------------------------------


def live(name: str, *children: Child) -> Element:
    """Return a part that keeps itself up to date."""
    return h("div", *children, id=f"live-{name}", data_live=True)


def post_form(visit: Visit, action: str, *children: Child, **attributes: str) -> Element:
    """Return a form that changes something: it proves that it comes from this page."""
    proof = h("input", type="hidden", name="token", value=visit.sandbox.form_token)
    return h("form", proof, *children, method="post", action=f"{PAGE}{action}", **attributes)


def table(caption: str, heads: Iterable[str], rows: Iterable[Element]) -> Element:
    """Return a table that scrolls inside; the first cell of each row is its heading."""
    head = h("thead", h("tr", *[h("th", name, scope="col") for name in heads]))
    whole = h("table", h("caption", caption, class_="unseen"), head, h("tbody", *rows))
    return h("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def facts(pairs: Iterable[tuple[str, Child]]) -> Element:
    """Return names and values; pairs without a value are left out."""
    listed = h("dl", class_="facts")
    for name, value in pairs:
        if value is not None and value != "":
            listed.append(h("div", h("dt", name), h("dd", value)))
    return listed


def empty(*children: Child) -> Element:
    """Return what is shown instead of an empty list."""
    return h("div", *children, class_="empty")


def lead_link(lead_id: int | None) -> Element | None:
    """Return a link to the page of a lead, if there is one."""
    return h("a", str(lead_id), href=f"{PAGE}leads/{lead_id}") if lead_id else None


def left_out(total: int, shown: int, tag: str = "p") -> Element | None:
    """Return a remark on what is left out of a list of *total* items of which so many are *shown*."""
    return h(tag, f"and {total - shown:,} more") if total > shown else None


def moment(time: datetime) -> Element:
    """Return a time, to the second, with its offset to be read by machines."""
    whole = time.isoformat()
    return h("time", time.replace(tzinfo=None).isoformat(" ", "seconds"), datetime=whole, title=whole)


def stamp(text: str) -> Element:
    """Return a time of ISO 8601, as `moment` does."""
    return h("time", text[:19].replace("T", " "), datetime=text, title=text)


def cut(text: str, length: int = 160) -> str:
    """Return a text that is not too long to be read."""
    return text if len(text) <= length else f"{text[:length]}… ({len(text):,} characters)"


def many(count: int, what: str) -> str:
    """Return a number of things in words: `1 lead`, `2 leads`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def keyset(
    visit: Visit, total: int, what: str, read: Callable[..., list[T]], *, capped: bool = False
) -> tuple[list[T], Element | None]:
    """Return a page of rows, newest first, and its pager. A page is found by the id that it follows: SQLite would
    read all that an offset skips.

    *read* takes a limit and `before=`, `after=`, `offset=`, as `Table.newest_rows` does.
    """
    before, after = visit.number("before"), visit.number("after")
    if before is None and after is not None:
        found, more = read(PER_PAGE, after=after), True
    else:
        skipped = 0 if before is not None else (min(visit.page, _LAST_WITHOUT_ID) - 1) * PER_PAGE
        found = read(PER_PAGE + 1, before=before, offset=skipped)
        found, more = found[:PER_PAGE], len(found) > PER_PAGE
    if not found:
        return found, pager(visit, total, what, capped=capped, more=False) if total else None
    newer = {"after": str(found[0].id) if visit.page > 2 else None, "before": None}
    older = {"before": str(found[-1].id), "after": None}
    return found, pager(visit, total, what, capped=capped, more=more, newer=newer, older=older)


def pager(
    visit: Visit,
    total: int,
    what: str,
    *,
    capped: bool = False,
    more: bool | None = None,
    newer: Mapping[str, str | None] | None = None,
    older: Mapping[str, str | None] | None = None,
) -> Element:
    """Return where in a list of *total* this page is, and links to its neighbours.

    *capped*: there are more than *total*, which are not counted. *more*: whether an older page follows, if the
    numbers do not show it. *newer* and *older* are further query parameters of those pages.
    """
    first = (visit.page - 1) * PER_PAGE + 1
    last = min(visit.page * PER_PAGE, total)
    of_all = f"{'more than ' if capped else ''}{many(total, what)}"
    place = f"{first:,} to {last:,} of {of_all}" if first <= last else of_all
    nav = h("nav", h("span", place), class_="pager", aria_label="Parts of the list")
    if visit.page > 1:
        nav.append(h("a", "Newer", rel="prev", href=visit.here(page=str(visit.page - 1), **(newer or {}))))
    if last < total if more is None else more:
        nav.append(h("a", "Older", rel="next", href=visit.here(page=str(visit.page + 1), **(older or {}))))
    return nav
