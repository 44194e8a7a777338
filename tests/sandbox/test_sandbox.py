"""The embedded Marketo: who may call, what is done with a lead, and that it stays done."""

from __future__ import annotations

import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from marketo_soap import (
    AsyncClient,
    Attribute,
    AuthenticationHeader,
    BadRequestFault,
    Client,
    Credentials,
    Fault,
    LeadRecord,
    LeadSyncStatus,
    NotFoundFault,
    Sandbox,
    SyncLead,
    envelope,
    signature,
)
from marketo_soap.sandbox.settings import Settings
from marketo_soap.server.http import MAX_BYTES
from tests.support import COOKIE, CREDENTIALS, MKTOWS, NOW, SOAP, Either, enveloped, fixture, signed

CREATED, UPDATED, _ = LeadSyncStatus
BY_EMAIL = SyncLead(LeadRecord(email="t@t.com", attributes={"FirstName": "George"}))


def fault_code(sandbox: Sandbox, data: bytes) -> int | None:
    answer = sandbox.respond(data)
    fault = envelope.read(answer.body)
    assert answer.status == 500
    assert isinstance(fault, Fault)
    assert b"xmlns:xsi" not in answer.body
    return fault.code


# -- who may call -------------------------------------------------------------------------------------


def test_a_signed_call_is_answered(sandbox: Sandbox) -> None:
    answer = sandbox.respond(signed(BY_EMAIL, CREDENTIALS, NOW))
    assert answer.status == 200
    assert envelope.reply(SyncLead, answer.body).sync_status.status == CREATED


@pytest.mark.parametrize("offset", [-901, 901, -86_400, 86_400])
def test_an_old_or_future_timestamp_is_20016(sandbox: Sandbox, offset: int) -> None:
    assert fault_code(sandbox, signed(BY_EMAIL, CREDENTIALS, NOW + timedelta(seconds=offset))) == 20016
    assert sandbox.leads() == []


@pytest.mark.parametrize("offset", [-900, 0, 900])
def test_the_window_is_open_on_both_sides(sandbox: Sandbox, offset: int) -> None:
    assert sandbox.respond(signed(BY_EMAIL, CREDENTIALS, NOW + timedelta(seconds=offset))).status == 200


def test_the_window_can_be_set() -> None:
    user = CREDENTIALS
    settings = Settings(timestamp_window=10)
    with Sandbox(
        user_id=user.user_id, encryption_key=user.encryption_key, clock=lambda: NOW, settings=settings
    ) as sandbox:
        assert fault_code(sandbox, signed(BY_EMAIL, user, NOW - timedelta(seconds=11))) == 20016


@pytest.mark.parametrize(
    "text",
    [
        "2013-08-05T16:34:19-07:00",
        "2013-08-05T23:34:19Z",
        "2013-08-05T23:34:19.123Z",
        "2013-08-05T23:34:19.123456",
        "2013-08-05 16:34:19 -0700",
        " 2013-08-05T23:34:19Z ",
    ],
)
def test_timestamps_of_other_clients_are_read(sandbox: Sandbox, text: str) -> None:
    data = envelope.request(BY_EMAIL, signature.sign(CREDENTIALS, text))
    assert sandbox.respond(data).status == 200


@pytest.mark.parametrize("text", ["", "yesterday", "1375745659", "2013-13-45T99:99:99Z"])
def test_a_timestamp_that_is_no_time_is_20014(sandbox: Sandbox, text: str) -> None:
    assert fault_code(sandbox, envelope.request(BY_EMAIL, signature.sign(CREDENTIALS, text))) == 20014


