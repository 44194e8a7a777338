"""The pages of the journal: every call with its verdict, and one call with both envelopes."""

from __future__ import annotations

from marketo_soap.envelope import open_request
from marketo_soap.errors import ProtocolError
from marketo_soap.sandbox.journal import Entry
from marketo_soap.sandbox.messages import HttpAnswer
from marketo_soap.sandbox.page.envelopes import SHOWN_BYTES, message
from marketo_soap.sandbox.page.html import Child, add, h
from marketo_soap.sandbox.page.layout import (
    HEADERS,
    PAGE,
    PER_PAGE,
    Visit,
    answer_page,
    cut,
    empty,
    facts,
    lead_link,
    left_out,
    live,
    moment,
    pager,
    problem,
    table,
)
from marketo_soap.sandbox.verdicts import describe
from marketo_soap.signature import diagnose
from marketo_soap.wire.xml import Element

_MOST = 200  # changes or notes of a call that are shown
_GONE = "This call is not in the journal: it was never made, was cleared, or is older than what the journal keeps."


def verdict(entry: Entry) -> Element:
    """Return the result of a call in words, which the colour repeats."""
    tone, words = describe(entry)
    return h("span", words, class_=f"verdict {tone}")


def changes_of(entry: Entry) -> Element:
    """Return what a call changed on its lead: from what to what."""
    changes = entry.changes
    if not changes:
        return h("i", "nothing")
    items = [
        h(
            "li",
            h("b", cut(change.field, 80)),
            " ",
            h("del", cut(change.old)) if change.old is not None else h("i", "nothing"),
            h("span", " became ", class_="unseen"),
            h("span", " → ", aria_hidden="true"),
            h("ins", cut(change.new)) if change.new is not None else h("i", "nothing"),
        )
        for change in changes[:_MOST]
    ]
    return h("ul", *items, left_out(len(changes), _MOST, "li"), class_="changes")


def all_calls(visit: Visit) -> HttpAnswer:
    """Show the journal, newest call first."""
    entries = visit.sandbox.entries()[::-1]
    start = (visit.page - 1) * PER_PAGE
    listed: Child
    if entries:
        rows = map(_row, entries[start : start + PER_PAGE])
        heads = ("Call", "Operation", "Verdict", "Reason", "Lead", "Key", "Time")
        listed = h("div", table("Calls, newest first", heads, rows), pager(visit, len(entries), "call"))
    else:
        endpoint = h("code", visit.endpoint, data_copy=True)
        listed = empty(
            h("h2", "No calls yet"),
            h("p", "Have your service send one to ", endpoint, ": it appears here by itself."),
        )
    return answer_page(visit, "Calls", live("calls", listed), room="Calls")


def first_cells(entry: Entry) -> tuple[Element, ...]:
    """Return the cells that every table of calls begins with: a link to the call, its operation and its verdict."""
    return (
        h("th", h("a", f"#{entry.number}", href=f"{PAGE}calls/{entry.number}"), scope="row"),
        h("td", cut(entry.operation or "", 60)),
        h("td", verdict(entry)),
    )


def _row(entry: Entry) -> Element:
    return h(
        "tr",
        *first_cells(entry),
        h("td", cut(entry.reason or "; ".join(entry.remarks)), class_="text"),
        h("td", lead_link(entry.lead_id)),
        h("td", entry.key),
        h("td", moment(entry.time), class_="number"),
        id=f"call-{entry.number}",
    )


# -- one call -----------------------------------------------------------------------------------------


def _found(visit: Visit, number: str) -> Entry | None:
    return next((entry for entry in visit.sandbox.entries() if str(entry.number) == number), None)


