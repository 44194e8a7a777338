"""The SOAP envelope as elements: its parts, and faults with the REST error that a bridge puts into their detail."""

from __future__ import annotations

import re

from lxml import etree

from marketo_soap.errors import FAULTS, Fault, ProtocolError, RestError
from marketo_soap.wire.xml import MKTOWS, SOAP_ENV, Element, children_of, line_of, local_name, path_of, replace_illegal

ENVELOPE = f"{{{SOAP_ENV}}}Envelope"
HEADER = f"{{{SOAP_ENV}}}Header"
BODY = f"{{{SOAP_ENV}}}Body"
FAULT = f"{{{SOAP_ENV}}}Fault"

_EXCEPTION = f"{{{MKTOWS}}}serviceException"
_REST = "urn:marketo-soap:rest"
_REST_ERROR = f"{{{_REST}}}error"
_CODE = re.compile(r"([0-9]{5})(?![0-9])")
_CODE_AT_END = re.compile(r"\(([0-9]{5})\)$")


def take_apart(root: Element) -> tuple[list[Element], Element]:
    """Return the elements of the SOAP header and the SOAP body."""
    check_root(root)
    headers: list[Element] = []
    bodies: list[Element] = []
    for child in children_of(root):
        if child.tag == BODY:
            bodies.append(child)
        elif child.tag == HEADER:
            headers.extend(child)
    if len(bodies) != 1:
        count = len(bodies) or "no"
        raise ProtocolError(
            f"the envelope has {count} SOAP bodies where one is expected",
            line=line_of(root),
            problem="malformed",
        )
    return headers, bodies[0]


def check_root(root: Element) -> None:
    """Raise `ProtocolError` if *root* is not that of a SOAP 1.1 envelope."""
    if root.tag != ENVELOPE:
        name = root.tag if root.tag.startswith("{") else f"<{root.tag}>"
        hint = "; SOAP 1.2 is not spoken here" if root.tag.endswith("/soap-envelope}Envelope") else ""
        raise ProtocolError(
            f"the message is {name[:200]} and not a SOAP 1.1 envelope{hint}",
            path=path_of(root),
            line=line_of(root),
            problem="malformed",
        )


def write_fault(body: Element, fault: Fault) -> None:
    """Add *fault* to a SOAP body."""
    element = etree.SubElement(body, FAULT)
    etree.SubElement(element, "faultcode").text = fault.faultcode
    etree.SubElement(element, "faultstring").text = replace_illegal(fault.faultstring)
    detail = etree.SubElement(element, "detail")
    exception = etree.SubElement(detail, _EXCEPTION, nsmap={"ns1": MKTOWS})
    etree.SubElement(exception, "name").text = fault.name or "mktServiceException"
    etree.SubElement(exception, "message").text = replace_illegal(fault.message)
    if fault.code is not None:
        etree.SubElement(exception, "code").text = str(fault.code)
    if fault.rest is not None:
        _add_rest(detail, fault.rest, fault.fate_unknown)


def _add_rest(detail: Element, rest: RestError, fate_unknown: bool) -> None:
    """Add REST's error in a namespace of our own: our clients read it, others ignore it."""
    error = etree.SubElement(detail, _REST_ERROR, nsmap={"rest": _REST})
    status = None if rest.status is None else str(rest.status)
    texts = {"code": rest.code, "message": rest.message, "requestId": rest.request_id, "status": status}
    for name, text in {**texts, "fateUnknown": str(fate_unknown).lower()}.items():
        if text is not None:
            etree.SubElement(error, name).text = replace_illegal(text)


def read_fault(element: Element) -> Fault:
    """Read a fault, whatever its detail looks like."""
    texts = {local_name(child): child for child in element}
    faultcode, faultstring = (_plain(texts.get(name)) for name in ("faultcode", "faultstring"))
    inside: dict[str, str] = {}
    detail = children_of(texts["detail"]) if "detail" in texts else []
    for exception in sorted(detail, key=lambda child: child.tag != _EXCEPTION):
        for child in () if exception.tag == _REST_ERROR else exception:
            inside.setdefault(local_name(child), _plain(child))
    message = inside.get("message", "")
    code = _CODE.match(inside.get("code", "")) or _CODE.match(faultstring) or _CODE_AT_END.search(message)
    number = int(code[1]) if code else None
    fault = FAULTS.get(number or 0, Fault)(
        message or faultstring.removeprefix(f"{number} - ") or "the server gave no reason",
        code=number,
        name=inside.get("name") or None,
        faultcode=faultcode,
        faultstring=faultstring,
    )
    for error in detail:
        if error.tag == _REST_ERROR:
            _read_rest(error, fault)
    return fault


def _read_rest(error: Element, fault: Fault) -> None:
    texts = {local_name(child): _plain(child) for child in error}
    status = texts.get("status", "")
    fault.rest = RestError(
        texts.get("code", ""),
        texts.get("message", ""),
        texts.get("requestId"),
        int(status) if re.fullmatch("[0-9]{3}", status) else None,
    )
    fault.fate_unknown = texts.get("fateUnknown") == "true"


def _plain(element: Element | None) -> str:
    """All the text in *element*, white space at its ends dropped: a fault is read whatever is in it."""
    return "" if element is None else "".join(map(str, element.itertext())).strip()
