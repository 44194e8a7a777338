"""The page of the simulated failures: switch one on with a click, and see which are loaded."""

from __future__ import annotations

from typing import Any

from marketo_soap.errors import FAULT_TEXTS
from marketo_soap.sandbox.messages import HttpAnswer
from marketo_soap.sandbox.page.html import h
from marketo_soap.sandbox.page.layout import PAGE, Visit, answer_page, post_form
from marketo_soap.sandbox.page.pieces import cut, empty, left_out, live, table
from marketo_soap.sandbox.settings import FaultRule
from marketo_soap.wire.xml import Element

_LATE = 30.0  # the default delay of a time-out, in seconds
_KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {  # the name, what happens, and the settings of the rule
    "20103": ("Fault 20103", "No such lead", {"fault": 20103}),
    "20023": ("Fault 20023", "Too many calls in 20 s", {"fault": 20023}),
    "10001": ("Fault 10001", "Internal error", {"fault": 10001}),
    "failed": ("FAILED", "A syncLead reply with the status FAILED", {"failed": "Lead sync failed"}),
    "late": ("Time-out", f"Carried out, answered {_LATE:.0f} s late", {}),
    "before": ("Hang up before", "Nothing is done", {"close": "before"}),
    "after": ("Hang up after", "Carried out, no answer", {"close": "after"}),
    "html": ("HTML 502", "A proxy's error page", {"html": True}),
}
_MOST = 100  # that are shown
_LONGEST_DELAY = 3600.0


def faults(visit: Visit) -> HttpAnswer:
    """Show the failures that can be simulated, and those that are loaded."""
    switches = [
        h("li", h("button", h("b", name), " ", h("span", what), name="kind", value=kind))
        for kind, (name, what, _) in _KINDS.items()
    ]
    form = post_form(
        visit,
        "faults",
        h(
            "div",
            _field("times", "How many calls", type="number", min="1", max="1000000", value="1", required=True),
            h("label", h("input", type="checkbox", name="forever", value="1"), " until removed", class_="check"),
            _field("delay", "Late by, in seconds", type="number", min="0", max="3600", step="any", placeholder="0"),
            _field("email", "Only the lead with this e-mail", type="text", placeholder="any lead", autocomplete="off"),
            class_="fields",
        ),
        h("ul", *switches, class_="switches"),
    )
    return answer_page(
        visit,
        "Faults",
        h(
            "p",
            "Press one, and it applies to the next calls. Of several, the first that is loaded goes first.",
            class_="lede",
        ),
        h("section", h("h2", "Switch on"), form, class_="card"),
        h("section", h("h2", "Loaded"), live("loaded", _loaded(visit))),
        section="Faults",
    )


def _field(name: str, label: str, **attributes: str | bool) -> Element:
    return h("p", h("label", label, for_=name), h("input", id=name, name=name, **attributes))


def _loaded(visit: Visit) -> Element:
    remaining = visit.sandbox.script.remaining()
    if not remaining:
        return empty(h("p", "Nothing is loaded: calls go as they should."))
    rows = [_row(*each) for each in remaining[:_MOST]]
    heads = ("What", "Which calls", "Applied", "Left", "Remove")
    loaded = post_form(visit, "faults/remove", table("Faults that are loaded, in their order", heads, rows))
    button = post_form(visit, "faults/clear", h("button", "Clear all", class_="plain"))
    return h("div", loaded, left_out(len(remaining), _MOST), button)


def _row(number: int, rule: FaultRule, applied: int) -> Element:
    what = cut(_what(rule))
    return h(
        "tr",
        h("th", what, scope="row"),
        h("td", cut(_which(rule)), class_="text"),
        h("td", f"{applied:,}", class_="number"),
        h("td", "until removed" if rule.times is None else f"{rule.times - applied:,}", class_="number"),
        h("td", h("button", "Remove", name="fault", value=str(number), class_="quiet", aria_label=f"Remove: {what}")),
        id=f"fault-{number}",
    )


def _what(rule: FaultRule) -> str:
    """Say what a rule does, in the order of a call."""
    if rule.close == "before":
        effect = "hang up before"
    elif rule.fault is not None:
        effect = f"fault {rule.fault} {rule.message or FAULT_TEXTS.get(rule.fault, '')}".rstrip()
    elif rule.failed is not None:
        effect = f"FAILED: {rule.failed}"
    elif rule.html:
        effect = f"HTTP {rule.status or 502}, a proxy's page"
    elif rule.status is not None or rule.body is not None:
        effect = f"HTTP {rule.status or 200}, a body of its own"
    else:
        effect = "carried out twice" if rule.twice else "carried out"
    also = (
        ("then hang up", rule.close == "after"),
        (f"{rule.delay:g} s late", bool(rule.delay)),
        (f"cut after {rule.truncate} bytes", rule.truncate is not None),
        (f"a byte every {rule.dribble or 0:g} s", rule.dribble is not None),
    )
    text = ", ".join([effect, *[words for words, given in also if given]])
    return text[0].upper() + text[1:]


def _which(rule: FaultRule) -> str:
    """Return which calls a rule applies to."""
    parts = [
        "" if rule.operation is None else rule.operation,
        "" if rule.email is None else f"Email {rule.email}",
        *[f"{name} {value}" for name, value in rule.attribute.items()],
        "" if rule.every == 1 else f"every {_ordinal(rule.every)} call",
        "" if rule.chance == 1 else f"with a chance of {rule.chance:.0%}",
    ]
    return ", ".join(filter(None, parts)) or "any"


def _ordinal(number: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"} if number % 100 not in (11, 12, 13) else {}
    return f"{number:,}{ends.get(number % 10, 'th')}"


# -- what the buttons do ------------------------------------------------------------------------------


def load(visit: Visit) -> str:
    """Load the fault that a form names. `ValueError` if the form is wrong."""
    form = visit.form
    kind = _KINDS.get(form.get("kind", ""))
    if kind is None:
        raise ValueError("that fault is not one of those on the page")
    delay = float(form.get("delay", "").strip() or (_LATE if form["kind"] == "late" else 0))
    if not 0 <= delay <= _LONGEST_DELAY:
        raise ValueError(f"an answer is late by 0 to {_LONGEST_DELAY:.0f} seconds")
    times = None if "forever" in form else int(form.get("times", "1"))
    email = form.get("email", "").strip() or None
    visit.sandbox.script.add(FaultRule(times=times, delay=delay, email=email, **kind[2]))
    return f"{PAGE}faults?done=loaded"


def remove(visit: Visit) -> str:
    """Unload one fault; one that is gone already is no error."""
    visit.sandbox.script.remove(int(visit.form.get("fault", "")))
    return f"{PAGE}faults?done=removed"


def clear(visit: Visit) -> str:
    """Unload every fault."""
    visit.sandbox.script.clear()
    return f"{PAGE}faults?done=cleared"
