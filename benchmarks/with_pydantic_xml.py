"""The same work by pydantic-xml, with models written by hand."""

# mypy: disable-error-code="import-not-found, misc, call-arg, unused-ignore"
# pyright: reportMissingImports=false, reportCallIssue=false, reportGeneralTypeIssues=false
from __future__ import annotations

from pydantic_xml import BaseXmlModel, element, wrapped

from benchmarks.by_hand import NAMES, signature
from benchmarks.samples import CREDENTIALS, EMAIL, TIMESTAMP


class Attribute(BaseXmlModel, tag="attribute", search_mode="unordered"):
    """An attribute of a lead."""

    name: str = element("attrName")
    type: str | None = element("attrType", default=None)
    value: str = element("attrValue")


class Lead(BaseXmlModel, tag="leadRecord", search_mode="unordered"):
    """A lead."""

    id: int | None = element("Id", default=None)
    email: str = element("Email")
    attributes: list[Attribute] = wrapped("leadAttributeList", element("attribute", default=[]))


class Params(BaseXmlModel, tag="paramsSyncLead"):
    """The parameters of syncLead."""

    lead: Lead = element("leadRecord")
    return_lead: bool = element("returnLead")


class Authentication(BaseXmlModel, tag="AuthenticationHeader"):
    """The authentication header."""

    user_id: str = element("mktowsUserId")
    signature: str = element("requestSignature")
    timestamp: str = element("requestTimestamp")


class Request(BaseXmlModel, tag="Envelope", ns="SOAP-ENV", nsmap=NAMES):
    """A request of syncLead."""

    header: Authentication = wrapped("Header", element("AuthenticationHeader", ns="ns1"), ns="SOAP-ENV")
    params: Params = wrapped("Body", element("paramsSyncLead", ns="ns1"), ns="SOAP-ENV")


class Status(BaseXmlModel, tag="syncStatus", search_mode="unordered"):
    """The outcome for a lead."""

    lead_id: int = element("leadId")
    status: str = element("status")
    error: str | None = element("error", nillable=True, default=None)


class Result(BaseXmlModel, tag="result", search_mode="unordered"):
    """The result of syncLead."""

    lead_id: int = element("leadId")
    status: Status = element("syncStatus")
    lead: Lead | None = element("leadRecord", nillable=True, default=None)


class Success(BaseXmlModel, tag="successSyncLead", search_mode="unordered"):
    """The message of a reply."""

    result: Result = element("result")


class Reply(BaseXmlModel, tag="Envelope", ns="SOAP-ENV", nsmap=NAMES, search_mode="unordered"):
    """A reply of syncLead."""

    body: Success = wrapped("Body", element("successSyncLead", ns="ns1"), ns="SOAP-ENV")


class Peer:
    """The work by pydantic-xml."""

    def request(self, attributes: dict[str, str]) -> bytes:
        """Sign, build and serialise the seed's request with these attributes."""
        items = [Attribute(name=name, value=value) for name, value in attributes.items()]
        header = Authentication(user_id=CREDENTIALS.user_id, signature=signature(), timestamp=TIMESTAMP)
        params = Params(lead=Lead(email=EMAIL, attributes=items), return_lead=False)
        return bytes(Request(header=header, params=params).to_xml(encoding="UTF-8", exclude_none=True))

    def reply(self, data: bytes) -> object:
        """Read a reply."""
        return Reply.from_xml(data)
