"""The WSDL that is generated here has the types, operations and names of the vendor's: `fixtures/contract.txt`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import frozen
from lxml import etree

from marketo_soap.operations import OPERATIONS
from marketo_soap.server.wsdl import wsdl
from tests.support import FIXTURES

MKTOWS = "http://www.marketo.com/mktows/"
NAMES = {
    "w": "http://schemas.xmlsoap.org/wsdl/",
    "s": "http://schemas.xmlsoap.org/wsdl/soap/",
    "x": "http://www.w3.org/2001/XMLSchema",
}
WSDL = etree.fromstring(wsdl("https://100-AEK-913.mktoapi.com/soap/mktows/2_2"))
_MARKS = {"": ("1", "1"), "?": ("0", "1"), "*": ("0", "unbounded")}


@frozen
class Type:
    """A complex type: its base, if it is abstract, and name, type, occurrence and nillability of its elements."""

    base: str | None
    abstract: bool
    elements: tuple[tuple[str, str, tuple[str, str], bool], ...]


def element_of(text: str) -> tuple[str, str, tuple[str, str], bool]:
    found = re.fullmatch(r"(\w+):(\w+)([?*]?)(~?)", text)
    assert found, text
    return found[1], found[2], _MARKS[found[3]], bool(found[4])


def read_contract() -> tuple[dict[str, list[str]], dict[str, Type], dict[str, tuple[str, list[str]]]]:
    enums, types, operations = {}, {}, {}
    for line in (FIXTURES / "contract.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        kind, name, *words = line.split()
        head, tail = words[: words.index("=")], words[words.index("=") + 1 :]
        if kind == "enum":
            enums[name] = tail
        elif kind == "type":
            base = head[1] if "<" in head else None
            types[name] = Type(base, "abstract" in head, tuple(map(element_of, tail)))
        else:
            operations[name] = tail[0], tail[1:]
    for name, (reply, _) in operations.items():
        types[f"Success{capital(name)}"] = Type(None, False, (element_of(reply),))
    return enums, types, operations


def capital(name: str) -> str:
    return name[0].upper() + name[1:]


ENUMS, TYPES, ALL = read_contract()
KNOWN = {name: ALL[name] for name in OPERATIONS}


def reached(tops: list[str]) -> set[str]:
    """The types of the contract that these use, and their own."""
    found: set[str] = set()
    while tops:
        name = tops.pop()
        if name not in found and name in TYPES | ENUMS:
            found.add(name)
            tops += [kind for _, kind, *_ in TYPES[name].elements] if name in TYPES else []
            tops += [other for other, each in TYPES.items() if each.base == name]
    return found


def tops_of(operations: Mapping[str, Any]) -> list[str]:
    ends = [f"{prefix}{capital(name)}" for name in operations for prefix in ("Params", "Success")]
    return [*ends, "AuthenticationHeaderInfo", "MktowsContextHeaderInfo"]


UNUSED = (TYPES.keys() | ENUMS.keys()) - reached(tops_of(ALL))
EXPECTED = sorted(reached(tops_of(KNOWN)) | UNUSED)


def local(name: str) -> str:
    return name.rpartition(":")[2]


def type_of(element: Any) -> Type:
    extension = element.find("x:complexContent/x:extension", NAMES)
    sequence = (element if extension is None else extension).find("x:sequence", NAMES)
    assert sequence is not None
    return Type(
        None if extension is None else local(extension.get("base")),
        element.get("abstract") == "true",
        tuple(
            (
                each.get("name"),
                local(each.get("type")),
                (each.get("minOccurs", "1"), each.get("maxOccurs", "1")),
                each.get("nillable") == "true",
            )
            for each in sequence
        ),
    )


def found(path: str) -> list[Any]:
    result: Any = WSDL.xpath(path, namespaces=NAMES)
    return list(result)


def test_the_contract_is_whole() -> None:
    assert (len(TYPES), len(ENUMS), len(ALL)) == (127, 15, 23)
    assert {"ArrayOfBase64Binary", "ArrayOfVersionedItem", "VersionedItem", "MObjectTypeEnum"} == UNUSED
    used = {kind for each in TYPES.values() for _, kind, *_ in each.elements}
    assert {kind for kind in used if kind not in TYPES | ENUMS} == {
        *("string", "int", "integer", "boolean", "dateTime", "base64Binary", "anySimpleType"),
    }


def test_the_schema_has_these_types_and_no_others() -> None:
    assert sorted(found("//x:schema/x:complexType/@name | //x:schema/x:simpleType/@name")) == EXPECTED


@pytest.mark.parametrize("name", EXPECTED)
def test_a_type_is_that_of_the_contract(name: str) -> None:
    (element,) = found(f"//x:schema/*[@name='{name}'][not(self::x:element)]")
    if name in ENUMS:
        assert element.xpath("x:restriction/@base", namespaces=NAMES) == ["xs:string"]
        assert element.xpath("x:restriction/x:enumeration/@value", namespaces=NAMES) == ENUMS[name]
    else:
        assert type_of(element) == TYPES[name]


def test_global_elements_alone_are_qualified() -> None:
    (schema,) = found("//x:schema")
    assert schema.get("targetNamespace") == MKTOWS
    assert schema.get("elementFormDefault", "unqualified") == "unqualified"
    assert not found("//x:element/@form | //x:attribute")
    elements = {each.get("name"): local(each.get("type")) for each in found("//x:schema/x:element")}
    assert elements == {
        "AuthenticationHeader": "AuthenticationHeaderInfo",
        "MktowsContextHeader": "MktowsContextHeaderInfo",
        **{f"params{capital(name)}": f"Params{capital(name)}" for name in KNOWN},
        **{f"success{capital(name)}": f"Success{capital(name)}" for name in KNOWN},
    }


def test_the_names_of_the_service() -> None:
    names = {kind: found(f"/w:definitions/w:{kind}/@name") for kind in ("service", "binding", "portType")}
    assert names == {
        "service": ["MktMktowsApiService"],
        "binding": ["MktowsApiSoapBinding"],
        "portType": ["MktowsPort"],
    }
    assert found("//w:port/@name") == ["MktowsApiSoapPort"]
    assert [local(name) for name in found("//w:port/@binding | /w:definitions/w:binding/@type")] == [
        "MktowsPort",
        "MktowsApiSoapBinding",
    ]
    assert WSDL.get("targetNamespace") == MKTOWS
    assert found("//s:binding/@style") == ["document"]
    assert found("//s:binding/@transport") == ["http://schemas.xmlsoap.org/soap/http"]
    assert not found("//w:fault | //s:fault")
    assert {*found("/w:definitions/w:portType/w:operation/@name")} == KNOWN.keys()


@pytest.mark.parametrize("name", KNOWN)
def test_an_operation_is_bound_as_in_the_contract(name: str) -> None:
    params, success, headers = f"params{capital(name)}", f"success{capital(name)}", KNOWN[name][1]
    (port,) = found(f"/w:definitions/w:portType/w:operation[@name='{name}']")
    (bound,) = found(f"/w:definitions/w:binding/w:operation[@name='{name}']")
    messages = [local(port.find(f"w:{way}", NAMES).get("message")) for way in ("input", "output")]
    elements = {"authentication": "AuthenticationHeader", "mktowsContext": "MktowsContextHeader"}
    for message, parts in zip(
        messages, ({params: params} | {part: elements[part] for part in headers}, {success: success}), strict=True
    ):
        given = found(f"/w:definitions/w:message[@name='{message}']/w:part")
        assert {each.get("name"): local(each.get("element")) for each in given} == parts
    assert bound.find("s:operation", NAMES).get("soapAction") == MKTOWS + name
    request = bound.find("w:input", NAMES)
    assert [each.get("part") for each in request.findall("s:header", NAMES)] == headers
    assert request.find("s:body", NAMES).get("parts") == params
    assert {each.get("use") for each in bound.iter() if each.get("use")} == {"literal"}
