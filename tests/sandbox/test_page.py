"""The page, without a browser: what it shows, what it never lets through, and what its forms do."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from lxml import html

from marketo_soap import Client, Fault, LeadRecord, Sandbox, envelope, signature
from marketo_soap.calls.retry import NO_RETRY
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import HttpAnswer, HttpRequest
from marketo_soap.sandbox.page.envelopes import SHOWN_BYTES, indented, indented_json, message
from marketo_soap.sandbox.page.html import document, h
from marketo_soap.sandbox.settings import FaultRule, Settings
from marketo_soap.sandbox.state import ENCRYPTION_KEY, USER_ID
from tests.sandbox.conftest import Rest
from tests.support import CREDENTIALS, NOW

EVIL = "<script>alert(1)</script>"
QUOTED = "\"'><img src=x onerror=alert(2)>"
PAGES = ["", "page/calls", "page/data", "page/faults", "page/controls", "page/connect", "page/reset"]


@pytest.fixture(params=["served", "in process"])
def http(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[httpx.Client]:
    if request.param == "served":
        with sandbox.serve() as url, httpx.Client(trust_env=False, base_url=httpx.URL(url).join("/_sandbox/")) as http:
            yield http
    else:
        with httpx.Client(transport=sandbox.transport(), base_url="https://sandbox.invalid/_sandbox/") as http:
            yield http


@pytest.fixture
def inside(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(transport=sandbox.transport(), base_url="https://sandbox.invalid/_sandbox/") as http:
        yield http


def read(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=UTF-8"
    return html.fromstring(response.text)


def text(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def follow(http: httpx.Client, link: str) -> Any:
    return read(http.get(http.base_url.join(link)))


def submit(http: httpx.Client, path: str, button: str, **fields: str) -> httpx.Response:
    """Press a button of a page as a browser without JavaScript does."""
    page = follow(http, path)
    [form] = [form for form in page.forms if any(text(b).startswith(button) for b in form.xpath(".//button"))]
    [pressed] = [b for b in form.xpath(".//button") if text(b).startswith(button)]
    data = {name: value for name, value in form.form_values() if value}
    if pressed.get("name"):
        data[pressed.get("name")] = pressed.get("value")
    return http.request(form.method, http.base_url.join(form.action), data={**data, **fields}, follow_redirects=True)


# -- what is shown ------------------------------------------------------------------------------------


def test_an_empty_sandbox_says_what_to_do_next(http: httpx.Client, sandbox: Sandbox) -> None:
    said = text(read(http.get("")))
    assert "No leads yet" in said
    assert f"{httpx.URL(str(http.base_url)).join('/soap/mktows/2_2')}?WSDL" in said
    assert sandbox.credentials.user_id in said
    assert "No calls yet" in text(read(http.get("page/calls")))
    assert "Nothing is loaded" in text(read(http.get("page/faults")))
    assert "No limits" in text(read(http.get("page/controls")))


def test_only_the_made_up_key_is_shown(inside: httpx.Client) -> None:
    assert CREDENTIALS.encryption_key not in inside.get("").text
    with Sandbox() as made_up, httpx.Client(transport=made_up.transport()) as http:
        assert ENCRYPTION_KEY in http.get("https://sandbox.invalid/_sandbox/").text


def test_a_lead_has_its_keys_and_its_history(http: httpx.Client, client: Client) -> None:
    client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Rome"}), marketo_cookie="id:1&token:2")
    client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Oslo"}))
    row = read(http.get("")).xpath("//tr[@id='lead-1000001']")[0]
    assert text(row).startswith("1000001 a@t.com")
    page = follow(http, row.xpath(".//a/@href")[0])
    assert "id:1&token:2" in text(page)
    assert "Partition Default" in text(page)
    assert [text(row) for row in page.xpath("//section[2]//tbody/tr")] == ["City Oslo string"]
    newest, oldest = page.xpath("//section[3]//tbody/tr")
    assert "#2 syncLead Updated City Rome became → Oslo Email" in text(newest)
    assert "Email nothing became → a@t.com" in text(oldest)


def test_a_call_is_told_with_both_envelopes_and_notes(http: httpx.Client, sandbox: Sandbox) -> None:
    lead = SyncLead(LeadRecord(id=7, email="a@t.com"))
    header = signature.sign(CREDENTIALS, signature.timestamp(NOW))
    data = envelope.request(lead, header).replace(b"<Id>7</Id>", b"<id>7</id>")
    sandbox.respond(data)
    [row] = read(http.get("page/calls")).xpath("//tbody/tr")
    assert text(row).startswith("#1 syncLead Created 1000001 Email")
    page = follow(http, row.xpath(".//a/@href")[0])
    [row] = page.xpath("//tbody/tr")  # the list stands beside it
    assert row.get("aria-current") == "true"
    assert "<id> is ignored by Marketo: did you mean <Id>?" in text(page)
    assert "Signature right" in text(page)
    assert not follow(http, page.xpath("//body/@data-source")[0]).xpath("//pre")  # it will not change any more
    request, reply = page.xpath("//pre")
    assert "\n        <id>7</id>\n" in request.text_content()
    assert "<status>CREATED</status>" in reply.text_content()
    [exact_link] = page.xpath("//a[text()='As it was sent']/@href")
    exact = follow(http, exact_link)
    assert exact.xpath("//pre")[0].text_content() == data.decode()
    download = http.get("page/calls/1/request")
    assert (download.content, download.headers["content-type"]) == (data, "text/plain; charset=UTF-8")
    assert download.headers["content-disposition"].startswith("attachment")


def test_a_wrong_signature_is_diagnosed(inside: httpx.Client, sandbox: Sandbox) -> None:
    other = signature.Credentials(CREDENTIALS.user_id, CREDENTIALS.encryption_key.upper())
    header = signature.sign(other, signature.timestamp(NOW))
    sandbox.respond(envelope.request(SyncLead(LeadRecord(email="a@t.com")), header))
    said = text(read(inside.get("page/calls/1")))
    assert "Fault 20014 Authentication failed" in said
    assert "the given one was made with the key in upper case" in said
    assert CREDENTIALS.encryption_key not in said


def test_what_went_wrong_is_said_in_words(inside: httpx.Client, sandbox: Sandbox) -> None:
    with sandbox.serve() as url, httpx.Client(trust_env=False) as caller:
        rules: list[dict[str, Any]] = [{"failed": "no"}, {"close": "before"}, {"close": "after"}, {"html": True}, {}]
        for rule in rules:
            if rule:
                sandbox.fail(**rule)
            data = envelope.request(
                SyncLead(LeadRecord(email="a@t.com")), signature.sign(CREDENTIALS, signature.timestamp(NOW))
            )
            try:
                caller.post(url, content=data, headers={"Content-Type": "text/xml"})
            except httpx.RemoteProtocolError:
                assert "close" in rule
    verdicts = read(inside.get("page/calls")).xpath("//td/span[contains(@class, 'verdict')]/text()")
    assert verdicts == ["Updated", "HTTP 502", "Created but hung up", "Hung up before the call", "Failed"]
    assert "closed without an answer" in text(read(inside.get("page/calls/2")))


@pytest.mark.parametrize(
    ("verdict", "tone", "said"),
    [
        ("OK", "good", "OK"),
        ("CREATED", "good", "Created"),
        ("UPDATED", "changed", "Updated"),
        ("3 CREATED", "good", "3 created"),
        ("2 CREATED, 1 UPDATED", "changed", "2 created, 1 updated"),
        ("2 CREATED, 1 skipped 1004", "bad", "2 created, 1 skipped 1004"),
        ("skipped 1004", "bad", "Skipped 1004"),
        ("606", "bad", "Error 606"),
        ("9" * 5000, "bad", f"Error {'9' * 5000}"),
        ("20103", "bad", "Fault 20103 Lead not found"),
        ("FAILED", "bad", "Failed"),
    ],
)
def test_a_verdict_has_its_tone(inside: httpx.Client, sandbox: Sandbox, verdict: str, tone: str, said: str) -> None:
    entry = sandbox.journal.begin(NOW, b"POST /rest/v1/leads.json\n\n{}")
    entry.verdict = verdict
    sandbox.journal.answered(entry, 200, b"{}")
    [shown] = read(inside.get("page/calls")).xpath("//td/span[contains(@class, 'verdict')]")
    assert (text(shown), shown.get("class")) == (said, f"verdict {tone}")


def test_rest_calls_have_the_tone_of_success(rest: Rest, inside: httpx.Client) -> None:
    rest.sync({"email": "a@t.com"}, {"email": "b@t.com"})
    rest.find("email", "a@t.com")
    rest.find("email", "")
    shown = read(inside.get("page/calls")).xpath("//td/span[contains(@class, 'verdict')]")
    assert [(text(each), each.get("class").split()[1]) for each in shown] == [
        ("Error 1002", "bad"),
        ("OK", "good"),
        ("2 created", "good"),
        ("OK", "good"),
    ]


def test_a_call_in_progress_is_shown(inside: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.journal.begin(NOW, b"<a")
    page = read(inside.get("page/calls/1"))
    assert "In progress" in text(page)
    assert "There is no answer yet" in text(page)
    assert page.xpath("//body/@data-source") == []


# -- much of it ---------------------------------------------------------------------------------------


def test_long_lists_are_paged(inside: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    sandbox.seed([{"email": f"{n}@t.com"} for n in range(120)])
    page = read(inside.get(""))
    ids = []
    while True:
        ids += page.xpath("//tbody/tr/th/a/text()")
        further = page.xpath("//a[@rel='next']/@href")
        if not further:
            break
        page = follow(inside, further[0])
    assert ids == [str(1000000 + n) for n in range(120, 0, -1)]
    assert "101 to 120 of 120 leads" in text(page)
    back = [page := follow(inside, page.xpath("//a[@rel='prev']/@href")[0]) for _ in range(2)]
    assert [each.xpath("//tbody/tr/th/a/text()") for each in back] == [ids[50:100], ids[:50]]
    assert not page.xpath("//a[@rel='prev']")
    for query in ("page=99999999", "page=-1", "page=x", f"page={'9' * 5000}", "page=%C2%B2", "&".join(["a=1"] * 50)):
        read(inside.get(f"?{query}"))
    for n in range(51):
        client.sync_lead(LeadRecord(email="0@t.com", attributes={"City": str(n)}))
    assert "1 to 50 of 51 calls" in text(read(inside.get("page/calls")))
    assert "51 to 51 of 51 calls" in text(read(inside.get("page/leads/1000001?calls-page=2")))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("1000002", [2]),
        ("ADA@", [1]),
        ("100%", [3]),
        ("%", [3]),
        ("_", [2]),
        ("sf-9", [2]),
        ("mch-7", [3]),
        ('say "hi" \\', [1]),
        ("ÉMILE@", [4]),
        ("FirstName", []),
        ("' OR 1=1 --", []),
        ("\x00", []),
        ("x" * 100_000, []),
    ],
)
def test_leads_are_found_by_what_they_hold(
    inside: httpx.Client, sandbox: Sandbox, search: str, found: list[int]
) -> None:
    sandbox.seed(
        [
            {"email": "ada@t.com", "attributes": {"FirstName": 'say "hi" \\o'}},
            {"foreign_type": "SFDC", "foreign_id": "SF-9_"},
            {"email": "c@t.com", "attributes": {"City": "100% sure"}, "cookies": ["mch-7"]},
            {"email": "émile@t.com"},
        ]
    )
    data = f"/_sandbox/?{httpx.QueryParams(q=search)}"
    said = answer(sandbox, HttpRequest("GET", "http", "/_sandbox/", data.partition("?")[2], {}))
    page = html.fromstring(said.body.decode())
    assert page.xpath("//tbody/tr/th/a/text()") == [str(1000000 + n) for n in found]
    assert bool(found) != ("No lead has" in text(page))


def test_huge_envelopes_are_shown_in_part(inside: httpx.Client, sandbox: Sandbox) -> None:
    data = b"<a>" + b"\xf0\x9f\x98\x80<b c='1'/>" * 100_000
    sandbox.respond(data)
    started = time.process_time()
    page = inside.get("page/calls/1")
    assert time.process_time() - started < 5
    assert len(page.content) < 20 * SHOWN_BYTES
    assert "the first 64 KiB" in text(read(page))
    assert inside.get("page/calls/1/request").content == data


@pytest.mark.parametrize(
    "piece",
    [
        "<a>",
        "</a>",
        "<!--",
        "<![CDATA[",
        "<?",
        "<",
        "<a b='",
        "x<a>",
        '"',
        "<a ",
        "\n",
        "=",
        "]]>",
        "{",
        "]",
        '{"a":',
        '"\\',
        "[1,",
    ],
)
def test_any_bytes_are_shown_in_no_time(piece: str) -> None:
    data = (piece * SHOWN_BYTES)[: SHOWN_BYTES + 10].encode()
    started = time.process_time()
    for exact in (True, False):
        shown, _ = message(data, exact=exact, label="Request")
    assert time.process_time() - started < 5
    shown_text: Any = message(data, exact=True, label="")[0].itertext()
    assert "".join(shown_text) == data[:SHOWN_BYTES].decode()
    assert len(document(shown)) < 5_000_000


def test_many_texts_are_no_slower_than_one() -> None:
    started = time.process_time()
    assert h("code", *["x" * 60] * 20_000).text == "x" * 1_200_000
    assert time.process_time() - started < 2


def test_notes_are_looked_up_in_any_bytes_in_no_time() -> None:
    notes = ["a/" * 250, "aB" * 250, "'" * 500, "= " * 250, ": 'x'" * 100]
    started = time.process_time()
    for piece in ("<aB>", "<a></a>", "aB", '{"a":'):
        message((piece * SHOWN_BYTES)[:SHOWN_BYTES].encode(), exact=True, label="", notes=notes)
    assert time.process_time() - started < 5


def test_indenting_json_adds_white_space_between_tokens_only() -> None:
    told = '{"a": [1, -2.50e3 ,true,null],"b":{},"c":[ ],"d":"x, {y}: \\"z\\""'
    assert indented_json(told) == (
        '{\n  "a": [\n    1,\n    -2.50e3,\n    true,\n    null\n  ],\n  "b": {},\n  "c": [],\n  "d": "x, {y}: \\"z\\""'
    )


def test_indenting_adds_white_space_between_elements_only() -> None:
    told = "<?xml version='1.0'?><a><b> </b><c>x &lt; y</c>\n\n<!-- n --><d e='>'/></a>"
    assert (
        indented(told) == "<?xml version='1.0'?>\n<a>\n  <b> </b>\n  <c>x &lt; y</c>\n  <!-- n -->\n  <d e='>'/>\n</a>"
    )


# -- what is text stays text --------------------------------------------------------------------------


def test_nothing_that_came_from_outside_is_markup(http: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    custom = {EVIL: "string", QUOTED: "string"}
    sandbox.configure(Settings(custom_fields=custom))
    lead = LeadRecord(
        email=EVIL,
        foreign_sys_person_id=QUOTED,
        foreign_sys_type="SFDC",
        attributes={EVIL: QUOTED, QUOTED: EVIL, "FirstName": EVIL},
    )
    client.sync_lead(lead, marketo_cookie=QUOTED)
    sandbox.respond(EVIL.encode())
    sandbox.fail(fault=20103, message=EVIL, email=QUOTED, attribute={EVIL: QUOTED}, times=None)
    sandbox.fail(fault=1, message=QUOTED + EVIL)
    with pytest.raises(Fault):
        client.sync_lead(lead)
    token = sandbox.form_token
    answers = [
        *[http.get(path) for path in PAGES],
        http.get("", params={"q": EVIL}),
        http.get("", params={"q": QUOTED, EVIL: QUOTED}),
        http.get("page/leads/1000001", params={EVIL: QUOTED}),
        *[http.get(f"page/calls/{n}", params={"exact": EVIL}) for n in (1, 2, 3)],
        *[http.get(f"page/calls/{n}") for n in (1, 2, 3)],
        http.get("page/calls", params=dict.fromkeys(["q", "email", "operation", "verdict", "api"], EVIL)),
        http.get("page/calls/1", params={"operation": QUOTED, "part": "list", EVIL: EVIL}),
        http.get("page/data/lists", params={"q": EVIL, "lead": EVIL}),
        http.get(f"page/{EVIL}"),
        http.post("page/clock", data={"token": token, "seconds": EVIL}),
        http.post("page/faults", data={"token": token, "kind": "20103", "times": EVIL}),
        http.post("page/limits", data={"token": QUOTED, "limits": EVIL}),
    ]
    seen = 0
    for response in answers:
        page: Any = html.fromstring(response.text)
        assert [script.get("src") for script in page.xpath("//script")] == ["/_sandbox/page/page.js"]
        assert not page.xpath("//img | //style | //@style | //@*[starts-with(name(), 'on')] | //iframe | //base")
        seen += EVIL in page.text_content() or EVIL in page.xpath("string(//input/@value)")
    assert seen >= 8


def test_pages_are_made_of_elements() -> None:
    element = h("p", EVIL, h("b", "x\x00\ud800"), EVIL, None, title=QUOTED, class_="c", hidden=False)
    written = document(h("html", h("body", element))).decode()
    assert html.fromstring(written).xpath("string(//p)") == f"{EVIL}x\ufffd\ufffd{EVIL}"
    assert html.fromstring(written).xpath("//p/@title") == [QUOTED]
    with pytest.raises(ValueError, match="no content"):
        h("script", "alert(1)")


def test_every_answer_is_locked_down(http: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    client.sync_lead(LeadRecord(email="a@t.com"))
    paths = [
        *PAGES,
        "page/leads/1000001",
        "page/leads/1",
        "page/calls/1",
        "page/calls/1/request",
        "page/calls/1/curl",
        "page/data/lists",
        "page/x",
        "page/page.css",
        "page/page.js",
    ]
    for response in [*map(http.get, paths), http.post("page/clock"), http.put("")]:
        policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
        assert policy.pop("default-src") == policy.pop("frame-ancestors") == policy.pop("base-uri") == "'none'"
        assert policy == dict.fromkeys(["script-src", "style-src", "connect-src", "form-action"], "'self'")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "same-origin"
        assert response.headers["cache-control"] == "no-store"
    assert http.get("page/page.css").headers["content-type"] == "text/css; charset=UTF-8"
    assert http.get("page/page.js").headers["content-type"] == "text/javascript; charset=UTF-8"
    assert [
        http.get(path).status_code for path in ("page/x", "page/leads/1", "page/calls/9", "page/calls/9/request")
    ] == [404] * 4
    assert http.put("").status_code == http.post("").status_code == http.get("page/clock").status_code + 1 == 405


@pytest.mark.parametrize("path", [*PAGES, "page/leads/1000001", "page/calls/1"])
def test_pages_can_be_used_without_eyes_and_mouse(inside: httpx.Client, client: Client, path: str) -> None:
    client.sync_lead(LeadRecord(email="a@t.com"))
    page = read(inside.get(path))
    assert page.get("lang") == "en"
    assert page.xpath("//body/*[1]/@href") == ["#main"]
    assert len(page.xpath("//main[@id='main']")) == len(page.xpath("//h1")) == 1
    levels = [int(heading.tag[1]) for heading in page.xpath("//h1 | //h2 | //h3")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    labels = {label.get("for") for label in page.xpath("//label")}
    for control in page.xpath("//input[not(@type='hidden')]"):
        assert control.get("id") in labels or control.getparent().tag == "label"
    for table in page.xpath("//table"):
        assert text(table.find("caption"))
        assert all(cell.get("scope") == "col" for cell in table.xpath("./thead//th"))
        assert all(row[0].get("scope") == "row" for row in table.xpath("./tbody/tr"))
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))


# -- what the forms do --------------------------------------------------------------------------------


def test_faults_are_switched_on_and_cleared(http: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    page = read(submit(http, "page/faults", "Fault 20103", times="2", email=" A@t.com "))
    assert "Fault 20103 Lead not found Email A@t.com 0 2" in text(page)
    client.sync_lead(LeadRecord(email="b@t.com"))
    with pytest.raises(Fault, match="20103"):
        client.sync_lead(LeadRecord(email="a@t.com"))
    assert "Email A@t.com 1 1" in text(read(http.get("page/faults")))
    assert "Nothing is loaded" in text(read(submit(http, "page/faults", "Clear all")))
    client.sync_lead(LeadRecord(email="a@t.com"))


@pytest.mark.parametrize(
    ("button", "expected"),
    [
        ("Fault 20023", {"fault": 20023}),
        ("Fault 10001", {"fault": 10001}),
        ("FAILED", {"failed": "Lead sync failed"}),
        ("Time-out", {"delay": 30.0}),
        ("Hang up before", {"close": "before"}),
        ("Hang up after", {"close": "after"}),
        ("HTML 502", {"html": True}),
    ],
)
def test_each_fault_is_one_click(
    inside: httpx.Client, sandbox: Sandbox, button: str, expected: dict[str, object]
) -> None:
    submit(inside, "page/faults", button)
    submit(inside, "page/faults", button, forever="1", delay="2.5")
    once, always = sandbox.script.rules()
    assert (once.times, always.times, always.delay) == (1, None, 2.5)
    assert {name: getattr(once, name) for name in expected} == expected


def test_the_vendors_limits_are_switched_on_and_off(http: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    submit(http, "page/controls", "Use the vendor's limits")
    client.sync_lead(LeadRecord(email="a@t.com"))
    page = read(http.get("page/controls"))
    assert "Calls in the last 20 s 1 of 100" in text(page)
    assert [(bar.get("aria-valuenow"), bar.get("aria-valuemax")) for bar in page.xpath("//*[@role='meter']")] == [
        ("1", "100"),
        ("1", "10000"),
        ("0", "10"),
    ]
    submit(http, "page/controls", "Switch the limits off")
    assert sandbox.limits is None


def test_the_clock_is_advanced(http: httpx.Client, sandbox: Sandbox) -> None:
    assert "2013-08-05 23:49:19" in text(read(submit(http, "page/controls", "15 minutes")))
    submit(http, "page/controls", "Move the clock", seconds="-900.5")
    assert (sandbox.now() - NOW).total_seconds() == -0.5


def test_reset_promises_what_it_does() -> None:
    """Faults of the configuration stay, as do its limits."""
    settings = Settings(faults=(FaultRule(times=None, fault=20103),))
    with Sandbox(settings=settings) as sandbox:
        sandbox.fail(html=True)
        with httpx.Client(transport=sandbox.transport(), base_url="https://sandbox.invalid/_sandbox/") as http:
            for path in ("page/controls", "page/reset"):
                said = text(read(http.get(path)))
                assert "Faults, limits, clock and settings become what the sandbox was started with." in said
            submit(http, "page/reset", "Reset the sandbox")
        assert sandbox.script.rules() == list(settings.faults)


@pytest.mark.parametrize(
    ("every", "said"),
    [
        (1, "any"),
        (2, "every 2nd call"),
        (3, "every 3rd call"),
        (5, "every 5th call"),
        (11, "every 11th call"),
        (21, "every 21st call"),
        (112, "every 112th call"),
        (1003, "every 1,003rd call"),
    ],
)
def test_how_often_a_fault_strikes_is_said(inside: httpx.Client, sandbox: Sandbox, every: int, said: str) -> None:
    sandbox.fail(every=every, fault=20103)
    [cell] = read(inside.get("page/faults")).xpath("//tbody/tr/td[1]")
    assert text(cell) == said


def test_reset_asks_first(http: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    client.sync_lead(LeadRecord(email="a@t.com"))
    [link] = read(http.get("page/controls")).xpath("//a[starts-with(., 'Reset')]/@href")
    assert "1 lead and 1 call will be gone" in text(follow(http, link))
    assert sandbox.leads()
    assert "as the sandbox was started" in text(read(submit(http, link, "Reset the sandbox")))
    assert (sandbox.leads(), sandbox.entries()) == ([], [])


@pytest.mark.parametrize(
    ("path", "fields", "says"),
    [
        ("clock", {"seconds": "soon"}, "could not convert"),
        ("clock", {"seconds": "1e300"}, "cannot be moved that far"),
        ("clock", {}, "could not convert"),
        ("faults", {"kind": "20103", "times": "0"}, "count from 1"),
        ("faults", {"kind": "20103", "times": "9" * 5000}, "digits"),
        ("faults", {"kind": "late", "delay": "nan"}, "late by 0 to"),
        ("faults", {"kind": "late", "delay": "1e9"}, "late by 0 to"),
        ("faults", {}, "not one of those"),
        ("limits", {"limits": "mine"}, "the vendor's or off"),
    ],
)
def test_wrong_fields_are_refused(
    inside: httpx.Client, sandbox: Sandbox, path: str, fields: dict[str, str], says: str
) -> None:
    response = inside.post(f"page/{path}", data={"token": sandbox.form_token, **fields})
    assert says in text(read(response, 400))
    assert sandbox.script.rules() == []


# -- who is let in ------------------------------------------------------------------------------------

ACTIONS = [
    "page/faults",
    "page/faults/remove",
    "page/faults/clear",
    "page/limits",
    "page/clock",
    "page/calls/replay",
    "page/reset",
]
GOOD = {"kind": "20103", "limits": "vendor", "step": "60", "fault": "1", "call": "1"}


@pytest.mark.parametrize("token", [None, "wrong", "é"])
def test_a_form_without_the_pages_token_changes_nothing(
    http: httpx.Client, sandbox: Sandbox, client: Client, token: str | None
) -> None:
    client.sync_lead(LeadRecord(email="a@t.com"))
    sandbox.fail(fault=20103)
    given = {} if token is None else {"token": token}
    for path in ACTIONS:
        assert http.post(path, data={**GOOD, **given}).status_code == 403
        assert http.post(path, json={**GOOD, "token": sandbox.form_token}).status_code == 403
        assert http.get(path, params={**GOOD, "token": sandbox.form_token}).status_code in (200, 404)
    assert (len(sandbox.leads()), len(sandbox.script.rules()), sandbox.limits, sandbox.now()) == (1, 1, None, NOW)
    assert len(sandbox.entries()) == 1


def test_every_sandbox_has_a_token_of_its_own(inside: httpx.Client, sandbox: Sandbox) -> None:
    with Sandbox() as other:
        assert other.form_token != sandbox.form_token
    assert len(sandbox.form_token) >= 32
    assert sandbox.form_token not in inside.get("").text  # it is where a form needs it, in no address


def ask(sandbox: Sandbox, path: str, method: str = "GET", peer: str = "127.0.0.1", **headers: str) -> HttpAnswer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    body = f"token={sandbox.form_token}".encode() if method == "POST" else b""
    form = {"content-type": "application/x-www-form-urlencoded", "host": "127.0.0.1:80", **given}
    return answer(sandbox, HttpRequest(method, "http", f"/_sandbox/{path}", "", form, body, peer))


@pytest.mark.parametrize(
    "headers",
    [
        {"peer": "192.168.1.7"},
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "page/calls"), ("POST", "page/reset")])
def test_pages_are_for_this_machine(
    sandbox: Sandbox, client: Client, headers: dict[str, str], method: str, path: str
) -> None:
    client.sync_lead(LeadRecord(email="a@t.com"))
    assert ask(sandbox, path, method, **headers).status == 403
    assert sandbox.leads()
    assert ask(sandbox, path, method, origin="http://127.0.0.1:80", sec_fetch_site="same-origin").status in (200, 303)


def basic(password: str) -> str:
    return f"Basic {base64.b64encode(f'me:{password}'.encode()).decode()}"


@pytest.fixture
def guarded() -> Iterator[Sandbox]:
    with Sandbox(settings=Settings(control_token="öpen: sesame")) as sandbox:
        yield sandbox


def test_the_control_token_is_a_password_for_browsers(guarded: Sandbox) -> None:
    sandbox = guarded
    refused = ask(sandbox, "", peer="10.0.0.1")
    assert refused.status == 401
    assert dict(refused.headers)["WWW-Authenticate"].startswith("Basic ")
    for wrong in ("Basic", "Basic ", "Basic !", "Basic /w==", "Basic YQ==", basic("wrong"), basic(""), "öpen: sesame"):
        assert ask(sandbox, "", peer="10.0.0.1", authorization=wrong).status == 401
        assert ask(sandbox, "health", peer="10.0.0.1", authorization=wrong).status == 403
    right = {"peer": "10.0.0.1", "authorization": basic("öpen: sesame"), "host": "box.example"}
    page = ask(sandbox, "", **right)
    assert page.status == ask(sandbox, "health", **right).status == 200
    assert b"sesame" not in page.body + ask(sandbox, "page/controls", **right).body
    assert "box.example/soap" in page.body.decode()
    assert ask(sandbox, "page/reset", "POST", **right, origin="http://box.example").status == 303
    # A browser sends the password along with other sites' requests too.
    for path, method in (("page/reset", "POST"), ("reset", "POST"), ("health", "GET")):
        assert ask(sandbox, path, method, **right, origin="http://evil.example").status in (401, 403)
        assert ask(sandbox, path, method, **right, sec_fetch_site="cross-site").status in (401, 403)


def test_an_empty_control_token_lets_nobody_in_unasked(sandbox: Sandbox) -> None:
    sandbox.configure(Settings(control_token=""))
    assert ask(sandbox, "").status == 401
    assert ask(sandbox, "", authorization="Basic !").status == 401


def test_callers_who_do_not_look_load_none_of_it() -> None:
    code = (
        "import sys; from marketo_soap import *\n"
        "with Sandbox() as s, Client(transport=s.transport()) as c: c.sync_lead(LeadRecord(email='a@t.com'))\n"
        "print(*[m for m in sys.modules if 'sandbox.page' in m or 'sandbox.control' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=True, capture_output=True, text=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_the_command_prints_where_the_page_is_and_a_line_for_each_call(quiet: bool) -> None:
    command = [sys.executable, "-m", "marketo_soap.cli", "sandbox", "--port", "0", *(["--quiet"] if quiet else [])]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert served.stdout is not None
    assert served.stderr is not None
    with served:
        try:
            first, _ = served.stderr.readline(), served.stderr.readline()
            endpoint = served.stdout.readline().strip().partition("=")[2]
            with Client(endpoint, USER_ID, ENCRYPTION_KEY, retry=NO_RETRY) as client:
                client.sync_lead(LeadRecord(email="a@t.com"))
                with pytest.raises(Fault):
                    client.sync_lead(LeadRecord(id=7, email="private@t.com"))
            httpx.get(httpx.URL(endpoint).join("/rest/v1/leads.json"), trust_env=False)
        finally:
            served.terminate()
        lines = served.stderr.read().splitlines()
    assert first == f"# see it in a browser: {httpx.URL(endpoint).join('/_sandbox/')}\n"
    calls = [re.fullmatch(r"(.*\S) +[0-9.]+ ms", line) for line in lines if line.endswith(" ms")]
    assert [" ".join(call[1].split()) for call in calls if call] == (
        []
        if quiet
        else ["POST syncLead Created", "POST syncLead Fault 20103 Lead not found", "GET getLeadsByFilter Error 600"]
    )
    assert "private@t.com" not in "".join(lines)


def colours(name: str) -> list[dict[str, str]]:
    """The colours of the stylesheet by day and by night."""
    found = [
        dict(re.findall(r"--(\w[\w-]*): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", name, re.DOTALL)
    ]
    return [found[0], {**found[0], **found[1]}]


def brightness(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, bright = sorted(map(brightness, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


def test_colours_have_the_contrast_of_aa(inside: httpx.Client) -> None:
    """4.5 for text, 3 for the edges of fields, the focus and meters."""
    for scheme in colours(inside.get("page/page.css").text):
        for text_colour in ("ink", "soft", "link"):
            for ground in ("ground", "card", "fill"):
                assert contrast(scheme[text_colour], scheme[ground]) >= 4.5, (text_colour, ground)
        for tone in ("good", "changed", "bad", "waiting"):
            assert contrast(scheme[tone], scheme[f"{tone}-ground"]) >= 4.5, tone
            assert contrast(scheme[tone], scheme["card"]) >= 4.5, tone
        assert contrast(scheme["quoted"], scheme["card"]) >= 4.5
        for ground in ("ground", "card"):
            assert contrast(scheme["edge"], scheme[ground]) >= 3
            assert contrast(scheme["full"], scheme[ground]) >= 3


def test_the_page_asks_for_nothing_from_elsewhere(inside: httpx.Client) -> None:
    for name in ("page/page.css", "page/page.js"):
        assert not re.search(r"https?://|@import|url\(|innerHTML|eval", inside.get(name).text)
    page = read(inside.get(""))
    assert all(link.startswith(("/_sandbox/", "#", "?")) for link in page.xpath("//@href | //@src | //@action"))
