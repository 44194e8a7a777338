"""Exchanges for other tools and back, and envelopes out of whatever they are pasted from."""

from __future__ import annotations

import html
import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from marketo_soap import Client, Exchange, LeadRecord, RetryPolicy, Sandbox, Visible, envelope
from marketo_soap.debug.exporting import curl_parts, file_parts, har, http_parts
from marketo_soap.debug.importing import exchanges, messages
from marketo_soap.history import Timings
from marketo_soap.privacy.redactor import EVERYTHING, Redactor
from tests.support import NOW, SEED_HEADER, fixture, takes_linear_time

REQUEST, REPLY = fixture("sync_lead/seed.request.xml"), fixture("sync_lead/seed.response.xml")
FAULT = fixture("faults/20103.xml")
DAWN = datetime(2000, 1, 1, tzinfo=UTC)
SENT = (("content-type", "text/xml; charset=UTF-8"), ("soapaction", '"http://www.marketo.com/mktows/syncLead"'))
DONE = Exchange(
    "syncLead",
    "https://100-AEK-913.mktoapi.com/soap/mktows/2_2",
    1,
    NOW,
    SENT,
    REQUEST,
    0.015,
    200,
    (("content-type", "text/xml"),),
    REPLY,
    timings=Timings(0.001, 0.002, 0.003, 0.004, 0.005),
)
LOST = evolve(DONE, status=None, response=None, response_headers=(), failure="ReadTimeout", timings=None)
AGAIN = evolve(DONE, attempt=2, previous=LOST)
ODD = evolve(DONE, request=b"\xff\xfe@\x00", response=b"\xff caf\xe9", status=502, timings=None)
ALL = [DONE, LOST, AGAIN, ODD, evolve(DONE, response=b"", status=500)]
PRIVATE = (SEED_HEADER.mktows_user_id, SEED_HEADER.request_signature, "t@t.com", "George", "Jungle")


def all_forms(given: list[Exchange], **options: Any) -> dict[str, bytes]:
    redactor = Redactor(**options)
    redactor.learn(*(exchange.request for exchange in given))
    return {
        "har": har(given, **options),
        "http": b"".join(http_parts(given, redactor)),
        "curl": b"".join(curl_parts(given, redactor)),
        **dict(file_parts(given, redactor)),
    }


def curl(*given: Exchange) -> str:
    return all_forms([*given], visible=EVERYTHING)["curl"].decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("form", ["har", "http", "curl", "0001-syncLead.request.xml"])
def test_nothing_private_is_exported_unless_it_may_be_seen(form: str) -> None:
    fault = evolve(DONE, response=FAULT.replace(b"Lead not found", b"No lead with t@t.com, George, of the Jungle"))
    exported = all_forms([DONE, fault])[form].decode()
    for private in PRIVATE:
        assert private not in exported
    shown = all_forms([DONE, fault], visible=Visible(emails=True, attributes={"FirstName"}), secrets=["of the Jungle"])
    assert "t@t.com" in shown[form].decode()
    assert "George" in shown[form].decode()
    assert "Jungle" not in shown[form].decode()


def test_a_token_stands_for_the_same_value_throughout_an_export() -> None:
    other = evolve(DONE, request=REQUEST.replace(b"George", b"Jane").replace(b"of the Jungle", b"George"))
    text = har([DONE, other]).decode()
    first, second = (
        "".join(found.data.decode().split()) for found in messages(text.encode()) if "request" in found.where
    )
    assert "<attrName>FirstName</attrName><attrValue>[value-1]</attrValue>" in first
    assert "<attrName>LastName</attrName><attrValue>[value-1]</attrValue>" in second
    assert first.count("[email-1]") == second.count("[email-1]") == 1


