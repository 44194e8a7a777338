"""The pages of the leads: all of them with a search, one of them with its history, and how to connect a service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from marketo_soap.sandbox.journal import Entry
from marketo_soap.sandbox.messages import CONTROL, HttpAnswer
from marketo_soap.sandbox.page.calls import changes_of, first_cells
from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.layout import (
    LONGEST_VALUE,
    MOST,
    PER_PAGE,
    Visit,
    answer_page,
    cut,
    empty,
    facts,
    keyset,
    lead_link,
    left_out,
    live,
    moment,
    pager,
    problem,
    stamp,
    table,
)
from marketo_soap.sandbox.page.rows import DATA, rows_table
from marketo_soap.sandbox.state import ENCRYPTION_KEY
from marketo_soap.sandbox.store.leads import Leads, StoredLead
from marketo_soap.sandbox.store.lists import KeptList
from marketo_soap.sandbox.store.search import SCANNED
from marketo_soap.wire.xml import Element, replace_illegal

_LONGEST_SEARCH = 200
_MOST_FOUND = 1000  # leads
_NEWEST = 20  # activities of a lead that are shown


def all_leads(visit: Visit) -> HttpAnswer:
    """Show the leads that fit the search, newest first, and how to connect a service."""
    search = replace_illegal(visit.query.get("q", "").strip()[:_LONGEST_SEARCH])
    with visit.sandbox.store.reading() as leads:
        if search:
            found, turn = _found(leads, visit, search)
        else:
            found, turn = keyset(visit, leads.count(), "lead", leads.newest)
    listed: Child
    if found:
        listed = leads_table("Leads, newest first", found)
    elif search:
        listed = empty(h("p", f"No lead has “{search}” in it."), h("p", h("a", "Show all leads", href=CONTROL)))
    else:
        listed = empty(
            h("h2", "No leads yet"),
            h("p", "Point a service at this sandbox with the values above. Its first syncLead call makes a lead here."),
        )
    hint = f"Id, e-mail, foreign id, cookie, or part of a value. 1 or 2 characters: in the newest {SCANNED:,} leads"
    form = h(
        "form",
        h("label", "Search", for_="q"),
        h("input", type="search", id="q", name="q", value=search, autocomplete="off", aria_describedby="q-hint"),
        h("button", "Search"),
        h("span", hint, class_="hint", id="q-hint"),
        action=CONTROL,
        role="search",
    )
    part = live("leads", listed, turn)
    return answer_page(visit, "Leads", _connection(visit, unfold=not found and not search), form, part, room="Leads")


def _found(leads: Leads, visit: Visit, search: str) -> tuple[list[StoredLead], Child]:
    ids = leads.find(search, limit=_MOST_FOUND + 1)
    start = (visit.page - 1) * PER_PAGE
    total = min(len(ids), _MOST_FOUND)
    shown = ids[start : min(start + PER_PAGE, total)]
    found = [lead for lead_id in shown if (lead := leads.by_id(lead_id)) is not None]
    return found, pager(visit, total, "lead", capped=len(ids) > total) if total else None


def leads_table(caption: str, found: Iterable[StoredLead]) -> Element:
    """Return a table of leads."""
    return table(caption, ("Id", "E-mail", "Name", "Foreign id", "Partition", "Updated"), map(_row, found))


def _row(lead: StoredLead) -> Element:
    foreign = f"{lead.foreign_id} ({lead.foreign_type})" if lead.foreign_id else ""
    name = " ".join(filter(None, (lead.attributes.get("FirstName"), lead.attributes.get("LastName"))))
    return h(
        "tr",
        h("th", lead_link(lead.id), scope="row"),
        h("td", cut(lead.email) if lead.email else h("i", "anonymous" if lead.anonymous else "none")),
        h("td", cut(name, 60)),
        h("td", cut(foreign, 60)),
        h("td", cut(lead.partition, 60)),
        h("td", stamp(lead.updated_at), class_="number"),
        id=f"lead-{lead.id}",
    )


def _connection(visit: Visit, *, unfold: bool) -> Element:
    credentials = visit.sandbox.credentials
    key: Child = "the one that the sandbox was started with"
    if credentials.encryption_key == ENCRYPTION_KEY:  # made up; another one may be somebody's
        key = _to_copy(ENCRYPTION_KEY)
    values = facts(
        [
            ("Endpoint", _to_copy(visit.endpoint)),
            ("WSDL", _to_copy(f"{visit.endpoint}?WSDL")),
            ("User id", _to_copy(credentials.user_id)),
            ("Encryption key", key),
        ]
    )
    hint = "Give your service these values instead of Marketo's. A click marks a whole value, ready to be copied."
    summary = h("summary", h("h2", "Connect a service"))
    return h("details", summary, h("p", hint), values, class_="card", open=unfold)


def _to_copy(text: str) -> Element:
    return h("code", text, data_copy=True)


# -- one lead -----------------------------------------------------------------------------------------


def one_lead(visit: Visit, lead_id: str) -> HttpAnswer:
    """Show everything that is known of one lead, and the calls that made it so."""
    with visit.sandbox.store.reading() as leads:
        lead = leads.by_id(int(lead_id))
        cookies = leads.cookies_of(int(lead_id))[:MOST]
        lists = leads.lists.of(int(lead_id))
        activities = _activities(leads, int(lead_id))
    if lead is None:
        return problem(visit, 404, f"There is no lead {lead_id}: nobody made it, or the sandbox was reset.")
    keys = facts(
        [
            ("Id", str(lead.id)),
            ("E-mail", _value(lead.email)),
            ("ForeignSysPersonId", _value(lead.foreign_id)),
            ("ForeignSysType", lead.foreign_type),
            ("Cookies", h("ul", *[h("li", h("code", cut(cookie))) for cookie in cookies]) if cookies else None),
            ("Lists", _lists(lists)),
            ("Partition", cut(lead.partition)),
            ("Known", "no: an anonymous visitor, known by a cookie alone" if lead.anonymous else "yes"),
            ("Created", stamp(lead.created_at)),
            ("Updated", stamp(lead.updated_at)),
        ]
    )
    as_json = h("a", "This lead as JSON", href=f"{CONTROL}leads?id={lead.id}")
    return answer_page(
        visit,
        f"Lead {lead.id}",
        live(
            "lead",
            h("section", h("h2", "Keys"), keys, h("p", as_json), class_="card"),
            h("section", h("h2", "Attributes"), _attributes(visit, lead)),
            h("section", h("h2", "History"), _history(visit, lead.id)),
            h("section", h("h2", "Activities"), activities),
        ),
        room="Leads",
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
            h("td", types.get(name, "")),
        )
        for name in names[:MOST]
    ]
    return h("div", table("Attributes by name", ("Name", "Value", "Type"), rows), left_out(len(names), MOST))


def _history(visit: Visit, lead_id: int) -> Element:
    entries = [entry for entry in reversed(visit.sandbox.entries()) if entry.lead_id == lead_id]
    if not entries:
        return empty(h("p", "No call in the journal has touched this lead: it was seeded, or its calls are long ago."))
    start = (visit.page - 1) * PER_PAGE
    rows = map(_event, entries[start : start + PER_PAGE])
    heads = ("Call", "Operation", "Verdict", "Changes", "Key", "Time")
    return h("div", table("Calls on this lead, newest first", heads, rows), pager(visit, len(entries), "call"))


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
        *first_cells(entry),
        h("td", changes_of(entry)),
        h("td", entry.key),
        h("td", moment(entry.time), class_="number"),
        id=f"call-{entry.number}",
    )
