"""The same work without the library: as little code as does it."""

from __future__ import annotations

import hmac

from lxml import etree

from benchmarks.samples import CREDENTIALS, EMAIL, TIMESTAMP

SOAP_ENV = "{http://schemas.xmlsoap.org/soap/envelope/}"
MKTOWS = "{http://www.marketo.com/mktows/}"
NAMES = {"SOAP-ENV": SOAP_ENV[1:-1], "ns1": MKTOWS[1:-1]}


def signature() -> str:
    """Return the signature of the timestamp."""
    message = (TIMESTAMP + CREDENTIALS.user_id).encode()
    return hmac.digest(CREDENTIALS.encryption_key.encode(), message, "sha1").hex()


def request(attributes: dict[str, str]) -> bytes:
    """Sign, build and serialise the seed's request with these attributes."""
    add = etree.SubElement
    root = etree.Element(SOAP_ENV + "Envelope", nsmap=NAMES)
    header = add(add(root, SOAP_ENV + "Header"), MKTOWS + "AuthenticationHeader")
    add(header, "mktowsUserId").text = CREDENTIALS.user_id
    add(header, "requestSignature").text = signature()
    add(header, "requestTimestamp").text = TIMESTAMP
    params = add(add(root, SOAP_ENV + "Body"), MKTOWS + "paramsSyncLead")
    lead = add(params, "leadRecord")
    add(lead, "Email").text = EMAIL
    items = add(lead, "leadAttributeList")
    for name, value in attributes.items():
        item = add(items, "attribute")
        add(item, "attrName").text = name
        add(item, "attrValue").text = value
    add(params, "returnLead").text = "false"
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8", xml_declaration=False)


def reply(data: bytes) -> dict[str, str | None]:
    """Read the texts of a small reply by their tags."""
    return {element.tag: element.text for element in etree.fromstring(data).iter()}


def attributes(data: bytes) -> dict[str | None, tuple[str | None, str | None]]:
    """Read the attributes of a reply: their types and values by their names."""
    return {name.text: (kind.text, value.text) for name, kind, value in etree.fromstring(data).iter("attribute")}


def careful(data: bytes) -> tuple[int, str, dict[str, tuple[str | None, str | None]]]:
    """Read a reply as a careful program does: a hardened parser, faults raised, values typed, no element missing."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    body = etree.fromstring(data, parser).find(SOAP_ENV + "Body")
    if body is None or len(body) != 1:
        raise ValueError("no SOAP body")
    if body[0].tag == SOAP_ENV + "Fault":
        raise RuntimeError(body[0].findtext("faultstring"))
    result = body[0].find("result")
    if body[0].tag != MKTOWS + "successSyncLead" or result is None:
        raise ValueError("another reply")
    lead_id, status = result.findtext("leadId"), result.findtext("syncStatus/status")
    if lead_id is None or status not in ("CREATED", "UPDATED", "SKIPPED", "FAILED"):
        raise ValueError("no lead id or status")
    found: dict[str, tuple[str | None, str | None]] = {}
    for item in result.iterfind("leadRecord/leadAttributeList/attribute"):
        name = item.findtext("attrName")
        if name is None:
            raise ValueError("an attribute without a name")
        found[name] = item.findtext("attrType"), item.findtext("attrValue")
    return int(lead_id), status, found
