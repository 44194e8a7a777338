"""The journal: every call with its verdict, filtered by the address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from marketo_soap.errors import FAULT_TEXTS
from marketo_soap.privacy.free_text import forms
from marketo_soap.sandbox.journal import Entry
from marketo_soap.sandbox.messages import HttpAnswer
from marketo_soap.sandbox.page.envelopes import SHOWN_BYTES
from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.layout import PAGE, Visit, answer_panes, choice_filter, filter_form, text_filter
from marketo_soap.sandbox.page.paging import keyset, reader
from marketo_soap.sandbox.page.pieces import cut, empty, lead_link, left_out, live, moment, table, took
from marketo_soap.sandbox.store.selections import email_key
from marketo_soap.sandbox.verdicts import describe
from marketo_soap.wire.xml import Element

CALLS = f"{PAGE}calls"
_MOST = 200  # changes of a call that are shown
_FILTERS = ("q", "email", "operation", "verdict", "api")
_WENT = {"": "Any verdict", "succeeded": "Succeeded", "failed": "Failed", "waiting": "In progress"}
_TONES = {"good": "succeeded", "changed": "succeeded", "bad": "failed", "waiting": "waiting"}


def all_calls(visit: Visit) -> HttpAnswer:
    """Show the journal, newest call first."""
    return answer_panes(visit, "Calls", listing(visit, matching(visit)), section="Calls")


def matching(visit: Visit) -> list[Entry]:
    """Return the calls that the filter of the address lets through, newest first."""
    wanted = _Wanted(*map(visit.text, _FILTERS))
    return [entry for entry in reversed(visit.sandbox.entries()) if wanted.fits(entry)]


@frozen
class _Wanted:
    """Which calls are shown; "" is any. Of each message the first 64 KiB are searched."""

    text: str
    email: str
    operation: str
    verdict: str
    api: str

    def fits(self, entry: Entry) -> bool:
        if self.operation and entry.operation != self.operation:
            return False
        if self.api and entry.api != self.api:
            return False
        if self.verdict and self.verdict not in (_TONES[describe(entry)[0]], entry.verdict):
            return False
        if self.email and not self._names_lead(entry):
            return False
        return not self.text or any(self.text.lower() in held.lower() for held in _texts(entry))

    def _names_lead(self, entry: Entry) -> bool:
        leads = (entry.before, entry.after)
        if any(lead is not None and email_key(lead.email) == email_key(self.email) for lead in leads):
            return True
        for written in {form.lower() for form in forms(self.email)}:
            whole = re.compile(rf"(?<![\w.+@-]){re.escape(written)}(?![\w-]|\.\w)")
            for held in map(str.lower, _messages(entry)):
                if written in held and whole.search(held):
                    return True
        return False


def _messages(entry: Entry) -> Iterator[str]:
    for data in (entry.request, entry.response or b""):
        yield data[:SHOWN_BYTES].decode("utf-8", "replace")


def _texts(entry: Entry) -> Iterator[str]:
    yield from (entry.operation or "", describe(entry)[1], entry.reason, entry.key or "", f"#{entry.number}")
    yield from entry.remarks
    yield from (": ".join(pair) for pair in (*entry.request_headers, *entry.response_headers))
    yield from _messages(entry)


def listing(visit: Visit, entries: Sequence[Entry], number: int | None = None) -> Element:
    """Return the filter and a page of the calls; *number* is the one that is open beside them."""
    shown, turn = keyset(visit, len(entries), "call", reader(entries))
    listed: Child
    if shown:
        heads = ("Call", "Operation", "Verdict", "Reason", "Lead", "Key", "Took", "Time")
        rows = [_row(visit, entry, entry.number == number) for entry in shown]
        listed = table("Calls, newest first", heads, rows, kind="calls")
    elif any(map(visit.text, _FILTERS)):
        listed = empty(h("p", "No call in the journal fits the filter."))
    else:
        listed = empty(
            h("h2", "No calls yet"),
            h("p", "Have your service send one to ", h("code", visit.endpoint), ": it appears here by itself. "),
            h("p", h("a", "How to connect a service", href=f"{PAGE}connect")),
        )
    return h("div", live("filter", _filter(visit)), live("calls", listed, turn))


def _filter(visit: Visit) -> Element:
    entries = visit.sandbox.entries()
    operations = sorted({entry.operation for entry in entries if entry.operation})
    codes = sorted({entry.verdict for entry in entries if entry.verdict.isdecimal() and len(entry.verdict) <= 5})
    named = {code: f"{code} {FAULT_TEXTS.get(int(code), '')}".rstrip() for code in codes}
    return filter_form(
        visit,
        text_filter(visit, "q", "Search"),
        text_filter(visit, "email", "E-mail"),
        choice_filter(visit, "operation", "Operation", {"": "Any operation", **{name: name for name in operations}}),
        choice_filter(visit, "verdict", "Verdict", {**_WENT, "CREATED": "Created", "UPDATED": "Updated", **named}),
        choice_filter(visit, "api", "API", {"": "SOAP and REST", "SOAP": "SOAP", "REST": "REST"}),
        names=_FILTERS,
    )


def _row(visit: Visit, entry: Entry, is_open: bool) -> Element:
    return h(
        "tr",
        *first_cells(entry, visit.link(f"{CALLS}/{entry.number}")),
        h("td", cut(entry.reason or "; ".join(entry.remarks)) or None, class_="text reason"),
        h("td", lead_link(entry.lead_id), class_="lead"),
        h("td", entry.key, class_="key"),
        h("td", took(entry.seconds), class_="number took"),
        h("td", moment(entry.time), class_="number when"),
        id=f"call-{entry.number}",
        aria_current="true" if is_open else None,
    )


def first_cells(entry: Entry, href: str) -> tuple[Element, ...]:
    """Return the cells that every table of calls begins with: a link to the call, its operation and its verdict."""
    rest = h("small", "REST") if entry.api == "REST" else None
    return (
        h("th", h("a", f"#{entry.number}", href=href), scope="row"),
        h("td", cut(entry.operation or "unknown", 60), " " if rest is not None else None, rest, class_="operation"),
        h("td", verdict(entry), class_="of-verdict"),
    )


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
