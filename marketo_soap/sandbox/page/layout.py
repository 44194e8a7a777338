"""What all pages share: the visit, the frame, and the list beside the detail."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from attrs import field, frozen

from marketo_soap.sandbox.messages import CONTROL, PATH, HttpAnswer, HttpRequest
from marketo_soap.sandbox.page.html import Child, document, h
from marketo_soap.sandbox.page.pieces import live, moment
from marketo_soap.sandbox.state import State
from marketo_soap.sandbox.store.table import read_id
from marketo_soap.server.http import own_address
from marketo_soap.wire.xml import Element, replace_illegal

PAGE = f"{CONTROL}page/"
_LONGEST_SEARCH = 200
_OF_ONE_PAGE = ("done", "exact", "part")  # parameters that links do not keep

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

_SECTIONS = {
    "Leads": CONTROL,
    "Calls": f"{PAGE}calls",
    "Data": f"{PAGE}data",
    "Faults": f"{PAGE}faults",
    "Clock": f"{PAGE}controls",
    "Connect": f"{PAGE}connect",
}
_DONE = {
    "loaded": "Loaded. It applies to the next call that it fits.",
    "removed": "The fault is removed.",
    "cleared": "No fault is loaded any more.",
    "clock": "The clock has been moved.",
    "limits": "The limits have been changed.",
    "reset": "Leads and calls are deleted. All else is as the sandbox was started.",
    "signed": "The call was sent again, with a new signature.",
    "token": "The call was sent again, with a valid token.",
    "as-is": "The call was sent again as it was: its signature or token was refused, so there is no new one.",
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
    def only_list(self) -> bool:
        """Whether the page is asked for to update its list, beside a detail that does not change."""
        return self.query.get("part") == "list"

    def number(self, name: str) -> int | None:
        """Return a parameter of the query that is a number of at most 18 digits; None if it is not."""
        return read_id(self.query.get(name, ""))

    def text(self, name: str) -> str:
        """Return a parameter of the query that is searched for."""
        return replace_illegal(self.query.get(name, "").strip()[:_LONGEST_SEARCH])

    def here(self, **changes: str | None) -> str:
        """Return this page's address with other query parameters; None takes one away."""
        return self.link(self.request.path, **changes)

    def link(self, path: str, **changes: str | None) -> str:
        """Return the address of another page that keeps the filter and the place in the list.

        Parameters with a dash are those of a list in the detail, which another row does not have.
        """
        same = path == self.request.path
        kept = {
            name: text for name, text in self.query.items() if name not in _OF_ONE_PAGE and (same or "-" not in name)
        }
        query = {name: value for name, value in {**kept, **changes}.items() if value}
        return f"{path}?{urlencode(query)}" if query else path


# -- whole pages --------------------------------------------------------------------------------------


def answer_page(visit: Visit, title: str, *content: Child, section: str = "", status: int = 200) -> HttpAnswer:
    """Answer with a page: its title is also its heading."""
    main = h("main", h("h1", title), _done(visit), *content, id="main")
    return _answer(visit, title, main, section, status)


def answer_panes(
    visit: Visit,
    title: str,
    listing: Element,
    detail: Detail | None = None,
    *,
    section: str,
    crumb: Child = None,
    status: int = 200,
) -> HttpAnswer:
    """Answer with a list, and beside it the detail of one of its rows; narrow screens have one of the two."""
    heading = h("div", crumb, h("h1", title), class_="heading")
    parts = [h("section", heading, None if detail else _done(visit), listing, id="list", class_="list")]
    if detail is not None:
        close = h("a", "Close", href=visit.link(detail.back), class_="button close")
        bar = live("bar", h("nav", close, *detail.links, class_="bar", aria_label="Around this row"))
        shown: Child = None
        if not visit.only_list:
            inside = (h("h2", *(detail.heading or (detail.title,))), _done(visit), *detail.content)
            shown = h("div", *inside) if detail.settled else live("detail", *inside)
        parts.append(h("article", bar, shown, id="detail", class_="detail", tabindex="-1"))
    main = h("main", *parts, id="main", class_="panes" if detail else "pane", data_soft=True)
    source = visit.here(part="list") if detail is not None and detail.settled else None
    return _answer(visit, title if detail is None else detail.title, main, section, status, source)


