"""The control surface: what a test or a person does to a running sandbox, over HTTP as JSON or as a page."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any
from urllib.parse import parse_qs

import attrs

from marketo_soap import __version__
from marketo_soap.config import structure
from marketo_soap.sandbox import seeds
from marketo_soap.sandbox.messages import CONTROL, HttpAnswer, HttpRequest, allowed_hosts
from marketo_soap.sandbox.seeded_activities import dump_activities
from marketo_soap.sandbox.settings import FaultRule, Settings, plain
from marketo_soap.sandbox.state import State
from marketo_soap.sandbox.store.lead_store import PAGE
from marketo_soap.sandbox.store.leads import Leads
from marketo_soap.sandbox.store.selections import ALL, Place, by_emails, by_list, email_key
from marketo_soap.sandbox.store.table import read_id
from marketo_soap.server.http import host_name, is_of_another_site

__all__ = ["control", "refusal_of"]

_MOST_ROWS = 1000  # of a page


def control(sandbox: State, request: HttpRequest) -> HttpAnswer:
    """Answer a request under `/_sandbox/`.

    | path | methods |
    | --- | --- |
    | (none), `page/...` | the page, for a person with a browser |
    | `health` | GET |
    | `leads` | GET (`?email=`, `?id=`, `?list=` the id of a list; `?limit=100&after=`: a page, oldest first) |
    | `lists`, `activities`, `campaigns`, `requested_campaigns`, `scheduled_campaigns`, `imports`, `channels`, `tags`, \
