"""Whole messages: operations and results to bytes and back, for clients and for servers.

A client uses `request()` and `reply()`, a server `open_request()` (or `read_request()`) and
`write_reply()`, a tool that holds bytes of any kind `read()`. All of them are pure.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Generic, TypeVar

from attrs import frozen
from lxml import etree

from marketo_soap.errors import Fault, ProtocolError
from marketo_soap.operations import Operation, of_params, of_success
from marketo_soap.privacy.late import redactor_of
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.codec import codec
from marketo_soap.wire.long_lists import read_by_items
from marketo_soap.wire.soap import BODY, ENVELOPE, FAULT, HEADER, check_root, read_fault, take_apart, write_fault
from marketo_soap.wire.xml import (
    MKTOWS,
    SOAP_ENV,
    XSI,
    Element,
    broken,
    children_of,
    elements_of_beginning,
    only_child,
    parse,
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
"""The SOAP header of a request must end within this size: a server reads no more before it knows the caller."""

_HEAD_TAGS = 1000
_MAX_TAGS = 1_000_000  # of a request: of the shortest, 170 MB

_AUTHENTICATION = f"{{{MKTOWS}}}AuthenticationHeader"
_CONTEXT = f"{{{MKTOWS}}}MktowsContextHeader"
_REQUEST_NAMES = {"SOAP-ENV": SOAP_ENV, "ns1": MKTOWS}
_REQUEST_NAMES_WITH_XSI = {**_REQUEST_NAMES, "xsi": XSI}
_REPLY_NAMES = {"SOAP-ENV": SOAP_ENV, "xsi": XSI, "ns1": MKTOWS}
_FAULT_NAMES = {"SOAP-ENV": SOAP_ENV}
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_dump_authentication = codec(AuthenticationHeader).dump
_dump_context = codec(MktowsContextHeader).dump


@frozen
class Request(Generic[R]):
    """A request as a server reads it: the operation, the authentication header, and the workspace header."""

    operation: Operation[R]
    header: AuthenticationHeader | None
    context: MktowsContextHeader | None


@frozen
class Reply(Generic[R]):
    """A reply as a tool reads it: the operation and its result, successful or not."""

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
    root = etree.Element(ENVELOPE, nsmap=_REQUEST_NAMES_WITH_XSI if params.writes_xsi else _REQUEST_NAMES)
    if header is not None or context is not None:
        headers = etree.SubElement(root, HEADER)
        if header is not None:
            _dump_authentication(headers, _AUTHENTICATION, (header,), False)
        if context is not None:
            if not operation.takes_workspace:
                raise ValueError(f"{operation.name} takes no target workspace: leave it out")
            if isinstance(context, str):
                context = MktowsContextHeader(context)
            _dump_context(headers, _CONTEXT, (context,), False)
    body = etree.SubElement(root, BODY)
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
        root = etree.Element(ENVELOPE, nsmap=_FAULT_NAMES)
        write_fault(etree.SubElement(root, BODY), outcome)
    else:
        root = etree.Element(ENVELOPE, nsmap=_REPLY_NAMES)
        body = etree.SubElement(root, BODY)
        success = etree.SubElement(body, operation.success_tag)
        codec(operation.result_type).dump(success, operation.reply_child, (outcome,), True)
        etree.cleanup_namespaces(root)
    return _DECLARATION + etree.tostring(root, encoding="US-ASCII", xml_declaration=False, pretty_print=pretty)


# -- reading ------------------------------------------------------------------------------------------


@frozen
class OpenedHeader:
    """A request of which no more than the SOAP header has been read."""

    authentication: Element | None

    def read_header(self) -> AuthenticationHeader | None:
        """Read the authentication header; None if there is none. `ProtocolError` if it is incomplete."""
        return None if self.authentication is None else codec(AuthenticationHeader).load(self.authentication)


@frozen
class OpenedRequest(OpenedHeader, Generic[R]):
    """A request whose envelope has been read and whose parameters have not.

    A server checks `authentication` before it reads the parameters.
    """

    operation_type: type[Operation[R]]
    context: Element | None
    params: Element

    def read_context(self) -> MktowsContextHeader | None:
        """Read the workspace header; None if it is absent, nil or empty."""
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

    Raises `ProtocolError` with problem "malformed" if it is not a SOAP 1.1 request with exactly one body
    element, and with problem "unknown" for an unknown operation.
    """
    return _open_request(*take_apart(parse(data, max_tags=_MAX_TAGS)))


