"""Whole messages: operations and results to bytes and back, for clients and for servers.

A client uses `request()` and `reply()`, a server `open_request()` (or `read_request()`) and
`write_reply()`, a tool that holds bytes of any kind `read()`. All of them are pure.
"""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

from attrs import frozen
from lxml import etree

from marketo_soap.errors import FAULTS, Fault, ProtocolError, RestError
from marketo_soap.operations import Operation, of_params, of_success
from marketo_soap.privacy.redactor import Redactor
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.codec import codec
from marketo_soap.wire.xml import (
    MKTOWS,
    SOAP_ENV,
    XSI,
    Element,
    broken,
    children_of,
    elements_of_beginning,
    line_of,
    local_name,
    only_child,
    parse,
    path_of,
    replace_illegal,
)

__all__ = [
    "HEAD_BYTES",
    "OpenedHeader",
    "OpenedRequest",
    "Reply",
    "Request",
    "fault_of",
    "open_header",
    "open_request",
    "read",
    "read_request",
    "reply",
    "request",
    "soap_action",
    "write_reply",
]

R = TypeVar("R")

HEAD_BYTES = 16 * 1024
"""Within so many bytes the SOAP header of a request ends: a server reads no more before it knows who signed it."""

_HEAD_TAGS = 1000
_MAX_TAGS = 1_000_000  # of a request: of the shortest, 170 MB

_ENVELOPE = f"{{{SOAP_ENV}}}Envelope"
_HEADER = f"{{{SOAP_ENV}}}Header"
_BODY = f"{{{SOAP_ENV}}}Body"
_FAULT = f"{{{SOAP_ENV}}}Fault"
_AUTHENTICATION = f"{{{MKTOWS}}}AuthenticationHeader"
_CONTEXT = f"{{{MKTOWS}}}MktowsContextHeader"
_SERVICE = f"{{{MKTOWS}}}"
_EXCEPTION = f"{_SERVICE}serviceException"

_REST = "urn:marketo-soap:rest"
_REST_ERROR = f"{{{_REST}}}error"

_REQUEST_NAMES = {"SOAP-ENV": SOAP_ENV, "ns1": MKTOWS}
_REQUEST_NAMES_WITH_XSI = {**_REQUEST_NAMES, "xsi": XSI}
_REPLY_NAMES = {"SOAP-ENV": SOAP_ENV, "xsi": XSI, "ns1": MKTOWS}
_FAULT_NAMES = {"SOAP-ENV": SOAP_ENV}

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_CODE = re.compile(r"([0-9]{5})(?![0-9])")
_CODE_AT_END = re.compile(r"\(([0-9]{5})\)$")

_dump_authentication = codec(AuthenticationHeader).dump
_dump_context = codec(MktowsContextHeader).dump


@frozen
class Request(Generic[R]):
    """A request as a server reads it: the call, who signed it, and the workspace it names."""

    operation: Operation[R]
    header: AuthenticationHeader | None
    context: MktowsContextHeader | None


@frozen
class Reply(Generic[R]):
    """A reply as a tool reads it: which operation answered, and its result, whatever its status."""

    operation_type: type[Operation[R]]
    result: R


# -- writing ------------------------------------------------------------------------------------------


def soap_action(operation: type[Operation[Any]] | Operation[Any]) -> str:
    """Return the value of the `SOAPAction` header, in its quotes."""
    return f'"{MKTOWS}{operation.name}"'


def request(
    operation: Operation[Any],
    header: AuthenticationHeader | None,
    *,
    context: MktowsContextHeader | str | None = None,
    pretty: bool = False,
) -> bytes:
    """Return the envelope of a request: exactly the bytes to send.

    *context* is the workspace (or its header) of a new lead; only syncLead takes one. *pretty* gives the
    vendor's own layout, two-space indents and a final newline, of the same message.

    Raises `ValueError` if the operation takes no workspace. Source: the vendor's sample of syncLead.
    """
    params = codec(type(operation))
    root = etree.Element(_ENVELOPE, nsmap=_REQUEST_NAMES_WITH_XSI if params.writes_xsi else _REQUEST_NAMES)
    if header is not None or context is not None:
        headers = etree.SubElement(root, _HEADER)
        if header is not None:
            _dump_authentication(headers, _AUTHENTICATION, (header,), False)
        if context is not None:
            if not operation.takes_workspace:
                raise ValueError(f"{operation.name} takes no target workspace: leave it out")
            if isinstance(context, str):
                context = MktowsContextHeader(context)
            _dump_context(headers, _CONTEXT, (context,), False)
    body = etree.SubElement(root, _BODY)
    params.dump(body, operation.params_tag, (operation,), False)
    if params.writes_xsi:
        etree.cleanup_namespaces(root)
    return _DECLARATION + etree.tostring(root, encoding="UTF-8", xml_declaration=False, pretty_print=pretty)


