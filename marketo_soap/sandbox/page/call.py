"""One call: why it went as it did, what it changed, both messages, and the call sent again."""

from __future__ import annotations

from urllib.parse import unquote

from marketo_soap.calls.sign_again import sign_again
from marketo_soap.debug.exporting import curl_command
from marketo_soap.envelope import open_request
from marketo_soap.errors import ProtocolError
from marketo_soap.sandbox.journal import Entry, Headers
from marketo_soap.sandbox.messages import PATH, HttpAnswer, HttpRequest, text_answer
from marketo_soap.sandbox.page.calls import CALLS, changes_of, listing, matching, verdict
from marketo_soap.sandbox.page.envelopes import SHOWN_BYTES, message
from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.layout import HEADERS, Detail, Visit, answer_panes, post_form, problem
from marketo_soap.sandbox.page.marks import Marks
from marketo_soap.sandbox.page.pieces import cut, facts, lead_link, left_out, moment, took
from marketo_soap.sandbox.rest.call import answer_rest
from marketo_soap.sandbox.soap import handle
from marketo_soap.sandbox.store.table import read_id
from marketo_soap.signature import diagnose, timestamp, verify
from marketo_soap.wire.xml import Element

_MOST = 200  # notes that are shown
_GONE = "This call is not in the journal: it was never made, was cleared, or is older than what the journal keeps."
_TOKEN_REFUSED = ("600", "601", "602")


def one_call(visit: Visit, number: str) -> HttpAnswer:
    """Show one call beside the list."""
    entries = matching(visit)
    entry = visit.sandbox.journal.get(int(number))
    listed = listing(visit, entries, int(number))
    if entry is None:
        gone = Detail("There is no such call", CALLS, (h("p", _GONE),))
        return answer_panes(visit, "Calls", listed, gone, section="Calls", status=404)
    detail = Detail(
        f"Call #{number}",
        CALLS,
        () if visit.only_list else _content(visit, entry),
        (f"Call #{number} ", h("small", cut(entry.operation or "unknown", 60))),
        _neighbours(visit, entries, entry.number),
        settled=entry.response is not None,
    )
    return answer_panes(visit, "Calls", listed, detail, section="Calls")


def _neighbours(visit: Visit, entries: list[Entry], number: int) -> tuple[Child, ...]:
    older = next((entry.number for entry in entries if entry.number < number), None)
    newer = next((entry.number for entry in reversed(entries) if entry.number > number), None)
    return (
        None if newer is None else h("a", "Next call", rel="next", href=visit.link(f"{CALLS}/{newer}")),
        None if older is None else h("a", "Previous call", rel="prev", href=visit.link(f"{CALLS}/{older}")),
    )


def _content(visit: Visit, entry: Entry) -> tuple[Child, ...]:
    exact = "exact" in visit.query
    notes = entry.notes
    body = _body(entry)
    sent, marks = message(body, exact=exact, label="Request", notes=[*notes, entry.reason])
    choice = h(
        "nav",
        h("a", "Indented", href=visit.here(), aria_current=None if exact else "true"),
        h("a", "As it was sent", href=visit.here(exact="1"), aria_current="true" if exact else None),
        class_="choice",
        aria_label="How the messages are shown",
    )
    line = h("p", h("code", entry.request.partition(b"\n")[0].decode("utf-8", "replace")), class_="line")
    reason = h("p", _noted(entry.reason, marks), class_="reason") if entry.reason else None
    received = message(entry.response, exact=exact, label="Reply")[0] if entry.response else None
    missing = "There is no answer yet." if entry.response is None else "The connection was closed without an answer."
    return (
        h("p", verdict(entry), class_="outcome"),
        reason,
        _actions(visit, entry),
        _facts(visit, entry),
        h("section", h("h3", "Notes"), _notes(notes, marks)) if notes else None,
        h("section", h("h3", "Changes"), changes_of(entry)) if entry.after is not None else None,
        choice,
        _section(
            ("Request", f"{CALLS}/{entry.number}/request"),
            entry.request,
            entry.request_headers,
            line if entry.api == "REST" else None,
            sent if body else h("p", "It is empty."),
        ),
        _section(
            ("Reply", f"{CALLS}/{entry.number}/response"),
            entry.response,
            entry.response_headers,
            received if received is not None else h("p", missing if not entry.status else "It is empty."),
        ),
    )


def _body(entry: Entry) -> bytes:
    return entry.request if entry.api == "SOAP" else entry.request.partition(b"\n\n")[2]


def _actions(visit: Visit, entry: Entry) -> Element:
    again = post_form(visit, "calls/replay", h("button", "Replay", name="call", value=str(entry.number)))
    hint = "The journal does not have all of this call." if not entry.complete else None
    curl = h("a", "Copy as curl", href=f"{CALLS}/{entry.number}/curl", class_="button", data_fetched=True)
    return h("div", again if entry.complete else h("span", hint, class_="hint"), curl, class_="actions")


