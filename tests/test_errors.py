from __future__ import annotations

import ast
import copy
import html
import pickle
import re
import time
import tomllib
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

import marketo_soap
from marketo_soap import (
    FAULTS,
    AmbiguousError,
    AmbiguousFault,
    Exchange,
    Fault,
    LeadKey,
    LeadRecord,
    LeadSyncFailed,
    LeadSyncStatus,
    MarketoError,
    NotFoundFault,
    ProtocolError,
    SyncLead,
    SyncLeadResult,
    SyncStatus,
    TransportError,
    envelope,
)
from marketo_soap.errors import FAULT_TEXTS, ErrorWithHelp, fault
from marketo_soap.privacy.redactor import EVERYTHING, Redactor, Visible
from tests.support import COOKIE, FIXTURES, HEADER, NOW, fixture

FAILED = SyncLeadResult(7, SyncStatus(7, LeadSyncStatus.FAILED, "no room for t@t.com"))
EXCHANGE = Exchange("syncLead", "https://x/", 1, datetime(2013, 1, 1, tzinfo=UTC), (("a", "b"),), b"<a/>", 0.5)
ERRORS: list[MarketoError] = [
    MarketoError("x"),
    TransportError("x", status=404),
    AmbiguousError("x", status=502),
    ProtocolError("x", path="a/b", line=3, problem="missing"),
    LeadSyncFailed(FAILED),
    Fault("x"),
    *(fault(code, "because of t@t.com") for code in FAULTS),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{type(error).__name__} {getattr(error, 'code', '')}")
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_errors_travel_whole(error: MarketoError, again: object) -> None:
    error.exchange = EXCHANGE
    other = again(error)  # type: ignore[operator]
    assert type(other) is type(error)
    assert (str(other), repr(other), other.args) == (str(error), repr(error), error.args)
    assert other.__dict__ == error.__dict__
    assert other.exchange == EXCHANGE


PAGE = (FIXTURES.parent / "docs/what-went-wrong.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
PUBLIC = [getattr(module, name) for module in (marketo_soap, marketo_soap.bulk) for name in module.__all__]
RAISED = [each for each in PUBLIC if isinstance(each, type) and issubclass(each, Exception)]
CLASSES = {each.__name__: each for each in RAISED if issubclass(each, ErrorWithHelp)}


def test_a_page_explains_every_error_and_no_other() -> None:
    assert SECTIONS.keys() == CLASSES.keys() == {each.__name__ for each in RAISED}
    project = tomllib.loads((FIXTURES.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, kind in CLASSES.items():
        page, _, anchor = kind.help_url.partition("#")
        assert page == f"{project['urls']['Documentation']}en/stable/what-went-wrong.html"
        assert anchor == name.lower()  # as MyST and GitHub make it of the heading
        assert (kind.__doc__ or "").endswith(f"\n\nSee {kind.help_url}")


class WithoutHandlers(ast.NodeTransformer):
    def visit_Try(self, node: ast.Try) -> list[ast.stmt]:
        return node.body


@pytest.mark.parametrize("name", SECTIONS)
def test_each_example_of_the_page_raises_the_error_of_its_section(name: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {"LeadKey": LeadKey}
    exec(blocks[0], names)
    [example] = re.findall(r"^```python\n(.*?)^```", SECTIONS[name], re.DOTALL | re.MULTILINE)
    bare = ast.fix_missing_locations(WithoutHandlers().visit(ast.parse(example)))
    with pytest.raises(CLASSES[name]) as raised:
        exec(compile(bare, name, "exec"), names)
    symptom = re.search(r"\*\*Symptom\.\*\*.*?\n\n", SECTIONS[name], re.DOTALL)
    texts = re.findall(r"`([^`]+)`", symptom[0]) if symptom else [""]
    assert any(all(part in str(raised.value) for part in text.split("...")) for text in texts)


def test_a_traceback_ends_with_the_page() -> None:
    class OwnError(TransportError):
        """What a user of the package might derive."""

    for error in (fault(20103), pickle.loads(pickle.dumps(fault(20103)))):
        error.add_note("of a user")
        assert traceback.format_exception(error)[-2:] == [f"See {NotFoundFault.help_url}\n", "of a user\n"]
        assert "See " not in str(error)
    assert OwnError("x").__notes__ == [f"See {TransportError.help_url}"]
    vague = AmbiguousFault.of(fault(10001))  # type: ignore[arg-type]
    assert vague.__notes__ == [f"See {AmbiguousFault.help_url}"]


@pytest.mark.parametrize("error", ERRORS)
def test_no_error_shows_an_address(error: MarketoError) -> None:
    assert "t@t.com" not in f"{error} {error!r}"


def test_every_published_code_has_a_class_and_a_text() -> None:
    assert set(FAULTS) == set(FAULT_TEXTS)
    assert {20015, 20023, 20024} == {code for code, kind in FAULTS.items() if kind.__name__ == "LimitFault"}
    assert {20013, 20014, 20016} == {code for code, kind in FAULTS.items() if kind.__name__ == "AuthenticationFault"}
    assert {20103, 20108, 20111, 20113} == {code for code, kind in FAULTS.items() if kind.__name__ == "NotFoundFault"}
    assert {10001, 20011, 20106} == {code for code, kind in FAULTS.items() if kind.__name__ == "ServerFault"}


def test_an_unknown_code_is_a_plain_fault() -> None:
    assert type(fault(29999)) is Fault
    assert fault(29999).code == 29999


SECRETS = ("bigcorp1_461839624B16E06BA2D663", "92f05a7be4838ae1c0e5aafe814891ee72968a08", "t@t.com", "George")


@pytest.mark.parametrize("end", [10_000, *range(200, 1100, 7)])
def test_an_envelope_is_shown_without_what_is_private_even_cut_off(end: int) -> None:
    data = fixture("sync_lead/seed.request.xml")[:end]
    for shown in (Redactor().message(data), Redactor().snippet(data), Redactor().snippet(data, length=5000)):
        for secret in SECRETS:
            assert secret not in shown


def test_what_is_not_private_stays() -> None:
    shown = Redactor().message(fixture("sync_lead/seed.request.xml"))
    for text in (
        "<mktowsUserId>[user-1]</mktowsUserId>",
        "<requestSignature>[signature-1]</requestSignature>",
        "<Email>[email-1]</Email>",
        "<attrValue>[value-1]</attrValue>",
        "<attrValue>[value-2]</attrValue>",
        "<attrName>FirstName</attrName>",
        "2013-07-31T12:38:47-07:00",
        "<returnLead>false</returnLead>",
    ):
        assert text in shown


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_prefixed_and_other_encodings_are_redacted(encoding: str) -> None:
    data = '<x:Email a="b">t1</x:Email><y:attrValue>t2'.encode(encoding)
    assert Redactor().message(data).endswith('<x:Email a="[value-1]">[email-1]</x:Email><y:attrValue>[value-2]')


PRIVATE = SyncLead(
    LeadRecord(email="who@corp.example", attributes={"Note": "Müller & Söhne, Zürich", "Tag": "Body", "Nr": 12}),
    marketo_cookie=COOKIE,
)


@pytest.mark.parametrize(
    "escape", [str, html.escape, quote, lambda text: text.encode("ascii", "xmlcharrefreplace").decode()]
)
def test_words_of_the_request_are_hidden_wherever_they_come_back(escape: Callable[[str], str]) -> None:
    redactor = Redactor.of_request(envelope.request(PRIVATE, HEADER))
    page = "<p>Dear {}, your cookie {} is from {}</p>".format(
        *map(escape, ("Müller & Söhne, Zürich", COOKIE, "who@corp.example"))
    )
    shown = redactor.message(page.encode())
    for private in ("ller", "rich", "1372890712966", "47583", "who"):
        assert private not in shown
    assert shown.startswith("<p>Dear ")


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("Ann", "no lead Ann", "no lead [value-1]"),
        ("555-123-999", "call 555-123-999", "call [value-1]"),
        ("12", "HTTP 12 of 12", "HTTP 12 of 12"),  # a small number identifies nobody and is common
        ("of the Jungle", "lord of the Jungle", "lord [value-1]"),
    ],
)
def test_short_values_are_hidden_if_they_identify_somebody(value: str, text: str, shown: str) -> None:
    redactor = Redactor.of_request(f"<attrValue>{value}</attrValue>".encode())
    assert redactor.text(text) == shown
    assert value.lower() not in re.sub("0x[0-9a-f]+", "", repr(redactor))


@pytest.mark.parametrize("value", ["com", "http://www.marketo.com/", "xmlsoap", "t@t.com"])
def test_namespaces_are_shown_whatever_the_values_are(value: str) -> None:
    data = envelope.request(SyncLead(LeadRecord(email="t@t.com", attributes={"Website": value})), HEADER)
    shown = Redactor.of_request(data).message(data)
    assert 'xmlns:ns1="http://www.marketo.com/mktows/"' in shown
    assert 'xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"' in shown


def test_a_value_that_equals_a_tag_does_not_spoil_the_envelope() -> None:
    data = envelope.request(PRIVATE, HEADER)
    shown = Redactor.of_request(data).message(data)
    assert "<SOAP-ENV:Body>" in shown
    assert "</SOAP-ENV:Body>" in shown
    assert ">Body<" not in shown


@pytest.mark.parametrize(
    "address", ["t@t.com", "a.b+c@d-e.fr", "Ünï@cödé.de", "mail%40corp.example", "x" * 300 + "@t.com"]
)
def test_addresses_are_hidden_anywhere(address: str) -> None:
    assert Redactor().text(f"for <{address}>, please") == "for <[email-1]>, please"


def test_the_same_value_has_the_same_token_wherever_it_stands() -> None:
    call = SyncLead(LeadRecord(email="a@t.com", attributes={"Friend": "b@t.com", "Self": "a@t.com", "Name": "R&D Lab"}))
    data = envelope.request(call, HEADER)
    redactor = Redactor.of_request(data)
    shown = redactor.message(data)
    assert shown.count("[email-1]") == 2
    assert "<attrValue>[email-2]</attrValue>" in shown
    assert redactor.text("a@t.com knows b%40t.com of R&amp;D Lab.") == "[email-1] knows [email-2] of [value-1]."
    assert redactor.message(b"<x:attrValue><![CDATA[R&D Lab]]></x:attrValue>") == "<x:attrValue>[value-1]</x:attrValue>"


@pytest.mark.parametrize(
    ("visible", "seen"),
    [
        (Visible(user_id=True), {SECRETS[0]}),
        (Visible(signature=True), {SECRETS[1]}),
        (Visible(emails=True), {"t@t.com"}),
        (Visible(values=True), {"George", "of the Jungle"}),
        (Visible(attributes={"FirstName"}), {"George"}),
        (Visible(attributes={"LastName", "Email"}), {"of the Jungle"}),
        (EVERYTHING, {*SECRETS, "of the Jungle"}),
    ],
)
def test_a_policy_says_what_stays_visible(visible: Visible, seen: set[str]) -> None:
    data = fixture("sync_lead/seed.request.xml")
    shown = Redactor.of_request(data, visible).data(data).decode()
    assert {secret for secret in (*SECRETS, "of the Jungle") if secret in shown} == seen


def test_the_value_of_an_attribute_without_a_name_is_no_other_attribute() -> None:
    data = b"<attribute><attrName>A</attrName></attribute><x:attribute><attrValue>who</attrValue></x:attribute>"
    assert b"who" not in Redactor(Visible(attributes={"A"})).data(data)


@pytest.mark.parametrize(
    "empty", ["<Email/>", "<Email />", '<Email xsi:nil="true"/>', r"<Email\/>", "<a:Email b='/'/>"]
)
def test_an_empty_private_element_is_closed(empty: str) -> None:
    rest = "<attribute><attrName>City</attrName><attrType>string</attrType><phone>555-1234</phone></attribute>"
    data = f"<leadRecord>{empty}{rest}</leadRecord>".encode()
    shown = Redactor().message(data)
    assert "<attrName>City</attrName><attrType>string</attrType>" in shown
    assert "555-1234" not in shown
    assert b"555-1234" not in Redactor(Visible(emails=True)).data(data)
    assert b"555-1234" not in Redactor(Visible(emails=True)).data(data.replace(empty.encode(), b"<Email>t@t.com"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
def test_bytes_stay_in_their_encoding_and_all_else_as_it_was(encoding: str) -> None:
    before, after = "<a b='é'><Email>{}</Email>\r\n é", "t@t.com"
    data = before.format(after).encode(encoding)
    assert Redactor().data(data) == before.format("[email-1]").encode(encoding)
    assert Redactor(EVERYTHING).data(data) == data


LEAD = "<leadRecord>{}</leadRecord>"
WRONG = [  # what stands where nobody expects it is hidden too: it is what is wrong with an envelope
    LEAD.format("<FirstName>Wolfgangus</FirstName>"),
    LEAD.format("<leadAttributeList>Wolfgangus<attribute><name>FirstName</name><value>Wolfgangus</value></attribute>"),
    LEAD.format('<leadAttributeList><attribute name="FirstName" value="Wolfgangus"/></leadAttributeList>'),
    LEAD.format("<!-- <Email>Wolfgangus</Email> --><x>Wolfgangus</x>"),
    '<a:mktows_user_id value="Wolfgangus">Wolfgangus</a:mktows_user_id>',
    "<request_signature>Wolfgangus</request_signature><marketo_cookie>Wolfgangus</marketo_cookie>",
    "<attr_value>Wolfgangus</attr_value><ForeignSysPersonId>Wolf<!-- x -->gangus</ForeignSysPersonId>",
    "<AuthenticationHeader><user>Wolfgangus</user></AuthenticationHeader>",
    "<m:paramsSyncLead><campaign>Wolfgangus</campaign></m:paramsSyncLead>",
    "<mktowsUserId><!--</mktowsUserId>-->Wolfgangus</mktowsUserId>",
    "<attrValue><![CDATA[x</attrValue>Wolfgangus]]></attrValue>",
    "<attrValue><attrValue>x</attrValue>Wolfgangus</attrValue>",
    "<mktowsUserId a='<b>'>Wolfgangus",
    "<a\u00b7b:mktowsUserId>Wolfgangus</a\u00b7b:mktowsUserId>",
    '<!DOCTYPE x [<!ENTITY u "Wolfgangus">]><x>&u;</x>',
    "<?secret Wolfgangus?>",
    "[mktowsUserId] => Wolfgangus\n[attrValue] => Wolfgangus of all",
    '{"mktowsUserId":"Wolfgangus", "requestSignature": "Wolfgangus"}',
    r"{\"mktowsUserId\":\"Wolfgangus\", \"requestSignature\": \"Wolfgangus\"}",
    ':mktows_user_id=>"Wolfgangus", _mkto_trk=Wolfgangus; x',
    "<\\/a><mktowsUserId>Wolfgangus<\\/mktowsUserId> rest",
    "<attrValue>Wolfgangus",
]


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "utf-32-be"])
def test_what_is_wrong_is_hidden_too(text: str, encoding: str) -> None:
    for end in (None, -1, -3):
        shown = Redactor().message(text.encode(encoding)[:end])
        assert "olfgang" not in shown
        assert "olfgang" not in Redactor().data(text.encode(encoding)[:end]).replace(b"\0", b"").decode(
            "utf-8", "replace"
        )
        assert "Wolf" not in shown


@pytest.mark.parametrize(
    "value",
    [
        *("Version", "utf", "xml", "encoding", "soap", "SOAP-ENV", "ns1", "xsi", "type", "xmlns", "http", "www", "com"),
        *(
            "returnLead",
            "paramsSyncLead",
            "2013",
            "2013-07-31",
            "Version 2013",
            "attribute",
            "true",
            "Envelope",
            "t@t.com",
        ),
    ],
)
def test_a_value_that_is_an_ordinary_word_spoils_nothing(value: str) -> None:
    call = SyncLead(LeadRecord(email="t@t.com", attributes={"FirstName": value}))
    data = envelope.request(call, HEADER).replace(
        b'"http://www.marketo.com/mktows/"', b"'http://www.marketo.com/mktows/'"
    )
    shown = Redactor.of_request(data).data(data)
    read = envelope.read_request(shown)
    assert isinstance(read.operation, SyncLead)
    assert read.header is not None
    assert read.header.request_timestamp == HEADER.request_timestamp
    assert read.operation.lead_record.attributes[0].value.startswith("[")
    assert Redactor.of_request(shown).data(shown) == shown  # tokens stay what they are
    action = (("SOAPAction", envelope.soap_action(SyncLead)),)
    assert Redactor.of_request(data).headers(action) == action or value in ("com", "http", "www", "type", "xml")


def test_an_address_is_shown_without_what_may_be_private() -> None:
    shown = Redactor().url("https://usr7:pass@h.example/soap?user=usr7&n=Wolf%20G&x#f")
    assert shown == "https://[secret-1]@h.example/soap?user=[secret-2]&n=[secret-3]&x#f"
    assert Redactor().url("https://h.example/soap/mktows/2_2") == "https://h.example/soap/mktows/2_2"
    assert Redactor().url("https://https:@h.example/") == "https://[secret-1]@h.example/"


def test_values_are_found_whole_in_free_text() -> None:
    values = ("+1 650 555 1234", "1979-05-01", "555-1234", "Wolfgangus")
    redactor = Redactor.of_request("".join(f"<attrValue>{value}</attrValue>" for value in values).encode())
    text = "call +1 650 555 1234 or 555-1234, born 1979-05-01; Wolfgangus_x at 1979-08-01"
    assert redactor.text(text) == "call [value-1] or [value-3], born [value-2]; [value-4]_x at 1979-08-01"


def test_a_key_is_hidden_in_any_form() -> None:
    redactor = Redactor(EVERYTHING, secrets=["a&b-secret"])
    for form in ("a&b-secret", "a&amp;b-secret", "a%26b-secret"):
        assert (
            redactor.data(f"<mktowsUserId>{form}</mktowsUserId>".encode()) == b"<mktowsUserId>[secret-1]</mktowsUserId>"
        )


def test_a_reference_of_many_digits_does_no_harm() -> None:
    assert Redactor().message(b"<attrValue>&#" + b"9" * 5000 + b";</attrValue>") == "<attrValue>[value-1]</attrValue>"


def test_headers_in_a_text_are_hidden_too() -> None:
    shown = Redactor().data(
        b"POST /soap HTTP/1.1\r\nCookie: _mkto_trk=id:1&token:x; a=b\r\nHost: x\r\n\r\n-H 'Authorization: Bearer y'"
    )
    assert shown == b"POST /soap HTTP/1.1\r\nCookie: [secret-1]\r\nHost: x\r\n\r\n-H 'Authorization: [secret-2]'"


def test_a_key_is_hidden_whatever_is_visible() -> None:
    redactor = Redactor(EVERYTHING, secrets=["key-of-nobody", ""])
    assert redactor.data(b"<mktowsUserId>key-of-nobody</mktowsUserId>") == b"<mktowsUserId>[secret-1]</mktowsUserId>"


def test_a_snippet_is_short_and_on_one_line() -> None:
    assert Redactor().snippet(b"a\n  b") == "'a b'"
    assert Redactor().snippet(b"x" * 10_000) == "'" + "x" * 120 + "...'"


def test_hiding_takes_linear_time() -> None:
    """Half a megabyte, of the kinds that a careless pattern is slow at."""
    started = time.process_time()
    call = SyncLead(LeadRecord(email="t@t.com", attributes={f"F{n}": f"word{n}" for n in range(10_000)}))
    data = envelope.request(call, HEADER)
    Redactor.of_request(data).message(data)
    for text in ("a" * 500_000 + " x@y", "@" * 500_000, "a@" * 250_000, "a%40" * 125_000, "<Email>" * 70_000):
        Redactor().message(text.encode())
        str(fault(20103, text))
    assert time.process_time() - started < 10


def test_an_error_of_a_call_hides_what_the_server_repeats() -> None:
    error = fault(20103, "no lead of Müller & Söhne with who@corp.example")
    error.exchange = Exchange("syncLead", "https://x/", 1, NOW, (), envelope.request(PRIVATE, HEADER), 0.5)
    assert str(error) == "20103 no lead of [value-1] with [email-1] [20103 - Lead not found]"
    assert "Söhne" not in repr(error)
    assert error.message == "no lead of Müller & Söhne with who@corp.example (20103)"


def test_a_long_error_is_cut_where_no_address_is_cut() -> None:
    for length in range(20):
        shown = str(fault(20110, f"{'no ' * 325}{'x' * length} george@corp.example, and so on"))
        assert "no no" in shown
        assert "georg" not in shown


def test_headers_are_shown_without_what_is_private() -> None:
    shown = Exchange(
        "syncLead",
        "https://x/",
        1,
        NOW,
        (("authorization", "Bearer x1"),),
        envelope.request(PRIVATE, HEADER),
        0.5,
        302,
        (("location", f"https://evil/?u={HEADER.mktows_user_id}"), ("set-cookie", "s=1")),
        b"",
    ).show()
    assert "location: https://evil/?u=[user-1]" in shown
    for private in ("Bearer", "s=1", HEADER.mktows_user_id):
        assert private not in shown
