"""The leads: all of them with a search, and one of them with its history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from marketo_soap.sandbox.journal import Entry
from marketo_soap.sandbox.messages import CONTROL, HttpAnswer
from marketo_soap.sandbox.page.calls import CALLS, changes_of, first_cells
from marketo_soap.sandbox.page.connect import cards
from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.layout import PAGE, Detail, Visit, answer_panes, filter_form, text_filter
from marketo_soap.sandbox.page.paging import keyset, reader
from marketo_soap.sandbox.page.pieces import (
    LONGEST_VALUE,
    MOST,
    cut,
    empty,
    facts,
    left_out,
    live,
    moment,
    stamp,
    table,
)
from marketo_soap.sandbox.page.rows import DATA, rows_table
from marketo_soap.sandbox.store.leads import Leads, StoredLead
from marketo_soap.sandbox.store.lists import KeptList
from marketo_soap.sandbox.store.search import SCANNED
from marketo_soap.wire.xml import Element

_MOST_FOUND = 1000  # leads
_NEWEST = 20  # activities of a lead that are shown
_HINT = f"Id, e-mail, foreign id, cookie, or part of a value. 1 or 2 characters: in the newest {SCANNED:,} leads"


def all_leads(visit: Visit) -> HttpAnswer:
    """Show the leads that fit the search, newest first."""
    with visit.sandbox.store.reading() as leads:
        listed = _listing(visit, leads)
    return answer_panes(visit, "Leads", listed, section="Leads")


def _listing(visit: Visit, leads: Leads, open_id: int | None = None) -> Element:
    search = visit.text("q")
    if search:
        found, turn = _found(leads, visit, search)
    else:
        found, turn = keyset(visit, leads.count(), "lead", leads.newest)
    listed: Child
    if found:
        listed = leads_table("Leads, newest first", found, visit, open_id)
    elif search:
        listed = empty(h("p", f"No lead has “{search}” in it."))
    else:
        hint = "Point a service at this sandbox with the values below. Its first syncLead call makes a lead here."
        listed = h("div", empty(h("h2", "No leads yet"), h("p", hint)), cards(visit))
    form = filter_form(visit, text_filter(visit, "q", "Search", hint=True), names=("q",), hint=_HINT)
    return h("div", live("filter", form), live("leads", listed, turn))


def _found(leads: Leads, visit: Visit, search: str) -> tuple[list[StoredLead], Element | None]:
    ids = leads.find(search, limit=_MOST_FOUND + 1)
    rows = [StoredLead(lead_id) for lead_id in ids[:_MOST_FOUND]]
    shown, turn = keyset(visit, len(rows), "lead", reader(rows), capped=len(ids) > len(rows))
    return [lead for row in shown if (lead := leads.by_id(row.id)) is not None], turn


def leads_table(caption: str, found: Iterable[StoredLead], visit: Visit, open_id: int | None = None) -> Element:
    """Return a table of leads. In the list of leads, links keep its filter and place."""
    heads = ("Id", "E-mail", "Name", "Foreign id", "Partition", "Updated")
    keep = visit.request.path == CONTROL or visit.request.path.startswith(f"{PAGE}leads/")
    rows = []
    for lead in found:
        href = f"{PAGE}leads/{lead.id}"
        rows.append(_row(lead, visit.link(href) if keep else href, lead.id == open_id))
    return table(caption, heads, rows, kind="leads")


def _row(lead: StoredLead, href: str, is_open: bool) -> Element:
    foreign = f"{lead.foreign_id} ({lead.foreign_type})" if lead.foreign_id else ""
    name = " ".join(filter(None, (lead.attributes.get("FirstName"), lead.attributes.get("LastName"))))
    return h(
        "tr",
        h("th", h("a", str(lead.id), href=href), scope="row"),
        h("td", cut(lead.email) if lead.email else h("i", "anonymous" if lead.anonymous else "none"), class_="email"),
        h("td", cut(name, 60) or None),
        h("td", cut(foreign, 60) or None),
        h("td", cut(lead.partition, 60), class_="partition"),
        h("td", stamp(lead.updated_at), class_="number when"),
        id=f"lead-{lead.id}",
        aria_current="true" if is_open else None,
    )


# -- one lead -----------------------------------------------------------------------------------------


def one_lead(visit: Visit, number: str) -> HttpAnswer:
    """Show everything that is known of one lead, and the calls that made it so, beside the list."""
    lead_id = int(number)
    with visit.sandbox.store.reading() as leads:
        listed = _listing(visit, leads, lead_id)
        lead = leads.by_id(lead_id)
        if lead is None:
            text = f"There is no lead {lead_id}: nobody made it, or the sandbox was reset."
            gone = Detail("There is no such lead", CONTROL, (h("p", text),))
            return answer_panes(visit, "Leads", listed, gone, section="Leads", status=404)
        content = _content(visit, leads, lead)
    detail = Detail(f"Lead {lead_id}", CONTROL, content, (f"Lead {lead_id} ", h("small", cut(lead.email or "", 80))))
    return answer_panes(visit, "Leads", listed, detail, section="Leads")


def _content(visit: Visit, leads: Leads, lead: StoredLead) -> tuple[Child, ...]:
    cookies = leads.cookies_of(lead.id)
    shown = [h("li", h("code", cut(cookie))) for cookie in islice(cookies, MOST)]
    keys = facts(
        [
            ("Id", str(lead.id)),
            ("E-mail", _value(lead.email)),
            ("ForeignSysPersonId", _value(lead.foreign_id)),
            ("ForeignSysType", lead.foreign_type),
            ("Cookies", h("ul", *shown, left_out(len(cookies), MOST, "li")) if cookies else None),
            ("Lists", _lists(leads.lists.of(lead.id))),
            ("Partition", cut(lead.partition)),
            ("Known", "no: an anonymous visitor, known by a cookie alone" if lead.anonymous else "yes"),
            ("Created", stamp(lead.created_at)),
            ("Updated", stamp(lead.updated_at)),
        ]
    )
    as_json = h("a", "This lead as JSON", href=f"{CONTROL}leads?id={lead.id}")
    return (
        h("section", h("h3", "Keys"), keys, h("p", as_json)),
        h("section", h("h3", "Attributes"), _attributes(visit, lead)),
        h("section", h("h3", "History"), _history(visit, lead.id)),
        h("section", h("h3", "Activities"), _activities(leads, lead.id)),
    )


def _value(text: str | None) -> str | None:
    return None if text is None else cut(text, LONGEST_VALUE)


def _attributes(visit: Visit, lead: StoredLead) -> Element:
    if not lead.attributes:
        return empty(h("p", "No call has given this lead an attribute."))
    types = visit.sandbox.settings.field_types
    names = sorted(lead.attributes)
    rows = [
        h(
            "tr",
            h("th", cut(name), scope="row"),
            h("td", _value(lead.attributes[name]), class_="text"),
            h("td", types.get(name) or None, class_="soft"),
        )
        for name in names[:MOST]
    ]
    return h(
        "div", table("Attributes by name", ("Name", "Value", "Type"), rows, kind="pairs"), left_out(len(names), MOST)
    )


def _history(visit: Visit, lead_id: int) -> Element:
    entries = [entry for entry in reversed(visit.sandbox.entries()) if entry.lead_id == lead_id]
    if not entries:
        return empty(h("p", "No call in the journal has touched this lead: it was seeded, or its calls are long ago."))
    shown, turn = keyset(visit, len(entries), "call", reader(entries), of="calls-")
    heads = ("Call", "Operation", "Verdict", "Changes", "Key", "Time")
    return h("div", table("Calls on this lead, newest first", heads, map(_event, shown), kind="calls"), turn)


def _lists(lists: Sequence[KeptList]) -> Element | None:
    links = [h("li", h("a", cut(each.full_name), href=f"{DATA}/lists/{each.id}")) for each in lists[:MOST]]
    return h("ul", *links) if links else None


def _activities(leads: Leads, lead_id: int) -> Element:
    kept = leads.activities
    found = kept.newest_rows(_NEWEST + 1, lead_id=lead_id)
    if not found:
        return empty(h("p", "Nothing was logged."))
    shown = rows_table("Activities, newest first", kept, found[:_NEWEST], leads.shown, "lead_id")
    more = h("p", h("a", "All activities of this lead", href=f"{DATA}/{kept.plural}?lead={lead_id}"))
    return h("div", shown, more if len(found) > _NEWEST else None)


def _event(entry: Entry) -> Element:
    return h(
        "tr",
        *first_cells(entry, f"{CALLS}/{entry.number}"),
        h("td", changes_of(entry), class_="reason"),
        h("td", entry.key, class_="key"),
        h("td", moment(entry.time), class_="number when"),
        id=f"of-lead-call-{entry.number}",
    )