def open_header(beginning: bytes) -> OpenedHeader:
    """Read the SOAP header of a request from its *beginning*, without the body.

    A header that does not end within `HEAD_BYTES` and 1,000 tags, or comes after the body, does not count. Raises
    `ProtocolError` as `open_request` does.
    """
    for number, (event, element) in enumerate(elements_of_beginning(beginning[:HEAD_BYTES])):
        if number == 0:
            check_root(element)
        if number == _HEAD_TAGS:
            break
        if event == "end" and element.tag == HEADER:
            return OpenedHeader(_only(children_of(element), (_AUTHENTICATION,)))
        if event == "start" and element.tag == BODY:
            break
    return OpenedHeader(None)


def read_request(data: bytes) -> Request[Any]:
    """Read a request as a server does, leniently: any prefixes, any order, unknown elements ignored.

    The rules of `SyncLead` and `LeadRecord` are not applied. Raises
    `ProtocolError` as `open_request` does, and for missing elements and values of the wrong type.
    """
    return open_request(data).read()


def reply(operation: type[Operation[R]], data: bytes) -> R:
    """Read the reply to *operation* and return its result, as a client does.

    Raises the `Fault` of the reply, the `OperationFailed` that the result means (`LeadSyncFailed`), and
    `ProtocolError` if it is not a reply to this operation.
    """
    tags = operation.reply_tags
    result = read_by_items(data, operation.result_type, tags, lambda root: _read_reply(_message_of(root), operation))
    if result is None:
        result = _read_reply(_message_of(_parse_message(data)), operation)
    operation.raise_for_status(result)
    return result


def read(data: bytes) -> Request[Any] | Reply[Any] | Fault:
    """Read a message of any kind: a request, a reply of any operation known here, or a fault (returned)."""
    headers, body = take_apart(_parse_message(data))
    message = only_child(body, what="the SOAP body")
    if message.tag == FAULT:
        return read_fault(message)
    operation = of_success(message.tag)
    if operation is not None:
        return Reply(operation, _read_reply(message, operation))
    return _open_request(headers, body).read()


def fault_of(data: bytes) -> Fault | None:
    """Return the fault in a message; None for any other message, and for other bytes."""
    try:
        message = _message_of(_parse_message(data))
    except ProtocolError:
        return None
    return read_fault(message) if message.tag == FAULT else None


def _parse_message(data: bytes) -> Element:
    try:
        return parse(data)
    except ProtocolError as error:
        if not data.strip():
            raise
        text = f"{error}; it begins {redactor_of().snippet(data)}"
        raise ProtocolError(text, line=error.line, problem=error.problem) from None


def _message_of(root: Element) -> Element:
    _, body = take_apart(root)
    return only_child(body, what="the SOAP body")


def _open_request(headers: list[Element], body: Element) -> OpenedRequest[Any]:
    params = only_child(body, what="the SOAP body")
    operation = of_params(params.tag)
    if operation is None:
        raise broken(params, "unknown", f"is no operation known here: {params.tag[:200]}")
    authentication, context = (_only(headers, (tag,)) for tag in (_AUTHENTICATION, _CONTEXT))
    return OpenedRequest(authentication, operation, context, params)


def _only(elements: list[Element], tags: Collection[str]) -> Element | None:
    found = [element for element in elements if element.tag in tags]
    if len(found) > 1:
        raise broken(found[1], "repeated", "appears twice")
    return found[0] if found else None


def _read_reply(message: Element, operation: type[Operation[R]]) -> R:
    if message.tag == FAULT:
        fault = read_fault(message)
        fault.operation = operation.name
        raise fault
    if message.tag != operation.success_tag:
        raise broken(message, "malformed", f"answers where the reply to {operation.name} was expected")
    found = _only(children_of(message), operation.reply_tags)
    if found is None:
        raise broken(message, "missing", "is missing", child=operation.reply_child)
    result: R = codec(operation.result_type).load(found)
    return result
