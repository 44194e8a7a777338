"""Checks of the envelope: its shape, its namespaces, and whether its body holds a request at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from marketo_soap.debug.checks.message import HEADERS, LenientRequest
from marketo_soap.debug.checks.report import Check, fail, warn
from marketo_soap.envelope import read
from marketo_soap.errors import Fault, ProtocolError
from marketo_soap.operations import OPERATIONS
from marketo_soap.wire.tree import folded, lookup, namespace_of, shown
from marketo_soap.wire.xml import MKTOWS, SOAP_ENV, children_of, line_of, local_name

_SOAP_1_2 = "http://www.w3.org/2003/05/soap-envelope"


def envelope(message: LenientRequest) -> Iterator[Check]:
    """Look at the shape of the envelope."""
    root = message.root
    if local_name(root) != "Envelope":
        yield fail(
            f"the root is <{shown(local_name(root))}>, not a SOAP envelope: wrap the message in one", line=line_of(root)
        )
        return
    names = [local_name(child) for child in children_of(root)]
    for name, line in ((n, line_of(child)) for n, child in zip(names, children_of(root), strict=True)):
        if name not in ("Header", "Body"):
            yield warn(f"<{shown(name)}> does not belong in a SOAP envelope: move it to Header or Body", line=line)
    if names.count("Body") != 1:
        yield fail("the envelope must have exactly one Body", line=line_of(root))
    if names.count("Header") > 1:
        yield fail("the envelope must not have more than one Header", line=line_of(root))
    if "Header" in names and "Body" in names and names.index("Header") > names.index("Body"):
        yield warn("Header comes after Body: SOAP requires it first", line=line_of(root))


def request(message: LenientRequest) -> Iterator[Check]:
    """Look if the body holds a request, and of which operation."""
    if any(len(body) != 1 for body in message.bodies):
        yield fail("the SOAP body must hold exactly one element, the request", line=line_of(message.bodies[0]))
        if not any(len(body) for body in message.bodies):
            return
    content = message.content
    name, line = local_name(content), line_of(content)
    if name == "Fault":
        yield fail(f"this is {_fault(message.data)} and not a request: verify what was sent", line=line)
        return
    for operation in OPERATIONS.values():
        if content.tag == operation.success_tag:
            yield fail(f"this is the reply to {operation.name} and not a request: verify what was sent", line=line)
            return
    known = {operation.params_name: operation.name for operation in OPERATIONS.values()}
    if name in known:
        return
    meant = lookup(known).get(folded(name)) or lookup(known).get(folded(f"params{name}"))
    hint = f"did you mean <{meant}>?" if meant else f"known are {', '.join(sorted(known))}"
    yield fail(f"<{shown(name)}> is not the request of an operation: {hint}", line=line)


def _fault(data: bytes) -> str:
    with suppress(ProtocolError):
        fault = read(data)
        if isinstance(fault, Fault) and fault.code is not None:
            return f"the fault {fault.code}"
    return "a fault"


def namespaces(message: LenientRequest) -> Iterator[Check]:
    """Look at the namespaces of the envelope and the message elements."""
    root = message.envelope
    if namespace_of(root) == _SOAP_1_2:
        yield fail(f"this is SOAP 1.2, which the service does not support: use {SOAP_ENV}", line=line_of(root))
    elif namespace_of(root) != SOAP_ENV:
        yield fail(f"<Envelope> is not in the namespace of SOAP 1.1: use {SOAP_ENV}", line=line_of(root))
    for child in children_of(root):
        if local_name(child) in ("Header", "Body") and namespace_of(child) != namespace_of(root):
            yield fail(f"<{local_name(child)}> must be in the same namespace as <Envelope>", line=line_of(child))
    elements = [element for element in message.headers if folded(local_name(element)) in lookup(HEADERS)]
    if any(len(body) for body in message.bodies) and local_name(message.content) != "Fault":
        elements.append(message.content)
    for element in elements:
        if (wrong := _mistake(namespace_of(element))) is not None:
            yield fail(f"<{shown(local_name(element))}> {wrong}: use {MKTOWS}", line=line_of(element))


def _mistake(uri: str) -> str | None:
    """What is wrong with what should be the service's namespace."""
    if uri == MKTOWS:
        return None
    if not uri:
        return "is in no namespace: declare a prefix for the service's and write it before the name"
    near = uri.lower()
    if near == MKTOWS:
        return "is in a namespace that differs in case"
    if near == MKTOWS.rstrip("/"):
        return "is in a namespace without the final slash"
    if near.rstrip("/") == MKTOWS.rstrip("/").replace("http:", "https:"):
        return "is in a namespace with https, which is a name and not an address"
    if "mktows/" in near:
        return "is in a namespace with something after mktows/ (a version?), which belongs only in the address"
    return "is in another namespace than the service's"
