"""The pages of the calls: the list and its filter, one call, marks, curl, and the call sent again."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
from datetime import timedelta, timezone
from typing import Any

import httpx
import pytest

from marketo_soap import Client, Fault, LeadKey, LeadRecord, Sandbox, envelope, signature
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.sandbox.page.envelopes import message
from marketo_soap.sandbox.settings import Settings
from tests.sandbox.conftest import Clock, Rest
from tests.sandbox.test_page import EVIL, follow, inside, read, submit, text
from tests.support import CREDENTIALS, FIXTURES, HEADER, NOW, signed

__all__ = ["inside"]

LEAD = SyncLead(LeadRecord(email="a@t.com", attributes={"City": "Rome"}))


# -- the list and its filter --------------------------------------------------------------------------


@pytest.fixture
def mixed(sandbox: Sandbox, client: Client, rest: Rest) -> Sandbox:
    """Calls 1 to 7: a token, four of SOAP, two of REST."""
    client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Åbo & Rome"}))
    client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Oslo"}))
    client.get_lead(LeadKey("EMAIL", "a@t.com"))
    with pytest.raises(Fault):
        client.sync_lead(LeadRecord(id=7, email="ba@t.com"))
    rest.sync({"email": "o'neil+x@t.com", "city": "Cork"})
    rest.find("email", "a@t.com")
    return sandbox


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [7, 6, 5, 4, 3, 2, 1]),
        ({"operation": "syncLead"}, [5, 3, 2]),
        ({"operation": "syncLeads"}, [6]),
        ({"verdict": "succeeded"}, [7, 6, 4, 3, 2, 1]),
        ({"verdict": "failed"}, [5]),
        ({"verdict": "20103"}, [5]),
        ({"verdict": "CREATED"}, [6, 2]),
        ({"verdict": "waiting"}, []),
        ({"api": "REST"}, [7, 6, 1]),
        ({"api": "SOAP", "verdict": "failed"}, [5]),
        ({"email": "a@t.com"}, [7, 4, 3, 2]),  # call 5 has another address that ends so
        ({"email": " A@T.com "}, [7, 4, 3, 2]),
        ({"email": "ba@t.com"}, [5]),
        ({"email": "o'neil+x@t.com"}, [6]),
        ({"email": "t.com"}, []),
        ({"q": "oslo"}, [4, 3]),
        ({"q": "lead not found"}, [5]),
        ({"q": "IDNUM = 7"}, [5]),
        ({"q": "#3"}, [3]),
        ({"q": "GETLEAD"}, [7, 4]),
        ({"q": "content-type: text/xml"}, [5, 4, 3, 2]),  # a header
        ({"q": EVIL}, []),
        ({"nothing": "x"}, [7, 6, 5, 4, 3, 2, 1]),
    ],
    ids=str,
)
def test_calls_are_filtered_by_the_address(
    inside: httpx.Client, mixed: Sandbox, query: dict[str, str], found: list[int]
) -> None:
    page = read(inside.get("page/calls", params=query))
    assert page.xpath("//tbody/tr/@id") == [f"call-{number}" for number in found]
    assert found or "No call in the journal fits the filter." in text(page)
    for name, value in query.items():  # the form shows what is filtered by
        for field in page.xpath(f"//form[@role='search']//*[@name='{name}']"):
            assert (field.value or "").strip().lower() == value.strip().lower()


def test_a_filter_goes_along_to_the_calls_and_back(inside: httpx.Client, mixed: Sandbox) -> None:
    page = read(inside.get("page/calls?operation=syncLead&verdict=succeeded&done=reset"))
    call = follow(inside, page.xpath("//tr[@id='call-2']//a/@href")[0])
    assert call.xpath("//tbody/tr/@id") == ["call-3", "call-2"]
    assert call.xpath("//tr[@aria-current]/@id") == ["call-2"]
    assert call.xpath("//nav[@class='bar']/a/text()") == ["Close", "Next call"]
    following = follow(inside, call.xpath("//a[text()='Next call']/@href")[0])
    assert following.xpath("//tr[@aria-current]/@id") == ["call-3"]
    assert following.xpath("//nav[@class='bar']/a/text()") == ["Close", "Previous call"]
    back = follow(inside, following.xpath("//a[text()='Close']/@href")[0])
    assert back.xpath("//tbody/tr/@id") == ["call-3", "call-2"]
    assert not back.xpath("//article")
    [clear] = back.xpath("//a[text()='Clear']/@href")
    assert clear == "/_sandbox/page/calls"


def test_a_filter_offers_what_there_is(inside: httpx.Client, mixed: Sandbox) -> None:
    page = read(inside.get("page/calls?verdict=nothing"))
    options = {field.get("name"): [*map(text, field)] for field in page.xpath("//select")}
    assert options["operation"] == [
        "Any operation",
        *sorted(["identity", "syncLead", "getLead", "syncLeads", "getLeadsByFilter"]),
    ]
    assert options["verdict"][4:] == ["Created", "Updated", "20103 Lead not found", "nothing"]
    assert options["api"] == ["SOAP and REST", "SOAP", "REST"]


def test_pages_of_calls_keep_their_place(inside: httpx.Client, sandbox: Sandbox, client: Client) -> None:
    for n in range(120):
        client.sync_lead(LeadRecord(email=f"{n}@t.com"))
    second = read(inside.get("page/calls")).xpath("//a[@rel='next']/@href")[0]
    expected = [f"call-{n}" for n in range(70, 20, -1)]
    assert follow(inside, second).xpath("//tbody/tr/@id") == expected
    client.sync_lead(LeadRecord(email="new@t.com"))
    assert follow(inside, second).xpath("//tbody/tr/@id") == expected


# -- one call -----------------------------------------------------------------------------------------


def test_a_call_shows_headers_duration_and_zone(inside: httpx.Client, sandbox: Sandbox, clock: Clock) -> None:
    sandbox.fail(delay=1.5)
    with httpx.Client(transport=sandbox.transport()) as http:
        secret = {"Authorization": "Basic c2VjcmV0", "Cookie": "secret", "SOAPAction": '"syncLead"'}
        url = "https://sandbox.invalid/soap/mktows/2_2"
        http.post(url, content=signed(LEAD, CREDENTIALS, NOW), headers={"Content-Type": "text/xml", **secret})
    [entry] = sandbox.entries()
    assert entry.seconds is not None
    assert 1.5 <= entry.seconds < 3
    page = read(inside.get("page/calls/1"))
    shown = text(page)
    assert re.search(r"Took 1[5-9]\d\d\.\d ms", shown)
    assert "Time 2013-08-05 23:34:19 UTC" in shown
    sent, received = (
        dict(zip(map(text, each.xpath(".//dt")), map(text, each.xpath(".//dd")), strict=True))
        for each in page.xpath("//details")
    )
    assert (sent["soapaction"], sent["authorization"], sent["cookie"]) == ('"syncLead"', "***", "***")
    assert received["Content-Type"] == "text/xml; charset=UTF-8"
    assert received["Content-Length"] == str(len(entry.response or b""))
    assert "secret" not in inside.get("page/calls/1").text + inside.get("journal").text
    [data] = inside.get("journal").json()
    assert (data["api"], data["method"], data["milliseconds"] >= 1500) == ("SOAP", "POST", True)
    assert ["soapaction", '"syncLead"'] in data["request_headers"]


def test_a_time_has_its_offset(clock: Clock, sandbox: Sandbox, inside: httpx.Client) -> None:
    clock.now = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    sandbox.respond(b"")
    assert "2013-08-06 05:04:19 +05:30" in text(read(inside.get("page/calls")))


@pytest.mark.parametrize(
    ("old", "new", "marked", "note"),
    [
        (b"<Email>a@t.com</Email>", b"<Email>a@t.com</Email><id>7</id>", "<id>", "<id> is ignored"),
        (b"<attrValue>Rome</attrValue>", b"<x/><attrValue>Rome</attrValue>", "<x/>", "attribute[1]/x"),
        (b"<returnLead>false", b"<returnLead>maybe", "<returnLead>", "is not a boolean"),
        (b"<attrName>City</attrName>", b"", "<attribute>", "attrName is missing"),  # the nearest that is there
        (b">City<", b">Foo<", "Foo", "unknown fields for import: Foo"),
        (
            b"Timestamp>2013-08-05T16:34:19-07:00",
            b"Timestamp>2013-08-05T16:34:19-06:00",
            "<requestSignature>",
            "expected signature",
        ),
        (b"<Email>a@t.com</Email>", b"<Id>7</Id>", "7", "No lead found with IDNUM = 7"),
    ],
)
def test_what_the_notes_name_is_marked(
    inside: httpx.Client, sandbox: Sandbox, old: bytes, new: bytes, marked: str, note: str
) -> None:
    data = envelope.request(LEAD, HEADER)
    assert old in data
    sandbox.respond(data.replace(old, new))
    for query in ("", "?exact=1"):
        page = read(inside.get(f"page/calls/1{query}"))
        [mark] = page.xpath("//pre//mark")
        assert text(mark) == marked
        [link] = page.xpath(f"//a[@href='#{mark.get('id')}']")
        assert note in text(link.getparent())


def test_nothing_is_marked_of_a_call_without_notes(inside: httpx.Client, client: Client) -> None:
    client.call(LEAD)
    page = read(inside.get("page/calls/1"))
    assert not page.xpath("//mark | //a[@class='show']")


def test_json_is_indented_coloured_and_marked(inside: httpx.Client, rest: Rest) -> None:
    rest.skipped({"email": "a@t.com", EVIL: 1})
    number = rest.sandbox.entries()[-1].number
    page = read(inside.get(f"page/calls/{number}"))
    request, reply = page.xpath("//pre")
    assert request.text_content().startswith('{\n  "input": [\n    {\n      "email": "a@t.com",\n')
    assert [text(key) for key in request.xpath(".//span[@class='tag']")][:2] == ['"input"', '"email"']
    assert {text(value) for value in request.xpath(".//span[@class='quoted']")} == {'"a@t.com"'}
    assert [text(each) for each in request.xpath(".//mark")] == [f'"{EVIL}"']
    assert "POST /rest/v1/leads.json" in text(page)
    assert '"success": true' in reply.text_content()


def test_a_message_of_one_line_is_no_problem() -> None:
    shown, _ = message(b"[" * 60_000, exact=False, label="")
    assert len("".join(map(str, shown.itertext()))) < 60_000 * 64


# -- curl and replay ----------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_a_call_is_copied_as_a_curl_command_that_makes_it(sandbox: Sandbox) -> None:
    with sandbox.serve() as url, httpx.Client(trust_env=False, base_url=httpx.URL(url).join("/_sandbox/")) as http:
        data = envelope.request(SyncLead(LeadRecord(email="o'neil@t.com")), HEADER)
        http.post(url, content=data, headers={"Content-Type": "text/xml", "SOAPAction": '"syncLead"'})
        page = read(http.get("page/calls/1"))
        response = http.get(http.base_url.join(page.xpath("//a[text()='Copy as curl']/@href")[0]))
        assert response.headers["content-type"] == "text/plain; charset=UTF-8"
        assert response.headers["content-security-policy"]
        command = response.text.replace("curl ", "curl -s --noproxy '*' ", 1)
        done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=20, check=True)
        assert b"UPDATED" in done.stdout
        first, second = sandbox.entries()
        assert second.request == first.request == data
        assert dict(second.request_headers)["soapaction"] == '"syncLead"'


def test_a_rest_call_is_copied_without_its_token(inside: httpx.Client, rest: Rest) -> None:
    rest.find("email", "a@t.com")
    rest.sync({"email": "it's@t.com"})
    [token] = rest.sandbox.tokens.known()
    get, post = (inside.get(f"page/calls/{n}/curl").text for n in (2, 3))
    assert token not in get + post
    assert get.endswith(' -H "Authorization: Bearer $MARKETO_REST_TOKEN"\n')
    found = shlex.split(get)
    assert found[1].endswith("/rest/v1/leads.json?filterType=email&filterValues=a%40t.com")
    assert "-X" not in found
    sent = shlex.split(post)
    assert sent[sent.index("--data-binary") + 1] == rest.sandbox.entries()[-1].request.partition(b"\n\n")[2].decode()


def test_a_call_is_sent_again_with_a_new_signature(
    inside: httpx.Client, sandbox: Sandbox, client: Client, clock: Clock
) -> None:
    client.call(LEAD)
    clock.tick(86_400)  # the old signature has expired
    page = read(submit(inside, "page/calls/1?operation=syncLead", "Replay"))
    first, second = sandbox.entries()
    assert second.verdict == "UPDATED"
    assert second.request != first.request
    assert "with a new signature" in text(page)
    assert "Call #2" in text(page.xpath("//h2")[0])
    assert page.xpath("//tr[@aria-current]/th/a/@href") == ["/_sandbox/page/calls/2?operation=syncLead"]
    assert dict(second.request_headers)["content-type"] == dict(first.request_headers)["content-type"]


@pytest.mark.parametrize(
    "data", [b"nonsense", b"", envelope.request(LEAD, signature.sign(signature.Credentials("x", "y"), "2013"))]
)
def test_a_call_that_was_refused_for_its_signature_is_sent_as_it_was(
    inside: httpx.Client, sandbox: Sandbox, data: bytes
) -> None:
    sandbox.respond(data)
    page = read(submit(inside, "page/calls/1", "Replay"))
    first, second = sandbox.entries()
    assert (second.request, second.verdict) == (first.request, first.verdict)
    assert "sent again as it was" in text(page)


def test_a_rest_call_is_sent_again_with_a_valid_token(inside: httpx.Client, rest: Rest, clock: Clock) -> None:
    rest.sync({"email": "a@t.com"})
    rest.find("email", "a@t.com")
    clock.tick(86_400)
    for number, verdict in ((2, "UPDATED"), (3, "OK")):
        page = read(submit(inside, f"page/calls/{number}", "Replay"))
        again = rest.sandbox.entries()[-1]
        assert (again.verdict, again.request) == (verdict, rest.sandbox.entries()[number - 1].request)
        assert "with a valid token" in text(page)
    rest.http.headers["Authorization"] = "Bearer wrong"
    rest.find("email", "a@t.com")
    page = read(submit(inside, "page/calls/6", "Replay"))
    assert [entry.verdict for entry in rest.sandbox.entries()[-2:]] == ["601", "600"]
    assert "as it was" in text(page)


def test_what_the_journal_does_not_have_is_not_sent_again(inside: httpx.Client, rest: Rest) -> None:
    page = read(inside.get("page/calls/1"))  # the call for a token, whose secret is not kept
    assert not page.xpath("//button[text()='Replay']")
    token = rest.sandbox.form_token
    for number, says in (
        ("1", "does not have all of this call"),
        ("9", "not in the journal"),
        ("x", "not in the journal"),
    ):
        refused = inside.post("page/calls/replay", data={"token": token, "call": number})
        assert says in text(read(refused, 400))
    assert len(rest.sandbox.entries()) == 1
    assert inside.post("page/calls/replay", data={"call": "1"}).status_code == 403


def test_the_picture_of_the_documentation_shows_a_mark() -> None:
    picture = runpy.run_path(str(FIXTURES.parent / "docs/picture.py"))
    with Sandbox(clock=lambda: picture["NOW"]) as sandbox:
        number = picture["make_calls"](sandbox)
        with httpx.Client(transport=sandbox.transport()) as http:
            page = read(http.get(f"https://sandbox.invalid/_sandbox/page/calls/{number}"))
    assert [text(mark) for mark in page.xpath("//mark")] == ["<id>"]
    assert picture["PICTURE"].stat().st_size < 200_000


# -- connect ------------------------------------------------------------------------------------------


def test_connect_shows_rest_and_the_environment(inside: httpx.Client, sandbox: Sandbox) -> None:
    with Sandbox() as made_up, httpx.Client(transport=made_up.transport()) as http:
        page = read(http.get("https://sandbox.invalid/_sandbox/page/connect"))
        lines = page.xpath("//code[@id='environment']")[0].text_content().splitlines()
        variables = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        user, rest_user = made_up.credentials, made_up.rest_credentials
        assert variables == {
            "MARKETO_SOAP_ENDPOINT": "https://sandbox.invalid/soap/mktows/2_2",
            "MARKETO_SOAP_USER_ID": user.user_id,
            "MARKETO_SOAP_ENCRYPTION_KEY": user.encryption_key,
            "MARKETO_REST_ENDPOINT": "https://sandbox.invalid/rest",
            "MARKETO_REST_CLIENT_ID": rest_user.client_id,
            "MARKETO_REST_CLIENT_SECRET": rest_user.client_secret,
        }
        page_text = text(page)
        assert all(value in page_text for value in variables.values())
    sandbox.configure(Settings(client_id="of somebody", client_secret="somebody's own secret"))
    shown = inside.get("page/connect").text
    assert CREDENTIALS.encryption_key not in shown
    assert "somebody's own" not in shown.replace("&#39;", "'")
    assert "# MARKETO_REST_CLIENT_SECRET: the one that the sandbox was started with" in shown
    assert "export MARKETO_REST_CLIENT_ID='of somebody'" in shown.replace("&#39;", "'")


def test_faults_are_removed_one_by_one(inside: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.fail(fault=20103)
    sandbox.fail(fault=20103)
    sandbox.fail(fault=10001)
    page = read(inside.get("page/faults"))
    [form] = [form for form in page.forms if form.xpath(".//button[text()='Remove']")]
    buttons = form.xpath(".//button")
    assert len(buttons) == 3
    data: dict[str, Any] = dict(form.form_values()) | {buttons[1].get("name"): buttons[1].get("value")}
    page = read(inside.post(inside.base_url.join(form.action), data=data, follow_redirects=True))
    assert "The fault is removed." in text(page)
    assert [rule.fault for rule in sandbox.script.rules()] == [20103, 10001]
    inside.post(inside.base_url.join(form.action), data=data)  # pressed twice
    assert len(sandbox.script.rules()) == 2
    assert page.xpath("//tbody/tr/@id") == ["fault-1", "fault-3"]