def one_call(visit: Visit, number: str) -> HttpAnswer:
    """Show one call: the verdict and why, what it changed, and both envelopes side by side."""
    entry = _found(visit, number)
    if entry is None:
        return problem(visit, 404, _GONE)
    summary = facts(
        [
            ("Verdict", verdict(entry)),
            ("Reason", cut(entry.reason, 4000)),
            ("Operation", entry.operation),
            ("Key", entry.key),
            ("Lead", lead_link(entry.lead_id)),
            ("Signature", _signature(visit, entry)),
            ("HTTP status", str(entry.status) if entry.status else None),
            ("Time", moment(entry.time)),
        ]
    )
    notes = entry.notes
    noted = h("ul", *[h("li", _note(note)) for note in notes[:_MOST]], class_="notes") if notes else None
    changes = h("section", h("h2", "Changes"), changes_of(entry)) if entry.after is not None else None
    exact = "exact" in visit.query
    return answer_page(
        visit,
        f"Call #{entry.number}",
        _neighbours(visit, entry),
        live(
            "call",
            h("section", summary, class_="card"),
            h("section", h("h2", "Notes"), noted) if noted is not None else None,
            changes,
        ),
        h(
            "section",
            h("h2", "Envelopes"),
            h(
                "nav",
                h("a", "Indented", href=visit.request.path, aria_current=None if exact else "true"),
                h("a", "As they were sent", href=visit.here(exact="1"), aria_current="true" if exact else None),
                class_="choice",
                aria_label="How the envelopes are shown",
            ),
            live("envelopes", _envelopes(entry, exact=exact)),
        ),
        room="Calls",
        settled=entry.response is not None,
    )


def _note(note: str) -> Element:
    return h("span", cut(note, 4000), class_="warning" if "is ignored by Marketo" in note else None)


def _signature(visit: Visit, entry: Entry) -> str | None:
    """Return whether the signature is right; the notes describe what is wrong."""
    try:
        header = open_request(entry.request).read_header()
    except ProtocolError:
        return None
    if header is None:
        return "there is no AuthenticationHeader"
    return "right" if diagnose(visit.sandbox.credentials, header) is None else "wrong: see the notes"


def _neighbours(visit: Visit, entry: Entry) -> Element:
    numbers = [other.number for other in visit.sandbox.entries()]
    here = numbers.index(entry.number) if entry.number in numbers else 0
    nav = h("nav", class_="pager", aria_label="Other calls")
    if here > 0:
        nav.append(h("a", "Previous call", rel="prev", href=f"{PAGE}calls/{numbers[here - 1]}"))
    if here + 1 < len(numbers):
        nav.append(h("a", "Next call", rel="next", href=f"{PAGE}calls/{numbers[here + 1]}"))
    return add(nav, h("a", "All calls", href=f"{PAGE}calls"))


def _envelopes(entry: Entry, *, exact: bool) -> Element:
    parts: list[Child] = []
    for title, name, data in (("Request", "request", entry.request), ("Reply", "response", entry.response)):
        if not data:
            reason = "The connection was closed without an answer." if name == "response" else "It is empty."
            reason = "There is no answer yet." if data is None else reason
            parts.append(h("section", h("h3", title), h("p", reason)))
            continue
        whole = h(
            "a", "Download", href=f"{PAGE}calls/{entry.number}/{name}", aria_label=f"Download the {title.lower()}"
        )
        cut_off = h("p", f"These are the first {SHOWN_BYTES // 1024} KiB; the download has all of it.")
        parts.append(
            h(
                "section",
                h("h3", title, " ", h("small", f"{len(data):,} bytes "), whole),
                cut_off if len(data) > SHOWN_BYTES else None,
                message(data, exact=exact, label=title),
            )
        )
    return h("div", *parts, class_="sides")


def download(visit: Visit, number: str, name: str) -> HttpAnswer:
    """Answer with a message's very bytes, to be saved."""
    entry = _found(visit, number)
    data = None if entry is None else entry.request if name == "request" else entry.response
    if data is None:
        return problem(visit, 404, _GONE)
    named = f'attachment; filename="call-{number}-{name}.xml.txt"'
    return HttpAnswer(
        200, data, (("Content-Type", "text/plain; charset=UTF-8"), ("Content-Disposition", named), *HEADERS)
    )