def test_a_wrong_signature_is_20014(sandbox: Sandbox) -> None:
    wrong_key = Credentials(CREDENTIALS.user_id, "wrong")
    wrong_user = Credentials("wrong", CREDENTIALS.encryption_key)
    assert fault_code(sandbox, signed(BY_EMAIL, wrong_key, NOW)) == 20014
    assert fault_code(sandbox, signed(BY_EMAIL, wrong_user, NOW)) == 20014
    assert fault_code(sandbox, envelope.request(BY_EMAIL, None)) == 20014
    incomplete = enveloped("<m:paramsSyncLead/>", "<m:AuthenticationHeader/>")
    assert fault_code(sandbox, incomplete) == 20014
    moved = AuthenticationHeader(
        *_fields(signature.sign(CREDENTIALS, signature.timestamp(NOW)))[:2], "2013-08-05T23:34:20+00:00"
    )
    assert fault_code(sandbox, envelope.request(BY_EMAIL, moved)) == 20014
    assert sandbox.leads() == []


def _fields(header: AuthenticationHeader) -> tuple[str, str, str]:
    return header.mktows_user_id, header.request_signature, header.request_timestamp


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", 20012),
        (b"not XML", 20012),
        (b"<html/>", 20012),
        (b"<!DOCTYPE a><a/>", 20012),
        (f'<e:Envelope xmlns:e="{SOAP}"/>'.encode(), 20012),
        (enveloped(""), 20012),
        (enveloped("<m:paramsSyncLead/><m:paramsSyncLead/>"), 20012),
        (enveloped("<m:paramsFly/>"), 20019),
        (enveloped("<paramsSyncLead/>"), 20019),
        (fixture("sync_lead/seed.response.xml"), 20019),
        (fixture("faults/20014.xml"), 20019),
        (fixture("sync_lead/seed.request.xml"), 20014),
    ],
)
def test_what_is_no_call_is_a_fault(sandbox: Sandbox, data: bytes, code: int) -> None:
    assert fault_code(sandbox, data) == code


def raw(params: str) -> bytes:
    header = signature.sign(CREDENTIALS, signature.timestamp(NOW))
    signed_header = envelope.request(BY_EMAIL, header).split(b"<SOAP-ENV:Header>")[1].split(b"</SOAP-ENV:Header>")[0]
    inside = f"<m:paramsSyncLead>{params}</m:paramsSyncLead>"
    return enveloped(inside, signed_header.decode().replace("ns1:", "m:"))


LAST = "<returnLead>false</returnLead>"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (LAST, 20104),
        (f"<leadRecord xsi:nil='true'/>{LAST}", 20104),
        (f"<leadRecord/>{LAST}", 20101),
        (f"<leadRecord><Email/></leadRecord>{LAST}", 20101),
        (f"<leadRecord><Email> </Email></leadRecord><marketoCookie/>{LAST}", 20101),
        (f"<leadRecord><email>a@b.c</email></leadRecord>{LAST}", 20101),
        (f"<leadRecord><ForeignSysPersonId>x</ForeignSysPersonId></leadRecord>{LAST}", 20109),
        (f"<leadRecord><Email>a@b.c</Email><ForeignSysType>SAP</ForeignSysType></leadRecord>{LAST}", 20110),
        (
            "<leadRecord><ForeignSysPersonId>x</ForeignSysPersonId><ForeignSysType>SAP</ForeignSysType>"
            f"</leadRecord>{LAST}",
            20110,
        ),
        (f"<leadRecord><Id>seven</Id></leadRecord>{LAST}", 20110),
        (f"<leadRecord><Id>-7</Id></leadRecord>{LAST}", 20110),
        (f"<leadRecord><Id>7</Id></leadRecord>{LAST}", 20103),
        (f"<leadRecord><Email>a<b/></Email></leadRecord>{LAST}", 20110),
        ("<leadRecord><Email>a@b.c</Email></leadRecord><returnLead>maybe</returnLead>", 20110),
        (
            "<leadRecord><Email>a@b.c</Email><leadAttributeList><attribute><attrName/><attrValue>x</attrValue>"
            f"</attribute></leadAttributeList></leadRecord>{LAST}",
            20109,
        ),
        (
            "<leadRecord><Email>a@b.c</Email><leadAttributeList><attribute><attrName>A</attrName></attribute>"
            f"</leadAttributeList></leadRecord>{LAST}",
            20017,
        ),
    ],
)
def test_a_wrong_call_is_a_fault_and_writes_nothing(sandbox: Sandbox, params: str, code: int) -> None:
    assert fault_code(sandbox, raw(params)) == code
    assert sandbox.leads() == []