def _facts(visit: Visit, entry: Entry) -> Element:
    return facts(
        [
            ("Operation", f"{entry.operation or 'unknown'} ({entry.api})"),
            ("Lead", lead_link(entry.lead_id)),
            ("Key", entry.key),
            ("Signature", _signature(visit, entry) if entry.api == "SOAP" else None),
            ("HTTP status", str(entry.status) if entry.status else None),
            ("Took", took(entry.seconds)),
            ("Time", moment(entry.time)),
        ]
    )


def _signature(visit: Visit, entry: Entry) -> str | None:
    """Return whether the signature is right; the notes describe what is wrong."""
    try:
        header = open_request(entry.request).read_header()
    except ProtocolError:
        return None
    if header is None:
        return "there is no AuthenticationHeader"
    return "right" if diagnose(visit.sandbox.credentials, header) is None else "wrong: see the notes"


def _notes(notes: list[str], marks: Marks) -> Element:
    items = [
        h("li", _noted(note, marks), class_="warning" if "is ignored by Marketo" in note else None)
        for note in notes[:_MOST]
    ]
    return h("ul", *items, left_out(len(notes), _MOST, "li"), class_="notes")


def _noted(note: str, marks: Marks) -> Element:
    """Return a note, with a link to what it names in the request."""
    anchor = marks.notes.get(note)
    link = h("a", "Show", href=f"#{anchor}", class_="show", aria_label="Show it in the request") if anchor else None
    return h("span", cut(note, 4000), " " if anchor else None, link)


def _section(named: tuple[str, str], data: bytes | None, headers: Headers, *shown: Child) -> Element:
    title, href = named
    whole = h("a", "Download", href=href, aria_label=f"Download the {title.lower()}", download=True)
    cut_off = data is not None and len(data) > SHOWN_BYTES
    return h(
        "section",
        h("h3", title, " ", h("small", f"{len(data):,} bytes") if data else None, " ", whole if data else None),
        h("details", h("summary", f"Headers ({len(headers)})"), facts(headers), class_="headers") if headers else None,
        h("p", f"These are the first {SHOWN_BYTES // 1024} KiB; the download has all of it.") if cut_off else None,
        *shown,
        class_="message",
    )


def download(visit: Visit, number: str, name: str) -> HttpAnswer:
    """Answer with a message's very bytes, to be saved."""
    entry = visit.sandbox.journal.get(int(number))
    data = None if entry is None else entry.request if name == "request" else entry.response
    if data is None:
        return problem(visit, 404, _GONE)
    named = f'attachment; filename="call-{number}-{name}.xml.txt"'
    return HttpAnswer(
        200, data, (("Content-Type", "text/plain; charset=UTF-8"), ("Content-Disposition", named), *HEADERS)
    )


def curl(visit: Visit, number: str) -> HttpAnswer:
    """Answer with the command that makes the call: the bytes as they were, a REST token from a variable."""
    entry = visit.sandbox.journal.get(int(number))
    if entry is None:
        return problem(visit, 404, _GONE)
    url, token = visit.endpoint, ""
    headers = tuple(pair for pair in entry.request_headers if pair[1] != "***")
    if entry.api == "REST":
        url = url.removesuffix(PATH) + entry.request.partition(b"\n")[0].decode("utf-8", "replace").partition(" ")[2]
        token = ' -H "Authorization: Bearer $MARKETO_REST_TOKEN"' if headers != entry.request_headers else ""
    return text_answer(200, f"{curl_command(url, headers, _body(entry), entry.method)}{token}\n", *HEADERS)


def replay(visit: Visit) -> str:
    """Send a call again: signed anew, or with a valid token, if its own was right; else as it was."""
    entry = visit.sandbox.journal.get(read_id(visit.form.get("call", "")) or 0)
    if entry is None:
        raise ValueError(_GONE)
    if not entry.complete:
        raise ValueError("The journal does not have all of this call: secrets and long bodies are not kept.")
    done, answer = _soap_again(visit, entry) if entry.api == "SOAP" else _rest_again(visit, entry)
    answer.done()
    return visit.link(f"{CALLS}/{answer.call}", done=done)


def _soap_again(visit: Visit, entry: Entry) -> tuple[str, HttpAnswer]:
    sandbox, headers = visit.sandbox, dict(entry.request_headers)
    try:
        header = open_request(entry.request).read_header()
        if header is not None and verify(sandbox.credentials, header):
            signed = sign_again(entry.request, sandbox.credentials, timestamp(sandbox.now()))
            return "signed", handle(sandbox, signed, headers)
    except ProtocolError:
        pass
    return "as-is", handle(sandbox, entry.request, headers)


def _rest_again(visit: Visit, entry: Entry) -> tuple[str, HttpAnswer]:
    sandbox = visit.sandbox
    headers = {name: value for name, value in entry.request_headers if value != "***"}
    done = "as-is"
    if entry.verdict not in _TOKEN_REFUSED:
        token, _ = sandbox.tokens.issue(sandbox.now(), sandbox.settings.token_lifetime)
        headers["authorization"], done = f"Bearer {token}", "token"
    line, _, body = entry.request.partition(b"\n\n")
    path, _, query = line.decode("utf-8", "replace").partition(" ")[2].partition("?")
    request = HttpRequest(entry.method, "http", unquote(path), query, headers, body)
    return done, answer_rest(sandbox, request)
