"""The same work by suds, from the WSDL that the library derives."""

# mypy: disable-error-code="import-not-found, import-untyped, unused-ignore"
from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from suds.client import Client  # pyright: ignore[reportMissingImports]

from benchmarks.by_hand import signature
from benchmarks.samples import CREDENTIALS, EMAIL, TIMESTAMP
from marketo_soap.server.wsdl import wsdl


class Peer:
    """The work by suds."""

    def __init__(self) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder, "service.wsdl")
            path.write_bytes(wsdl("http://127.0.0.1/soap/mktows/2_2"))
            self._client: Any = Client(path.as_uri(), cache=None, nosend=True)
        self._context = self._call({})

    def _call(self, attributes: dict[str, str]) -> Any:
        items = [{"attrName": name, "attrValue": value} for name, value in attributes.items()]
        header = {
            "mktowsUserId": CREDENTIALS.user_id,
            "requestSignature": signature(),
            "requestTimestamp": TIMESTAMP,
        }
        self._client.set_options(soapheaders={"AuthenticationHeader": header})
        return self._client.service.syncLead({"Email": EMAIL, "leadAttributeList": {"attribute": items}}, False)

    def request(self, attributes: dict[str, str]) -> bytes:
        """Sign, build and serialise the seed's request with these attributes."""
        return bytes(self._call(attributes).envelope)

    def reply(self, data: bytes) -> object:
        """Read a reply."""
        return self._context.process_reply(data)
