"""The pages of what the sandbox keeps beside leads: its tables, the rows of each, one row."""

from __future__ import annotations

from functools import partial

from marketo_soap.sandbox.messages import CONTROL, HttpAnswer
from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.layout import Visit, answer_page, empty, keyset, live, problem, table
from marketo_soap.sandbox.page.leads import leads_table
from marketo_soap.sandbox.page.rows import DATA, in_words, row_facts, rows_table
from marketo_soap.sandbox.store.selections import by_list

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
    return answer_page(visit, "Data", live("tables", listed), room="Data")


def one_table(visit: Visit, name: str) -> HttpAnswer:
    """Show the rows of a table, newest first; with `lead` in the query, those of one lead."""
    lead_id = visit.number("lead")
    with visit.sandbox.store.reading() as leads:
        known = leads.shown
        kept = known.get(name)
        if kept is None:
            return problem(visit, 404, "There is no such table.")
        equal = {kept.of_leads[0]: lead_id} if kept.of_leads and lead_id is not None else {}
        count = kept.count_to(_MOST_COUNTED + 1, **equal)
        total, read = min(count, _MOST_COUNTED), partial(kept.newest_rows, **equal)
        rows, turn = keyset(visit, total, "row", read, capped=count > total)
    title = in_words(name) + (f" of lead {lead_id}" if equal else "")
    listed: Child = rows_table(f"{title}, newest first", kept, rows, known) if rows else empty(h("p", "None yet."))
    return answer_page(visit, title, live("rows", listed, turn), room="Data")


def one_row(visit: Visit, name: str, number: str) -> HttpAnswer:
    """Show all of one row; of a list also its members."""
    members: Child = None
    with visit.sandbox.store.reading() as leads:
        known = leads.shown
        row = None if name not in known else known[name].get(int(number))
        if row is None:
            return problem(visit, 404, "There is no such row: nobody made it, or the sandbox was reset.")
        if name == "lists":
            count = leads.count_of(by_list(row.id))
            found, turn = keyset(visit, count, "member", partial(leads.newest, list_id=row.id))
            listed = leads_table("Members, newest first", found) if found else empty(h("p", "It has no members."))
            members = h("section", h("h2", "Members"), listed, turn)
    title = f"{in_words(known[name].name)} {number}"
    whole = h("section", row_facts(known[name], row, known), class_="card")
    back = h("p", h("a", f"All {in_words(name).lower()}", href=f"{DATA}/{name}"))
    return answer_page(visit, title, live("row", whole, members), back, room="Data")
