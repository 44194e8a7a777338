"""The same work by xsdata, with classes written by hand."""

# mypy: disable-error-code="import-not-found, unused-ignore"
from __future__ import annotations

from dataclasses import dataclass, field

from xsdata.formats.dataclass.parsers import XmlParser  # pyright: ignore[reportMissingImports]
from xsdata.formats.dataclass.serializers import XmlSerializer  # pyright: ignore[reportMissingImports]

from benchmarks.by_hand import NAMES, signature
from benchmarks.samples import CREDENTIALS, EMAIL, TIMESTAMP

ENV = {"type": "Element", "namespace": NAMES["SOAP-ENV"]}
SERVICE = {"type": "Element", "namespace": NAMES["ns1"]}


def _element(name: str) -> dict[str, object]:
    return {"type": "Element", "name": name, "namespace": ""}


@dataclass
class Attribute:
    """An attribute of a lead."""

    name: str = field(default="", metadata=_element("attrName"))
    type: str | None = field(default=None, metadata=_element("attrType"))
    value: str = field(default="", metadata=_element("attrValue"))


@dataclass
class Attributes:
    """The attributes of a lead."""

    attribute: list[Attribute] = field(default_factory=list, metadata=_element("attribute"))


@dataclass
class Lead:
    """A lead."""

    id: int | None = field(default=None, metadata=_element("Id"))
    email: str | None = field(default=None, metadata=_element("Email"))
    foreign_id: str | None = field(default=None, metadata=_element("ForeignSysPersonId"))
    foreign_type: str | None = field(default=None, metadata=_element("ForeignSysType"))
    attributes: Attributes | None = field(default=None, metadata=_element("leadAttributeList"))


@dataclass
class Params:
    """The parameters of syncLead."""

    lead: Lead | None = field(default=None, metadata=_element("leadRecord"))
    return_lead: bool = field(default=False, metadata=_element("returnLead"))


@dataclass
class Authentication:
    """The authentication header."""

    user_id: str = field(default="", metadata=_element("mktowsUserId"))
    signature: str = field(default="", metadata=_element("requestSignature"))
    timestamp: str = field(default="", metadata=_element("requestTimestamp"))


@dataclass
class Status:
    """The outcome for a lead."""

    lead_id: int | None = field(default=None, metadata=_element("leadId"))
    status: str | None = field(default=None, metadata=_element("status"))
    error: str | None = field(default=None, metadata=_element("error"))


@dataclass
class Result:
    """The result of syncLead."""

    lead_id: int | None = field(default=None, metadata=_element("leadId"))
    status: Status | None = field(default=None, metadata=_element("syncStatus"))
    lead: Lead | None = field(default=None, metadata={**_element("leadRecord"), "nillable": True})


@dataclass
class Success:
    """The message of a reply."""

    result: Result | None = field(default=None, metadata=_element("result"))


@dataclass
class Header:
    """The SOAP header."""

    authentication: Authentication | None = field(default=None, metadata={**SERVICE, "name": "AuthenticationHeader"})


@dataclass
class Body:
    """The SOAP body."""

    params: Params | None = field(default=None, metadata={**SERVICE, "name": "paramsSyncLead"})
    success: Success | None = field(default=None, metadata={**SERVICE, "name": "successSyncLead"})


@dataclass
class Envelope:
    """A request or a reply of syncLead."""

    class Meta:
        """Facts about the root element."""

        namespace = NAMES["SOAP-ENV"]

    header: Header | None = field(default=None, metadata={**ENV, "name": "Header"})
    body: Body | None = field(default=None, metadata={**ENV, "name": "Body"})


class Peer:
    """The work by xsdata."""

    def __init__(self) -> None:
        self._parser, self._serializer = XmlParser(), XmlSerializer()

    def request(self, attributes: dict[str, str]) -> bytes:
        """Sign, build and serialise the seed's request with these attributes."""
        items = Attributes([Attribute(name, None, value) for name, value in attributes.items()])
        header = Header(Authentication(CREDENTIALS.user_id, signature(), TIMESTAMP))
        message = Envelope(header, Body(Params(Lead(email=EMAIL, attributes=items))))
        return str(self._serializer.render(message, ns_map=dict(NAMES))).encode()

    def reply(self, data: bytes) -> object:
        """Read a reply."""
        return self._parser.from_bytes(data, Envelope)