@frozen
class Detail:
    """One row of a list, to be shown beside it under its *heading*, by default the title.

    A *settled* one does not change any more.
    """

    title: str
    back: str
    content: tuple[Child, ...]
    heading: tuple[Child, ...] = ()
    links: tuple[Child, ...] = ()
    settled: bool = False


def _answer(
    visit: Visit, title: str, main: Element, section: str, status: int, source: str | None = None
) -> HttpAnswer:
    head = h(
        "head",
        h("meta", charset="utf-8"),
        h("title", f"{title} · marketo_soap sandbox"),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="color-scheme", content="light dark"),
        h("link", rel="stylesheet", href=f"{PAGE}page.css"),
        h("script", src=f"{PAGE}page.js", defer=True),
    )
    skip = h("a", "Skip to the content", href="#main", class_="skip")
    body = h("body", skip, _header(visit, section), main, data_source=source)
    root = h("html", head, body, lang="en")
    return HttpAnswer(status, document(root), (("Content-Type", "text/html; charset=UTF-8"), *HEADERS))


def _done(visit: Visit) -> Element | None:
    text = _DONE.get(visit.query.get("done", ""))
    return h("p", text, role="status", class_="done") if text else None


def problem(visit: Visit, status: int, text: str) -> HttpAnswer:
    """Answer with a page about an error."""
    title = {404: "There is no such page", 403: "Not allowed"}.get(status, "That cannot be done")
    back = h("p", h("a", "Back to the leads", href=CONTROL))
    return answer_page(visit, title, h("p", text), back, status=status)


def _header(visit: Visit, section: str) -> Element:
    sandbox = visit.sandbox
    counts = {"Calls": len(sandbox.entries()), "Faults": len(sandbox.script.rules())}
    links = h("ul")
    for name, address in _SECTIONS.items():
        count = h("span", f"{counts[name]:,}", class_="count") if counts.get(name) else None
        between = " " if count is not None else None
        link = h("a", name, between, count, href=address, aria_current="page" if name == section else None)
        links.append(h("li", link))
    pause = h("button", "Pause", type="button", class_="quiet scripted", id="pause")
    return h(
        "header",
        h("a", h("b", "marketo_soap"), h("span", " sandbox"), href=CONTROL, class_="brand"),
        live("sections", h("nav", links, aria_label="Pages of the sandbox")),
        h("div", live("now", moment(sandbox.now())), h("span", id="live", role="status"), pause, class_="now"),
    )


# -- forms --------------------------------------------------------------------------------------------


def post_form(visit: Visit, action: str, *children: Child, **attributes: str | bool) -> Element:
    """Return a form that changes something: it proves that it comes from this page."""
    proof = h("input", type="hidden", name="token", value=visit.sandbox.form_token)
    return h("form", proof, *children, method="post", action=visit.link(f"{PAGE}{action}"), **attributes)


def filter_form(visit: Visit, *fields: Element, names: tuple[str, ...], hint: str | None = None) -> Element:
    """Return the form that filters a list: the filter stands in the address, under these *names*."""
    gone: Mapping[str, str | None] = dict.fromkeys((*names, "page", "before", "after"))
    clear = h("a", "Clear", href=visit.here(**gone), class_="button") if any(map(visit.text, names)) else None
    note = h("p", hint, class_="hint", id="filter-hint") if hint else None
    buttons = h("p", h("button", "Filter"), clear, class_="buttons")
    return h("form", *fields, buttons, note, action=visit.request.path, role="search", class_="filter")


def text_filter(visit: Visit, name: str, label: str, *, kind: str = "search", hint: bool = False) -> Element:
    """Return a field of a filter for any text."""
    described = "filter-hint" if hint else None
    value = visit.text(name)
    entry = h(
        "input",
        type=kind,
        id=name,
        name=name,
        value=value,
        placeholder=label,
        autocomplete="off",
        aria_describedby=described,
    )
    return h("p", h("label", label, for_=name), entry, class_=f"of-{name}")


def choice_filter(visit: Visit, name: str, label: str, choices: Mapping[str, str]) -> Element:
    """Return a field of a filter with a choice: words by values; "" is any."""
    chosen = visit.text(name)
    shown = {**choices, **({} if chosen in choices else {chosen: chosen})}
    options = [
        h("option", words, value=value, selected=value == chosen, id=f"{name}-{value or number}")
        for number, (value, words) in enumerate(shown.items())
    ]
    return h("p", h("label", label, for_=name), h("select", *options, id=name, name=name), class_=f"of-{name}")
