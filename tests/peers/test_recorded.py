"""Requests as other clients put them on the wire, header and body, sent over a plain socket.

What they share with the envelopes of `test_envelope.py` is left out: these are here for their HTTP, too.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from marketo_soap import LeadSyncStatus, Sandbox, SyncLeadResult, envelope
from marketo_soap.sandbox.messages import PATH
from tests.support import CREDENTIALS, HEADER, MKTOWS, NOW, SOAP

SECONDS = 20
XSI = "http://www.w3.org/2001/XMLSchema-instance"
ACTION = f'SOAPAction: "{MKTOWS}syncLead"'
USER, SIGNATURE, TIME = HEADER.mktows_user_id, HEADER.request_signature, HEADER.request_timestamp
SIGNED = (
    f"<mktowsUserId>{USER}</mktowsUserId><requestSignature>{SIGNATURE}</requestSignature>"
    f"<requestTimestamp>{TIME}</requestTimestamp>"
)

MONO = (
    f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{SOAP}" xmlns:xsi="{XSI}"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Header>'
    f'<AuthenticationHeader xmlns="{MKTOWS}"><mktowsUserId xmlns="">{USER}</mktowsUserId><requestSignature xmlns="">'
    f'{SIGNATURE}</requestSignature><requestTimestamp xmlns="">{TIME}</requestTimestamp></AuthenticationHeader>'
    f'<MktowsContextHeader xmlns="{MKTOWS}"><targetWorkspace xmlns="">default</targetWorkspace></MktowsContextHeader>'
    f'</soap:Header><soap:Body><paramsSyncLead xmlns="{MKTOWS}"><leadRecord xmlns=""><Email>t@t.com</Email>'
    '<ForeignSysPersonId xsi:nil="true" /><leadAttributeList><attribute><attrName>FirstName</attrName>'
    '<attrType xsi:nil="true" /><attrValue>Zoé &amp; 😀</attrValue></attribute></leadAttributeList></leadRecord>'
    '<returnLead xmlns="">true</returnLead><marketoCookie xsi:nil="true" xmlns="" /></paramsSyncLead></soap:Body>'
    "</soap:Envelope>"
).encode()
SOAP_LITE = (
    '<?xml version="1.0" encoding="UTF-8"?><soap:Envelope soap:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"'
    f' xmlns:ns1="{MKTOWS}" xmlns:soap="{SOAP}" xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"'
    f' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="{XSI}"><soap:Header><ns1:AuthenticationHeader'
    f' xmlns:ns1="{MKTOWS}"><mktowsUserId xsi:type="xsd:string">{USER}</mktowsUserId><requestSignature'
    f' xsi:type="xsd:string">{SIGNATURE}</requestSignature><requestTimestamp xsi:type="xsd:dateTime">{TIME}'
    "</requestTimestamp></ns1:AuthenticationHeader></soap:Header><soap:Body><ns1:paramsSyncLead><leadRecord><Email"
    ' xsi:type="xsd:string">t@t.com</Email><leadAttributeList><attribute><attrName xsi:type="xsd:string">FirstName'
    '</attrName><attrValue xsi:type="xsd:string">Zoé &amp; 😀</attrValue></attribute></leadAttributeList></leadRecord>'
    '<returnLead xsi:type="xsd:int">1</returnLead></ns1:paramsSyncLead></soap:Body></soap:Envelope>'
).encode()
PHP = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope xmlns:SOAP-ENV="{SOAP}" xmlns:ns1="{MKTOWS}">'
    f"<SOAP-ENV:Header><ns1:AuthenticationHeader>{SIGNED}</ns1:AuthenticationHeader></SOAP-ENV:Header><SOAP-ENV:Body>"
    "<ns1:paramsSyncLead><leadRecord><Email>t@t.com</Email><leadAttributeList><attribute><attrName>FirstName</attrName>"
    "<attrValue>Zoé &amp; 😀</attrValue></attribute></leadAttributeList></leadRecord><returnLead>true</returnLead>"
    "</ns1:paramsSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>\n"
).encode()
BY_HAND = (
    f'<e:Envelope xmlns:e="{SOAP}" xmlns:m="{MKTOWS}"><e:Body><!-- first --><m:paramsSyncLead><returnLead>1</returnLead>'
    "<leadRecord><leadAttributeList><attribute><attrValue><![CDATA[Zoé & ]]>&#128512;</attrValue><attrName>First<!-- -->"
    "Name</attrName></attribute></leadAttributeList><Email><![CDATA[t@t.com]]></Email></leadRecord></m:paramsSyncLead>"
    f'</e:Body><e:Header><m:AuthenticationHeader e:mustUnderstand="0">{SIGNED}</m:AuthenticationHeader></e:Header>'
    "</e:Envelope>"
).encode()


def headed(body: bytes, *lines: str, version: str = "1.1") -> list[bytes]:
    """The pieces of a request: its head, then its body."""
    return ["\r\n".join([f"POST {PATH} HTTP/{version}", *lines, "", ""]).encode(), body]


def length(body: bytes) -> str:
    return f"Content-Length: {len(body)}"


def chunks(body: bytes) -> bytes:
    pieces = [body[start : start + 100] for start in range(0, len(body), 100)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


TEXT_XML = "Content-Type: text/xml; charset=utf-8"
RECORDED = {
    "Mono": headed(
        MONO,
        "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 4.0.30319.42000)",
        TEXT_XML,
        ACTION,
        length(MONO),
        "Expect: 100-continue",
        "Connection: keep-alive",
        "Host: 127.0.0.1",
    ),
    "SOAP::Lite": headed(
        SOAP_LITE,
        "TE: deflate,gzip;q=0.3",
        "Connection: TE, close",
        "Accept: text/xml",
        "Accept: multipart/*",
        "Accept: application/soap",
        "Host: 127.0.0.1",
        "User-Agent: SOAP::Lite/Perl/1.27",
        length(SOAP_LITE),
        TEXT_XML,
        ACTION,
    ),
    "PHP without a WSDL": headed(
        PHP,
        "Host: 127.0.0.1",
        "Connection: Keep-Alive",
        "User-Agent: PHP-SOAP/8.2.36",
        "Accept-Encoding: gzip, deflate",
        TEXT_XML,
        f'SOAPAction: "{MKTOWS}#syncLead"',
        length(PHP),
    ),
    "by hand, in chunks": headed(chunks(BY_HAND), "Host: 127.0.0.1", "Transfer-Encoding: chunked"),
    "by hand, HTTP/1.0": headed(BY_HAND, "Content-Type: text/xml", length(BY_HAND), version="1.0"),
}


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    user = CREDENTIALS
    with (
        Sandbox(user_id=user.user_id, encryption_key=user.encryption_key, clock=lambda: NOW) as sandbox,
        sandbox.serve() as endpoint,
    ):
        url = urlsplit(endpoint)
        yield url.hostname or "", url.port or 0


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_request_is_answered(name: str, address: tuple[str, int]) -> None:
    head, body = RECORDED[name]
    with socket.create_connection(address, timeout=SECONDS) as connection:
        connection.sendall(head)
        if b"Expect:" in head:  # .NET holds the body back until it is asked for
            assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        answer = http.client.HTTPResponse(connection)
        with answer:
            answer.begin()
            reply = envelope.read(answer.read())
    assert answer.status == 200
    assert answer.headers.get_content_type() == "text/xml"
    assert isinstance(reply, envelope.Reply)
    assert isinstance(reply.result, SyncLeadResult)
    assert reply.result.sync_status.status == LeadSyncStatus.CREATED
    lead = reply.result.lead_record
    assert lead is not None
    assert (lead.email, lead.get("FirstName")) == ("t@t.com", "Zoé & 😀")
