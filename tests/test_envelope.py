"""Messages that are not the goldens: shapes that real peers send, and shapes that nobody should."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path

import pytest

from marketo_soap import (
    Attribute,
    AuthenticationFault,
    Fault,
    LeadRecord,
    MarketoError,
    MktowsContextHeader,
    NotFoundFault,
    Operation,
    ProtocolError,
    ServerFault,
    SyncLead,
    SyncLeadResult,
    SyncStatus,
    envelope,
)
from tests.support import FIXTURES, HEADER, MKTOWS, SEED, SOAP, canonical, enveloped, faulted, fixture, success

STATUS = "<syncStatus><leadId>7</leadId><status>UPDATED</status></syncStatus>"
GOOD = f"<leadId>7</leadId>{STATUS}"
HEADER_XML = (
    "<m:AuthenticationHeader><mktowsUserId>u</mktowsUserId><requestSignature>s</requestSignature>"
    "<requestTimestamp>t</requestTimestamp></m:AuthenticationHeader>"
)
PARAMS = (
    "<m:paramsSyncLead><leadRecord><Email>t@t.com</Email></leadRecord><returnLead>1</returnLead></m:paramsSyncLead>"
)


def result_of(inside: str) -> SyncLeadResult:
    return envelope.reply(SyncLead, success(inside))


# -- replies ------------------------------------------------------------------------------------------


def test_absent_and_nil_are_none_and_order_does_not_matter() -> None:
    assert result_of(GOOD) == result_of(f'<leadRecord xsi:nil="1"/>{STATUS}<leadId> 7 </leadId>')
    assert result_of(GOOD).lead_record is None


def test_unknown_elements_are_ignored() -> None:
    assert result_of(f"<new>1</new>{GOOD}<m:newer><leadId>9</leadId></m:newer>") == result_of(GOOD)


def test_an_empty_text_is_not_absent() -> None:
    record = result_of(
        f"{GOOD}<leadRecord><Email></Email><ForeignSysPersonId xsi:nil='true'/><leadAttributeList><attribute>"
        "<attrName>A</attrName><attrType xsi:nil='true'/><attrValue/></attribute></leadAttributeList></leadRecord>"
    ).lead_record
    assert record is not None
    assert (record.email, record.foreign_sys_person_id, record.attributes) == (
        "",
        None,
        (Attribute("A", ""),),
    )


def test_text_comes_whole_through_cdata_and_comments() -> None:
    value = "<attrValue>a<![CDATA[<b>]]>c<!-- not this --><?nor this?>d&#x1F600;\r\n\te</attrValue>"
    record = result_of(
        f"{GOOD}<leadRecord><leadAttributeList><attribute><attrName>A</attrName>{value}</attribute>"
        "</leadAttributeList></leadRecord>"
    ).lead_record
    assert record is not None
    assert record.get("A") == "a<b>cd😀\n\te"


def test_what_breaks_a_client_rule_is_still_read() -> None:
    record = result_of(
        f"{GOOD}<leadRecord><Id>-5</Id><ForeignSysPersonId>x</ForeignSysPersonId>"
        "<ForeignSysType>SAP</ForeignSysType></leadRecord>"
    ).lead_record
    assert record is not None
    assert (record.id, record.foreign_sys_type) == (-5, "SAP")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_the_declared_encoding_is_followed(encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    text = success(f"{GOOD}<leadRecord><Email>é@t.com</Email></leadRecord>").decode()
    data = f'<?xml version="1.0" encoding="{name}"?>{text}'.encode(encoding)
    record = envelope.reply(SyncLead, data).lead_record
    assert record is not None
    assert record.email == "é@t.com"


@pytest.mark.parametrize(
    ("inside", "path", "problem"),
    [
        ("", "successSyncLead/result/leadId", "missing"),
        ("<leadId>7</leadId>", "successSyncLead/result/syncStatus", "missing"),
        ("<leadId>7</leadId><syncStatus/>", "successSyncLead/result/syncStatus/leadId", "missing"),
        (
            "<leadId>7</leadId><syncStatus><leadId>7</leadId></syncStatus>",
            "successSyncLead/result/syncStatus/status",
            "missing",
        ),
        (f"<leadId>7</leadId>{GOOD}", "successSyncLead/result/leadId[2]", "repeated"),
        (f"<leadId/>{STATUS}", "successSyncLead/result/leadId", "empty"),
        (f"<leadId xsi:nil='true'/>{STATUS}", "successSyncLead/result/leadId", "empty"),
        (f"<leadId>seven</leadId>{STATUS}", "successSyncLead/result/leadId", "invalid"),
        (f"<leadId>1_0</leadId>{STATUS}", "successSyncLead/result/leadId", "invalid"),
        (f"<leadId>٧</leadId>{STATUS}", "successSyncLead/result/leadId", "invalid"),
        (f"<leadId>99999999999</leadId>{STATUS}", "successSyncLead/result/leadId", "invalid"),
        (f"<leadId>7<b/></leadId>{STATUS}", "successSyncLead/result/leadId", "invalid"),
        (
            f"{GOOD}<leadRecord><Email>a<b>c</b></Email></leadRecord>",
            "successSyncLead/result/leadRecord/Email",
            "invalid",
        ),
        (
            f"{GOOD}<leadRecord><leadAttributeList><attribute><attrName>A</attrName><attrValue/></attribute>"
            "<attribute><attrValue>x</attrValue></attribute></leadAttributeList></leadRecord>",
            "successSyncLead/result/leadRecord/leadAttributeList/attribute[2]/attrName",
            "missing",
        ),
    ],
)
def test_a_broken_reply_names_the_place(inside: str, path: str, problem: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        result_of(inside)
    assert (caught.value.path, caught.value.problem) == (path, problem)
    assert path in str(caught.value)
    assert caught.value.line == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"<html><body>Bad gateway</body></html>", "<html> and not a SOAP 1.1 envelope"),
        (b"<!DOCTYPE html><html><body>Bad gateway", "not well-formed.*begins '<!DOCTYPE html>"),
        (b"Service unavailable", "not well-formed.*begins 'Service unavailable'"),
        (fixture("sync_lead/seed.response.xml")[:-40], "not well-formed"),
        (enveloped(""), "holds 0 elements"),
        (enveloped("<m:successSyncLead/><m:successSyncLead/>"), "holds 2 elements"),
        (enveloped("<m:successSyncLead/>"), "successSyncLead/result is missing"),
        (
            enveloped("<m:successSyncLead><result/><result/></m:successSyncLead>"),
            r"result\[2\] appears twice",
        ),
        (enveloped("<m:successGetLead><result/></m:successGetLead>"), "successGetLead answers where"),
        (enveloped("<successSyncLead><result/></successSyncLead>"), "answers where the reply to syncLead"),
        (f'<S:Envelope xmlns:S="{SOAP}"/>'.encode(), "no SOAP bodies"),
        (f'<S:Envelope xmlns:S="{SOAP}"><S:Body/><S:Body/></S:Envelope>'.encode(), "2 SOAP bodies"),
        (b'<E xmlns="http://www.w3.org/2003/05/soap-envelope"/>', "not a SOAP 1.1 envelope"),
        (b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"/>', "SOAP 1.2 is not spoken"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "not well-formed|cannot be decoded"),
        (b"<a>\xff\xfe</a>", "not well-formed"),
        (b"<a>\x00</a>", "not well-formed"),
        (b"<a>&#0;</a>", "not well-formed"),
        (b"<a>&#xD800;</a>", "not well-formed"),
        (b"<a>&undefined;</a>", "not well-formed"),
        (b"<d>" * 10_000, "not well-formed"),
        (b"<a>" + b"x" * 11_000_000 + b"</a>", "not well-formed"),
    ],
)
def test_what_is_no_reply_says_what_came(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says) as caught:
        envelope.reply(SyncLead, data)
    assert caught.value.problem in ("malformed", "missing", "repeated")


BOMB = (
    '<!DOCTYPE a [<!ENTITY x0 "lol">'
    + "".join(f'<!ENTITY x{n} "&x{n - 1};&x{n - 1};&x{n - 1};&x{n - 1};">' for n in range(1, 30))
    + "]><a>&x29;</a>"
)


@pytest.mark.parametrize(
    "data",
    [
        BOMB.encode(),
        BOMB.encode("utf-16"),
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        b"<!DOCTYPE a><a/>",
        success(GOOD).replace(b"<S:Envelope", b"<!DOCTYPE S:Envelope []><S:Envelope", 1),
    ],
)
def test_a_doctype_is_refused_and_its_entities_are_never_expanded(data: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(ProtocolError):
        envelope.reply(SyncLead, data)
    with pytest.raises(ProtocolError):
        envelope.read_request(data)
    assert time.perf_counter() - started < 5


def test_a_doctype_in_a_value_is_only_text() -> None:
    record = result_of(f"{GOOD}<leadRecord><Email><![CDATA[<!DOCTYPE html>]]></Email></leadRecord>").lead_record
    assert record is not None
    assert record.email == "<!DOCTYPE html>"


def test_only_bytes_are_parsed() -> None:
    with pytest.raises(TypeError, match="bytes"):
        envelope.reply(SyncLead, "<a/>")  # type: ignore[arg-type]


# -- faults -------------------------------------------------------------------------------------------

DETAIL = "<detail><m:serviceException>{}</m:serviceException></detail>"


@pytest.mark.parametrize(
    ("inside", "kind", "code", "message"),
    [
        (
            "<faultcode>S:Client</faultcode><faultstring>20103 - Lead not found</faultstring>"
            + DETAIL.format("<name>mktServiceException</name><message>No lead (20103)</message><code>20103</code>"),
            NotFoundFault,
            20103,
            "No lead (20103)",
        ),
        (
            "<faultcode>S:Client</faultcode><faultstring>Parameter required</faultstring>"
            + DETAIL.format("<name>n</name><message>No selection</message><code>10001</code><cause/>"),
            ServerFault,
            10001,
            "No selection",
        ),
        (
            "<faultstring>20014 - Authentication failed</faultstring>",
            AuthenticationFault,
            20014,
            "Authentication failed",
        ),
        (
            "<faultcode>S:Server</faultcode><faultstring>Internal error</faultstring>",
            Fault,
            None,
            "Internal error",
        ),
        ("<faultcode>S:Server</faultcode><faultstring/>", Fault, None, "the server gave no reason"),
        ("", Fault, None, "the server gave no reason"),
        (DETAIL.format("<code> 20011 </code>"), ServerFault, 20011, "the server gave no reason"),
        (DETAIL.format("<code>29999</code><message>New</message>"), Fault, 29999, "New"),
        (DETAIL.format("<code>twenty</code><message>Odd</message>"), Fault, None, "Odd"),
        ("<faultstring>3 things went wrong</faultstring>", Fault, None, "3 things went wrong"),
        ("<faultstring>2010340 - no code</faultstring>", Fault, None, "2010340 - no code"),
        (
            "<faultstring>x</faultstring><detail><other><code>20103</code><message>m</message></other></detail>",
            NotFoundFault,
            20103,
            "m",
        ),
        (
            "<S:faultstring>20103 - a</S:faultstring><detail><m:serviceException><m:code>20014</m:code>"
            "</m:serviceException></detail>",
            AuthenticationFault,
            20014,
            "20103 - a",
        ),
    ],
)
def test_every_shape_of_a_fault(inside: str, kind: type[Fault], code: int | None, message: str) -> None:
    with pytest.raises(Fault) as caught:
        envelope.reply(SyncLead, faulted(inside))
    fault = caught.value
    assert (type(fault), fault.code, fault.message, fault.operation) == (kind, code, message, "syncLead")


def test_a_fault_says_its_code_once_and_no_address() -> None:
    fault = envelope.read(fixture("faults/20103-by-email.xml"))
    assert str(fault) == "20103 No lead found with EMAIL = [email-1] [20103 - Lead not found]"
    assert "t@t.com" not in repr(fault)
    assert isinstance(fault, Fault)
    assert fault.message == "No lead found with EMAIL = t@t.com (20103)"


# -- requests -----------------------------------------------------------------------------------------


def test_a_workspace_stands_beside_the_signature() -> None:
    by_name = envelope.request(SEED, HEADER, context="Default")
    assert by_name == envelope.request(SEED, HEADER, context=MktowsContextHeader("Default"))
    read = envelope.read_request(by_name)
    assert (read.header, read.context) == (HEADER, MktowsContextHeader("Default"))


def test_an_operation_without_workspaces_refuses_one() -> None:
    class Workspaceless(SyncLead):
        takes_workspace = False

    with pytest.raises(ValueError, match="takes no target workspace"):
        envelope.request(Workspaceless(SEED.lead_record), HEADER, context="Default")


@pytest.mark.parametrize("value", ["x" * 1_000_000, "é" * 1_000_000, "\n\t\r\n😀&<>\"']]>", "  ", " a "])
def test_values_survive_the_round_trip(value: str) -> None:
    operation = SyncLead(LeadRecord(email=value if value.strip() else "a", attributes={"A": value}))
    assert envelope.read_request(envelope.request(operation, HEADER)).operation == operation
    result = SyncLeadResult(7, SyncStatus(7, "UPDATED"), operation.lead_record)
    assert envelope.reply(SyncLead, envelope.write_reply(SyncLead, result)) == result


STYLES = {
    "PHP": f'<SOAP-ENV:Envelope xmlns:SOAP-ENV="{SOAP}" xmlns:ns1="{MKTOWS}"><SOAP-ENV:Header>'
    "<ns1:AuthenticationHeader><mktowsUserId>u</mktowsUserId><requestSignature>s</requestSignature>"
    "<requestTimestamp>t</requestTimestamp></ns1:AuthenticationHeader></SOAP-ENV:Header><SOAP-ENV:Body>"
    "<ns1:paramsSyncLead><leadRecord><Email>t@t.com</Email><leadAttributeList><attribute><attrName>FirstName"
    "</attrName><attrValue>George</attrValue></attribute></leadAttributeList></leadRecord>"
    "<returnLead>false</returnLead></ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>",
    "JAX-WS after the vendor's sample": f"<?xml version='1.0' encoding='UTF-8'?><S:Envelope xmlns:S=\"{SOAP}\">"
    f'<S:Header><ns2:AuthenticationHeader xmlns:ns2="{MKTOWS}"><mktowsUserId>u</mktowsUserId><requestSignature>s'
    "</requestSignature><requestTimestamp>t</requestTimestamp></ns2:AuthenticationHeader>"
    '<ns2:MktowsContextHeader xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    f' xmlns:ns2="{MKTOWS}" xsi:nil="true"/></S:Header><S:Body><ns2:paramsSyncLead xmlns:ns2="{MKTOWS}">'
    "<leadRecord><Email>t@t.com</Email><ns2:leadAttributeList><attribute><attrName>FirstName</attrName>"
    "<attrValue>George</attrValue></attribute></ns2:leadAttributeList></leadRecord><returnLead>false</returnLead>"
    "</ns2:paramsSyncLead></S:Body></S:Envelope>",
    ".NET": f'<soap:Envelope xmlns:soap="{SOAP}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soap:Header>'
    f'<AuthenticationHeader xmlns="{MKTOWS}"><mktowsUserId xmlns="">u</mktowsUserId><requestSignature xmlns="">s'
    '</requestSignature><requestTimestamp xmlns="">t</requestTimestamp></AuthenticationHeader></soap:Header>'
    f'<soap:Body><paramsSyncLead xmlns="{MKTOWS}"><leadRecord xmlns=""><Id xsi:nil="true"/><Email>t@t.com</Email>'
    '<ForeignSysPersonId xsi:nil="true"/><ForeignSysType xsi:nil="true"/><leadAttributeList><attribute>'
    '<attrName>FirstName</attrName><attrType xsi:nil="true"/><attrValue>George</attrValue></attribute>'
    '</leadAttributeList></leadRecord><returnLead xmlns="">false</returnLead><marketoCookie xsi:nil="true" xmlns=""/>'
    "</paramsSyncLead></soap:Body></soap:Envelope>",
    "suds": f'<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:ns0="{SOAP}" xmlns:ns1="{MKTOWS}"'
    f' xmlns:SOAP-ENV="{SOAP}" xmlns:tns="{MKTOWS}"><SOAP-ENV:Header><tns:AuthenticationHeader><mktowsUserId>u'
    "</mktowsUserId><requestSignature>s</requestSignature><requestTimestamp>t</requestTimestamp>"
    "</tns:AuthenticationHeader></SOAP-ENV:Header><ns0:Body><ns1:paramsSyncLead><leadRecord><leadAttributeList>"
    "<attribute><attrName>FirstName</attrName><attrValue>George</attrValue></attribute></leadAttributeList>"
    "<Email>t@t.com</Email></leadRecord><returnLead>False</returnLead></ns1:paramsSyncLead></ns0:Body>"
    "</SOAP-ENV:Envelope>",
}


@pytest.mark.parametrize("style", STYLES)
def test_requests_of_other_clients_are_read(style: str) -> None:
    read = envelope.read_request(STYLES[style].encode())
    assert read.operation == SyncLead(LeadRecord(email="t@t.com", attributes={"FirstName": "George"}))
    assert read.header is not None
    assert (read.header.mktows_user_id, read.header.request_timestamp) == ("u", "t")
    assert read.context is None


@pytest.mark.parametrize(
    ("data", "problem", "path"),
    [
        (enveloped("<m:paramsSyncLead/>"), "missing", "paramsSyncLead/leadRecord"),
        (enveloped(PARAMS.replace("1<", "maybe<")), "invalid", "paramsSyncLead/returnLead"),
        (enveloped("<m:paramsFly/>"), "unknown", "paramsFly"),
        (enveloped("<paramsSyncLead/>"), "unknown", "paramsSyncLead"),
        (enveloped(PARAMS, "<m:AuthenticationHeader/>"), "missing", "AuthenticationHeader/mktowsUserId"),
        (enveloped(PARAMS, HEADER_XML * 2), "repeated", "AuthenticationHeader[2]"),
    ],
)
def test_a_broken_request_names_the_place(data: bytes, problem: str, path: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        envelope.read_request(data)
    assert (caught.value.problem, caught.value.path) == (problem, path)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/*.request.xml")), ids=lambda path: path.stem)
def test_the_header_is_read_from_a_beginning(path: Path) -> None:
    data = path.read_bytes()
    cut = data.partition(b"Body>")[0] + b"Body>"
    assert envelope.open_header(cut).read_header() == envelope.open_request(data).read_header()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"<a/>", "malformed"),
        (b" " * 50, "malformed"),
        (b"<a b='" + b"c" * 20_000, "malformed"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + enveloped(PARAMS, HEADER_XML), "malformed"),
        (enveloped(PARAMS, HEADER_XML * 2), "repeated"),
        (enveloped(PARAMS), None),
        (enveloped(PARAMS, "<x/>" * 5000 + HEADER_XML), None),
        (enveloped(PARAMS, HEADER_XML).partition(b"</m:AuthenticationHeader>")[0], None),
    ],
    ids=count(),
)
def test_a_beginning_without_a_whole_header_has_none(data: bytes, problem: str | None) -> None:
    if problem is None:
        assert envelope.open_header(data).read_header() is None
        return
    with pytest.raises(ProtocolError) as caught:
        envelope.open_header(data)
    assert caught.value.problem == problem


@pytest.mark.parametrize(
    ("inside", "what"), [("<b/>" * 1_000_000, "tags"), ("<b c='' d='' e=''/>" * 400_000, "attributes")]
)
def test_a_request_of_too_many_tags_is_refused(inside: str, what: str) -> None:
    with pytest.raises(ProtocolError, match=f"more than 1000000 {what}"):
        envelope.open_request(enveloped(inside, HEADER_XML))


def test_a_request_needs_no_header_to_be_read() -> None:
    read = envelope.read_request(enveloped(PARAMS, "<m:Other/>"))
    assert (read.header, read.context) == (None, None)
    assert isinstance(read.operation, SyncLead)
    assert read.operation.return_lead


@pytest.mark.parametrize("last", ["", "<returnLead/>", '<returnLead xsi:nil="true"/>', "<returnLead>0</returnLead>"])
def test_a_missing_return_lead_is_false(last: str) -> None:
    read = envelope.read_request(enveloped(PARAMS.replace("<returnLead>1</returnLead>", last)))
    assert read.operation == SyncLead(LeadRecord(email="t@t.com"))


def test_wrong_case_is_another_element() -> None:
    read = envelope.read_request(enveloped(PARAMS.replace("<Email>t@t.com</Email>", "<id>7</id>")))
    assert isinstance(read.operation, SyncLead)
    assert read.operation.lead_record == LeadRecord()


def test_reading_tells_the_kinds_apart() -> None:
    assert isinstance(envelope.read(fixture("sync_lead/seed.request.xml")), envelope.Request)
    assert isinstance(envelope.read(fixture("sync_lead/failed.response.xml")), envelope.Reply)
    assert isinstance(envelope.read(fixture("faults/20014.xml")), Fault)
    with pytest.raises(MarketoError):
        envelope.read(b"<a/>")


def test_every_operation_is_registered_under_the_names_of_the_wire() -> None:
    assert SyncLead.name == "syncLead"
    assert envelope.soap_action(SyncLead) == '"http://www.marketo.com/mktows/syncLead"'
    assert SyncLead.result_type is SyncLeadResult
    assert issubclass(SyncLead, Operation)


def test_the_sent_form_of_the_sample_is_one_line_after_the_declaration() -> None:
    sent = envelope.request(SEED, HEADER)
    assert sent.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope xmlns:SOAP-ENV=')
    assert sent.count(b"\n") == 1
    assert canonical(sent) == canonical(envelope.request(SEED, HEADER, pretty=True))
