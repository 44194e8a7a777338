"""The page of the clock, the limits and the reset."""

from __future__ import annotations

from attrs import evolve

from marketo_soap.sandbox.messages import CONTROL, HttpAnswer
from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.layout import PAGE, Visit, answer_page, post_form
from marketo_soap.sandbox.page.pieces import empty, live, many, moment
from marketo_soap.sandbox.settings import VENDOR_LIMITS, Limits
from marketo_soap.wire.xml import Element

_RESTORED = "Faults, limits, clock and settings become what the sandbox was started with."
_NEARLY = 0.8  # of a limit
_STEPS = {"20": "20 seconds", "900": "15 minutes", "3600": "1 hour", "86400": "1 day"}


def controls(visit: Visit) -> HttpAnswer:
    """Show the limits in use, the clock, and the way back to the beginning."""
    return answer_page(
        visit,
        "Clock and limits",
        h("section", h("h2", "Limits"), live("limits", _limits(visit)), class_="card"),
        h("section", h("h2", "Clock"), *_clock(visit), class_="card"),
        h(
            "section",
            h("h2", "Reset"),
            h("p", "Delete all leads and calls. ", _RESTORED),
            h("p", h("a", "Reset the sandbox…", href=f"{PAGE}reset", class_="button danger")),
            class_="card",
        ),
        section="Clock",
    )


def _limits(visit: Visit) -> Element:
    keeper = visit.sandbox.limits
    if keeper is None:
        remark = h("p", "No limits: every call is let in. Marketo let in ", _in_words(VENDOR_LIMITS), ".")
        button = h("button", "Use the vendor's limits", name="limits", value="vendor")
        return empty(remark, post_form(visit, "limits", button))
    limits, used = keeper.limits, keeper.used(visit.sandbox.now(), visit.sandbox.tick())
    bars = [
        _bar("calls", f"Calls in the last {limits.window:g} s", used["calls"], limits.calls, "20023"),
        _bar("day", "Calls today (in US Central time)", used["per_day"], limits.per_day, "20015"),
        _bar("now", "Calls at this moment", visit.sandbox.in_progress, limits.at_once, "20024"),
    ]
    off = post_form(visit, "limits", h("button", "Switch the limits off", name="limits", value="off", class_="plain"))
    return h("div", *bars, off)


def _bar(name: str, label: str, used: int, allowed: int | None, code: str) -> Element:
    if allowed is None:
        return h("p", label, h("b", f"{used:,}, without a limit", class_="number"), class_="meter")
    spent = f": spent, the next call is refused with {code}" if used >= allowed else ""
    number = h("b", f"{used:,} of {allowed:,}{spent}", class_="number")
    share = min(used / allowed, 1.0)
    bar = h(
        "svg",
        h("rect", width=f"{share:.1%}", height="100%", class_="full" if share > _NEARLY else None),
        role="meter",
        aria_labelledby=f"bar-{name}",
        aria_valuemin="0",
        aria_valuemax=str(allowed),
        aria_valuenow=str(min(used, allowed)),
    )
    return h("p", h("span", label, id=f"bar-{name}"), number, bar, class_="meter")


def _in_words(limits: Limits) -> str:
    return f"{limits.calls:,} calls in {limits.window:g} s, {limits.at_once} at once, {limits.per_day:,} a day"


def _clock(visit: Visit) -> list[Child]:
    steps = [h("button", label, name="step", value=seconds) for seconds, label in _STEPS.items()]
    own = h("input", type="number", id="seconds", name="seconds", step="any", placeholder="-60", required=True)
    return [
        h("div", "It is ", live("clock", moment(visit.sandbox.now())), " in the sandbox.", class_="time"),
        post_form(visit, "clock", h("p", "Advance by ", *steps, class_="steps"), aria_label="Advance the clock"),
        post_form(
            visit,
            "clock",
            h("label", "Or by so many seconds (back, if less than 0)", for_="seconds"),
            own,
            h("button", "Move the clock"),
            class_="line-form",
        ),
    ]


def confirm_reset(visit: Visit) -> HttpAnswer:
    """Ask whether everything may go."""
    with visit.sandbox.store.reading() as leads:
        count = leads.count()
    calls = len(visit.sandbox.entries())
    gone = f"{many(count, 'lead')} and {many(calls, 'call')} will be gone. {_RESTORED} This cannot be undone."
    buttons = h(
        "p",
        h("button", "Reset the sandbox", class_="danger"),
        h("a", "Keep everything", href=CONTROL, class_="button"),
        class_="steps",
    )
    return answer_page(visit, "Reset the sandbox?", h("p", gone), post_form(visit, "reset", buttons))


# -- what the buttons do ------------------------------------------------------------------------------


def set_limits(visit: Visit) -> str:
    """Use the vendor's limits, or none."""
    wanted = {"vendor": VENDOR_LIMITS, "off": None}
    name = visit.form.get("limits", "")
    if name not in wanted:
        raise ValueError("limits are the vendor's or off")
    visit.sandbox.configure(evolve(visit.sandbox.settings, limits=wanted[name]))
    return f"{PAGE}controls?done=limits"


def advance(visit: Visit) -> str:
    """Move the clock."""
    visit.sandbox.advance(float(visit.form.get("step") or visit.form.get("seconds", "")))
    return f"{PAGE}controls?done=clock"


def reset(visit: Visit) -> str:
    """Delete leads and calls, and go back to the first settings."""
    visit.sandbox.reset()
    return f"{CONTROL}?done=reset"