def write_reply(operation: type[Operation[R]], outcome: R | Fault, *, pretty: bool = False) -> bytes:
    """Return the envelope of a reply: the result of *operation*, or the fault that refuses it.

    Empty nillable elements are written as nil, as the real server did. Characters outside ASCII are
    numeric references, which every client reads (a Python 2 one breaks on raw UTF-8).
    """
    if isinstance(outcome, Fault):
        root = _fault_envelope(outcome)
    else:
        root = etree.Element(_ENVELOPE, nsmap=_REPLY_NAMES)
        body = etree.SubElement(root, _BODY)
        success = etree.SubElement(body, operation.success_tag)
        codec(operation.result_type).dump(success, operation.reply_child, (outcome,), True)
        etree.cleanup_namespaces(root)
    return _DECLARATION + etree.tostring(root, encoding="US-ASCII", xml_declaration=False, pretty_print=pretty)


def _fault_envelope(fault: Fault) -> Element:
    root = etree.Element(_ENVELOPE, nsmap=_FAULT_NAMES)
    element = etree.SubElement(etree.SubElement(root, _BODY), _FAULT)
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
    return root


def _add_rest(detail: Element, rest: RestError, fate_unknown: bool) -> None:
    """Add what REST said, in a namespace of our own: it reaches clients of ours, and disturbs no others."""
    error = etree.SubElement(detail, _REST_ERROR, nsmap={"rest": _REST})
    status = None if rest.status is None else str(rest.status)
    said = {"code": rest.code, "message": rest.message, "requestId": rest.request_id, "status": status}
    for name, text in {**said, "fateUnknown": str(fate_unknown).lower()}.items():
        if text is not None:
            etree.SubElement(error, name).text = replace_illegal(text)


# -- reading ------------------------------------------------------------------------------------------


@frozen
class OpenedHeader:
    """A request of which no more than the SOAP header has been read."""

    authentication: Element | None

    def read_header(self) -> AuthenticationHeader | None:
        """Read who signed it; None if there is no such header. `ProtocolError` if it is incomplete."""
        return None if self.authentication is None else codec(AuthenticationHeader).load(self.authentication)


@frozen
class OpenedRequest(OpenedHeader, Generic[R]):
    """A request whose envelope has been read and whose parameters have not.

    A server decides who is calling from `authentication` before it looks at what is asked.
    """

    operation_type: type[Operation[R]]
    context: Element | None
    params: Element

    def read_context(self) -> MktowsContextHeader | None:
        """Read the workspace it names; None if there is no such header, or a nil or empty one."""
        if self.context is None or not len(self.context):
            return None
        return codec(MktowsContextHeader).load(self.context)

    def read_operation(self) -> Operation[R]:
        """Read the parameters. `ProtocolError` if something required is not there or not of its type."""
        return codec(self.operation_type).load(self.params)

    def read(self) -> Request[R]:
        """Read all of it."""
        return Request(self.read_operation(), self.read_header(), self.read_context())


def open_request(data: bytes) -> OpenedRequest[Any]:
    """Read the envelope of a request: which operation it is, and where its parts are.

    Raises `ProtocolError` with problem "malformed" for what is no SOAP 1.1 request with exactly one body
    element, and with problem "unknown" for an operation that does not exist.
    """
    return _open_request(*_take_apart(parse(data, max_tags=_MAX_TAGS)))


def open_header(beginning: bytes) -> OpenedHeader:
    """Read the SOAP header of a request from its *beginning*: nobody pays for a body that is not signed.

    A header that does not end within `HEAD_BYTES` and 1,000 tags, or comes after the body, is none. Raises
    `ProtocolError` as `open_request` does.
    """
    for number, (event, element) in enumerate(elements_of_beginning(beginning[:HEAD_BYTES])):
        if number == 0:
            _check_root(element)
        if number == _HEAD_TAGS:
            break
        if event == "end" and element.tag == _HEADER:
            return OpenedHeader(_only(children_of(element), _AUTHENTICATION))
        if event == "start" and element.tag == _BODY:
            break
    return OpenedHeader(None)


def read_request(data: bytes) -> Request[Any]:
    """Read a request as a server does, leniently: any prefixes, any order, unknown elements ignored.

    What it returns is what came: no rule of `SyncLead` or `LeadRecord` is applied to it. Raises
    `ProtocolError` as `open_request` does, and for missing elements and values of the wrong type.
    """
    return open_request(data).read()


