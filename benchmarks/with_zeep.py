"""The same work by zeep, from the WSDL that the library derives."""

from __future__ import annotations

from tempfile import NamedTemporaryFile
from typing import Any

import requests
import zeep
from lxml import etree

from benchmarks.by_hand import signature
from benchmarks.samples import CREDENTIALS, EMAIL, TIMESTAMP
from marketo_soap.server.wsdl import wsdl


class Peer:
    """A zeep client of the service."""

    def __init__(self) -> None:
        untyped: Any = zeep.Client
        with NamedTemporaryFile(suffix=".wsdl") as file:
            file.write(wsdl("http://127.0.0.1/soap/mktows/2_2"))
            file.flush()
            self._client = untyped(file.name)
        self._binding = self._client.service._binding
        self._operation = self._binding.get("syncLead")

    def request(self, attributes: dict[str, str]) -> bytes:
        """Sign, build and serialise the seed's request with these attributes."""
        items = [{"attrName": name, "attrValue": value} for name, value in attributes.items()]
        header = {
            "mktowsUserId": CREDENTIALS.user_id,
            "requestSignature": signature(),
            "requestTimestamp": TIMESTAMP,
        }
        message = self._client.create_message(
            self._client.service,
            "syncLead",
            leadRecord={"Email": EMAIL, "leadAttributeList": {"attribute": items}},
            returnLead=False,
            _soapheaders={"authentication": header},
        )
        return etree.tostring(message, encoding="UTF-8", xml_declaration=True)

    def reply(self, data: bytes) -> object:
        """Read a reply, from what its HTTP library hands over."""
        response = requests.Response()
        response.status_code = 200
        response._content = data
        return self._binding.process_reply(self._client, self._operation, response)
