"""The WSDL and the XML schema of this service, made of the same declarations that write its messages."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from lxml import etree

from marketo_soap.operations import OPERATIONS, Operation
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.codec import Field, codec
from marketo_soap.wire.xml import MKTOWS, Element

__all__ = ["schema", "wsdl"]

_NAMES = {
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "soap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "xs": "http://www.w3.org/2001/XMLSchema",
    "tns": MKTOWS,
}
_BUILT_IN = {str: "xs:string", int: "xs:int", bool: "xs:boolean"}
_HTTP = "http://schemas.xmlsoap.org/soap/http"

# The headers by the names of their parts, which zeep and generated clients go by.
_AUTHENTICATION = {"authentication": AuthenticationHeader.__name__}
_CONTEXT = {"mktowsContext": MktowsContextHeader.__name__}


def wsdl(address: str) -> bytes:
    """Return the WSDL 1.1 document of every operation known here, for a service at *address*.

    Names, document/literal style and `soapAction` are those of Marketo's WSDL 2_2. The headers are parts of
    the request's message (`authentication`, `mktowsContext`), which makes them arguments of a generated method,
    as in the vendor's Java sample: `port.syncLead(request, header, headerContext)`. Faults were never declared,
    and are not.
    """
    root = etree.Element(_tag("wsdl:definitions"), {"targetNamespace": MKTOWS}, nsmap=_NAMES)
    _add(root, "wsdl:types").append(_schema())
    operations = _operations()
    for operation in operations:
        _add_messages(root, operation)
    port_type = _add(root, "wsdl:portType", name="MktowsPort")
    for operation in operations:
        element = _add(port_type, "wsdl:operation", name=operation.name)
        _add(element, "wsdl:input", message=f"tns:{_params(operation)}")
        _add(element, "wsdl:output", message=f"tns:{_success(operation)}")
    binding = _add(root, "wsdl:binding", name="MktowsApiSoapBinding", type="tns:MktowsPort")
    _add(binding, "soap:binding", style="document", transport=_HTTP)
    for operation in operations:
        _add_binding(binding, operation)
    service = _add(root, "wsdl:service", name="MktMktowsApiService")
    port = _add(service, "wsdl:port", name="MktowsApiSoapPort", binding="tns:MktowsApiSoapBinding")
    _add(port, "soap:address", location=address)
    return _bytes(root)


def schema() -> bytes:
    """Return the XML schema alone: the headers, requests and replies of every operation known here.

    As in WSDL 2_2, only those elements are global and so in the namespace; all others are unqualified.
    """
    return _bytes(_schema())


def _operations() -> list[type[Operation[Any]]]:
    return [OPERATIONS[name] for name in sorted(OPERATIONS)]


def _params(operation: type[Operation[Any]]) -> str:
    return etree.QName(operation.params_tag).localname


def _success(operation: type[Operation[Any]]) -> str:
    return etree.QName(operation.success_tag).localname


def _headers(operation: type[Operation[Any]]) -> dict[str, str]:
    return _AUTHENTICATION | (_CONTEXT if operation.takes_workspace else {})


def _add_messages(root: Element, operation: type[Operation[Any]]) -> None:
    params, success = _params(operation), _success(operation)
    for name, parts in ((params, {params: params, **_headers(operation)}), (success, {success: success})):
        message = _add(root, "wsdl:message", name=name)
        for part, element in parts.items():
            _add(message, "wsdl:part", name=part, element=f"tns:{element}")


def _add_binding(binding: Element, operation: type[Operation[Any]]) -> None:
    params = _params(operation)
    element = _add(binding, "wsdl:operation", name=operation.name)
    _add(element, "soap:operation", soapAction=f"{MKTOWS}{operation.name}", style="document")
    request = _add(element, "wsdl:input")
    _add(request, "soap:body", parts=params, use="literal")
    for header in _headers(operation):
        _add(request, "soap:header", message=f"tns:{params}", part=header, use="literal")
    _add(_add(element, "wsdl:output"), "soap:body", use="literal")


def _schema() -> Element:
    root = etree.Element(_tag("xs:schema"), {"targetNamespace": MKTOWS}, nsmap=_NAMES)
    etree.cleanup_namespaces(root, keep_ns_prefixes=["xs", "tns"])
    types = _Types(root)
    for header in (AuthenticationHeader, MktowsContextHeader):
        name = f"{header.__name__}Info"
        _add(root, "xs:element", name=header.__name__, type=f"tns:{name}")
        types.define(name, codec(header).fields)
    for operation in _operations():
        params, success = f"Params{operation.__name__}", f"Success{operation.__name__}"
        _add(root, "xs:element", name=_params(operation), type=f"tns:{params}")
        types.define(params, codec(operation).fields)
        _add(root, "xs:element", name=_success(operation), type=f"tns:{success}")
        result = types.sequence(success)
        _add(result, "xs:element", name=operation.reply_child, type=f"tns:{_result(operation)}")
        types.define(_result(operation), codec(operation.result_type).fields)
    return root


def _result(operation: type[Operation[Any]]) -> str:
    """The type of a result goes by its operation, `ResultSyncLead`; without a `result`, by its element."""
    child = operation.reply_child
    return f"Result{operation.__name__}" if child == "result" else child[0].upper() + child[1:]


class _Types:
    """The named types of a schema: each is written when the first element of its type is."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._written: set[str] = set()

    def define(self, name: str, fields: Iterable[Field]) -> None:
        """Write the complex type *name*, with *fields* as a sequence in wire order."""
        sequence = self.sequence(name)
        for field in fields:
            type_name = self._name(field.type)
            if field.el.item is not None:
                type_name = self._array(type_name, field.el.item)
            occurs = {"minOccurs": "0"} if field.optional and not field.required else {}
            nil = {"nillable": "true"} if field.el.nillable else {}
            _add(sequence, "xs:element", name=field.el.name, type=type_name, **occurs, **nil)

    def sequence(self, name: str) -> Element:
        """Begin the complex type *name* and return its sequence."""
        self._written.add(name)
        return _add(_add(self._root, "xs:complexType", name=name), "xs:sequence")

    def _name(self, kind: type) -> str:
        if kind in _BUILT_IN:
            return _BUILT_IN[kind]
        name = kind.__name__
        if name not in self._written:
            if issubclass(kind, Enum):
                self._enumerate(name, kind)
            else:
                self.define(name, codec(kind).fields)
        return f"tns:{name}"

    def _array(self, type_name: str, item: str) -> str:
        name = f"ArrayOf{type_name.partition(':')[2]}"
        if name not in self._written:
            items = {"minOccurs": "0", "maxOccurs": "unbounded"}
            _add(self.sequence(name), "xs:element", name=item, type=type_name, **items)
        return f"tns:{name}"

    def _enumerate(self, name: str, kind: type[Enum]) -> None:
        self._written.add(name)
        restriction = _add(_add(self._root, "xs:simpleType", name=name), "xs:restriction", base="xs:string")
        for member in kind:
            _add(restriction, "xs:enumeration", value=member.value)


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{_NAMES[prefix]}}}{local}"


def _add(parent: Element, tag: str, **attributes: str) -> Element:
    return etree.SubElement(parent, _tag(tag), attributes)


def _bytes(root: Element) -> bytes:
    text = etree.tostring(root, encoding="UTF-8", xml_declaration=False, pretty_print=True)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text
