from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
import zeep
from attrs import frozen
from lxml import etree

from marketo_soap import envelope
from marketo_soap.operations import OPERATIONS, Operation
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.records.lead import Attribute, ForeignSysType, LeadRecord, LeadSyncStatus, SyncStatus
from marketo_soap.server.wsdl import schema, wsdl
from marketo_soap.signature import AuthenticationHeader
from marketo_soap.wire.codec import El
from marketo_soap.wire.xml import MKTOWS, Element

ADDRESS = "http://127.0.0.1:8080/soap/mktows/2_2?a=1&b=2"
HEADER = AuthenticationHeader("user_1", "0" * 40, "2013-07-31T12:38:47-07:00")
LEAD = LeadRecord(
    id=7,
    email="t@t.com",
    foreign_sys_person_id="003x",
    foreign_sys_type=ForeignSysType.SFDC,
    attributes=[
        Attribute("FirstName", "Zoë & <George>", "string"),
        Attribute("Empty", ""),
        Attribute("Score", Decimal("1.50")),
    ],
)
COOKIE = "id:100-AEK-913&token:_mch-example.com-1372890712966-47583"

FIXTURES = Path(__file__).parents[1] / "fixtures"
OFF_THE_CONTRACT = {"unknown-status.response.xml", "getLeadActivity.request.xml", "getLeadChanges.request.xml"}

REQUESTS = {
    "every key, a workspace": envelope.request(SyncLead(LEAD, True, COOKIE), HEADER, context="Default"),
    "an Email alone": envelope.request(SyncLead(LeadRecord(email="t@t.com")), HEADER),
    "a cookie alone, pretty": envelope.request(SyncLead(LeadRecord(), marketo_cookie=COOKIE), HEADER, pretty=True),
}
REPLIES = {
    "nil error, nil lead": envelope.write_reply(SyncLead, SyncLeadResult(1, SyncStatus(1, LeadSyncStatus.UPDATED))),
    "a failure": envelope.write_reply(
        SyncLead, SyncLeadResult(1, SyncStatus(1, LeadSyncStatus.FAILED, "no")), pretty=True
    ),
    "a lead": envelope.write_reply(SyncLead, SyncLeadResult(7, SyncStatus(7, LeadSyncStatus.CREATED), LEAD)),
    "a lead of nothing": envelope.write_reply(
        SyncLead, SyncLeadResult(7, SyncStatus(7, LeadSyncStatus.CREATED), LeadRecord())
    ),
}


def compiled() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(schema()))


def blocks(message: bytes) -> list[Element]:
    """The header blocks and the one child of the body: what the schema declares."""
    return [block for part in etree.fromstring(message) for block in part]


