"""The sandbox as a web page: what a person opens while a service talks to it.

Pages are built for every request and work without JavaScript, which only keeps their parts up to date. Forms
change the state, links do not.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qs

from marketo_soap.sandbox.messages import CONTROL, HttpAnswer, HttpRequest, text_answer
from marketo_soap.sandbox.page import call, calls, connect, controls, data, faults, leads
from marketo_soap.sandbox.page.layout import HEADERS, Visit, problem
from marketo_soap.sandbox.state import State

_NUMBER = "([0-9]{1,15})"
_PAGES: dict[str, Callable[..., HttpAnswer]] = {  # groups of the pattern are arguments
    "": leads.all_leads,
    f"page/leads/{_NUMBER}": leads.one_lead,
    "page/data": data.all_tables,
    "page/data/([a-z_]{1,40})": data.one_table,
    f"page/data/([a-z_]{{1,40}})/{_NUMBER}": data.one_row,
    "page/calls": calls.all_calls,
    f"page/calls/{_NUMBER}": call.one_call,
    f"page/calls/{_NUMBER}/(request|response)": call.download,
    f"page/calls/{_NUMBER}/curl": call.curl,
    "page/faults": faults.faults,
    "page/controls": controls.controls,
    "page/reset": controls.confirm_reset,
    "page/connect": connect.connect,
}
_ACTIONS: dict[str, Callable[[Visit], str]] = {
    "page/faults": faults.load,
    "page/faults/remove": faults.remove,
    "page/faults/clear": faults.clear,
    "page/calls/replay": call.replay,
    "page/limits": controls.set_limits,
    "page/clock": controls.advance,
    "page/reset": controls.reset,
}
_FILES = {"page/page.css": "text/css", "page/page.js": "text/javascript"}
_MOST_FIELDS = 20


def page(sandbox: State, request: HttpRequest, refusal: str | None) -> HttpAnswer:
    """Answer a request for a page, a part of one, or the change that a form asks for. *refusal*: why it is denied."""
    if refusal is not None:
        return _refused(sandbox, refusal)
    path = request.path.removeprefix(CONTROL)
    if request.method in ("GET", "HEAD"):
        if path in _FILES:
            return HttpAnswer(200, _file(path), (("Content-Type", f"{_FILES[path]}; charset=UTF-8"), *HEADERS))
        visit = Visit(sandbox, request, _fields(request.query))
        for pattern, shown in _PAGES.items():
            if found := re.fullmatch(pattern, path):
                return shown(visit, *found.groups())
        return problem(visit, 404, "Nothing is here.")
    visit = Visit(sandbox, request, _fields(request.query), _fields(request.body.decode("utf-8", "replace")))
    if request.method == "POST" and path in _ACTIONS:
        return _change(visit, _ACTIONS[path])
    return problem(visit, 405, "Pages are read with GET; only their forms are sent.")


def _refused(sandbox: State, refusal: str) -> HttpAnswer:
    if sandbox.settings.control_token is None:
        return text_answer(403, f"{refusal}\n", *HEADERS)
    hint = "The control token is needed: it is the password, with any user name.\n"
    return text_answer(401, hint, ("WWW-Authenticate", 'Basic realm="sandbox", charset="UTF-8"'), *HEADERS)


def _change(visit: Visit, act: Callable[[Visit], str]) -> HttpAnswer:
    given, right = visit.form.get("token", ""), visit.sandbox.form_token
    if not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
        return problem(visit, 403, "This form is of a sandbox that has ended: open the page again.")
    try:
        target = act(visit)
    except (ValueError, ArithmeticError) as error:
        return problem(visit, 400, str(error))
    return HttpAnswer(303, b"", (("Location", target), *HEADERS))


def _fields(text: str) -> dict[str, str]:
    try:
        fields = parse_qs(text, max_num_fields=_MOST_FIELDS)
    except ValueError:  # too many
        return {}
    return {name: values[-1] for name, values in fields.items()}


@cache
def _file(path: str) -> bytes:
    return files(__name__).joinpath(path.rpartition("/")[2]).read_bytes()