def test_a_fault_has_the_real_servers_shape(sandbox: Sandbox) -> None:
    root = etree.fromstring(sandbox.respond(raw(f"<leadRecord><Id>7</Id></leadRecord>{LAST}")).body)
    assert root.nsmap == {"SOAP-ENV": SOAP}
    (fault,) = root.iter(f"{{{SOAP}}}Fault")
    assert [child.tag for child in fault] == ["faultcode", "faultstring", "detail"]
    assert (fault[0].text, fault[1].text) == ("SOAP-ENV:Client", "20103 - Lead not found")
    (exception,) = fault[2]
    assert (exception.tag, exception.prefix) == (f"{{{MKTOWS}}}serviceException", "ns1")
    assert {child.tag: child.text for child in exception} == {
        "name": "mktServiceException",
        "message": "No lead found with IDNUM = 7 (20103)",
        "code": "20103",
    }


def test_a_bug_is_still_a_fault(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.close()
    assert fault_code(sandbox, signed(BY_EMAIL, CREDENTIALS, NOW)) == 10001
    assert ("marketo_soap.service", "the backend failed") in [(each.name, each.message) for each in caplog.records]


# -- what is done with a lead -------------------------------------------------------------------------

FOREIGN: Any = {"foreign_sys_person_id": "00Q1", "foreign_sys_type": "SFDC"}


def test_a_lead_is_created_then_updated_by_its_email(client: Client) -> None:
    created = client.sync_lead(LeadRecord(email="T@t.com", attributes={"FirstName": "George", "City": "Rome"}))
    assert created.sync_status.status == CREATED
    assert created.lead_record is None
    updated = client.sync_lead(
        LeadRecord(email=" t@T.com ", attributes={"FirstName": "Ursula", "City": "", "LeadScore": 7}),
        return_lead=True,
    )
    assert (updated.lead_id, updated.sync_status.status) == (created.lead_id, UPDATED)
    assert updated.lead_record == LeadRecord(
        id=created.lead_id,
        email="t@T.com",
        attributes=[Attribute("FirstName", "Ursula", "string"), Attribute("LeadScore", "7", "integer")],
    )


def test_of_repeated_attributes_the_last_counts(client: Client) -> None:
    twice = [Attribute("FirstName", "a"), Attribute("FirstName", "b")]
    result = client.sync_lead(LeadRecord(email="t@t.com", attributes=twice), return_lead=True)
    assert result.lead_record is not None
    assert result.lead_record.get("FirstName") == "b"


def test_id_outranks_every_key_and_rewrites_the_others(client: Client, sandbox: Sandbox) -> None:
    first = client.sync_lead(LeadRecord(email="a@t.com", **FOREIGN))
    second = client.sync_lead(LeadRecord(email="b@t.com"))
    result = client.sync_lead(LeadRecord(id=second.lead_id, email="a@t.com", **FOREIGN), return_lead=True)
    assert result.lead_id == second.lead_id
    assert result.lead_record == LeadRecord(id=second.lead_id, email="a@t.com", **FOREIGN)
    assert sandbox.leads()[0] == LeadRecord(id=first.lead_id, email="a@t.com")


def test_a_foreign_id_outranks_email_and_rewrites_it(client: Client) -> None:
    first = client.sync_lead(LeadRecord(email="a@t.com", **FOREIGN))
    client.sync_lead(LeadRecord(email="b@t.com"))
    result = client.sync_lead(LeadRecord(email="b@t.com", **FOREIGN), return_lead=True)
    assert (result.lead_id, result.sync_status.status) == (first.lead_id, UPDATED)
    assert result.lead_record is not None
    assert result.lead_record.email == "b@t.com"


def test_an_unknown_foreign_id_makes_a_lead_though_the_email_is_known(client: Client) -> None:
    first = client.sync_lead(LeadRecord(email="a@t.com"))
    second = client.sync_lead(LeadRecord(email="a@t.com", **FOREIGN))
    assert second.sync_status.status == CREATED
    assert second.lead_id != first.lead_id
    assert client.sync_lead(LeadRecord(email="a@t.com")).lead_id == second.lead_id  # the most recent of the two


def test_a_foreign_id_belongs_to_its_system(client: Client) -> None:
    sfdc = client.sync_lead(LeadRecord(**FOREIGN))
    custom = client.sync_lead(LeadRecord(foreign_sys_person_id="00Q1", foreign_sys_type="CUSTOM"))
    assert sfdc.lead_id != custom.lead_id
    assert client.sync_lead(LeadRecord(**FOREIGN)).sync_status.status == UPDATED


def test_a_cookie_matches_before_the_email_and_is_tied_to_the_lead(client: Client) -> None:
    anonymous = client.sync_lead(LeadRecord(), marketo_cookie=COOKIE)
    assert anonymous.sync_status.status == CREATED
    known = client.sync_lead(LeadRecord(email="a@t.com"), marketo_cookie=COOKIE, return_lead=True)
    assert (known.lead_id, known.sync_status.status) == (anonymous.lead_id, UPDATED)
    assert known.lead_record is not None
    assert known.lead_record.email == "a@t.com"
    other = client.sync_lead(LeadRecord(**FOREIGN), marketo_cookie=COOKIE)
    assert other.lead_id != known.lead_id
    assert client.sync_lead(LeadRecord(), marketo_cookie=COOKIE).lead_id == other.lead_id


def test_an_unknown_id_is_20103_and_makes_no_lead(client: Client, sandbox: Sandbox) -> None:
    with pytest.raises(NotFoundFault) as caught:
        client.sync_lead(LeadRecord(id=7, email="a@t.com"))
    assert (caught.value.code, caught.value.operation) == (20103, "syncLead")
    assert sandbox.leads() == []


def test_a_refused_call_changes_nothing(client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "1"}, **FOREIGN))
    before = sandbox.leads()

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("marketo_soap.sandbox.store.leads.Leads.tie_cookie", fail)
    with pytest.raises(Fault) as caught:
        client.sync_lead(LeadRecord(email="b@t.com", attributes={"City": "2"}, **FOREIGN), marketo_cookie=COOKIE)
    assert caught.value.code == 10001
    assert sandbox.leads() == before