def test_an_archive_has_what_readers_of_har_need() -> None:
    log = json.loads(har(ALL))["log"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "marketo_soap")
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        assert {"method", "url", "httpVersion", "cookies", "headers", "queryString", "postData"} <= entry[
            "request"
        ].keys()
        assert {"status", "statusText", "cookies", "headers", "content", "redirectURL"} <= entry["response"].keys()
        assert {"send", "wait", "receive"} <= entry["timings"].keys()
        parts = [ms for name, ms in entry["timings"].items() if ms != -1 and name != "ssl"]
        assert entry["time"] == pytest.approx(sum(parts))
        assert min(entry["timings"][name] for name in ("send", "wait", "receive")) >= 0
    assert [entry["_call"] for entry in log["entries"]] == [1, 2, 2, 3, 4]
    assert log["entries"][1]["_error"] == "ReadTimeout"
    assert log["entries"][0]["timings"]["connect"] == 3.0  # TLS is a part of it


def test_an_archive_is_read_back_whole() -> None:
    assert exchanges(har(ALL, visible=EVERYTHING), started=DAWN) == ALL


@pytest.mark.parametrize("started", ["2013-07-31T12:38:47.000Z", "2013-07-31T12:38:47"])
def test_an_archive_of_a_browser_is_read(started: str) -> None:
    entry = {
        "request": {
            "url": "https://x/",
            "postData": {"text": REQUEST.decode()},
            "headers": [{"name": "A", "value": "b"}],
        },
        "response": {"status": 200, "content": {"text": REPLY.decode()}},
        "startedDateTime": started,
        "time": 12.5,
    }
    (read,) = exchanges(json.dumps({"log": {"entries": [entry]}}).encode(), started=DAWN)
    assert (read.operation, read.endpoint, read.status, read.elapsed) == ("syncLead", "https://x/", 200, 0.0125)
    assert (read.request, read.response, read.request_headers) == (REQUEST, REPLY, (("A", "b"),))
    assert read.started == datetime(2013, 7, 31, 12, 38, 47, tzinfo=UTC)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["log", "entries", "request", "response", "postData", "content", "text", "headers", "name"]
            ),
            inner,
        )
    ),
)


@given(st.lists(JSON))
def test_a_strange_archive_is_read_as_far_as_it_goes(entries: list[Any]) -> None:
    data = json.dumps({"log": {"entries": entries}}).encode()
    messages(data)
    exchanges(data, started=DAWN)


@given(st.binary() | st.text().map(str.encode))
def test_anything_may_be_looked_through(data: bytes) -> None:
    for text in (data, REQUEST[:300] + data, data + REPLY, b"POST https://x/\n\n" + data, b"curl '" + data):
        assert all(isinstance(found.data, bytes) for found in messages(text))
        exchanges(text, started=DAWN)


def test_a_file_of_requests_is_read_back() -> None:
    given = [DONE, evolve(DONE, request=REQUEST.replace(b"\n", b"")), ODD]
    read = messages(all_forms(given, visible=EVERYTHING)["http"])
    assert [found.data for found in read] == [exchange.request for exchange in given]
    assert read[1].endpoint == DONE.endpoint
    assert read[1].headers == SENT


@pytest.mark.parametrize(
    "data", [REQUEST, REQUEST.replace(b"George", b'O\'Hara $(id) `id` \\ "x"'), ODD.request, b"@/etc/passwd"]
)
def test_a_command_is_read_back(data: bytes) -> None:
    (found,) = messages(curl(evolve(DONE, request=data)).encode())
    assert (found.data, found.endpoint, found.headers) == (data, DONE.endpoint, SENT)


@pytest.mark.parametrize(
    "form",
    [
        "curl 'https://x/soap' \\\n  -H 'content-type: text/xml' \\\n  --data-raw {} \\\n  --compressed\n",
        "$ curl --location --request POST 'https://x/soap' --header 'content-type: text/xml' --data-raw {}",
        "curl -X POST -H'content-type: text/xml' --url=https://x/soap --data={}",
    ],
)
@pytest.mark.parametrize("dollar", [False, True])
def test_commands_of_browsers_are_read(form: str, dollar: bool) -> None:
    quoted = (
        "$'" + COMPACT.replace("\\", "\\\\").replace("\n", "\\n").replace("'", "\\'") + "'"
        if dollar
        else f"'{COMPACT}'"
    )
    if dollar and "--data={}" in form:
        form = form.replace("--data={}", "--data {}")
    (found,) = messages(form.format(quoted).encode())
    assert (found.data.decode(), found.endpoint) == (COMPACT, "https://x/soap")
    assert found.headers == (("content-type", "text/xml"),)


