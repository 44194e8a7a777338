"""What the sandbox keeps beside leads: its tables, the rows of each, one row."""

from __future__ import annotations

from functools import partial
from typing import Any

from marketo_soap.sandbox.messages import CONTROL, HttpAnswer
from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.layout import (
    Detail,
    Visit,
    answer_page,
    answer_panes,
    filter_form,
    problem,
    text_filter,
)
from marketo_soap.sandbox.page.leads import leads_table
from marketo_soap.sandbox.page.paging import keyset
from marketo_soap.sandbox.page.pieces import empty, live, table
from marketo_soap.sandbox.page.rows import DATA, in_words, row_facts, rows_table
from marketo_soap.sandbox.store.leads import Leads
from marketo_soap.sandbox.store.selections import by_list
from marketo_soap.sandbox.store.table import SCANNED, Table
from marketo_soap.wire.xml import Element

_MOST_COUNTED = 1000


def all_tables(visit: Visit) -> HttpAnswer:
    """Show the tables, and how many rows each has."""
    with visit.sandbox.store.reading() as leads:
        counts = {name: kept.count_to(_MOST_COUNTED + 1) for name, kept in leads.shown.items()}
    rows = [
        h(
            "tr",
            h("th", h("a", in_words(name), href=f"{DATA}/{name}"), scope="row"),
            h("td", f"{count:,}" if count <= _MOST_COUNTED else f"more than {_MOST_COUNTED:,}", class_="number"),
            h("td", h("a", "JSON", href=f"{CONTROL}{name}", aria_label=f"{in_words(name)} as JSON")),
        )
        for name, count in counts.items()
    ]
    listed = table("What there is beside leads", ("Table", "Rows", "All rows"), rows)
    return answer_page(visit, "Data", live("tables", listed), section="Data")


def one_table(visit: Visit, name: str) -> HttpAnswer:
    """Show the rows of a table that fit the filter, newest first."""
    with visit.sandbox.store.reading() as leads:
        kept = leads.shown.get(name)
        if kept is None:
            return problem(visit, 404, "There is no such table.")
        listed = _listing(visit, leads, kept)
    return _answer(visit, name, listed)


def one_row(visit: Visit, name: str, number: str) -> HttpAnswer:
    """Show all of one row beside the others; of a list also its members."""
    with visit.sandbox.store.reading() as leads:
        kept = leads.shown.get(name)
        if kept is None:
            return problem(visit, 404, "There is no such table.")
        listed = _listing(visit, leads, kept, int(number))
        row = kept.get(int(number))
        if row is None:
            text = "There is no such row: nobody made it, or the sandbox was reset."
            gone = Detail("There is no such row", f"{DATA}/{name}", (h("p", text),))
            return _answer(visit, name, listed, gone, 404)
        content = (h("section", row_facts(kept, row, leads.shown)), _members(visit, leads, row, name))
    title = f"{in_words(kept.name)} {number}"
    return _answer(visit, name, listed, Detail(title, f"{DATA}/{name}", content))


def _answer(visit: Visit, name: str, listed: Element, detail: Detail | None = None, status: int = 200) -> HttpAnswer:
    crumb = h("p", h("a", "Data", href=DATA), " /", class_="crumb")
    return answer_panes(visit, in_words(name), listed, detail, section="Data", crumb=crumb, status=status)


def _listing(visit: Visit, leads: Leads, kept: Table[Any], open_id: int | None = None) -> Element:
    lead_id, search = visit.number("lead"), visit.text("q")
    equal = {kept.of_leads[0]: lead_id} if kept.of_leads and lead_id is not None else {}
    count = kept.count_to(_MOST_COUNTED + 1, search, **equal)
    total, read = min(count, _MOST_COUNTED), partial(kept.newest_rows, text=search, **equal)
    rows, turn = keyset(visit, total, "row", read, capped=count > total)
    fields = [text_filter(visit, "q", "Search", hint=True)]
    if kept.of_leads:
        fields.append(text_filter(visit, "lead", "Lead id", kind="number"))
    hint = f"Part of any value, in the newest {SCANNED:,} rows"
    title = in_words(kept.plural) + (f" of lead {lead_id}" if equal else "")
    listed: Child
    if rows:
        listed = rows_table(f"{title}, newest first", kept, rows, leads.shown, visit=visit, open_id=open_id)
    else:
        listed = empty(h("p", "No row fits the filter." if search or equal else "None yet."))
    form = filter_form(visit, *fields, names=("q", "lead"), hint=hint)
    return h("div", live("filter", form), live("rows", listed, turn))


def _members(visit: Visit, leads: Leads, row: Any, name: str) -> Child:
    if name != "lists":
        return None
    count = leads.count_of(by_list(row.id))
    found, turn = keyset(visit, count, "member", partial(leads.newest, list_id=row.id), of="members-")
    listed = leads_table("Members, newest first", found, visit) if found else empty(h("p", "It has no members."))
    return h("section", h("h3", "Members"), listed, turn)