@pytest.mark.parametrize("message", [*REQUESTS.values(), *REPLIES.values()], ids=[*REQUESTS, *REPLIES])
def test_what_the_library_writes_is_valid(message: bytes) -> None:
    found = blocks(message)
    assert found
    for block in found:
        compiled().assertValid(block)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/*.re*.xml")), ids=lambda path: path.name)
def test_the_fixtures_are_valid(path: Path) -> None:
    valid = all(compiled().validate(block) for block in blocks(path.read_bytes()))
    assert valid is (path.name not in OFF_THE_CONTRACT)


def rename(path: str, name: str) -> Callable[[Element], None]:
    def change(root: Element) -> None:
        found = root.find(path)
        assert found is not None
        found.tag = name

    return change


def remove(path: str) -> Callable[[Element], None]:
    def change(root: Element) -> None:
        found = root.find(path)
        assert found is not None
        parent = found.getparent()
        assert parent is not None
        parent.remove(found)

    return change


def put_last(path: str) -> Callable[[Element], None]:
    def change(root: Element) -> None:
        found = root.find(path)
        assert found is not None
        parent = found.getparent()
        assert parent is not None
        parent.append(found)

    return change


def give(path: str, text: str) -> Callable[[Element], None]:
    def change(root: Element) -> None:
        found = root.find(path)
        assert found is not None
        found.text = text

    return change


@pytest.mark.parametrize(
    ("message", "change"),
    [
        pytest.param(REQUESTS["every key, a workspace"], change, id=f"request {name}")
        for name, change in {
            "renamed Email": rename(".//Email", "email"),
            "qualified Email": rename(".//Email", f"{{{MKTOWS}}}Email"),
            "unqualified params": rename(f".//{{{MKTOWS}}}paramsSyncLead", "paramsSyncLead"),
            "reordered Id": put_last(".//Id"),
            "reordered attrName": put_last(".//attrName"),
            "cookie before returnLead": put_last(".//returnLead"),
            "without leadRecord": remove(".//leadRecord"),
            "without returnLead": remove(".//returnLead"),
            "without attrValue": remove(".//attrValue"),
            "without requestSignature": remove(".//requestSignature"),
            "without targetWorkspace": remove(".//targetWorkspace"),
            "unknown ForeignSysType": give(".//ForeignSysType", "sfdc"),
            "returnLead that is no boolean": give(".//returnLead", "True"),
            "Id beyond 32 bits": give(".//Id", "2147483648"),
        }.items()
    ]
    + [
        pytest.param(REPLIES["a lead"], change, id=f"reply {name}")
        for name, change in {
            "renamed leadId": rename(".//result/leadId", "LeadId"),
            "reordered leadId": put_last(".//result/leadId"),
            "without result": remove(".//result"),
            "without status": remove(".//status"),
            "unknown status": give(".//status", "SKIPPED"),
        }.items()
    ],
)
def test_what_is_changed_is_not_valid(message: bytes, change: Callable[[Element], None]) -> None:
    root = etree.fromstring(message)
    change(root)
    assert not all(compiled().validate(block) for part in root for block in part)


def test_names_style_and_address() -> None:
    names = {"w": "http://schemas.xmlsoap.org/wsdl/", "s": "http://schemas.xmlsoap.org/wsdl/soap/"}
    root = etree.fromstring(wsdl(ADDRESS))

    def values(path: str) -> Any:
        return root.xpath(path, namespaces=names)

    assert values("w:service/@name") == ["MktMktowsApiService"]
    assert values("w:service/w:port/@name") == ["MktowsApiSoapPort"]
    assert values("w:service/w:port/s:address/@location") == [ADDRESS]
    assert values("w:binding/@name") == ["MktowsApiSoapBinding"]
    assert values("w:portType/@name") == ["MktowsPort"]
    assert values("w:portType/w:operation/@name") == sorted(OPERATIONS)
    actions = values("w:binding/w:operation/s:operation/@soapAction")
    assert actions == [MKTOWS + name for name in sorted(OPERATIONS)]
    assert set(values("w:binding/*/@style | w:binding/w:operation/*/@style")) == {"document"}
    assert set(values("w:binding//@use")) == {"literal"}
    assert values("w:binding/w:operation[@name='syncLead']/w:input/s:header/@part") == [
        "authentication",
        "mktowsContext",
    ]
    parts = values("w:message[@name='paramsSyncLead']/w:part")
    assert [(part.get("name"), part.get("element")) for part in parts] == [
        ("paramsSyncLead", "tns:paramsSyncLead"),
        ("authentication", "tns:AuthenticationHeader"),
        ("mktowsContext", "tns:MktowsContextHeader"),
    ]


def test_the_same_declarations_make_the_same_bytes() -> None:
    assert wsdl(ADDRESS) == wsdl(ADDRESS)
    assert schema() == schema()
    inner = etree.fromstring(wsdl(ADDRESS)).find(".//{http://www.w3.org/2001/XMLSchema}schema")
    assert inner is not None
    assert etree.tostring(inner, method="c14n", exclusive=True, with_tail=False).split() == (
        etree.tostring(etree.fromstring(schema()), method="c14n", exclusive=True).split()
    )


@frozen
class Page:
    lead: Annotated[LeadRecord, El("lead")]
    key_list: Annotated[tuple[Attribute, ...], El("keyList", item="attribute")]
    note: Annotated[str | None, El("note", nillable=True)]


def test_an_operation_of_another_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    @frozen
    class GetPage(Operation[Page]):
        reply_child: ClassVar[str] = "leadPage"
        number: Annotated[int | None, El("number")] = None

    monkeypatch.setattr("marketo_soap.server.wsdl.OPERATIONS", {"getPage": GetPage})
    names = {"x": "http://www.w3.org/2001/XMLSchema"}
    root = etree.fromstring(schema())

    def declared(type_name: str) -> list[dict[Any, Any]]:
        path = f"x:complexType[@name='{type_name}']/x:sequence/x:element"
        return [dict(element.attrib) for element in root.findall(path, names)]

    assert declared("ParamsGetPage") == [{"name": "number", "type": "xs:int", "minOccurs": "0"}]
    assert declared("SuccessGetPage") == [{"name": "leadPage", "type": "tns:LeadPage"}]
    assert declared("LeadPage") == [
        {"name": "lead", "type": "tns:LeadRecord"},
        {"name": "keyList", "type": "tns:ArrayOfAttribute"},
        {"name": "note", "type": "xs:string", "nillable": "true"},
    ]
    operation = etree.fromstring(wsdl(ADDRESS)).find(
        ".//w:binding/w:operation/w:input", {"w": "http://schemas.xmlsoap.org/wsdl/"}
    )
    assert operation is not None
    assert [header.get("part") for header in operation] == [None, "authentication"]


@pytest.fixture
def client(tmp_path: Path) -> Any:
    path = tmp_path / "marketo.wsdl"
    path.write_bytes(wsdl(ADDRESS))
    untyped: Any = zeep.Client
    return untyped(str(path))


def test_zeep_sends_what_the_server_reads(client: Any) -> None:
    assert client.service._binding_options["address"] == ADDRESS
    message = client.create_message(
        client.service,
        "syncLead",
        leadRecord={
            "Id": 7,
            "Email": "t@t.com",
            "ForeignSysPersonId": "003x",
            "ForeignSysType": "SFDC",
            "leadAttributeList": {
                "attribute": [
                    {"attrName": "FirstName", "attrType": "string", "attrValue": "Zoë & <George>"},
                    {"attrName": "Empty", "attrValue": ""},
                    {"attrName": "Score", "attrValue": "1.50"},
                ]
            },
        },
        returnLead=True,
        marketoCookie=COOKIE,
        _soapheaders={
            "authentication": {
                "mktowsUserId": HEADER.mktows_user_id,
                "requestSignature": HEADER.request_signature,
                "requestTimestamp": HEADER.request_timestamp,
            },
            "mktowsContext": {"targetWorkspace": "Default"},
        },
    )
    request = envelope.read_request(etree.tostring(message))
    assert request.operation == SyncLead(LEAD, True, COOKIE)
    assert request.header == HEADER
    assert request.context is not None
    assert request.context.target_workspace == "Default"


def test_zeep_reads_what_the_server_writes(client: Any) -> None:
    operation = client.service._binding.get("syncLead")
    result = operation.process_reply(etree.fromstring(REPLIES["a lead"]))
    assert (result.leadId, result.syncStatus.status, result.syncStatus.error) == (7, "CREATED", None)
    assert result.leadRecord.ForeignSysType == "SFDC"
    assert [attribute.attrValue for attribute in result.leadRecord.leadAttributeList.attribute] == [
        "Zoë & <George>",
        None,  # zeep reads an empty element so
        "1.50",
    ]