def test_several_commands_are_read_back_with_their_tokens() -> None:
    other = evolve(DONE, request=REQUEST.replace(SEED_HEADER.mktows_user_id.encode(), b"another_user"))
    first, second, third = messages(all_forms([DONE, other, ODD])["curl"])
    assert b"<mktowsUserId>[user-1]<" in first.data
    assert b"<mktowsUserId>[user-2]<" in second.data
    assert third.data == ODD.request


def test_a_capture_of_both_sides_is_taken_apart() -> None:
    data = b"POST https://x/soap HTTP/1.1\r\nA: b\r\n\r\n" + REQUEST + b"HTTP/1.1 500 Error\r\n\r\n" + FAULT
    assert messages(data)[0].data == REQUEST.rstrip(b"\n")


def test_what_an_archive_claims_goes_nowhere_else(tmp_path: Path) -> None:
    archive = json.loads(har([DONE], visible=EVERYTHING))
    entry = archive["log"]["entries"][0]
    entry["_operation"] = "/../../evil"
    entry["request"]["url"] = "https://usr:pass@x/?u=usr\r\nX: y"
    entry["request"]["headers"].append({"name": "B", "value": "c\r\nZ: 1"})
    (read,) = exchanges(json.dumps(archive).encode(), started=DAWN)
    assert [*all_forms([evolve(read, operation="/../../evil")])][3:] == [
        "0001-_______evil.request.xml",
        "0001-_______evil.response.xml",
    ]
    for exported in all_forms([read]).values():
        assert b"\nZ: 1" not in exported
        assert b"\nX: y" not in exported
        assert b"pass@" not in exported
        assert b"u=usr" not in exported


@pytest.mark.parametrize("text", ["{}\n", "<Envelope ", "b'<Envelope\\n", "</Envelope>", "&lt;Envelope"])
def test_pasting_takes_linear_time(text: str) -> None:
    def prepare(count: int) -> Callable[[], object]:
        return partial(messages, (text.format(COMPACT) * count).encode())

    assert takes_linear_time(prepare, 50 if "{}" in text else 2_500)


