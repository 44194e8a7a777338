"""The WSDL and the XML schema of this service, generated from the declarations of its messages."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from lxml import etree

from marketo_soap.operations import OPERATIONS, Operation
from marketo_soap.records.unused import ReservedHeaderElements, Unused
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.fields import Field, declared, is_enum
from marketo_soap.wire.xml import MKTOWS, Element

__all__ = ["schema", "wsdl"]

_NAMES = {
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "soap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "xs": "http://www.w3.org/2001/XMLSchema",
    "tns": MKTOWS,
}
_ITEMS = {"string": "String", "int": "Integer", "base64Binary": "Base64Binary"}
_HTTP = "http://schemas.xmlsoap.org/soap/http"

# The headers by the names of their message parts, which zeep and generated clients use.
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
        _add(element, "wsdl:input", message=f"tns:{operation.params_name}")
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


def _success(operation: type[Operation[Any]]) -> str:
    return etree.QName(operation.success_tag).localname


def _headers(operation: type[Operation[Any]]) -> dict[str, str]:
    return _AUTHENTICATION | (_CONTEXT if operation.takes_workspace else {})


def _add_messages(root: Element, operation: type[Operation[Any]]) -> None:
    params, success = operation.params_name, _success(operation)
    for name, parts in ((params, {params: params, **_headers(operation)}), (success, {success: success})):
        message = _add(root, "wsdl:message", name=name)
        for part, element in parts.items():
            _add(message, "wsdl:part", name=part, element=f"tns:{element}")


def _add_binding(binding: Element, operation: type[Operation[Any]]) -> None:
    params = operation.params_name
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
    reserved = declared(ReservedHeaderElements)
    for header, more in ((AuthenticationHeader, reserved), (MktowsContextHeader, ())):
        name = f"{header.__name__}Info"
        _add(root, "xs:element", name=header.__name__, type=f"tns:{name}")
        types.define(name, (*declared(header), *more))
    for operation in _operations():
        params, success = f"Params{operation.__name__}", f"Success{operation.__name__}"
        _add(root, "xs:element", name=operation.params_name, type=f"tns:{params}")
        types.define(params, declared(operation))
        _add(root, "xs:element", name=_success(operation), type=f"tns:{success}")
        result = types.sequence(success)
        _add(result, "xs:element", name=operation.reply_child, type=f"tns:{_result(operation)}")
        types.define(_result(operation), declared(operation.result_type))
    for field in declared(Unused):
        types.name_of(field)
    return root


def _result(operation: type[Operation[Any]]) -> str:
    """The type of a result goes by its operation, `ResultSyncLead`; without a `result`, by its element."""
    child = operation.reply_child
    return f"Result{operation.__name__}" if child == "result" else _capital(child)


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


class _Types:
    """The named types of a schema: each is written when the first element of its type is."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._written: set[str] = set()

    def define(self, name: str, fields: Iterable[Field], *, base: str | None = None) -> None:
        """Write the complex type *name*, with *fields* as a sequence in wire order; it may extend a *base*."""
        sequence = self.sequence(name, base=base)
        for field in fields:
            if field.el.later:
                continue
            absent = {"minOccurs": "0"} if field.optional and not field.required else {}
            many = {"minOccurs": "0", "maxOccurs": "unbounded"} if field.is_bare_list else {}
            nil = {"nillable": "true"} if field.el.nillable else {}
            _add(sequence, "xs:element", name=field.el.name, type=self.name_of(field), **(absent | many), **nil)

    def sequence(self, name: str, *, base: str | None = None, **attributes: str) -> Element:
        """Begin the complex type *name* and return its sequence."""
        self._written.add(name)
        element = _add(self._root, "xs:complexType", name=name, **attributes)
        if base is not None:
            element = _add(_add(element, "xs:complexContent"), "xs:extension", base=f"tns:{base}")
        return _add(element, "xs:sequence")

    def name_of(self, field: Field) -> str:
        """Return the name of the type of a field's element, which is written if it is not yet."""
        if field.items:
            return self._array(field)
        if field.choices:
            return self._abstract(field)
        if field.schema_type is not None:
            return f"xs:{field.schema_type}"
        name = field.type.__name__
        if name not in self._written:
            if is_enum(field.type):
                self._enumerate(name, field.type)
            else:
                self.define(name, declared(field.type))
        return f"tns:{name}"

    def _array(self, field: Field) -> str:
        item = field.of_items()
        item_type = self.name_of(item)
        of = _capital(item.el.name) if item.items else item_type.partition(":")[2]
        name = f"ArrayOf{_ITEMS.get(of, of)}"
        if name not in self._written:
            items = {"minOccurs": "0", "maxOccurs": "unbounded"}
            _add(self.sequence(name), "xs:element", name=item.el.name, type=item_type, **items)
        return f"tns:{name}"

    def _abstract(self, field: Field) -> str:
        """The type of an element that may have one of several: it is named after the element."""
        name = _capital(field.el.name)
        if name not in self._written:
            self.sequence(name, abstract="true")
            for choice in field.choices:
                self.define(choice.__name__, declared(choice), base=name)
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