# -- over HTTP ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (signed(BY_EMAIL, CREDENTIALS, NOW), None),
        (signed(BY_EMAIL, Credentials(CREDENTIALS.user_id, "wrong"), NOW), 20014),
        (signed(BY_EMAIL, CREDENTIALS, NOW).replace(b"requestSignature", b"requestsignature"), 20014),
        (b"<a/>", 20012),
    ],
    ids=["signed", "by another key", "without a signature", "no envelope"],
)
def test_unsigned_requests_are_parsed_in_threads_that_are_replaced(
    sandbox: Sandbox, request_bytes: bytes, code: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libxml2 keeps all names that a thread has parsed."""
    threads: list[str] = []

    def parse(data: bytes) -> Any:
        threads.append(threading.current_thread().name)
        return open_request(data)

    open_request = envelope.open_request
    monkeypatch.setattr(envelope, "open_request", parse)
    with sandbox.serve() as url, httpx.Client(trust_env=False) as http:
        reply = envelope.read(http.post(url, content=request_bytes, headers={"Content-Type": "text/xml"}).content)
    assert getattr(reply, "code", None) == code
    assert {name.startswith("marketo-reader") for name in threads} == {code is not None}


def test_the_socket_speaks_http(sandbox: Sandbox) -> None:
    with sandbox.serve() as url, httpx.Client(trust_env=False) as http:
        good = http.post(url, content=signed(BY_EMAIL, CREDENTIALS, NOW))
        assert (good.status_code, good.headers["content-type"]) == (200, "text/xml; charset=UTF-8")
        bad = http.post(url, content=b"nonsense", headers={"SOAPAction": '"what"', "Content-Type": "text/xml"})
        assert (bad.status_code, bad.headers["content-type"]) == (500, "text/xml; charset=UTF-8")
        hello = http.get(url)
        assert (hello.status_code, "sandbox" in hello.text) == (200, True)
        assert http.head(url).status_code == 200
        refused = http.put(url, content=b"x")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")
        assert http.post(url, content=b"x" * (MAX_BYTES + 1)).status_code == 413
        assert http.post(url, content=signed(BY_EMAIL, CREDENTIALS, NOW)).status_code == 200


def test_the_transport_speaks_http_too(sandbox: Sandbox) -> None:
    with httpx.Client(transport=sandbox.transport()) as http:
        to_the_page = http.get("https://sandbox.invalid/")
        assert (to_the_page.status_code, to_the_page.headers["location"]) == (307, "/_sandbox/")
        assert http.get("https://sandbox.invalid/?wsdl").headers["content-type"] == "text/xml; charset=UTF-8"
        assert http.get("https://sandbox.invalid/soap").status_code == 200
        assert http.delete("https://sandbox.invalid/").status_code == 405
        assert http.post("https://sandbox.invalid/", content=b"x" * (MAX_BYTES + 1)).status_code == 413


def test_every_fault_of_the_sandbox_is_the_clients_class(sandbox: Sandbox) -> None:
    with (
        Client(transport=sandbox.transport(), clock=lambda: NOW) as client,
        pytest.raises(BadRequestFault) as caught,
    ):
        client.call(_Keyless())
    assert caught.value.code == 20101


class _Keyless(SyncLead):
    """A call that breaks the client's own rule, as another client would send it."""

    def __init__(self) -> None:
        for name, value in {
            "lead_record": LeadRecord(),
            "return_lead": False,
            "marketo_cookie": None,
        }.items():
            object.__setattr__(self, name, value)


# -- that it stays done -------------------------------------------------------------------------------


def test_a_file_keeps_the_leads(tmp_path: Path) -> None:
    path = tmp_path / "leads.db"
    with Sandbox(path) as sandbox, Client(transport=sandbox.transport()) as client:
        lead_id = client.sync_lead(LeadRecord(email="t@t.com", attributes={"City": "é😀"})).lead_id
        kept = sandbox.leads()
    with Sandbox(path) as again, Client(transport=again.transport()) as client:
        assert again.leads() == kept
        assert client.sync_lead(LeadRecord(email="t@t.com")).lead_id == lead_id


# -- used wrongly -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_call_to_a_closed_sandbox_fails_at_once(
    kind: type[Client | AsyncClient], caplog: pytest.LogCaptureFixture
) -> None:
    with Sandbox() as sandbox:
        transport = sandbox.transport()
    with Either(kind, transport=transport) as client:
        with pytest.raises(RuntimeError, match="the sandbox is closed"):
            client.sync_lead(LeadRecord(email="t@t.com"))
        assert client.client.stats.attempts == 1
    assert caplog.records == []


def test_serving_without_the_server_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("marketo_soap.sandbox.server", "marketo_soap.web.server"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    needed = r"Sandbox\.serve needs uvicorn: pip install 'marketo_soap\[server\]'"
    with Sandbox() as sandbox, pytest.raises(ModuleNotFoundError, match=needed), sandbox.serve():
        pass