def test_an_address_from_an_archive_is_not_an_option_of_curl() -> None:
    assert shlex.split(curl(evolve(DONE, endpoint="-o/tmp/x")))[1:3] == ["--url", "-o/tmp/x"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_a_shell_runs_the_command() -> None:
    lead = LeadRecord(email="o'hara@t.com", attributes={"FirstName": "$(id) `id` é"})
    with Sandbox() as sandbox, sandbox.serve() as endpoint:
        user = sandbox.credentials
        with Client(endpoint, user.user_id, user.encryption_key) as client:
            client.sync_lead(lead)
            exchange = client.last_exchange
        assert exchange is not None
        sandbox.reset()
        command = curl(exchange)
        done = subprocess.run(
            ["sh", "-c", f"{command} -s --noproxy '*'".replace("\n", "")], capture_output=True, timeout=30, check=True
        )
        assert envelope.read(done.stdout) == envelope.read(exchange.response or b"")
        assert sandbox.leads()[0].get("FirstName") == "$(id) `id` é"


def test_each_message_has_a_file() -> None:
    files = dict(file_parts([DONE, LOST], Redactor(EVERYTHING)))
    assert files == {
        "0001-syncLead.request.xml": REQUEST,
        "0001-syncLead.response.xml": REPLY,
        "0002-syncLead.request.xml": REQUEST,
    }


COMPACT = envelope.request(envelope.read_request(REQUEST).operation, SEED_HEADER).decode()
PRETTY = REQUEST.decode()
PASTED: dict[str, tuple[str, list[str]]] = {
    "a log of savon": (f"D, [2013-07-31T12:38:47.1 #12] DEBUG -- : {COMPACT}\nD, [...] DEBUG -- : HTTPI", [COMPACT]),
    "php": (f'string({len(COMPACT)}) "{COMPACT}\n"\nbool(true)', [COMPACT]),
    "a raw request of soapUI": (f"POST /soap HTTP/1.1\r\nHost: x\r\n\r\n{PRETTY}", [PRETTY.rstrip("\n")]),
    "a log of suds": (
        f"DEBUG:suds.client:sending to (https://x)\nmessage:\nb{PRETTY.encode()!r}"[:-1] + "'\n",
        [PRETTY],
    ),
    "JSON lines": (json.dumps({"level": "debug", "msg": COMPACT}, ensure_ascii=False), [COMPACT]),
    "HTML": ("<p>" + PRETTY.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"), [PRETTY.rstrip("\n")]),
    "a project of soapUI": (f"<p:request><![CDATA[{COMPACT}]]></p:request>", [COMPACT]),
    "a prefix on every line": (
        "".join(f"12:{n:02} app[{n}] | {line}\n" for n, line in enumerate(PRETTY.split("\n"), 38)),
        [PRETTY.rstrip("\n")],
    ),
    "two sides": (f"sent: {COMPACT}\ngot: {REPLY.decode()}", [COMPACT, REPLY.decode().rstrip("\n")]),
    "cut off, then whole": (f"1: {COMPACT[:200]}\n2: {COMPACT}", [f"{COMPACT[:200]}\n2: ", COMPACT]),
    "JSON of PHP": (json.dumps({"msg": COMPACT}).replace("/", "\\/"), [COMPACT]),
    "JSON of Go": (json.dumps({"msg": COMPACT}).replace("<", "\\u003c").replace(">", "\\u003e"), [COMPACT]),
    "HTML twice": (html.escape(html.escape(COMPACT)), [COMPACT]),
    "an address": (f"https://x/?body={quote_plus(COMPACT)}", [COMPACT]),
    "nothing": ("no envelope here", []),
}


@pytest.mark.parametrize("case", PASTED)
def test_envelopes_are_found_where_they_were_pasted_from(case: str) -> None:
    text, expected = PASTED[case]
    found = [message.data.decode() for message in messages(text.encode())]
    assert [each.split("?>\n")[-1].rstrip("\n") for each in found] == [
        each.split("?>\n")[-1].rstrip("\n") for each in expected
    ]
    if case != "a prefix on every line":  # there the declaration is cut off by the prefix
        assert all(each.startswith("<?xml") for each in found)


def test_bytes_in_a_python_log_keep_their_encoding() -> None:
    data = COMPACT.replace("George", "Jürgen \U0001f600").encode()
    (found,) = messages(f"sending: {data!r}".encode())
    assert found.data == data or found.data.split(b"\n", 1)[1] == data.split(b"\n", 1)[1]
    (found,) = messages(json.dumps(data.decode()).encode())
    assert "Jürgen" in found.data.decode()


def test_the_place_of_a_message_is_reported() -> None:
    assert [found.where for found in messages(f"a\nb {COMPACT}\n\nc {COMPACT}".encode())] == ["line 2", "line 5"]
    assert [found.where for found in messages(har([DONE]))] == ["entry 1, request", "entry 1, response"]


@pytest.mark.parametrize(
    "data",
    [REQUEST, REQUEST[:500], b"  \n" + REQUEST, REQUEST.decode().encode("utf-16"), b"<html>", b"\xef\xbb\xbf<a/>"],
)
def test_a_lone_document_is_taken_to_the_byte(data: bytes) -> None:
    assert [found.data for found in messages(data)] == [data]


def test_a_reply_without_a_request_is_an_exchange_too() -> None:
    (read,) = exchanges(FAULT, started=DAWN)
    assert (read.request, read.response, read.status, read.started) == (b"", FAULT, 500, DAWN)
    assert read.fault is not None


def test_what_a_client_recorded_is_what_is_read(tmp_path: Path) -> None:
    with Sandbox() as sandbox, Client(transport=sandbox.transport(), history=9, retry=RetryPolicy(pause=0)) as client:
        sandbox.fail(status=503, body="")
        client.sync_lead(LeadRecord(email="t@t.com"))
        assert client.history is not None
        kept = client.history.exchanges
    read = exchanges(har(kept, visible=EVERYTHING), started=DAWN)
    assert [exchange.attempt for exchange in read[-1].attempts] == [1, 2]
    assert [(e.request, e.response, e.status) for e in read] == [(e.request, e.response, e.status) for e in kept]
