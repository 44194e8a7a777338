"""The same work by other libraries. Those that are not installed are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from lxml import etree

from benchmarks.by_hand import MKTOWS, SOAP_ENV, signature
from benchmarks.samples import CREDENTIALS, EMAIL, TIMESTAMP
from marketo_soap.server.wsdl import wsdl

ENV, SERVICE = SOAP_ENV[1:-1], MKTOWS[1:-1]


class Peer(Protocol):
    """A library that builds and reads messages."""

    def request(self, attributes: dict[str, str]) -> bytes:
        """Sign, build and serialise the seed's request with these attributes."""

    def reply(self, data: bytes) -> object:
        """Read a reply."""


def _with_wsdl(load: Callable[[Path], Any]) -> Any:
    with TemporaryDirectory() as folder:
        path = Path(folder, "service.wsdl")
        path.write_bytes(wsdl("http://127.0.0.1/soap/mktows/2_2"))
        return load(path)


class Zeep:
    """A client that zeep makes of the WSDL."""

    def __init__(self) -> None:
        import requests
        import zeep

        untyped: Any = zeep.Client
        self._response: Any = requests.Response
        self._client = _with_wsdl(lambda path: untyped(str(path)))
        self._binding = self._client.service._binding
        self._operation = self._binding.get("syncLead")

    def request(self, attributes: dict[str, str]) -> bytes:
        """Sign, build and serialise the seed's request with these attributes."""
        message = self._client.create_message(
            self._client.service,
            "syncLead",
            leadRecord={"Email": EMAIL, "leadAttributeList": {"attribute": _items(attributes)}},
            returnLead=False,
            _soapheaders={"authentication": _header()},
        )
        return etree.tostring(message, encoding="UTF-8", xml_declaration=True)

    def reply(self, data: bytes) -> object:
        """Read a reply, from what its HTTP library hands over."""
        response = self._response()
        response.status_code = 200
        response._content = data
        return self._binding.process_reply(self._client, self._operation, response)


class Suds:
    """A client that suds makes of the WSDL."""

    def __init__(self) -> None:
        from suds.client import Client  # type: ignore[import-not-found, unused-ignore]

        self._client: Any = _with_wsdl(lambda path: Client(path.as_uri(), cache=None, nosend=True))

    def _context(self, attributes: dict[str, str]) -> Any:
        lead = {"Email": EMAIL, "leadAttributeList": {"attribute": _items(attributes)}}
        self._client.set_options(soapheaders=[_header()])
        return self._client.service.syncLead(lead, False)

    def request(self, attributes: dict[str, str]) -> bytes:
        """Sign, build and serialise the seed's request with these attributes."""
        return bytes(self._context(attributes).envelope)

    def reply(self, data: bytes) -> object:
        """Read a reply; suds needs the context of a request for that."""
        return self._context({}).process_reply(data)


class PydanticXml:
    """Models of pydantic-xml, written by hand."""

    def __init__(self) -> None:
        from pydantic_xml import BaseXmlModel, element, wrapped  # type: ignore[import-not-found, unused-ignore]

        base: Any = BaseXmlModel
        names = {"SOAP-ENV": ENV, "ns1": SERVICE}

        def model(name: str, tag: str, fields: dict[str, tuple[Any, Any]], ns: str | None = None) -> Any:
            body = {"__annotations__": {key: kind for key, (kind, _) in fields.items()}, "__module__": __name__}
            values = {key: value for key, (_, value) in fields.items()}
            return type(base)(name, (base,), body | values, tag=tag, ns=ns, nsmap=names)

        optional: Any = str | None
        self._attribute = model(
            "Attribute",
            "attribute",
            {
                "name": (str, element("attrName")),
                "type": (optional, element("attrType", default=None)),
                "value": (str, element("attrValue")),
            },
        )
        items: Any = list[self._attribute]
        self._lead = model(
            "Lead",
            "leadRecord",
            {
                "id": (int | None, element("Id", default=None)),
                "email": (str, element("Email")),
                "attributes": (items, wrapped("leadAttributeList", element("attribute", default=[]))),
            },
        )
        self._params = model(
            "Params",
            "paramsSyncLead",
            {"lead": (self._lead, element("leadRecord")), "returned": (bool, element("returnLead"))},
            "ns1",
        )
        self._header = model("Authentication", "AuthenticationHeader", {k: (str, element(k)) for k in _header()}, "ns1")
        self._request = model(
            "Request",
            "Envelope",
            {
                "header": (self._header, wrapped("Header", self_element(element, "AuthenticationHeader"), ns="SOAP-ENV")),
                "params": (self._params, wrapped("Body", self_element(element, "paramsSyncLead"), ns="SOAP-ENV")),
            },
            "SOAP-ENV",
        )
        status = model("Status", "syncStatus", {"lead_id": (int, element("leadId")), "status": (str, element())})
        result = model(
            "Result",
            "result",
            {
                "lead_id": (int, element("leadId")),
                "status": (status, element("syncStatus")),
                "lead": (self._lead | None, element("leadRecord", default=None)),
            },
        )
        success = model("Success", "successSyncLead", {"result": (result, element("result"))}, "ns1")
        self._reply = model(
            "Reply",
            "Envelope",
            {"body": (success, wrapped("Body", self_element(element, "successSyncLead"), ns="SOAP-ENV"))},
            "SOAP-ENV",
        )

    def request(self, attributes: dict[str, str]) -> bytes:
        """Sign, build and serialise the seed's request with these attributes."""
        items = [self._attribute(name=name, value=value) for name, value in attributes.items()]
        params = self._params(lead=self._lead(email=EMAIL, attributes=items), returned=False)
        envelope = self._request(header=self._header(**_header()), params=params)
        return bytes(envelope.to_xml(encoding="UTF-8", exclude_none=True))

    def reply(self, data: bytes) -> object:
        """Read a reply."""
        return self._reply.from_xml(data)


def self_element(element: Any, tag: str) -> Any:
    """Return the element *tag* in the namespace of the service."""
    return element(tag, ns="ns1")
