"""The pieces that pages are made of: live parts, tables, facts, times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from marketo_soap.sandbox.messages import CONTROL
from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.wire.xml import Element

LONGEST_VALUE = 4000
MOST = 500  # values of one thing that are shown


def live(name: str, *children: Child) -> Element:
    """Return a part that keeps itself up to date."""
    return h("div", *children, id=f"live-{name}", data_live=True)


def table(caption: str, heads: Iterable[str], rows: Iterable[Element], kind: str | None = None) -> Element:
    """Return a table; where it is too narrow for one, its rows are cards, and each value has its head beside it.

    The first cell of each row is its heading; a link in it is the link of the whole row. The roles stay what they are
    when CSS makes cards of rows: browsers take them from the layout.
    """
    names = [*heads]
    body = h("tbody", role="rowgroup")
    for row in rows:
        row.set("role", "row")
        for name, cell in zip(names, row, strict=True):
            cell.set("role", "rowheader" if cell.tag == "th" else "cell")
            cell.set("data-head", name)
        body.append(row)
    columns = [h("th", name, scope="col", role="columnheader") for name in names]
    head = h("thead", h("tr", *columns, role="row"), role="rowgroup")
    whole = h("table", h("caption", caption, class_="unseen"), head, body, role="table", class_=kind)
    return h("div", whole, class_="scroll")


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


def copied(text: str, of: str) -> Element:
    """Return a value with a button that copies it; without JavaScript, a click marks it whole. *of* names it."""
    button = h("button", "Copy", type="button", class_="quiet scripted", aria_label=f"Copy: {of}", data_copies="")
    return h("span", h("code", text, class_="whole"), button, class_="copied")


def lead_link(lead_id: int | None) -> Element | None:
    """Return a link to the page of a lead, if there is one."""
    return h("a", str(lead_id), href=f"{CONTROL}page/leads/{lead_id}") if lead_id else None


def left_out(total: int, shown: int, tag: str = "p") -> Element | None:
    """Return a remark on what is left out of a list of *total* items of which so many are *shown*."""
    return h(tag, f"and {total - shown:,} more") if total > shown else None


def moment(time: datetime) -> Element:
    """Return a time, to the second, with its zone: UTC or the offset from it."""
    whole = time.isoformat()
    offset = time.strftime("%z")
    zone = "UTC" if not offset.strip("+-0") else f"{offset[:3]}:{offset[3:5]}"
    day, clock = time.replace(tzinfo=None).isoformat(" ", "seconds").split(" ")
    shown = h("span", f"{clock} {zone}" if offset else clock, class_="clock")
    return h("time", h("span", f"{day} ", class_="day"), shown, datetime=whole, title=whole)


def stamp(text: str) -> Child:
    """Return a time of ISO 8601, as `moment` does; any other text as it is."""
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return cut(text)


def took(seconds: float | None) -> str | None:
    """Return a duration in milliseconds, from ten seconds on in seconds."""
    if seconds is None:
        return None
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds * 1000:.1f} ms"


def cut(text: str, length: int = 160) -> str:
    """Return a text that is not too long to be read."""
    return text if len(text) <= length else f"{text[:length]}… ({len(text):,} characters)"


def many(count: int, what: str) -> str:
    """Return a number of things in words: `1 lead`, `2 leads`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