def reply(operation: type[Operation[R]], data: bytes) -> R:
    """Read the reply to *operation* and return its result, as a client does.

    Raises the `Fault` that the reply holds, what the result itself stands for (`LeadSyncFailed`), and
    `ProtocolError` for anything that is no reply to this operation.
    """
    result = _read_reply(_message(data), operation)
    operation.raise_for_status(result)
    return result


def read(data: bytes) -> Request[Any] | Reply[Any] | Fault:
    """Read a message of any kind: a request, a reply of any operation known here, or a fault (returned)."""
    headers, body = _take_apart(_parse_message(data))
    message = only_child(body, what="the SOAP body")
    if message.tag == _FAULT:
        return _read_fault(message)
    operation = of_success(message.tag)
    if operation is not None:
        return Reply(operation, _read_reply(message, operation))
    return _open_request(headers, body).read()


def fault_of(data: bytes) -> Fault | None:
    """Return the fault that a message holds; None for any other message, and for what is none."""
    try:
        message = _message(data)
    except ProtocolError:
        return None
    return _read_fault(message) if message.tag == _FAULT else None


def _parse_message(data: bytes) -> Element:
    try:
        return parse(data)
    except ProtocolError as error:
        if not data.strip():
            raise
        raise ProtocolError(
            f"{error}; it begins {Redactor().snippet(data)}", line=error.line, problem=error.problem
        ) from None


def _message(data: bytes) -> Element:
    _, body = _take_apart(_parse_message(data))
    return only_child(body, what="the SOAP body")


def _take_apart(root: Element) -> tuple[list[Element], Element]:
    """Return the elements of the SOAP header and the SOAP body."""
    _check_root(root)
    headers: list[Element] = []
    bodies: list[Element] = []
    for child in children_of(root):
        if child.tag == _BODY:
            bodies.append(child)
        elif child.tag == _HEADER:
            headers.extend(child)
    if len(bodies) != 1:
        count = len(bodies) or "no"
        raise ProtocolError(
            f"the envelope has {count} SOAP bodies where one is expected",
            line=line_of(root),
            problem="malformed",
        )
    return headers, bodies[0]


def _check_root(root: Element) -> None:
    if root.tag != _ENVELOPE:
        said = root.tag if root.tag.startswith("{") else f"<{root.tag}>"
        hint = "; SOAP 1.2 is not spoken here" if root.tag.endswith("/soap-envelope}Envelope") else ""
        raise ProtocolError(
            f"the message is {said[:200]} and not a SOAP 1.1 envelope{hint}",
            path=path_of(root),
            line=line_of(root),
            problem="malformed",
        )


def _open_request(headers: list[Element], body: Element) -> OpenedRequest[Any]:
    params = only_child(body, what="the SOAP body")
    operation = of_params(params.tag)
    if operation is None:
        raise broken(params, "unknown", f"is no operation known here: {params.tag[:200]}")
    authentication, context = (_only(headers, tag) for tag in (_AUTHENTICATION, _CONTEXT))
    return OpenedRequest(authentication, operation, context, params)


def _only(headers: list[Element], tag: str) -> Element | None:
    found = [element for element in headers if element.tag == tag]
    if len(found) > 1:
        raise broken(found[1], "repeated", "appears twice")
    return found[0] if found else None


def _read_reply(message: Element, operation: type[Operation[R]]) -> R:
    if message.tag == _FAULT:
        fault = _read_fault(message)
        fault.operation = operation.name
        raise fault
    if message.tag != operation.success_tag:
        raise broken(message, "malformed", f"answers where the reply to {operation.name} was expected")
    results = [child for child in children_of(message) if child.tag in operation.reply_tags]
    if not results:
        raise broken(message, "missing", "is missing", child=operation.reply_child)
    if len(results) > 1:
        raise broken(results[1], "repeated", "appears twice")
    result: R = codec(operation.result_type).load(results[0])
    return result


def _read_fault(element: Element) -> Fault:
    said = {local_name(child): child for child in element}
    faultcode, faultstring = (_plain(said.get(name)) for name in ("faultcode", "faultstring"))
    inside: dict[str, str] = {}
    detail = children_of(said["detail"]) if "detail" in said else []
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
    said = {local_name(child): _plain(child) for child in error}
    status = said.get("status", "")
    fault.rest = RestError(
        said.get("code", ""),
        said.get("message", ""),
        said.get("requestId"),
        int(status) if re.fullmatch("[0-9]{3}", status) else None,
    )
    fault.fate_unknown = said.get("fateUnknown") == "true"


def _plain(element: Element | None) -> str:
    """All the text in *element*, white space at its ends dropped: a fault is read whatever is in it."""
    return "" if element is None else "".join(map(str, element.itertext())).strip()