`custom_object_types`, `custom_objects`, `programs`, `opportunities`, `opportunity_roles` | GET (`?limit=100&after=`; \
`?lead=` the id: of one lead) |
    | `seed` | POST a JSON list or CSV (by its Content-Type) of leads to add |
    | `journal` | GET (`?last=N`), DELETE |
    | `reset` | POST |
    | `faults` | GET, POST a rule or a list of them, DELETE |
    | `clock` | GET, POST `{"advance": seconds}` or `{"now": "2013-08-05T16:34:19-07:00"}` |
    | `settings` | GET, PATCH the ones to change |

    *after* is the id of the last row of the page before. Without it and *limit* all rows come, in one list.
    Only this machine is let in, unless a token is set: `Authorization: Bearer`, or, for browsers, `Basic` with
    the token as password. A browser's requests from other sites are refused, and so is a form of the page
    without the page's own token.
    """
    refusal = refusal_of(sandbox, request)
    if request.path == CONTROL or request.path.startswith(f"{CONTROL}page/"):
        from marketo_soap.sandbox.page import page

        return page(sandbox, request, refusal)
    if refusal is not None:
        return _json(403, {"error": refusal})
    methods = _ROUTES.get(request.path.removeprefix(CONTROL))
    if methods is None:
        with sandbox.store.reading() as leads:
            names = [*leads.shown]
        if request.path.removeprefix(CONTROL) not in names:
            return _json(404, {"error": f"there is {', '.join([*_ROUTES, *names])}"})
        methods = {"GET": _get_rows}
    act = methods.get("GET" if request.method == "HEAD" else request.method)
    if act is None:
        return _json(405, {"error": f"only {', '.join(methods)}"}, ("Allow", ", ".join(methods)))
    query = {name: values[-1] for name, values in parse_qs(request.query).items()}
    try:
        data = act(sandbox, request, query)
        return _in_pieces(data) if isinstance(data, Iterator) else _json(200, data)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        return _json(400, {"error": str(error)})


def refusal_of(sandbox: State, request: HttpRequest) -> str | None:
    """Say why a caller may not use the control surface; None if they may."""
    token, allowed = sandbox.settings.control_token, allowed_hosts(sandbox, request)
    if token is not None:
        return _token_refusal(token, request, allowed)
    if request.peer is None:
        return None
    if not _is_loopback(request.peer):
        return "only this machine may do that, or a token must be set"
    host = host_name(request.headers.get("host", ""))
    if not (_is_loopback(host) or host in allowed or "*" in allowed):
        return "ask by this machine's own name, localhost, or allow the name with --allow-host"
    return _site_refusal(request, allowed)


def _token_refusal(token: str, request: HttpRequest, allowed: tuple[str, ...]) -> str | None:
    given = request.headers.get("authorization", "")
    by_itself = given[:6].lower() == "basic "  # a browser sends it with everything, whoever's page it shows
    if by_itself:
        given = _as_bearer(given[6:])
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return "the token is needed: Authorization: Bearer ..."
    return _site_refusal(request, allowed) if by_itself else None


def _as_bearer(basic: str) -> str:
    try:
        return f"Bearer {base64.b64decode(basic, validate=True).decode().partition(':')[2]}"
    except ValueError:
        return ""


def _site_refusal(request: HttpRequest, allowed: tuple[str, ...]) -> str | None:
    return "another site's page may not do that" if is_of_another_site(request.headers, allowed) else None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_pieces(pages: Iterator[list[Any]]) -> HttpAnswer:
    """Answer with one list: at once, if it is a single page, else page by page as the caller reads."""
    first, second = next(pages), next(pages, None)
    if not second:
        return _json(200, first)
    return attrs.evolve(_json(200, []), body=b"", pieces=_pieces(chain((first, second), pages)))


def _pieces(pages: Iterable[list[Any]]) -> Iterator[bytes]:
    between = "["
    for page in pages:
        text = "".join(f"{',' if n else ''}\n{json.dumps(item, indent=2)}" for n, item in enumerate(page))
        yield (between + text.replace("\n", "\n  ")).encode()
        between = ","
    yield b"\n]\n"


def _json(status: int, data: Any, *headers: tuple[str, str]) -> HttpAnswer:
    body = json.dumps(data, indent=2).encode() + b"\n"
    return HttpAnswer(status, body, (("Content-Type", "application/json"), ("Cache-Control", "no-store"), *headers))


def _body(request: HttpRequest) -> Any:
    try:
        return json.loads(request.body)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body is not JSON: {error}") from None


Query = dict[str, str]


def _health(sandbox: State, request: HttpRequest, query: Query) -> Any:
    with sandbox.store.reading() as leads:
        count = leads.count()
    now = sandbox.now()
    used = sandbox.limits.used(now, sandbox.tick()) if sandbox.limits else None
    return {
        "status": "ok",
        "version": __version__,
        "now": now.isoformat(),
        "leads": count,
        "calls": {"in_progress": sandbox.in_progress, "limits_used": used},
    }


def _get_leads(sandbox: State, request: HttpRequest, query: Query) -> Any:
    email = query.get("email")
    selection = ALL if email is None else by_emails([email])
    if not query.keys() & {"id", "list", "limit", "after"}:
        return sandbox.store.in_pages(seeds.dump, selection)
    with sandbox.store.reading() as leads:
        if "id" in query:
            lead = leads.by_id(read_id(query["id"]) or 0)
            found = [] if lead is None or (email and email_key(email) != email_key(lead.email)) else [lead]
        else:
            selection = by_list(int(query["list"])) if "list" in query else selection
            found = leads.select(selection, after=Place(int(query.get("after", 0))), limit=_limit(query))
        return list(seeds.dump(leads, found))


def _get_rows(sandbox: State, request: HttpRequest, query: Query) -> Any:
    name, lead_id = request.path.removeprefix(CONTROL), int(query["lead"]) if "lead" in query else None

    def rows(leads: Leads, after: int, limit: int = PAGE) -> list[dict[str, Any]]:
        kept = leads.shown[name]
        if lead_id is not None and not kept.of_leads:
            raise ValueError(f"{name} are not of leads")
        if name == "activities":
            return dump_activities(leads, lead_id, after, limit)
        return kept.dump(after, limit, **({} if lead_id is None else {kept.of_leads[0]: lead_id}))

    if "limit" not in query and "after" not in query:
        return sandbox.store.row_pages(rows)
    with sandbox.store.reading() as leads:
        return rows(leads, int(query.get("after", 0)), _limit(query))


def _limit(query: Query) -> int:
    limit = int(query.get("limit", PAGE))
    if not 1 <= limit <= _MOST_ROWS:
        raise ValueError(f"limit is between 1 and {_MOST_ROWS}")
    return limit


def _add_leads(sandbox: State, request: HttpRequest, query: Query) -> Any:
    text = request.body.decode()
    is_csv = "csv" in request.headers.get("content-type", "")
    return {"added": sandbox.seed(seeds.read_csv(text) if is_csv else seeds.read_json(text))}


def _get_journal(sandbox: State, request: HttpRequest, query: Query) -> Any:
    entries = sandbox.entries()
    last = int(query.get("last", len(entries)))
    return [entry.as_data() for entry in entries[max(0, len(entries) - last) :]]


def _clear_journal(sandbox: State, request: HttpRequest, query: Query) -> Any:
    sandbox.journal.clear()
    return []


def _reset(sandbox: State, request: HttpRequest, query: Query) -> Any:
    sandbox.reset()
    return _health(sandbox, request, query)


def _get_faults(sandbox: State, request: HttpRequest, query: Query) -> Any:
    return [attrs.asdict(rule) for rule in sandbox.script.rules()]


def _add_faults(sandbox: State, request: HttpRequest, query: Query) -> Any:
    data = _body(request)
    rules = data if isinstance(data, list) else [data]
    sandbox.script.add(*[structure(FaultRule, rule, f"faults[{n}]") for n, rule in enumerate(rules, 1)])
    return _get_faults(sandbox, request, query)


def _clear_faults(sandbox: State, request: HttpRequest, query: Query) -> Any:
    sandbox.script.clear()
    return []


def _get_clock(sandbox: State, request: HttpRequest, query: Query) -> Any:
    return {"now": sandbox.now().isoformat()}


def _set_clock(sandbox: State, request: HttpRequest, query: Query) -> Any:
    data = _body(request)
    if not isinstance(data, dict) or len(data) != 1 or not data.keys() <= {"advance", "now"}:
        raise ValueError('the clock takes {"advance": seconds} or {"now": "2013-08-05T16:34:19-07:00"}')
    if "advance" in data:
        sandbox.advance(float(data["advance"]))
    else:
        moment = datetime.fromisoformat(str(data["now"]))
        if moment.tzinfo is None:
            raise ValueError("now needs an offset, as in 2013-08-05T16:34:19-07:00")
        sandbox.advance((moment - sandbox.now()).total_seconds())
    return _get_clock(sandbox, request, query)


def _get_settings(sandbox: State, request: HttpRequest, query: Query) -> Any:
    return plain(sandbox.settings)


def _change_settings(sandbox: State, request: HttpRequest, query: Query) -> Any:
    data = _body(request)
    if not isinstance(data, dict):
        raise ValueError("settings are a JSON object")
    if "control_token" in data:
        raise ValueError("control_token is set where the sandbox is started")
    now = {f.name: getattr(sandbox.settings, f.name) for f in attrs.fields(Settings)}
    sandbox.configure(structure(Settings, {**now, **data}))
    return _get_settings(sandbox, request, query)


_ROUTES: dict[str, dict[str, Callable[[State, HttpRequest, Query], Any]]] = {
    "health": {"GET": _health},
    "leads": {"GET": _get_leads},
    "seed": {"POST": _add_leads},
    "journal": {"GET": _get_journal, "DELETE": _clear_journal},
    "reset": {"POST": _reset},
    "faults": {"GET": _get_faults, "POST": _add_faults, "DELETE": _clear_faults},
    "clock": {"GET": _get_clock, "POST": _set_clock},
    "settings": {"GET": _get_settings, "PATCH": _change_settings},
}
